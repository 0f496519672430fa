"""What comes out of a socket: phases, nominal voltage, and how watts and amperes turn into each other.

OCPP 1.6 counts amperes per phase and watts in total (§7.12). The conversion uses the nominal voltage, never a measured
one, and the profile's `numberPhases`, 3 when it is absent. A profile with more phases than the car uses keeps its
current per phase (errata 3.34); with fewer, the car may not get more than that many phases' worth. All integers,
rounded down; a limit is held in tenths because the specification allows one decimal.
"""

from dataclasses import dataclass
from enum import StrEnum

NOMINAL_VOLTAGE_V = 230
DEFAULT_NUMBER_PHASES = 3
"""§7.12: "if numberPhases in a ChargingSchedulePeriod is absent, 3 SHALL be assumed"."""
MIN_CURRENT_A = 6
"""IEC 61851-1: a pilot signal cannot offer less than 6 A."""


class RateUnit(StrEnum):
    """ChargingRateUnitType (§7.12)."""

    W = "W"
    A = "A"


@dataclass(frozen=True, slots=True)
class Supply:
    """The electrical side of a connector: `phases` is 1 or 3 for AC and 0 for DC."""

    phases: int
    voltage_v: int = NOMINAL_VOLTAGE_V

    def __post_init__(self) -> None:
        assert self.phases in {0, 1, 3}, "a connector has 1 or 3 phases, or 0 for DC"
        assert self.voltage_v > 0, "a voltage is positive"

    @property
    def is_dc(self) -> bool:
        """Return whether it is a DC connector."""
        return self.phases == 0

    def phases_used(self, car_phases: int) -> int:
        """Return on how many phases a car with `car_phases` on board charges here; 0 on DC."""
        return min(self.phases, car_phases)

    def min_power_w(self, phases_used: int) -> int:
        """Return the least power, W, that can be offered to a car on `phases_used` phases."""
        return MIN_CURRENT_A * self.voltage_v * phases_used

    def limit_to_w(self, limit_tenths: int, unit: RateUnit, number_phases: int | None, phases_used: int) -> int:
        """Return how many watts a limit (tenths of its unit) leaves to a car on `phases_used` phases (§7.12)."""
        counted = number_phases or DEFAULT_NUMBER_PHASES
        if self.is_dc:
            return limit_tenths // 10 if unit is RateUnit.W else limit_tenths * self.voltage_v * counted // 10
        phases = min(phases_used, counted)
        if unit is RateUnit.A:
            return limit_tenths * self.voltage_v * phases // 10
        return limit_tenths * phases // (10 * counted)

    def w_to_limit_tenths(self, power_w: int, unit: RateUnit, phases_used: int) -> int:
        """Return watts as a limit in tenths of `unit`, rounded down; the counterpart of `limit_to_w`."""
        if unit is RateUnit.W:
            return power_w * 10
        return power_w * 10 // (self.voltage_v * (phases_used or DEFAULT_NUMBER_PHASES))

    def current_per_phase_ma(self, power_w: int, phases_used: int) -> int:
        """Return the current on each used phase, mA."""
        return power_w * 1000 // (self.voltage_v * (phases_used or DEFAULT_NUMBER_PHASES))


def share_out(capacity_w: int, wants_w: list[int], floors_w: list[int]) -> list[int]:
    """Return who gets what of `capacity_w`: max-min fair, nobody above its want, nobody between 0 and its floor.

    When a share would fall below a floor, the last of those too poor to run gets nothing and the rest share again.
    """
    running = [want > 0 and want >= floor for want, floor in zip(wants_w, floors_w, strict=True)]
    while True:
        shares = _fill(capacity_w, [want if runs else 0 for want, runs in zip(wants_w, running, strict=True)])
        starved = [i for i, runs in enumerate(running) if runs and shares[i] < max(1, floors_w[i])]
        if not starved:
            return shares
        running[starved[-1]] = False


def _fill(capacity_w: int, wants_w: list[int]) -> list[int]:
    """Fill the smallest wants first; what remains is split evenly, the first ones getting the odd watt."""
    shares = [0] * len(wants_w)
    left_w = max(0, capacity_w)
    order = sorted(range(len(wants_w)), key=lambda i: (wants_w[i], -i))
    for position, i in enumerate(order):
        shares[i] = min(wants_w[i], left_w // (len(order) - position))
        left_w -= shares[i]
    return shares
