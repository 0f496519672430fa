"""The list of id tags: in memory what is durable, nothing before, whatever happens."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
import structlog

from csms.core.events import TagStatus
from csms.core.id_tags import IdTag
from csms.ports import StoreError, StoreUnreachableError
from csms.runtime import id_tags, turns
from csms.runtime.id_tags import ChangedMeanwhile, NotListed, TagBook, TakenIn, TooManyTags
from tests.unit.runtime.tag_doubles import NOW_MS, FakeTagMemory, FixedClock


@pytest.fixture(autouse=True)
def log_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A logger that was used before keeps its processors, and is not captured any more."""
    for module in (id_tags, turns):
        monkeypatch.setattr(module, "_log", structlog.get_logger())


ANNA = IdTag("ANNA", "Anna")
BEN = IdTag("BEN", "Ben", version=5)
FLEET = [IdTag(f"T{number:05}", f"t{number:05}") for number in range(id_tags.MANY + 1)]


async def book(*tags: IdTag) -> tuple[TagBook, FakeTagMemory]:
    memory = FakeTagMemory(*tags)
    made = TagBook(memory, FixedClock())
    await made.load()
    return made, memory


def agree(tags: TagBook, memory: FakeTagMemory, expected: Sequence[IdTag]) -> None:
    """Check that memory, disk and what is expected are the same, in order."""
    assert tags.all() == list(expected)
    assert memory.tags == {tag.id_tag: tag for tag in expected}
    assert len(tags) == len(expected)


async def test_what_was_stored_is_found_however_it_is_written() -> None:
    tags, _ = await book(BEN, ANNA)
    assert tags.all() == [ANNA, BEN]
    assert tags.find(" anna ") == ANNA
    assert tags.find("carl") is None
    assert tags.status(replace(ANNA, expires_ms=NOW_MS)) is TagStatus.EXPIRED


async def test_a_tag_is_listed_changed_and_removed() -> None:
    tags, memory = await book(BEN)
    with structlog.testing.capture_logs() as logs:
        assert await tags.put(replace(ANNA, version=99)) == ANNA
        blocked = replace(ANNA, blocked=True, parent="Fleet")
        assert await tags.put(blocked) == replace(blocked, version=2)
        agree(tags, memory, [replace(blocked, version=2), BEN])
        assert await tags.remove("ben") == BEN
        assert await tags.remove("ben") == NotListed()
    agree(tags, memory, [replace(blocked, version=2)])
    assert [audit.kind for audit in memory.audits] == ["id_tag.listed", "id_tag.listed", "id_tag.removed"]
    assert memory.audits[1].detail["parent_id_tag"] == "Fleet"
    assert memory.audits[2].detail == {"id_tag": "Ben"}
    assert [log["event"] for log in logs] == [audit.kind for audit in memory.audits]


async def test_what_is_listed_so_already_is_not_written_again() -> None:
    tags, memory = await book(BEN)
    assert await tags.put(replace(BEN, version=1)) == BEN
    assert await tags.take_in([replace(BEN, version=1)], whole=True) == TakenIn(0, 0, 0, 1)
    assert memory.audits == []


@pytest.mark.parametrize(
    ("tag", "version", "is_put"),
    [("BEN", 5, True), ("BEN", 4, False), ("BEN", 6, False), ("ANNA", 1, False), ("BEN", None, True)],
)
async def test_only_in_the_place_of_a_version(tag: str, version: int | None, *, is_put: bool) -> None:
    tags, memory = await book(BEN)
    became = await tags.put(IdTag(tag, tag, blocked=True), version)
    assert isinstance(became, IdTag) is is_put
    assert isinstance(became, ChangedMeanwhile) is not is_put
    assert memory.tags["BEN"].blocked is is_put


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("count", [2, len(FLEET)], ids=["few", "many"])
async def test_a_list_is_taken_in(count: int, *, whole: bool) -> None:
    gone = IdTag("ZOE", "Zoe")
    tags, memory = await book(gone, BEN, FLEET[0])
    wanted = [*FLEET[:count], replace(BEN, blocked=True, version=1)]
    assert await tags.take_in(wanted, whole=whole) == TakenIn(count - 1, 1, int(whole), 1)
    agree(tags, memory, [replace(BEN, blocked=True, version=6), *FLEET[:count], *([] if whole else [gone])])
    (audit,) = memory.audits
    assert audit.detail == {
        "whole": whole,
        "added": count - 1,
        "changed": 1,
        "removed": int(whole),
        "unchanged": 1,
    }


