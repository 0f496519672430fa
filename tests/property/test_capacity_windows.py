"""Capacity schedules and events drawn at random, against a clock that is read at every instant asked for."""

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from csms.core.capacity_windows import LEAD_MS, grid_capacity_w, lowest_w, next_change_ms
from csms.core.grid_terms import CapacityEvent, CapacityWindow, GridOperator
from csms.core.station import Station

BEGIN_MS = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1_000)
ZONES = [
    ZoneInfo(name) for name in ("UTC", "Europe/Paris", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu")
]
QUARTERS = st.integers(0, 95).map(lambda quarter: quarter * 15)
POWERS = st.sampled_from([0, 50_000, 100_000, 150_000, 400_000, 500_000])
WINDOWS = st.builds(
    CapacityWindow,
    QUARTERS,
    st.integers(1, 96).map(lambda quarter: quarter * 15),
    POWERS,
    st.sets(st.integers(0, 6), min_size=1).map(lambda days: tuple(sorted(days))),
).filter(lambda window: window.from_min != window.to_min)
SITES = st.builds(
    lambda schedule, operator: Station("S", 400_000, (), capacity_schedule=tuple(schedule), grid_operator=operator),
    st.lists(WINDOWS, max_size=3),
    st.none() | st.builds(GridOperator, POWERS, st.integers(10, 600)),
)
CLOCKS_SET = [  # shortly before clocks are set, in one of the zones
    int(datetime(2026, month, day, hour, tzinfo=UTC).timestamp() * 1_000)
    for month, day, hour in ((3, 29, 0), (10, 25, 0), (3, 8, 0), (11, 1, 0), (4, 4, 12), (10, 3, 12))
]
INSTANTS = st.one_of(
    st.integers(BEGIN_MS, BEGIN_MS + 366 * 86_400_000),
    st.builds(lambda at, more: at + more, st.sampled_from(CLOCKS_SET), st.integers(0, 8 * 3_600_000)),
)


@st.composite
def _standing(draw: st.DrawFn) -> tuple[int, list[CapacityEvent]]:
    """Draw an instant and events around it."""
    at_ms = draw(INSTANTS)
    near = st.integers(-7_200_000, 7_200_000)
    events = [
        CapacityEvent(
            f"e{number}",
            at_ms + draw(near),
            draw(st.none() | near.map(lambda more: at_ms + more)),
            draw(POWERS),
            "DSO",
            draw(st.none() | st.integers(10, 600)),
        )
        for number in range(draw(st.integers(0, 3)))
    ]
    return at_ms, events


STANDING = _standing()
UNHEARD = st.none() | st.integers(0, 1_000_000)


def told_w(station: Station, events: Sequence[CapacityEvent], at_ms: int, zone: ZoneInfo) -> int:
    """Return what one reading of the station's clock says: weekday and minute, yesterday's windows over midnight."""
    clock = datetime.fromtimestamp(at_ms // 1_000, zone)
    minute, today = clock.hour * 60 + clock.minute, clock.weekday()
    held = [station.grid_capacity_w]
    for window in station.capacity_schedule:
        for day, shown in ((today, minute), ((today - 1) % 7, minute + 1_440)):
            end = window.to_min if window.to_min > window.from_min else window.to_min + 1_440
            if day in window.days and window.from_min <= shown < end:
                held.append(window.capacity_w)
    held += [e.capacity_w for e in events if e.from_ms <= at_ms and (e.to_ms is None or at_ms < e.to_ms)]
    return min(held)


@settings(max_examples=100, deadline=None)
@given(SITES, STANDING, st.sampled_from(ZONES))
def test_the_lowest_of_all_that_holds_now_or_in_25_s(
    station: Station, standing: tuple[int, list[CapacityEvent]], zone: ZoneInfo
) -> None:
    at_ms, events = standing
    # Windows and clocks change at whole minutes, events at any ms: those and both ends are all instants to ask.
    asked = {at_ms, at_ms + LEAD_MS, *range(at_ms // 60_000 * 60_000, at_ms + LEAD_MS + 1, 60_000)}
    asked |= {each for event in events for each in (event.from_ms, event.to_ms) if each is not None}
    expected_w = min(told_w(station, events, each, zone) for each in asked if at_ms <= each <= at_ms + LEAD_MS)
    assert grid_capacity_w(station, events, at_ms, zone, 0) == expected_w
    silent_w = grid_capacity_w(station, events, at_ms, zone, None)
    fail_safe_w = expected_w if station.grid_operator is None else station.grid_operator.fail_safe_capacity_w
    assert silent_w == min(expected_w, fail_safe_w)


@settings(max_examples=100, deadline=None)
@given(SITES, STANDING, st.sampled_from(ZONES), UNHEARD, st.lists(st.floats(0, 1), min_size=20, max_size=20))
def test_until_the_next_change_nothing_changes_and_then_it_does(
    station: Station,
    standing: tuple[int, list[CapacityEvent]],
    zone: ZoneInfo,
    unheard_ms: int | None,
    shares: list[float],
) -> None:
    at_ms, events = standing

    def later_w(passed_ms: int) -> int:
        still_ms = None if unheard_ms is None else unheard_ms + passed_ms
        return grid_capacity_w(station, events, at_ms + passed_ms, zone, still_ms)

    now_w, change_ms = later_w(0), next_change_ms(station, events, at_ms, zone, unheard_ms)
    if change_ms is not None:
        assert change_ms >= 1
        assert later_w(change_ms) != now_w
    until_ms = 7 * 86_400_000 if change_ms is None else change_ms
    looked_at = {int(share * (until_ms - 1)) for share in shares} | {until_ms - 1, *range(0, until_ms, 900_000 * 96)}
    assert {later_w(each) for each in looked_at} == {now_w}


@settings(max_examples=100, deadline=None)
@given(SITES, STANDING, st.sampled_from(ZONES), UNHEARD, st.integers(0, 30 * 86_400_000))
def test_nothing_that_comes_is_below_what_is_firm(
    station: Station, standing: tuple[int, list[CapacityEvent]], zone: ZoneInfo, unheard_ms: int | None, passed_ms: int
) -> None:
    at_ms, events = standing
    still_ms = None if unheard_ms is None else unheard_ms + passed_ms
    coming_w = grid_capacity_w(station, events, at_ms + passed_ms, zone, still_ms)
    assert coming_w >= lowest_w(station, events, at_ms)
