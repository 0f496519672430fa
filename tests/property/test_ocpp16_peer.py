"""Whatever a charger sends, nothing raises, and each CALL that can be read gets exactly one answer with its own id."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from csms.core.ids import Token
from csms.ocpp16 import frames, translate, vendor
from csms.ocpp16.frames import Call, ErrorCode, Malformed
from csms.ocpp16.measurands import samples_of
from csms.ocpp16.payloads import PayloadFault
from csms.ocpp16.peer import AnswerReceived, CallReceived, Peer
from csms.ocpp16.repairs import REPAIRS
from csms.ocpp16.typed_lane import HOT_ACTIONS, Decoded, decode_hot

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
KEYS = sorted({row.key for rows in REPAIRS.values() for row in rows} | {"timestamp", "sampledValue"})
PAYLOAD = st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=8), JSON, max_size=6)
ACTION = st.sampled_from([*sorted(HOT_ACTIONS), "DataTransfer", "Reset", "Nonsense"])
ID = st.text(max_size=40) | st.integers() | st.none()
CALL = st.tuples(st.just(2), ID, ACTION, PAYLOAD).map(json.dumps)
FRAME = st.lists(JSON, max_size=5).map(json.dumps) | CALL | st.text(max_size=60)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    text = draw(FRAME)
    at = draw(st.integers(0, len(text)))
    return text[:at] + draw(st.text(max_size=3)) + text[at + draw(st.integers(0, 3)) :]


def answer(peer: Peer, call: CallReceived) -> None:
    """Answer as the gateway does, without anybody behind it."""
    if call.action in HOT_ACTIONS:
        outcome = decode_hot(call.action, call.payload)
        if isinstance(outcome, PayloadFault):
            peer.reply_error(call, outcome.code, outcome.description)
        else:
            peer.reply(call, {})
    elif call.action in vendor.known_actions():
        fault = vendor.check_call(call.action, call.payload)
        if fault is None:
            peer.reply(call, {})
        else:
            peer.reply_error(call, fault.code, fault.description)
    else:
        peer.reply_error(call, ErrorCode.NOT_IMPLEMENTED, call.action)


@settings(max_examples=300, deadline=None)
@given(st.lists(FRAME | mutated(), max_size=6))
def test_every_readable_call_gets_exactly_one_answer(texts: list[str]) -> None:
    peer = Peer("p-")
    for text in texts:
        frame = frames.decode(text)
        for event in peer.receive_text(text, 0):
            if isinstance(event, CallReceived):
                answer(peer, event)
        answers: list[list[Any]] = [json.loads(out.text) for out in peer.data_to_send()]
        if isinstance(frame, Call | Malformed):
            assert [one[1] for one in answers] == [frame.message_id]
            assert answers[0][0] in {3, 4}
            if answers[0][0] == 4:
                assert answers[0][4] == {}
                assert answers[0][2] in set(ErrorCode)
        else:
            assert answers == []
    assert peer.pending_calls == 0


@settings(max_examples=300, deadline=None)
@given(JSON.map(lambda value: json.dumps(value, allow_nan=False).encode()))
def test_meter_values_and_answers_of_any_shape_are_read_without_raising(data: bytes) -> None:
    decoded = decode_hot("MeterValues", b'{"connectorId":1,"meterValue":' + data + b"}")
    assert isinstance(decoded, Decoded)
    for sample in samples_of(decoded.readings, 5):
        assert sample.power_w is None or sample.power_w >= 0
        assert sample.energy_wh is None or sample.energy_wh >= 0
        json.loads(sample.raw_json)
    for action in ("GetConfiguration", "SetChargingProfile"):
        translate.fact_of_answer(Token(1), action, data)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(-3, 12), max_size=12))
def test_an_answer_never_completes_another_call(numbers: list[int]) -> None:
    """Answers to arbitrary ids, also in bulk: each of ours completes its own CALL once, and at most one is open."""
    peer = Peer("p-")
    completed: list[int] = []
    now_ms = 0
    for token in range(8):
        peer.call(Token(token), "ClearCache", {})
    peer.poll(now_ms)
    for number in [*numbers, *range(1, 9)]:
        for out in peer.data_to_send():
            assert out.token is not None
            peer.handed(out.token, now_ms)
        if number < 0:
            now_ms += 10_000
            peer.poll(now_ms)
            continue
        events = peer.receive_text(f'[3,"p-{number}",{{}}]', now_ms)
        tokens = [int(event.token) for event in events if isinstance(event, AnswerReceived)]
        assert tokens in ([], [number - 1])
        completed += tokens
    assert len(completed) == len(set(completed))
