"""Demand: what a car can take now (ALLOCATOR.md §5 points 1 to 3 and 7, and the rule of REST-driven sessions).

Taken literally, "a car that uses less than its allocation has that as its maximum" starves cars: the ramp-up counts as
low demand and the maximum never rises again. So for metered (OCPP) sessions the estimate E moves like this:

    while nothing can be judged (start, change of limit)   E stays
    saturated: drawing what it may                         E = min(D, max(E, 1.25 M + 5 kW))
    below its limit for 30 s                               E = M + head room; the head room is a permanent probe
    below it, but a lower one was said since               E stays: that one may be in force, whatever was answered

and two successive samples must agree, so that one raw sample never changes a limit. A REST client's word is explicit:
using less than was returned lowers the maximum at once, and it is probed upwards from a minute later.
"""

from dataclasses import dataclass

from csms.core.station import Charger
from csms.core.timings import Timings
from csms.core.units import percent_w

DC_TOLERANCE_W = 1_000
DC_HEAD_ROOM_W = 4_000
AC_HEAD_ROOM_A = 2
"""Cars draw up to an ampere less than they may, and limits are often told in whole amperes: with less head room a car
would be told what it is told already, and never shows that it wants more (docs/adr/0026)."""
DC_DEAD_BAND_W = 3_000
GROWTH_W = 5_000


def half_ampere_w(charger: Charger) -> int:
    """Return 0.5 A on every phase used, W."""
    return charger.voltage_v * max(charger.phases, 1) // 2


def tolerance_w(charger: Charger, limit_w: int) -> int:
    """Return how far a car may be metered from its limit and still count as obeying it, or as drawing all of it, W.

    LEDGER.md §6: 2 %, at least 1 kW DC or 0.5 A AC.
    """
    return max(DC_TOLERANCE_W if charger.is_dc else half_ampere_w(charger), percent_w(limit_w, 2))


def head_room_w(charger: Charger) -> int:
    """Return how much more than it draws a car may draw at least, W, so that one that wants more shows it."""
    return DC_HEAD_ROOM_W if charger.is_dc else 2 * AC_HEAD_ROOM_A * half_ampere_w(charger)


def dead_band_w(charger: Charger, power_w: int) -> int:
    """Return the change of limit near `power_w` that is not worth a message, W (LEDGER.md §2)."""
    return max(DC_DEAD_BAND_W, percent_w(power_w, 3)) if charger.is_dc else half_ampere_w(charger)


@dataclass(slots=True)
class Demand:
    """The metered demand of one session; times monotonic ms, powers W.

    Attributes:
        declared_w: D, never exceeded.
        estimate_w: E.
        judged_from_ms: nothing is judged before.
        previous_w: the sample before, None before the first.
        below_since_ms: first sample of the present run below saturation.
        period_ms: time between the last two samples.
        saturated: it was last seen to draw what it may, under the limit that it has.
    """

    declared_w: int
    estimate_w: int
    judged_from_ms: int = 0
    previous_w: int | None = None
    previous_ms: int | None = None
    below_since_ms: int | None = None
    period_ms: int = 0
    saturated: bool = False

    def limit_changed(self, now_ms: int, timings: Timings) -> None:
        """Restart the judgement: a car needs time to follow a limit, and its meter two periods to show it."""
        self.judged_from_ms = now_ms + max(timings.judge_ms, 2 * self.period_ms)
        self.below_since_ms = None
        self.saturated = False

    def sampled(
        self,
        power_w: int,
        limit_w: int,
        charger: Charger,
        now_ms: int,
        timings: Timings,
        *,
        least_w: int | None = None,
    ) -> bool:
        """Take one sample under `limit_w`; return whether the estimate changed.

        `least_w`: the least that was told since and may be in force; None where nothing was.
        """
        previous_w = self.previous_w
        if self.previous_ms is not None:
            self.period_ms = now_ms - self.previous_ms
        self.previous_w, self.previous_ms = power_w, now_ms
        if now_ms < self.judged_from_ms or previous_w is None:
            return False
        margin_w = tolerance_w(charger, limit_w)
        self.saturated = min(previous_w, power_w) >= limit_w - margin_w
        if self.saturated:
            self.below_since_ms = None
            grown_w = power_w + power_w // 4 + GROWTH_W
            return self._estimate(min(self.declared_w, max(self.estimate_w, grown_w)), 0)
        if power_w >= limit_w - margin_w:
            return False
        if least_w is not None and least_w < limit_w and power_w >= least_w - tolerance_w(charger, least_w):
            self.below_since_ms = None
            return False
        if self.below_since_ms is None:
            self.below_since_ms = now_ms
        if now_ms - self.below_since_ms < timings.unsaturated_ms:
            return False
        seen_w = max(previous_w, power_w)
        room_w = max(head_room_w(charger), percent_w(seen_w, 5))
        return self._estimate(min(self.declared_w, seen_w + room_w), room_w // 4)

    def _estimate(self, estimate_w: int, least_change_w: int) -> bool:
        """Move the estimate unless the change is noise."""
        if abs(estimate_w - self.estimate_w) <= least_change_w:
            return False
        self.estimate_w = estimate_w
        return True


@dataclass(slots=True)
class StatedDemand:
    """The demand of a REST-driven session: what its client states (API.md), W and monotonic ms."""

    declared_w: int
    maximum_w: int
    lowered_ms: int | None = None

    def consumed(self, consumed_w: int, returned_w: int, now_ms: int, timings: Timings) -> None:
        """Take a power-update: `returned_w` is the number that the client was last told."""
        if consumed_w < returned_w:
            if consumed_w < self.maximum_w:
                self.maximum_w = consumed_w
                self.lowered_ms = now_ms
        elif self.lowered_ms is not None and now_ms - self.lowered_ms >= timings.probe_ms:
            step_w = max(percent_w(self.maximum_w, 10), GROWTH_W)
            self.maximum_w = min(self.declared_w, self.maximum_w + step_w)
