import json

import pytest

from csms.ocpp16.half_pairs import mended


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        (r'"\ud83d"', r'"\ufffd"'),
        (r'"\uDE00"', r'"\ufffd"'),
        (r'"\ud83d\ud83d\ude00"', r'"\ufffd\ud83d\ude00"'),
        (r'"\ude00\ud83d"', r'"\ufffd\ufffd"'),
        (r'"\ud83d\u0041"', r'"\ufffd\u0041"'),
        (r'"\ud83d\ude00"', r'"\ud83d\ude00"'),
        (r'"\\ud83d"', r'"\\ud83d"'),
        (r'"\\\ud83d"', r'"\\\ufffd"'),
        (r'"\"\ud83d"', r'"\"\ufffd"'),
        (r'"\u00e9\ud7ff\ue000"', r'"\u00e9\ud7ff\ue000"'),
        (r'"\ud8"', r'"\ud8"'),
        ('"é😀"', '"é😀"'),
    ],
)
def test_half_a_pair_is_no_character_in_as_many_bytes(text: str, whole: str) -> None:
    assert mended(text.encode()) == whole.encode()


def test_every_half_is_found_and_nothing_else() -> None:
    for unit in range(0x10000):
        text = f'"\\u{unit:04x}"'
        assert (mended(text.encode()) != text.encode()) is (0xD800 <= unit <= 0xDFFF), text
        assert json.loads(mended(text.encode())).encode()
