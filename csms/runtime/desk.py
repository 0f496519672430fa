"""What the shells (gateway, REST) may ask of a station's loop: hand in a fact, wait for an answer, read the view."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from csms.core.events import Fact
from csms.core.ids import RequestId
from csms.core.replies import Outcome
from csms.ports import StoreError
from csms.runtime.view import StationView

Told = Callable[[Outcome | StoreError], None]
"""Hears what became of a fact, once; it must not raise."""


class Counter(Protocol):
    """The counter at which facts are handed to the single-writer loop (`csms.runtime.controller` implements it)."""

    @property
    def view(self) -> StationView:
        """The committed state."""
        ...

    def submit(self, fact: Fact) -> None:
        """Queue a fact that nobody waits for; facts of one caller keep their order, however they are handed in."""
        ...


class ChargersDesk(Counter, Protocol):
    """The desk of those who are called back: the links of chargers, where each message counts."""

    def tell(self, make_fact: Callable[[RequestId], Fact], told: Told) -> None:
        """Queue a fact and have `told` called with its reply: after the commit that holds it, never within this call.

        It is called with a `StoreError` when the step could not be made durable: nothing happened, it may be retried.
        Commands of the same step leave after all of its replies.
        """
        ...


class StationDesk(Counter, Protocol):
    """The desk of those who can wait: REST."""

    def ask(self, make_fact: Callable[[RequestId], Fact]) -> "asyncio.Future[Outcome]":
        """Queue a fact and return the future of its reply, which is resolved after the commit that holds it.

        The future raises `StoreError` when the step could not be made durable: nothing happened, the asker may retry.
        """
        ...
