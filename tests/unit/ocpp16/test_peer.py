import json
from typing import Any

import pytest

from csms.core.events import CallSent, CallTimedOut, CallUnsent
from csms.core.ids import Token
from csms.ocpp16.frames import ErrorCode
from csms.ocpp16.outbox import MAX_QUEUED
from csms.ocpp16.peer import (
    MAX_PENDING_CALLS,
    MAX_STORED_ANSWERS,
    MAX_TIMED_OUT,
    AnswerReceived,
    CallReceived,
    ErrorReceived,
    FrameRefused,
    Peer,
    PeerEvent,
)


class Wire:
    """A peer whose bytes all reach the socket at once."""

    def __init__(self, slowest_answer_ms: int = 0) -> None:
        self.peer = Peer("p-", slowest_answer_ms=slowest_answer_ms)
        self.now_ms = 0
        self.sent: list[list[Any]] = []

    def flush(self) -> list[int]:
        tokens = []
        assert self.peer.poll(self.now_ms) == []
        for out in self.peer.data_to_send():
            self.sent.append(json.loads(out.text))
            if out.token is not None:
                assert self.peer.handed(out.token, self.now_ms) == CallSent(out.token)
                tokens.append(int(out.token))
        return tokens

    def call(
        self, token: int, action: str = "ClearCache", key: str | None = None, *, urgent: bool = False
    ) -> list[PeerEvent]:
        return self.peer.call(Token(token), action, {}, limit_key=key, urgent=urgent)

    def receive(self, *frame: Any) -> list[PeerEvent]:
        return self.peer.receive_text(json.dumps(frame), self.now_ms)

    def poll(self, now_ms: int) -> list[PeerEvent]:
        self.now_ms = now_ms
        return self.peer.poll(now_ms)


def test_one_call_at_a_time_in_order_of_arrival() -> None:
    wire = Wire()
    for token in (1, 2, 3):
        assert wire.call(token) == []
    assert wire.flush() == [1]
    wire.now_ms = 40
    assert wire.receive(3, "p-1", {}) == [AnswerReceived(Token(1), "ClearCache", b"{}", late=False)]
    assert wire.flush() == [2]
    assert wire.receive(4, "p-2", "NotSupported", "no", {}) == [
        ErrorReceived(Token(2), "ClearCache", "NotSupported", "no", late=False),
    ]
    assert wire.flush() == [3]
    assert [frame[1] for frame in wire.sent] == ["p-1", "p-2", "p-3"]
    assert wire.peer.slowest_answer_ms == 40


def test_limits_go_first_urgent_ones_before_all_and_the_newest_of_a_key_wins() -> None:
    wire = Wire()
    wire.call(1)
    wire.flush()
    wire.call(2)
    wire.call(3, key="one")
    wire.call(4, key="two")
    assert wire.call(5, key="one") == [CallUnsent(Token(3))]
    wire.call(6, key="three", urgent=True)
    order = []
    for n in range(1, 6):
        wire.receive(3, f"p-{n}", {})
        order += wire.flush()
    assert order == [6, 5, 4, 2]


def test_the_queue_is_bounded() -> None:
    wire = Wire()
    for token in range(MAX_QUEUED):
        assert wire.call(token) == []
    assert wire.call(999) == [CallUnsent(Token(999))]


@pytest.mark.parametrize(
    ("slowest_answer_ms", "timeout_ms"),
    [(0, 10_000), (4_999, 10_000), (8_000, 16_000), (30_000, 60_000), (500_000, 60_000)],
)
def test_the_time_out_is_learnt_within_bounds(slowest_answer_ms: int, timeout_ms: int) -> None:
    wire = Wire(slowest_answer_ms)
    wire.call(1)
    wire.flush()
    assert wire.peer.next_deadline_ms() == timeout_ms
    assert wire.poll(timeout_ms - 1) == []
    assert wire.poll(timeout_ms) == [CallTimedOut(Token(1))]
    assert wire.peer.next_deadline_ms() is None


