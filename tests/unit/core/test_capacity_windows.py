"""What the grid connection may be loaded with, instant by instant: station time, events, a source gone silent."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from csms.core.capacity_windows import LEAD_MS, falls_ms, grid_capacity_w, held_at, is_silent, lowest_w, next_change_ms
from csms.core.grid_terms import CapacityEvent, CapacityWindow, GridOperator, Held, HeldBy
from csms.core.station import Station

PARIS = ZoneInfo("Europe/Paris")
MON, FRI, SUN = 0, 4, 6
MIN_MS = 60_000


def ms(text: str) -> int:
    """Return an instant that is written with its offset, UTC ms."""
    return int(datetime.fromisoformat(text).timestamp() * 1_000)


def window(begin: str, end: str, kw: int, *days: int) -> CapacityWindow:
    from_min, to_min = (int(each[:2]) * 60 + int(each[3:]) for each in (begin, end))
    return CapacityWindow(from_min, to_min, kw * 1_000, days) if days else CapacityWindow(from_min, to_min, kw * 1_000)


def site(*schedule: CapacityWindow, operator: GridOperator | None = None) -> Station:
    return Station("S", 400_000, (), capacity_schedule=schedule, grid_operator=operator)


def kw_at(station: Station, at: str, *events: CapacityEvent, unheard_ms: int | None = None) -> float:
    return grid_capacity_w(station, events, ms(at), PARIS, unheard_ms) / 1_000


@pytest.mark.parametrize(
    ("at", "kw"),
    [
        ("2026-06-10T16:59:34+02:00", 400),
        ("2026-06-10T16:59:35+02:00", 300),  # cuts leave 25 s before
        ("2026-06-10T17:00:00+02:00", 300),
        ("2026-06-10T18:29:34+02:00", 300),
        ("2026-06-10T18:29:35+02:00", 200),  # two hold: the lower one
        ("2026-06-10T18:59:59.999+02:00", 200),
        ("2026-06-10T19:00:00+02:00", 300),  # a raise waits for its time
        ("2026-06-10T19:59:59+02:00", 300),
        ("2026-06-10T20:00:00+02:00", 400),
        ("2026-01-10T17:00:00+01:00", 300),  # the station's clock, in winter too
        ("2026-01-10T20:00:00+01:00", 400),
    ],
)
def test_overlapping_windows_of_a_day(at: str, kw: int) -> None:
    assert kw_at(site(window("17:00", "20:00", 300), window("18:30", "19:00", 200)), at) == kw


@pytest.mark.parametrize(
    ("at", "kw"),
    [
        ("2026-06-12T21:59:00+02:00", 400),  # a Friday
        ("2026-06-12T22:00:00+02:00", 50),
        ("2026-06-13T05:59:59+02:00", 50),  # it began on Friday
        ("2026-06-13T06:00:00+02:00", 400),
        ("2026-06-13T22:00:00+02:00", 400),
        ("2026-06-14T23:00:00+02:00", 50),  # a Sunday
        ("2026-06-15T05:00:00+02:00", 50),  # over the end of the week
        ("2026-06-15T23:00:00+02:00", 400),
    ],
)
def test_a_window_over_midnight_belongs_to_the_day_on_which_it_begins(at: str, kw: int) -> None:
    assert kw_at(site(window("22:00", "06:00", 50, FRI, SUN)), at) == kw


def test_a_whole_day() -> None:
    mondays = site(window("00:00", "24:00", 10, MON))
    assert kw_at(mondays, "2026-06-14T23:59:30+02:00") == 400
    assert kw_at(mondays, "2026-06-15T00:00:00+02:00") == 10
    assert kw_at(mondays, "2026-06-15T23:59:59.999+02:00") == 10
    assert kw_at(mondays, "2026-06-16T00:00:00+02:00") == 400


def held_ms(station: Station, day: str) -> int:
    """Return for how long of a day of the station's clock less than 400 kW hold, asked each minute."""
    begin = datetime.fromisoformat(day).replace(tzinfo=PARIS)
    end = (begin + timedelta(days=1)).astimezone(UTC)
    asked = range(int(begin.timestamp()) * 1_000, int(end.timestamp()) * 1_000, MIN_MS)
    return sum(MIN_MS for at in asked if grid_capacity_w(station, (), at, PARIS, None) < 400_000)


@pytest.mark.parametrize(
    ("day", "begin", "end", "minutes"),
    [
        ("2026-03-28", "01:30", "02:30", 60),
        ("2026-03-29", "01:30", "02:30", 30),  # 23 h: 02:00 to 03:00 is left out
        ("2026-03-29", "02:00", "03:00", 0),
        ("2026-03-29", "02:30", "05:00", 120),  # holds from 03:00 on
        ("2026-03-29", "00:00", "24:00", 23 * 60),
        ("2026-10-25", "01:30", "02:30", 90),  # 25 h: 02:00 to 03:00 comes twice
        ("2026-10-25", "02:15", "02:45", 60),
        ("2026-10-25", "02:30", "05:00", 180),
        ("2026-10-25", "00:00", "24:00", 25 * 60),
        ("2026-10-26", "02:15", "02:45", 30),
    ],
)
def test_days_of_23_and_25_hours(day: str, begin: str, end: str, minutes: int) -> None:
    assert held_ms(site(window(begin, end, 100)), day) == pytest.approx(minutes * MIN_MS, abs=2 * LEAD_MS)


