"""Limits per phase in the whole core: what is booked on each phase, planned, cut, learnt and explained."""

from dataclasses import replace

import pytest

from csms.core.capabilities import RATE_UNIT_KEY
from csms.core.events import ConnectorStatus
from csms.core.rows import SIXTHS
from csms.core.sentences import sentence
from csms.core.station import Charger, Circuit, Control, Lines, PhaseLimit, Station
from csms.core.what_if import Car, Moment, what_if
from tests.unit.core.driving import T0_WALL_MS, Drive, charger, station
from tests.unit.core.test_explaining import explain

RST, STR, TRS = (1, 2, 3), (2, 3, 1), (3, 1, 2)
IN_AMPERES, IN_WATTS = {RATE_UNIT_KEY: "Current"}, {RATE_UNIT_KEY: "Power"}
V = 230


def fused(amperes: float | Lines, *chargers: Charger, circuits: tuple[Circuit, ...] = ()) -> Station:
    """Return a station behind a fuse on each phase."""
    each = amperes if isinstance(amperes, tuple) else (amperes,) * 3
    on_l1, on_l2, on_l3 = [int(a * 1_000) for a in each]
    limit = PhaseLimit((on_l1, on_l2, on_l3))
    return replace(station(1, *chargers, circuits=circuits), grid_capacity_w=limit.power_w, phase_limit=limit)


def outlet(charger_id: str, amperes: int, phases: int = 3, rotation: Lines | None = RST) -> Charger:
    """Return an AC charger with one connector."""
    config = charger(charger_id, 1, phases=phases, min_w=6 * V * phases)
    return replace(config, max_power_w=amperes * V * phases, rotation=rotation)


def on_phases(drive: Drive, row: str = "grid") -> tuple[float, ...]:
    """Return what is booked on the phases of a row, A."""
    booked = drive.engine.phases_booked()
    return tuple(round(booked[f"{row}/L{line}"] / SIXTHS / V, 2) for line in (1, 2, 3))


def charging(site: Station, *ids: str, keys: dict[str, str] = IN_AMPERES) -> Drive:
    """Return a site at which a car charges at each of these chargers, with limits settled."""
    drive = Drive(site, keys=keys)
    drive.bring_up(*(c.charger_id for c in site.chargers if c.control is not Control.NONE))
    for charger_id in ids:
        begin(drive, charger_id)
    settle(drive)
    return drive


def begin(drive: Drive, charger_id: str) -> int:
    """Let a car start, and return its transaction."""
    transaction_id = drive.start(charger_id)
    drive.status(charger_id, 1, ConnectorStatus.CHARGING)
    return transaction_id


def settle(drive: Drive) -> None:
    for _ in range(3):
        drive.accept()
        drive.wait(11)
    drive.accept()


def told_a(drive: Drive, charger_id: str, phases: int = 3) -> float:
    """Return the limit of the running session of a charger, A on each of its phases."""
    (view,) = [v for v in drive.engine.all_changes().sessions.values() if v and v.charger_id == charger_id]
    return view.allocated_w / V / phases


BOOKED = [
    # caption, chargers, keys, A on L1, L2, L3 of a 64 A fuse with a car at each, told in amperes or in watts
    ("three phases in amperes count on each", [outlet("A", 16)], IN_AMPERES, (16, 16, 16)),
    ("three phases in watts: one may have it all, as far as the charger can", [outlet("A", 16)], IN_WATTS, (16,) * 3),
    ("one phase, on the one that it hangs on", [outlet("A", 16, 1, STR)], IN_AMPERES, (0, 16, 0)),
    ("one phase, nobody knows which", [outlet("A", 16, 1, None)], IN_AMPERES, (16, 16, 16)),
    (
        "three of one phase in turn fill each phase once",
        [outlet("A", 32, 1, RST), outlet("B", 32, 1, STR), outlet("C", 32, 1, TRS)],
        IN_AMPERES,
        (32, 32, 32),
    ),
    (
        "three of one phase on the same share it",
        [outlet("A", 32, 1), outlet("B", 32, 1), outlet("C", 32, 1)],
        IN_AMPERES,
        (63, 0, 0),
    ),
    ("DC is on all alike", [charger("A", 30)], IN_WATTS, (43.48, 43.48, 43.48)),
]


