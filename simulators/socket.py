"""A client socket that can leave out what the WebSocket protocol demands of it (RFC 6455 §4.1, §5.5.2)."""

from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Request


class Socket(ClientConnection):
    """A connection whose handshake lacks `omitted_headers`, and that answers pings only if `pongs`."""

    def __init__(self, protocol: ClientProtocol, *, omitted_headers: frozenset[str], pongs: bool, **more: Any) -> None:
        super().__init__(protocol, **more)
        self._omitted_headers = omitted_headers
        self._send_request: Callable[[Request], None] = protocol.send_request
        self._send_frame: Callable[[Frame], None] = protocol.send_frame
        if omitted_headers:
            protocol.send_request = self._send_incomplete_request  # type: ignore[method-assign]
        if not pongs:
            protocol.send_frame = self._send_unless_pong  # type: ignore[method-assign]

    def _send_incomplete_request(self, request: Request) -> None:
        for name in self._omitted_headers:
            del request.headers[name]
        self._send_request(request)

    def _send_unless_pong(self, frame: Frame) -> None:
        if frame.opcode is not Opcode.PONG:
            self._send_frame(frame)
