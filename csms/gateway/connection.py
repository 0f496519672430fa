"""One charger's socket: the asyncio connection of `websockets` with three habits of its own.

- *Writing is immediate or not at all.* `write_text` says whether the bytes were handed to the transport: the ledger
  must know which CALLs may take effect. Nothing is queued above the transport, and the transport's buffer is bounded.
- *Reading takes turns.* However much arrives at once, one turn of the event loop parses at most `SLICE_BYTES` of it and
  the socket is not read while many complete messages wait: a charger that floods slows only itself. Whoever listens is
  called once for all that was parsed, and takes the messages one by one.
- *Reading has a budget* (`csms.gateway.budget`): who has used it up is not read until there is more of it, once the
  message that has begun is there to its end.
- *What nearly always arrives takes a short cut*: bytes that are one whole text frame, while the library's parser waits
  for the start of a frame, are read here. The library sees everything else, and every byte of it.
- *Every frame counts as a sign of life*, pings and pongs too.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from websockets.asyncio.server import Server, ServerConnection
from websockets.frames import CloseCode, Frame, Opcode
from websockets.frames import apply_mask as unmask  # type: ignore[attr-defined]  # the compiled one where there is one
from websockets.protocol import OPEN, Event
from websockets.server import ServerProtocol
from websockets.streams import StreamReader

from csms.gateway.budget import units

SLICE_BYTES = 4096
"""Parsed in one turn of the event loop: about 500 of the smallest frames."""

QUEUE_HIGH, QUEUE_LOW = 32, 8
"""Complete messages that wait to be taken: reading stops at the one and goes on at the other."""

READ_ON_UNITS = 2_048
"""Read at most for the end of a message when there is to be a rest: twice what the longest costs in large fragments. It
may be in small ones, with pings between them, and without end."""

MAX_WRITE_BUFFER_BYTES = 262_144
"""Unsent bytes after which a charger counts as one that does not read."""

_OF_MESSAGES = frozenset({Opcode.TEXT, Opcode.BINARY, Opcode.CONT})
_AT_FRAME = StreamReader.at_eof.__code__


@dataclass(frozen=True, slots=True)
class Violation:
    """The charger broke the rules of the WebSocket; close the connection with this code (RFC 6455 §7.4.1)."""

    code: CloseCode
    reason: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection has ended."""


Received = str | Violation | Lost


class HandshakeWatch(Protocol):
    """Who counts handshakes, and what chargers send."""

    def connection_entered(self, connection: "ChargerConnection") -> bool:
        """Take note of a new TCP connection; False: there are too many without a handshake, abort it."""
        ...

    def connection_left(self, connection: "ChargerConnection") -> None:
        """Take note of its end."""
        ...

    def frames_read(self, connection: "ChargerConnection", frames: int, size_bytes: int) -> float:
        """Take note of what was read; return for how long nothing more is to be, ms: then it is asked again."""
        ...


