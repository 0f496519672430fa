"""A meter read over Modbus TCP, from pymodbus's own server on loopback; and numbers in registers, as tables."""

import asyncio
import contextlib
import struct
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from csms.core.site_meter import ModbusSource, RegisterKind, RegisterType, WordOrder
from csms.energy.meters import NotRead, PowerRead
from csms.energy.modbus import open_modbus, power_of
from csms.energy.modbus_link import NOT_INSTALLED

HERE = ModbusSource("127.0.0.1", register=40)
TIMEOUT_S = 0.05
"""For what never answers."""


def float_registers(number: float) -> list[int]:
    return list(struct.unpack(">2H", struct.pack(">f", number)))


def blocks(holding: SimData, input_: SimData) -> tuple[list[SimData], list[SimData], list[SimData], list[SimData]]:
    nothing = SimData(0, datatype=DataType.BITS, values=[False] * 16)
    return [nothing], [nothing], [holding], [input_]


class Device:
    """A device of two tables of registers: 61,300 W in the holding registers, 7 in the input registers."""

    def __init__(self) -> None:
        self.error: ExcCodes | None = None
        self.questions = 0
        holding = SimData(40, values=61_300.0, datatype=DataType.FLOAT32)
        others = SimData(40, values=7, datatype=DataType.INT16)
        self.device = SimDevice(id=1, simdata=blocks(holding, others), action=self._asked)

    async def _asked(
        self,
        _function: int,
        _start: int,
        _address: int,
        _count: int,
        _registers: list[int],
        _values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        self.questions += 1
        return self.error


@asynccontextmanager
async def served(device: Device, port: int = 0) -> AsyncIterator[int]:
    """Serve a device and yield the port."""
    server = ModbusTcpServer(device.device, address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    listening: Any = server.transport
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]
        await asyncio.sleep(0)  # what closes its connections was only called soon


async def test_a_holding_and_an_input_register_are_read() -> None:
    async with served(Device()) as port:
        holding = open_modbus(replace(HERE, port=port))
        assert await holding.read() == PowerRead(61_300)
        assert await holding.read() == PowerRead(61_300), "over the same connection"
        input_ = open_modbus(replace(HERE, port=port, kind=RegisterKind.INPUT, type=RegisterType.INT16))
        assert await input_.read() == PowerRead(7)
        holding.close()
        input_.close()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"register": 99}, "unit 1 has no such register (exception 2)"),
        ({"unit_id": 9}, "unit 9 reports a failure (exception 4)"),
    ],
)
async def test_what_the_device_refuses_is_told(changes: dict[str, int], reason: str) -> None:
    async with served(Device()) as port:
        meter = open_modbus(replace(HERE, port=port, **changes))  # type: ignore[arg-type]
        assert await meter.read() == NotRead(reason)
        meter.close()


async def test_a_device_that_fails_is_read_again_when_it_does_not() -> None:
    device = Device()
    async with served(device) as port:
        meter = open_modbus(replace(HERE, port=port))
        device.error = ExcCodes.DEVICE_BUSY
        assert await meter.read() == NotRead("unit 1 is busy (exception 6)")
        device.error = None
        assert await meter.read() == PowerRead(61_300)
        meter.close()


async def test_a_server_that_goes_away_and_comes_back_is_found_again() -> None:
    device = Device()
    async with served(device) as port:
        meter = open_modbus(replace(HERE, port=port), TIMEOUT_S)
        assert await meter.read() == PowerRead(61_300)
    gone = await meter.read()
    assert isinstance(gone, NotRead), "the connection was ended"
    assert await meter.read() == NotRead(f"no connection to 127.0.0.1:{port}")
    async with served(device, port):
        assert await meter.read() == PowerRead(61_300)
    meter.close()


async def test_a_name_that_cannot_be_one_is_no_reading() -> None:
    meter = open_modbus(replace(HERE, host="meter..example"), TIMEOUT_S)
    assert await meter.read() == NotRead("no answer of unit 1 at meter..example:502 (UnicodeError)")
    meter.close()


