"""Keeping the histories within bounds: what is older than it has to be kept is forgotten, a little at a time.

Every few minutes the oldest meter samples, lines of the event log and acts of the audit are looked at, and what is too
old is removed, in batches of one short transaction each. After each batch there is a pause that is several times as
long as the batch took: commits go before, and however much there is to remove (a limit was lowered, a charger has
flooded the log), they wait for one batch at most. What bills a session is kept for ever, and nothing that recovery
reads is touched.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import structlog

from csms.ports import Clock, Histories, Pruned, StoreError

_log = structlog.get_logger()

PERIOD_S = 300.0
SHORTEST_PAUSE_S = 0.02
PAUSE_SHARE = 4
"""A pause is so many times as long as the batch before it took: at least four fifths of the time are left to others."""

MS_PER_DAY = 86_400_000
MS_PER_S = 1_000


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
        kept, now_ms = self._retention, self._clock.now().wall_ms
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
