"""Chargers that cost little: one protocol on one TCP connection, with no more of the WebSocket than they need.

A thousand of them, and those that attack beside them, are to leave the machine to the server that is measured.
"""

import asyncio
import base64
import json
import os
from dataclasses import dataclass
from typing import Any, cast

BIG, BIGGER = 126, 127


@dataclass(frozen=True, slots=True)
class Who:
    """A charger: its id, its key as hex digits, and the address that a proxy would tell of it."""

    charger_id: str
    key: str
    address: str

    def handshake(self) -> bytes:
        """Return the HTTP request that it comes with."""
        password = base64.b64encode(f"{self.charger_id}:{self.key}".encode()).decode()
        return (
            f"GET /{self.charger_id} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Protocol: ocpp1.6\r\nAuthorization: Basic {password}\r\n"
            f"X-Forwarded-For: {self.address}\r\n\r\n"
        ).encode()


def text_frame(text: str) -> bytes:
    """Return a text frame whose mask changes nothing (RFC 6455 §5.3)."""
    data = text.encode()
    if len(data) < BIG:
        return b"\x81" + bytes([0x80 | len(data)]) + bytes(4) + data
    if len(data) < 1 << 16:
        return b"\x81\xfe" + len(data).to_bytes(2) + bytes(4) + data
    return b"\x81\xff" + len(data).to_bytes(8) + bytes(4) + data


def answer_to(action: str) -> dict[str, Any]:
    """Return what an obliging charger says to a CALL."""
    return {"configurationKey": []} if action == "GetConfiguration" else {"status": "Accepted"}


class LightCharger(asyncio.Protocol):
    """One connection; `status` is that of its handshake, 0 when it ended before, `lost` is done when it has ended."""

    def __init__(self, who: Who, *, reads_answers: bool = True) -> None:
        loop = asyncio.get_running_loop()
        self.who = who
        self.status: asyncio.Future[int] = loop.create_future()
        self.lost: asyncio.Future[None] = loop.create_future()
        self.writable = asyncio.Event()
        self.writable.set()
        self.transport: asyncio.Transport
        self.answered = 0
        self._reads_answers = reads_answers
        self._buffer = b""
        self._answers: dict[str, asyncio.Future[list[Any]]] = {}

    @classmethod
    async def dial(cls, port: int, who: Who, *, reads_answers: bool = True) -> "LightCharger":
        """Connect and return when the handshake is over, or has failed."""
        loop = asyncio.get_running_loop()
        _, charger = await loop.create_connection(lambda: cls(who, reads_answers=reads_answers), "127.0.0.1", port)
        await charger.status
        return charger

    def send(self, *frame: Any) -> None:
        """Send one message."""
        self.transport.write(text_frame(json.dumps(frame)))

    async def call(self, message_id: str, action: str, payload: dict[str, Any]) -> list[Any]:
        """Send a CALL and return its answer; raise ConnectionError when the connection ends before."""
        answer: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._answers[message_id] = answer
        self.send(2, message_id, action, payload)
        return await answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class
        self.transport.write(self.who.handshake())

    def pause_writing(self) -> None:
        """Take note that the server does not read."""
        self.writable.clear()

    def resume_writing(self) -> None:
        """Take note that it reads again."""
        self.writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """End whatever waits."""
        del exc
        self.writable.set()
        if not self.status.done():
            self.status.set_result(0)
        if not self.lost.done():
            self.lost.set_result(None)
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(ConnectionError("lost"))
                answer.exception()

    def data_received(self, data: bytes) -> None:
        """Read the handshake's answer, then frames."""
        self._buffer += data
        if not self.status.done():
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            self._buffer = rest
            self.status.set_result(int(head.split(b" ", 2)[1]))
        while (text := self._next_text()) is not None:
            self._receive(text)

    def _next_text(self) -> bytes | None:
        """Take one frame off the buffer; of what is no text, b""."""
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        start, size = 2, buffer[1]
        if size == BIG:
            start, size = 4, int.from_bytes(buffer[2:4])
        elif size == BIGGER:
            start, size = 10, int.from_bytes(buffer[2:10])
        if len(buffer) < start + size:
            return None
        self._buffer = buffer[start + size :]
        if buffer[0] & 0x0F == 0x9:
            self.transport.write(b"\x8a\x80" + bytes(4))
        return buffer[start : start + size] if buffer[0] & 0x0F == 0x1 else b""

    def _receive(self, text: bytes) -> None:
        self.answered += text.startswith((b"[3", b"[4"))
        if not self._reads_answers and not text.startswith(b"[2"):
            return
        if not text:
            return
        message = json.loads(text)
        if message[0] == 2:
            self.send(3, message[1], answer_to(message[2]))
            return
        answer = self._answers.pop(message[1], None)
        if answer is not None:
            answer.set_result(message)
