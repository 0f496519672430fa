"""The gateway's side of one connection: the real peer, driven in virtual time as `csms.gateway.link` drives it.

Commands become frames, and what the peer makes of the charger's frames becomes facts. A CALL whose bytes were handed
over may take effect until H after its time-out or the end of its connection (`Delivered.void_ms`).
"""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from csms.core.commands import Call, Purpose, SetLimit
from csms.core.events import (
    CallTimedOut,
    CallUnsent,
    ChargerConnected,
    ChargerDisconnected,
    ChargerHeard,
    Fact,
    KnownTransaction,
)
from csms.core.ids import ChargerId, ConnectionId, Token
from csms.core.replies import Outcome
from csms.ocpp16 import translate
from csms.ocpp16.peer import AnswerReceived, CallReceived, ErrorReceived, FrameRefused, Peer, PeerEvent
from csms.ocpp16.times import format_time
from csms.simulation.clock import Clock
from csms.simulation.hearing import Desk, MakeFact, confirmation_of, fact_of
from csms.simulation.line import LATEST_EXECUTION_MS, Delivered, Take
from csms.simulation.trace import Trace, ViolationError, demand
from csms.simulation.way import Way


@dataclass(frozen=True, slots=True)
class Process:
    """The rest of the central system's process, as a link needs it."""

    clock: Clock
    trace: Trace
    post: Callable[[Fact], None]
    ask: Callable[[MakeFact, Callable[[Outcome], None]], None]
    desk: Desk
    stalled_until_ms: Callable[[], int]
    rng: random.Random
    late_ms: Callable[[ChargerId], int]
    """How much later than the rest one CALL to a charger arrives."""


