"""What the shells (gateway, REST) may ask of a station's loop: hand in a fact, wait for an answer, read the view."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from csms.core.events import Fact
from csms.core.ids import RequestId
from csms.core.replies import Outcome
from csms.runtime.view import StationView


class StationDesk(Protocol):
    """The counter at which shells hand facts to the single-writer loop (`csms.runtime.controller` implements it)."""

    @property
    def view(self) -> StationView:
        """The committed state."""
        ...

    def submit(self, fact: Fact) -> None:
        """Queue a fact that nobody waits for; facts of one caller keep their order."""
        ...

    def ask(self, make_fact: Callable[[RequestId], Fact]) -> "asyncio.Future[Outcome]":
        """Queue a fact and return the future of its reply, which is resolved after the commit that holds it.

        The future raises `StoreError` when the step could not be made durable: nothing happened, the asker may retry.
        Facts queued by `submit` and `ask` keep the order of the calls.
        """
        ...
