"""The inbox of a station's loop: facts in the order in which they were handed in, and who waits for which."""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial

from csms.core.events import Fact
from csms.core.ids import RequestId
from csms.core.replies import Outcome
from csms.ports import StoreError
from csms.runtime.desk import Told

MOST_WAITING = 50_000
"""Askers beyond this are turned away at once; chargers send their message again."""

Asked = dict[RequestId, Told]


class Inbox:
    """Facts and their askers; used on one event loop."""

    def __init__(self) -> None:
        self._facts: deque[Fact] = deque()
        self._asked: Asked = {}
        self._next_request = 1
        self._arrived = asyncio.Event()
        self._closed: str | None = None

    def submit(self, fact: Fact) -> None:
        """Queue a fact that nobody waits for."""
        self._facts.append(fact)
        self._arrived.set()

    def ask(self, make_fact: Callable[[RequestId], Fact]) -> "asyncio.Future[Outcome]":
        """Queue a fact and return the future of its outcome."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.tell(make_fact, partial(_resolve, future))
        return future

    def tell(self, make_fact: Callable[[RequestId], Fact], told: Told) -> None:
        """Queue a fact and have `told` called with its outcome, not before this returns."""
        if self._closed is not None or len(self._asked) >= MOST_WAITING:
            reason = self._closed or "too many requests wait for the station's loop"
            asyncio.get_running_loop().call_soon(told, StoreError(reason))
            return
        request = RequestId(self._next_request)
        self._next_request += 1
        self._asked[request] = told
        self.submit(make_fact(request))

    def put_first(self, facts: list[Fact]) -> None:
        """Queue facts before everything that waits."""
        self._facts.extendleft(reversed(facts))
        self._arrived.set()

    def wake(self) -> None:
        """Have the loop make a step even without a fact."""
        self._arrived.set()

    async def wait(self) -> None:
        """Return when there is something to do."""
        await self._arrived.wait()
        self._arrived.clear()

    def take(self) -> list[Fact]:
        """Return all queued facts, oldest first, and queue none."""
        facts = list(self._facts)
        self._facts.clear()
        return facts

    def answer(self, request: RequestId, outcome: Outcome) -> None:
        """Tell whoever waits; one that was told before is not there any more."""
        told = self._asked.pop(request, None)
        if told is not None:
            told(outcome)

    def close(self, reason: str) -> None:
        """Fail everybody who waits or will ask: nothing is taken in any more."""
        self._closed = reason
        self._facts.clear()
        self.turn_away(reason)

    def refuse_askers(self, reason: str) -> None:
        """Fail everybody who waits, and drop what they asked; facts that nobody waits for stay."""
        self._facts = deque(fact for fact in self._facts if getattr(fact, "request", None) not in self._asked)
        self.turn_away(reason)

    def turn_away(self, reason: str) -> None:
        """Fail everybody whose fact was taken; they may ask again. Facts still queued keep their askers."""
        queued = {getattr(fact, "request", None) for fact in self._facts}
        for request in [r for r in self._asked if r not in queued]:
            self._asked.pop(request)(StoreError(reason))


def _resolve(future: "asyncio.Future[Outcome]", outcome: Outcome | StoreError) -> None:
    """Resolve a future, unless its asker gave up."""
    if future.done():
        return
    if isinstance(outcome, StoreError):
        future.set_exception(outcome)
        future.exception()  # an asker that is gone does not have to look at it
    else:
        future.set_result(outcome)
