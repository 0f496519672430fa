"""T and G of one instant: what every session should have, and what is free to give today (LEDGER.md §2)."""

from dataclasses import replace

import pytest

from csms.core.events import ConnectorStatus
from csms.core.ids import ChargerId
from csms.core.learnt import Learnt
from csms.core.planning import Plan, make_plan
from csms.core.station import GRID, Charger, Circuit, Control
from tests.unit.core.driving import KW, Drive, charger, station

REST = Control.REST


def plan_of(drive: Drive) -> Plan:
    return make_plan(drive.engine._state, drive.now.mono_ms, drive.timings)


def numbers(drive: Drive) -> dict[tuple[str, int], tuple[float, float, float]]:
    """Return K, T and G of every session of the plan, kW."""
    steered = plan_of(drive).steered.values()
    return {
        (s.charger.charger_id, s.connector.key.idx): (s.booked_w / KW, s.target_w / KW, s.grant_w / KW) for s in steered
    }


def running(grid_kw: int, *chargers: Charger, circuits: tuple[Circuit, ...] = (), static_kw: int = 0) -> Drive:
    """Return a station whose chargers are provisioned; cars start one by one, and no limit is ever answered."""
    drive = Drive(station(grid_kw, *chargers, circuits=circuits, static_kw=static_kw))
    drive.bring_up(*(c.charger_id for c in chargers if c.control is Control.OCPP))
    return drive


FIRST_CARS: list[tuple[str, Drive, list[tuple[str, int]], dict[tuple[str, int], tuple[float, float, float]]]] = [
    # caption, station, starts | K, T, G of each, kW: right after the last start (its first limit is booked already)
    ("alone", running(400, charger("A", 200)), [("A", 1)], {("A", 1): (200, 200, 200)}),
    ("alone, grid below it", running(120, charger("A", 200)), [("A", 1)], {("A", 1): (120, 120, 120)}),
    ("static load", running(400, charger("A", 200), static_kw=330), [("A", 1)], {("A", 1): (70, 70, 70)}),
    (
        "the second finds nothing free yet",
        running(200, charger("A", 200), charger("B", 200)),
        [("A", 1), ("B", 1)],
        {("A", 1): (200, 100, 200), ("B", 1): (0, 100, 0)},
    ),
    (
        "the second takes what is free",
        running(300, charger("A", 200), charger("B", 200)),
        [("A", 1), ("B", 1)],
        {("A", 1): (200, 150, 200), ("B", 1): (100, 150, 100)},
    ),
    (
        "one charger, two connectors",
        running(400, charger("A", 200, 2)),
        [("A", 1), ("A", 2)],
        {("A", 1): (200, 100, 200), ("A", 2): (0, 100, 0)},
    ),
    (
        "a circuit between",
        running(400, charger("A", 200, circuit="X"), charger("B", 200), circuits=(Circuit("X", None, 50 * KW),)),
        [("A", 1), ("B", 1)],
        {("A", 1): (50, 50, 50), ("B", 1): (200, 200, 200)},
    ),
    (
        "100 kW over three cars, whole watts",
        running(100, charger("A", 100), charger("B", 100), charger("C", 100)),
        [("A", 1), ("B", 1), ("C", 1)],
        {("A", 1): (100, 33.334, 100), ("B", 1): (0, 33.333, 0), ("C", 1): (0, 33.333, 0)},
    ),
    (
        "AC: minima of 4.14 kW, the third must wait",
        running(10, *(charger(c, 11, min_w=4_140, phases=3) for c in "ABC")),
        [("A", 1), ("B", 1), ("C", 1)],
        {("A", 1): (10, 5, 10), ("B", 1): (0, 5, 0), ("C", 1): (0, 0, 0)},
    ),
]


@pytest.mark.parametrize(
    ("drive", "starts", "expected"), [row[1:] for row in FIRST_CARS], ids=[row[0] for row in FIRST_CARS]
)
def test_cars_that_come_one_by_one(
    drive: Drive, starts: list[tuple[str, int]], expected: dict[tuple[str, int], tuple[float, float, float]]
) -> None:
    for charger_id, idx in starts:
        drive.start(charger_id, idx)
    assert numbers(drive) == expected


# --- loads that cannot be cut now -------------------------------------------------------------------------------------

