"""Limits of the grid connection that are told: durable, forgotten late, and a grid operator who falls silent."""

from dataclasses import replace

import pytest

from csms.core.capacity_events import EVENTS_MAX, KEPT_MS
from csms.core.events import CapacityEventSet, CapacityEventWithdrawn, GridOperatorHeard
from csms.core.governing import tell_governor
from csms.core.grid_terms import CapacityEvent, CapacityTariff, GridOperator
from csms.core.ids import Now, RequestId
from csms.core.journal import Journal
from csms.core.recovery import rebuild
from csms.core.replies import CapacityEventShown, Confirmed, Refusal, Refused
from csms.core.station import Station
from csms.core.tariff import Peak
from tests.unit.core.driving import T0_WALL_MS, Drive, station

HOUR_MS = 3_600_000
SITE = station(100)
OPERATED = replace(SITE, grid_operator=GridOperator(40_000, 300))
EVENT = CapacityEvent(
    "e1", T0_WALL_MS + HOUR_MS, T0_WALL_MS + 2 * HOUR_MS, 60_000, "DSO", None, "192.0.2.1", T0_WALL_MS
)


def put(drive: Drive, event: CapacityEvent) -> object:
    request = RequestId(drive.number())
    drive.do(CapacityEventSet(request, event))
    return drive.outcomes[request]


def withdraw(drive: Drive, event_id: str) -> object:
    request = RequestId(drive.number())
    drive.do(CapacityEventWithdrawn(request, event_id, "192.0.2.1"))
    return drive.outcomes[request]


def hear(drive: Drive) -> object:
    request = RequestId(drive.number())
    drive.do(GridOperatorHeard(request, "192.0.2.1"))
    return drive.outcomes[request]


def is_silent(drive: Drive) -> bool:
    return "grid_operator_silent" in drive.engine.all_changes().notices  # type: ignore[operator]


def logged(drive: Drive) -> list[str]:
    return [event.kind for event in drive.memory.events if event.kind.startswith(("capacity_event.", "grid_operator."))]


def test_an_event_is_durable_before_it_is_answered_and_survives_a_restart() -> None:
    drive = Drive(SITE)
    assert put(drive, EVENT) == CapacityEventShown(EVENT, None)
    assert EVENT in drive.last.records
    assert drive.last.changes.capacity_events == {"e1": EVENT}
    drive.recover()
    assert drive.engine.all_changes().capacity_events == {"e1": EVENT}


def test_told_again_it_takes_the_place_of_what_was_told() -> None:
    drive = Drive(SITE)
    put(drive, EVENT)
    less = replace(EVENT, capacity_w=50_000)
    assert put(drive, less) == CapacityEventShown(less, EVENT)
    assert drive.memory.capacity_events == {"e1": less}


def test_withdrawn_it_is_gone() -> None:
    drive = Drive(SITE)
    put(drive, EVENT)
    assert withdraw(drive, "e1") == CapacityEventShown(None, EVENT)
    assert drive.memory.capacity_events == {}
    assert drive.last.changes.capacity_events == {}
    outcome = withdraw(drive, "e1")
    assert isinstance(outcome, Refused)
    assert outcome.refusal is Refusal.UNKNOWN_CAPACITY_EVENT
    assert logged(drive) == ["capacity_event.set", "capacity_event.withdrawn"]


@pytest.mark.parametrize(
    ("site", "event", "refusal"),
    [
        (SITE, replace(EVENT, to_ms=T0_WALL_MS), Refusal.CAPACITY_EVENT_OVER),
        (SITE, replace(EVENT, heartbeat_s=60), Refusal.NO_GRID_OPERATOR),
        (OPERATED, replace(EVENT, heartbeat_s=60), None),
    ],
)
def test_what_is_refused_changes_nothing(site: Station, event: CapacityEvent, refusal: Refusal | None) -> None:
    drive = Drive(site)
    outcome = put(drive, replace(event, from_ms=T0_WALL_MS - HOUR_MS))
    assert (outcome.refusal if isinstance(outcome, Refused) else None) is refusal
    assert bool(drive.memory.capacity_events) is (refusal is None)


def test_so_many_stand_at_the_most() -> None:
    drive = Drive(SITE)
    for number in range(EVENTS_MAX):
        put(drive, replace(EVENT, event_id=f"e{number}"))
    outcome = put(drive, replace(EVENT, event_id="one more"))
    assert isinstance(outcome, Refused)
    assert outcome.refusal is Refusal.TOO_MANY_CAPACITY_EVENTS
    assert isinstance(put(drive, replace(EVENT, capacity_w=1)), CapacityEventShown)  # in the place of another


