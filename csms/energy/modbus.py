"""A meter that is read over Modbus TCP: one register, or two, and the power that they tell."""

import contextlib
import math
import struct
from collections.abc import Sequence
from typing import Final

from csms.core.site_meter import ModbusSource, RegisterType, WordOrder
from csms.energy.meters import Meter, NotRead, PowerRead
from csms.energy.modbus_link import ModbusLink, NotAnswered

TIMEOUT_S = 3.0
"""For connecting and for an answer, each; devices behind a serial line take up to one second."""

MICRO = 1_000_000

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


def open_modbus(source: ModbusSource, timeout_s: float = TIMEOUT_S) -> Meter:
    """Return the meter at `source`; it is asked nothing yet."""
    return ModbusMeter(source, ModbusLink(source.host, source.port, source.unit_id, timeout_s))


class ModbusMeter:
    """One register, or two, of one device."""

    def __init__(self, source: ModbusSource, link: ModbusLink) -> None:
        self._source = source
        self._link = link

    async def read(self) -> PowerRead | NotRead:
        """Ask it now; it takes twice the time-out at the most."""
        source = self._source
        answer = await self._link.read(source.kind, source.register, source.type.registers)
        return NotRead(answer.reason) if isinstance(answer, NotAnswered) else power_of(answer.registers, source)

    def close(self) -> None:
        """Close the connection."""
        self._link.close()


def power_of(registers: Sequence[int], source: ModbusSource) -> PowerRead | NotRead:
    """Return the power that registers tell, rounded up to a watt; or why they tell none."""
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
