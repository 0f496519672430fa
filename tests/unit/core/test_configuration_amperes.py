"""Limits in amperes in a configuration: what they mean, what is wrong with them, and how they are written."""

from typing import Any

import pytest

from csms.core.configuration import notices, parse_station, station_document
from csms.core.station import PhaseLimit, Station

A = {"id": "A", "maxPower": 22, "connectors": 1}


def document(grid: object, *chargers: dict[str, Any], **more: object) -> dict[str, Any]:
    return {"stationId": "S", "gridCapacity": grid, "failSafe": "closed", "chargers": list(chargers or (A,))} | more


def station_of(value: dict[str, Any]) -> Station:
    found = parse_station(value)
    assert isinstance(found, Station), found
    return found


LIMITS = [
    # the limit, what it is in W together, in mA on each phase, V
    ({"amperes": 35}, 24_150, (35_000, 35_000, 35_000), 230),
    ({"amperes": 35, "phases": 3, "voltage": 240}, 25_200, (35_000, 35_000, 35_000), 240),
    ({"amperes": 32, "phases": 1}, 7_360, (32_000, 0, 0), 230),
    ({"amperes": [16, 32.5, 0]}, 11_155, (16_000, 32_500, 0), 230),
    ({"amperes": 63, "power": 40}, 40_000, (63_000, 63_000, 63_000), 230),
    ({"amperes": 63, "power": 400}, 43_470, (63_000, 63_000, 63_000), 230),
    ({"amperes": 0.005}, 3, (5, 5, 5), 230),
]


@pytest.mark.parametrize(("limit", "power_w", "current_ma", "voltage_v"), LIMITS)
def test_a_limit_in_amperes(limit: object, power_w: int, current_ma: tuple[int, int, int], voltage_v: int) -> None:
    expected = PhaseLimit(current_ma, voltage_v)
    station = station_of(document(limit, circuits=[{"id": "K", "capacity": limit}]) | {"chargers": []})
    assert (station.grid_capacity_w, station.phase_limit) == (power_w, expected)
    assert (station.circuits[0].capacity_w, station.circuits[0].phase_limit) == (power_w, expected)
    assert station_of(station_document(station)) == station


def test_a_load_is_rounded_up() -> None:
    station = station_of(document({"amperes": 35}, staticLoad={"amperes": [0.005, 0, 0]}))
    assert (station.static_load_w, station.static_phases) == (2, PhaseLimit((5, 0, 0)))
    assert station_of(station_document(station)) == station


CHARGERS = [
    # what a charger says of itself, its maximum in W, its phases
    ({"maxPower": {"amperes": 32}}, 22_080, 3),
    ({"maxPower": {"amperes": 32}, "phases": 1}, 7_360, 1),
    ({"maxPower": {"amperes": 32}, "voltage": 240}, 23_040, 3),
    ({"maxPower": {"amperes": 32, "power": 11}}, 11_000, 3),
    ({"maxPower": {"amperes": 250}}, 172_500, 0),
]


@pytest.mark.parametrize(("of_charger", "power_w", "phases"), CHARGERS)
def test_the_maximum_of_a_charger_in_amperes(of_charger: dict[str, Any], power_w: int, phases: int) -> None:
    station = station_of(document(400, A | of_charger))
    (charger,) = station.chargers
    assert (charger.max_power_w, charger.phases) == (power_w, phases)
    assert charger.phase_limit is not None
    assert station_of(station_document(station)) == station


ROTATIONS = [("RST", (1, 2, 3)), ("STR", (2, 3, 1)), ("TRS", (3, 1, 2)), ("TSR", (3, 2, 1))]


@pytest.mark.parametrize(("word", "rotation"), ROTATIONS)
def test_the_rotation_of_a_charger(word: str, rotation: tuple[int, int, int]) -> None:
    station = station_of(document(400, A | {"phaseRotation": word}))
    assert station.chargers[0].rotation == rotation
    assert station_of(station_document(station)) == station


