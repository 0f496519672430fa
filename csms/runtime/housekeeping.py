"""Keeping the histories within bounds: what is older than it has to be kept is forgotten, a little at a time.

Every few minutes the oldest meter samples, lines of the event log and acts of the audit are looked at, and what is too
old is removed, in batches of one short transaction each. After each batch there is a pause that is several times as
long as the batch took: commits go before, and however much there is to remove (a limit was lowered, a charger has
flooded the log), they wait for one batch at most. What bills a session is kept for ever, and nothing that recovery
reads is touched.

A wrong clock must not cost what may still be needed: one that is set ahead makes everything look old. It is believed
here when it has stood so for a day, in which somebody may have set it right.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import structlog

from csms.core.ids import Now
from csms.ports import Clock, Histories, Pruned, StoreError

_log = structlog.get_logger()

PERIOD_S = 300.0
SHORTEST_PAUSE_S = 0.02
PAUSE_SHARE = 4
"""A pause is so many times as long as the batch before it took: at least four fifths of the time are left to others."""

MS_PER_DAY = 86_400_000
MS_PER_S = 1_000
SET_AHEAD_MS = 3_600_000
"""A clock that gains more than this from one look to the next was set; less, and it was corrected."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How much of the histories is kept; 0 is no limit.

    Attributes:
        samples_days: meter samples, since they were received.
        log_days: lines of the event log, and acts of the audit.
        log_rows: lines of the event log, in all, and as many acts.
    """

    samples_days: int = 730
    log_days: int = 90
    log_rows: int = 1_000_000


class Calendar:
    """What day it is: the wall clock's word, but for one that was set ahead less than a day ago."""

    def __init__(self) -> None:
        self._believed_ms: int | None = None  # how far the wall clock is ahead of the monotonic one
        self._ahead_since_ms: int | None = None

    def read(self, now: Now) -> int:
        """Return the time by which things are old, UTC ms."""
        offset_ms = now.wall_ms - now.mono_ms
        if self._believed_ms is None or offset_ms <= self._believed_ms + SET_AHEAD_MS or self._has_stood_so(now):
            self._believed_ms, self._ahead_since_ms = offset_ms, None
        elif self._ahead_since_ms is None:
            self._ahead_since_ms = now.mono_ms
            _log.warning("clock.set_ahead", by_s=(offset_ms - self._believed_ms) // MS_PER_S)
        return now.mono_ms + self._believed_ms

    def _has_stood_so(self, now: Now) -> bool:
        return self._ahead_since_ms is not None and now.mono_ms - self._ahead_since_ms >= MS_PER_DAY


class Housekeeper:
    """Forgets what is too old, for as long as it runs."""

    def __init__(
        self,
        histories: Histories,
        clock: Clock,
        retention: Retention,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._histories = histories
        self._clock = clock
        self._retention = retention
        self._pause = pause
        self._calendar = Calendar()

    async def run(self) -> None:
        """Tidy up again and again until cancelled; a store that refuses is asked again the next time."""
        while True:
            try:
                await self.tidy_up()
            except StoreError as error:
                _log.warning("history.not_pruned", error=str(error))
            await self._pause(PERIOD_S)

    async def tidy_up(self) -> None:
        """Remove everything that is too old now; raise StoreError."""
        kept, now_ms = self._retention, self._calendar.read(self._clock.now())
        samples = lines = acts = 0
        if kept.samples_days:
            before_ms = now_ms - kept.samples_days * MS_PER_DAY
            samples = await self._walk(partial(self._histories.prune_samples, before_ms=before_ms, now_ms=now_ms))
        if kept.log_days or kept.log_rows:
            before_ms = now_ms - kept.log_days * MS_PER_DAY if kept.log_days else 0
            rows_max = kept.log_rows or None
            prune_log = partial(self._histories.prune_log, before_ms=before_ms, now_ms=now_ms, rows_max=rows_max)
            lines = await self._walk(prune_log)
            prune_audit = partial(self._histories.prune_audit, before_ms=before_ms, now_ms=now_ms, rows_max=rows_max)
            acts = await self._walk(prune_audit)
        if samples or lines or acts:
            _log.info("history.pruned", samples=samples, lines=lines, acts=acts)

    async def _walk(self, prune: Callable[[int], Awaitable[Pruned]]) -> int:
        """Go through one history, batch for batch; return how many rows were removed."""
        removed, after = 0, 0
        while True:
            began_ms = self._clock.now().mono_ms
            pruned = await prune(after)
            removed += pruned.removed
            if pruned.after is None:
                return removed
            after = pruned.after
            took_s = (self._clock.now().mono_ms - began_ms) / MS_PER_S
            await self._pause(max(SHORTEST_PAUSE_S, PAUSE_SHARE * took_s))
