"""A connection as its charger has it: text comes, text goes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from csms.core.ids import ConnectionId

LATEST_EXECUTION_MS = 60_000
"""H of LEDGER.md §1: no CALL is executed later than that after its time-out or the end of its connection."""


@dataclass(slots=True)
class Delivered:
    """One frame whose bytes were handed to the socket; after `void_ms` a CALL can no longer take effect."""

    text: str
    at_ms: int
    void_ms: int | None = None
    answered: bool = False


class Line(Protocol):
    """One connection."""

    @property
    def connection(self) -> ConnectionId:
        """Return which connection it is."""
        ...

    is_deaf: bool
    """Half-open: the charger is gone, the gateway does not know."""

    def say(self, text: str) -> None:
        """Send a CALL; its answer comes like everything else, if it comes."""
        ...

    def answer(self, delivered: Delivered, text: str) -> None:
        """Send the answer to a CALL, in time or late; nothing when the connection is gone."""
        ...

    def stall(self, *, inwards: bool, until_ms: int) -> None:
        """Let nothing of one direction arrive before `until_ms`; inwards is towards the central system."""
        ...

    def jitter(self, until_ms: int) -> None:
        """Let what leaves before `until_ms` take its time, in both directions."""
        ...

    def close(self) -> None:
        """End the connection; the central system notices."""
        ...

    def die(self) -> None:
        """End the connection because the central system's process has died."""
        ...


Take = Callable[[Line, Delivered], None]
"""What a charger does with a frame."""
