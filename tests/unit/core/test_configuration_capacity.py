"""`capacitySchedule`, `gridOperator`, `capacityTariff`: what is read, what is written, and every fault by its path."""

import json
from typing import Any

import pytest

from csms.core.configuration import difference, notices, parse_station, station_document
from csms.core.grid_terms import WEEK, CapacityTariff, CapacityWindow, GridOperator
from csms.core.station import Station

SITE: dict[str, Any] = {
    "stationId": "S",
    "gridCapacity": 100,
    "chargers": [{"id": "A", "maxPower": 50, "connectors": 2, "failSafe": "reserve", "failSafePower": 10}],
    "staticLoad": 5,
}
EVENING = {"from": "17:00", "to": "20:30", "capacity": 60}
NOT_A_DAY = 'must be one of "mon", "tue", "wed", "thu", "fri", "sat", "sun"'
TOO_LOW = "is below staticLoad and the 0 kW reserved for chargers with control none"
SET_ASIDE = "for fail-safe power, and its connectors have 20 kW of that"


def station_of(**more: Any) -> Station:
    station = parse_station(SITE | more)
    assert isinstance(station, Station), station
    return station


def test_nothing_is_said_unless_it_is_configured() -> None:
    station = station_of()
    assert (station.capacity_schedule, station.grid_operator, station.capacity_tariff) == ((), None, None)
    assert station_document(station).keys() == {"stationId", "gridCapacity", "chargers", "staticLoad"}


