"""One end of one OCPP-J 1.6 connection, without the connection.

Theory of operation. The shell feeds text and time and takes text away:

    events = peer.receive_text(text, now_ms)     # what the charger said
    events = peer.call(token, action, …)         # what we want to say: queued until the next poll
    events = peer.poll(now_ms)                   # what is due: after calls, and at peer.next_deadline_ms()
    for out in peer.data_to_send(): …            # write it; then peer.handed(out.token, now_ms) for a CALL of ours
    events = peer.close()                        # the connection is gone

Direction out: at most one CALL of ours is unanswered (OCPP-J §4.1.1). A CALL is queued → written → answered, or written
→ timed out; a timed-out one is remembered for a while, so that its late answer still counts for itself and can never
complete another one. A limit marked urgent waits at most `URGENT_WAIT_MS` behind an unanswered CALL, which is then
declared timed out (LEDGER.md §3). Direction in: each readable CALL is answered exactly once. The same CALL again (same
id, action and payload) gets the stored answer and is not executed twice, except for the actions of `ALWAYS_FRESH`.
Everything that grows with what the charger sends is bounded.
"""

from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace

import msgspec

from csms.core.events import CallSent, CallTimedOut, CallUnsent
from csms.core.ids import Token
from csms.ocpp16 import frames
from csms.ocpp16.frames import ErrorCode, MessageId
from csms.ocpp16.outbox import Outbox, QueuedCall

URGENT_WAIT_MS = 5_000
"""LEDGER.md §3: longest wait of an urgent limit behind an unanswered CALL."""

MAX_TIMEOUT_MS = 60_000
"""LEDGER.md §3: the learnt time-out never exceeds this."""

MAX_PENDING_CALLS = 64
"""CALLs of the charger that may wait for our answer; the next one gets a CALLERROR InternalError."""

MAX_STORED_ANSWERS = 16
MAX_TIMED_OUT = 64

ALWAYS_FRESH = frozenset({"BootNotification", "Heartbeat", "Authorize", "StatusNotification"})
"""Actions that are executed again when repeated after their answer.

Some chargers re-use message ids, and these payloads carry nothing that tells a new message from a repeated one: a
stored Heartbeat would answer an old time, a stored StatusNotification would swallow a change of state, a stored
BootNotification a boot. Executing them
twice does no harm.
"""

OUTDATES = {"StartTransaction": "StopTransaction", "StopTransaction": "StartTransaction"}
"""Whose stored answers an action makes worthless.

With one message id for everything, a clock that was never set and a meter that begins at 0, the start after a stop
looks like the start before it.
"""


class CallReceived(msgspec.Struct, frozen=True, eq=False):
    """A CALL of the charger that waits for `reply` or `reply_error`; `payload` is the JSON of an object.

    `identity` is what makes a later CALL the same one again; it does not hold on to the payload.
    """

    message_id: MessageId
    action: str
    payload: bytes
    identity: tuple[MessageId, int]


@dataclass(frozen=True, slots=True)
class AnswerReceived:
    """The CALLRESULT of our CALL; `payload` None when it cannot be read; `late` when it had timed out."""

    token: Token
    action: str
    payload: bytes | None
    late: bool


@dataclass(frozen=True, slots=True)
class ErrorReceived:
    """The CALLERROR of our CALL."""

    token: Token
    action: str
    code: str
    description: str
    late: bool


@dataclass(frozen=True, slots=True)
class FrameRefused:
    """A frame that was ignored, or answered with a CALLERROR at once (`message_id` is then set)."""

    reason: str
    message_id: MessageId | None = None


PeerEvent = CallReceived | AnswerReceived | ErrorReceived | FrameRefused | CallTimedOut | CallUnsent


class Outgoing(msgspec.Struct, frozen=True):
    """Text to write; `token` is set for a CALL of ours."""

    text: str
    token: Token | None


@dataclass(frozen=True, slots=True)
class _Open:
    """A CALL of ours that was written, or is about to be (`handed` False)."""

    token: Token
    action: str
    sent_ms: int
    handed: bool = False


