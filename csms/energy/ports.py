"""What a driver of a battery is to the rest: it reads, and it writes a set-point. Nothing else of it is known.

Theory of operation. `csms.energy.watch` reads a driver every second, and its readings go to the core as facts; what the
core wants of the battery (`SetBattery`) is written when it changes, and again every few seconds, so that an inverter
may fall back to its own ways when it hears nothing. Whether a set-point was taken is seen in the next reading alone: a
write that fails says nothing.

A driver never raises for what goes wrong outside: it returns `Unheard`, and logs what was the matter. Each call has to
end within two seconds, or it is cancelled, and counts as unheard.
"""

from dataclasses import dataclass
from typing import Protocol

from csms.core.battery import BatteryReading
from csms.core.commands import SetBattery


@dataclass(frozen=True, slots=True)
class Unheard:
    """The battery could not be read; `reason` is for the log."""

    reason: str


@dataclass(frozen=True, slots=True)
class NothingNew:
    """The battery tells of itself when it wants to, and has not since it was last asked."""


class BatteryDriver(Protocol):
    """One battery, or several behind one controller."""

    async def read(self) -> BatteryReading | NothingNew | Unheard:
        """Return what the battery says of itself now, as `BatteryReading` says."""
        ...

    async def write(self, set_point: SetBattery) -> None:
        """Have the battery follow `set_point` from now on; the same one comes again and again."""
        ...

    async def close(self) -> None:
        """Let go of the connection; the battery is left to its own ways."""
        ...
