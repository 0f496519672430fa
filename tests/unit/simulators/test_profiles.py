from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from simulators.electrical import RateUnit
from simulators.profiles import (
    Capabilities,
    Kind,
    Period,
    Profile,
    ProfileBook,
    Purpose,
    Refused,
    parse_profile,
    parse_time_ms,
)

MAX, DEFAULT, TX = Purpose.CHARGE_POINT_MAX, Purpose.TX_DEFAULT, Purpose.TX


def payload(**changes: Any) -> dict[str, Any]:
    """The example of §3.13.7: 6 kW between 08:00 and 20:00, 11 kW otherwise, every day."""
    schedule = {
        "duration": 86_400,
        "start_schedule": "2013-01-01T00:00Z",
        "charging_rate_unit": "W",
        "charging_schedule_period": [
            {"start_period": 0, "limit": 11_000, "number_phases": 3},
            {"start_period": 28_800, "limit": 6_000, "number_phases": 3},
            {"start_period": 72_000, "limit": 11_000, "number_phases": 3},
        ],
    }
    schedule |= changes.pop("schedule", {})
    schedule = {name: value for name, value in schedule.items() if value is not None}
    whole = {
        "charging_profile_id": 100,
        "stack_level": 0,
        "charging_profile_purpose": "TxDefaultProfile",
        "charging_profile_kind": "Recurring",
        "recurrency_kind": "Daily",
        "charging_schedule": schedule,
    } | changes
    return {name: value for name, value in whole.items() if value is not None}


def test_the_specification_s_example_is_parsed() -> None:
    assert parse_profile(payload()) == Profile(
        profile_id=100,
        stack_level=0,
        purpose=DEFAULT,
        kind=Kind.RECURRING,
        unit=RateUnit.W,
        periods=(Period(0, 110_000, 3), Period(28_800_000, 60_000, 3), Period(72_000_000, 110_000, 3)),
        recurrency_ms=86_400_000,
        start_ms=1_356_998_400_000,
        duration_ms=86_400_000,
    )


@pytest.mark.parametrize(
    ("text", "at_ms"),
    [
        ("2013-01-01T00:00:00Z", 1_356_998_400_000),
        ("2013-01-01T00:00:00", 1_356_998_400_000),
        ("2013-01-01T01:00:00+01:00", 1_356_998_400_000),
        ("2013-01-01T00:00:00.250Z", 1_356_998_400_250),
        ("2013-01-01T00:00Z", 1_356_998_400_000),
    ],
)
def test_times(text: str, at_ms: int) -> None:
    assert parse_time_ms(text) == at_ms


def one_period(start: int = 0, limit: Any = 10, phases: int | None = None) -> dict[str, Any]:
    period = {"start_period": start, "limit": limit}
    if phases is not None:
        period["number_phases"] = phases
    return {"charging_schedule_period": [period]}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"recurrency_kind": None}, "Recurring needs a recurrencyKind"),
        ({"schedule": {"start_schedule": None}}, "Recurring needs a startSchedule"),
        ({"charging_profile_kind": "Absolute"}, "recurrencyKind is for Recurring only"),
        ({"schedule": {"charging_schedule_period": []}}, "at least one period"),
        ({"schedule": one_period(start=1)}, "first startPeriod is 0"),
        ({"schedule": {"charging_schedule_period": [{"start_period": 0, "limit": 1}] * 2}}, "one after the other"),
        ({"schedule": one_period(limit=-1)}, "not negative"),
        ({"schedule": one_period(phases=4)}, "1, 2 or 3"),
        ({"stack_level": -1}, "stackLevel is not negative"),
        ({"valid_from": "yesterday"}, "not a time"),
        ({"schedule": {"start_schedule": "2013-13-01T00:00Z"}}, "not a time"),
        (
            {
                "charging_profile_kind": "Relative",
                "recurrency_kind": None,
                "charging_profile_purpose": "ChargePointMaxProfile",
            },
            "no start of charging",
        ),
    ],
)
def test_what_contradicts_the_specification(changes: dict[str, Any], reason: str) -> None:
    refused = parse_profile(payload(**changes))
    assert isinstance(refused, Refused)
    assert reason in refused.reason


@pytest.mark.parametrize(
    ("limit", "tenths"), [(16, 160), (16.1, 161), (Decimal("8.1"), 81), (Decimal("33333.3"), 333_333), (0, 0), (0.3, 3)]
)
def test_a_limit_has_one_decimal(limit: Any, tenths: int) -> None:
    profile = parse_profile(payload(schedule=one_period(limit=limit)))
    assert isinstance(profile, Profile)
    assert profile.periods[0].limit_tenths == tenths


def profile(profile_id: int, stack_level: int = 0, purpose: Purpose = DEFAULT) -> Profile:
    return Profile(profile_id, stack_level, purpose, Kind.ABSOLUTE, RateUnit.W, (Period(0, 10),))