@pytest.mark.parametrize(("chargers", "keys", "booked"), [row[1:] for row in BOOKED], ids=[row[0] for row in BOOKED])
def test_what_a_car_books_on_each_phase(
    chargers: list[Charger], keys: dict[str, str], booked: tuple[float, ...]
) -> None:
    drive = charging(fused(64, *chargers), *(c.charger_id for c in chargers), keys=keys)
    assert on_phases(drive) == booked


def test_cars_on_one_phase_are_limited_by_it_and_others_are_not() -> None:
    site = fused(40, outlet("A", 32, 1), outlet("B", 32, 1), outlet("C", 32, 1, STR))
    drive = charging(site, "A", "B", "C")
    assert [told_a(drive, each, 1) for each in "ABC"] == [20, 20, 32]
    limited_by = {view.charger_id: view.limited_by for view in drive.engine.all_changes().sessions.values() if view}
    assert limited_by == {"A": "grid/L1", "B": "grid/L1", "C": "vehicle"}


def test_what_limits_a_car_on_a_phase_is_explained() -> None:
    drive = charging(fused(40, outlet("A", 32, 1), outlet("B", 32, 1), outlet("N", 32, 3)), "A", "B")
    drive.disconnect("N")
    found = explain(drive, "A")
    row = found.binding
    assert row is not None
    assert (row.node_id, row.capacity_w, row.shared_w, row.booked_w) == ("grid/L1", 40 * V, 40 * V, 40 * V)
    assert (row.sessions, row.target_w, row.more_w) == (2, 40 * V, 500)
    assert "because phase L1 of the grid connection has 9.2 kW for 2 cars" in sentence(found)


def test_a_minimum_that_does_not_fit_on_a_phase_names_it() -> None:
    drive = charging(fused(11, outlet("A", 16, 1), outlet("B", 16, 1)), "A", "B")
    found = explain(drive, "B")
    assert (found.limited_by, found.binding is not None and found.binding.node_id) == ("no_room", "grid/L1")


def test_who_would_get_how_much_on_which_phase() -> None:
    site = fused(40, outlet("A", 32, 1), outlet("B", 32, 1, STR), outlet("C", 32))
    found = what_if(site, [Car(c.charger_id, 1, c.max_power_w) for c in site.chargers], Moment(T0_WALL_MS))
    assert [(share.power_w, share.limited_by) for share in found.shares] == [
        (6_900, "grid/L1"),
        (6_900, "grid/L2"),
        (6_900, "grid/L1"),
    ]
    loads = {node.node_id: (node.load_w, node.capacity_w) for node in found.nodes if "/" in node.node_id}
    assert loads == {"grid/L1": (9_200, 9_200), "grid/L2": (9_200, 9_200), "grid/L3": (2_300, 9_200)}


def test_a_circuit_of_one_phase() -> None:
    """Nobody says how the chargers below are rotated: there is one phase that they can be on."""
    lighting = Circuit("K", None, 16 * V, PhaseLimit((0, 16_000, 0)))
    chargers = [replace(outlet(each, 16, 1, None), circuit="K") for each in "AB"]
    drive = charging(fused(40, *chargers, circuits=(lighting,)), "A", "B")
    assert [told_a(drive, each, 1) for each in "AB"] == [8, 8]
    assert (on_phases(drive), on_phases(drive, "K")) == ((0, 16, 0), (0, 16, 0))


def test_a_raise_on_a_phase_waits_for_the_car_that_gives_it_up() -> None:
    drive = charging(fused(32, outlet("A", 32, 1), outlet("B", 32, 1)), "A")
    assert told_a(drive, "A", 1) == 32
    drive.limits()
    begin(drive, "B")
    assert [limit[0] for limit in drive.limits()] == ["A"]
    assert on_phases(drive) == (32, 0, 0)
    drive.accept("A")
    drive.sample("A", 1, 16 * V)
    drive.accept()
    drive.wait(10)
    assert on_phases(drive) == (32, 0, 0)
    assert told_a(drive, "B", 1) == 16


def test_a_phase_that_facts_overbook_is_cut_at_once_and_nobody_under_it_is_raised() -> None:
    """B comes back and nothing about it is certain: its maximum is booked."""
    drive = charging(fused(40, outlet("A", 32, 1), outlet("B", 32, 1), outlet("C", 32, 1, STR)), "A", "C")
    drive.limits()
    drive.disconnect("B")
    drive.connect("B")
    drive.boot("B")
    drive.wait(16)
    assert on_phases(drive) == (64, 32, 0)
    assert [(limit[0], limit[2] / V) for limit in drive.limits() if limit[0] != "B"] == [("A", 8)]
    drive.wait(11)
    assert "overbooked:grid/L1" in drive.notices()


