"""A charger's end of the WebSocket, byte by byte: what a proper client library would never send."""

import asyncio
import random
from typing import Final

from tests.virtual.network import NetworkLoop

HANDSHAKE: Final = (
    "GET /{charger_id} HTTP/1.1\r\nHost: server\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Protocol: ocpp1.6\r\n\r\n"
)
"""It offers to compress, as many chargers do."""
TEXT: Final = 1
CLOSE: Final = 8


def frame(data: bytes, opcode: int = TEXT, *, fin: bool = True, rsv1: bool = False, masked: bool = True) -> bytes:
    """Return one frame of a client (RFC 6455 §5.2); its mask is zeros, which is one like any other."""
    first = (0x80 if fin else 0) | (0x40 if rsv1 else 0) | opcode
    return bytes((first,)) + length(len(data), masked=masked) + (bytes(4) if masked else b"") + data


def length(size: int, *, masked: bool = True) -> bytes:
    """Return the length of a frame as it stands in its head."""
    mask = 0x80 if masked else 0
    if size < 126:
        return bytes((mask | size,))
    if size < 1 << 16:
        return bytes((mask | 126,)) + size.to_bytes(2)
    return bytes((mask | 127,)) + size.to_bytes(8)


class WireCharger(asyncio.Protocol):
    """One connection of a charger, over the network in memory.

    Attributes:
        head: the answer to the handshake.
        lost: the connection is gone.
        close_code: what the server closed it with, if it did.
    """

    def __init__(self) -> None:
        self.head: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.lost = False
        self.close_code: int | None = None
        self._unread = bytearray()
        self._transport: asyncio.Transport

    @classmethod
    async def connect(cls, address: str, port: int, charger_id: str) -> "WireCharger":
        """Connect from an address and shake hands."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, NetworkLoop)
        _, charger = await loop.create_connection(cls, address, port)
        assert isinstance(charger, cls)
        charger.write(HANDSHAKE.format(charger_id=charger_id).encode())
        head = await charger.head
        assert head.startswith(b"HTTP/1.1 101"), head
        assert b"permessage-deflate" not in head, "no compression was agreed on"
        return charger

    def write(self, data: bytes) -> None:
        """Send bytes, of whatever kind."""
        self._transport.write(data)

    def hang_up(self) -> None:
        """End the connection without a word."""
        self._transport.abort()

    def texts(self) -> list[str]:
        """Return the texts that have come since the last time."""
        texts, begin = [], 0
        while (frame_at := self._next(begin)) is not None:
            opcode, start, begin = frame_at
            data = bytes(self._unread[start:begin])
            if opcode == TEXT:
                texts.append(data.decode())
            elif opcode == CLOSE:
                self.close_code = int.from_bytes(data[:2]) if data else 1005
        del self._unread[:begin]
        return texts

    def _next(self, begin: int) -> tuple[int, int, int] | None:
        """Return opcode, start and end of the frame at `begin`, once it is there as a whole."""
        head = self._unread[begin : begin + 10]
        if len(head) < 2:
            return None
        size, start = head[1], begin + 2
        if size >= 126:
            more = 2 if size == 126 else 8
            size, start = int.from_bytes(head[2 : 2 + more]), start + more
        end = start + size
        return None if len(self._unread) < end else (head[0] & 0xF, start, end)

    # --- asyncio --------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._unread += data
        if not self.head.done() and (ends := self._unread.find(b"\r\n\r\n")) >= 0:
            self.head.set_result(bytes(self._unread[:ends]))
            del self._unread[: ends + 4]

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as asyncio calls it
        self.lost = True
        if not self.head.done():
            self.head.set_result(b"")


BEAT: Final = b'[2,"%s","Heartbeat",{}]'
MAX_BYTES: Final = 1_048_576


def broken_wire(rng: random.Random) -> tuple[str, bytes, frozenset[int | None]]:
    """Return what is wrong, bytes that break the rules of the WebSocket, and the codes to close it with for that."""
    beat = BEAT % b"broken"
    size = rng.choice((MAX_BYTES + 1, 2**31, 2**63 - 1))
    flipped = bytearray(frame(beat) * 3)
    for _ in range(rng.randint(1, 6)):
        flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
    any_code = frozenset({None, 1000, 1002, 1003, 1005, 1007, 1009})
    choices: tuple[tuple[str, bytes, frozenset[int | None]], ...] = (
        ("compressed", frame(beat, rsv1=True), frozenset({1002})),
        ("unmasked", frame(beat, masked=False), frozenset({1002})),
        ("reserved opcode", frame(beat, rng.choice((3, 4, 7, 11, 15))), frozenset({1002})),
        ("goes on with nothing", frame(beat, 0), frozenset({1002})),
        ("a message within another", frame(beat, fin=False) + frame(beat), frozenset({1002})),
        ("ping in pieces", frame(b"x", 9, fin=False), frozenset({1002})),
        ("long ping", frame(b"x" * 126, 9), frozenset({1002})),
        ("binary", frame(beat, 2), frozenset({1003})),
        ("binary in pieces", frame(beat[:9], 2, fin=False) + frame(beat[9:], 0), frozenset({1003})),
        ("not UTF-8", frame(beat[:-1] + rng.choice((b"\xff", b"\xc3", b"\xed\xa0\x80"))), frozenset({1007})),
        ("longer than all", b"\x81" + length(size) + bytes(4) + b"x" * 99, frozenset({1009})),
        ("negative length", b"\x81\xff" + b"\xff" * 8 + bytes(4), frozenset({1002, 1009})),
        ("longer in pieces", frame(b"[" * 600_000, fin=False) + frame(b"[" * 600_000, 0), frozenset({1009})),
        ("odd close", frame(rng.choice((b"", b"\x03", b"\x03\xed", b"\xff\xff\xff", b"\x03\xe8\xff")), 8), any_code),
        ("noise", rng.randbytes(rng.randint(1, 300)), any_code),
        ("flipped bits", bytes(flipped), any_code),
        ("cut", frame(beat)[: rng.randint(1, 12)], any_code),
    )
    return rng.choice(choices)


def in_pieces(rng: random.Random, data: bytes) -> bytes:
    """Return a text as frames that are put together again, with pings in between."""
    cuts = sorted(rng.randint(0, len(data)) for _ in range(rng.randint(1, 5)))
    pieces = [data[at:to] for at, to in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    frames = [frame(piece, 0 if number else TEXT, fin=False) for number, piece in enumerate(pieces[:-1])]
    return frame(b"?", 9).join([*frames, frame(pieces[-1], 0)])
