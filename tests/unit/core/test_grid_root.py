"""The grid connection's capacity as time goes by, to the limits that are sent for it: T0 is a Friday, 08:00 UTC."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from csms.core.capabilities import RATE_UNIT_KEY
from csms.core.capacity_windows import LEAD_MS
from csms.core.commands import SetLimit
from csms.core.engine import Engine
from csms.core.events import (
    CapacityEventSet,
    CapacityEventWithdrawn,
    ConnectorStatus,
    ExplainRequested,
    GridOperatorHeard,
)
from csms.core.grid_terms import CapacityEvent, CapacityWindow, GridOperator
from csms.core.ids import ChargerId, Now, RequestId
from csms.core.replies import Explained
from csms.core.sentences import sentence
from csms.core.station import GRID, Control, PhaseLimit, Station
from tests.unit.core.driving import KEYS, KW, T0_MONO_MS, T0_WALL_MS, Drive, charger, station
from tests.unit.core.keeping import Keeping

MIN_MS = 60_000
LEAD_S = LEAD_MS // 1_000
SITE = station(100, charger("A", 80), charger("B", 80))
WINDOWED = replace(SITE, capacity_schedule=(CapacityWindow(8 * 60 + 10, 8 * 60 + 20, 60 * KW),))
OPERATED = replace(SITE, grid_operator=GridOperator(40 * KW, 60))


def charging(site: Station, keeps_expiry: str = "AB", until_s: float = 60, keys: Mapping[str, str] = KEYS) -> Keeping:
    """Return a station of two chargers with a car each that has drawn its share for a while."""
    drive = Keeping(site, keys=keys)
    drive.keeps_expiry = {ChargerId(each) for each in keeps_expiry}
    drive.bring_up("A", "B")
    drive.start("A")
    drive.start("B")
    drive.accept()
    go_on(drive, until_s)
    drive.take()
    return drive


def go_on(drive: Drive, until_s: float) -> list[tuple[float, str, float]]:
    """Let both cars draw what they may, metered each 10 s, and chargers accept; return when who was told something new.

    What is only said again is left aside.
    """
    last_kw = {charger_id: limit_kw(drive, charger_id) for charger_id in "AB"}
    told: list[tuple[float, str, float]] = []
    while drive.now_ms < until_s * 1_000:
        drive.take()
        drive.wait(min(10, until_s - drive.now_ms / 1_000))
        drive.accept()
        for charger_id in ("A", "B"):
            drive.sample(charger_id, 1, int(limit_kw(drive, charger_id) * KW))
        drive.accept()
        for sent in drive.take():
            if isinstance(sent, SetLimit) and sent.idx == 1 and sent.limit_w / KW != last_kw[sent.charger_id]:
                last_kw[sent.charger_id] = sent.limit_w / KW
                told.append((drive.now_ms / 1_000, sent.charger_id, sent.limit_w / KW))
    return told


def limit_kw(drive: Drive, charger_id: str) -> float:
    sessions = drive.engine.all_changes().sessions.values()
    return next(view.allocated_w for view in sessions if view and view.charger_id == charger_id) / KW


def test_limits_over_the_begin_and_the_end_of_a_window() -> None:
    """Cuts leave 25 s before it, so that what is booked fits when it begins; raises leave when it is over."""
    drive = charging(WINDOWED)
    assert [limit_kw(drive, each) for each in "AB"] == [50, 50]
    assert go_on(drive, 570) == []
    drive.take()
    drive.wait(10 * 60 - LEAD_S - 0.001 - drive.now_ms / 1_000)
    assert drive.limits() == []
    assert (drive.row_kw(), drive.engine.node_capacity_w(GRID)) == (100, 100 * KW)
    drive.wait(0.001)
    assert drive.limits() == [("A", 1, 30 * KW), ("B", 1, 30 * KW)]
    drive.accept()
    drive.wait(3)
    for charger_id in ("A", "B"):
        drive.sample(charger_id, 1, 30 * KW)
    assert (drive.row_kw(), drive.engine.node_capacity_w(GRID)) == (60, 60 * KW)
    assert go_on(drive, 20 * 60 - 1) == []
    drive.wait(0.999)
    assert drive.limits() == []
    drive.wait(0.001)
    assert drive.engine.node_capacity_w(GRID) == 100 * KW
    assert drive.limits() == [("A", 1, 50 * KW), ("B", 1, 50 * KW)]
    drive.accept()
    assert go_on(drive, 30 * 60) == []
    assert "overbooked:grid" not in {event.detail.get("notice") for event in drive.memory.events}


def test_a_car_that_lets_go_late_alarms_nobody_before_the_window_begins() -> None:
    drive = charging(WINDOWED)
    go_on(drive, 570)
    drive.wait(10 * 60 - 1 - drive.now_ms / 1_000)  # told 24 s ago, and no charger has answered
    assert drive.row_kw() == 100
    assert "overbooked:grid" not in drive.engine.all_changes().notices  # type: ignore[operator]
    drive.wait(1)
    assert "overbooked:grid" in drive.engine.all_changes().notices  # type: ignore[operator]


def test_a_restart_within_a_window_goes_by_it_from_the_first_step_on() -> None:
    drive = charging(WINDOWED)
    go_on(drive, 12 * 60)
    drive.recover()
    assert drive.engine.node_capacity_w(GRID) == 60 * KW
    assert drive.row_kw() <= 60
    fresh = Engine(drive.memory.snapshot(), drive.now)
    assert fresh.node_capacity_w(GRID) == 60 * KW, "before any step"


def test_an_event_that_holds_at_once_overbooks_and_is_worked_off_and_withdrawn_gives_back() -> None:
    drive = charging(SITE)
    event = CapacityEvent("e1", drive.now.wall_ms, None, 20 * KW, "DSO")
    drive.do(CapacityEventSet(RequestId(900), event))
    assert drive.limits() == [("A", 1, 10 * KW), ("B", 1, 10 * KW)]
    assert drive.row_kw() == 100
    drive.accept()
    go_on(drive, 90)
    assert drive.row_kw() == 20
    drive.recover()
    assert drive.engine.node_capacity_w(GRID) == 20 * KW, "it is durable"
    drive.do(CapacityEventWithdrawn(RequestId(901), "e1", ""))
    assert drive.engine.node_capacity_w(GRID) == 100 * KW


def test_an_event_to_come_is_cut_for_before_its_time() -> None:
    drive = charging(SITE)
    event = CapacityEvent("e1", T0_WALL_MS + 5 * MIN_MS, T0_WALL_MS + 6 * MIN_MS, 30 * KW, "DSO")
    drive.do(CapacityEventSet(RequestId(900), event))
    told = go_on(drive, 400)
    assert {kw for at_s, _, kw in told if at_s < 300} == {15}
    assert {kw for at_s, _, kw in told if at_s >= 360} == {50}


def test_a_grid_operator_who_falls_silent_and_comes_back() -> None:
    """Until the first heartbeat his fail-safe holds, 60 s after each one again; the alarm stands meanwhile."""
    drive = charging(OPERATED)
    assert [limit_kw(drive, each) for each in "AB"] == [20, 20]
    drive.do(GridOperatorHeard(RequestId(900), ""))
    assert drive.limits() == [("A", 1, 20 * KW), ("B", 1, 20 * KW)], "said again, to see whether it expires"
    drive.accept()
    go_on(drive, 80)
    assert [limit_kw(drive, each) for each in "AB"] == [50, 50]
    assert go_on(drive, 119) == []
    drive.take()
    drive.wait(0.999)
    assert drive.limits() == []
    drive.wait(0.001)
    assert drive.limits() == [("A", 1, 20 * KW), ("B", 1, 20 * KW)]
    assert "grid_operator_silent" in drive.engine.all_changes().notices  # type: ignore[operator]
    drive.accept()
    go_on(drive, 140)
    assert drive.row_kw() == 40
    drive.do(GridOperatorHeard(RequestId(901), ""))
    assert drive.engine.node_capacity_w(GRID) == 100 * KW
    go_on(drive, 180)
    assert drive.row_kw() == 100


def test_a_new_schedule_counts_in_the_step_that_brings_it() -> None:
    drive = charging(SITE)
    whole_day = replace(SITE, capacity_schedule=(CapacityWindow(0, 1_440, 44 * KW),))
    drive.take()
    drive.configure(whole_day)
    assert drive.limits() == [("A", 1, 22 * KW), ("B", 1, 22 * KW)]
    drive.accept()
    drive.configure(replace(whole_day, chargers=(charger("A", 80),)))  # B drains: the tree is built anew
    assert drive.engine.node_capacity_w(GRID) == 44 * KW


def test_a_rest_client_is_answered_by_what_holds_now() -> None:
    rest = replace(WINDOWED, chargers=(charger("A", 80, control=Control.REST),), static_load_w=10 * KW)
    drive = Drive(rest)
    drive.now_ms += 15 * MIN_MS
    session = drive.rest_start("A", 1, 80)
    assert session.allocated_w == 50 * KW  # 60 kW less the static load, and no step between was made


def test_a_clock_that_is_set_into_a_window_is_seen_within_a_minute() -> None:
    drive = charging(WINDOWED)
    due_ms = drive.engine.next_due_ms()
    assert due_ms is not None
    assert due_ms <= drive.now.mono_ms + MIN_MS
    step = drive.engine.step((), Now(due_ms, T0_WALL_MS + 15 * MIN_MS))
    assert [(c.charger_id, c.limit_w) for c in step.at_once if isinstance(c, SetLimit)] == [
        ("A", 30 * KW),
        ("B", 30 * KW),
    ]


def test_a_clock_that_is_set_into_a_window_is_seen_with_the_next_step() -> None:
    drive = charging(WINDOWED)
    due_ms = drive.engine.next_due_ms()
    assert due_ms is not None
    soon_ms = drive.now.mono_ms + 1_500
    assert due_ms > soon_ms, "nothing else calls for a plan then"
    drive.engine.step((), Now(soon_ms, T0_WALL_MS + 15 * MIN_MS))
    assert drive.engine.node_capacity_w(GRID) == 60 * KW


@pytest.mark.parametrize(
    ("site", "firm_kw"),
    [
        (SITE, 100),
        (WINDOWED, 60),
        (OPERATED, 40),
        (replace(WINDOWED, grid_operator=GridOperator(70 * KW), static_load_w=5 * KW), 55),
    ],
)
def test_what_is_firm_is_the_lowest_that_may_come(site: Station, firm_kw: int) -> None:
    drive = charging(site)
    drive.do(GridOperatorHeard(RequestId(900), ""))
    drive.accept()
    assert drive.engine.firm_bounds()[GRID].firm_w == firm_kw * KW
    event = CapacityEvent("e1", T0_WALL_MS + 3_600_000, None, 10 * KW, "DSO")
    drive.do(CapacityEventSet(RequestId(901), event))
    drive.accept()
    go_on(drive, 200)
    firm_w = 10 * KW - site.static_load_w
    bound = drive.engine.firm_bounds()[GRID]
    assert (bound.firm_w, bound.expired_w, bound.holds) == (firm_w, firm_w, True)
    assert bound.possible_w > firm_w, "what is above falls by itself"


def test_who_lets_no_limit_expire_has_the_lowest_of_the_schedule_at_any_hour() -> None:
    drive = charging(WINDOWED, keeps_expiry="A")
    assert [limit_kw(drive, each) for each in "AB"] == [70, 30]
    bound = drive.engine.firm_bounds()[GRID]
    assert (bound.possible_w, bound.expired_w) == (100 * KW, 60 * KW)


@pytest.mark.parametrize(("keeps", "shares_kw"), [("", [30, 30]), ("B", [30, 70]), ("AB", [50, 50])])
def test_a_restart_takes_nothing_from_those_who_show_again_that_limits_expire(keeps: str, shares_kw: list[int]) -> None:
    """A lower capacity is known, and what was said is not known to expire: it is said again so that it does."""
    drive = charging(WINDOWED)
    drive.keeps_expiry = {ChargerId(each) for each in keeps}
    drive.recover()
    for charger_id in "AB":
        drive.connect(charger_id)
        drive.status(charger_id, 1, ConnectorStatus.CHARGING)
    drive.accept()
    told = go_on(drive, 200)
    assert [limit_kw(drive, each) for each in "AB"] == shares_kw
    fell = {charger_id for _, charger_id, kw in told if kw < 50}
    assert fell == set("AB") - set(keeps)


def test_who_does_not_answer_whether_its_limits_expire_keeps_what_it_has_for_a_while() -> None:
    drive = charging(SITE)
    drive.answers_schedules = False
    drive.do(CapacityEventSet(RequestId(900), CapacityEvent("e1", T0_WALL_MS + 3_600_000, None, 40 * KW, "DSO")))
    drive.accept()
    went = drive.now_ms / 1_000
    told = go_on(drive, went + 130)
    assert {charger_id: kw for _, charger_id, kw in told} == {"A": 20, "B": 20}
    assert all(89 <= at_s - went <= 105 for at_s, _, _ in told), told


def test_limits_that_expire_do_so_when_a_known_window_begins_and_are_said_again_in_time() -> None:
    """As long as this process lives nobody notices: who keeps its power is told again 25 seconds before."""
    drive = charging(WINDOWED)
    go_on(drive, 360)
    at_ms, limit = drive.said["A", 1]
    assert (limit.limit_w, limit.expires_to_w) == (50 * KW, 30 * KW)
    assert at_ms / 1_000 + limit.expires_s == pytest.approx(600, abs=1), "at 8:10, when the window begins"


def test_who_keeps_its_power_is_told_again_when_a_lower_capacity_counts() -> None:
    hours = (CapacityWindow(8 * 60 + 10, 8 * 60 + 20, 60 * KW), CapacityWindow(20 * 60, 21 * 60, 30 * KW))
    drive = charging(replace(station(100, charger("A", 20), charger("B", 80)), capacity_schedule=hours))
    go_on(drive, 574)
    before_ms, limit = drive.said["A", 1]
    assert (limit.limit_w, limit.expires_to_w) == (20 * KW, 15 * KW)
    assert before_ms / 1_000 + limit.expires_s == pytest.approx(600, abs=1)
    go_on(drive, 576)
    at_ms, limit = drive.said["A", 1]
    assert (at_ms, limit.limit_w, limit.expires_s) == (575_000, 20 * KW, 300)


def test_an_event_that_is_withdrawn_before_its_time_makes_all_firm_again() -> None:
    drive = charging(SITE, keeps_expiry="A")
    drive.do(CapacityEventSet(RequestId(900), CapacityEvent("e1", T0_WALL_MS + 3_600_000, None, 40 * KW, "DSO")))
    drive.accept()
    go_on(drive, 120)
    assert [limit_kw(drive, each) for each in "AB"] == [80, 20]
    drive.do(CapacityEventWithdrawn(RequestId(901), "e1", ""))
    assert drive.engine.firm_bounds()[GRID].expired_w is None
    drive.accept()
    go_on(drive, 240)
    assert [limit_kw(drive, each) for each in "AB"] == [50, 50]


@pytest.mark.parametrize(
    ("keeps", "shares_kw"),
    [("AB", [50, 50]), ("B", [0, 80]), ("", [0, 0])],
)
def test_where_nothing_is_certain_one_charger_at_a_time_is_asked_with_the_least(
    keeps: str, shares_kw: list[int]
) -> None:
    drive = Keeping(replace(SITE, capacity_schedule=(CapacityWindow(20 * 60, 21 * 60, 0),)))
    drive.keeps_expiry = {ChargerId(each) for each in keeps}
    drive.bring_up("A", "B")
    for charger_id in "AB":
        drive.start(charger_id)
        drive.status(charger_id, 1, ConnectorStatus.CHARGING)
    assert drive.limits() == [("A", 1, 1 * KW)], "B waits until A has answered"
    drive.wait(5)
    assert drive.limits() == []
    told = {"A": [1.0], "B": []}
    for _ in range(6):
        drive.accept()
        for charger_id, _, limit_w in drive.limits():
            told[charger_id].append(limit_w / KW)
        drive.wait(10)
    assert {charger_id: kw[0] for charger_id, kw in told.items()} == {"A": 1, "B": 1}
    assert [limit_kw(drive, each) for each in "AB"] == shares_kw
    bound = drive.engine.firm_bounds()[GRID]
    assert (bound.firm_w, bound.expired_w) == (0, 0)


def test_who_was_asked_on_trust_and_does_not_answer_loses_it() -> None:
    drive = Keeping(replace(SITE, capacity_schedule=(CapacityWindow(20 * 60, 21 * 60, 0),)))
    drive.answers_schedules = False
    drive.bring_up("A", "B")
    drive.start("A")
    drive.status("A", 1, ConnectorStatus.CHARGING)
    drive.accept()
    go = drive.now_ms / 1_000
    drive.wait(89)
    drive.accept()
    assert drive.k_kw("A") == 1
    drive.wait(2)
    drive.accept()
    drive.sample("A", 1, 0)
    assert drive.now_ms / 1_000 - go < 92
    assert drive.k_kw("A") == 0


@pytest.mark.parametrize(("keeps", "amperes"), [("AB", [35, 35]), ("A", [35, 20]), ("", [20, 20])])
def test_where_the_phases_say_it_all_a_lower_capacity_in_watts_is_firm_all_the_same(
    keeps: str, amperes: list[int]
) -> None:
    """70 A on each phase; of 27.6 kW in the evening two three-phase cars have 20 A each."""
    limit = PhaseLimit((70_000, 70_000, 70_000))
    ac = [replace(charger(name, 22, phases=3, min_w=4_140), rotation=(1, 2, 3)) for name in "AB"]
    ac = [replace(each, max_power_w=24_150) for each in ac]
    site = replace(
        station(1, *ac),
        grid_capacity_w=limit.power_w,
        phase_limit=limit,
        capacity_schedule=(CapacityWindow(1_200, 1_260, 27_600),),
    )
    drive = charging(site, keeps, 90, {**KEYS, RATE_UNIT_KEY: "Current"})
    assert [limit_kw(drive, each) * KW // 690 for each in "AB"] == amperes
    bound = drive.engine.firm_bounds()[GRID]
    assert bound.expired_w is not None
    assert bound.expired_w <= 27_600


def test_a_car_that_can_have_what_is_certain_alone_is_told_why() -> None:
    drive = charging(WINDOWED, keeps_expiry="A")
    session_id = next(
        view.session_id for view in drive.engine.all_changes().sessions.values() if view and view.charger_id == "B"
    )
    drive.do(ExplainRequested(RequestId(900), session_id))
    outcome = drive.outcomes[RequestId(900)]
    assert isinstance(outcome, Explained)
    assert outcome.explanation.firm_w == 60 * KW
    assert sentence(outcome.explanation) == (
        "The car at connector 1 of B may take 30 kW, its share of the 60 kW that the grid connection is certain to "
        "have: its charger was not seen to let limits expire, so it has none of the rest."
    )


def test_t0_is_what_the_table_says() -> None:
    assert datetime.fromtimestamp(T0_WALL_MS / 1_000, UTC).isoformat() == "2027-01-15T08:00:00+00:00"
    assert T0_MONO_MS == 1_000_000


def test_a_window_is_of_the_stations_own_clock() -> None:
    paris = replace(WINDOWED, time_zone="Europe/Paris", capacity_schedule=(CapacityWindow(540, 550, 60 * KW),))
    engine = Engine(Drive(paris).memory.snapshot(), Now(T0_MONO_MS, T0_WALL_MS), zones=ZoneInfo)
    assert engine.node_capacity_w(GRID) == 60 * KW
