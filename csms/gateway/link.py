"""One connection of one charger: frames to facts, commands to frames, in the order of the wire.

Everything a link does happens on the event loop in one of four places: the callback of messages that arrived, that of
an answer that has become durable, that of its one timer, and `send`. Each of them ends in `_flush`, which writes what
the peer wants written and reports each CALL of ours as sent at that moment. A message is handled where it arrives,
without a task of its own; only a start or a stop waits, in a task, for what the store remembers, and the messages
behind it wait with it. A link ends once, in `shutdown`, whoever asks for it: queued CALLs are reported as unsent, then
the charger as disconnected, and the socket is aborted, never drained; nothing that arrives or becomes ready later has
any effect.

Commands leave in the loop's next turn, behind answers that became durable together with them; a transaction's limit
also waits for a StartTransaction on its connector to be answered (OCPP 1.6 §5.16.1).
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import partial
from typing import Any, Literal

import structlog

from csms.core.commands import Call, Operate, Purpose, SetLimit
from csms.core.events import (
    CallTimedOut,
    CallUnsent,
    ChargerConnected,
    ChargerDisconnected,
    ChargerHeard,
    Fact,
)
from csms.core.ids import ChargerId, ConnectionId, Token
from csms.core.replies import Outcome
from csms.gateway.answers import Answer, Answers, Confirmation, LaterAnswer, Services, Waiting
from csms.gateway.connection import ChargerConnection, Violation
from csms.gateway.pulse import Life, Pulse
from csms.gateway.quiet_log import QuietLog
from csms.ocpp16 import translate
from csms.ocpp16.frames import ErrorCode
from csms.ocpp16.payloads import PayloadFault
from csms.ocpp16.peer import AnswerReceived, CallReceived, ErrorReceived, FrameRefused, Peer, PeerEvent
from csms.ports import StoreError

FRAMES_PER_TURN = 16
"""Messages of one charger handled before others get their turn."""

MAX_UNANSWERED = 32
"""CALLs of the charger that may wait for the store before the next one is read."""

OPERATED_REMEMBERED = 256
"""Operators' commands whose answers may still come; the peer remembers fewer CALLs."""

_log = structlog.get_logger()


