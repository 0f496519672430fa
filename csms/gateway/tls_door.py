"""A TCP connection until TLS is spoken on it, and then the connection of a charger.

asyncio would do the same by itself, and tell nobody who failed or how many are at it. Here each is counted among the
half-open from its first moment, ends after a time, and is told of with its address when it fails.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import Any, Protocol, cast

from csms.gateway.connection import ChargerConnection


class DoorWatch(Protocol):
    """Who counts those that are not through yet."""

    def door_entered(self, door: "TlsDoor") -> bool:
        """Take note of a new one; False: there are too many, abort it."""
        ...

    def door_left(self, door: "TlsDoor", failure: str | None) -> None:
        """Take note that it is through, or why it never will be."""
        ...


class TlsDoor(asyncio.Protocol):
    """One connection on its way to TLS.

    Args:
        connection: takes over when TLS is spoken.
        context: returns what TLS needs, as it is then.
        watch: counts.
        timeout_s: for the handshake of TLS.
    """

    def __init__(
        self,
        connection: ChargerConnection,
        context: Callable[[], ssl.SSLContext],
        watch: DoorWatch,
        timeout_s: float,
    ) -> None:
        self.remote = ""
        self._connection = connection
        self._context = context
        self._watch = watch
        self._timeout_s = timeout_s
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._early = b""
        self._lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin TLS, unless too many others are at it."""
        self._transport = cast("asyncio.Transport", transport)
        address: Any = transport.get_extra_info("peername")
        self.remote = str(address[0]) if isinstance(address, tuple) else ""
        if not self._watch.door_entered(self):
            self._transport.abort()
            return
        # What comes is read by TLS, not here.
        self._transport.pause_reading()
        self._task = asyncio.create_task(self._speak_tls(self._transport), name="TLS handshake")

    def abort(self) -> None:
        """End it at once."""
        if self._transport is not None:
            self._transport.abort()

    async def _speak_tls(self, transport: asyncio.Transport) -> None:
        loop = asyncio.get_running_loop()
        try:
            secure = await loop.start_tls(
                transport, self, self._context(), server_side=True, ssl_handshake_timeout=self._timeout_s
            )
        except (OSError, ValueError) as error:  # ssl.SSLError and the time-out are OSErrors
            self._watch.door_left(self, _words(error))
            transport.abort()
            return
        if secure is None or self._lost:
            self._watch.door_left(self, "it left")
            transport.abort()
            return
        self._watch.door_left(self, None)
        secure.set_protocol(self._connection)
        self._connection.connection_made(secure)
        if self._early:
            self._connection.data_received(self._early)

    # --- what arrives after TLS is spoken and before this task goes on ------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Keep what comes early for the connection; TLS hands over no more than it has buffered."""
        self._early += data

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Take note that it ended before its connection could take over."""
        self._lost = True


def _words(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"client certificate: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return error.reason or str(error)
    return str(error) or type(error).__name__