def test_a_late_answer_counts_for_its_own_call_and_is_learnt_from() -> None:
    wire = Wire()
    wire.call(1)
    wire.call(2)
    wire.flush()
    assert wire.poll(10_000) == [CallTimedOut(Token(1))]
    assert wire.flush() == [2]
    wire.now_ms = 12_000
    assert wire.receive(3, "p-1", {}) == [AnswerReceived(Token(1), "ClearCache", b"{}", late=True)]
    assert wire.peer.timeout_ms == 24_000
    assert wire.receive(3, "p-1", {}) == [FrameRefused("answers no CALL that waits for one")]
    assert wire.receive(3, "p-2", {}) == [AnswerReceived(Token(2), "ClearCache", b"{}", late=False)]


@pytest.mark.parametrize(
    ("sent_ms", "urgent_at_ms", "leaves_at_ms"),
    [(0, 0, 5_000), (0, 3_000, 5_000), (0, 5_000, 5_000), (0, 7_000, 7_000)],
)
def test_an_urgent_limit_waits_five_seconds_from_the_sending_of_the_open_call(
    sent_ms: int, urgent_at_ms: int, leaves_at_ms: int
) -> None:
    wire = Wire()
    wire.now_ms = sent_ms
    wire.call(1)
    wire.flush()
    wire.now_ms = urgent_at_ms
    assert wire.call(2, key="cut", urgent=True) == []
    events = wire.poll(urgent_at_ms)
    if urgent_at_ms < leaves_at_ms:
        assert events == []
        assert wire.peer.next_deadline_ms() == leaves_at_ms
        events = wire.poll(leaves_at_ms)
    assert events == [CallTimedOut(Token(1))]
    assert wire.flush() == [2]


def test_a_limit_that_is_not_urgent_waits_for_the_whole_time_out() -> None:
    wire = Wire()
    wire.call(1)
    wire.flush()
    wire.call(2, key="raise")
    assert wire.peer.next_deadline_ms() == 10_000


def test_answers_nobody_waits_for_complete_nothing() -> None:
    wire = Wire()
    wire.call(1)
    wire.poll(0)
    assert wire.receive(3, "p-1", {}) == [FrameRefused("answers no CALL that waits for one")], "not even written yet"
    wire.flush()
    for message_id in ("p-2", "other", 1, ""):
        assert wire.receive(3, message_id, {}) == [FrameRefused("answers no CALL that waits for one")]
    assert isinstance(wire.receive(3, "p-1", {})[0], AnswerReceived)


def test_an_unreadable_answer_is_an_answer() -> None:
    wire = Wire()
    wire.call(1)
    wire.flush()
    assert wire.peer.receive_text('[3,"p-1",{"status":', 5) == [
        AnswerReceived(Token(1), "ClearCache", None, late=False),
    ]


def test_the_memory_of_timed_out_calls_is_bounded() -> None:
    wire = Wire()
    for n in range(MAX_TIMED_OUT + 1):
        wire.call(n)
        wire.flush()
        wire.poll(wire.now_ms + 10_000)
    assert isinstance(wire.receive(3, "p-1", {})[0], FrameRefused), "the oldest is forgotten"
    assert isinstance(wire.receive(3, "p-2", {})[0], AnswerReceived)


def test_close_reports_what_never_reached_the_socket_and_only_that() -> None:
    wire = Wire()
    wire.call(1)
    wire.flush()
    wire.call(2)
    wire.call(3, key="limit")
    assert wire.peer.close() == [CallUnsent(Token(3)), CallUnsent(Token(2))]
    assert wire.call(4) == [CallUnsent(Token(4))]
    assert wire.peer.data_to_send() == []
    assert wire.receive(2, "a", "Heartbeat", {}) == []

    unwritten = Wire()
    unwritten.call(1)
    unwritten.poll(0)
    assert unwritten.peer.close() == [CallUnsent(Token(1))]


def received(events: list[PeerEvent]) -> CallReceived:
    (event,) = events
    assert isinstance(event, CallReceived)
    return event


