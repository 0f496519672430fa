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
        context: what TLS needs, as it is now.
        watch: counts.
        timeout_s: for the handshake of TLS.
    """

    def __init__(
        self,
        connection: ChargerConnection,
        context: ssl.SSLContext,
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
        self._begun = False
        self._lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin TLS, unless too many others are at it."""
        self._transport = cast("asyncio.Transport", transport)
        address: Any = transport.get_extra_info("peername")
        self.remote = str(address[0]) if isinstance(address, tuple) else ""
        if not self._watch.door_entered(self):
            self._transport.abort()
            return
        self._task = asyncio.create_task(self._speak_tls(self._transport), name="TLS handshake")

    def abort(self) -> None:
        """End it at once."""
        if self._transport is not None:
            self._transport.abort()

    async def _speak_tls(self, transport: asyncio.Transport) -> None:
        failure: str | None = "it left"
        secure: asyncio.Transport | None = None
        try:
            secure = None if self._lost else await self._begin(transport)
            if secure is not None and not self._lost:
                failure = None
        except (OSError, ValueError) as error:  # ssl.SSLError and the time-out are OSErrors
            failure = _words(error)
        finally:
            self._watch.door_left(self, failure)
            if failure is not None:
                transport.abort()
        if secure is None or failure is not None:
            return
        secure.set_protocol(self._connection)
        self._connection.connection_made(secure)
        if self._early:
            self._connection.data_received(self._early)

    async def _begin(self, transport: asyncio.Transport) -> asyncio.Transport | None:
        """Return what TLS is spoken on; None where the other side left in between."""
        loop = asyncio.get_running_loop()
        loop.call_soon(self._hand_on, transport)
        self._begun = True
        return await loop.start_tls(
            transport, self, self._context, server_side=True, ssl_handshake_timeout=self._timeout_s
        )

    # --- what arrives too early ---------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Keep what comes before TLS is begun for TLS, and what comes before this task goes on for the connection."""
        self._early += data
        if not self._begun and self._transport is not None:
            self._transport.pause_reading()  # TLS reads on

    def _hand_on(self, transport: asyncio.Transport) -> None:
        """Give TLS what came before it was begun: event loops differ in whether anything can."""
        if transport.get_protocol() is self:
            return  # it ended before TLS was begun
        tls = cast("asyncio.BufferedProtocol", transport.get_protocol())
        while self._early:
            room = memoryview(tls.get_buffer(len(self._early)))
            part, self._early = self._early[: len(room)], self._early[len(room) :]
            room[: len(part)] = part
            tls.buffer_updated(len(part))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Take note that it ended before its connection could take over."""
        self._lost = True


class SecureConnection(ChargerConnection):
    """A charger's connection that goes through a door first."""

    def __init__(self, *given: Any, new_door: Callable[[ChargerConnection], TlsDoor], **settings: Any) -> None:
        super().__init__(*given, **settings)
        self._new_door: Callable[[ChargerConnection], TlsDoor] | None = new_door

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hand a new TCP connection to a door, which comes back with it when TLS is spoken."""
        if self._new_door is None:
            super().connection_made(transport)
            return
        door, self._new_door = self._new_door(self), None
        cast("asyncio.Transport", transport).set_protocol(door)
        door.connection_made(transport)


def _words(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"client certificate: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return error.reason or str(error)
    return str(error) or type(error).__name__
