"""The last frames of a charger: bounded, the oldest dropped."""

from csms.core.ids import ChargerId
from csms.runtime.messages import FRAME_BYTES, FRAMES, Messages

CP = ChargerId("CP001")


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


def test_a_long_frame_is_cut_and_its_whole_size_is_known() -> None:
    messages = Messages()
    messages.record(CP, "received", "é" * FRAME_BYTES, 0)
    (frame,) = messages.frames_of(CP)
    assert frame.cut
    assert frame.size_bytes == 2 * FRAME_BYTES
    assert frame.text == "é" * (FRAME_BYTES // 2)


def test_a_lone_surrogate_is_kept() -> None:
    messages = Messages()
    messages.record(CP, "received", "\ud800", 0)
    assert messages.frames_of(CP)[0].text == "\ud800"
