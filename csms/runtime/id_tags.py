"""Who may charge: the listed id tags in memory, and the one place where they are changed.

Chargers ask for a verdict with every Authorize and StartTransaction, so the whole list is in memory and no question
reaches the store. Changes take turns (`csms.runtime.turns`): what is wanted is compared with what is listed, the
difference goes to the store in one transaction with a line of audit, and only when that is durable does the list in
memory follow, and only then is it said. So a restart knows at least what anybody was told.

It is no part of the station's core, which is told with each start what is listed of its tag: a core that has to be
rebuilt in a hurry shall not wait for a hundred thousand of them. A long list is compared and applied in a thread, to a
copy that then takes the place of what was: chargers are answered meanwhile, and cuts leave.
"""

import asyncio
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace

import structlog

from csms.core.events import TagStatus
from csms.core.id_tags import TAGS_MAX, IdTag, key_of
from csms.core.records import EventLogged
from csms.ports import Clock, TagMemory
from csms.runtime.turns import Turns

_log = structlog.get_logger()

MANY = 1_000
"""A longer difference is worked out and applied beside the event loop."""

Detail = dict[str, str | int | bool | None]


@dataclass(frozen=True, slots=True)
class NotListed:
    """There is no such tag."""


@dataclass(frozen=True, slots=True)
class ChangedMeanwhile:
    """The tag has another version than the one that was to be replaced, or is not listed any more."""


