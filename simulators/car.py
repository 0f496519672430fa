"""One car at a connector: how much it draws, step by step.

Pure: time comes in as `dt_ms`, the offer in watts. A car

- sleeps until it has been offered power for `wake_up_ms`, and falls asleep when the offer ends;
- then follows the least of the offer, its curve at the present charge and (on AC) its on-board charger's maximum;
- reaches a higher power at `ramp_up_w_per_s` and a lower one at `ramp_down_w_per_s`, so that for a moment it draws more
  than a limit that has just been cut: real cars do, and a load manager has to live with it;
- on AC draws nothing below 6 A on each phase it uses (IEC 61851-1);
- is satisfied when it has taken the energy it came for, or is full.

Energy is counted in millijoules (W·ms), which is exact. Losses are not modelled: what is metered is stored.
"""

from dataclasses import dataclass

from simulators.cars import PPM, CarModel
from simulators.electrical import Supply

MJ_PER_WH = 3_600_000
FULL_PPM = 995_000
"""Full: curves that end near 0 W would take for ever over the last half per cent."""


@dataclass(frozen=True, slots=True)
class Temper:
    """How quickly a car reacts; the defaults are of the size seen on DC fast chargers.

    Attributes:
        wake_up_ms: from the first offer to the first watt.
        ramp_up_w_per_s: rise of the power.
        ramp_down_w_per_s: fall of the power.
    """

    wake_up_ms: int = 3_000
    ramp_up_w_per_s: int = 20_000
    ramp_down_w_per_s: int = 50_000


AC_TEMPER = Temper(wake_up_ms=3_000, ramp_up_w_per_s=2_000, ramp_down_w_per_s=5_000)
"""An on-board charger follows the pilot signal within the 5 s of IEC 61851-1 for cars up to 22 kW."""


class Car:
    """A car of some model with a state of charge, plugged in at `supply`."""

    def __init__(
        self,
        model: CarModel,
        supply: Supply,
        *,
        soc_percent: int = 20,
        target_wh: int | None = None,
        temper: Temper | None = None,
    ) -> None:
        assert 0 <= soc_percent <= 100, "a state of charge is 0 to 100 %"  # noqa: PLR2004 - per cent
        assert target_wh is None or target_wh > 0, "a car comes for some energy"
        self.model = model
        self.supply = supply
        self.temper = temper or (Temper() if supply.is_dc else AC_TEMPER)
        self.phases_used = supply.phases_used(model.ac_phases)
        self.power_w = 0
        self.taken_mj = 0
        self._stored_mj = model.battery_wh * MJ_PER_WH * soc_percent // 100
        self._target_mj = None if target_wh is None else target_wh * MJ_PER_WH
        self._awake_in_ms = self.temper.wake_up_ms

    @property
    def soc_percent(self) -> int:
        """Return the state of charge in whole per cent, rounded down."""
        return self._soc_ppm * 100 // PPM

    @property
    def taken_wh(self) -> int:
        """Return the energy taken since it was plugged in, Wh, rounded down."""
        return self.taken_mj // MJ_PER_WH

    @property
    def satisfied(self) -> bool:
        """Return whether it wants to leave: full, or its target reached to the last watt-hour."""
        return self._soc_ppm >= FULL_PPM or self._missing_mj < MJ_PER_WH

    @property
    def min_power_w(self) -> int:
        """Return the least power, W, that it can be offered: 6 A on each phase used, 0 on DC."""
        return self.supply.min_power_w(self.phases_used)

    @property
    def wanted_w(self) -> int:
        """Return what it would draw of an unlimited offer, W, ramps aside."""
        if self.satisfied:
            return 0
        curve_w = self.model.dc_power_w(self._soc_ppm)
        if self.supply.is_dc:
            return curve_w
        # A three-phase on-board charger on one phase has one phase's share of its power.
        on_board_w = self.model.ac_max_w * self.phases_used // self.model.ac_phases
        return min(curve_w, on_board_w)

    def step(self, dt_ms: int, offered_w: int) -> int:
        """Let `dt_ms` pass under an offer of `offered_w`; return the power drawn meanwhile, W."""
        assert dt_ms > 0, "time goes forward"
        goal_w = self._goal_w(dt_ms, max(0, offered_w))
        if goal_w > self.power_w:
            self.power_w = min(goal_w, self.power_w + self.temper.ramp_up_w_per_s * dt_ms // 1000)
        else:
            self.power_w = max(goal_w, self.power_w - self.temper.ramp_down_w_per_s * dt_ms // 1000)
        self.power_w = min(self.power_w, self._missing_mj // dt_ms)
        self._stored_mj += self.power_w * dt_ms
        self.taken_mj += self.power_w * dt_ms
        return self.power_w

    def cut_off(self) -> None:
        """End the flow at once: the charger has opened its contactor."""
        self.power_w = 0
        self._awake_in_ms = self.temper.wake_up_ms

    def _goal_w(self, dt_ms: int, offered_w: int) -> int:
        if offered_w == 0 or offered_w < self.min_power_w:
            self._awake_in_ms = self.temper.wake_up_ms
            return 0
        if self._awake_in_ms > 0:
            self._awake_in_ms -= dt_ms
            return 0
        return min(offered_w, self.wanted_w)

    @property
    def _soc_ppm(self) -> int:
        return self._stored_mj * PPM // (self.model.battery_wh * MJ_PER_WH)

    @property
    def _missing_mj(self) -> int:
        room_mj = self.model.battery_wh * MJ_PER_WH - self._stored_mj
        return room_mj if self._target_mj is None else min(room_mj, self._target_mj - self.taken_mj)
