"""How much each charger may have read: a frame costs one, and a KiB one more (0.1 ms of work, or up to 0.2).

Every charger has a bucket of its own that nobody else draws from, over all of its connections: what an ordinary one
never empties. Whoever has emptied it, be it the queue of a week offline or malice, is read on at that bucket's rate or
out of what all such chargers share, whichever comes first, and is not read meanwhile: TCP holds it back, nothing is
lost, and it is never closed for it. So the work that chargers can cause beyond their own buckets is bounded for all
of them together, and they take turns: each waits for one slice of its bytes at a time.
"""

from csms.buckets import Buckets, Rate

BYTES_PER_UNIT = 1_024
MS_PER_S = 1_000

BURST_S = 30
"""A full bucket holds what flows into it in so long."""

SHARED = 30
"""All together have so many times the rate of one beside their own buckets."""

CHARGERS_MAX = 20_000
"""Buckets that are not full; what was taken from longest ago counts as full again."""


class Budgets:
    """The buckets of all chargers; `per_s`: units a second of each, 0 for any number."""

    def __init__(self, per_s: int) -> None:
        self._own: Buckets | None = None
        if per_s:
            self._own = Buckets(Rate(BURST_S * per_s, MS_PER_S / per_s), CHARGERS_MAX)
            self._shared = Buckets(Rate(SHARED * per_s, MS_PER_S / (SHARED * per_s)), 1)

    def spend(self, charger_id: str, frames: int, size_bytes: int, now_ms: float) -> float:
        """Take note of what was read of a charger; return for how long it is not to be read on, ms."""
        if self._own is None:
            return 0.0
        units = frames + size_bytes / BYTES_PER_UNIT
        own_ms = self._own.owed_ms(charger_id, units, now_ms)
        if own_ms == 0:
            self._own.draw(charger_id, units, now_ms)
            return 0.0
        shared_ms = self._shared.owed_ms(None, units, now_ms)
        if own_ms <= shared_ms:
            self._own.draw(charger_id, units, now_ms)
            return own_ms
        self._shared.draw(None, units, now_ms)
        return shared_ms
