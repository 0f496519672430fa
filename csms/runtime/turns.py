"""Changes of what is kept in memory and in the store alike: one after the other, each to its end.

What is wanted goes to the store, and only when it is durable does memory follow. A store that cannot be reached leaves
open whether it took a change: then all of it is read again as soon as it can be, and nothing is changed before.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import structlog

from csms.ports import StoreError, StoreUnreachableError

_log = structlog.get_logger()

RELOAD_PAUSE_S = 1.0

T = TypeVar("T")


class Turns:
    """The turns of those who change one thing.

    Args:
        load: reads all of it from the store; raises StoreError.
        name: of the thing, for the log.
        what: it is, in a sentence.
    """

    def __init__(self, load: Callable[[], Awaitable[None]], name: str, what: str) -> None:
        self._load = load
        self._name = name
        self._what = what
        self._turn = asyncio.Lock()
        self._changes: set[asyncio.Task[Any]] = set()
        self.reading_again: asyncio.Task[None] | None = None

    async def take(self, change: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Make a change when it is its turn, to its end even if whoever asked for it has gone; raise StoreError."""

        async def in_turn() -> T:
            async with self._turn:
                if self.reading_again is not None:
                    raise StoreUnreachableError(f"{self._what} has to be read again first")
                return await change()

        task: asyncio.Task[T] = asyncio.create_task(in_turn(), name=self._name)
        self._changes.add(task)
        task.add_done_callback(self._changes.discard)
        return await asyncio.shield(task)

    async def durably(self, written: Awaitable[None]) -> None:
        """Wait until the store has taken what is written; raise StoreError."""
        try:
            await written
        except StoreUnreachableError:
            self.reading_again = asyncio.create_task(self._read_again(), name=f"{self._name}, read again")
            raise

    async def _read_again(self) -> None:
        """Read all of it when the store can be reached again; until then what was kept counts."""
        while True:
            try:
                await self._load()
            except StoreUnreachableError:
                await asyncio.sleep(RELOAD_PAUSE_S)
            except StoreError as error:
                _log.error(f"{self._name}.not_read", error=str(error))
                return
            else:
                self.reading_again = None
                return
