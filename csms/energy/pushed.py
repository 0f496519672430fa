"""A battery whose own controller calls: it tells how the battery stands, and is answered with the set-point.

Theory of operation. `PUT /station/battery` hands a reading in here; the driver (`BatteryDriver`) gives each to its
watch once, and keeps the newest set-point for the next answer. Nothing is asked of the network, so nothing has to be
reachable from here. A controller that does not call is not heard; what it was told last holds for
as long as it was told by its own clock.
"""

from collections.abc import Callable
from dataclasses import dataclass

from csms.core.battery import BatteryReading
from csms.core.commands import SetBattery
from csms.core.station import Battery
from csms.energy.ports import BatteryDriver, NothingNew, Unheard


@dataclass(frozen=True, slots=True)
class NotPushed:
    """No battery whose controller calls is configured."""


class PushedBattery:
    """The battery of the present; made anew with each configuration of it."""

    def __init__(self) -> None:
        self.set_point: SetBattery | None = None
        self._reading: BatteryReading | None = None
        self._heard = False

    def push(self, reading: BatteryReading) -> None:
        """Take how it stands now."""
        self._reading, self._heard = reading, True

    async def read(self) -> BatteryReading | NothingNew | Unheard:
        """Return what was pushed since the last time."""
        if self._reading is None:
            return NothingNew() if self._heard else Unheard("its controller has not called yet")
        reading, self._reading = self._reading, None
        return reading

    async def write(self, set_point: SetBattery) -> None:
        """Have the next answer say so."""
        self.set_point = set_point

    async def close(self) -> None:
        """Say nothing any more."""
        self.set_point = None


class BatteryDoor:
    """Where the controllers of batteries call; `others` makes the drivers of batteries that are not pushed."""

    def __init__(self, others: Callable[[Battery, int | None], BatteryDriver]) -> None:
        self._others = others
        self._battery: PushedBattery | None = None

    def make(self, battery: Battery, soc_ppm: int | None) -> BatteryDriver:
        """Return the driver of a battery, whose charge was last known to be so much, parts per million."""
        self._battery = PushedBattery() if battery.pushed else None
        return self._others(battery, soc_ppm) if self._battery is None else self._battery

    def push(self, reading: BatteryReading) -> SetBattery | NotPushed | None:
        """Take how the battery stands; return what it is to do, None: nothing yet."""
        if self._battery is None:
            return NotPushed()
        self._battery.push(reading)
        return self._battery.set_point
