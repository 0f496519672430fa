"""A charger's own clock, as its time stamps show it: which of them speak of now (OCPP 1.6 §3.14).

Clocks of chargers are hours off, step when they are set, and their queues bring stamps of the past. Nothing here
compares a stamp with our time alone: only with how the charger's stamps have stood to it so far. So a step of our own
clock, which shows against the monotonic time, moves all that is remembered with it (LEDGER.md I8).
"""

from dataclasses import dataclass

from csms.core.ids import Now
from csms.core.records import Doubt

STALE_MS = 60_000
"""A stamp so much older than the newest that its charger has shown says nothing about now; so much newer, neither."""

CLOCK_STEP_MS = 120_000
"""When nothing newer has come for so long, the charger's clock may have stepped back …"""

OUR_STEP_MS = 1_000
"""Our clock has stepped when it has moved by so much against the monotonic time; less than that is how it is read."""

STEADY_MS = 60_000
"""… if its stamps have stood equally far behind for so long: those of a queue catch up."""


@dataclass(slots=True)
class Stamps:
    """The stamps of one charger's samples since it connected or booted; where it was behind, since before.

    Attributes:
        offset_ms: how far they run ahead of ours; seen_ms: last seen so, monotonic.
        ahead_ms: how far ahead one was that stood alone; ahead_seen_ms: when it came.
        behind_ms: where those that are behind stand; behind_since_ms: since when.
    """

    offset_ms: int = 0
    seen_ms: int = 0
    ahead_ms: int | None = None
    ahead_seen_ms: int = 0
    behind_ms: int | None = None
    behind_since_ms: int = 0

    def begin(self, now_ms: int) -> None:
        """Forget where the clock stands, for a boot sets it; not how far behind stamps stood, for some boots do not.

        Else a charger that boots every minute or two, and keeps a clock that is behind, would never be believed.
        """
        self.offset_ms, self.seen_ms, self.ahead_ms = 0, now_ms, None

    def reconnected(self, now_ms: int) -> None:
        """Forget the same on a new connection without a boot, but for a clock that is ahead.

        Else the queue of a charger whose clock is two hours ahead would speak of now after an outage of two hours. If
        the clock was set right meanwhile, that shows within two minutes.
        """
        self.offset_ms, self.seen_ms, self.ahead_ms = self.ahead_by_ms, now_ms, None

    def our_clock_stepped(self, by_ms: int) -> None:
        """Keep where the charger's clock stands though ours was set by so much: its own was not."""
        self.offset_ms -= by_ms
        self.ahead_ms = None if self.ahead_ms is None else self.ahead_ms - by_ms
        self.behind_ms = None if self.behind_ms is None else self.behind_ms - by_ms

    @property
    def ahead_by_ms(self) -> int:
        """Return how far the clock is known to be ahead; 0 for one that is behind."""
        return max(0, self.offset_ms)

    def doubt(self, at_ms: int, now: Now) -> Doubt | None:
        """Return why a stamp does not speak of now, or None; take it for the charger's time then."""
        offset_ms = at_ms - now.wall_ms
        behind = offset_ms < self.offset_ms - STALE_MS
        if behind and not self._is_steadily_behind(offset_ms, now):
            return Doubt.OLD
        if offset_ms > self.offset_ms + STALE_MS and not self._is_second_ahead(offset_ms, now):
            return Doubt.AHEAD
        self.offset_ms = offset_ms if behind else max(offset_ms, self.offset_ms)
        self.seen_ms, self.ahead_ms = now.mono_ms, None
        if not self._is_as_far_behind(offset_ms):
            self.behind_ms = None
        return None

    def _is_steadily_behind(self, offset_ms: int, now: Now) -> bool:
        """Return whether the clock was set back: nothing newer has come for long, and stamps keep their distance."""
        if not self._is_as_far_behind(offset_ms):
            self.behind_ms, self.behind_since_ms = offset_ms, now.mono_ms
        steady_ms = now.mono_ms - self.behind_since_ms
        is_over = now.mono_ms - self.seen_ms >= CLOCK_STEP_MS or steady_ms >= CLOCK_STEP_MS  # over boots, too
        return steady_ms >= STEADY_MS and is_over

    def _is_as_far_behind(self, offset_ms: int) -> bool:
        """Return whether a stamp stands where those behind have stood."""
        return self.behind_ms is not None and abs(offset_ms - self.behind_ms) <= STALE_MS

    def _is_second_ahead(self, offset_ms: int, now: Now) -> bool:
        """Return whether another stamp, received before, stood as far ahead: then it is the clock."""
        known_ms, self.ahead_ms = self.ahead_ms, offset_ms
        later, self.ahead_seen_ms = now.mono_ms > self.ahead_seen_ms, now.mono_ms
        return known_ms is not None and later and abs(offset_ms - known_ms) <= STALE_MS