def test_what_is_over_is_kept_for_a_day() -> None:
    drive = Drive(SITE)
    put(drive, EVENT)
    drive.now_ms += 2 * HOUR_MS + KEPT_MS - 1
    drive.do()
    assert drive.memory.capacity_events == {"e1": EVENT}
    drive.wait(0.001)
    assert drive.memory.capacity_events == {}
    assert drive.last.changes.capacity_events == {}
    assert logged(drive) == ["capacity_event.set", "capacity_event.forgotten"]


def test_of_those_that_are_over_the_newest_are_kept() -> None:
    drive = Drive(SITE)
    drive.is_recovered = False
    for number in range(2 * EVENTS_MAX + 3):
        put(drive, replace(EVENT, event_id=f"e{number}", from_ms=T0_WALL_MS, to_ms=T0_WALL_MS + drive.now_ms + 1_000))
        drive.wait(2)
    assert list(drive.memory.capacity_events) == [f"e{number}" for number in range(3, 2 * EVENTS_MAX + 3)]


def test_a_clock_that_is_set_ahead_for_some_hours_forgets_nothing() -> None:
    drive = Drive(SITE)
    put(drive, EVENT)
    ahead = Now(drive.now.mono_ms + 61_000, T0_WALL_MS + 10 * HOUR_MS)
    drive.memory.apply(drive.engine.step((), ahead).records)
    back = Now(drive.now.mono_ms + 62_000, T0_WALL_MS + 62_000)
    drive.memory.apply(drive.engine.step((), back).records)
    assert drive.memory.capacity_events == {"e1": EVENT}
    assert drive.engine.all_changes().capacity_events == {"e1": EVENT}


def test_a_grid_operator_is_silent_until_heard_and_again_after_a_while() -> None:
    drive = Drive(OPERATED)
    assert is_silent(drive)
    assert hear(drive) == Confirmed()
    drive.do()
    assert not is_silent(drive)
    drive.wait(299.999)
    assert not is_silent(drive)
    drive.wait(0.001)
    drive.do()
    assert is_silent(drive)
    hear(drive)
    assert not is_silent(drive)
    assert logged(drive) == ["grid_operator.heard"] * 2


def test_after_a_restart_he_has_to_be_heard_again() -> None:
    drive = Drive(OPERATED)
    hear(drive)
    drive.recover()
    assert is_silent(drive)


def test_a_heartbeat_among_many_writes_nothing() -> None:
    drive = Drive(OPERATED)
    hear(drive)
    drive.wait(60)
    hear(drive)
    assert drive.last.records == ()


def test_where_none_is_configured_nobody_is_heard() -> None:
    drive = Drive(SITE)
    outcome = hear(drive)
    assert isinstance(outcome, Refused)
    assert outcome.refusal is Refusal.NO_GRID_OPERATOR
    assert not is_silent(drive)


def test_a_peak_is_written_down_and_found_again() -> None:
    drive = Drive(replace(SITE, capacity_tariff=CapacityTariff(50_000)))
    state = rebuild(drive.memory.snapshot(), drive.now)
    quarter_ms = T0_WALL_MS - T0_WALL_MS % 900_000
    journal = Journal(quarter_ms)
    tell_governor(state, 0, journal, Now(0, quarter_ms))
    tell_governor(state, 70_000, journal, Now(450_000, quarter_ms + 450_000))
    assert state.governor.peak.power_w == 0
    tell_governor(state, 70_000, journal, Now(900_000, quarter_ms + 900_000))
    assert journal.peak
    assert state.governor.peak == Peak("2027-01", 70_000)
    drive.memory.apply([state.governor.peak])
    assert rebuild(drive.memory.snapshot(), drive.now).governor.peak == Peak("2027-01", 70_000)


def test_without_a_tariff_no_peak_is_made() -> None:
    drive = Drive(SITE)
    state, journal = rebuild(drive.memory.snapshot(), drive.now), Journal(0)
    for seconds in (0, 900, 1_800):
        tell_governor(state, 70_000, journal, Now(seconds * 1_000, seconds * 1_000))
    assert (journal.peak, state.governor.peak.power_w) == (False, 0)