class Link:
    """The life of one connection.

    Args:
        charger_id: who connected.
        connection_id: this connection's own id.
        connection: its socket.
        peer: its protocol state.
        services: the rest of the process.
        ended: called once, when the link has ended.
    """

    def __init__(
        self,
        charger_id: ChargerId,
        connection_id: ConnectionId,
        connection: ChargerConnection,
        peer: Peer,
        services: Services,
        ended: Callable[["Link"], None],
        *,
        takes_over: bool,
    ) -> None:
        self.charger_id = charger_id
        self.connection_id = connection_id
        self.peer = peer
        self.closed = False
        self._connection = connection
        self._services = services
        self._desk = services.desk
        self._ended = ended
        self._takes_over = takes_over
        self._heard = False
        self._commands: list[Call] = []
        self._dispatching = False
        self._newest_limit: dict[tuple[Purpose, int], int] = {}
        self._private: dict[Token, asyncio.Future[Fact]] = {}
        self._operated: deque[Token] = deque(maxlen=OPERATED_REMEMBERED)
        self._waiting: dict[CallReceived, Waiting] = {}
        self._busy = False
        self._later: asyncio.Task[None] | None = None
        self._over = asyncio.get_running_loop().create_future()
        self._pulse = Pulse(connection, services.heartbeat_interval_s, self._mono_ms, self.poll)
        self._log = _log.bind(charger_id=charger_id, connection=connection_id, remote=connection.remote)
        self._shows_frames = self._log.is_enabled_for(logging.DEBUG)
        self._quiet = QuietLog(self._log)
        self._answers = Answers(charger_id, connection_id, services, self._quiet)

    # --- messages -----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Serve the connection until it ends."""
        self._log.info("link.opened")
        self._desk.submit(
            ChargerConnected(self.charger_id, self.connection_id, self._connection.remote, takes_over=self._takes_over)
        )
        self._arm_timer()
        self._connection.listen(self._take_in)
        await self._over
        await self._connection.wait_closed()

    def _take_in(self) -> None:
        """Handle what has arrived, unless something holds it back: then whatever is over calls this again."""
        if self._busy or self.closed:
            return
        try:
            self._take_some()
        except Exception:  # noqa: BLE001 - one charger's failure must end its own link only
            self._log.exception("link.failed")
            self.shutdown("failed")
        self._flush()

    def _take_some(self) -> None:
        if self._later is not None:
            self._later.result()
            self._later = None
        for _ in range(FRAMES_PER_TURN):
            if self._busy or self.closed or self.peer.pending_calls >= MAX_UNANSWERED:
                return
            message = self._connection.take()
            if message is None:
                return
            if isinstance(message, str):
                self._receive(message)
            elif isinstance(message, Violation):
                self._do_later(self._turn_out(message))
            else:
                self.shutdown("connection lost")
        if not self._busy:  # else the last of them has to wait, and whatever ends that goes on
            self._busy = True
            asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self, _task: object = None) -> None:
        self._busy = False
        self._take_in()

    def _do_later(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that has to wait; no message is taken until it is done."""
        self._busy = True
        self._later = asyncio.create_task(work)
        self._later.add_done_callback(self._go_on)

    async def _turn_out(self, violation: Violation) -> None:
        await self._connection.close(violation.code, violation.reason)
        self.shutdown(violation.reason)

    def _receive(self, text: str) -> None:
        if self._shows_frames:
            self._log.debug("frame.received", frame=text)
        self._record("received", text)
        for event in self.peer.receive_text(text, self._connection.last_frame_ms):
            if not self._heard and _is_said(event):
                self._heard = True
                self._desk.submit(ChargerHeard(self.charger_id, self.connection_id))
            if not isinstance(event, CallReceived):
                self._report(event)
                continue
            answer = self._answer(event)
            if isinstance(answer, Waiting):
                self._hand_in(event, answer)
            elif isinstance(answer, Coroutine):
                self._do_later(self._serve_later(event, answer))
            else:
                self._serve(event, answer)

    async def _serve_later(self, call: CallReceived, answer: Awaitable[Answer]) -> None:
        try:
            found = await answer
        except Exception as error:  # noqa: BLE001 - the charger gets an answer, and keeps its connection (§4.2.3)
            found = self._failed(call, error)
        self._serve(call, found)

    def _answer(self, call: CallReceived) -> Answer | LaterAnswer:
        try:
            return self._answers.answer(call)
        except Exception as error:  # noqa: BLE001 - likewise
            return self._failed(call, error)

    def _failed(self, call: CallReceived, error: Exception) -> PayloadFault:
        self._log.error("call.failed", action=call.action[:50], exc_info=error)
        return PayloadFault(ErrorCode.INTERNAL_ERROR, "not handled, try again")

    def _serve(self, call: CallReceived, answer: Answer) -> None:
        if self.closed:
            return
        if isinstance(answer, Waiting):
            self._hand_in(call, answer)
        elif isinstance(answer, PayloadFault):
            self._refuse(call, answer.code, answer.description)
        else:
            self.peer.reply(call, answer)

    def _hand_in(self, call: CallReceived, waiting: Waiting) -> None:
        """Hand a CALL's fact to the station's loop, which tells us when it is durable."""
        try:
            self._desk.tell(waiting.make_fact, partial(self._told, call))
        except Exception as error:  # noqa: BLE001 - likewise
            fault = self._failed(call, error)
            self._refuse(call, fault.code, fault.description)
        else:
            self._waiting[call] = waiting

    # --- answers that have become durable -----------------------------------------------------------------------------

    def _told(self, call: CallReceived, outcome: Outcome | StoreError) -> None:
        """Answer `call` now that its fact is durable, or cannot become so; an ended link says nothing any more."""
        waiting = self._waiting.pop(call, None)
        if waiting is None:
            return
        try:
            self._finish(call, waiting, outcome)
        except Exception:  # noqa: BLE001 - one charger's failure must end its own link only, not the station's loop
            self._log.exception("link.failed")
            self.shutdown("failed")

    def _finish(self, call: CallReceived, waiting: Waiting, outcome: Outcome | StoreError) -> None:
        confirmation = self._confirmation(call, waiting, outcome)
        if confirmation is None:
            self._refuse(call, ErrorCode.INTERNAL_ERROR, "not stored, try again")
        else:
            self.peer.reply(call, confirmation)
        self._flush()
        if waiting.starting is not None:
            self._dispatch()
        if self.peer.pending_calls == MAX_UNANSWERED - 1:
            asyncio.get_running_loop().call_soon(self._take_in)

    def _confirmation(self, call: CallReceived, waiting: Waiting, outcome: Outcome | StoreError) -> Confirmation | None:
        if isinstance(outcome, StoreError):
            self._log.warning("call.not_stored", action=call.action, reason=str(outcome))
            return None
        confirmation = waiting.confirmation_of(outcome)
        if confirmation is None:
            self._log.error("call.failed", action=call.action, outcome=str(outcome))
        return confirmation

    def _refuse(self, call: CallReceived, code: ErrorCode, description: str) -> None:
        self._quiet.note("call.refused", action=call.action[:50], code=code.value, reason=description)
        self.peer.reply_error(call, code, description)

    # --- commands -----------------------------------------------------------------------------------------------------

    def send(self, command: Call) -> None:
        """Queue a CALL of ours; its fate comes back as facts."""
        if self.closed or self._overtaken(command):
            self._desk.submit(CallUnsent(command.token))
            return
        self._commands.append(command)
        if not self._dispatching:
            self._dispatching = True
            asyncio.get_running_loop().call_soon(self._dispatch)

    def _overtaken(self, command: Call) -> bool:
        """Return whether a newer limit for the same place came first.

        A cut leaves at once, a raise after its commit: a raise decided before the cut must not leave after it.
        """
        if not isinstance(command, SetLimit):
            return False
        place = command.purpose, command.idx
        if command.token < self._newest_limit.get(place, 0):
            return True
        self._newest_limit[place] = command.token
        return False

    def _dispatch(self) -> None:
        self._dispatching = False
        if self.closed:
            return
        starting = {waiting.starting for waiting in self._waiting.values()} - {None}
        commands, self._commands = self._commands, []
        now = self._services.clock.now()
        for command in commands:
            if isinstance(command, SetLimit) and command.idx in starting:
                self._commands.append(command)
                continue
            if isinstance(command, Operate):
                self._operated.append(command.token)
            request = translate.request_of(command, now.wall_ms)
            events = self.peer.call(
                command.token,
                request.action,
                request.payload,
                limit_key=request.limit_key,
                urgent=request.urgent,
            )
            for event in events:
                self._report(event)
        for event in self.peer.poll(now.mono_ms):
            self._report(event)
        self._flush()
        self._arm_timer()

    # --- what is said beside the ledger -------------------------------------------------------------------------------

    async def ask(self, action: str, payload: Mapping[str, object]) -> Fact:
        """Say something that must be in no record, and return what would be the core's fact of what came of it.

        It waits for its turn like any CALL of ours. Its token is none of the core's, which hears nothing of it.
        """
        token = Token(-len(self._private) - 1)
        if self.closed:
            return CallUnsent(token)
        outcome: asyncio.Future[Fact] = asyncio.get_running_loop().create_future()
        self._private[token] = outcome
        for event in self.peer.call(token, action, payload):
            self._report(event)
        self._dispatch()
        return await outcome

    def _conclude(self, fact: Fact, token: Token) -> None:
        """Tell what became of a CALL: whoever asked for it beside the ledger, else the core."""
        outcome = self._private.get(token)
        if outcome is None:
            self._desk.submit(fact)
        elif not outcome.done():
            outcome.set_result(fact)

    # --- facts and bytes ----------------------------------------------------------------------------------------------

    def _report(self, event: PeerEvent) -> None:
        """Hand the core what became of a CALL of ours, or log what is not for it."""
        match event:
            case AnswerReceived() if event.token in self._operated:
                self._desk.submit(translate.fact_of_operated(event.token, event.payload))
            case AnswerReceived():
                self._conclude(translate.fact_of_answer(event.token, event.action, event.payload), event.token)
            case ErrorReceived():
                self._quiet.note("call.errored", action=event.action, code=event.code, description=event.description)
                self._conclude(translate.fact_of_error(event.token, event.code), event.token)
            case CallTimedOut():
                self._log.warning("call.timed_out", token=event.token)
                self._conclude(event, event.token)
            case CallUnsent():
                self._conclude(event, event.token)
            case FrameRefused():
                self._quiet.note("frame.refused", reason=event.reason, message_id=event.message_id)
            case CallReceived():
                raise AssertionError("the charger's CALLs are served, not reported")

    def _flush(self) -> None:
        """Write what the peer wants written, and report the CALLs among it as sent."""
        if self.closed:
            return
        for out in self.peer.data_to_send():
            if not self._connection.write_text(out.text):
                self.shutdown("connection is closing")
                return
            if self._shows_frames:
                self._log.debug("frame.sent", frame=out.text)
            self._record("sent", out.text)
            if out.token is not None:
                sent = self.peer.handed(out.token, self._mono_ms())
                if out.token not in self._private:
                    self._desk.submit(sent)
                self._arm_timer()
            if self._connection.is_clogged:
                self.shutdown("charger does not read")
                return

    def shutdown(self, reason: str) -> None:
        """End the link now: report unsent CALLs and the disconnection, abort the socket. Idempotent."""
        if self.closed:
            return
        self.closed = True
        close_code = self._connection.ended_with  # None while it is open: it ends by our abort
        self._connection.abort()
        for event in self.peer.close():
            self._report(event)
        for command in self._commands:
            self._desk.submit(CallUnsent(command.token))
        self._commands.clear()
        self._waiting.clear()
        for token in self._private:
            self._conclude(CallTimedOut(token), token)
        if not self._over.done():  # it is cancelled with `run`
            self._over.set_result(None)
        self._pulse.stop()
        self._desk.submit(ChargerDisconnected(self.charger_id, self.connection_id))
        self._log.info("link.closed", reason=reason, close_code=close_code)
        self._ended(self)

    # --- time ---------------------------------------------------------------------------------------------------------

    def poll(self) -> None:
        """Do what is due: time-outs of our CALLs, a ping after silence, the end after too much of it."""
        if self.closed:
            return
        for event in self.peer.poll(self._mono_ms()):
            self._report(event)
        life = self._pulse.check()
        if life is Life.SILENT:
            self.shutdown("silent")
            return
        if life is Life.QUIET:
            self._connection.write_ping()
        self._flush()
        self._arm_timer()

    def _arm_timer(self) -> None:
        if not self.closed:
            self._pulse.arm(self.peer.next_deadline_ms())

    def _record(self, direction: Literal["received", "sent"], text: str) -> None:
        self._services.record_frame(self.charger_id, direction, text, self._services.clock.now().wall_ms)

    def _mono_ms(self) -> int:
        return self._services.clock.now().mono_ms


def _is_said(event: PeerEvent) -> bool:
    """Return whether the charger said something by itself: a CALL, be it a wrong one.

    The answer to a CALL of ours, which asked a silent charger for its boot, does not count: it may be all that it does.
    """
    return isinstance(event, CallReceived) or (isinstance(event, FrameRefused) and event.message_id is not None)
