import asyncio

import pytest

from csms.core.events import ChargerReported, Fact
from csms.core.ids import ChargerId, RequestId
from csms.core.replies import Confirmed, Outcome, SessionEnded
from csms.ports import StoreError
from csms.runtime import inbox as module
from csms.runtime.inbox import Inbox


def fact(name: str, request: RequestId | None = None) -> ChargerReported:
    return ChargerReported(ChargerId(name), "DataTransfer", "{}", request)


def request_of(each: Fact) -> RequestId:
    assert isinstance(each, ChargerReported)
    assert each.request is not None
    return each.request


def names(facts: list[Fact]) -> list[str]:
    return [each.charger_id for each in facts if isinstance(each, ChargerReported)]


async def test_facts_are_taken_in_order_and_once() -> None:
    inbox = Inbox()
    inbox.submit(fact("A"))
    asked = inbox.ask(lambda request: fact("B", request))
    inbox.submit(fact("C"))
    inbox.put_first([fact("1"), fact("2")])
    await inbox.wait()
    assert names(inbox.take()) == ["1", "2", "A", "B", "C"]
    assert inbox.take() == []
    assert not asked.done()


async def test_a_wake_alone_ends_the_wait() -> None:
    inbox = Inbox()
    inbox.wake()
    await inbox.wait()
    assert inbox.take() == []


async def test_each_asker_gets_its_own_outcome_once() -> None:
    inbox = Inbox()
    one, two = (inbox.ask(lambda request: fact("A", request)) for _ in range(2))
    first, second = (request_of(each) for each in inbox.take())
    assert first != second
    inbox.answer(second, SessionEnded())
    inbox.answer(second, Confirmed())
    inbox.answer(first, Confirmed())
    assert (await one, await two) == (Confirmed(), SessionEnded())


async def test_an_answer_for_nobody_is_no_fault() -> None:
    inbox = Inbox()
    inbox.answer(RequestId(99), Confirmed())
    gone = inbox.ask(lambda request: fact("A", request))
    gone.cancel()
    [taken] = inbox.take()
    inbox.answer(request_of(taken), Confirmed())
    assert gone.cancelled()


async def test_turned_away_is_whose_fact_was_taken_and_nobody_else() -> None:
    inbox = Inbox()
    taken = inbox.ask(lambda request: fact("A", request))
    gone = inbox.ask(lambda request: fact("B", request))
    gone.cancel()
    inbox.take()
    queued = inbox.ask(lambda request: fact("C", request))
    inbox.turn_away("the disk is full")
    with pytest.raises(StoreError, match="the disk is full"):
        await taken
    assert not queued.done()
    [fact_of_queued] = inbox.take()
    inbox.answer(request_of(fact_of_queued), Confirmed())
    assert await queued == Confirmed()


async def test_refused_is_everybody_who_waits_and_what_nobody_waits_for_stays() -> None:
    inbox = Inbox()
    taken = inbox.ask(lambda request: fact("A", request))
    inbox.take()
    queued = inbox.ask(lambda request: fact("B", request))
    inbox.submit(fact("C", None))
    inbox.refuse_askers("the server is away")
    for future in (taken, queued):
        with pytest.raises(StoreError, match="away"):
            await future
    assert names(inbox.take()) == ["C"]


async def test_too_many_askers_are_turned_away_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 2)
    inbox = Inbox()
    waiting = [inbox.ask(lambda request: fact("A", request)) for _ in range(2)]
    with pytest.raises(StoreError):
        await inbox.ask(lambda request: fact("B", request))
    assert names(inbox.take()) == ["A", "A"]
    inbox.answer(RequestId(1), Confirmed())
    assert await waiting[0] == Confirmed()
    assert not inbox.ask(lambda request: fact("C", request)).done()


async def test_a_closed_inbox_turns_everybody_away() -> None:
    inbox = Inbox()
    before = inbox.ask(lambda request: ChargerReported(ChargerId("A"), "DataTransfer", "{}", request))
    inbox.close("stopped")
    after = inbox.ask(lambda request: ChargerReported(ChargerId("A"), "DataTransfer", "{}", request))
    for future in (before, after):
        with pytest.raises(StoreError, match="stopped"):
            await future
    assert inbox.take() == []


async def test_whoever_is_told_is_told_once() -> None:
    inbox, told = Inbox(), list[Outcome | StoreError]()
    inbox.tell(lambda request: fact("A", request), told.append)
    [taken] = inbox.take()
    assert told == []
    inbox.answer(request_of(taken), Confirmed())
    inbox.answer(request_of(taken), SessionEnded())
    inbox.turn_away("the disk is full")
    assert told == [Confirmed()]


async def test_whoever_is_told_is_told_of_a_failure_too() -> None:
    inbox, told = Inbox(), list[Outcome | StoreError]()
    inbox.tell(lambda request: fact("A", request), told.append)
    inbox.take()
    inbox.turn_away("the disk is full")
    assert list(map(str, told)) == ["the disk is full"]


async def test_nobody_is_told_within_the_call() -> None:
    inbox, told = Inbox(), list[Outcome | StoreError]()
    inbox.close("stopped")
    inbox.tell(lambda request: fact("A", request), told.append)
    assert told == []
    await asyncio.sleep(0)
    assert list(map(str, told)) == ["stopped"]
    assert inbox.take() == []
