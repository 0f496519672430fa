"""Documents and bytes that somebody has spoilt."""

import random
from collections.abc import Mapping
from typing import Any, Final

from tests.property import mutations

ODD_PIECES: Final = (b"", b"\xff", b"\x00", b",", b'"', b"\n", b"\r", b"{", b"\xed\xa0\x80")


def ordered(value: Any) -> Any:
    """Return a document as one that `mutations` can change."""
    if isinstance(value, Mapping):
        return mutations.Obj((key, ordered(one)) for key, one in value.items())
    return [ordered(one) for one in value] if isinstance(value, list) else value


def spoilt_bytes(rng: random.Random, data: bytes) -> bytes:
    """Return bytes with some of them lost, doubled, or others among them."""
    for _ in range(rng.choice((0, 1, 1, 2))):
        at, to = sorted((rng.randint(0, len(data)), rng.randint(0, len(data))))
        piece = rng.choice((*ODD_PIECES, data[at:to] * 2))
        data = data[:at] + piece + data[rng.choice((at, at + 1, to)) :]
    return data
