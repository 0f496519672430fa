"""The one writer: callers queue, and what queued while a transaction ran shares the next one (group commit).

    caller: commit(changes) ──► queue ──► writer: take all that waits ──► one transaction ──► every caller resumes

Under no load a commit leaves at once and alone; under load a transaction holds what arrived during the one before, so
the price of making things durable is shared by ever more callers and never waits for a timer.

Rules: rows are applied in the order of the calls. A transaction that fails fails for everybody in it, with nothing
applied. A caller that is cancelled while it waits leaves its rows where they are: they are written with the others, so
it does not know whether they are durable. A transaction takes callers up to `BATCH_ROWS_MAX` rows, so that no one waits
for a very long one; with more than `QUEUED_ROWS_MAX` rows in the queue callers wait, in their order, for room in it.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from csms.ports import StoreError
from csms.store.changes import Changes

BATCH_ROWS_MAX = 8_192
QUEUED_ROWS_MAX = 65_536

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Waiting:
    changes: Changes
    durable: asyncio.Future[None]


class Writer:
    """Turns many callers' changes into few transactions; `write` runs one of them and raises StoreError."""

    def __init__(self, station_id: str, write: Callable[[Changes], Awaitable[None]]) -> None:
        self._station_id = station_id
        self._write = write
        self._queue: deque[_Waiting] = deque()
        self._queued_rows = 0
        self._closing = False
        self._entry = asyncio.Lock()
        self._room = asyncio.Event()
        self._room.set()
        self._work = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name="store.writer")

    async def commit(self, changes: Changes) -> None:
        """Return when the changes, and all that were queued before them, are durable; raise StoreError otherwise."""
        async with self._entry:
            await self._room.wait()
            if self._closing:
                raise StoreError("the store is closed")
            waiting = _Waiting(changes, asyncio.get_running_loop().create_future())
            self._queue.append(waiting)
            self._count(changes.rows)
            self._work.set()
        await waiting.durable

    async def close(self) -> None:
        """Write what is queued and stop; later commits raise StoreError."""
        self._closing = True
        self._work.set()
        await asyncio.shield(self._task)

    async def _run(self) -> None:
        batch: list[_Waiting] = []
        try:
            while await self._something_queued():
                batch = self._take()
                await self._settle(batch)
        finally:
            self._closing = True
            self._room.set()
            _refuse([*batch, *self._queue], StoreError("the writer ended"))

    async def _something_queued(self) -> bool:
        """Wait for work; return False when there will be none."""
        while not self._queue:
            if self._closing:
                return False
            self._work.clear()
            await self._work.wait()
        return True

    def _take(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        rows = 0
        while self._queue and rows < BATCH_ROWS_MAX:
            batch.append(self._queue.popleft())
            rows += batch[-1].changes.rows
        self._count(-rows)
        return batch

    def _count(self, rows: int) -> None:
        self._queued_rows += rows
        if self._queued_rows < QUEUED_ROWS_MAX:
            self._room.set()
        else:
            self._room.clear()

    async def _settle(self, batch: list[_Waiting]) -> None:
        together = Changes(self._station_id)
        for waiting in batch:
            together.merge(waiting.changes)
        try:
            if together.rows:
                await self._write(together)
        except StoreError as fault:
            log.error("commit.failed", callers=len(batch), rows=together.rows, reason=str(fault))  # noqa: TRY400 - expected; the callers get it
            _refuse(batch, fault)
        else:
            for waiting in batch:
                if not waiting.durable.done():
                    waiting.durable.set_result(None)


def _refuse(batch: list[_Waiting], fault: StoreError) -> None:
    """Tell everybody who still waits; each gets an exception of its own, for each adds its own traceback to it."""
    for waiting in batch:
        if not waiting.durable.done():
            failed = StoreError(str(fault))
            failed.__cause__ = fault
            waiting.durable.set_exception(failed)
