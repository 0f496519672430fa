"""What the grid connection may be loaded with at an instant: capacity, schedule, events, and a source gone silent.

Theory of operation. The lowest of all that hold counts:

    gridCapacity       always
    capacitySchedule   a window holds whenever the station's clock shows a time in it: where clocks are set back, twice;
                       where they are set forward, less or not at all
    events             from … to …, UTC
    the fail-safe      while the grid operator is silent: no heartbeat of his for `silentAfterS`, or for what an event
                       that is not over promises, or none at all since this process began

A lower capacity counts `LEAD_MS` before its time, so that cuts have been carried out when it comes; a higher one counts
from its time on. Between two *edges* nothing changes, so edges are all that has to be looked at: the beginnings and
ends of windows (both of them, where an hour comes twice), the instants at which the zone's offset changes, the times
of events. All of it is asked anew whenever the wall clock may have been set; nothing is remembered here.

The zone is the caller's (`datetime.tzinfo`): whose rules it has, and where they come from, is no matter of the core.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache

from csms.core.grid_terms import DAY_MIN, CapacityEvent, CapacityWindow, EventPhase, Held, HeldBy
from csms.core.station import Station
from csms.core.station_time import instant_ms, shown

LEAD_MS = 25_000
"""So long before its time a lower capacity counts: a cut has settled by then (LEDGER.md §3)."""

DAY_MS = 86_400_000
DAYS_KNOWN = 64
"""So many days of schedules are kept read: they are the same each time they are asked for."""

AHEAD_DAYS = 8
"""A schedule repeats each week: whatever changes does so within that, and is looked for no further."""


def held_at(
    station: Station, events: Sequence[CapacityEvent], wall_ms: int, zone: tzinfo, unheard_ms: int | None
) -> Held:
    """Return what the grid connection may be loaded with now, and what that comes from; of equal ones the first named.

    Args:
        station: the configuration.
        events: those that stand, over or not.
        wall_ms: now, UTC.
        zone: the station's.
        unheard_ms: for how long nothing was heard of the grid operator; None: nothing since this process began.
    """
    told = _told_at(station, events, wall_ms, zone)
    held = told
    for edge_ms in sorted(_edges_ms(station, events, wall_ms, wall_ms + LEAD_MS, zone)):
        soon = _told_at(station, events, edge_ms, zone)
        if soon.capacity_w < held.capacity_w:
            held = replace(soon, in_force_w=told.in_force_w, begins_ms=edge_ms)
    operator = station.grid_operator
    if operator is None or not is_silent(station, events, wall_ms, unheard_ms):
        return held
    in_force_w = min(told.in_force_w, operator.fail_safe_capacity_w)
    if operator.fail_safe_capacity_w < held.capacity_w:
        return Held(operator.fail_safe_capacity_w, HeldBy.FAIL_SAFE, in_force_w)
    return replace(held, in_force_w=in_force_w)


def grid_capacity_w(
    station: Station, events: Sequence[CapacityEvent], wall_ms: int, zone: tzinfo, unheard_ms: int | None
) -> int:
    """Return what the grid connection may be loaded with now, W; the arguments are those of `held_at`."""
    return held_at(station, events, wall_ms, zone, unheard_ms).capacity_w


def next_change_ms(
    station: Station,
    events: Sequence[CapacityEvent],
    wall_ms: int,
    zone: tzinfo,
    unheard_ms: int | None,
    ahead_ms: int = AHEAD_DAYS * DAY_MS,
) -> int | None:
    """Return in how many ms, at least 1, the capacity will be another one if nothing is heard until then.

    None: not within `ahead_ms` (from a week on: not at all), as things stand.
    """
    now_w = grid_capacity_w(station, events, wall_ms, zone, unheard_ms)
    for change_ms in _changes_ms(station, events, wall_ms, zone, unheard_ms, ahead_ms):
        passed_ms = change_ms - wall_ms
        still_ms = None if unheard_ms is None else unheard_ms + passed_ms
        if grid_capacity_w(station, events, change_ms, zone, still_ms) != now_w:
            return passed_ms
    return None


def falls_ms(
    station: Station, events: Sequence[CapacityEvent], wall_ms: int, zone: tzinfo, ahead_ms: int, than_w: int
) -> int | None:
    """Return when a capacity lower `than_w` begins that does not count yet, UTC ms; None: not within `ahead_ms`."""
    edges_ms = sorted(_edges_ms(station, events, wall_ms + LEAD_MS, wall_ms + ahead_ms, zone))
    falls = (edge_ms for edge_ms in edges_ms if _told_at(station, events, edge_ms, zone).capacity_w < than_w)
    return next(falls, None)


def lowest_w(station: Station, events: Iterable[CapacityEvent], wall_ms: int) -> int:
    """Return the lowest capacity that may come without anything new being said, W: what is firm (LEDGER.md I11)."""
    standing = (event.capacity_w for event in events if event.phase_at(wall_ms) is not EventPhase.OVER)
    return min(lowest_configured_w(station), min(standing, default=station.grid_capacity_w))


def lowest_configured_w(station: Station) -> int:
    """Return the lowest capacity that the configuration alone may bring, W."""
    scheduled = (window.capacity_w for window in station.capacity_schedule)
    operator = station.grid_operator
    fail_safe_w = station.grid_capacity_w if operator is None else operator.fail_safe_capacity_w
    return min(station.grid_capacity_w, fail_safe_w, *scheduled)


def is_silent(station: Station, events: Iterable[CapacityEvent], wall_ms: int, unheard_ms: int | None) -> bool:
    """Return whether the grid operator is one that should have been heard of; never where none is configured."""
    allowed_ms = silence_ms(station, events, wall_ms)
    return allowed_ms is not None and (unheard_ms is None or unheard_ms >= allowed_ms)


def silence_ms(station: Station, events: Iterable[CapacityEvent], wall_ms: int) -> int | None:
    """Return for how long nothing may be heard of the grid operator, ms; None: none is configured."""
    if station.grid_operator is None:
        return None
    standing = (event for event in events if event.phase_at(wall_ms) is not EventPhase.OVER)
    promised_s = (event.heartbeat_s for event in standing if event.heartbeat_s is not None)
    return min((station.grid_operator.silent_after_s, *promised_s)) * 1_000


def _told_at(station: Station, events: Iterable[CapacityEvent], wall_ms: int, zone: tzinfo) -> Held:
    """Return what configuration, schedule and events leave at one instant."""
    found = [Held(station.grid_capacity_w, HeldBy.GRID_CAPACITY, 0)]
    if station.capacity_schedule:
        clock = shown(wall_ms, zone)
        day, minute = clock.weekday(), clock.hour * 60 + clock.minute
        windows = (window for window in station.capacity_schedule if window.holds_at(day, minute))
        found += [Held(window.capacity_w, HeldBy.SCHEDULE, 0, window=window) for window in windows]
    in_force = (event for event in events if event.phase_at(wall_ms) is EventPhase.IN_FORCE)
    found += [Held(event.capacity_w, HeldBy.EVENT, 0, event=event) for event in in_force]
    lowest = min(found, key=lambda held: held.capacity_w)
    return replace(lowest, in_force_w=lowest.capacity_w)


def _changes_ms(
    station: Station,
    events: Sequence[CapacityEvent],
    wall_ms: int,
    zone: tzinfo,
    unheard_ms: int | None,
    ahead_ms: int,
) -> list[int]:
    """Return the instants at which the capacity may change within `ahead_ms` from now, in order."""
    edges_ms = set(_edges_ms(station, events, wall_ms, wall_ms + ahead_ms + LEAD_MS, zone))
    found = {*edges_ms, *(edge_ms - LEAD_MS for edge_ms in edges_ms)}
    if station.grid_operator is not None and unheard_ms is not None:
        promised_s = (event.heartbeat_s for event in events if event.heartbeat_s is not None)
        heard_ms = wall_ms - unheard_ms
        found |= {heard_ms + each_s * 1_000 for each_s in (station.grid_operator.silent_after_s, *promised_s)}
    return sorted(each for each in found if wall_ms < each <= wall_ms + ahead_ms)


def _edges_ms(
    station: Station, events: Iterable[CapacityEvent], after_ms: int, until_ms: int, zone: tzinfo
) -> Iterator[int]:
    """Yield, in no order, the instants in (after_ms, until_ms] at which what is told may change."""
    for event in events:
        yield from (each for each in (event.from_ms, event.to_ms) if each is not None and after_ms < each <= until_ms)
    if station.capacity_schedule:
        for utc_day in range(after_ms // DAY_MS, until_ms // DAY_MS + 1):
            edges_ms = _of_clock_ms(station.capacity_schedule, utc_day, zone)
            yield from (each for each in edges_ms if after_ms < each <= until_ms)


@lru_cache(maxsize=DAYS_KNOWN)
def _of_clock_ms(schedule: tuple[CapacityWindow, ...], utc_day: int, zone: tzinfo) -> tuple[int, ...]:
    """Return when, in a day of UTC, the station's clock shows the begin or the end of a window, or is set; in order."""
    begin_ms, end_ms = utc_day * DAY_MS, (utc_day + 1) * DAY_MS
    minutes = {each % DAY_MIN for window in schedule for each in (window.from_min, window.to_min)}
    found: set[int] = set()
    day, last = shown(begin_ms, zone).date(), shown(end_ms, zone).date()
    while day <= last:
        for minute in minutes:
            clock = datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=zone)
            found |= {instant_ms(clock), instant_ms(clock.replace(fold=1))}
        day += timedelta(days=1)
    if _offset(begin_ms, zone) != _offset(end_ms, zone):
        found.add(_set_ms(begin_ms, end_ms, zone))
    return tuple(sorted(each for each in found if begin_ms <= each <= end_ms))


def _set_ms(from_ms: int, to_ms: int, zone: tzinfo) -> int:
    """Return the first instant in (from_ms, to_ms] at which the zone has another offset than at the first one."""
    before = _offset(from_ms, zone)
    return from_ms + bisect_left(
        range(to_ms - from_ms), True, key=lambda passed: _offset(from_ms + passed, zone) != before
    )


def _offset(wall_ms: int, zone: tzinfo) -> timedelta | None:
    return shown(wall_ms, zone).utcoffset()
