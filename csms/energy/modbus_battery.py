"""A battery, or the controller of several, that is read and told over Modbus TCP (`BatteryDriver`).

The register map is ours: whoever builds the bridge to an inverter follows it. All are holding registers, counted from
the configured one; numbers of two registers have the high one first; powers are whole watts.

     +0  uint16  1: the version of this map
     +1  uint16  counts up whenever what follows was measured anew, and goes on from 0 after 65535
     +2  uint16  state of charge, 0.01 % of the usable energy: 0 to 10000
     +3  int32   power that flows out of the battery; below 0: into it
     +5  uint32  the most that it could give now, whatever the reason
     +7  uint32  the most that it could take now
     +9  uint32  what it has taken over of the permission (+34): so much it gives as soon as it is told to
    +11  int32   the set-point that it follows
    +13  uint16  bit 0: it follows us (remote mode); bit 1: it has a fault

    +32  int32   set-point: power that is to flow out of the battery; below 0: into it
    +34  uint32  permission: so much it has to be ready to give as soon as it is told to
    +36  uint16  these hold for so many seconds; without another word it gives and takes nothing then: 15, and 330 where
                 power is to flow out of it, until limits of cars that rest on it have expired

The first block is read in one request (function code 3), the second written in one (16). Values that stand still longer
than `FROZEN_MS`, by their counter, are no reading: a bridge that has lost its inverter goes on answering.
"""

import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

import structlog

from csms.core.battery import BatteryReading
from csms.core.commands import SetBattery
from csms.core.site_meter import RegisterKind
from csms.core.station import BatteryModbus
from csms.energy.modbus_link import ModbusLink, NotAnswered
from csms.energy.ports import Unheard

_log = structlog.get_logger()

VERSION = 1
READ = struct.Struct(">HHHiIIIiH")
WRITE = struct.Struct(">iIH")
WRITE_AT = 32
WORDS = READ.size // 2

REMOTE, FAULT = 1, 2

FULL_SOC = 10_000
PPM_PER_STEP = 100

FROZEN_MS = 5_000

TIMEOUT_S = 0.9
"""For connecting and for an answer, each: a call has two seconds."""

POWER_MAX_W = 100_000_000
"""More is no power of a battery."""


class Block(NamedTuple):
    """The registers that are read, as numbers."""

    version: int
    counter: int
    soc: int
    power_w: int
    available_discharge_w: int
    available_charge_w: int
    permitted_w: int
    set_point_w: int
    flags: int


class ModbusBattery:
    """One battery over Modbus TCP; `now_ms`: monotonic ms."""

    def __init__(self, source: BatteryModbus, now_ms: Callable[[], int], timeout_s: float = TIMEOUT_S) -> None:
        self._register = source.register
        self._link = ModbusLink(source.host, source.port, source.unit_id, timeout_s)
        self._now_ms = now_ms
        self._counter: int | None = None
        self._counted_ms = 0

    async def read(self) -> BatteryReading | Unheard:
        """Return what the battery says of itself now."""
        answer = await self._link.read(RegisterKind.HOLDING, self._register, WORDS)
        if isinstance(answer, NotAnswered):
            return Unheard(answer.reason)
        found = reading_of(answer.registers)
        if isinstance(found, Unheard):
            return found
        counter, reading = found
        if counter != self._counter:
            self._counter, self._counted_ms = counter, self._now_ms()
        elif self._now_ms() - self._counted_ms >= FROZEN_MS:
            return Unheard("what it shows was not measured anew for five seconds")
        return reading

    async def write(self, set_point: SetBattery) -> None:
        """Have the battery follow `set_point` for as long as it holds."""
        answer = await self._link.write(self._register + WRITE_AT, words_of(set_point))
        if isinstance(answer, NotAnswered):
            _log.warning("battery.not_written", reason=answer.reason, power_w=set_point.power_w)

    async def close(self) -> None:
        """Let go of the connection; what it was told last ends by itself."""
        self._link.close()


def reading_of(registers: Sequence[int]) -> tuple[int, BatteryReading] | Unheard:
    """Return the counter and what the registers say, or why they say nothing."""
    try:
        packed = struct.pack(f">{len(registers)}H", *registers)
        block = Block(*READ.unpack(packed))
    except struct.error:
        return Unheard("what was answered is not the block of the register map")
    if block.version != VERSION:
        return Unheard(f"its register map has another version than {VERSION}")
    if block.soc > FULL_SOC:
        return Unheard("a state of charge above 100 % is none")
    powers_w = (block.power_w, block.available_discharge_w, block.available_charge_w, block.permitted_w)
    if any(abs(power_w) > POWER_MAX_W for power_w in (*powers_w, block.set_point_w)):
        return Unheard("a power that no battery has")
    remote, fault = bool(block.flags & REMOTE), bool(block.flags & FAULT)
    reading = BatteryReading(
        soc_ppm=block.soc * PPM_PER_STEP,
        power_w=block.power_w,
        available_discharge_w=0 if fault else block.available_discharge_w,
        available_charge_w=0 if fault else block.available_charge_w,
        permitted_w=block.permitted_w if remote else 0,
        set_point_w=block.set_point_w if remote else None,
    )
    return block.counter, reading


def words_of(set_point: SetBattery) -> tuple[int, ...]:
    """Return the registers that tell a set-point."""
    packed = WRITE.pack(set_point.power_w, set_point.permit_w, set_point.valid_s)
    return struct.unpack(f">{len(packed) // 2}H", packed)
