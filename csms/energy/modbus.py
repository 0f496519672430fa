"""A meter that is read over Modbus TCP, with pymodbus, which is imported here alone and may be missing.

One connection, kept open; one question at a time, each within `TIMEOUT_S`. After any failure the connection is closed
and the next question begins a new one, so that no late answer can meet another question. Nothing that goes wrong with
the network, the device or its answer is an exception for the caller.
"""

import asyncio
import contextlib
import logging
import math
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from csms.core.site_meter import ModbusSource, RegisterKind, RegisterType, WordOrder
from csms.energy.meters import Meter, NotRead, PowerRead

if TYPE_CHECKING:
    from pymodbus.client import AsyncModbusTcpClient
    from pymodbus.pdu import ModbusPDU

TIMEOUT_S = 3.0
"""For connecting and for an answer, each; devices behind a serial line take up to one second."""

MICRO = 1_000_000

NOT_INSTALLED = "pymodbus is not installed: pip install 'electra-sems[modbus]'"

FORMATS: Final = {
    RegisterType.INT16: ">h",
    RegisterType.UINT16: ">H",
    RegisterType.INT32: ">i",
    RegisterType.UINT32: ">I",
    RegisterType.FLOAT32: ">f",
}
NO_VALUE: Final = {
    RegisterType.INT16: -(2**15),
    RegisterType.UINT16: 2**16 - 1,
    RegisterType.INT32: -(2**31),
    RegisterType.UINT32: 2**32 - 1,
}
"""What devices show where they have no value (SunSpec); as a float that is NaN."""

EXCEPTIONS: Final = {
    1: "does not know the function",
    2: "has no such register",
    3: "refuses the question",
    4: "reports a failure",
    5: "asks for patience",
    6: "is busy",
    10: "gateway has no path to it",
    11: "gateway has no answer of it",
}
"""Exception codes of the Modbus application protocol (V1.1b3 §7), as what the device does."""


def open_modbus(source: ModbusSource, timeout_s: float = TIMEOUT_S) -> Meter:
    """Return the meter at `source`; it is asked nothing yet."""
    try:
        from pymodbus.client import AsyncModbusTcpClient  # noqa: PLC0415 - an extra, and heavy
    except ImportError:
        return MissingMeter()
    logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)  # what goes wrong is told by the outcome
    client = AsyncModbusTcpClient(
        source.host, port=source.port, timeout=timeout_s, retries=0, reconnect_delay=0, name="site meter"
    )
    return ModbusMeter(source, client, timeout_s)


class MissingMeter:
    """Stands for every meter where pymodbus is missing."""

    async def read(self) -> NotRead:
        """Say what is missing."""
        return NotRead(NOT_INSTALLED)

    def close(self) -> None:
        """Do nothing."""


class ModbusMeter:
    """One register, or two, of one device."""

    def __init__(self, source: ModbusSource, client: "AsyncModbusTcpClient", timeout_s: float) -> None:
        self._source = source
        self._client = client
        self._timeout_s = timeout_s

    async def read(self) -> PowerRead | NotRead:
        """Ask it now; it takes twice the time-out at the most."""
        outcome = await self._answered()
        if isinstance(outcome, NotRead):
            self._client.close()
            return outcome
        return power_of(outcome.registers, self._source)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    async def _answered(self) -> "ModbusPDU | NotRead":
        from pymodbus.exceptions import ModbusException  # noqa: PLC0415 - as above

        source = self._source
        try:
            async with asyncio.timeout(2 * self._timeout_s):
                if not self._client.connected and not await self._client.connect():
                    return NotRead(f"no connection to {source.host}:{source.port}")
                ask = {
                    RegisterKind.HOLDING: self._client.read_holding_registers,
                    RegisterKind.INPUT: self._client.read_input_registers,
                }[source.kind]
                answer = await ask(source.register, count=source.type.registers, device_id=source.unit_id)
        except TimeoutError:
            return NotRead(f"no answer of unit {source.unit_id} at {source.host}:{source.port}")
        except (ModbusException, OSError) as error:
            return NotRead(
                f"no answer of unit {source.unit_id} at {source.host}:{source.port} ({type(error).__name__})"
            )
        if answer.isError():
            code = answer.exception_code
            return NotRead(f"unit {source.unit_id} {EXCEPTIONS.get(code, 'answers with an error')} (exception {code})")
        return answer


def power_of(registers: Sequence[int], source: ModbusSource) -> PowerRead | NotRead:
    """Return the power that registers tell, rounded up to a watt; or why they tell none."""
    if len(registers) != source.type.registers:
        return NotRead(f"{len(registers)} registers were answered, {source.type.registers} asked for")
    words = registers if source.word_order is WordOrder.BIG else tuple(reversed(registers))
    with contextlib.suppress(struct.error):
        packed = struct.pack(f">{len(words)}H", *words)
        number: int | float = struct.unpack(FORMATS[source.type], packed)[0]
        if number == NO_VALUE.get(source.type) or not math.isfinite(number):
            return NotRead("the device shows that it has no value")
        if isinstance(number, int):
            return PowerRead(-(-number * source.scale_uw // MICRO))
        return PowerRead(math.ceil(number * source.scale_uw / MICRO))
    return NotRead("what was answered is no register")