DIMMED = CapacityEvent("e1", ms("2026-06-10T12:00:00Z"), ms("2026-06-10T14:00:00Z"), 150_000, "DSO")
OPEN = CapacityEvent("e2", ms("2026-06-10T13:00:00Z"), None, 120_000, "DSO")


@pytest.mark.parametrize(
    ("at", "kw"),
    [
        ("2026-06-10T11:59:34Z", 400),
        ("2026-06-10T11:59:35Z", 150),
        ("2026-06-10T12:59:35Z", 120),
        ("2026-06-10T14:00:00Z", 120),
        ("2030-01-01T00:00:00Z", 120),
    ],
)
def test_events(at: str, kw: int) -> None:
    assert kw_at(site(), at, DIMMED, OPEN) == kw


def test_an_event_raises_nothing() -> None:
    assert kw_at(site(), "2026-06-10T13:00:00Z", CapacityEvent("e", 0, None, 900_000, "DSO")) == 400


@pytest.mark.parametrize(
    ("heartbeat_s", "at", "unheard_s", "silent"),
    [
        (None, "2026-06-10T11:00:00Z", None, True),  # never heard
        (None, "2026-06-10T11:00:00Z", 0, False),
        (None, "2026-06-10T11:00:00Z", 299.999, False),
        (None, "2026-06-10T11:00:00Z", 300, True),
        (60, "2026-06-10T11:00:00Z", 59.999, False),  # an event to come has his promise too
        (60, "2026-06-10T13:00:00Z", 60, True),
        (60, "2026-06-10T14:00:00Z", 60, False),  # it is over
        (600, "2026-06-10T13:00:00Z", 300, True),  # a longer one promises nothing
    ],
)
def test_the_fail_safe_holds_while_the_grid_operator_is_silent(
    heartbeat_s: int | None, at: str, unheard_s: float | None, *, silent: bool
) -> None:
    station = site(operator=GridOperator(90_000, 300))
    event = CapacityEvent("e", DIMMED.from_ms, DIMMED.to_ms, 150_000, "DSO", heartbeat_s)
    unheard_ms = None if unheard_s is None else int(unheard_s * 1_000)
    told_kw = 150 if event.from_ms <= ms(at) < ms("2026-06-10T14:00:00Z") else 400
    assert kw_at(station, at, event, unheard_ms=unheard_ms) == (90 if silent else told_kw)
    assert is_silent(station, [event], ms(at), unheard_ms) is silent


def test_without_a_grid_operator_nobody_is_silent() -> None:
    assert kw_at(site(), "2026-06-10T13:00:00Z", CapacityEvent("e", 0, None, 150_000, "DSO", 10)) == 150


def test_a_fail_safe_raises_nothing() -> None:
    station = site(window("17:00", "20:00", 30), operator=GridOperator(90_000, 300))
    assert kw_at(station, "2026-06-10T18:00:00+02:00") == 30


@pytest.mark.parametrize(
    ("at", "than_kw", "falls_at"),
    [
        ("2026-06-10T16:54:59+02:00", 400, None),  # a limit that is said now expires before
        ("2026-06-10T16:55:00+02:00", 400, "2026-06-10T17:00:00+02:00"),
        ("2026-06-10T16:59:34+02:00", 400, "2026-06-10T17:00:00+02:00"),
        ("2026-06-10T16:59:35+02:00", 300, None),  # it counts already
        ("2026-06-10T16:59:00+02:00", 300, None),  # as much is left
        ("2026-06-10T18:28:00+02:00", 300, "2026-06-10T18:30:00+02:00"),
        ("2026-06-10T18:59:00+02:00", 200, None),  # a rise
    ],
)
def test_when_a_lower_capacity_begins(at: str, than_kw: int, falls_at: str | None) -> None:
    station = site(window("17:00", "20:00", 300), window("18:30", "19:00", 200))
    expected_ms = None if falls_at is None else ms(falls_at)
    assert falls_ms(station, [], ms(at), PARIS, 300_000, than_kw * 1_000) == expected_ms


def test_an_event_that_was_told_is_a_fall_that_is_known() -> None:
    begins_ms = ms("2026-06-10T12:00:00Z")  # that of `DIMMED`
    assert falls_ms(site(), [DIMMED], begins_ms - 100_000, PARIS, 300_000, 400_000) == begins_ms


