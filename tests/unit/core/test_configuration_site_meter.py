"""`siteMeter` of the configuration: what it becomes, what is wrong with it, and back again."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from csms.core.configuration import parse_station, site_meter_text, station_document
from csms.core.site_meter import Measures, ModbusSource, RegisterKind, RegisterType, SiteMeter, WordOrder
from csms.core.station import Station

SITE: dict[str, Any] = {"stationId": "S", "gridCapacity": 100, "chargers": [], "staticLoad": 50, "failSafe": "closed"}
MODBUS: dict[str, Any] = {"host": "meter.example", "register": 40}


def station_of(meter: object, **changes: object) -> Station:
    found = parse_station(SITE | changes | {"siteMeter": meter})
    assert isinstance(found, Station), found
    return found


def faults_of(meter: object, **changes: object) -> list[str]:
    found = parse_station(SITE | changes | {"siteMeter": meter})
    assert not isinstance(found, Station)
    return [str(fault) for fault in found]


def test_every_key() -> None:
    station = station_of(
        {
            "measures": "grid",
            "maxAgeS": 30,
            "margin": 2.5,
            "modbus": {
                "host": "192.0.2.10",
                "port": 1502,
                "unitId": 7,
                "register": 4_096,
                "kind": "input",
                "type": "int32",
                "wordOrder": "little",
                "scale": -0.1,
                "periodS": 0.5,
            },
        }
    )
    assert station.site_meter == SiteMeter(
        Measures.GRID,
        30,
        2_500,
        ModbusSource(
            "192.0.2.10", 1_502, 7, 4_096, RegisterKind.INPUT, RegisterType.INT32, WordOrder.LITTLE, -100_000, 500
        ),
    )


def test_defaults() -> None:
    assert station_of({}).site_meter == SiteMeter(Measures.BASE_LOAD, 10, 0, None)
    assert station_of({"modbus": MODBUS}).site_meter == SiteMeter(modbus=ModbusSource("meter.example", register=40))


@pytest.mark.parametrize(
    "meter",
    [
        {},
        {"measures": "grid", "maxAgeS": 60, "margin": 1.001},
        {"modbus": MODBUS},
        {"modbus": MODBUS | {"port": 503, "unitId": 0, "kind": "input", "type": "uint16", "wordOrder": "little"}},
        {"modbus": MODBUS | {"scale": -1, "periodS": 2}},
        {"modbus": MODBUS | {"scale": 0.000001, "periodS": 0.1}},
    ],
)
def test_what_is_written_is_what_was_read(meter: dict[str, Any]) -> None:
    station = station_of(meter)
    assert station_document(station)["siteMeter"] == meter
    assert parse_station(station_document(station)) == station


@pytest.mark.parametrize(
    ("meter", "faults"),
    [
        (1, ["$.siteMeter: must be an object"]),
        (
            {"measures": "baseload"},
            ['$.siteMeter.measures: must be "baseLoad" or "grid"'],
        ),
        ({"maxAge": 10}, ["$.siteMeter.maxAge: unknown field"]),
        ({"maxAgeS": 0}, ["$.siteMeter.maxAgeS: must be a whole number from 1 to 300"]),
        ({"margin": -1}, ["$.siteMeter.margin: must be from 0 to 1000000"]),
        ({"modbus": {}}, ["$.siteMeter.modbus.host: is missing", "$.siteMeter.modbus.register: is missing"]),
        (
            {"modbus": MODBUS | {"host": "meter:502"}},
            ["$.siteMeter.modbus.host: must be a name or an address, without a port"],
        ),
        (
            {"modbus": MODBUS | {"host": "modbus://meter"}},
            ["$.siteMeter.modbus.host: must be a name or an address, without a port"],
        ),
        *(
            (
                {"modbus": MODBUS | {"host": name}},
                ["$.siteMeter.modbus.host: must be a name or an address, without a port"],
            )
            for name in ("meter..example", "m" * 64, "meter.example.", "-meter")
        ),
        ({"modbus": MODBUS | {"port": 0}}, ["$.siteMeter.modbus.port: must be a whole number from 1 to 65535"]),
        ({"modbus": MODBUS | {"unitId": 256}}, ["$.siteMeter.modbus.unitId: must be a whole number from 0 to 255"]),
        (
            {"modbus": MODBUS | {"register": 65_535}},
            ["$.siteMeter.modbus.register: float32 takes two registers, and 65535 is the last"],
        ),
        ({"modbus": MODBUS | {"kind": "coil"}}, ['$.siteMeter.modbus.kind: must be "holding" or "input"']),
        (
            {"modbus": MODBUS | {"type": "float"}},
            ['$.siteMeter.modbus.type: must be "int16" or "uint16" or "int32" or "uint32" or "float32"'],
        ),
        ({"modbus": MODBUS | {"scale": 0}}, ["$.siteMeter.modbus.scale: must be from -1000000 to 1000000, and not 0"]),
        ({"modbus": MODBUS | {"scale": 1e-7}}, ["$.siteMeter.modbus.scale: must have at most six decimals"]),
        ({"modbus": MODBUS | {"scale": "1"}}, ["$.siteMeter.modbus.scale: must be a number"]),
        (
            {"modbus": MODBUS | {"scale": Decimal("NaN")}},
            ["$.siteMeter.modbus.scale: must be from -1000000 to 1000000, and not 0"],
        ),
        ({"modbus": MODBUS | {"periodS": 0.01}}, ["$.siteMeter.modbus.periodS: must be from 0.1 to 60"]),
        ({"modbus": MODBUS | {"periodS": True}}, ["$.siteMeter.modbus.periodS: must be a number"]),
        ({"modbus": MODBUS | {"periodS": 6}}, ["$.siteMeter.modbus.periodS: must be at most half of maxAgeS"]),
        ({"modbus": MODBUS, "maxAgeS": 1}, ["$.siteMeter.modbus.periodS: must be at most half of maxAgeS"]),
    ],
)
def test_faults(meter: object, faults: list[str]) -> None:
    assert faults_of(meter) == faults


def test_a_meter_needs_a_maximum_for_when_it_is_silent() -> None:
    fault = "$.staticLoad: must be above 0 beside siteMeter: it counts whenever the meter is silent"
    assert faults_of({}, staticLoad=0) == [fault]
    without = {key: value for key, value in SITE.items() if key != "staticLoad"} | {"siteMeter": {}}
    found = parse_station(without)
    assert not isinstance(found, Station)
    assert [str(one) for one in found] == [fault]
    assert faults_of({}, staticLoad="50") == ["$.staticLoad: must be a number"]


AT_GRID = (
    "what is behind the grid connection, read over Modbus from [::7]:502, unit 3, register 4; when nothing is heard "
    "for 5 s, staticLoad counts: 50 kW"
)


@pytest.mark.parametrize(
    ("meter", "line"),
    [
        (
            {},
            "the base load, pushed to PUT /station/meter; when nothing is heard for 10 s, staticLoad counts: 50 kW",
        ),
        (
            {"measures": "grid", "maxAgeS": 5, "modbus": {"host": "::7", "register": 4, "unitId": 3}},
            AT_GRID,
        ),
    ],
)
def test_how_it_is_measured_in_a_line(meter: dict[str, Any], line: str) -> None:
    assert site_meter_text(station_of(meter)) == (f"siteMeter: {line}",)


def test_without_a_meter_there_is_no_line() -> None:
    station = replace(station_of({}), site_meter=None)
    assert site_meter_text(station) == ()