def test_a_smaller_fuse_cuts() -> None:
    drive = charging(fused(40, outlet("A", 32, 1), outlet("B", 32, 1, STR)), "A", "B")
    drive.limits()
    drive.configure(fused((40, 20, 40), outlet("A", 32, 1), outlet("B", 32, 1, STR)))
    assert [(limit[0], limit[2] / V) for limit in drive.limits()] == [("B", 20)]


def test_what_is_never_steered_is_on_its_phase() -> None:
    unsteered = replace(outlet("N", 16, 1, STR), control=Control.NONE)
    drive = charging(fused(32, unsteered, outlet("A", 32, 1, STR), outlet("B", 32, 1)), "A", "B")
    assert (told_a(drive, "A", 1), told_a(drive, "B", 1)) == (16, 32)


def test_a_client_over_rest_counts_its_whole_power_on_any_phase() -> None:
    site = fused(32, replace(outlet("A", 32), control=Control.REST), replace(outlet("B", 32), control=Control.REST))
    drive = Drive(site)
    first = drive.rest_start("A", 1, 5)
    second = drive.rest_start("B", 1, 5)
    assert (first.allocated_w, second.allocated_w) == (5_000, 2_000)


def draw(
    drive: Drive, charger_id: str, current_a: tuple[float, float, float], times: int = 3, period_s: int = 10
) -> None:
    """Let a car be metered for a while."""
    for _ in range(times):
        drive.wait(period_s)
        on_l1, on_l2, on_l3 = [int(a * 1_000) for a in current_a]
        drive.sample(charger_id, 1, int(sum(current_a) * V), current_ma=(on_l1, on_l2, on_l3))
        drive.accept()


def test_a_car_counts_on_the_phase_that_it_is_seen_to_use() -> None:
    drive = charging(fused(64, outlet("A", 32, 3, STR)), "A")
    assert on_phases(drive) == (32, 32, 32)
    draw(drive, "A", (20, 0, 0), 2)
    assert on_phases(drive) == (32, 32, 32), "two samples tell nothing yet"
    draw(drive, "A", (20, 0, 0), 1)
    assert on_phases(drive) == (0, 32, 0)


POWERS = [
    # powers of the phases, W, and currents, mA | what is booked on each phase of the grid connection, A
    ("of one", (20 * V, 0, 0), None, (0, 32, 0)),
    ("of one, and noise", (20 * V, 100, 0), None, (0, 32, 0)),
    ("of two", (20 * V, 0, 20 * V), None, (32, 32, 0)),
    ("beside placeholders of currents", (20 * V, 0, 0), (0, 0, 0), (0, 32, 0)),
    ("currents say more", (20 * V, 0, 0), (20_000, 20_000, 0), (0, 32, 32)),
    ("nothing draws", (0, 0, 0), None, (32, 32, 32)),
    ("all of it told of one phase, which cannot have it", (60 * V, 0, 0), None, (32, 32, 32)),
]


@pytest.mark.parametrize(
    ("phase_w", "current_ma", "booked_a"), [row[1:] for row in POWERS], ids=[row[0] for row in POWERS]
)
def test_phases_are_learnt_from_their_powers_where_no_currents_are_told(
    phase_w: tuple[int, int, int], current_ma: tuple[int, int, int] | None, booked_a: tuple[float, ...]
) -> None:
    drive = charging(fused(64, outlet("A", 32, 3, STR)), "A")
    drawn_w = sum(phase_w) if not current_ma or not any(current_ma) else sum(current_ma) * V // 1000
    for _ in range(3):
        drive.wait(10)
        drive.sample("A", 1, drawn_w, phase_w=phase_w, current_ma=current_ma)
    assert on_phases(drive) == booked_a


def test_a_power_at_one_phase_above_what_each_was_told_is_that_of_all() -> None:
    """11 A were told, so 18 A at L1 beside zeros are placeholders and a sum."""
    chargers = [outlet(name, 32, 3, rotation) for name, rotation in (("A", RST), ("B", STR), ("C", TRS))]
    drive = charging(fused(35, *chargers), "A", "B", "C")
    for _ in range(4):
        drive.wait(10)
        drive.sample("A", 1, 18 * V, phase_w=(18 * V, 0, 0))
    assert drive.engine._state.sessions[next(iter(drive.engine._state.sessions))].phase_use.lines is None


