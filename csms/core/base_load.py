"""What everything else behind the grid connection draws: the base load, as it is measured, and as it counts.

Theory of operation. `static_load_w` is the most that it ever draws, as configured, and what counts without a meter. A
meter shows what of that is drawn:

    a reading        | counts
    -----------------+------------------------------------------------------------------------------------------
    higher           | at once: evidence may overbook the row, and cuts follow
    lower            | when all readings of ten seconds were: the highest of them
    older than its   | for nothing: `static_load_w` counts, or what was measured above it, until the meter is heard;
    greatest age     | so it does after a restart, because no reading is durable

So that the noise of a meter does not become limits, a reading counts in steps of 0.5 % of the grid connection, rounded
up. A configured margin is added. Neither makes it count for more than `static_load_w`, unless it is above that itself.

A meter at the grid connection shows the chargers, too, and what those draw is known a little later, if at all. Two
figures bound the base load then:

    proven   what it shows less all that is booked for chargers (the most of the last seconds): at least that is not
             theirs. It counts at once. As long as no more is proven than counts, the fuse carries what is drawn.
    likely   what it shows less what chargers have lately measured. It counts when all readings of fifteen seconds say
             so, never for more than `static_load_w`, and falls after thirty: samples of cars are up to so old.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from csms.core.site_meter import SiteMeter

STEPS = 200
"""A reading counts in steps, each this part of the grid connection."""


class Bounds(NamedTuple):
    """What a reading says of the base load, W: at least `proven_w`, and probably `likely_w`, which is not below."""

    proven_w: int
    likely_w: int


class Hold(NamedTuple):
    """Readings have all pointed one way since `since_ms`, monotonic; `power_w`: of the one that pointed there least."""

    since_ms: int
    power_w: int


@dataclass(slots=True)
class RecentMost:
    """The most of a power over the last one to two windows; times monotonic ms."""

    since_ms: int = 0
    current_w: int = 0
    before_w: int = 0

    def note(self, power_w: int, now_ms: int, window_ms: int) -> int:
        """Take the power as it is now, W; return the most that it lately was."""
        elapsed_ms = now_ms - self.since_ms
        if elapsed_ms < window_ms:
            self.current_w = max(self.current_w, power_w)
        else:
            self.before_w = self.current_w if elapsed_ms < 2 * window_ms else power_w
            self.current_w, self.since_ms = power_w, now_ms
        return max(self.before_w, self.current_w)


@dataclass(slots=True)
class BaseLoad:
    """What is known of it; times monotonic ms.

    Attributes:
        counted_w: what counts while its meter is heard.
        waited_ms: since when a first reading is waited for.
        read_w: what the meter itself showed last; None before the first reading. read_ms: when that was true;
            read_wall_ms: the same in UTC, to be shown.
        above, below: readings that say more, or less, than counts.
        booked: the most that was lately booked for chargers. not_given: the same of what a battery gives, below 0.
        trouble: why the newest reading failed or was refused; empty: it was not. logged_ms: when that was last logged.
    """

    counted_w: int
    waited_ms: int
    read_w: int | None = None
    read_ms: int = 0
    read_wall_ms: int = 0
    above: Hold | None = None
    below: Hold | None = None
    booked: RecentMost = field(default_factory=RecentMost)
    not_given: RecentMost = field(default_factory=RecentMost)
    trouble: str = ""
    logged_ms: int | None = None

    def stale_ms(self, meter: SiteMeter) -> int:
        """Return when no reading counts any more, if no other one comes."""
        return (self.waited_ms if self.read_w is None else self.read_ms) + meter.max_age_s * 1_000

    def is_stale(self, meter: SiteMeter, now_ms: int) -> bool:
        """Return whether no reading is young enough to count."""
        return self.read_w is None or now_ms >= self.stale_ms(meter)

    def fell_silent(self, static_load_w: int) -> None:
        """Count the configured maximum, or what was measured above it: silence takes back no evidence."""
        self.counted_w = max(self.counted_w, static_load_w)
        self.above = self.below = None

    def count(self, said: Bounds, now_ms: int, rise_ms: int, fall_ms: int) -> None:
        """Take what a reading says; what is only likely counts when it was said for `rise_ms` or `fall_ms`."""
        self.counted_w = max(self.counted_w, said.proven_w)
        self.above = _held(self.above, said.likely_w, now_ms, min) if said.likely_w > self.counted_w else None
        self.below = _held(self.below, said.likely_w, now_ms, max) if said.likely_w < self.counted_w else None
        if self.above is not None and now_ms - self.above.since_ms >= rise_ms:
            self.counted_w, self.above = self.above.power_w, None
        elif self.below is not None and now_ms - self.below.since_ms >= fall_ms:
            self.counted_w, self.below = self.below.power_w, None


def in_steps_w(power_w: int, margin_w: int, static_load_w: int, grid_capacity_w: int) -> int:
    """Return what a base load counts as, W: rounded up, with its margin, and above the maximum only if it is itself."""
    step_w = max(1, grid_capacity_w // STEPS)
    if power_w > static_load_w:
        return _rounded_up(power_w, step_w)
    return min(static_load_w, _rounded_up(max(0, power_w) + margin_w, step_w))


def _rounded_up(power_w: int, step_w: int) -> int:
    return -(-power_w // step_w) * step_w


def _held(before: Hold | None, power_w: int, now_ms: int, least: Callable[[int, int], int]) -> Hold:
    return Hold(now_ms, power_w) if before is None else Hold(before.since_ms, least(before.power_w, power_w))
