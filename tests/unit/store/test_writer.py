import asyncio

import pytest

from csms.core.ids import Token
from csms.core.records import SendForgotten
from csms.ports import StoreError
from csms.store import schema, writer
from csms.store.changes import Changes
from csms.store.writer import Writer

SITE = "main"


class Disk:
    """Takes transactions one by one, each when it is let; remembers the tokens in each, in their order."""

    def __init__(self, *, free: bool = True) -> None:
        self.transactions: list[list[int]] = []
        self.failing: set[int] = set()
        self.begun = asyncio.Event()
        self.free = asyncio.Event()
        if free:
            self.free.set()

    async def write(self, changes: Changes) -> None:
        self.begun.set()
        await self.free.wait()
        tokens = [int(key) for key in changes.states[schema.send]]
        if self.failing & set(tokens):
            raise StoreError("disk full")
        self.transactions.append(tokens)


def change(*tokens: int) -> Changes:
    return Changes(SITE, [SendForgotten(Token(token)) for token in tokens])


async def busy(disk: Disk, token: int = 0) -> tuple[Writer, "asyncio.Task[None]"]:
    """Return a writer in the middle of a transaction."""
    under_test = Writer(SITE, disk.write)
    first = asyncio.create_task(under_test.commit(change(token)))
    await disk.begun.wait()
    return under_test, first


async def test_alone_a_commit_leaves_at_once() -> None:
    disk = Disk()
    under_test = Writer(SITE, disk.write)
    for token in range(3):
        await under_test.commit(change(token))
    await under_test.close()
    assert disk.transactions == [[0], [1], [2]]


async def test_what_queues_behind_a_transaction_shares_the_next_in_order() -> None:
    disk = Disk(free=False)
    under_test, first = await busy(disk)
    queued = [asyncio.create_task(under_test.commit(change(token))) for token in (3, 1, 2)]
    disk.free.set()
    await asyncio.gather(first, *queued)
    await under_test.close()
    assert disk.transactions == [[0], [3, 1, 2]]


async def test_nobody_resumes_before_the_transaction_ended() -> None:
    disk = Disk(free=False)
    under_test, first = await busy(disk)
    queued = asyncio.create_task(under_test.commit(change(1)))
    seen: list[list[int]] = []
    queued.add_done_callback(lambda _: seen.extend(disk.transactions))
    await asyncio.wait([first, queued], timeout=0)
    assert not first.done()
    assert not queued.done()
    disk.free.set()
    await asyncio.gather(first, queued)
    await under_test.close()
    assert seen == [[0], [1]]


async def test_a_failure_is_everybodys_in_that_transaction_and_nobodys_else() -> None:
    disk = Disk(free=False)
    disk.failing = {2}
    under_test, first = await busy(disk)
    queued = [asyncio.create_task(under_test.commit(change(token))) for token in (1, 2, 3)]
    disk.free.set()
    await first
    results = await asyncio.gather(*queued, return_exceptions=True)
    await under_test.commit(change(4))
    await under_test.close()
    assert [str(result) for result in results] == ["disk full"] * 3
    assert all(isinstance(result, StoreError) for result in results)
    assert len({id(result) for result in results}) == 3
    assert disk.transactions == [[0], [4]]


async def test_a_caller_that_is_cancelled_leaves_the_others_alone() -> None:
    disk = Disk(free=False)
    under_test, first = await busy(disk)
    queued = [asyncio.create_task(under_test.commit(change(token))) for token in (1, 2, 3)]
    asyncio.get_running_loop().call_soon(queued[1].cancel)
    asyncio.get_running_loop().call_soon(disk.free.set)
    results = await asyncio.gather(first, *queued, return_exceptions=True)
    await under_test.close()
    assert [type(result) for result in results] == [type(None), type(None), asyncio.CancelledError, type(None)]
    assert disk.transactions == [[0], [1, 2, 3]]


async def test_a_caller_that_is_cancelled_during_a_failing_transaction() -> None:
    disk = Disk(free=False)
    disk.failing = {0}
    under_test, first = await busy(disk)
    first.cancel()
    asyncio.get_running_loop().call_soon(disk.free.set)
    with pytest.raises(asyncio.CancelledError):
        await first
    await under_test.commit(change(1))
    await under_test.close()
    assert disk.transactions == [[1]]


async def test_a_transaction_has_a_greatest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "BATCH_ROWS_MAX", 3)
    disk = Disk(free=False)
    under_test, first = await busy(disk)
    sizes = ((1, 2), (3, 4), (5,), (6, 7, 8, 9, 10), (11,))
    queued = [asyncio.create_task(under_test.commit(change(*tokens))) for tokens in sizes]
    disk.free.set()
    await asyncio.gather(first, *queued)
    await under_test.close()
    assert disk.transactions == [[0], [1, 2, 3, 4], [5, 6, 7, 8, 9, 10], [11]]


async def test_a_full_queue_makes_callers_wait_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "QUEUED_ROWS_MAX", 2)
    disk = Disk(free=False)
    under_test, first = await busy(disk)
    queued = [asyncio.create_task(under_test.commit(change(token))) for token in (1, 2, 3, 4, 5)]
    disk.free.set()
    await asyncio.gather(first, *queued)
    await under_test.close()
    assert disk.transactions[:2] == [[0], [1, 2]]
    assert [token for tokens in disk.transactions for token in tokens] == [0, 1, 2, 3, 4, 5]


async def test_an_empty_commit_waits_for_those_before_it_and_writes_nothing() -> None:
    disk = Disk(free=False)
    under_test, first = await busy(disk)
    empty = asyncio.create_task(under_test.commit(change()))
    seen: list[int] = []
    empty.add_done_callback(lambda _: seen.append(len(disk.transactions)))
    disk.free.set()
    await asyncio.gather(first, empty)
    await under_test.close()
    assert seen == [1]
    assert disk.transactions == [[0]]


async def test_close_writes_what_is_queued_and_refuses_what_comes_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "QUEUED_ROWS_MAX", 1)
    disk = Disk(free=False)
    under_test, first = await busy(disk)
    queued = asyncio.create_task(under_test.commit(change(1)))
    before_the_door = asyncio.create_task(under_test.commit(change(2)))
    asyncio.get_running_loop().call_soon(disk.free.set)
    closing = asyncio.create_task(under_test.close())
    await asyncio.gather(first, queued, closing)
    with pytest.raises(StoreError, match="closed"):
        await before_the_door
    with pytest.raises(StoreError, match="closed"):
        await under_test.commit(change(3))
    assert disk.transactions == [[0], [1]]


async def test_a_programming_error_ends_the_writer_and_keeps_nobody_waiting() -> None:
    async def write(_: Changes) -> None:
        raise AssertionError("a bug")

    under_test = Writer(SITE, write)
    results = await asyncio.gather(under_test.commit(change(1)), under_test.commit(change(2)), return_exceptions=True)
    assert [type(result) for result in results] == [StoreError, StoreError]
    with pytest.raises(StoreError, match="closed"):
        await under_test.commit(change(3))
    with pytest.raises(AssertionError, match="a bug"):
        await under_test.close()
