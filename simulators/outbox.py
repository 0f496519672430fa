"""What a charger has yet to say, and in which order it may (OCPP 1.6 §3.7, §4.2).

Two lanes. Transaction-related messages (StartTransaction, StopTransaction, MeterValues of a transaction) are kept
while offline and delivered strictly in order; one stays at the head until it is confirmed, and a failure to process it
is retried TransactionMessageAttempts times, TransactionMessageRetryInterval seconds times the failures apart (§3.7.1).
A lost connection is no failure: the message is simply sent again, unchanged. All others go first and are dropped with
the connection. Before the registration was accepted only BootNotification may leave.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

MAX_KEPT = 5_000
"""Beyond this the oldest MeterValues are dropped; a start or a stop never is."""
OFFLINE = "offline"
"""Reason of a failure for a message that was dropped with its connection."""


def _nothing(_: Any) -> None:
    """Ignore an answer that carries nothing."""


@dataclass(slots=True, eq=False)
class Message:
    """One CALL to be made.

    Attributes:
        action: the OCPP action.
        build: makes the payload when it leaves (a transaction id may have become known by then).
        answered: takes the payload of the CALLRESULT.
        failed: takes the reason when it will not be sent again.
        failures: how often the central system failed to process it.
        not_before_ms: when it may be tried again.
        lasting: whether it is kept over connections, in its place, until it is confirmed.
    """

    action: str
    build: Callable[[], Any]
    answered: Callable[[Any], None] = _nothing
    failed: Callable[[str], None] = _nothing
    failures: int = 0
    not_before_ms: int = 0
    lasting: bool = False


class Outbox:
    """The messages that wait, in their two lanes; `queue` may alter what is put in."""

    def __init__(self, queue: Callable[[Message], Iterable[Message]] = lambda message: (message,)) -> None:
        self._queue = queue
        self._urgent: deque[Message] = deque()
        self._transactional: deque[Message] = deque()
        self.dropped = 0
        """MeterValues dropped because too many had to be kept."""

    @property
    def kept(self) -> int:
        """Return how many transaction-related messages wait."""
        return len(self._transactional)

    def is_waiting(self, action: str) -> bool:
        """Return whether a message of that action waits in the urgent lane."""
        return any(message.action == action for message in self._urgent)

    def put(self, message: Message) -> None:
        """Add a message that is worth sending only on this connection."""
        for queued in self._queue(message):
            self._add(queued)

    def put_transactional(self, message: Message) -> None:
        """Add a message that must reach the central system, whenever that is."""
        message.lasting = True
        self.put(message)

    def _add(self, message: Message) -> None:
        if not message.lasting:
            self._urgent.append(message)
            return
        if len(self._transactional) >= MAX_KEPT:
            self._drop_oldest_sample()
        self._transactional.append(message)

    def next(self, now_ms: int, *, registered: bool) -> Message | None:
        """Return the message that may leave now, or None; it stays here until `confirm`, `refuse` or `disconnect`."""
        if not registered:
            return next((message for message in self._urgent if message.action == "BootNotification"), None)
        if self._urgent:
            return self._urgent[0]
        if self._transactional and self._transactional[0].not_before_ms <= now_ms:
            return self._transactional[0]
        return None

    def confirm(self, message: Message, answer: Any) -> None:
        """Take a message off and hand its answer to those who wait for it."""
        self._remove(message)
        message.answered(answer)

    def refuse(self, message: Message, reason: str, now_ms: int, *, attempts: int, retry_interval_ms: int) -> None:
        """Note that the central system failed to process a message: try again later, or give it up."""
        message.failures += 1
        if message in self._transactional and message.failures < attempts:
            message.not_before_ms = now_ms + retry_interval_ms * message.failures
            return
        self._remove(message)
        message.failed(reason)

    def disconnect(self) -> None:
        """Give up everything that was worth sending only on the connection that has ended."""
        given_up = list(self._urgent)
        self._urgent.clear()
        for message in given_up:
            message.failed(OFFLINE)

    def _remove(self, message: Message) -> None:
        lane = self._transactional if message in self._transactional else self._urgent
        if message in lane:  # a disconnect may have given it up meanwhile
            lane.remove(message)

    def _drop_oldest_sample(self) -> None:
        # The head may be on its way: only what is behind it can go.
        for message in list(self._transactional)[1:]:
            if message.action == "MeterValues":
                self._transactional.remove(message)
                self.dropped += 1
                return