class ChargerConnection(ServerConnection):
    """A connection of a charger; `charger_id` is set by the handshake that lets it in."""

    def __init__(
        self,
        protocol: ServerProtocol,
        server: Server,
        *,
        watch: HandshakeWatch,
        mono_ms: Callable[[], int],
        **settings: Any,
    ) -> None:
        super().__init__(protocol, server, **settings)
        self.charger_id = ""
        self.forwarded_for: str | None = None
        self.bytes_seen = 0
        self.last_frame_ms = mono_ms()
        self._watch = watch
        self._mono_ms = mono_ms
        self._unparsed = b""
        self._between_frames = False
        self._parsing = False
        self._paused = False
        self._frames = 0
        self._ends = 0
        self._in_message = False
        self._read_on = 0.0
        self._rest: asyncio.TimerHandle | None = None
        self._messages: list[str | Violation] = []
        self._fragments = bytearray()
        self._binary = False
        self._arrived: Callable[[], None] | None = None
        self._lost = False

    @property
    def remote(self) -> str:
        """Return the host at the other end, or that for which a trusted proxy stands there."""
        if self.forwarded_for is not None:
            return self.forwarded_for
        address = self.remote_address
        return str(address[0]) if isinstance(address, tuple) else str(address or "")

    @property
    def is_encrypted(self) -> bool:
        """Return whether it is TLS that is spoken on this very connection."""
        return self.transport.get_extra_info("ssl_object") is not None

    @property
    def certificate(self) -> Mapping[str, Any] | None:
        """Return the client certificate that TLS has verified, as `ssl` decodes it, or None."""
        return self.transport.get_extra_info("peercert") or None

    @property
    def ended_with(self) -> int | None:
        """Return the close code of this side, which says more when a message breaks the rules, else that of the other.

        None while it is open, 1006 when it ended without one.
        """
        sent = self.protocol.close_sent
        return self.close_code if sent is None else int(sent.code)

    # --- writing ------------------------------------------------------------------------------------------------------

    def write_text(self, text: str) -> bool:
        """Hand a text frame to the transport; return False if none of its bytes was, and none ever will be."""
        if not self._writable:
            return False
        self.transport.write(text_frame(text.encode()))
        return True

    def forget_handshake(self) -> None:
        """Let go of the headers, a tenth of what a connection holds."""
        assert self.request is not None, "the handshake is over"
        self.request.headers.clear()  # the library's parser holds on to the request
        self.response = None

    def write_ping(self) -> None:
        """Hand a ping to the transport; its pong is a sign of life like any other frame."""
        if self._writable:
            self.protocol.send_ping(b"alive")
            self.send_data()

    @property
    def _writable(self) -> bool:
        return self.protocol.state is OPEN and not self.transport.is_closing()

    @property
    def is_clogged(self) -> bool:
        """Return whether the charger has not read for so long that its bytes pile up here."""
        return self.transport.get_write_buffer_size() > MAX_WRITE_BUFFER_BYTES

    def abort(self) -> None:
        """End the connection at once; what the transport still holds is thrown away."""
        self.transport.abort()

    # --- reading ------------------------------------------------------------------------------------------------------

    def listen(self, arrived: Callable[[], None]) -> None:
        """Have `arrived` called, now or later, whenever `take` may have something to return."""
        self._arrived = arrived
        self._tell()

    def take(self) -> Received | None:
        """Return the next message, or how the connection ended, or None; messages from before its end come first."""
        if not self._messages:
            return Lost() if self._lost else None
        message = self._messages.pop(0)
        if self._paused and len(self._messages) <= QUEUE_LOW:
            self._parse_more()
        return message

    def _tell(self) -> None:
        if self._arrived is not None and (self._messages or self._lost):
            self._arrived()

    def data_received(self, data: bytes) -> None:
        """Parse what arrived, in slices when it is much."""
        self.bytes_seen += len(data)
        if not self._unparsed and len(data) <= SLICE_BYTES and self._rest is None:
            self._parse(data)
            if len(self._messages) >= QUEUE_HIGH or self._rest is not None:
                self._pause()
            self._tell()
            return
        self._unparsed += data
        self._pause()
        self._parse_more()

    def _pause(self) -> None:
        self._paused = True
        self.transport.pause_reading()

    def _parse_more(self) -> None:
        if not self._parsing and not self._lost and self._rest is None:
            self._parsing = True
            self.loop.call_soon(self._parse_slice)

    def _parse_slice(self) -> None:
        self._parsing = False
        if self._lost or self.transport.is_closing() or len(self._messages) >= QUEUE_HIGH:
            return
        if self._unparsed:
            data, self._unparsed = self._unparsed[:SLICE_BYTES], self._unparsed[SLICE_BYTES:]
            self._parse(data)
            self._tell()
        if self._unparsed:
            self._parse_more()
        elif len(self._messages) < QUEUE_HIGH and self._rest is None:
            self._paused = False
            self.transport.resume_reading()

    def _go_on(self) -> None:
        """Read on after a rest, or rest again; one that has to wait is not silent."""
        self._rest = None
        self.last_frame_ms = self._mono_ms()
        rest_ms = self._watch.frames_read(self, 0, 0)
        if rest_ms > 0:
            self._rest = self.loop.call_later(rest_ms / 1000, self._go_on)
        else:
            self._parse_more()

    def _parse(self, data: bytes) -> None:
        """Parse bytes, and find out whether there is to be a rest behind them."""
        self._frames = self._ends = 0
        self._parse_frames(data)
        rest_ms = self._watch.frames_read(self, self._frames, len(data))
        if not self._lost:
            self._rest_when_whole(rest_ms, units(self._frames, len(data)))

    def _rest_when_whole(self, rest_ms: float, read: float) -> None:
        """Rest now, or read on to the end of the message that has begun, or of the one that ends next."""
        is_whole = self._between_frames or (self._read_on > 0 and self._ends > 0) or self._read_on > READ_ON_UNITS
        if rest_ms > 0 and not is_whole:
            self._read_on += read
            return
        self._read_on = 0.0
        if rest_ms > 0:
            self._rest = self.loop.call_later(rest_ms / 1000, self._go_on)

    def _parse_frames(self, data: bytes) -> None:
        text = _whole_text(data) if self._between_frames and self.protocol.state is OPEN else None
        if text is not None:
            self.last_frame_ms = self._mono_ms()
            self._frames = self._ends = 1
            self._messages.append(text)
            return
        super().data_received(data)
        self._between_frames = _awaits_frame(self.protocol)

    def process_event(self, event: Event) -> None:
        """Take one event of the protocol: the handshake's request, then frames."""
        if not isinstance(event, Frame):
            super().process_event(event)
            return
        self.last_frame_ms = self._mono_ms()
        self._frames += 1
        if event.opcode in _OF_MESSAGES:
            self._in_message = not event.fin
        self._ends += not self._in_message
        if event.opcode is Opcode.PONG:
            super().process_event(event)
        elif event.opcode in _OF_MESSAGES:
            self._assemble(event)

    def _assemble(self, frame: Frame) -> None:
        """Put fragments together; `websockets` has checked their order and bounds their total size."""
        if self._binary:
            return  # the connection is being closed because of its first fragment
        if frame.opcode is Opcode.BINARY:
            self._binary = True
            self._messages.append(Violation(CloseCode.UNSUPPORTED_DATA, "OCPP-J is text"))
            return
        if not frame.fin:
            self._fragments += frame.data
            return
        data = bytes(self._fragments + frame.data) if self._fragments else bytes(frame.data)
        self._fragments.clear()
        self._messages.append(_decoded(data))

    # --- life ---------------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake, unless too many others have begun theirs and not finished."""
        super().connection_made(transport)
        if not self._watch.connection_entered(self):
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """End everything that waits."""
        self._lost = True
        if self._rest is not None:
            self._rest.cancel()
        super().connection_lost(exc)
        self._watch.connection_left(self)
        self._tell()