def test_what_is_read_is_written_back() -> None:
    said = {
        "capacitySchedule": [
            EVENING,
            {"from": "22:00", "to": "06:00", "capacity": 80.5, "days": ["sun", "fri"]},
            {"from": "00:00", "to": "24:00", "capacity": 90, "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]},
        ],
        "gridOperator": {"failSafeCapacity": 42, "silentAfterS": 60},
        "capacityTariff": {"target": 33.3, "windowMinutes": 30},
    }
    station = station_of(**said)
    assert station.capacity_schedule == (
        CapacityWindow(1_020, 1_230, 60_000, WEEK),
        CapacityWindow(1_320, 360, 80_500, (4, 6)),
        CapacityWindow(0, 1_440, 90_000, WEEK),
    )
    assert station.grid_operator == GridOperator(42_000, 60)
    assert station.capacity_tariff == CapacityTariff(33_300, 30)
    written = station_document(station)
    assert parse_station(json.loads(json.dumps(written))) == station
    assert written["capacitySchedule"] == [
        EVENING,
        {"from": "22:00", "to": "06:00", "capacity": 80.5, "days": ["fri", "sun"]},
        {"from": "00:00", "to": "24:00", "capacity": 90},
    ]
    assert (written["gridOperator"], written["capacityTariff"]) == (said["gridOperator"], said["capacityTariff"])


def test_defaults() -> None:
    station = station_of(gridOperator={"failSafeCapacity": 42}, capacityTariff={})
    assert station.grid_operator == GridOperator(42_000, 300)
    assert station.capacity_tariff == CapacityTariff(None, 15)
    written = station_document(station)
    assert (written["gridOperator"], written["capacityTariff"]) == ({"failSafeCapacity": 42}, {})


def test_a_difference_is_told() -> None:
    assert difference(station_of(), station_of(capacitySchedule=[EVENING], capacityTariff={})) == [
        '$.capacitySchedule: default → [{"from": "17:00", "to": "20:30", "capacity": 60}]',
        "$.capacityTariff: default → {}",
    ]


def test_it_is_told_who_gets_what_is_above_the_lowest_capacity() -> None:
    late = EVENING | {"from": "22:00", "to": "23:00", "capacity": 50}
    station = station_of(
        capacitySchedule=[EVENING, late], gridOperator={"failSafeCapacity": 42}, capacityTariff={"target": 40}
    )
    told = [str(notice) for notice in notices(station) if notice.kind == "more_only_with_expiry"]
    assert told == [
        f"$.{key}: more than {kw} kW, at any hour, goes only to chargers that are seen to let limits expire, and over"
        " REST (more_only_with_expiry)"
        for key, kw in (("capacitySchedule", 50), ("gridOperator", 42))
    ]
    harmless = station_of(capacitySchedule=[EVENING | {"capacity": 1_000}], gridOperator={"failSafeCapacity": 1_000})
    assert not [notice for notice in notices(harmless) if notice.kind in {"more_only_with_expiry", "needs_expiry"}]


@pytest.mark.parametrize(
    ("lowest_kw", "chargers", "named"),
    [
        (5.2, [("A", 11, "ocpp"), ("B", 50, "auto")], None),
        (
            5,
            [("A", 11, "ocpp"), ("B", 50, "auto"), ("C", 11, "rest"), ("D", 1, "none")],
            "leaves 3 kW: no car charges at A",
        ),
        (1, [("B", 50, "auto"), ("A", 11, "auto")], "leaves 0 kW: no car charges at B, A"),
        (1, [(f"C{n}", 50, "auto") for n in range(12)], "C8, C9 and 2 more"),
    ],
)
def test_chargers_are_named_where_no_car_charges_unless_limits_expire(
    lowest_kw: float, chargers: list[tuple[str, float, str]], named: str | None
) -> None:
    station = station_of(
        staticLoad=1,
        capacitySchedule=[EVENING | {"capacity": lowest_kw}],
        chargers=[{"id": name, "maxPower": kw, "connectors": 1, "control": control} for name, kw, control in chargers],
    )
    told = [str(notice) for notice in notices(station) if notice.kind == "needs_expiry"]
    assert (named is None and not told) or (named is not None and named in told[0])
    assert all(notice.startswith("$.capacitySchedule: ") for notice in told)


@pytest.mark.parametrize(
    ("more", "faults"),
    [
        ({"capacitySchedule": {}}, ["$.capacitySchedule: must be a list"]),
        ({"capacitySchedule": [EVENING] * 101}, ["$.capacitySchedule: must have at most 100 items"]),
        ({"capacitySchedule": [7]}, ["$.capacitySchedule[0]: must be an object"]),
        (
            {"capacitySchedule": [{"until": "20:00"}]},
            [
                "$.capacitySchedule[0].until: unknown field",
                "$.capacitySchedule[0].from: is missing",
                "$.capacitySchedule[0].to: is missing",
                "$.capacitySchedule[0].capacity: is missing",
            ],
        ),
        *(
            (
                {"capacitySchedule": [EVENING | {"to": wrong}]},
                ['$.capacitySchedule[0].to: must be a time of day such as "17:00"'],
            )
            for wrong in ("24:01", "7:00", "17:60", "17:00:00", "", 17, None, "١٧:00", "17:00\n")
        ),
        (
            {"capacitySchedule": [EVENING, EVENING | {"from": "24:00"}]},
            ['$.capacitySchedule[1].from: must be before "24:00"'],
        ),
        (
            {"capacitySchedule": [EVENING | {"from": "20:30"}]},
            ['$.capacitySchedule[0].to: is the same time as from; a whole day is from "00:00" to "24:00"'],
        ),
        *(
            (
                {"capacitySchedule": [EVENING | {"days": wrong}]},
                [f"$.capacitySchedule[0].days{error}"],
            )
            for wrong, error in (
                ([], ": must have a day"),
                ("mon", ": must be a list"),
                (["Mon"], f"[0]: {NOT_A_DAY}"),
                ([0], f"[0]: {NOT_A_DAY}"),
                (["mon", None], f"[1]: {NOT_A_DAY}"),
                ([["mon"]], f"[0]: {NOT_A_DAY}"),
                (["mon"] * 8, ": must have at most 7 items"),
            )
        ),
        (
            {"capacitySchedule": [EVENING | {"days": ["mon", "mon"]}]},
            ["$.capacitySchedule[0].days: must have each day once"],
        ),
        (
            {"capacitySchedule": [EVENING | {"capacity": -1}]},
            ["$.capacitySchedule[0].capacity: must be from 0 to 1000000"],
        ),
        ({"gridOperator": True}, ["$.gridOperator: must be an object"]),
        ({"gridOperator": {}}, ["$.gridOperator.failSafeCapacity: is missing"]),
        (
            {"gridOperator": {"failSafeCapacity": 50, "silentAfterS": 9}},
            ["$.gridOperator.silentAfterS: must be a whole number from 10 to 86400"],
        ),
        ({"capacityTariff": {"target": "50"}}, ["$.capacityTariff.target: must be a number"]),
        *(
            ({"capacityTariff": {"windowMinutes": wrong}}, ["$.capacityTariff.windowMinutes: must be 15 or 30 or 60"])
            for wrong in (20, 15.0, True, "15")
        ),
        # What nobody can cut, and what is set aside, must fit at any time.
        (
            {"capacitySchedule": [EVENING | {"capacity": 4}]},
            [f"$.capacitySchedule[0].capacity: {TOO_LOW}"],
        ),
        (
            {"gridOperator": {"failSafeCapacity": 0}},
            [f"$.gridOperator.failSafeCapacity: {TOO_LOW}"],
        ),
        (
            {"capacitySchedule": [EVENING, EVENING | {"capacity": 24}], "gridOperator": {"failSafeCapacity": 15}},
            [
                f"$.capacitySchedule[1].capacity: leaves 19 kW {SET_ASIDE}",
                f"$.gridOperator.failSafeCapacity: leaves 10 kW {SET_ASIDE}",
            ],
        ),
    ],
)
def test_faults(more: dict[str, Any], faults: list[str]) -> None:
    found = parse_station(SITE | more)
    assert not isinstance(found, Station)
    assert [str(fault) for fault in found] == faults
