"""`battery` of the configuration: what it becomes, what is wrong with it, and back again."""

from dataclasses import replace
from typing import Any

import pytest

from csms.core.configuration import battery_text, notices, parse_station, station_document
from csms.core.station import Battery, BatteryModbus, Station

PLAIN: dict[str, Any] = {"initialCapacity": 200, "power": 100.5}


def found(battery: object) -> Station | list[str]:
    read = parse_station(
        {"stationId": "S", "gridCapacity": 100, "chargers": [], "failSafe": "closed", "battery": battery}
    )
    return read if isinstance(read, Station) else [str(fault) for fault in read]


@pytest.mark.parametrize(
    ("more", "battery"),
    [
        ({}, Battery(200_000, 100_500)),
        ({"rest": True}, Battery(200_000, 100_500, pushed=True)),
        ({"modbus": {"host": "inverter"}}, Battery(200_000, 100_500, modbus=BatteryModbus("inverter"))),
        (
            {"modbus": {"host": "192.0.2.7", "port": 1_502, "unitId": 3, "register": 4_000}},
            Battery(200_000, 100_500, modbus=BatteryModbus("192.0.2.7", 1_502, 3, 4_000)),
        ),
    ],
)
def test_what_it_becomes_and_back_again(more: dict[str, Any], battery: Battery) -> None:
    station = found(PLAIN | more)
    assert isinstance(station, Station)
    assert station.battery == battery
    assert station_document(station)["battery"] == PLAIN | more
    assert ("battery_computed" in {notice.kind for notice in notices(station)}) is battery.is_computed


@pytest.mark.parametrize(
    ("more", "how"),
    [
        ({}, "computed"),
        ({"rest": True}, "its controller calls PUT /station/battery"),
        ({"modbus": {"host": "inverter", "port": 1502}}, "read and told over Modbus at inverter:1502"),
    ],
)
def test_what_it_adds_is_said(more: dict[str, Any], how: str) -> None:
    """400 kW less 3; nine tenths of 200 kWh last 107 min at 100.5 kW."""
    station = found(PLAIN | more)
    assert isinstance(station, Station)
    station = replace(station, grid_capacity_w=400_000, static_load_w=3_000)
    assert battery_text(station) == (f"battery: {how}; with it cars have 497.5 kW instead of 397 kW, full for 107 min",)
    assert battery_text(replace(station, battery=None)) == ()


@pytest.mark.parametrize(
    ("battery", "faults"),
    [
        (PLAIN | {"rest": 1}, ["$.battery.rest: must be true or false"]),
        (
            PLAIN | {"rest": True, "modbus": {"host": "inverter"}},
            ["$.battery.rest: is another way than modbus: one of them"],
        ),
        (PLAIN | {"modbus": {}}, ["$.battery.modbus.host: is missing"]),
        (
            PLAIN | {"modbus": {"host": "tcp://inverter"}},
            ["$.battery.modbus.host: must be a name or an address, without a port"],
        ),
        (
            PLAIN | {"modbus": {"host": "inverter", "register": 65_500}},
            ["$.battery.modbus.register: must be a whole number from 0 to 65499"],
        ),
        (PLAIN | {"modbus": {"host": "inverter", "kind": "input"}}, ["$.battery.modbus.kind: unknown field"]),
    ],
)
def test_faults(battery: object, faults: list[str]) -> None:
    assert found(battery) == faults
