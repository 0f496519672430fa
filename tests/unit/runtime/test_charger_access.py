"""The one place where chargers' keys are changed: durable first, then believed, then said."""

import asyncio

import pytest
from structlog.testing import capture_logs

from csms.core.charger_access import ChargerAccess, Grade, HashedKey, Profile
from csms.core.ids import ChargerId
from csms.ports import StoreError, StoreUnreachableError
from csms.runtime import turns
from csms.runtime.charger_access import AccessBook, HasKey, NewKey
from tests.access_memory import AccessInMemory
from tests.unit.runtime.tag_doubles import FixedClock

CP = ChargerId("CP001")


@pytest.fixture
def memory() -> AccessInMemory:
    return AccessInMemory()


@pytest.fixture
def book(memory: AccessInMemory) -> AccessBook:
    return AccessBook(memory, FixedClock())


async def key(book: AccessBook, *, rotate: bool = False, until_used: bool = False) -> bytes:
    made = await book.make_key(CP, rotate=rotate, until_used=until_used)
    assert isinstance(made, NewKey)
    return bytes.fromhex(made.key)


async def test_no_two_keys_or_salts_are_the_same_and_another_process_knows_them(
    book: AccessBook, memory: AccessInMemory
) -> None:
    first, second = await key(book), await key(book, rotate=True)
    kept = memory.kept[CP]
    assert kept.key is not None
    assert kept.next_key is not None
    assert first != second
    assert kept.key.salt != kept.next_key.salt
    again = AccessBook(memory, FixedClock())
    await again.load()
    assert (again.find(CP).grade(first), again.find(CP).grade(second)) == (Grade.CURRENT, Grade.NEXT)


async def test_of_two_first_keys_at_once_one_is_made(book: AccessBook) -> None:
    made = await asyncio.gather(*(book.make_key(CP, rotate=False) for _ in range(2)))
    assert [isinstance(one, NewKey) for one in made] == [True, False]
    assert made[1] is HasKey.HAS_KEY


async def test_a_new_key_is_never_shown_by_accident(book: AccessBook) -> None:
    made = await book.make_key(CP, rotate=False)
    assert isinstance(made, NewKey)
    assert made.key not in f"{made!r}{made}"


async def test_a_key_that_a_charger_may_hold_is_not_replaced_unless_it_is_given_up(book: AccessBook) -> None:
    old = await key(book)
    sent = await key(book, rotate=True, until_used=True)
    assert await book.make_key(CP, rotate=True, until_used=True) is HasKey.UNDECIDED
    assert await book.make_key(CP, rotate=True) is HasKey.UNDECIDED
    assert await book.make_key(CP, rotate=False, give_up=True) is HasKey.HAS_KEY
    assert [book.find(CP).grade(each) for each in (old, sent)] == [Grade.CURRENT, Grade.NEXT]
    made = await book.make_key(CP, rotate=True, give_up=True)
    assert isinstance(made, NewKey)
    grades = [book.find(CP).grade(each) for each in (old, sent, bytes.fromhex(made.key))]
    assert grades == [Grade.CURRENT, Grade.WRONG, Grade.NEXT]


@pytest.mark.parametrize("taken", [True, False])
async def test_what_a_charger_says_late_of_a_key_is_not_taken_for_what_it_says_of_another(
    book: AccessBook, memory: AccessInMemory, *, taken: bool
) -> None:
    old = await key(book)
    made = [await book.make_key(CP, rotate=True, give_up=True) for _ in range(2)]
    first, second = (each for each in made if isinstance(each, NewKey))
    memory.writes = 0
    await book.settle(CP, first.kept, taken=taken)
    assert memory.writes == 0
    grades = [book.find(CP).grade(each) for each in (old, bytes.fromhex(first.key), bytes.fromhex(second.key))]
    assert grades == [Grade.CURRENT, Grade.WRONG, Grade.NEXT]


async def test_use_is_written_once(book: AccessBook, memory: AccessInMemory) -> None:
    await key(book)
    memory.writes = 0
    for _ in range(3):
        await book.used(book.find(CP), Profile.PASSWORD, Grade.CURRENT, "A")
    assert memory.writes == 1
    await book.used(book.find(CP), Profile.PASSWORD, Grade.CURRENT, "B")
    assert memory.writes == 2
    await book.used(book.find(CP), Profile.NONE, None, "C")
    assert (memory.writes, memory.kept[CP].address) == (2, "B"), "who proves nothing is not remembered"


