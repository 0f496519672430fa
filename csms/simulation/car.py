"""A car and what it draws: never above the limit for longer than its ramp, and never above what it wants.

It draws nothing below its own minimum, and needs a while to wake when it may draw again after it could not.
"""

import random
from dataclasses import dataclass

SURGE_MS = 2_000


@dataclass(slots=True)
class Car:
    """One car.

    Attributes:
        wants_w: what it takes now if nothing limits it.
        down_w_per_s: how fast it lets go; any cut is obeyed within 5 s.
        up_w_per_s: how fast it takes more.
        has_slept: wanted nothing at some time.
        overdraw: per mille that it draws above its limit.
        leaves: ends its session when it is offered nothing.
        surge: per mille above its limit for two seconds after it has drawn nothing.
        wakes_ms: for so long it draws nothing when it may draw after it could not.
        least_w: it draws nothing when it may draw less.
        used: its charger's own phases that it uses; () where nobody asks. has_switched: they were others before.
    """

    wants_w: int
    down_w_per_s: int
    up_w_per_s: int
    has_slept: bool = False
    overdraw: int = 0
    leaves: bool = False
    surge: int = 0
    surges: int = 0
    wakes_ms: int = 0
    least_w: int = 0
    used: tuple[int, ...] = ()
    has_switched: bool = False
    _asleep_ms: int | None = None
    _surge_ms: int = 0
    _drew: bool = False

    @property
    def is_plain(self) -> bool:
        """Return whether it keeps to its limit."""
        return not self.overdraw and not self.surge

    @property
    def is_asleep(self) -> bool:
        """Return whether it draws nothing although it wants to: it may draw too little, or is about to wake."""
        return self._asleep_ms is not None

    def sleep(self) -> None:
        """Begin asleep."""
        self._asleep_ms = self.wakes_ms

    def allowed_w(self, limit_w: int, elapsed_ms: int) -> int:
        """Return what it takes its limit for."""
        draws = min(limit_w, self.wants_w) > 0 and not self.is_asleep
        wakes, self._drew = draws and not self._drew, draws
        if wakes and self.surge:
            self._surge_ms = SURGE_MS
            self.surges += 1
        is_surging = self._surge_ms > 0
        self._surge_ms = max(0, self._surge_ms - elapsed_ms)
        return limit_w * (1_000 + (self.surge if is_surging else self.overdraw)) // 1_000

    def next_draw_w(self, draw_w: int, limit_w: int, elapsed_ms: int) -> int:
        """Return the power drawn after `elapsed_ms` under `limit_w`."""
        goal_w = min(limit_w, self.wants_w)
        if self.wakes_ms or self.least_w:
            goal_w = self._awake_w(goal_w, elapsed_ms)
        if draw_w > goal_w:
            return max(goal_w, draw_w - self.down_w_per_s * elapsed_ms // 1000)
        return min(goal_w, draw_w + self.up_w_per_s * elapsed_ms // 1000)

    def _awake_w(self, goal_w: int, elapsed_ms: int) -> int:
        """Return what it takes of `goal_w` in its sleep: nothing, until it has had enough of an offer for a while."""
        if goal_w < max(1, self.least_w):
            self._asleep_ms = self.wakes_ms
        elif self._asleep_ms is not None:
            self._asleep_ms = None if self._asleep_ms <= elapsed_ms else self._asleep_ms - elapsed_ms
        return 0 if self.is_asleep else goal_w


def random_car(rng: random.Random, most_w: int) -> Car:
    """Return a car for a connector that gives at most `most_w`."""
    wants_w = most_w if rng.random() < 0.5 else int(most_w * rng.uniform(0.05, 1.2))
    return Car(
        wants_w=wants_w,
        down_w_per_s=int(most_w / rng.uniform(0.3, 4.5)) + 1,
        up_w_per_s=int(most_w / rng.uniform(0.5, 25.0)) + 1,
    )


def change_mind(rng: random.Random, car: Car, most_w: int) -> None:
    """Let the car want something else: often everything, sometimes little, sometimes nothing."""
    die = rng.random()
    if die < 0.45:
        car.wants_w = most_w
    elif die < 0.85:
        car.wants_w = int(most_w * rng.uniform(0.05, 1.0))
    else:
        car.wants_w = 0
        car.has_slept = True
