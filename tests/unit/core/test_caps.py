"""What an operator's profile says at an instant, as a table; and of several against a naive oracle."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csms.core.caps import DAY_MS, Cap, CapPurpose, Period, cap_of, lowest
from csms.core.station import Charger
from tests.unit.core.driving import charger

T0_MS = 1_800_000_000_000
S, HOUR = 1_000, 3_600_000
AC: Charger = charger("CP001", 22, phases=3)


def stamp(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def profile(
    kind: str = "Absolute", periods: tuple[tuple[int, float], ...] = ((0, 11_000.0),), **fields: Any
) -> dict[str, Any]:
    """Return a SetChargingProfile.req for connector 1; fields of the schedule are put where they belong."""
    schedule = {"chargingRateUnit": fields.pop("unit", "W")} | {
        name: fields.pop(name) for name in ("duration", "startSchedule") if name in fields
    }
    schedule["chargingSchedulePeriod"] = [{"startPeriod": start, "limit": limit} for start, limit in periods]
    return {
        "connectorId": fields.pop("connector", 1),
        "csChargingProfiles": {
            "chargingProfileId": 1,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxDefaultProfile",
            "chargingProfileKind": kind,
            "chargingSchedule": schedule,
        }
        | fields,
    }


TWO = ((0, 11_000.0), (600, 4_000.0))
DAILY: dict[str, Any] = {"recurrencyKind": "Daily", "startSchedule": stamp(T0_MS), "duration": 3_600}


@pytest.mark.parametrize(
    ("body", "at_ms", "limit_w", "next_ms"),
    [
        (profile(), 0, 11_000, None),
        (profile(), 90 * DAY_MS, 11_000, None),
        (profile(periods=TWO), 0, 11_000, 600 * S),
        (profile(periods=TWO), 600 * S - 1, 11_000, 600 * S),
        (profile(periods=TWO), 600 * S, 4_000, None),
        (profile(periods=TWO, duration=900), 600 * S, 4_000, 900 * S),
        (profile(periods=TWO, duration=900), 900 * S, None, None),
        (profile(periods=TWO, duration=300), 0, 11_000, 300 * S),
        (profile(startSchedule=stamp(T0_MS + 60 * S)), 59_999, None, 60 * S),
        (profile(startSchedule=stamp(T0_MS - 660 * S), periods=TWO), 0, 4_000, None),
        (profile(validFrom=stamp(T0_MS + 60 * S)), 0, None, 60 * S),
        (profile(validTo=stamp(T0_MS + 60 * S)), 0, 11_000, 60 * S),
        (profile(validTo=stamp(T0_MS + 60 * S)), 60 * S, None, None),
        (profile("Relative", TWO), 0, 4_000, None),
        (profile("Relative", TWO, duration=700), 0, None, None),
        (profile("Recurring", TWO, **DAILY), 0, 11_000, 600 * S),
        (profile("Recurring", TWO, **DAILY), HOUR, None, DAY_MS),
        (profile("Recurring", TWO, **DAILY), 3 * DAY_MS + 600 * S, 4_000, 3 * DAY_MS + HOUR),
        (profile("Recurring", TWO, **DAILY), -1, None, 0),
        (profile("Recurring", TWO, **DAILY | {"recurrencyKind": "Weekly"}), DAY_MS, None, 7 * DAY_MS),
    ],
)
def test_what_one_profile_says(body: dict[str, Any], at_ms: int, limit_w: int | None, next_ms: int | None) -> None:
    """Times after its acceptance; the session began 700 s before that."""
    cap = cap_of(json.loads(json.dumps(body)), T0_MS)
    moment = cap.at(T0_MS + at_ms, T0_MS - 700 * S)
    assert (None if moment.period is None else cap.limit_w(moment.period, AC)) == limit_w
    assert moment.next_ms == (None if next_ms is None else T0_MS + next_ms)


@pytest.mark.parametrize(
    ("limit", "unit", "phases", "site", "limit_w"),
    [
        (16, "A", None, AC, 11_040),
        (16, "A", 1, AC, 3_680),
        (6.1, "A", 1, AC, 1_403),
        (0.1, "A", 1, AC, 23),
        (0, "A", None, AC, 0),
        (16, "A", 3, charger("CP001", 7, phases=1), 3_680),
        (4_000.9, "W", None, AC, 4_000),
    ],
)
def test_amperes_are_the_chargers_and_rounded_down(
    limit: float, unit: str, phases: int | None, site: Charger, limit_w: int
) -> None:
    body = profile(periods=((0, limit),), unit=unit)
    if phases is not None:
        body["csChargingProfiles"]["chargingSchedule"]["chargingSchedulePeriod"][0]["numberPhases"] = phases
    cap = cap_of(body, T0_MS)
    assert cap.limit_w(cap.periods[0], site) == limit_w


def test_when_one_is_over() -> None:
    forever, until_time = cap_of(profile(), T0_MS), cap_of(profile(validTo=stamp(T0_MS + S)), T0_MS)
    a_while, again = cap_of(profile(duration=60), T0_MS), cap_of(profile("Recurring", **DAILY), T0_MS)
    of_each = cap_of(profile("Relative", duration=60), T0_MS)
    assert [cap.is_over(T0_MS + 90 * DAY_MS) for cap in (forever, again, of_each)] == [False] * 3
    assert [until_time.is_over(T0_MS + ms) for ms in (S - 1, S)] == [False, True]
    assert [a_while.is_over(T0_MS + ms) for ms in (60 * S - 1, 60 * S)] == [False, True]


@pytest.mark.parametrize(
    ("fields", "replaces"),
    [
        ({}, True),
        ({"chargingProfileId": 2}, True),
        ({"stackLevel": 1}, True),
        ({"chargingProfileId": 2, "stackLevel": 1}, False),
        ({"chargingProfileId": 2, "connector": 0}, False),
        ({"chargingProfileId": 2, "chargingProfilePurpose": "TxProfile"}, False),
    ],
)
def test_which_profile_takes_the_place_of_which(fields: dict[str, Any], replaces: bool) -> None:  # noqa: FBT001 - a row of the table
    assert cap_of(profile(**fields), T0_MS).replaces(cap_of(profile(), T0_MS)) is replaces


# --- an oracle --------------------------------------------------------------------------------------------------------

SPAN_S = 40
"""All times of the oracle are whole seconds in so short a time that each can be tried; a day of it has ten."""

caps = st.builds(
    Cap,
    profile_id=st.integers(1, 3),
    idx=st.integers(0, 1),
    purpose=st.sampled_from(CapPurpose),
    stack_level=st.integers(0, 2),
    periods=st.lists(
        st.tuples(st.integers(1, 8), st.integers(0, 50)), min_size=1, max_size=3, unique_by=lambda p: p[0]
    ).map(lambda found: tuple(Period(start * S if i else 0, w * 10) for i, (start, w) in enumerate(sorted(found)))),
    start_ms=st.none() | st.integers(0, SPAN_S).map(lambda s: s * S),
    duration_ms=st.none() | st.integers(1, 20).map(lambda s: s * S),
    recurs_ms=st.none() | st.just(10 * S),
    valid_from_ms=st.none() | st.integers(0, SPAN_S).map(lambda s: s * S),
    valid_to_ms=st.none() | st.integers(0, SPAN_S).map(lambda s: s * S),
)


def said_w(cap: Cap, second: int, begun_s: int) -> int | None:
    """Return what a profile says, found by going through its seconds one by one from its begin."""
    if cap.valid_from_ms is not None and second * S < cap.valid_from_ms:
        return None
    if cap.valid_to_ms is not None and second * S >= cap.valid_to_ms:
        return None
    start_s = begun_s if cap.start_ms is None else cap.start_ms // S
    found, elapsed = None, 0
    for at in range(start_s, second + 1):
        if cap.recurs_ms is not None and at > start_s and (at - start_s) * S % cap.recurs_ms == 0:
            elapsed = 0
        for period in cap.periods:
            if period.start_ms == elapsed * S:
                found = period.tenths // 10
        if cap.duration_ms is not None and elapsed * S >= cap.duration_ms:
            found = None
        elapsed += 1
    return found


@settings(max_examples=300, deadline=None)
@given(st.lists(caps, max_size=5), st.integers(0, SPAN_S))
def test_several_leave_what_a_naive_count_leaves_and_say_when_that_changes(found: list[Cap], begun_s: int) -> None:
    unique = list({(cap.purpose, cap.idx, cap.stack_level): cap for cap in found}.values())
    numbers: list[int | None] = []
    for second in range(SPAN_S + 20):
        leading: dict[tuple[CapPurpose, int], tuple[int, int]] = {}
        for cap in unique:
            power_w, place = said_w(cap, second, begun_s), (cap.purpose, cap.idx)
            if power_w is not None and (place not in leading or leading[place][0] < cap.stack_level):
                leading[place] = (cap.stack_level, power_w)
        numbers.append(min((power_w for _, power_w in leading.values()), default=None))
    for second, expected_w in enumerate(numbers):
        limit_w, next_ms = lowest(unique, AC, second * S, begun_s * S)
        assert limit_w == expected_w
        until_s = len(numbers) if next_ms is None else min(next_ms // S, len(numbers))
        assert until_s > second
        assert set(numbers[second:until_s]) == {expected_w}, "it changes before it says so"


def test_nothing_is_said_without_a_profile() -> None:
    assert lowest([], AC, T0_MS, T0_MS) == (None, None)