def _decoded(data: bytes) -> str | Violation:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return Violation(CloseCode.INVALID_DATA, "not UTF-8")


def _awaits_frame(protocol: ServerProtocol) -> bool:
    """Return whether the parser has read all it was fed and waits for a frame that begins a message.

    It waits there in `at_eof`, which looks for a first byte and takes none; anywhere else it is inside of something.
    """
    waits_in: Any = protocol.parser
    while getattr(waits_in, "gi_yieldfrom", None) is not None:
        waits_in = waits_in.gi_yieldfrom
    return getattr(waits_in, "gi_code", None) is _AT_FRAME and protocol.current_size is None


def _whole_text(data: bytes) -> str | Violation | None:
    """Return the text of a final, masked text frame (RFC 6455 §5.2), or None when `data` is not exactly one."""
    if len(data) < 6 or data[0] != 0x81 or not 0x80 <= data[1] <= 0xFE:  # noqa: PLR2004 - the format's own numbers
        return None
    start, size = 6, data[1] - 0x80
    if size == 126:  # noqa: PLR2004 - same
        start, size = 8, int.from_bytes(data[2:4])
    if len(data) != start + size:
        return None
    return _decoded(unmask(data[start:], data[start - 4 : start]))


def text_frame(payload: bytes) -> bytes:
    """Return an unmasked text frame in one piece (RFC 6455 §5.2)."""
    size = len(payload)
    if size < 126:  # noqa: PLR2004 - the format's own numbers, here and below
        return b"\x81%c%b" % (size, payload)
    if size < 1 << 16:
        return b"\x81\x7e%b%b" % (size.to_bytes(2), payload)
    return b"\x81\x7f%b%b" % (size.to_bytes(8), payload)
