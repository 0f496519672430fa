"""A battery that is computed: what stands in the configuration, without anything that could be read (`BatteryDriver`).

Theory of operation. It follows its set-point exactly and at once, as far as it can: it gives nothing at its reserve and
takes nothing when it is full. Between two calls its power is constant, or has ended at one of these marks, so its
energy is exact at every call, in W·ms. Losses are those of the configuration: what it gives takes more out of it, and
less than it takes comes in.

`BatteryModel` is told the time, `ModelledBattery` is the driver that reads a clock. That is good for a demonstration,
for tests, for days in virtual time (`csms.day`), and for a site whose battery answers to nobody but keeps the grid
connection by itself; a notice says that it is not measured.
"""

from collections.abc import Callable

from csms.core.battery import PERCENT_PPM, WHOLE_PPM, BatteryReading
from csms.core.commands import SetBattery
from csms.core.station import Battery

_MS_PER_HOUR = 3_600_000


class BatteryModel:
    """A battery as configured, from `now_ms` on; `soc_ppm`: its charge then, parts per million.

    Times are ms of any clock that goes on, and never back.
    """

    def __init__(self, battery: Battery, now_ms: int, soc_ppm: int) -> None:
        self._battery = battery
        self._whole = battery.capacity_wh * _MS_PER_HOUR * 100  # hundredths of a W·ms, as all energies here
        self._floor = self._whole * battery.reserve_percent // 100
        self._ceiling = self._whole * battery.full_percent // 100
        self._stored = self._whole * soc_ppm // WHOLE_PPM
        self._set_point: SetBattery | None = None
        self._power_w = 0
        self._at_ms = now_ms

    def power_w(self, now_ms: int) -> int:
        """Return what it gives now, W; below 0: what it takes."""
        self._go_on(now_ms)
        return self._power_w

    def soc_ppm(self, now_ms: int) -> int:
        """Return its charge now, parts per million."""
        self._go_on(now_ms)
        return self._stored * WHOLE_PPM // self._whole if self._whole else 0

    def reading(self, now_ms: int) -> BatteryReading:
        """Return how it stands."""
        soc_ppm = self.soc_ppm(now_ms)
        battery, set_point = self._battery, self._set_point
        return BatteryReading(
            soc_ppm=soc_ppm,
            power_w=self._power_w,
            available_discharge_w=battery.power_w if self._stored > self._floor else 0,
            available_charge_w=battery.most_charge_w if self._stored < self._ceiling else 0,
            permitted_w=0 if set_point is None else min(set_point.permit_w, battery.power_w),
            set_point_w=None if set_point is None else set_point.power_w,
            computed=True,
        )

    def follow(self, set_point: SetBattery, now_ms: int) -> None:
        """Follow another set-point from now on."""
        self._go_on(now_ms)
        self._set_point = set_point
        self._power_w = max(-self._battery.most_charge_w, min(self._battery.power_w, set_point.power_w))
        self._go_on(now_ms)

    def rest(self, now_ms: int) -> None:
        """Give nothing, and take nothing, from now on."""
        self._go_on(now_ms)
        self._power_w = 0

    def ends_ms(self) -> int | None:
        """Return when its power ends by itself, at the reserve or when it is full; None: nothing flows."""
        if self._power_w > 0:
            left, each_ms = (self._stored - self._floor) * self._battery.efficiency_discharge_percent, 10_000
        elif self._power_w < 0:
            left, each_ms = self._ceiling - self._stored, self._battery.efficiency_charge_percent
        else:
            return None
        return self._at_ms - (-left // (each_ms * abs(self._power_w)))

    def _go_on(self, now_ms: int) -> None:
        """Bring the energy up to now; the power ends at the reserve, and when it is full."""
        battery = self._battery
        elapsed_ms, self._at_ms = now_ms - self._at_ms, now_ms
        if self._power_w > 0:
            # What flows takes so much more out of it, rounded up.
            left = self._stored + -self._power_w * elapsed_ms * 10_000 // battery.efficiency_discharge_percent
            if left <= self._floor:
                left, self._power_w = min(self._stored, self._floor), 0
            self._stored = left
        elif self._power_w < 0:
            left = self._stored - self._power_w * elapsed_ms * battery.efficiency_charge_percent
            if left >= self._ceiling:
                left, self._power_w = max(self._stored, self._ceiling), 0
            self._stored = left


class ModelledBattery:
    """The driver of a computed battery; `now_ms`: monotonic ms, `soc_ppm`: its charge now, parts per million."""

    def __init__(self, battery: Battery, now_ms: Callable[[], int], soc_ppm: int) -> None:
        self._now_ms = now_ms
        self._model = BatteryModel(battery, now_ms(), soc_ppm)

    @property
    def power_w(self) -> int:
        """Return what it gives now, W; below 0: what it takes."""
        return self._model.power_w(self._now_ms())

    async def read(self) -> BatteryReading:
        """Return how it stands."""
        return self._model.reading(self._now_ms())

    async def write(self, set_point: SetBattery) -> None:
        """Follow another set-point from now on."""
        self._model.follow(set_point, self._now_ms())

    async def close(self) -> None:
        """Give nothing, and take nothing, from now on."""
        self._model.rest(self._now_ms())


def full_ppm(battery: Battery) -> int:
    """Return the state of charge at which it takes no more, parts per million."""
    return battery.full_percent * PERCENT_PPM