@pytest.mark.parametrize(
    ("at", "lowest_kw"),
    [("2026-06-10T11:00:00Z", 120), ("2026-06-10T15:00:00Z", 120)],
)
def test_what_is_firm(at: str, lowest_kw: int) -> None:
    assert lowest_w(site(), [DIMMED, OPEN], ms(at)) == lowest_kw * 1_000
    assert lowest_w(site(), [DIMMED], ms("2026-06-10T11:00:00Z")) == 150_000  # to come
    assert lowest_w(site(), [DIMMED], ms("2026-06-10T14:00:00Z")) == 400_000  # over
    scheduled = site(window("17:00", "20:00", 70, MON), operator=GridOperator(90_000))
    assert lowest_w(scheduled, [DIMMED], ms(at)) == 70_000
    assert lowest_w(site(operator=GridOperator(90_000)), [], ms(at)) == 90_000


@pytest.mark.parametrize(
    ("station", "at", "unheard_s", "seconds"),
    [
        (site(), "2026-06-10T12:00:00Z", None, None),
        (site(window("17:00", "20:00", 300)), "2026-06-10T16:00:00+02:00", None, 3_575),
        (site(window("17:00", "20:00", 300)), "2026-06-10T16:59:35+02:00", None, 3 * 3_600 + 25),
        (site(window("17:00", "20:00", 300)), "2026-06-10T20:00:00+02:00", None, 21 * 3_600 - 25),
        (site(window("17:00", "20:00", 300, MON)), "2026-06-15T20:00:00+02:00", None, 7 * 86_400 - 3 * 3_600 - 25),
        (site(window("02:30", "05:00", 300)), "2026-03-29T00:00:00+01:00", None, 7_175),  # the clock is set at 02:00
        (site(window("17:00", "20:00", 500)), "2026-06-10T16:00:00+02:00", None, None),  # changes nothing
        (site(operator=GridOperator(90_000, 300)), "2026-06-10T12:00:00Z", None, None),
        (site(operator=GridOperator(90_000, 300)), "2026-06-10T12:00:00Z", 100, 200),
    ],
)
def test_when_it_changes(station: Station, at: str, unheard_s: int | None, seconds: int | None) -> None:
    unheard_ms = None if unheard_s is None else unheard_s * 1_000
    found = next_change_ms(station, (), ms(at), PARIS, unheard_ms)
    assert found == (None if seconds is None else seconds * 1_000)


def test_a_promise_that_ends_ends_the_silence() -> None:
    station = site(operator=GridOperator(90_000, 300))
    event = CapacityEvent("e", 0, ms("2026-06-10T12:00:30Z"), 150_000, "DSO", 60)
    at_ms = ms("2026-06-10T12:00:00Z")
    assert grid_capacity_w(station, [event], at_ms, PARIS, 100_000) == 90_000
    assert next_change_ms(station, [event], at_ms, PARIS, 100_000) == 30_000
    assert grid_capacity_w(station, [event], at_ms + 30_000, PARIS, 130_000) == 400_000
    assert next_change_ms(station, [event], at_ms + 30_000, PARIS, 130_000) == 170_000


def test_the_lead_is_that_of_a_cut() -> None:
    assert LEAD_MS == 25_000


EVENING = window("17:00", "20:00", 300)
NIGHT = window("19:00", "23:00", 300)


@pytest.mark.parametrize(
    ("at", "unheard_ms", "held"),
    [
        ("2026-06-10T12:00:00+02:00", 0, Held(400_000, HeldBy.GRID_CAPACITY, 400_000)),
        (
            "2026-06-10T16:59:40+02:00",
            0,
            Held(300_000, HeldBy.SCHEDULE, 400_000, ms("2026-06-10T17:00:00+02:00"), EVENING),
        ),
        ("2026-06-10T17:00:00+02:00", 0, Held(300_000, HeldBy.SCHEDULE, 300_000, window=EVENING)),
        ("2026-06-10T19:30:00+02:00", 0, Held(300_000, HeldBy.SCHEDULE, 300_000, window=EVENING)),  # the first named
        ("2026-06-10T20:30:00+02:00", 0, Held(300_000, HeldBy.SCHEDULE, 300_000, window=NIGHT)),
        ("2026-06-10T14:30:00+02:00", 0, Held(150_000, HeldBy.EVENT, 150_000, event=DIMMED)),
        ("2026-06-10T14:30:00+02:00", None, Held(90_000, HeldBy.FAIL_SAFE, 90_000)),
        ("2026-06-10T16:59:40+02:00", None, Held(90_000, HeldBy.FAIL_SAFE, 90_000)),
    ],
)
def test_what_holds_the_grid_connection(at: str, unheard_ms: int | None, held: Held) -> None:
    station = site(EVENING, NIGHT, operator=GridOperator(90_000, 300))
    assert held_at(station, [DIMMED], ms(at), PARIS, unheard_ms) == held
