"""Whether a power of 0 is believed beside the energy register of the same meter (OCPP 1.6 §7.31).

A power of 0 frees power, and some meters always tell it. Registers are brought up to date late, or seldom, or show
steps of up to a kWh, so no single reading speaks against it. It is judged over windows in which nothing but 0 was told:

    begin    at a reading
    end      at a rise, REGISTER_LAG_MS later at the soonest: from one rise to another the mean is that of the power
    or       when the register has stood still for twice that, or for as long as CONTRADICTION_W needs for one step

A window speaks against the 0 when its mean is CONTRADICTION_W or more. The first one does not count: in it the register
may catch up with what flowed before. Two that follow it show that the 0 lies. From then on the register counts, until
another power is told: what it rose by between two readings where it rises with each, else the mean of each window.
"""

from dataclasses import dataclass
from typing import NamedTuple

from csms.core.units import MS_PER_HOUR, mean_power_w

REGISTER_LAG_MS = 60_000
"""A register may be brought up to date so late, or so seldom: no smaller time makes a rise impossible."""

CONTRADICTION_W = 1_000
"""A register that rises by this mean power contradicts a power of 0; a charger's own consumption does not."""

WINDOWS_TO_CONTRADICT = 3
"""The first of which does not count."""


class Window(NamedTuple):
    """One that has ended: its mean power, W, and how long it was."""

    power_w: int
    span_ms: int


@dataclass(slots=True)
class Zeros:
    """What the register of a meter tells of its powers of 0; times by the charger's clock.

    Attributes:
        from_wh, from_ms: where the present window began; None before the first reading.
        at_rise: it began at a rise, so that its mean is that of the power.
        newest_wh: the newest reading; moved_ms: when it rose last, or the window began; still_ms: when it last did not.
        windows: how many running have spoken against the 0.
    """

    from_wh: int | None = None
    from_ms: int = 0
    at_rise: bool = False
    newest_wh: int = 0
    moved_ms: int = 0
    still_ms: int | None = None
    windows: int = 0

    @property
    def lie(self) -> bool:
        """Return whether a power of 0 is not believed."""
        return self.windows >= WINDOWS_TO_CONTRADICT

    def forget(self) -> None:
        """Take note that another power was told: nothing is known of its powers of 0."""
        self.from_wh = self.still_ms = None
        self.windows = 0

    def restart(self) -> None:
        """Begin a new window at the next reading: what was read before may be another register, or false."""
        self.from_wh = None
        if not self.lie:
            self.windows = 0

    def read(self, energy_wh: int, at_ms: int, step_wh: int) -> Window | None:
        """Take a reading beside a power of 0, of a register of such steps; return the window that it ends, if any."""
        if self.from_wh is None or energy_wh < self.newest_wh or at_ms < self.from_ms:
            self.restart()
            self._begin(energy_wh, at_ms, at_rise=False)
            return None
        rose, span_ms = energy_wh > self.newest_wh, at_ms - self.from_ms
        self.newest_wh = energy_wh
        if rose:
            self.moved_ms = at_ms
        else:
            self.still_ms = at_ms
        if rose and span_ms >= REGISTER_LAG_MS:
            return self._end(energy_wh, at_ms, mean_power_w(energy_wh - self.from_wh, span_ms))
        step_ms = step_wh * MS_PER_HOUR // CONTRADICTION_W
        if at_ms - self.moved_ms >= max(2 * REGISTER_LAG_MS, step_ms):
            return self._end(energy_wh, at_ms, 0)
        return None

    def rises_with_each(self, at_ms: int) -> bool:
        """Return whether every reading of late has risen, so that two of them tell the power between them."""
        return self.still_ms is None or not 0 <= at_ms - self.still_ms <= REGISTER_LAG_MS

    def _begin(self, energy_wh: int, at_ms: int, *, at_rise: bool) -> None:
        self.from_wh = self.newest_wh = energy_wh
        self.from_ms = self.moved_ms = at_ms
        self.at_rise = at_rise

    def _end(self, energy_wh: int, at_ms: int, power_w: int) -> Window | None:
        """End a window and begin the next one; return it, unless its mean may be too high by a step."""
        ended = Window(power_w, at_ms - self.from_ms) if self.at_rise or power_w == 0 else None
        if not self.lie:
            self.windows = self.windows + 1 if power_w >= CONTRADICTION_W else 0
        self._begin(energy_wh, at_ms, at_rise=power_w > 0)
        return ended
