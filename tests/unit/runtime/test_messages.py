"""The last frames of a charger: bounded, oldest dropped, and shown without secrets."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.core.ids import ChargerId
from csms.runtime.messages import FRAME_BYTES, FRAMES, Frame, Messages, payload_of

CP = ChargerId("CP001")
SECRET = "S3cr3tValue-0123456789"  # noqa: S105 - a made-up one


def shown(frame: object) -> str:
    text = json.dumps(frame)
    return json.dumps(payload_of(Frame(0, "received", text, len(text), cut=False)))


def test_the_oldest_frames_are_dropped_and_order_is_kept() -> None:
    messages = Messages()
    for number in range(FRAMES + 10):
        messages.record(CP, "received", f"[{number}]", number)
    assert [frame.wall_ms for frame in messages.frames_of(CP)] == list(range(10, FRAMES + 10))


def test_five_thousand_chargers_stay_within_the_bound_of_the_fleet() -> None:
    messages = Messages(1 << 23)
    for number in range(5000):
        for _ in range(3):
            messages.record(ChargerId(f"CP{number}"), "sent", "[3,1,{}]" * 9, number)
    assert 0 < messages.kept_bytes <= 1 << 23


def test_a_long_frame_is_cut_and_its_payload_not_shown() -> None:
    messages = Messages()
    messages.record(CP, "received", "é" * FRAME_BYTES, 0)
    (frame,) = messages.frames_of(CP)
    assert frame.cut
    assert frame.size_bytes == 2 * FRAME_BYTES
    assert payload_of(frame) is None


@pytest.mark.parametrize("text", ["", "{", "{}", "[" * 2000, "nul"])
def test_dirt_has_no_payload(text: str) -> None:
    assert payload_of(Frame(0, "received", text, len(text), cut=False)) is None


@given(
    wrap=st.integers(0, 4),
    payload=st.sampled_from(
        [
            {"idTag": SECRET},
            {"idTagInfo": {"parentIdTag": SECRET}},
            {"key": "AuthorizationKey", "value": SECRET},
            {"key": "WifiPassword", "value": SECRET},
            {"certificateChain": SECRET},
            {"csr": SECRET},
            {"location": f"ftp://user:{SECRET}@host/"},
        ]
    ),
)
def test_no_secret_survives(wrap: int, payload: object) -> None:
    for _ in range(wrap):
        payload = {"inner": [payload]}
    assert SECRET not in shown([2, "1", "Any", payload])


def test_data_of_a_data_transfer_is_masked_and_the_rest_is_shown() -> None:
    found = shown([2, "1", "DataTransfer", {"vendorId": "acme", "data": SECRET}])
    assert SECRET not in found
    assert "acme" in found