ON_L2 = {"id": "K", "capacity": {"amperes": [0, 16, 0]}}
HELP = "staticLoad in amperes says on which phase it is, phaseRotation where a charger is"
FULL = "has less on {} than what cannot be cut there may take: " + HELP
FAULTS = [
    (document({}), ["$.gridCapacity.amperes: is missing"]),
    (document({"amperes": "35"}), ["$.gridCapacity.amperes: must be a number"]),
    (document({"amperes": [1, 2]}), ["$.gridCapacity.amperes: must be a number, or a list of three"]),
    (document({"amperes": [1, 2, -3]}), ["$.gridCapacity.amperes: must be from 0 to 1000000"]),
    (document({"amperes": 35.0001}), ["$.gridCapacity.amperes: must have at most three decimals"]),
    (document({"amperes": 35, "phases": 2}), ["$.gridCapacity.phases: must be 1 or 3"]),
    (
        document({"amperes": [35, 35, 35], "phases": 1}),
        ["$.gridCapacity.phases: is for one number of amperes; a list has one for each phase"],
    ),
    (
        document({"amperes": 35, "voltage": 12, "ampere": 1}),
        ["$.gridCapacity.ampere: unknown field", "$.gridCapacity.voltage: must be a whole number from 100 to 1000"],
    ),
    (document([35]), ["$.gridCapacity: must be a number"]),
    (
        document(9, circuits=[{"id": "K", "capacity": {"amperes": True}}]),
        ["$.circuits[0].capacity.amperes: must be a number"],
    ),
    (
        document(400, A | {"maxPower": {"amperes": 32, "voltage": 240}}),
        ["$.chargers[0].maxPower.voltage: unknown field"],
    ),
    (
        document(400, A | {"phaseRotation": "L1"}),
        ['$.chargers[0].phaseRotation: must be "RST" or "RTS" or "SRT" or "STR" or "TRS" or "TSR"'],
    ),
    # what only the whole can show
    (
        document({"amperes": 35}, battery={"initialCapacity": 10, "power": 5}),
        ["$.battery: is not possible beside a gridCapacity in amperes: its phases are not known"],
    ),
    (document({"amperes": 35}, A | {"voltage": 240}), ["$.chargers[0].voltage: is not the 230 V of $.gridCapacity"]),
    (
        document({"amperes": 35}, A | {"circuit": "K"}, circuits=[ON_L2]),
        ["$.chargers[0].phases: needs L1, which $.circuits[0].capacity does not have"],
    ),
    (
        document(
            {"amperes": 35}, A | {"circuit": "K", "phases": 1, "phaseRotation": "TRS"}, circuits=[ON_L2]
        ),
        ["$.chargers[0].phaseRotation: needs L3, which $.circuits[0].capacity does not have"],
    ),
    (document({"amperes": 35}, staticLoad=9), [f"$.gridCapacity: {FULL.format(line)}" for line in ("L1", "L2", "L3")]),
    (
        document({"amperes": 35}, A | {"phases": 1, "phaseRotation": "STR", "control": "none", "reservedPower": 8.1}),
        [f"$.gridCapacity: {FULL.format('L2')}"],
    ),
    (
        document({"amperes": 35}, A | {"connectors": 6}, failSafe="reserve"),
        [
            "$.gridCapacity: leaves 24.15 kW for fail-safe power, and its connectors have 24.84 kW of that",
            "$.chargers[0].maxPower: leaves 22 kW for fail-safe power, and its connectors have 24.84 kW of that",
        ],
    ),
    (
        document({"amperes": [35, 16, 35]}, A | {"connectors": 3}, failSafe="reserve"),
        ["$.gridCapacity: has no room on L2 for the fail-safe power of its chargers"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("value", "faults"), FAULTS)
def test_faults_of_amperes(value: dict[str, Any], faults: list[str]) -> None:
    found = parse_station(value)
    assert isinstance(found, tuple)
    assert [f"{fault.path}: {fault.error}" for fault in found] == faults


def test_a_charger_of_one_phase_is_on_the_one_that_its_circuit_has() -> None:
    station_of(document({"amperes": 35}, A | {"circuit": "K", "phases": 1}, circuits=[ON_L2]))


@pytest.mark.parametrize(
    ("grid", "of_charger", "is_told"),
    [
        ({"amperes": 35}, {}, True),
        ({"amperes": 35}, {"phaseRotation": "RST"}, False),
        ({"amperes": 350}, {"maxPower": 150}, False),
        (400, {}, False),
    ],
)
def test_a_rotation_that_nobody_knows_is_a_notice(grid: object, of_charger: dict[str, Any], *, is_told: bool) -> None:
    kinds = {notice.kind for notice in notices(station_of(document(grid, A | of_charger)))}
    assert ("phase_rotation_unknown" in kinds) is is_told


POWERS = [
    # the power, what the charger says of itself, minPower and reservedPower in W, failSafePower in W
    ({"amperes": 6}, {}, 4_140, 4_140),
    ({"amperes": 6.001}, {}, 4_141, 4_140),
    ({"amperes": 10}, {"phases": 1}, 2_300, 2_300),
    ({"amperes": 6, "phases": 3}, {"phases": 1}, 4_140, 4_140),
    ({"amperes": 18, "phases": 1}, {}, 4_140, 4_140),
    ({"amperes": 10}, {"voltage": 240}, 7_200, 7_200),
    ({"amperes": 10, "voltage": 240}, {}, 7_200, 7_200),
    ({"amperes": 20}, {"phases": 0}, 13_800, 13_800),
    (4.2, {}, 4_200, 4_200),
]


@pytest.mark.parametrize(("power", "of_charger", "up_w", "down_w"), POWERS)
def test_other_powers_of_a_charger_in_amperes(
    power: object, of_charger: dict[str, Any], up_w: int, down_w: int
) -> None:
    said = {"minPower": power, "reservedPower": power, "failSafePower": power, "failSafe": "reserve"}
    station = station_of(document(100, A | of_charger | said))
    charger = station.chargers[0]
    assert (charger.min_power_w, charger.reserved_power_w, charger.fail_safe_power_w) == (up_w, up_w, down_w)
    assert charger.phase_limit is None
    assert station_of(station_document(station)) == station


@pytest.mark.parametrize("name", ["minPower", "reservedPower", "failSafePower"])
@pytest.mark.parametrize(
    ("power", "fault"),
    [
        ({}, ".amperes: is missing"),
        ({"amperes": [6, 6, 6]}, ".amperes: must be a number"),
        ({"amperes": 6, "phases": 2}, ".phases: must be 1 or 3"),
        ({"amperes": 6, "voltage": 99}, ".voltage: must be a whole number from 100 to 1000"),
        ({"amperes": 6, "power": 3}, ".power: unknown field"),
        ("6 A", ": must be a number"),
    ],
)
def test_what_is_wrong_with_such_a_power(name: str, power: object, fault: str) -> None:
    found = parse_station(document(100, A | {name: power, "failSafe": "reserve"}))
    assert not isinstance(found, Station)
    assert [str(each) for each in found] == [f"$.chargers[0].{name}{fault}"]


def test_a_power_in_amperes_is_held_to_the_same_rules() -> None:
    found = parse_station(document(100, A | {"minPower": {"amperes": 32}, "reservedPower": {"amperes": 32}}))
    assert not isinstance(found, Station)
    assert [str(each) for each in found] == [
        "$.chargers[0].minPower: is above maxPower",
        "$.chargers[0].reservedPower: is above maxPower",
    ]