@pytest.mark.parametrize("grade", [Grade.CURRENT, Grade.NEXT, None])
async def test_what_was_forgotten_while_the_charger_came_in_stays_forgotten(
    book: AccessBook, memory: AccessInMemory, grade: Grade | None
) -> None:
    await key(book)
    await key(book, rotate=True)
    await asyncio.gather(book.remove_key(CP), book.used(book.find(CP), Profile.PASSWORD, grade, "A"))
    assert book.find(CP) == ChargerAccess(CP)
    assert memory.kept == {}
    first = await key(book)
    await book.used(book.find(CP), Profile.PASSWORD_TLS, Grade.CURRENT, "A")
    await asyncio.gather(book.unpin(CP), book.used(book.find(CP), Profile.PASSWORD_TLS, Grade.CURRENT, "B"))
    assert book.find(CP).profile is Profile.NONE, "as the operator said last"
    assert book.find(CP).grade(first) is Grade.CURRENT


async def test_the_use_of_a_key_that_was_given_up_meanwhile_is_no_use_of_another(book: AccessBook) -> None:
    old = await key(book)
    await key(book, rotate=True)
    made, _ = await asyncio.gather(
        book.make_key(CP, rotate=True, give_up=True), book.used(book.find(CP), Profile.PASSWORD, Grade.NEXT, "A")
    )
    assert isinstance(made, NewKey)
    assert [book.find(CP).grade(each) for each in (old, bytes.fromhex(made.key))] == [Grade.CURRENT, Grade.NEXT]


async def test_what_could_not_be_kept_is_not_believed(book: AccessBook, memory: AccessInMemory) -> None:
    old = await key(book)
    before = book.find(CP)
    memory.failure = StoreError("full")
    for change in (
        book.make_key(CP, rotate=True),
        book.used(book.find(CP), Profile.PASSWORD, Grade.CURRENT, "A"),
        book.remove_key(CP),
    ):
        with pytest.raises(StoreError):
            await change
        assert book.find(CP) == before
    assert book.find(CP).grade(old) is Grade.CURRENT


async def test_a_store_that_may_have_taken_a_change_is_read_before_the_next_one(
    memory: AccessInMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "RELOAD_PAUSE_S", 0)
    book = AccessBook(memory, FixedClock())
    await key(book)
    memory.failure = StoreUnreachableError("away")
    with pytest.raises(StoreUnreachableError):
        await book.remove_key(CP)
    reading = book._turns.reading_again
    assert reading is not None
    with pytest.raises(StoreUnreachableError, match="read again first"):
        await book.unpin(CP)
    memory.failure = None
    memory.kept.clear()
    await reading
    assert book.find(CP) == ChargerAccess(CP), "it had taken it"
    await key(book)


async def test_a_store_that_cannot_be_read_at_all_is_told_of(book: AccessBook, memory: AccessInMemory) -> None:
    memory.failure = StoreUnreachableError("away")
    with capture_logs() as lines:
        with pytest.raises(StoreUnreachableError):
            await book.make_key(CP, rotate=False)
        memory.failure = StoreError("damaged")
        reading = book._turns.reading_again
        assert reading is not None
        await reading
    assert [line["event"] for line in lines] == ["charger_access.not_read"]


async def test_settling_and_forgetting_what_is_not_there_does_nothing(book: AccessBook, memory: AccessInMemory) -> None:
    await book.settle(CP, HashedKey("00" * 16, "0" * 64, 0), taken=True)
    await book.unpin(CP)
    assert await book.remove_key(CP) is False
    assert memory.writes == 0
    made = await book.make_key(CP, rotate=False, until_used=True)
    assert isinstance(made, NewKey)
    assert book.find(CP).may_come_without
    await book.settle(CP, made.kept, taken=True)
    assert book.find(CP).grade(bytes.fromhex(made.key)) is Grade.CURRENT
    assert await book.remove_key(CP) is True
    assert memory.kept == {}
