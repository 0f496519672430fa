"""How much more than it is booked a session draws, and what is taken off a row for it (`trimming` says why)."""

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

READINGS_REMEMBERED = 16


class Trim(NamedTuple):
    """What is taken off the capacity of a row, W, and when that was needed last, monotonic ms."""

    power_w: int
    needed_ms: int


@dataclass(slots=True)
class Overdraw:
    """Measured less booked power of one session; each reading holds until the next one.

    Attributes:
        readings: the newest ones, monotonic ms and W (below 0: it draws less than is booked).
    """

    readings: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=READINGS_REMEMBERED))

    @property
    def latest_w(self) -> int | None:
        """Return the newest reading, W; None before the first."""
        return self.readings[-1][1] if self.readings else None

    def read(self, over_w: int, now_ms: int) -> bool:
        """Take a reading, W; return whether it is the first one above 0 after others."""
        before_w = self.latest_w
        self.readings.append((now_ms, over_w))
        return over_w > 0 and (before_w is None or before_w <= 0)

    def mean_w(self, now_ms: int, window_ms: int) -> int:
        """Return the mean over the window that ends now, W, rounded up; 0 counts before the first reading."""
        total, until_ms = 0, now_ms
        for at_ms, over_w in reversed(self.readings):
            from_ms = max(at_ms, now_ms - window_ms)
            total += over_w * max(0, until_ms - from_ms)
            until_ms = min(until_ms, at_ms)
        return -(-total // window_ms)