@asynccontextmanager
async def saying(reply: bytes) -> AsyncIterator[int]:
    """Serve somebody who answers every question with the same bytes, and yield the port."""

    ended: list[asyncio.Future[None]] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        ended.append(end)
        with contextlib.suppress(OSError):
            while await reader.read(512):
                writer.write(reply)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        end.set_result(None)

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.gather(*ended)


@pytest.mark.parametrize(
    "reply",
    [b"", b"\x00" * 300, b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00\x01\x00\x00\x00\x03\x01\x03\x00", b"\xff" * 9],
    ids=["nothing", "zeros", "another protocol", "an answer of no registers", "garbage"],
)
async def test_what_speaks_no_modbus_is_no_reading_and_does_no_harm(reply: bytes) -> None:
    async with saying(reply) as port:
        meter = open_modbus(replace(HERE, port=port), TIMEOUT_S)
        for _ in range(2):
            assert isinstance(await meter.read(), NotRead)
        meter.close()


async def test_without_pymodbus_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymodbus.client", None)
    meter = open_modbus(HERE)
    assert await meter.read() == NotRead(NOT_INSTALLED)
    meter.close()


@pytest.mark.parametrize(
    ("type_", "registers", "power_w"),
    [
        (RegisterType.INT16, [1_234], 1_234),
        (RegisterType.INT16, [0xFFFF], -1),
        (RegisterType.UINT16, [0xFFFE], 65_534),
        (RegisterType.INT32, [1, 2], 65_538),
        (RegisterType.INT32, [0xFFFF, 0xFFFF], -1),
        (RegisterType.UINT32, [0xFFFF, 0xFFFE], 4_294_967_294),
        (RegisterType.FLOAT32, float_registers(230.5), 231),
        (RegisterType.FLOAT32, float_registers(-230.5), -230),
        (RegisterType.FLOAT32, float_registers(1e30), 1_000_000_015_047_466_219_876_688_855_040),
    ],
)
def test_numbers_in_registers_are_rounded_up_to_the_watt(
    type_: RegisterType, registers: Sequence[int], power_w: int
) -> None:
    assert power_of(registers, replace(HERE, type=type_)) == PowerRead(power_w)
    backwards = replace(HERE, type=type_, word_order=WordOrder.LITTLE)
    assert power_of(list(reversed(registers)), backwards) == PowerRead(power_w)


@pytest.mark.parametrize(
    ("scale_uw", "power_w"),
    [(1_000_000_000, 123_000), (100_000, 13), (-1_000_000, -123), (-100_000, -12), (1, 1)],
    ids=["kW", "tenths of a watt", "import is negative", "both", "millionths"],
)
def test_scales(scale_uw: int, power_w: int) -> None:
    source = replace(HERE, type=RegisterType.INT16, scale_uw=scale_uw)
    assert power_of([123], source) == PowerRead(power_w)


@pytest.mark.parametrize(
    ("type_", "registers"),
    [
        (RegisterType.INT16, [0x8000]),
        (RegisterType.UINT16, [0xFFFF]),
        (RegisterType.INT32, [0x8000, 0]),
        (RegisterType.UINT32, [0xFFFF, 0xFFFF]),
        (RegisterType.FLOAT32, float_registers(float("nan"))),
        (RegisterType.FLOAT32, float_registers(float("inf"))),
        (RegisterType.FLOAT32, float_registers(float("-inf"))),
    ],
)
def test_what_stands_for_no_value_is_none(type_: RegisterType, registers: Sequence[int]) -> None:
    assert power_of(registers, replace(HERE, type=type_)) == NotRead("the device shows that it has no value")


@pytest.mark.parametrize(
    ("registers", "reason"),
    [
        ([], "what was answered is no register"),
        ([1], "what was answered is no register"),
        ([1, 70_000], "what was answered is no register"),
    ],
)
def test_what_is_no_answer_to_the_question(registers: Sequence[int], reason: str) -> None:
    assert power_of(registers, HERE) == NotRead(reason)
