"""A battery over Modbus TCP: the register map, from pymodbus's own server on loopback, and bridges that fail."""

import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from csms.core.battery import BatteryReading
from csms.core.commands import SetBattery
from csms.core.station import BatteryModbus
from csms.energy.modbus_battery import READ, ModbusBattery, reading_of, words_of
from csms.energy.ports import Unheard
from tests.unit.energy.test_modbus import TIMEOUT_S, saying

HERE = BatteryModbus("127.0.0.1", register=100)
FOLLOWS = (1, 7, 6_350, 53_200, 200_000, 150_000, 200_000, 53_250, 1)
READING = BatteryReading(635_000, 53_200, 200_000, 150_000, 200_000, 53_250)


def words(*values: int) -> list[int]:
    packed = READ.pack(*values)
    return list(struct.unpack(f">{len(packed) // 2}H", packed))


def changed(**by_name: int) -> list[int]:
    names = ("version", "counter", "soc", "power", "discharge", "charge", "permitted", "set_point", "flags")
    return words(*(by_name.get(name, value) for name, value in zip(names, FOLLOWS, strict=True)))


class Bridge:
    """A bridge to an inverter that does what it is told at once, and counts each reading."""

    def __init__(self) -> None:
        self.registers = words(*FOLLOWS)
        self.counts = True
        self.error: ExcCodes | None = None
        self.told: list[list[int]] = []
        block = SimData(100, values=[*self.registers, *[0] * (37 - len(self.registers))], datatype=DataType.REGISTERS)
        self.device = SimDevice(id=1, simdata=block, action=self._asked)

    async def _asked(
        self,
        _function: int,
        start: int,
        address: int,
        count: int,
        registers: list[int],
        values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        if values is not None:
            self.told.append([int(value) for value in values])
        else:
            self.registers[1] += self.counts
            at = address - start
            registers[at : at + count] = self.registers
        return self.error


@asynccontextmanager
async def served(bridge: Bridge) -> AsyncIterator[int]:
    server = ModbusTcpServer(bridge.device, address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    listening: Any = server.transport
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]


async def test_it_is_read_and_told() -> None:
    bridge = Bridge()
    async with served(bridge) as port:
        battery = ModbusBattery(replace(HERE, port=port), lambda: 0)
        assert await battery.read() == READING
        await battery.write(SetBattery(-20_000, 200_000))
        await battery.write(SetBattery(70_000, 200_000))
        assert bridge.told == [list(words_of(SetBattery(-20_000, 200_000))), [1, 4_464, 3, 3_392, 330]]
        assert await battery.read() == READING
        await battery.close()


async def test_values_that_stand_still_are_no_reading() -> None:
    bridge, now_ms = Bridge(), 0
    bridge.counts = False
    async with served(bridge) as port:
        battery = ModbusBattery(replace(HERE, port=port), lambda: now_ms)
        assert await battery.read() == READING
        now_ms = 4_999
        assert await battery.read() == READING
        now_ms = 5_000
        assert await battery.read() == Unheard("what it shows was not measured anew for five seconds")
        bridge.counts = True
        assert await battery.read() == READING
        await battery.close()


async def test_a_refusal_is_unheard_and_a_write_that_fails_says_nothing() -> None:
    bridge = Bridge()
    bridge.error = ExcCodes.DEVICE_FAILURE
    async with served(bridge) as port:
        battery = ModbusBattery(replace(HERE, port=port), lambda: 0)
        assert await battery.read() == Unheard("unit 1 reports a failure (exception 4)")
        await battery.write(SetBattery(1, 2))
        bridge.error = None
        assert await battery.read() == READING
        await battery.close()


@pytest.mark.parametrize("reply", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"], ids=["nothing", "another protocol"])
async def test_what_is_no_bridge_is_unheard(reply: bytes) -> None:
    async with saying(reply) as port:
        battery = ModbusBattery(replace(HERE, port=port), lambda: 0, TIMEOUT_S)
        assert isinstance(await battery.read(), Unheard)
        await battery.write(SetBattery(1, 2))
        await battery.close()


@pytest.mark.parametrize(
    ("registers", "reading"),
    [
        (words(*FOLLOWS), READING),
        (changed(power=-20_000, set_point=-20_000), replace(READING, power_w=-20_000, set_point_w=-20_000)),
        (changed(soc=0), replace(READING, soc_ppm=0)),
        (changed(soc=10_000), replace(READING, soc_ppm=1_000_000)),
        (changed(flags=0), replace(READING, permitted_w=0, set_point_w=None)),
        (changed(flags=3), replace(READING, available_discharge_w=0, available_charge_w=0)),
    ],
    ids=["as it stands", "it takes", "empty", "full", "remote mode is off", "a fault"],
)
def test_the_map(registers: list[int], reading: BatteryReading) -> None:
    assert reading_of(registers) == (7, reading)


@pytest.mark.parametrize(
    ("registers", "reason"),
    [
        (changed(version=2), "its register map has another version than 1"),
        ([0] * 14, "its register map has another version than 1"),
        (changed(soc=10_001), "a state of charge above 100 % is none"),
        (changed(power=-100_000_001), "a power that no battery has"),
        (changed(permitted=2**32 - 1), "a power that no battery has"),
        (words(*FOLLOWS)[:-1], "what was answered is not the block of the register map"),
        ([*words(*FOLLOWS)[:-1], 70_000], "what was answered is not the block of the register map"),
    ],
)
def test_what_is_not_the_map(registers: list[int], reason: str) -> None:
    assert reading_of(registers) == Unheard(reason)
