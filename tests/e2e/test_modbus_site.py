"""A site whose meter and battery are reached over Modbus TCP: `serve` reads both, and a car gets what they leave."""

import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from csms.energy.modbus_battery import READ, REMOTE, VERSION, WORDS, WRITE, WRITE_AT
from simulators.car import Car
from simulators.cars import flat_car
from tests.e2e.chargers import QUICK, simulated
from tests.e2e.programs import Server, charger, serving, station, until

pytestmark = pytest.mark.e2e

METER_AT, BATTERY_AT = 40, 100
BASE_LOAD_W, SOC, MOST_W = 10_000, 8_000, 100_000


class Site:
    """A meter that shows 10 kW, and a battery of 100 kW that does what it is told at once."""

    def __init__(self) -> None:
        self.set_point_w = self.permit_w = self.valid_s = self.counter = 0
        meter = SimData(METER_AT, values=float(BASE_LOAD_W), datatype=DataType.FLOAT32)
        words = [0] * (WRITE_AT + WRITE.size // 2)
        battery = SimData(BATTERY_AT, values=words, datatype=DataType.REGISTERS)
        self.device = SimDevice(id=1, simdata=[meter, battery], action=self._asked)

    async def _asked(
        self,
        _function: int,
        start: int,
        address: int,
        count: int,
        registers: list[int],
        values: list[int] | list[bool] | None,
    ) -> None:
        if values is not None:
            packed = struct.pack(f">{len(values)}H", *values)
            self.set_point_w, self.permit_w, self.valid_s = WRITE.unpack(packed)
        elif address == BATTERY_AT:
            self.counter += 1
            block = READ.pack(
                VERSION, self.counter, SOC, self.set_point_w, MOST_W, MOST_W, self.permit_w, self.set_point_w, REMOTE
            )
            at = address - start
            registers[at : at + count] = struct.unpack(f">{WORDS}H", block)


@asynccontextmanager
async def modbus(site: Site) -> AsyncIterator[int]:
    server = ModbusTcpServer(site.device, address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    listening: Any = server.transport
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]


async def battery_of(server: Server) -> dict[str, Any]:
    shown: dict[str, Any] = (await server.get("/station/status")).get("battery", {})
    return shown


async def test_meter_and_battery_are_read_and_told_and_a_car_gets_their_power(tmp_path: Path) -> None:
    site = Site()
    async with modbus(site) as port:
        there = {"host": "127.0.0.1", "port": port}
        config = station(100, charger("CP001", 200)) | {
            "staticLoad": 50,
            "siteMeter": {"modbus": there | {"register": METER_AT}},
            "battery": {"initialCapacity": 200, "power": 100, "modbus": there | {"register": BATTERY_AT}},
        }
        async with serving(tmp_path, config=config) as server, simulated(server.ocpp_url, "CP001") as cars:

            async def is_granted() -> bool:
                return (await battery_of(server)).get("availablePower") == 100

            await until(is_granted, server.story)
            meter = (await server.get("/station/meter"))["meter"]
            assert (meter["power"], meter["stale"]) == (10, False)
            assert (await battery_of(server))["computed"] is False
            await cars.provisioned()
            connector = cars.connector(1)
            cars.start(1, Car(flat_car(180_000), connector.supply, temper=QUICK))
            await until(lambda: connector.power_w > 140_000, cars.story)
            await until(lambda: site.set_point_w > 40_000, server.story)
            assert (site.permit_w, site.valid_s) == (100_000, 330)
