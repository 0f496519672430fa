"""A network in memory: what `asyncio` connects goes over roads that a program can make bad.

Theory of operation. `NetworkLoop` is the loop of virtual time, and its `create_server` and `create_connection` make no
sockets: a connection is a `Wire` of two transports (`End`) and two `Flow`s of bytes between them. Each wire lies on the
`Road` of whoever connects, which is named by the host in its URL: one road for each charger, so what is bad for one is
not bad for another. A road has a lane for each direction, and everything on a lane meets the same: its latency, drawn
for each write, the pieces into which writes are broken, and whether anything moves at all.

TCP keeps its promises here: bytes arrive in their order or not at all, what is due together arrives together, an end is
seen behind the bytes before it, and bytes for an end that is gone come back as a reset, one latency later. Handshakes
of new connections wait where the road is stalled, as lost SYNs do that are sent again. No writer is ever asked to
pause: what OCPP says is less than what sockets hold; bytes beyond that count as the transport's write buffer.
"""

import asyncio
import errno
import random
import socket
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from enum import Enum, auto
from typing import Any, cast

from tests.virtual.loop import VirtualTimeLoop

USUAL_MS = (5, 60)
"""Latency of a road on which nothing is wrong."""
PIECE_MS = 40
"""Between two pieces into which a write was broken."""
BUFFER_BYTES = 65_536
"""What two sockets hold before bytes stay in the writer's transport."""
FIRST_PORT = 40_000

Factory = Callable[[], asyncio.BaseProtocol]


class Sign(Enum):
    """What may follow the bytes of a flow."""

    END = auto()
    RESET = auto()


