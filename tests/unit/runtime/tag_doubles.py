"""A store of id tags that does as it is told, and a clock that stands still."""

import asyncio
from collections.abc import Sequence

from csms.core.id_tags import IdTag
from csms.core.ids import Now
from csms.core.records import EventLogged
from csms.ports import StoreError, StoreUnreachableError

NOW_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z


class FixedClock:
    """A clock that tells `wall_ms`."""

    def __init__(self, wall_ms: int = NOW_MS) -> None:
        self.wall_ms = wall_ms

    def now(self) -> Now:
        return Now(0, self.wall_ms)


class FakeTagMemory:
    """Keeps tags in a dictionary; `fault` is raised instead, after the change was made if `is_applied`."""

    def __init__(self, *tags: IdTag) -> None:
        self.tags = {tag.id_tag: tag for tag in tags}
        self.audits: list[EventLogged] = []
        self.fault: StoreError | None = None
        self.is_applied = False
        self.unreadable = 0
        self.loads = 0
        self.may_commit = asyncio.Event()
        self.may_commit.set()

    async def load_id_tags(self) -> tuple[IdTag, ...]:
        self.loads += 1
        if self.unreadable:
            self.unreadable -= 1
            raise StoreUnreachableError("away")
        return tuple(self.tags.values())

    async def change_id_tags(self, listed: Sequence[IdTag], removed: Sequence[str], audit: EventLogged) -> None:
        await self.may_commit.wait()
        if self.fault is None or self.is_applied:
            self.tags.update({tag.id_tag: tag for tag in listed})
            for key in removed:
                del self.tags[key]
            self.audits.append(audit)
        if self.fault is not None:
            raise self.fault
