"""When a station runs in safe mode (LEDGER.md §7, docs/adr/0016).

It begins with the third broken invariant within a minute. After ten minutes the ordinary path gets one trial; if that
breaks its invariants again, safe mode stays until an operator ends it. A start of the process is such an act too, so
none of this is kept. Invariants that are broken three times within a minute in safe mode itself halt the station.
"""

from collections import deque

FAULTS = 3
WINDOW_MS = 60_000
TRIAL_MS = 600_000


class SafeMode:
    """Counts broken invariants and says which path the core is to take; monotonic ms."""

    def __init__(self) -> None:
        self.on = False
        self.ends_ms: int | None = None
        self._tried = False
        self._broken: deque[int] = deque()

    def broken(self, now_ms: int) -> bool:
        """Count a broken invariant; return whether there were too many of them in safe mode, too."""
        self._broken.append(now_ms)
        while now_ms - self._broken[0] > WINDOW_MS:
            self._broken.popleft()
        if len(self._broken) < FAULTS:
            return False
        if self.on:
            return True
        self._broken.clear()
        self.on = True
        self.ends_ms = None if self._tried else now_ms + TRIAL_MS
        return False

    def try_without(self) -> None:
        """End it for the one trial."""
        self._end(tried=True)

    def end(self) -> None:
        """End it by an operator's act: the next time there is a trial again."""
        self._end(tried=False)

    def _end(self, *, tried: bool) -> None:
        self.on, self.ends_ms, self._tried = False, None, tried
        self._broken.clear()
