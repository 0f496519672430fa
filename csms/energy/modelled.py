"""A battery that is computed: what stands in the configuration, without anything that could be read (`BatteryDriver`).

Theory of operation. It follows its set-point exactly and at once, as far as it can: it gives nothing at its reserve and
takes nothing when it is full. Between two calls its power is constant, or has ended at one of these marks, so its
energy is exact at every call, in W·ms. Losses are those of the configuration: what it gives takes more out of it, and
less than it takes comes in.

That is good for a demonstration, for tests, and for a site whose battery answers to nobody but keeps the grid
connection by itself; a notice says that it is not measured.
"""

from collections.abc import Callable

from csms.core.battery import PERCENT_PPM, WHOLE_PPM, BatteryReading
from csms.core.commands import SetBattery
from csms.core.station import Battery

_MS_PER_HOUR = 3_600_000


class ModelledBattery:
    """A battery as configured; `now_ms`: monotonic ms, `soc_ppm`: its charge now, parts per million."""

    def __init__(self, battery: Battery, now_ms: Callable[[], int], soc_ppm: int) -> None:
        self._battery = battery
        self._now_ms = now_ms
        self._whole = battery.capacity_wh * _MS_PER_HOUR  # W·ms, as all energies here
        self._floor = self._whole * battery.reserve_percent // 100
        self._ceiling = self._whole * battery.full_percent // 100
        self._stored = self._whole * soc_ppm // WHOLE_PPM
        self._set_point: SetBattery | None = None
        self._power_w = 0
        self._at_ms = now_ms()

    @property
    def power_w(self) -> int:
        """Return what it gives now, W; below 0: what it takes."""
        self._go_on()
        return self._power_w

    async def read(self) -> BatteryReading:
        """Return how it stands."""
        self._go_on()
        battery, set_point = self._battery, self._set_point
        return BatteryReading(
            soc_ppm=self._stored * WHOLE_PPM // self._whole if self._whole else 0,
            power_w=self._power_w,
            available_discharge_w=battery.power_w if self._stored > self._floor else 0,
            available_charge_w=battery.most_charge_w if self._stored < self._ceiling else 0,
            permitted_w=0 if set_point is None else min(set_point.permit_w, battery.power_w),
            set_point_w=None if set_point is None else set_point.power_w,
            computed=True,
        )

    async def write(self, set_point: SetBattery) -> None:
        """Follow another set-point from now on."""
        self._go_on()
        self._set_point = set_point
        self._power_w = max(-self._battery.most_charge_w, min(self._battery.power_w, set_point.power_w))
        self._go_on()

    async def close(self) -> None:
        """Give nothing, and take nothing, from now on."""
        self._go_on()
        self._power_w = 0

    def _go_on(self) -> None:
        """Bring the energy up to now; the power ends at the reserve, and when it is full."""
        battery, now_ms = self._battery, self._now_ms()
        elapsed_ms, self._at_ms = now_ms - self._at_ms, now_ms
        if self._power_w > 0:
            # What flows takes so much more out of it, rounded up.
            left = self._stored + -self._power_w * elapsed_ms * 100 // battery.efficiency_discharge_percent
            if left <= self._floor:
                left, self._power_w = min(self._stored, self._floor), 0
            self._stored = left
        elif self._power_w < 0:
            left = self._stored + -self._power_w * elapsed_ms * battery.efficiency_charge_percent // 100
            if left >= self._ceiling:
                left, self._power_w = max(self._stored, self._ceiling), 0
            self._stored = left


def full_ppm(battery: Battery) -> int:
    """Return the state of charge at which it takes no more, parts per million."""
    return battery.full_percent * PERCENT_PPM
