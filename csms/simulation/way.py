"""One direction of a connection: what is on its way arrives in order, at once, late, or all together after a stall."""

import random
from collections.abc import Callable

from csms.simulation.clock import Clock

LONGEST_JITTER_MS = 3_000


class Way:
    """Carries frames; as long as nothing was ever odd about it, they arrive at once."""

    def __init__(self, clock: Clock, rng: random.Random) -> None:
        self._clock = clock
        self._rng = rng
        self._stalled_until_ms = 0
        self._jitters_until_ms = 0
        self._newest_ms = 0
        self._under_way = 0

    def stall(self, until_ms: int) -> None:
        """Let nothing arrive before `until_ms`."""
        self._stalled_until_ms = max(self._stalled_until_ms, until_ms)

    def jitter(self, until_ms: int) -> None:
        """Let what leaves before `until_ms` take its time."""
        self._jitters_until_ms = max(self._jitters_until_ms, until_ms)

    def carry(self, arrive: Callable[[], None]) -> None:
        """Call `arrive` when what leaves now has arrived, never before what left earlier."""
        now_ms = self._clock.now_ms
        jitter_ms = self._rng.randint(0, LONGEST_JITTER_MS) if now_ms < self._jitters_until_ms else 0
        at_ms = max(now_ms + jitter_ms, self._stalled_until_ms, self._newest_ms)
        self._newest_ms = at_ms
        if at_ms == now_ms and not self._under_way:
            arrive()
            return
        self._under_way += 1
        self._clock.at(at_ms, lambda: self._arrived(arrive))

    def _arrived(self, arrive: Callable[[], None]) -> None:
        self._under_way -= 1
        arrive()