FIXED = [
    # caption, what the other charger (100 kW) is | kW left of 150 for the car
    ("idle and provisioned", "idle", 150),
    ("connected, never provisioned", "unprovisioned", 50),
    ("configured over OCPP, not yet connected", "never", 50),
    ("auto, never seen", "auto", 150),
    ("control none", "none", 50),
    ("control none, 30 kW reserved", "none 30", 120),
    ("control ocpp, 30 kW reserved, not yet connected", "reserved 30", 120),
    ("charging, then offline", "offline", 50),
    ("a REST client that was told 100 kW, silent for 61 s", "silent", 50),
    ("a REST client that was told 100 kW, silent for 60 s", "calling", 75),
]


@pytest.mark.parametrize(("other", "left_kw"), [row[1:] for row in FIXED], ids=[row[0] for row in FIXED])
def test_what_cannot_be_cut_is_taken_off_every_row(other: str, left_kw: int) -> None:
    control = {
        "auto": Control.AUTO,
        "none": Control.NONE,
        "none 30": Control.NONE,
        "silent": REST,
        "calling": REST,
    }.get(other, Control.OCPP)
    drive = Drive(
        station(150, charger("A", 150), charger("B", 100, control=control, reserved_kw=30 if "30" in other else None))
    )
    drive.bring_up("A")
    if other == "idle":
        drive.bring_up("B")
    elif other == "unprovisioned":
        drive.connect("B")
    elif other == "offline":
        drive.bring_up("B")
        drive.start("B")
        drive.accept()
        drive.disconnect("B")
    elif other in {"silent", "calling"}:
        drive.rest_start("B", 1, 100)
        drive.wait(1 if other == "silent" else 0)
    drive.wait(60 if other in {"silent", "calling"} else 0)
    drive.start("A")
    assert numbers(drive)["A", 1][1] == left_kw


# --- demand, minima, fail-safe ----------------------------------------------------------------------------------------


def test_a_car_that_takes_less_leaves_it_to_others() -> None:
    drive = running(200, charger("A", 200), charger("B", 200))
    drive.start("A")
    drive.status("A", 1, ConnectorStatus.CHARGING)
    drive.accept()
    drive.draws({("A", 1): 60}, 70)
    drive.start("B")
    assert numbers(drive)["A", 1][1] == 64, "M + 4 kW"
    assert numbers(drive)["B", 1][1] == 136


def test_an_estimate_below_the_minimum_still_holds_the_minimum() -> None:
    drive = running(22, charger("A", 22, min_w=4_140, phases=3))
    drive.start("A")
    drive.status("A", 1, ConnectorStatus.CHARGING)
    drive.accept()
    drive.draws({("A", 1): 0.5}, 70)
    assert plan_of(drive).steered.popitem()[1].target_w == 4_140


def test_nothing_is_cut_below_the_fail_safe_power() -> None:
    drive = Drive(station(5, charger("A", 22, phases=3), charger("B", 22, phases=3)))
    for charger_id in "AB":
        drive.connect(charger_id)
        drive.status(charger_id, 1, ConnectorStatus.AVAILABLE)
        drive.answer(next(c for c in drive.open_calls if c.charger_id == charger_id))
        drive.answer(drive.open_limit(charger_id, 0), "Rejected")
        drive.accept(charger_id)
    assert drive.row_kw() == 8.28, "two chargers that refuse 0, on 5 kW"
    drive.start("A")
    assert [s.target_w for s in plan_of(drive).steered.values()] == [4_140]


# --- overbooked, wanted, due ------------------------------------------------------------------------------------------


def test_which_rows_are_overbooked_and_which_wanted() -> None:
    circuits = (Circuit("X", None, 100 * KW), Circuit("Y", None, None))
    chargers = (charger("A", 100, circuit="X"), charger("B", 100, circuit="X"), charger("C", 50, circuit="Y"))
    drive = running(400, *chargers, circuits=circuits)
    for charger_id in "ABC":
        drive.start(charger_id)
    plan = plan_of(drive)
    assert plan.overbooked == frozenset()
    assert plan.wanted == {"X", "B", GRID}
    due = {s.charger.charger_id: plan.cut_is_due(drive.engine._state, s) for s in plan.steered.values()}
    assert due == {"A": True, "B": True, "C": True}, "all share the grid with B, which is short"
    drive.configure(station(200, *chargers, circuits=(Circuit("X", None, 60 * KW), circuits[1])))
    plan = plan_of(drive)
    assert plan.overbooked == {"X"}
    urgent = {s.charger.charger_id: plan.cut_is_urgent(drive.engine._state, s) for s in plan.steered.values()}
    assert urgent == {"A": True, "B": True, "C": False}


