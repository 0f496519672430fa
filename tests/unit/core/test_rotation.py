"""Who gives way to whom, and when (ALLOCATOR.md §6); DC chargers whose cars need 10 kW."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from csms.core.allocator import Claim, Node, loads_of
from csms.core.events import ConnectorStatus
from csms.core.grid_terms import CapacityWindow
from csms.core.ids import ChargerId, ConnectorKey
from csms.core.learnt import Learnt
from csms.core.rotation import Room
from csms.core.station import Charger, Circuit
from csms.core.terms import Terms
from tests.unit.core.driving import KEYS, KW, Drive, charger, station
from tests.unit.core.keeping import Keeping


def dc(name: str, *, circuit: str | None = None, min_kw: int = 10) -> Charger:
    return charger(name, 50, circuit=circuit, min_w=min_kw * KW)


def site(grid_kw: int, *chargers: Charger, circuits: tuple[Circuit, ...] = ()) -> Drive:
    drive = Drive(station(grid_kw, *chargers, circuits=circuits))
    drive.bring_up(*(each.charger_id for each in chargers))
    drive.is_recovered = False
    return drive


def plug(drive: Drive, *names: str) -> None:
    for name in names:
        drive.start(name)
        drive.accept()
        drive.status(name, 1, ConnectorStatus.CHARGING)


def charge(drive: Drive, minutes: float, wants_kw: Mapping[str, int]) -> None:
    """Let cars take what they may, up to what each wants, and metered every half minute."""
    for _ in range(int(minutes * 2)):
        drive.wait(30)
        for name, most_kw in wants_kw.items():
            key = ConnectorKey(ChargerId(name), 1)
            power_w = min(most_kw * KW, drive.engine.booked_w(key))
            session = next(s for s in drive.engine._state.sessions.values() if s.key == key)
            drive.sample(name, 1, power_w, energy_wh=(session.last_energy_wh or 0) + power_w // 120)
        drive.accept()


def running(drive: Drive, *names: str) -> str:
    return "".join(name for name in names if drive.k_kw(name, 1) >= 10)


def test_a_car_that_came_late_waits_five_minutes_for_one_that_has_run_for_long() -> None:
    drive = site(15, dc("A"), dc("B"))
    plug(drive, "A")
    charge(drive, 60, {"A": 50})
    plug(drive, "B")
    charge(drive, 4.5, {"A": 50, "B": 50})
    assert running(drive, "A", "B") == "A"
    charge(drive, 1.5, {"A": 50, "B": 50})
    assert running(drive, "A", "B") == "B"
    charge(drive, 13, {"A": 50, "B": 50})
    assert running(drive, "A", "B") == "B"
    charge(drive, 3, {"A": 50, "B": 50})
    assert running(drive, "A", "B") == "A"


def test_a_longer_run_of_little_power_outlasts_a_run_of_much() -> None:
    drive = site(30, dc("A"), dc("B"), dc("C", min_kw=15))
    plug(drive, "A", "B")
    charge(drive, 20, {"A": 10, "B": 20})
    plug(drive, "C")
    charge(drive, 6, {"A": 10, "B": 20, "C": 50})
    assert running(drive, "A", "B", "C") == "AC"


def test_as_many_give_way_as_one_needs() -> None:
    drive = site(30, dc("A"), dc("B"), dc("C", min_kw=30))
    plug(drive, "A", "B")
    charge(drive, 20, {"A": 15, "B": 15})
    plug(drive, "C")
    charge(drive, 7, {"A": 15, "B": 15, "C": 50})
    assert running(drive, "A", "B", "C") == "C"


def test_nobody_gives_way_where_that_would_make_no_room() -> None:
    fuse = Circuit("K", None, 10 * KW)
    drive = site(100, dc("A"), dc("B", circuit="K"), dc("C", circuit="K"), circuits=(fuse,))
    plug(drive, "A", "B")
    charge(drive, 20, {"A": 50, "B": 10})
    plug(drive, "C")
    charge(drive, 7, {"A": 50, "B": 10, "C": 10})
    assert running(drive, "A", "B", "C") == "AC"
    assert {event.charger_id for event in drive.events("session.gave_its_turn")} == {"B"}


def test_nobody_gives_way_to_a_lower_priority() -> None:
    drive = site(15, dc("A"), dc("B"))
    plug(drive, "A")
    drive.engine._state.sessions[next(iter(drive.engine._state.sessions))].own_terms = Terms(priority=1)
    charge(drive, 20, {"A": 50})
    plug(drive, "B")
    charge(drive, 30, {"A": 50, "B": 50})
    assert running(drive, "A", "B") == "A"
    assert not drive.events("session.gave_its_turn")


def test_what_cannot_be_paused_does_not_give_way() -> None:
    drive = site(15, dc("A"), dc("B"))
    plug(drive, "A")
    drive.engine._state.chargers[ChargerId("A")].learnt = Learnt(pauses=False)
    charge(drive, 20, {"A": 50})
    plug(drive, "B")
    charge(drive, 30, {"A": 50, "B": 50})
    assert not drive.events("session.gave_its_turn")
    assert drive.k_kw("A", 1) >= 10


def test_a_place_that_is_free_is_taken_at_once() -> None:
    drive = site(15, dc("A"), dc("B"))
    plug(drive, "A", "B")
    charge(drive, 1, {"A": 50, "B": 50})
    assert running(drive, "A", "B") == "A"
    drive.stop("A", drive.open_transactions()[0], 1_000)
    drive.accept()
    charge(drive, 0.5, {"B": 50})
    assert running(drive, "B") == "B"


def test_a_car_that_comes_while_others_take_turns_is_behind_them() -> None:
    drive = site(15, dc("A"), dc("B"), dc("C"))
    plug(drive, "A", "B")
    charge(drive, 16, {"A": 50, "B": 50})
    plug(drive, "C")
    order = sorted(drive.engine._state.sessions.values(), key=lambda session: session.place)
    assert [session.key.charger_id for session in order] == ["B", "A", "C"]
    assert [session.rank for session in order] == [1, 0, 2]


def test_a_restart_knows_the_order_of_arrival() -> None:
    drive = site(15, dc("A"), dc("B"))
    plug(drive, "A", "B")
    charge(drive, 16, {"A": 50, "B": 50})
    drive.recover()
    assert [session.place for session in drive.engine._state.sessions.values()] == [0, 1]


def test_a_parked_car_is_asked_again_without_another_being_paused_for_it_at_once() -> None:
    drive = site(15, dc("A"), dc("B"))
    plug(drive, "A", "B")
    charge(drive, 1, {"A": 10, "B": 50})
    drive.sample("A", 1, 0)
    drive.status("A", 1, ConnectorStatus.SUSPENDED_EV)
    charge(drive, 3, {"A": 0, "B": 50})
    assert running(drive, "A", "B") == "B"
    charge(drive, 10, {"A": 0, "B": 50})
    assert drive.events("session.offered_again")
    assert running(drive, "A", "B") == "B"
    seen = []
    for _ in range(16):
        charge(drive, 0.5, {"A": 0, "B": 50})
        seen.append(running(drive, "A", "B"))
    assert "A" in seen  # its turn: it is offered its least, takes nothing, and is parked again
    assert seen.count("A") * 30 <= 90
    assert seen[-1] == "B"


def test_a_least_that_cannot_be_told_exactly_is_a_least_all_the_same() -> None:
    """5 kW over three phases is 7.2 A; a charger that takes whole amperes is told 7 A."""
    drive = Drive(
        station(6, *(charger(name, 11, min_w=5 * KW, phases=3) for name in "AB")),
        keys=KEYS | {"ChargingScheduleAllowedChargingRateUnit": "Current"},
    )
    drive.bring_up("A", "B")
    drive.is_recovered = False
    plug(drive, "A", "B")
    charge(drive, 14, {"A": 11, "B": 11})
    assert (drive.k_kw("A", 1) > 0, drive.k_kw("B", 1)) == (True, 0)
    charge(drive, 3, {"A": 11, "B": 11})
    assert (drive.k_kw("A", 1), drive.k_kw("B", 1) > 0) == (0, True)


# --- room ------------------------------------------------------------------------------------------------------------

FUSE = Node("grid", None, 100 * KW, phase_ma=(16_000, 16_000, 16_000))
"""3,680 W on each phase."""
SINGLE_W = 1_380


def claim(name: str, *lines: int, least_w: int = SINGLE_W) -> Claim:
    return Claim(name, "grid", least_w, 22 * KW, rank=ord(name), loads=loads_of(lines))


@pytest.mark.parametrize(
    ("candidates", "givers"),
    [
        ([claim("A", 1), claim("B", 2)], ["A"]),
        ([claim("B", 2), claim("A", 1)], ["A"]),
        ([claim("B", 2), claim("C", 3)], []),
        ([claim("D", 1, 2, 3, least_w=3 * SINGLE_W), claim("A", 1)], ["D"]),
        ([claim("E", 1, 2)], ["E"]),
        ([claim("E", 1, 2, least_w=900)], []),
        ([claim("E", 1, 2, least_w=900), claim("A", 1)], ["E", "A"]),
    ],
)
def test_who_gives_way_is_on_the_phase_that_is_full(candidates: list[Claim], givers: list[str]) -> None:
    """Two cars on L1 leave 920 W there: a third needs 460 W more, of somebody on L1."""
    running = {each.session_id: each for each in [*candidates, claim("A", 1), claim("Z", 1)]}
    waiting = claim("W", 1)
    room = Room([FUSE], [waiting, *running.values()])
    room.take(claim("A", 1), SINGLE_W)
    room.take(claim("Z", 1), SINGLE_W)
    assert [each.session_id for each in room.givers(waiting, candidates)] == givers


def test_with_the_power_that_is_firm_only_those_take_turns_who_can_have_no_other() -> None:
    """C lets limits expire, so it has the rest of 100 kW; A and B take turns with the 15 kW of the evening."""
    evening = (CapacityWindow(20 * 60, 21 * 60, 15 * KW),)
    drive = Keeping(replace(station(100, dc("C"), dc("A"), dc("B")), capacity_schedule=evening))
    drive.keeps_expiry = {ChargerId("C")}
    drive.bring_up("C", "A", "B")
    drive.is_recovered = False
    plug(drive, "C", "A", "B")
    charge(drive, 14, {"A": 50, "B": 50, "C": 50})
    assert running(drive, "A", "B", "C") == "AC"
    charge(drive, 4, {"A": 50, "B": 50, "C": 50})
    assert running(drive, "A", "B", "C") == "BC"
    assert drive.k_kw("C", 1) == 50