TELLS_NOTHING = [
    ("zeros of everything", (0, 0, 0), None),
    ("less than a car charges with", (3, 0, 0), None),
    ("placeholders beside a power that one phase cannot be", (20, 0, 0), 60 * V),
]


@pytest.mark.parametrize(
    ("current_a", "power_w"), [row[1:] for row in TELLS_NOTHING], ids=[row[0] for row in TELLS_NOTHING]
)
def test_what_tells_nothing_of_the_phases(current_a: tuple[float, float, float], power_w: int | None) -> None:
    drive = charging(fused(64, outlet("A", 32, 3, STR)), "A")
    on_l1, on_l2, on_l3 = [int(a * 1_000) for a in current_a]
    for _ in range(6):
        drive.wait(10)
        drawn_w = int(sum(current_a) * V) if power_w is None else power_w
        drive.sample("A", 1, drawn_w, current_ma=(on_l1, on_l2, on_l3))
    booked = on_phases(drive)
    assert booked[0] == booked[1] == booked[2] > 0


def test_a_car_that_draws_from_another_phase_counts_on_all_again_for_the_whole_session() -> None:
    drive = charging(fused(64, outlet("A", 32, 3, STR)), "A")
    draw(drive, "A", (20, 0, 0))
    draw(drive, "A", (20, 6, 0), 1)
    assert on_phases(drive) == (32, 32, 32)
    assert "phases_changed:A#1" in drive.notices()
    draw(drive, "A", (20, 0, 0), 6)
    assert on_phases(drive) == (32, 32, 32)


def test_cars_that_use_one_phase_each_have_all_of_it_once_that_is_known() -> None:
    chargers = [outlet(name, 32, 3, rotation) for name, rotation in (("A", RST), ("B", STR), ("C", TRS))]
    drive = charging(fused(35, *chargers), "A", "B", "C")
    assert [told_a(drive, each) for each in "ABC"] == [11, 11, 11]
    for _ in range(12):
        for each in "ABC":
            drive.sample(each, 1, int(told_a(drive, each) * V), current_ma=(int(told_a(drive, each) * 1_000), 0, 0))
        drive.accept()
        drive.wait(10)
    assert [told_a(drive, each) for each in "ABC"] == [32, 32, 32]
    assert on_phases(drive) == (32, 32, 32)


def test_a_car_has_let_go_when_its_phase_has() -> None:
    """One phase at 32 A is less power than 16 A on three: by its power it had let go before it was cut."""
    drive = charging(fused(40, outlet("A", 32), outlet("B", 32)), "A")
    begin(drive, "B")
    assert told_a(drive, "A") == 20
    draw(drive, "A", (32, 0, 0), 3, 4)
    assert on_phases(drive)[0] == 40, "32 A are booked for A as long as it draws them"
    draw(drive, "A", (20, 0, 0), 1, 4)
    drive.wait(11)
    drive.accept()
    assert (on_phases(drive)[0], told_a(drive, "B")) == (40, 20)


def test_a_car_that_draws_more_from_its_phase_than_it_was_told_is_seen() -> None:
    drive = charging(fused(40, outlet("A", 32), outlet("B", 32, 1)), "A")
    draw(drive, "A", (32, 0, 0))
    begin(drive, "B")
    settle(drive)
    assert told_a(drive, "A") == 20
    draw(drive, "A", (32, 0, 0), 4)
    assert "not_obeying:A#1" in drive.notices()
    assert on_phases(drive)[0] >= 32 + told_a(drive, "B", 1)


def test_another_car_may_come_while_there_is_no_connection() -> None:
    drive = charging(fused(64, outlet("A", 32, 3, STR)), "A")
    draw(drive, "A", (20, 0, 0))
    drive.disconnect("A")
    assert on_phases(drive) == (32, 32, 32)
    drive.connect("A")
    assert on_phases(drive) == (32, 32, 32)
    draw(drive, "A", (20, 0, 0))
    assert on_phases(drive) == (0, 32, 0)


def test_the_next_car_is_not_taken_for_the_last_one() -> None:
    drive = charging(fused(64, outlet("A", 32, 3, STR)))
    transaction_id = begin(drive, "A")
    settle(drive)
    draw(drive, "A", (20, 0, 0))
    drive.stop("A", transaction_id)
    begin(drive, "A")
    settle(drive)
    assert on_phases(drive) == (32, 32, 32)