SHORT = [
    # DC or AC, minimum W, K W, T W | short
    (0, 0, 100_000, 100_000, False),
    (0, 0, 100_000, 102_999, False),
    (0, 0, 97_000, 100_000, True),
    (0, 0, 150_000, 154_000, False),
    (0, 0, 150_000, 155_000, True),
    (0, 0, 0, 500, True),
    (0, 10_000, 9_000, 10_000, True),
    (3, 0, 11_000, 11_344, False),
    (3, 0, 11_000, 11_345, True),
    (3, 4_140, 0, 4_140, True),
    (0, 0, 100_000, 50_000, False),
]


@pytest.mark.parametrize(("phases", "min_w", "booked_w", "target_w", "short"), SHORT)
def test_who_is_short(phases: int, min_w: int, booked_w: int, target_w: int, short: bool) -> None:  # noqa: FBT001 - a column
    drive = running(400, charger("A", 400, phases=phases, min_w=min_w))
    drive.start("A")
    [one] = plan_of(drive).steered.values()
    claim = replace(one.claim, min_w=min_w)
    assert replace(one, claim=claim, booked_w=booked_w, target_w=target_w).short is short


# --- a waiting minimum ------------------------------------------------------------------------------------------------


def test_room_that_the_first_waiting_minimum_needs_is_kept_for_it() -> None:
    drive = running(14, charger("A", 11), charger("B", 11, min_w=6_000), charger("C", 11))
    for charger_id in "ABC":
        drive.start(charger_id)
    assert numbers(drive) == {
        ("A", 1): (11, 4, 11),
        ("B", 1): (0, 6, 0),  # 3 kW are free: it gets its 6 whole or not at all
        ("C", 1): (0, 4, 0),  # and nobody who came later gets them instead
    }


def test_without_a_waiting_minimum_what_is_free_is_given() -> None:
    drive = running(14, charger("A", 11), charger("B", 11), charger("C", 11))
    for charger_id in "AC":
        drive.start(charger_id)
    assert numbers(drive)["C", 1] == (3, 7, 3)


@pytest.mark.parametrize(
    ("grid_kw", "targets_kw"),
    [(20, (6.667, 6.667, 6.666)), (10, (5, 0, 5)), (6, (0, 0, 6)), (4, (0, 0, 0))],
    ids=["all", "it comes before its turn", "alone", "its least alone would overbook the grid"],
)
def test_the_least_of_what_is_never_paused_is_taken_from_the_others(
    grid_kw: int, targets_kw: tuple[float, ...]
) -> None:
    drive = running(grid_kw, *(charger(c, 11, min_w=4_140, phases=3) for c in "ABC"))
    drive.engine._state.chargers[ChargerId("C")].learnt = Learnt(pauses=False)
    for name in "ABC":
        drive.start(name)
    assert tuple(s.target_w / KW for s in plan_of(drive).steered.values()) == targets_kw


def test_what_waits_for_its_least_keeps_nothing_from_the_others() -> None:
    drive = running(10, *(charger(c, 11, min_w=4_140, phases=3) for c in "ABC"))
    for charger_id in "ABC":
        drive.engine._state.chargers[ChargerId(charger_id)].learnt = Learnt(pauses=False)
    for charger_id in "ABC":
        drive.start(charger_id)
    drive.engine._state.chargers[ChargerId("A")].connectors[1].limits.sends[-1].limit_w = 5_000
    drive.engine._state.chargers[ChargerId("B")].connectors[1].limits.sends = list(
        drive.engine._state.chargers[ChargerId("A")].connectors[1].limits.sends
    )
    targets = [s.target_w for s in plan_of(drive).steered.values()]
    assert targets == [5_000, 5_000, 0], "nobody can be paused, and C has nothing"