@dataclass(frozen=True, slots=True)
class TooManyTags:
    """The list would become longer than it may; nothing was changed."""


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What became of a list that was imported: how many tags were added, changed, removed, and were so already."""

    added: int
    changed: int
    removed: int
    unchanged: int


class TagBook:
    """The listed id tags; each change raises StoreError when it could not be made durable."""

    def __init__(self, memory: TagMemory, clock: Clock) -> None:
        self._memory = memory
        self._clock = clock
        self._tags: dict[str, IdTag] = {}
        self._order: list[str] = []
        self._changed = 0
        self._turns = Turns(self.load, "id_tags", "what is listed")

    async def load(self) -> None:
        """Read the list; raise StoreError."""
        tags = await self._memory.load_id_tags()
        self._tags, self._order = await asyncio.to_thread(_indexed, {}, tags)
        self._changed += 1

    # --- looking ------------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._tags)

    @property
    def changed(self) -> int:
        """Return a number that rises with each change of the list."""
        return self._changed

    def find(self, id_tag: str) -> IdTag | None:
        """Return a listed tag, however it is written."""
        return self._tags.get(key_of(id_tag))

    def status(self, tag: IdTag) -> TagStatus:
        """Return whether a tag may charge now."""
        return tag.status(self._clock.now().wall_ms)

    def after(self, key: str, count: int) -> list[IdTag]:
        """Return the next tags behind a key, in the order of the keys."""
        start = bisect_right(self._order, key)
        return [self._tags[key] for key in self._order[start : start + count]]

    def all(self) -> list[IdTag]:
        """Return every tag, in the order of the keys."""
        return [self._tags[key] for key in self._order]

    # --- changing -----------------------------------------------------------------------------------------------------

    async def put(self, wanted: IdTag, version: int | None = None) -> IdTag | ChangedMeanwhile | TooManyTags:
        """List a tag, or put it in the place of what is listed; `version`: only in that of this version."""
        return await self._turns.take(lambda: self._put(wanted, version))

    async def remove(self, id_tag: str) -> IdTag | NotListed:
        """Take a tag off the list and return it."""
        return await self._turns.take(lambda: self._remove(key_of(id_tag)))

    async def take_in(self, wanted: Sequence[IdTag], *, whole: bool) -> TakenIn | TooManyTags:
        """List many tags (no two of one key) at once; `whole`: they are all there is, others are removed."""
        return await self._turns.take(lambda: self._take_in(wanted, whole=whole))

    async def _put(self, wanted: IdTag, version: int | None) -> IdTag | ChangedMeanwhile | TooManyTags:
        listed = self._tags.get(wanted.id_tag)
        if version is not None and (listed is None or listed.version != version):
            return ChangedMeanwhile()
        if listed is None and len(self._tags) >= TAGS_MAX:
            return TooManyTags()
        changed = _changed(listed, wanted)
        if changed is listed:
            return changed
        await self._make_durable([changed], [], "id_tag.listed", _told(changed))
        return changed

    async def _remove(self, key: str) -> IdTag | NotListed:
        listed = self._tags.get(key)
        if listed is None:
            return NotListed()
        await self._make_durable([], [key], "id_tag.removed", {"id_tag": listed.id_tag_raw})
        return listed

    async def _take_in(self, wanted: Sequence[IdTag], *, whole: bool) -> TakenIn | TooManyTags:
        changed, removed, added = await asyncio.to_thread(_difference, self._tags, wanted, whole=whole)
        if len(self._tags) + added - len(removed) > TAGS_MAX:
            return TooManyTags()
        taken_in = TakenIn(added, len(changed) - added, len(removed), len(wanted) - len(changed))
        if changed or removed:
            await self._make_durable(changed, removed, "id_tags.imported", {"whole": whole} | asdict(taken_in))
        return taken_in

    async def _make_durable(self, listed: Sequence[IdTag], removed: Sequence[str], kind: str, detail: Detail) -> None:
        """Have the store take a change, then have it count, then say so."""
        audit = EventLogged(self._clock.now().wall_ms, kind, None, None, detail)
        await self._turns.durably(self._memory.change_id_tags(listed, removed, audit))
        if len(listed) + len(removed) > MANY:
            self._tags, self._order = await asyncio.to_thread(_indexed, self._tags, listed, removed)
        else:
            self._apply(listed, removed)
        self._changed += 1
        _log.info(kind, **detail)

    def _apply(self, listed: Iterable[IdTag], removed: Iterable[str]) -> None:
        for key in removed:
            del self._tags[key]
            del self._order[bisect_left(self._order, key)]
        for tag in listed:
            if tag.id_tag not in self._tags:
                insort(self._order, tag.id_tag)
            self._tags[tag.id_tag] = tag


def _changed(listed: IdTag | None, wanted: IdTag) -> IdTag:
    """Return a tag as it is to be listed, with its version; `listed` itself if it is so already."""
    if listed is None:
        return replace(wanted, version=1)
    return listed if replace(wanted, version=listed.version) == listed else replace(wanted, version=listed.version + 1)


def _told(tag: IdTag) -> Detail:
    """Return a tag for the audit; the log masks what is as good as a key."""
    return {
        "id_tag": tag.id_tag_raw,
        "parent_id_tag": tag.parent,
        "expires_ms": tag.expires_ms,
        "blocked": tag.blocked,
        "concurrent": tag.concurrent,
        "version": tag.version,
        "weight": tag.weight,
        "priority": tag.priority,
    }


def _difference(
    listed: dict[str, IdTag], wanted: Sequence[IdTag], *, whole: bool
) -> tuple[list[IdTag], list[str], int]:
    """Return the tags to write, the keys to remove, and how many of the first are new."""
    told = ((listed.get(one.id_tag), one) for one in wanted)
    changed = [new for new, old in ((_changed(old, one), old) for old, one in told) if new is not old]
    kept = {tag.id_tag for tag in wanted} if whole else listed.keys()
    return changed, [key for key in listed if key not in kept], sum(tag.id_tag not in listed for tag in changed)


def _indexed(
    tags: dict[str, IdTag], listed: Iterable[IdTag], removed: Iterable[str] = ()
) -> tuple[dict[str, IdTag], list[str]]:
    """Return a copy with some tags listed and others removed, and its keys in order."""
    copy = dict(tags)
    for key in removed:
        del copy[key]
    copy.update((tag.id_tag, tag) for tag in listed)
    return copy, sorted(copy)
