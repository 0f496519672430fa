"""The gateway's side of one connection (LEDGER.md §3).

One outstanding CALL; limits go before everything else, urgent ones first; a newer limit replaces a queued one of the
same purpose and connector; an unanswered CALL times out, earlier when an urgent limit has waited long enough behind it.
A CALL whose bytes were handed over may take effect until H after its time-out or the end of its connection.
"""

from collections.abc import Callable
from dataclasses import dataclass

from csms.core.commands import Call, Purpose, SetLimit
from csms.core.events import (
    CallAnswered,
    CallErrored,
    CallSent,
    CallTimedOut,
    CallUnsent,
    ChargerDisconnected,
    ConfigurationRead,
    Fact,
    ScheduleRead,
)
from csms.core.ids import ChargerId, ConnectionId, Token
from csms.simulation.clock import Clock

LATEST_EXECUTION_MS = 60_000
URGENT_WAIT_MS = 5_000

Answer = CallAnswered | CallErrored | ConfigurationRead | ScheduleRead


@dataclass(slots=True)
class Handed:
    """One CALL whose bytes were handed to the socket; after `void_ms` it can no longer take effect."""

    call: Call
    at_ms: int
    void_ms: int | None = None
    answered: bool = False


@dataclass(slots=True)
class Queued:
    """One CALL that waits for the wire."""

    call: Call
    since_ms: int


class Link:
    """One connection of one charger."""

    def __init__(
        self,
        charger_id: ChargerId,
        connection: ConnectionId,
        clock: Clock,
        post: Callable[[Fact], None],
        take: Callable[["Link", Handed], None],
        timeout_ms: int,
    ) -> None:
        self.charger_id = charger_id
        self.connection = connection
        self.is_open = True
        self.is_deaf = False  # half-open: the charger is gone, the gateway does not know
        self._clock = clock
        self._post = post
        self._take = take
        self._timeout_ms = timeout_ms
        self._queue: list[Queued] = []
        self._outstanding: Handed | None = None
        self._handed: dict[Token, Handed] = {}
        self._newest: dict[tuple[Purpose, int], Token] = {}

    def submit(self, call: Call) -> None:
        """Queue a CALL of the central system."""
        if not self.is_open:
            self._post(CallUnsent(call.token))
            return
        if isinstance(call, SetLimit):
            place = (call.purpose, call.idx)
            if call.token < self._newest.get(place, call.token):
                self._post(CallUnsent(call.token))  # it waited for its commit; a newer cut did not
                return
            self._newest[place] = call.token
            self._replace(*place)
            if call.urgent:
                self._clock.after(URGENT_WAIT_MS, self._hurry)
        self._queue.append(Queued(call, self._clock.now_ms))
        self._hand()

    def answer(self, handed: Handed, answer: Answer) -> None:
        """Deliver the charger's answer, in time or late; nothing when the connection is gone."""
        if not self.is_open or self.is_deaf or handed.answered:
            return
        handed.answered = True
        self._post(answer)
        if self._outstanding is handed:
            self._outstanding = None
            self._hand()

    def close(self) -> None:
        """End the connection and tell the engine: what was queued was never sent."""
        if not self.is_open:
            return
        for queued in self._queue:
            self._post(CallUnsent(queued.call.token))
        self.die()
        self._post(ChargerDisconnected(self.charger_id, self.connection))

    def die(self) -> None:
        """End the connection without a word: the process that could tell is gone."""
        self.is_open = False
        self._queue.clear()
        self._outstanding = None
        for handed in self._handed.values():
            self._void(handed)

    def _replace(self, purpose: Purpose, idx: int) -> None:
        for queued in self._queue:
            call = queued.call
            if isinstance(call, SetLimit) and (call.purpose, call.idx) == (purpose, idx):
                self._queue.remove(queued)
                self._post(CallUnsent(call.token))
                return

    def _hand(self) -> None:
        if self._outstanding is not None or not self._queue:
            return
        self._queue.sort(key=_lane)  # stable: first come, first served within a lane
        handed = Handed(self._queue.pop(0).call, self._clock.now_ms)
        self._outstanding = handed
        self._handed[handed.call.token] = handed
        self._post(CallSent(handed.call.token))
        self._clock.after(self._timeout_ms, lambda: self._time_out(handed))
        self._take(self, handed)

    def _hurry(self) -> None:
        waited = any(
            isinstance(queued.call, SetLimit)
            and queued.call.urgent
            and queued.since_ms + URGENT_WAIT_MS <= self._clock.now_ms
            for queued in self._queue
        )
        if waited and self._outstanding is not None:
            self._time_out(self._outstanding)

    def _time_out(self, handed: Handed) -> None:
        if not self.is_open or self._outstanding is not handed:
            return
        self._void(handed)
        self._outstanding = None
        self._post(CallTimedOut(handed.call.token))
        self._hand()

    def _void(self, handed: Handed) -> None:
        if handed.void_ms is None and not handed.answered:
            handed.void_ms = self._clock.now_ms + LATEST_EXECUTION_MS


def _lane(queued: Queued) -> int:
    call = queued.call
    if not isinstance(call, SetLimit):
        return 2
    return 0 if call.urgent else 1
