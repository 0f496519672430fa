"""The central system of a whole day, which can be killed and comes back on what it has made durable.

A kill is as sudden as that of a process: the database is copied as it is at that moment, and every connection ends at
once. What the one that was killed does after that, while it is cleared away, reaches neither the copy nor the network.
"""

import contextlib
import itertools
import shutil
from pathlib import Path
from typing import Final

from csms.core.station import Station
from tests.virtual.loop import VirtualClock
from tests.virtual.network import NetworkLoop
from tests.virtual.site import Site, running
from tests.whole_day.story import Story, WatchedDesk

PORT: Final = 9_000


class Central:
    """One central system, run after run; `site` is the present one, or the one that was killed last."""

    site: Site

    def __init__(
        self, station: Station, clock: VirtualClock, loop: NetworkLoop, story: Story, folder: Path, errors: list[str]
    ) -> None:
        self._station = station
        self._clock = clock
        self._loop = loop
        self._story = story
        self._folder = folder
        self._errors = errors
        self._ids = itertools.count(1)
        self._runs = itertools.count(1)
        self._running = contextlib.AsyncExitStack()
        self._database = self._next_database()

    def _next_database(self) -> Path:
        self._run = next(self._runs)
        return self._folder / f"{self._run}.sqlite3"

    async def start(self) -> None:
        """Start on what is durable."""
        self.site = await self._running.enter_async_context(
            running(
                self._station,
                self._clock,
                self._database,
                self._errors,
                new_id=lambda: f"session-{next(self._ids)}",
                run=f"run{self._run}",
                port=PORT,
                watched=lambda controller: WatchedDesk(controller, self._story),
            )
        )

    async def kill(self, down_ms: int) -> None:
        """Die now, and come back after so long."""
        before, self._database = self._database, self._next_database()
        for suffix in ("", "-wal"):
            part = before.with_name(before.name + suffix)
            if part.exists():
                shutil.copyfile(part, self._database.with_name(self._database.name + suffix))
        del self._loop.listeners[PORT]
        for road in self._loop.roads.values():
            for wire in list(road.wires):
                wire.die()
        await self.stop()
        await self._clock.sleep_until_ms(self._clock.now_ms() + down_ms)
        await self.start()

    async def stop(self) -> None:
        """Stop."""
        await self._running.aclose()