class Link:
    """One connection of one charger.

    Args:
        charger_id: who connected.
        connection: this connection's own id.
        peer: its protocol state.
        process: the rest of the process.
        take: the charger's ear.
    """

    def __init__(
        self, charger_id: ChargerId, connection: ConnectionId, peer: Peer, process: Process, take: Take
    ) -> None:
        self.charger_id = charger_id
        self.connection = connection
        self.peer = peer
        self.is_open = True
        self.is_deaf = False
        self._process = process
        self._clock = process.clock
        self._trace = process.trace
        self._post = process.post
        self._take = take
        self._heard = False
        self._named: dict[int, KnownTransaction | None] = {}
        self._delivered: dict[Token, Delivered] = {}
        self._newest: dict[tuple[Purpose, int], Token] = {}
        self._inwards = Way(process.clock, process.rng)
        self._outwards = Way(process.clock, process.rng)

    def stall(self, *, inwards: bool, until_ms: int) -> None:
        """Let nothing of one direction arrive before `until_ms`."""
        (self._inwards if inwards else self._outwards).stall(until_ms)

    def jitter(self, until_ms: int) -> None:
        """Let what leaves before `until_ms` take its time."""
        self._inwards.jitter(until_ms)
        self._outwards.jitter(until_ms)

    def announcements(self) -> list[Fact]:
        """Return what a core that was rebuilt under this connection has to know of it."""
        connected: list[Fact] = [ChargerConnected(self.charger_id, self.connection)]
        return [*connected, ChargerHeard(self.charger_id, self.connection)] if self._heard else connected

    def submit(self, call: Call) -> None:
        """Queue a CALL of the central system."""
        if not self.is_open or self._overtaken(call):
            self._post(CallUnsent(call.token))
            return
        request = translate.request_of(call, self._process.desk.wall_ms())
        self._report(
            self.peer.call(
                call.token, request.action, request.payload, limit_key=request.limit_key, urgent=request.urgent
            )
        )
        self._poll()

    def answer(self, delivered: Delivered, text: str) -> None:
        """Deliver the charger's answer, in time or late; nothing when the connection is gone."""
        self._inwards.carry(lambda: self._answered(delivered, text))

    def _answered(self, delivered: Delivered, text: str) -> None:
        if not self.is_open or self.is_deaf or delivered.answered:
            return
        delivered.answered = True
        self._trace.add("frame in", text)
        self._report(self.peer.receive_text(text, self._clock.now_ms))
        self._flush()

    def say(self, text: str) -> None:
        """Deliver what the charger says unasked."""
        self._inwards.carry(lambda: self._said(text))

    def _said(self, text: str) -> None:
        if not self.is_open or self.is_deaf:
            return
        if not self._heard:
            self._heard = True
            self._post(ChargerHeard(self.charger_id, self.connection))
        self._trace.add("frame in", text)
        for event in self.peer.receive_text(text, self._clock.now_ms):
            if isinstance(event, CallReceived):
                self._serve(event)
            else:
                self._trace.add("refused", event)
                is_repeated = isinstance(event, FrameRefused) and event.reason.startswith("repeated")
                demand(is_repeated, "the peer does not take a CALL: {}", event)
        self._flush()

    def _serve(self, call: CallReceived) -> None:
        desk = self._process.desk
        make_fact = fact_of(call, self.charger_id, self.connection, desk, self._named)
        if make_fact is None:
            self.peer.reply(call, {"currentTime": format_time(desk.wall_ms())})
            return

        def told(outcome: Outcome) -> None:
            if self.is_open:
                self.peer.reply(call, confirmation_of(call.action, outcome, desk.wall_ms()))
                self._flush()

        self._process.ask(make_fact, told)

    def close(self) -> None:
        """End the connection and tell the engine: what was queued was never sent."""
        if not self.is_open:
            return
        self._report(self.peer.close())
        self.die()
        self._post(ChargerDisconnected(self.charger_id, self.connection))

    def die(self) -> None:
        """End the connection without a word: the process that could tell is gone."""
        self.is_open = False
        for delivered in self._delivered.values():
            self._void(delivered)

    def _overtaken(self, call: Call) -> bool:
        """Return whether a newer limit for the same place came first: it waited for its commit, a newer cut did not."""
        if not isinstance(call, SetLimit):
            return False
        place = (call.purpose, call.idx)
        if call.token < self._newest.get(place, call.token):
            return True
        self._newest[place] = call.token
        return False

    def _poll(self) -> None:
        if not self.is_open:
            return
        stalled_until_ms = self._process.stalled_until_ms()
        if stalled_until_ms > self._clock.now_ms:
            self._clock.at(stalled_until_ms, self._poll)
            return
        self._report(self.peer.poll(self._clock.now_ms))
        self._flush()
        due_ms = self.peer.next_deadline_ms()
        if due_ms is not None and due_ms > self._clock.now_ms:
            self._clock.at(due_ms, self._poll)

    def _flush(self) -> None:
        """Hand over what the peer wants written."""
        for out in self.peer.data_to_send():
            self._trace.add("frame out", out.text)
            delivered = Delivered(out.text, self._clock.now_ms)
            if out.token is None:
                if not self.is_deaf:
                    self._carry(delivered)
                continue
            self._delivered[out.token] = delivered
            self._post(self.peer.handed(out.token, self._clock.now_ms))
            due_ms = self.peer.next_deadline_ms()
            assert due_ms is not None, "a CALL that was handed over has its time-out"
            self._clock.at(due_ms, self._poll)
            late_ms = self._process.late_ms(self.charger_id)
            if late_ms:
                self._clock.after(late_ms, partial(self._take, self, delivered))
            else:
                self._carry(delivered)

    def _carry(self, delivered: Delivered) -> None:
        self._outwards.carry(lambda: self._take(self, delivered))

    def _report(self, events: Iterable[PeerEvent]) -> None:
        for event in events:
            match event:
                case AnswerReceived():
                    self._post(translate.fact_of_answer(event.token, event.action, event.payload))
                case ErrorReceived():
                    self._post(translate.fact_of_error(event.token, event.code))
                case CallTimedOut():
                    self._void(self._delivered[event.token])
                    self._post(event)
                case CallUnsent():
                    self._post(event)
                case FrameRefused() | CallReceived():
                    raise ViolationError(f"the peer does not take an answer: {event}")

    def _void(self, delivered: Delivered) -> None:
        if delivered.void_ms is None and not delivered.answered:
            delivered.void_ms = self._clock.now_ms + LATEST_EXECUTION_MS