class Peer:
    """The protocol state of one connection.

    Args:
        message_id_prefix: unique to this connection over all processes and restarts (≤ 24 characters).
        call_timeout_ms: time-out of a CALL with nothing learnt.
        slowest_answer_ms: what an earlier connection of the same charger has learnt.
    """

    __slots__ = (
        "_answers",
        "_call_timeout_ms",
        "_closed",
        "_counter",
        "_open",
        "_out",
        "_outbox",
        "_pending",
        "_prefix",
        "_slowest_answer_ms",
        "_timed_out",
    )

    def __init__(self, message_id_prefix: str, call_timeout_ms: int = 10_000, slowest_answer_ms: int = 0) -> None:
        assert len(message_id_prefix) <= 24, "message ids have at most 36 characters"  # noqa: PLR2004 - 36 less a counter
        self._prefix = message_id_prefix
        self._call_timeout_ms = call_timeout_ms
        self._slowest_answer_ms = slowest_answer_ms
        self._counter = 0
        self._closed = False
        self._out: list[Outgoing] = []
        self._outbox = Outbox()
        self._open: tuple[str, _Open] | None = None
        self._timed_out: OrderedDict[str, _Open] = OrderedDict()
        self._pending: set[tuple[MessageId, int]] = set()
        self._answers: OrderedDict[tuple[MessageId, int], tuple[str, str]] = OrderedDict()

    # --- what the shell asks -----------------------------------------------------------------------------------------

    @property
    def slowest_answer_ms(self) -> int:
        """Return the longest time that this charger took to answer, ms."""
        return self._slowest_answer_ms

    @property
    def timeout_ms(self) -> int:
        """Return the time-out in force: twice the slowest answer, within its bounds, ms."""
        return min(max(self._call_timeout_ms, 2 * self._slowest_answer_ms), MAX_TIMEOUT_MS)

    @property
    def pending_calls(self) -> int:
        """Return how many CALLs of the charger wait for our answer."""
        return len(self._pending)

    def data_to_send(self) -> list[Outgoing]:
        """Remove and return what has to be written, in order."""
        if not self._out:
            return []
        out, self._out = self._out, []
        return out

    def next_deadline_ms(self) -> int | None:
        """Return when `poll` has something to do, or None."""
        if self._open is None:
            return None
        timeout_ms = min(self.timeout_ms, URGENT_WAIT_MS) if self._outbox.has_urgent else self.timeout_ms
        return self._open[1].sent_ms + timeout_ms

    # --- direction out -----------------------------------------------------------------------------------------------

    def call(
        self,
        token: Token,
        action: str,
        payload: Mapping[str, object],
        *,
        limit_key: Hashable | None = None,
        urgent: bool = False,
    ) -> list[PeerEvent]:
        """Queue a CALL, to leave at the next `poll`; return the CALL that will never be sent because of it."""
        queued = QueuedCall(token, action, payload, limit_key, urgent)
        refused = queued if self._closed else self._outbox.put(queued)
        return [] if refused is None else [CallUnsent(refused.token)]

    def handed(self, token: Token, now_ms: int) -> CallSent:
        """Take note that the bytes of a CALL were handed to the socket."""
        assert self._open is not None, "a CALL taken from data_to_send is open"
        message_id, open_call = self._open
        assert open_call.token == token, "one CALL at a time"
        assert not open_call.handed, "a CALL is handed over once"
        self._open = message_id, replace(open_call, sent_ms=now_ms, handed=True)
        return CallSent(token)

    def poll(self, now_ms: int) -> list[PeerEvent]:
        """Declare time-outs that are due and let the next CALL go."""
        events: list[PeerEvent] = []
        deadline_ms = self.next_deadline_ms()
        if self._open is not None and deadline_ms is not None and now_ms >= deadline_ms:
            message_id, open_call = self._open
            self._open = None
            self._timed_out[message_id] = open_call
            if len(self._timed_out) > MAX_TIMED_OUT:
                self._timed_out.popitem(last=False)
            events.append(CallTimedOut(open_call.token))
        self._send_next(now_ms)
        return events

    def close(self) -> list[PeerEvent]:
        """End the connection; return the CALLs of which no byte was handed to the socket."""
        self._closed = True
        unsent = [call.token for call in self._outbox.clear()]
        if self._open is not None and not self._open[1].handed:
            unsent.insert(0, self._open[1].token)
        self._open = None
        self._out.clear()
        self._pending.clear()
        return [CallUnsent(token) for token in unsent]

    def _send_next(self, now_ms: int) -> None:
        if self._open is not None or self._closed:
            return
        call = self._outbox.take()
        if call is None:
            return
        self._counter += 1
        message_id = f"{self._prefix}{self._counter}"
        self._open = message_id, _Open(call.token, call.action, now_ms)
        self._out.append(Outgoing(frames.encode_call(message_id, call.action, call.payload), call.token))

    # --- direction in ------------------------------------------------------------------------------------------------

    def receive_text(self, text: str, now_ms: int) -> list[PeerEvent]:
        """Take in one text frame; never raises, whatever it holds."""
        if self._closed:
            return []
        frame = frames.decode(text)
        match frame:
            case frames.Call():
                return self._receive_call(frame)
            case frames.CallResult() | frames.CallError():
                return self._receive_answer(frame, now_ms)
            case frames.Malformed():
                self._out.append(
                    Outgoing(frames.encode_error(frame.message_id, frame.code, frame.description), None),
                )
                return [FrameRefused(frame.description, frame.message_id)]
            case frames.Ignored():
                return [FrameRefused(frame.reason)]

    def _receive_call(self, call: frames.Call) -> list[PeerEvent]:
        identity = call.message_id, hash((call.action, call.payload))
        if identity in self._pending:
            return [FrameRefused("repeated while its answer is being made", call.message_id)]
        stored = self._answers.get(identity)
        if stored is not None:
            self._out.append(Outgoing(stored[1], None))
            return [FrameRefused("repeated after its answer, which was sent again", call.message_id)]
        if len(self._pending) >= MAX_PENDING_CALLS:
            description = f"more than {MAX_PENDING_CALLS} CALLs wait for their answer"
            self._out.append(
                Outgoing(frames.encode_error(call.message_id, ErrorCode.INTERNAL_ERROR, description), None),
            )
            return [FrameRefused(description, call.message_id)]
        self._pending.add(identity)
        return [CallReceived(call.message_id, call.action, call.payload, identity)]

    def reply(self, call: CallReceived, payload: Mapping[str, object]) -> None:
        """Answer a CALL of the charger with a CALLRESULT."""
        self._pending.remove(call.identity)
        text = frames.encode_result(call.message_id, payload)
        if (outdated := OUTDATES.get(call.action)) is not None:
            for identity in [one for one, (action, _) in self._answers.items() if action == outdated]:
                del self._answers[identity]
        if call.action not in ALWAYS_FRESH:
            self._answers[call.identity] = call.action, text
            if len(self._answers) > MAX_STORED_ANSWERS:
                self._answers.popitem(last=False)
        self._out.append(Outgoing(text, None))

    def reply_error(self, call: CallReceived, code: ErrorCode, description: str) -> None:
        """Answer a CALL of the charger with a CALLERROR; it may be tried again, so it is not stored."""
        self._pending.remove(call.identity)
        self._out.append(Outgoing(frames.encode_error(call.message_id, code, description), None))

    def _receive_answer(self, frame: frames.CallResult | frames.CallError, now_ms: int) -> list[PeerEvent]:
        message_id = frame.message_id
        if self._open is not None and self._open[0] == message_id and self._open[1].handed:
            open_call, late = self._open[1], False
            self._open = None
        elif isinstance(message_id, str) and message_id in self._timed_out:
            open_call, late = self._timed_out.pop(message_id), True
        else:
            return [FrameRefused("answers no CALL that waits for one")]
        self._slowest_answer_ms = max(self._slowest_answer_ms, now_ms - open_call.sent_ms)
        self._send_next(now_ms)
        if isinstance(frame, frames.CallResult):
            return [AnswerReceived(open_call.token, open_call.action, frame.payload, late)]
        return [ErrorReceived(open_call.token, open_call.action, frame.code, frame.description, late)]
