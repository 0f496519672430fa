"""The socket of a charger: connect, talk, lose the connection, come back (OCPP-J 1.6 §3, §5).

One loop connects with a pause that grows until a connection is of use; while connected, the reader hands frames to the
endpoint and the sender takes one message after the other out of the charger's outbox, so that at most one CALL of ours
is unanswered (OCPP-J §4.1.1). A call that got no answer because the socket went stays in the outbox, as the charger
decides. The charger itself is moved on by `run_ticks` or by a test.

How it shakes hands, and what it does to sockets that it gives up, follows the charger's traits.
"""

import asyncio
import contextlib
import random
import ssl
from base64 import b64encode
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.typing import Subprotocol

from simulators.charger import Charger
from simulators.clock import TICK_MS, Clock
from simulators.remote import Endpoint
from simulators.socket import Socket

SUBPROTOCOL = "ocpp1.6"
FIRST_PAUSE_MS = 1_000
LONGEST_PAUSE_MS = 30_000
OPEN_TIMEOUT_S = 10
CLOSE_TIMEOUT_S = 1
END_RETRY_S = 0.1


class Link:
    """Keeps one charger connected to `url`/<its id>.

    Its key is sent as HTTP Basic if it has one; `tls`: whom it trusts, and its own certificate.
    """

    def __init__(
        self,
        charger: Charger,
        url: str,
        clock: Clock,
        *,
        frames: bool = False,
        seed: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._charger = charger
        self._url = charger.traits.address(url, charger.identity.charger_id)
        self._clock = clock
        self._frames = frames
        self._tls = tls
        self._random = random.Random(f"{seed}/{charger.identity.charger_id}")
        self._wake = asyncio.Event()
        self._cut = asyncio.Event()
        self._up = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._abandoned: list[ClientConnection] = []

    def nudge(self) -> None:
        """Look again at what there is to send, and whether there should be a socket at all."""
        if self._charger.registration.online:
            self._idle.clear()
        if self._charger.link_wanted:
            self._wake.set()
        else:
            self._cut.set()

    async def up(self) -> None:
        """Return once there is a socket."""
        await self._up.wait()

    async def idle(self) -> None:
        """Return once nothing is on its way and nothing can be sent now, or the socket is gone."""
        await self._idle.wait()

    async def run(self) -> None:
        """Connect, serve and reconnect until cancelled."""
        try:
            await self._keep_connected()
        finally:
            for socket in self._abandoned:
                socket.transport.abort()

    async def _keep_connected(self) -> None:
        pause_ms = FIRST_PAUSE_MS
        while True:
            while not self._charger.link_wanted:
                await self._clock.sleep_until_ms(self._clock.now_ms() + TICK_MS)
            self._cut.clear()
            served = await self._connect_once()
            pause_ms = FIRST_PAUSE_MS if served else min(pause_ms * 2, LONGEST_PAUSE_MS)
            # Spread out, so that a fleet does not come back all at once.
            jittered_ms = pause_ms * self._random.randint(50, 100) // 100
            self._charger.tell(f"connecting again in {jittered_ms / 1000:.1f} s")
            await self._clock.sleep_until_ms(self._clock.now_ms() + jittered_ms)

    async def _connect_once(self) -> bool:
        """Serve one connection to its end; return whether a frame came; tell why there was none."""
        traits = self._charger.traits
        try:
            socket = await connect(
                self._url,
                subprotocols=[Subprotocol(one) for one in traits.subprotocols] or None,
                open_timeout=OPEN_TIMEOUT_S,
                close_timeout=CLOSE_TIMEOUT_S,
                ping_interval=self._charger.configuration.integer("WebSocketPingInterval") or None,
                compression=None,
                proxy=None,
                ssl=self._tls,
                additional_headers=self._credentials(),
                create_connection=partial(Socket, omitted_headers=traits.omitted_headers, pongs=traits.pongs),  # type: ignore[arg-type]  # any factory will do
            )
            try:
                if socket.subprotocol not in ({SUBPROTOCOL} if traits.subprotocols else {None, SUBPROTOCOL}):
                    self._charger.tell(f"{self._url} does not speak {SUBPROTOCOL}")
                    return False
                return await self._serve(socket)
            finally:
                if socket not in self._abandoned:
                    await socket.close()
        except InvalidStatus as error:
            why = {
                401: "wrong or missing credentials",
                403: "this way of proving who it is is not enough there",
                404: "it does not know this charger",
                429: "too many failures",
            }
            status = error.response.status_code
            self._charger.tell(f"{self._url} refused with HTTP {status}: {why.get(status, 'no reason known')}")
        except (OSError, InvalidHandshake, InvalidURI, ConnectionClosed) as error:
            reason = str(error) or type(error).__name__
            self._charger.tell(f"no central system at {self._url}: {reason}")
        return False

    def _credentials(self) -> dict[str, str]:
        """Return the header of HTTP Basic: the charger's id and the bytes of its key (security whitepaper §2.3)."""
        password = self._charger.configuration.password()
        if not password:
            return {}
        pair = self._charger.identity.charger_id.encode() + b":" + password
        return {"Authorization": f"Basic {b64encode(pair).decode()}"}

    async def _serve(self, socket: ClientConnection) -> bool:
        """Read and send until the socket closes or the charger wants it cut; return whether a frame came."""
        endpoint = Endpoint(self._charger, socket, frames=self._frames)
        self._charger.tell(f"connected to {self._url}")
        self._charger.connected()
        self.nudge()
        self._up.set()
        cut = asyncio.create_task(self._cut.wait(), name="cut")
        tasks = {
            cut,
            asyncio.create_task(endpoint.start(), name="reader"),
            asyncio.create_task(self._send_all(endpoint), name="sender"),
        }
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if cut in done and self._charger.traits.abandons_sockets:
                # The other side hears nothing any more, not even that it has ended.
                socket.transport.pause_reading()
                self._abandoned.append(socket)
            elif cut in done:
                # The network fails without a closing handshake.
                socket.transport.abort()
            for task in done - {cut}:
                with contextlib.suppress(ConnectionClosed):
                    task.result()
        finally:
            await end(tasks | endpoint.delayed)
            self._up.clear()
            self._charger.disconnected()
            self._charger.tell("disconnected")
            self._idle.set()
        return endpoint.was_addressed

    async def _send_all(self, endpoint: Endpoint) -> None:
        """Make one call after the other for as long as the connection lasts."""
        while True:
            self._wake.clear()
            message = self._charger.next_message()
            if message is None:
                self._idle.set()
                await self._wake.wait()
                continue
            await endpoint.exchange(message)


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks until they have ended.

    Once is not always enough: `asyncio.wait_for`, in which the package waits for an answer, swallows a cancellation
    that comes together with the answer (before Python 3.12).
    """
    running = set(tasks)
    while running:
        for task in running:
            task.cancel()
        done, running = await asyncio.wait(running, timeout=END_RETRY_S)
        await asyncio.gather(*done, return_exceptions=True)


async def run_ticks(
    charger: Charger,
    link: Link,
    clock: Clock,
    each_tick: Callable[[int], None] = lambda _: None,
    tick_ms: int = TICK_MS,
) -> None:
    """Move the charger on at every tick of the clock until cancelled; all processes tick at the same instants."""
    while True:
        at_ms = (clock.now_ms() // tick_ms + 1) * tick_ms
        await clock.sleep_until_ms(at_ms)
        charger.step()
        link.nudge()
        each_tick(at_ms)
