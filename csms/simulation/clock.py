"""Virtual time: a heap of events, each a moment and a function without arguments."""

import heapq
from collections.abc import Callable

EPOCH_MS = 1_767_225_600_000
"""Wall time of virtual instant 0, UTC ms: 2026-01-01."""


class Clock:
    """The only time there is; events of one instant run in the order in which they were made."""

    def __init__(self) -> None:
        self.now_ms = 0
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._made = 0
        self.events = 0

    def at(self, when_ms: int, action: Callable[[], None]) -> None:
        """Run `action` at `when_ms`, or now when that has passed."""
        self._made += 1
        heapq.heappush(self._heap, (max(when_ms, self.now_ms), self._made, action))

    def after(self, delay_ms: int, action: Callable[[], None]) -> None:
        """Run `action` in `delay_ms`."""
        self.at(self.now_ms + delay_ms, action)

    def run_until(self, end_ms: int) -> None:
        """Run every event up to and including `end_ms`."""
        while self._heap and self._heap[0][0] <= end_ms:
            self.now_ms, _, action = heapq.heappop(self._heap)
            self.events += 1
            action()
        self.now_ms = end_ms