@pytest.mark.parametrize(
    ("installs", "left"),
    [
        # (connector, id, stack level, purpose): the same id, or the same purpose and level on the connector, replaces.
        ([(0, 1, 0, DEFAULT), (0, 2, 1, DEFAULT)], [(0, 1), (0, 2)]),
        ([(0, 1, 0, DEFAULT), (0, 1, 5, DEFAULT)], [(0, 1)]),
        ([(0, 1, 0, DEFAULT), (2, 1, 0, TX)], [(2, 1)]),
        ([(0, 1, 0, DEFAULT), (0, 2, 0, DEFAULT)], [(0, 2)]),
        ([(1, 1, 0, TX), (1, 2, 0, TX)], [(1, 2)]),
        ([(1, 1, 0, TX), (2, 2, 0, TX)], [(1, 1), (2, 2)]),
        ([(0, 1, 0, DEFAULT), (1, 2, 0, DEFAULT)], [(0, 1), (1, 2)]),
        ([(0, 1, 0, DEFAULT), (0, 2, 0, MAX)], [(0, 1), (0, 2)]),
        # One profile may take the place of two.
        ([(0, 1, 0, DEFAULT), (0, 2, 1, DEFAULT), (0, 2, 0, DEFAULT)], [(0, 2)]),
    ],
)
def test_replacement(installs: list[tuple[int, int, int, Purpose]], left: list[tuple[int, int]]) -> None:
    book = ProfileBook(Capabilities())
    for connector_id, profile_id, stack_level, purpose in installs:
        assert book.install(connector_id, profile(profile_id, stack_level, purpose)) is None
    assert [(one.connector_id, one.profile.profile_id) for one in book.installed] == left


def test_what_this_charger_cannot_keep_is_refused_and_changes_nothing() -> None:
    book = ProfileBook(Capabilities(units=frozenset({RateUnit.W}), max_stack_level=2, max_periods=1, max_installed=2))
    assert book.install(0, profile(1)) is None
    assert book.install(1, profile(2)) is None
    before = book.installed
    table: list[tuple[int, Profile, str]] = [
        (0, profile(9, purpose=TX), "one connector"),
        (1, profile(9, purpose=MAX), "connector 0"),
        (0, replace(profile(9), unit=RateUnit.A), "unit A"),
        (0, profile(9, stack_level=3), "above 2"),
        (0, replace(profile(9), periods=(Period(0, 1), Period(1, 1))), "2 periods"),
        (0, profile(9, stack_level=1), "room for 2"),
    ]
    for connector_id, refused, reason in table:
        answer = book.install(connector_id, refused)
        assert answer is not None
        assert reason in answer.reason
        assert book.installed == before
    # Full, yet one that replaces another still fits.
    assert book.install(0, profile(1)) is None


@pytest.mark.parametrize(
    ("criteria", "left"),
    [
        ({}, []),
        ({"profile_id": 3}, [1, 2, 4, 5]),
        # errata 3.26: with an id all other fields are ignored
        ({"profile_id": 3, "connector_id": 9, "purpose": MAX, "stack_level": 7}, [1, 2, 4, 5]),
        ({"profile_id": 9}, [1, 2, 3, 4, 5]),
        ({"connector_id": 0}, [3, 4, 5]),
        ({"purpose": DEFAULT}, [1, 5]),
        ({"stack_level": 1}, [1, 2, 4]),
        # errata 3.25: logical AND
        ({"purpose": DEFAULT, "stack_level": 1}, [1, 2, 4, 5]),
        ({"connector_id": 1, "purpose": DEFAULT, "stack_level": 1}, [1, 2, 4, 5]),
        ({"connector_id": 0, "purpose": TX}, [1, 2, 3, 4, 5]),
    ],
)
def test_clearing(criteria: dict[str, Any], left: list[int]) -> None:
    book = ProfileBook(Capabilities())
    for connector_id, one in [
        (0, profile(1, 0, MAX)),
        (0, profile(2, 0, DEFAULT)),
        (1, profile(3, 1, DEFAULT)),
        (1, profile(4, 0, DEFAULT)),
        (2, profile(5, 1, TX)),
    ]:
        assert book.install(connector_id, one) is None
    cleared = book.clear(**criteria)
    assert [one.profile.profile_id for one in book.installed] == left
    assert cleared == 5 - len(left)


def test_a_transaction_s_profiles_go_with_it() -> None:
    book = ProfileBook(Capabilities())
    for connector_id, one in [(1, profile(1, 0, TX)), (1, profile(2, 1, TX)), (2, profile(3, 0, TX)), (1, profile(4))]:
        assert book.install(connector_id, one) is None
    book.transaction_ended(1)
    assert [one.profile.profile_id for one in book.installed] == [3, 4]