def test_a_repeated_call_is_executed_once_and_answered_again() -> None:
    wire = Wire()
    frame = (2, "7", "StartTransaction", {"connectorId": 1})
    call = received(wire.receive(*frame))
    assert isinstance(wire.receive(*frame)[0], FrameRefused), "its answer is being made"
    assert wire.peer.data_to_send() == []
    wire.peer.reply(call, {"transactionId": 5})
    wire.flush()
    assert isinstance(wire.receive(*frame)[0], FrameRefused)
    wire.flush()
    assert wire.sent == [[3, "7", {"transactionId": 5}]] * 2
    other = received(wire.receive(2, "7", "StartTransaction", {"connectorId": 2}))
    assert other.payload == b'{"connectorId": 2}', "a re-used id with another payload is a new message"


def test_the_start_after_a_stop_is_another_although_it_looks_the_same() -> None:
    wire = Wire()
    start, stop = (2, "7", "StartTransaction", {"meterStart": 0}), (2, "7", "StopTransaction", {"transactionId": 5})
    for transaction_id in (5, 6):
        wire.peer.reply(received(wire.receive(*start)), {"transactionId": transaction_id})
        assert isinstance(wire.receive(*start)[0], FrameRefused), "said again at once it is the same"
        wire.peer.reply(received(wire.receive(*stop)), {})
        assert isinstance(wire.receive(*stop)[0], FrameRefused)


def test_a_call_answered_with_an_error_may_be_tried_again() -> None:
    wire = Wire()
    frame = (2, "7", "StartTransaction", {"connectorId": 1})
    wire.peer.reply_error(received(wire.receive(*frame)), ErrorCode.INTERNAL_ERROR, "disk full")
    wire.flush()
    assert wire.sent == [[4, "7", "InternalError", "disk full", {}]]
    received(wire.receive(*frame))


@pytest.mark.parametrize("action", ["Heartbeat", "StatusNotification", "Authorize"])
def test_states_and_questions_are_taken_anew_although_id_and_payload_are_the_same(action: str) -> None:
    wire = Wire()
    for _ in range(3):
        wire.peer.reply(received(wire.receive(2, "531531", action, {})), {})


def test_stored_answers_are_bounded() -> None:
    wire = Wire()
    for n in range(MAX_STORED_ANSWERS + 1):
        wire.peer.reply(received(wire.receive(2, str(n), "MeterValues", {})), {})
    received(wire.receive(2, "0", "MeterValues", {}))
    assert isinstance(wire.receive(2, "2", "MeterValues", {})[0], FrameRefused)


def test_calls_that_wait_for_an_answer_are_bounded() -> None:
    wire = Wire()
    for n in range(MAX_PENDING_CALLS):
        received(wire.receive(2, str(n), "MeterValues", {}))
    assert isinstance(wire.receive(2, "more", "MeterValues", {})[0], FrameRefused)
    wire.flush()
    assert wire.sent[0][:3] == [4, "more", "InternalError"]
    assert wire.peer.pending_calls == MAX_PENDING_CALLS


def test_malformed_calls_are_answered_with_their_id_and_the_rest_is_silence() -> None:
    wire = Wire()
    wire.receive(2, "a", "Heartbeat", [])
    wire.receive(9, "a", "Heartbeat", {})
    wire.peer.receive_text("nonsense", 0)
    wire.flush()
    assert [frame[:3] for frame in wire.sent] == [[4, "a", "FormationViolation"]]


def test_crossing_calls_do_not_wait_for_each_other() -> None:
    wire = Wire()
    wire.call(1)
    wire.flush()
    wire.peer.reply(received(wire.receive(2, "p-1", "Heartbeat", {})), {"currentTime": "x"})
    wire.flush()
    assert wire.sent[1] == [3, "p-1", {"currentTime": "x"}], "the charger may use our ids for its own messages"
    assert isinstance(wire.receive(3, "p-1", {})[0], AnswerReceived)