class Lane:
    """One direction of a road."""

    def __init__(self, seed: str) -> None:
        self.stalled = False
        self.latency_ms = USUAL_MS
        self.piece_bytes: int | None = None
        """Writes are broken into pieces of at most so many bytes; None leaves them whole."""
        self._random = random.Random(seed)

    def latency(self) -> int:
        """Draw how long the next bytes take, ms."""
        return self._random.randint(*self.latency_ms)

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Yield a write as it travels."""
        while data:
            size = len(data) if self.piece_bytes is None else self._random.randint(1, self.piece_bytes)
            yield data[:size]
            data = data[size:]


class Flow:
    """What one end of a wire has written and the other has not read."""

    def __init__(self, loop: VirtualTimeLoop, lane: Lane) -> None:
        self._loop = loop
        self._lane = lane
        self._waiting: deque[tuple[int, bytes | Sign]] = deque()
        self._due_ms = 0
        self._timer: asyncio.TimerHandle | None = None
        self._swallows = False
        self.unread_bytes = 0
        self.reader: End

    def put(self, what: bytes | Sign) -> None:
        """Send bytes or a sign on their way."""
        if self._swallows:
            return
        due_ms = max(self._due_ms, self._loop.now_ms + self._lane.latency())
        if isinstance(what, Sign):
            self._waiting.append((due_ms, what))
        else:
            self.unread_bytes += len(what)
            for number, piece in enumerate(self._lane.pieces(what)):
                due_ms += PIECE_MS if number else 0
                self._waiting.append((due_ms, piece))
        self._due_ms = due_ms
        self.move()

    def move(self) -> None:
        """See to it that what comes next is delivered in time, where it can be."""
        if self._timer is None and self._waiting and self._passes:
            delay_ms = max(0, self._waiting[0][0] - self._loop.now_ms)
            self._timer = self._loop.call_later(delay_ms / 1000, self._deliver)

    def shut(self) -> None:
        """Show the reader an end; whatever is written from now on is swallowed."""
        self.put(Sign.END)
        self._swallows = True

    def swallow(self) -> None:
        """Lose everything, and whatever is written from now on."""
        self._waiting.clear()
        self._swallows = True

    @property
    def _passes(self) -> bool:
        return not self._lane.stalled and self.reader.reads

    def _deliver(self) -> None:
        self._timer = None
        if not self._passes:
            return  # whoever lets it pass again calls `move`
        data = b"".join(self._due_bytes())
        if data:
            self.unread_bytes -= len(data)
            self.reader.arrived(data)
        elif self._is_due:
            _, sign = self._waiting.popleft()
            assert isinstance(sign, Sign), "bytes that are due were taken"
            self.reader.signed(sign)
        self.move()

    @property
    def _is_due(self) -> bool:
        return bool(self._waiting) and self._waiting[0][0] <= self._loop.now_ms

    def _due_bytes(self) -> Iterator[bytes]:
        while self._is_due and isinstance(self._waiting[0][1], bytes):
            yield cast("bytes", self._waiting.popleft()[1])


HERE = "127.0.0.1"
"""Where both ends of every road are: chargers of a test prove nothing, which they may from here."""


class End(asyncio.Transport):
    """One end of a wire: the transport of one protocol."""

    def __init__(
        self,
        loop: VirtualTimeLoop,
        flows: tuple[Flow, Flow],
        addresses: tuple[object, object],
        gone: Callable[[], None],
    ) -> None:
        here, there = addresses
        super().__init__({"sockname": here, "peername": there})
        self._loop = loop
        self._incoming, self._outgoing = flows
        self._incoming.reader = self
        self._gone = gone
        self._protocol: asyncio.Protocol
        self._paused = False
        self._ended = False
        self._closing = False
        self.lost = False

    # --- as the network sees it ---------------------------------------------------------------------------------------

    @property
    def reads(self) -> bool:
        """Return whether bytes are taken; an end that is gone takes them, too, and answers with a reset."""
        return self._closing or not self._paused

    def arrived(self, data: bytes) -> None:
        """Take bytes."""
        if self._closing:
            self._outgoing.put(Sign.RESET)
        else:
            self._protocol.data_received(data)

    def signed(self, sign: Sign) -> None:
        """Take what the other end, or the network, says of the wire."""
        if sign is Sign.RESET:
            self.lose(ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"))
        elif not self._closing and not self._protocol.eof_received():
            self.close()

    def lose(self, error: Exception | None) -> None:
        """End here and now."""
        if not self.lost:
            self.lost = self._closing = True
            self._protocol.connection_lost(error)
            self._gone()
            self._incoming.move()

    # --- as its protocol sees it --------------------------------------------------------------------------------------

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Serve this protocol from now on."""
        self._protocol = cast("asyncio.Protocol", protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol that is served."""
        return self._protocol

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        """Send bytes on their way."""
        if self._ended:
            raise RuntimeError("Cannot call write() after write_eof()")  # as asyncio says it
        if data and not self._closing:
            self._outgoing.put(bytes(data))

    def can_write_eof(self) -> bool:
        """Return that each direction ends by itself."""
        return True

    def write_eof(self) -> None:
        """End this direction."""
        if not self._ended and not self._closing:
            self._ended = True
            self._outgoing.put(Sign.END)

    def is_closing(self) -> bool:
        """Return whether it was closed."""
        return self._closing

    def close(self) -> None:
        """Close behind what was written."""
        if not self._closing:
            if not self._ended:
                self._outgoing.put(Sign.END)
            self._closing = True
            self._loop.call_soon(self.lose, None)
            self._incoming.move()

    def abort(self) -> None:
        """Close at once; what is in the socket's buffer goes on its way all the same."""
        self.close()

    def pause_reading(self) -> None:
        """Take no bytes."""
        self._paused = True

    def resume_reading(self) -> None:
        """Take bytes again."""
        self._paused = False
        self._incoming.move()

    def is_reading(self) -> bool:
        """Return whether bytes are taken."""
        return not self._paused and not self._closing

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Take note of nothing: writers are never asked to pause."""

    def get_write_buffer_size(self) -> int:
        """Return how many bytes the sockets do not hold."""
        return max(0, self._outgoing.unread_bytes - BUFFER_BYTES)


class Wire:
    """One connection: the flow up to who listens, the flow down to who connected, and their ends."""

    def __init__(self, loop: VirtualTimeLoop, road: "Road", port: int) -> None:
        self._loop = loop
        self._road = road
        self.up, self.down = Flow(loop, road.up), Flow(loop, road.down)
        near, far = (HERE, next(road.ports)), (HERE, port)
        self.caller = End(loop, (self.down, self.up), (near, far), self._gone)
        self.listener = End(loop, (self.up, self.down), (far, near), self._gone)

    def begin(self, caller: asyncio.BaseProtocol, listener: asyncio.BaseProtocol) -> None:
        """Give both ends their protocols."""
        for end, protocol in ((self.listener, listener), (self.caller, caller)):
            end.set_protocol(protocol)
            protocol.connection_made(end)

    def die(self) -> None:
        """Let who listens be gone: the other end sees an end behind what was written, and nobody reads any more."""
        self.down.shut()
        self.up.swallow()
        self.listener.lose(None)

    def _gone(self) -> None:
        if self.caller.lost and self.listener.lost:
            self._road.wires.remove(self)

    def break_for(self, *ends: End) -> None:
        """Break it: these ends get a reset, the others hear nothing any more and know nothing of it."""
        self.up.swallow()
        self.down.swallow()
        for end in ends:
            self._loop.call_soon(end.signed, Sign.RESET)


class Road:
    """The way of one caller to whoever listens."""

    def __init__(self, loop: VirtualTimeLoop, name: str, seed: str) -> None:
        self._loop = loop
        self.name = name
        self.up, self.down = Lane(f"{seed}/up"), Lane(f"{seed}/down")
        self.wires: list[Wire] = []
        self.ports = iter(range(1_024, 1_000_000))
        self.refuses = False
        self.refused = 0
        """Connections that were refused."""
        self._moves = asyncio.Event()
        self._moves.set()

    def stall(self, *lanes: Lane) -> None:
        """Let nothing move on these lanes."""
        for lane in lanes:
            lane.stalled = True
        self._moves.clear()

    def release(self) -> None:
        """Let everything move again."""
        self.up.stalled = self.down.stalled = False
        self._moves.set()
        for wire in self.wires:
            wire.up.move()
            wire.down.move()

    async def connect(
        self, caller: Factory, listeners: Mapping[int, Factory], port: int
    ) -> tuple[End, asyncio.BaseProtocol]:
        """Connect, as soon as both lanes move."""
        for lane in (self.up, self.down):
            await self._moves.wait()
            await asyncio.sleep(lane.latency() / 1000)
        listener = None if self.refuses else listeners.get(port)
        if listener is None:
            self.refused += 1
            raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
        wire = Wire(self._loop, self, port)
        self.wires.append(wire)
        protocol = caller()
        wire.begin(protocol, listener())
        return wire.caller, protocol


class Listener:
    """Who listens at a port: as much of `asyncio.Server` as is used of it."""

    def __init__(self, loop: "NetworkLoop", port: int) -> None:
        self._loop = loop
        self._port = port
        self.family = socket.AF_INET

    @property
    def sockets(self) -> tuple["Listener"]:
        """Return what tells its address: itself."""
        return (self,)

    def getsockname(self) -> tuple[str, int]:
        """Return its address."""
        return "127.0.0.1", self._port

    def close(self) -> None:
        """Listen no more."""
        self._loop.listeners.pop(self._port, None)

    async def wait_closed(self) -> None:
        """Return: there is nothing to wait for."""

    def get_loop(self) -> "NetworkLoop":
        """Return its loop."""
        return self._loop

    def is_serving(self) -> bool:
        """Return whether it listens."""
        return self._port in self._loop.listeners


class NetworkLoop(VirtualTimeLoop):
    """The loop of virtual time with the network in memory; `seed` draws the latencies."""

    def __init__(self, seed: str = "") -> None:
        super().__init__()
        self._seed = seed
        self.roads: dict[str, Road] = {}
        self.listeners: dict[int, Factory] = {}

    def road(self, name: str) -> Road:
        """Return the road of that name."""
        if name not in self.roads:
            self.roads[name] = Road(self, name, f"{self._seed}/{name}")
        return self.roads[name]

    async def create_server(  # type: ignore[override]
        self,
        protocol_factory: Factory,
        host: str,  # noqa: ARG002 - there is one host that listens
        port: int,
        **settings: Any,  # noqa: ARG002 - of sockets
    ) -> Listener:
        """Listen at a port, 0 for any free one."""
        port = port or next(free for free in range(FIRST_PORT, 65_536) if free not in self.listeners)
        if port in self.listeners:
            raise OSError(errno.EADDRINUSE, "Address already in use")
        self.listeners[port] = protocol_factory
        return Listener(self, port)

    async def create_connection(  # type: ignore[override]
        self,
        protocol_factory: Factory,
        host: str,
        port: int,
        **settings: Any,  # noqa: ARG002 - of sockets
    ) -> tuple[End, asyncio.BaseProtocol]:
        """Connect over the road that `host` names."""
        return await self.road(host).connect(protocol_factory, self.listeners, port)