async def test_pages() -> None:
    tags, _ = await book(*FLEET[:5])
    assert tags.after("", 2) == FLEET[:2]
    assert tags.after(FLEET[1].id_tag, 2) == FLEET[2:4]
    assert tags.after("T00001X", 9) == FLEET[2:5], "behind what is not listed any more"
    assert tags.after(FLEET[4].id_tag, 2) == []


async def test_no_more_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(id_tags, "TAGS_MAX", 2)
    tags, memory = await book(ANNA)
    assert await tags.take_in([BEN, FLEET[0]], whole=False) == TooManyTags()
    assert await tags.put(BEN) == replace(BEN, version=1)
    assert await tags.put(FLEET[0]) == TooManyTags()
    assert isinstance(await tags.put(replace(ANNA, note="changed")), IdTag)
    assert isinstance(await tags.take_in(FLEET[:2], whole=True), TakenIn)
    agree(tags, memory, FLEET[:2])


async def test_nothing_counts_before_it_is_durable() -> None:
    tags, memory = await book()
    memory.may_commit.clear()
    putting = asyncio.create_task(tags.put(ANNA))
    removing = asyncio.create_task(tags.remove("ANNA"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert tags.find("ANNA") is None
    assert not putting.done()
    memory.may_commit.set()
    assert await putting == ANNA
    assert await removing == ANNA, "one after the other, in the order in which they came"


async def test_who_gives_up_waiting_changes_nothing() -> None:
    tags, memory = await book()
    memory.may_commit.clear()
    putting = asyncio.create_task(tags.put(ANNA))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    putting.cancel()
    await asyncio.gather(putting, return_exceptions=True)
    memory.may_commit.set()
    assert await tags.put(BEN) == replace(BEN, version=1)
    agree(tags, memory, [ANNA, replace(BEN, version=1)])


async def test_what_the_store_refuses_does_not_count() -> None:
    tags, memory = await book(BEN)
    memory.fault = StoreError("disk full")
    for change in (tags.put(ANNA), tags.remove("BEN"), tags.take_in([ANNA], whole=True)):
        with pytest.raises(StoreError, match="disk full"):
            await change
    agree(tags, memory, [BEN])
    memory.fault = None
    assert await tags.put(ANNA) == ANNA


@pytest.mark.parametrize("is_applied", [False, True])
async def test_what_may_have_been_taken_is_read_again(monkeypatch: pytest.MonkeyPatch, *, is_applied: bool) -> None:
    monkeypatch.setattr(turns, "RELOAD_PAUSE_S", 0)
    tags, memory = await book(BEN)
    memory.fault, memory.is_applied, memory.unreadable = StoreUnreachableError("connection lost"), is_applied, 2
    with pytest.raises(StoreUnreachableError, match="lost"):
        await tags.put(ANNA)
    assert tags.find("ANNA") is None
    memory.fault = None
    with pytest.raises(StoreUnreachableError, match="read again"):
        await tags.remove("BEN")
    reading = tags._turns.reading_again
    assert reading is not None
    await reading
    assert memory.loads == 4
    agree(tags, memory, [ANNA, BEN] if is_applied else [BEN])
    assert await tags.remove("BEN") == BEN


async def test_a_list_that_cannot_be_read_again_is_changed_no_more() -> None:
    class Damaged(FakeTagMemory):
        async def load_id_tags(self) -> tuple[IdTag, ...]:
            if self.loads:
                raise StoreError("damaged")
            return await super().load_id_tags()

    memory = Damaged(BEN)
    tags = TagBook(memory, FixedClock())
    await tags.load()
    memory.fault = StoreUnreachableError("connection lost")
    with structlog.testing.capture_logs() as logs:
        with pytest.raises(StoreUnreachableError):
            await tags.put(ANNA)
        reading = tags._turns.reading_again
        assert reading is not None
        await reading
    assert [log["event"] for log in logs] == ["id_tags.not_read"]
    memory.fault = None
    with pytest.raises(StoreUnreachableError):
        await tags.put(ANNA)
    assert tags.find("ben") == BEN, "what was listed counts"
