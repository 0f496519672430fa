"""How much each charger may have read: a frame costs one, and a KiB one more (0.1 ms of work, or up to 0.2).

Every charger has a bucket of its own that nobody else draws from, over all of its connections: what an ordinary one
never empties. Whoever has emptied it, be it the queue of a week offline or malice, is in debt and is not read until
that is paid: by what flows into its bucket, and by an equal part of what all who are in debt share. They share little,
or much as long as this process leaves half of a processor idle. TCP holds back whoever waits, nothing is lost, and it
is never closed for it. So the work that chargers can cause beyond their own buckets is bounded for all of them
together, and nobody pays for what another one sends. A message that has begun is read to its end
(`csms.gateway.connection`), and paid for then.
"""

from collections import OrderedDict
from collections.abc import Callable

from csms.buckets import Buckets, Rate

BYTES_PER_UNIT = 1_024
MS_PER_S = 1_000

BURST_S = 30
"""A full bucket holds what flows into it in so long."""

SHARED = 30
"""All who are in debt share so many times the rate of one, whatever else the machine does."""

SPARE, SPARE_EACH, SPARE_MOST = 110, 4, 500
"""While it has time so many times that rate, so many more for each of them, and never more than so many: a site that
comes back is then taken in about as fast as it can be, and a few that send without end stay a small part of what the
machine does."""

IDLE = 0.5
"""The machine has time while this process computes for less than this part of it."""

LOOK_MS = 100
"""From one look at how much was computed to the next: for so long what is shared may prove to be too much."""

ASK_AGAIN_MS = 500
"""Who waits asks again after so long whether others have left it more; who has not for twice as long is gone."""

LEAST_REST_MS = 1.0

CHARGERS_MAX = 20_000
"""Buckets that are not full; what was taken from longest ago counts as full again."""


def units(frames: int, size_bytes: int) -> float:
    """Return what so much costs."""
    return frames + size_bytes / BYTES_PER_UNIT


class Leisure:
    """Whether the machine has time; `computed_ms`: for how long this process has computed so far."""

    def __init__(self, computed_ms: Callable[[], float]) -> None:
        self._computed_ms = computed_ms
        self._looked_ms = 0.0
        self._before_ms = computed_ms()
        self._has_time = False

    def has_time(self, now_ms: float) -> bool:
        """Return whether it had time when it was looked at last."""
        passed_ms = now_ms - self._looked_ms
        if passed_ms >= LOOK_MS:
            computed_ms = self._computed_ms()
            self._has_time = computed_ms - self._before_ms < IDLE * passed_ms
            self._looked_ms, self._before_ms = now_ms, computed_ms
        return self._has_time


class Debtors:
    """Those who are in debt, by when they asked last, and what each of them gets of what they share."""

    def __init__(self, per_s: int, leisure: Leisure) -> None:
        self._per_ms = per_s / MS_PER_S
        self._leisure = leisure
        self._asked_ms: OrderedDict[str, float] = OrderedDict()

    def share(self, charger_id: str, now_ms: float) -> tuple[float, float]:
        """Return the units that have come together for one since it asked last, and how many it gets each ms.

        From now on it is one of them.
        """
        since_ms = now_ms - self._asked_ms.pop(charger_id, now_ms)
        self._asked_ms[charger_id] = now_ms
        self._forget_those_gone(now_ms)
        each_per_ms = self._together(now_ms) * self._per_ms / len(self._asked_ms)
        return since_ms * each_per_ms, each_per_ms

    def _together(self, now_ms: float) -> int:
        """Return how many times the rate of one they share now."""
        if not self._leisure.has_time(now_ms):
            return SHARED
        return min(SPARE + SPARE_EACH * len(self._asked_ms), SPARE_MOST)

    def leave(self, charger_id: str) -> None:
        """Forget one that has paid."""
        self._asked_ms.pop(charger_id, None)

    def _forget_those_gone(self, now_ms: float) -> None:
        while now_ms - next(iter(self._asked_ms.values())) > 2 * ASK_AGAIN_MS:
            self._asked_ms.popitem(last=False)


class Budgets:
    """The buckets of all chargers; `per_s`: units a second of each, 0 for any number."""

    def __init__(self, per_s: int, computed_ms: Callable[[], float]) -> None:
        self._own: Buckets | None = None
        if per_s:
            self._own = Buckets(Rate(BURST_S * per_s, MS_PER_S / per_s), CHARGERS_MAX)
            self._per_ms = per_s / MS_PER_S
            self._debtors = Debtors(per_s, Leisure(computed_ms))

    def spend(self, charger_id: str, frames: int, size_bytes: int, now_ms: float) -> float:
        """Take note of what was read of a charger; return for how long it is not to be read on, ms.

        Then ask again, with nothing read: it may be in debt even so.
        """
        if self._own is None:
            return 0.0
        self._own.draw(charger_id, units(frames, size_bytes), now_ms)
        owed_ms = self._own.owed_ms(charger_id, 0, now_ms)
        if owed_ms > 0:
            share, share_per_ms = self._debtors.share(charger_id, now_ms)
            self._own.draw(charger_id, -min(share, owed_ms * self._per_ms), now_ms)
            owed_ms = self._own.owed_ms(charger_id, 0, now_ms)
        if owed_ms == 0:
            self._debtors.leave(charger_id)
            return 0.0
        paid_after_ms = owed_ms * self._per_ms / (self._per_ms + share_per_ms)
        return min(max(LEAST_REST_MS, paid_after_ms), ASK_AGAIN_MS)
