"""The network in memory: TCP's promises are kept, and each way to break them is what it says."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from tests.virtual.loop import VirtualClock, run_virtually
from tests.virtual.network import PIECE_MS, USUAL_MS, End, NetworkLoop, Road, Wire

LATEST_MS = USUAL_MS[1]
PORT = 9000


@dataclass
class Heard(asyncio.Protocol):
    """Takes note of everything, with the time since the beginning, ms."""

    loop: NetworkLoop
    heard: list[tuple[int, Any]] = field(default_factory=list)
    stays: bool = False
    transport: End = field(init=False)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, End)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.heard.append((self.loop.now_ms, data))

    def eof_received(self) -> bool:
        self.heard.append((self.loop.now_ms, "end"))
        return self.stays

    def connection_lost(self, exc: Exception | None) -> None:
        self.heard.append((self.loop.now_ms, "lost" if exc is None else type(exc).__name__))

    @property
    def words(self) -> list[Any]:
        return [what for _, what in self.heard]

    @property
    def data(self) -> bytes:
        return b"".join(what for what in self.words if isinstance(what, bytes))


@dataclass
class Line:
    """A connection from a charger to a server, and the road below it."""

    loop: NetworkLoop
    road: Road
    charger: Heard
    server: Heard

    @property
    def wire(self) -> Wire:
        (wire,) = self.road.wires
        return wire

    async def pass_ms(self, ms: int) -> None:
        await asyncio.sleep(ms / 1000)


Program = Callable[[Line], Coroutine[Any, Any, None]]


def on_a_line(program: Program, *, stays: bool = False) -> None:
    """Run a program on a connection; `stays`: neither side closes because the other has ended."""

    async def main(_: VirtualClock) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, NetworkLoop)
        server = Heard(loop, stays=stays)
        await loop.create_server(lambda: server, "127.0.0.1", PORT)
        charger = Heard(loop, stays=stays)
        await loop.create_connection(lambda: charger, "cp1", PORT)
        await program(Line(loop, loop.road("cp1"), charger, server))

    run_virtually(main, partial(NetworkLoop, "seed"))


def test_bytes_arrive_in_their_order_after_a_latency() -> None:
    async def program(line: Line) -> None:
        began_ms = line.loop.now_ms
        for number in range(100):
            line.charger.transport.write(b"%d " % number)
            await line.pass_ms(5)
        await line.pass_ms(LATEST_MS)
        assert line.server.data == b"".join(b"%d " % number for number in range(100))
        first_ms, _ = line.server.heard[0]
        assert USUAL_MS[0] <= first_ms - began_ms <= LATEST_MS
        assert not line.charger.heard

    on_a_line(program)


def test_addresses_are_told() -> None:
    async def program(line: Line) -> None:
        assert line.charger.transport.get_extra_info("peername") == ("127.0.0.1", PORT)
        assert line.server.transport.get_extra_info("peername")[0] == "127.0.0.1"

    on_a_line(program)


def test_what_is_stalled_arrives_at_once_afterwards_and_the_other_direction_moves() -> None:
    async def program(line: Line) -> None:
        line.road.stall(line.road.up)
        line.charger.transport.write(b"one ")
        line.charger.transport.write(b"two")
        line.server.transport.write(b"down")
        await line.pass_ms(60_000)
        assert line.charger.words == [b"down"]
        assert not line.server.heard
        released_ms = line.loop.now_ms
        line.road.release()
        await line.pass_ms(1)
        assert line.server.heard == [(released_ms, b"one two")]

    on_a_line(program)


def test_a_connection_is_made_when_its_road_moves_again() -> None:
    async def program(line: Line) -> None:
        line.road.stall(line.road.down)
        connecting = asyncio.create_task(line.loop.create_connection(lambda: Heard(line.loop), "cp1", PORT))
        elsewhere = asyncio.create_task(line.loop.create_connection(lambda: Heard(line.loop), "cp2", PORT))
        await line.pass_ms(60_000)
        assert not connecting.done()
        assert elsewhere.done(), "another road is another road"
        line.road.release()
        await asyncio.wait_for(connecting, 2 * LATEST_MS / 1000)

    on_a_line(program)


def test_pieces_arrive_apart_and_whole() -> None:
    async def program(line: Line) -> None:
        line.road.up.piece_bytes = 3
        line.charger.transport.write(b"0123456789")
        line.road.up.piece_bytes = None
        line.charger.transport.write(b"more")
        await line.pass_ms(LATEST_MS + 11 * PIECE_MS)
        assert line.server.data == b"0123456789more"
        times_ms = [at_ms for at_ms, _ in line.server.heard]
        assert len(times_ms) >= 4
        assert all(later - earlier >= PIECE_MS for earlier, later in pairwise(times_ms[:-1]))

    on_a_line(program)


def test_who_does_not_read_is_given_nothing() -> None:
    async def program(line: Line) -> None:
        line.server.transport.pause_reading()
        line.charger.transport.write(bytes(100_000))
        await line.pass_ms(60_000)
        assert not line.server.heard
        assert line.charger.transport.get_write_buffer_size() == 100_000 - 65_536
        line.server.transport.resume_reading()
        await line.pass_ms(1)
        assert len(line.server.data) == 100_000
        assert line.charger.transport.get_write_buffer_size() == 0

    on_a_line(program)


@pytest.mark.parametrize("end", [End.close, End.abort])
def test_what_was_written_before_a_close_arrives_before_the_end(end: Callable[[End], None]) -> None:
    async def program(line: Line) -> None:
        line.charger.transport.write(b"last words")
        end(line.charger.transport)
        line.charger.transport.write(b"too late")
        await line.pass_ms(2 * LATEST_MS)
        assert line.charger.words == ["lost"]
        assert line.server.words == [b"last words", "end", "lost"]
        assert not line.road.wires

    on_a_line(program)


def test_each_direction_ends_by_itself() -> None:
    async def program(line: Line) -> None:
        line.charger.transport.write_eof()
        await line.pass_ms(LATEST_MS)
        line.server.transport.write(b"still here")
        await line.pass_ms(LATEST_MS)
        assert line.server.words == ["end"]
        assert line.charger.words == [b"still here"]

    on_a_line(program, stays=True)


def test_bytes_for_an_end_that_is_gone_come_back_as_a_reset() -> None:
    async def program(line: Line) -> None:
        line.road.stall(line.road.down)  # nobody hears of the end
        line.server.transport.abort()
        line.charger.transport.write(b"anybody?")
        await line.pass_ms(LATEST_MS)
        line.road.release()
        await line.pass_ms(2 * LATEST_MS)
        assert line.server.words == ["lost"]
        assert line.charger.words == ["end", "ConnectionResetError"]

    on_a_line(program, stays=True)


def test_a_reset_loses_what_was_on_its_way() -> None:
    async def program(line: Line) -> None:
        line.charger.transport.write(b"lost")
        line.wire.break_for(line.wire.caller, line.wire.listener)
        await line.pass_ms(60_000)
        assert line.charger.words == line.server.words == ["ConnectionResetError"]
        assert not line.road.wires

    on_a_line(program)


def test_an_end_that_is_not_told_of_a_break_talks_into_nothing() -> None:
    async def program(line: Line) -> None:
        line.wire.break_for(line.wire.caller)
        line.server.transport.write(b"anybody?")
        await line.pass_ms(60_000)
        assert line.charger.words == ["ConnectionResetError"]
        assert not line.server.heard
        line.server.transport.abort()
        await line.pass_ms(1)
        assert line.server.words == ["lost"]
        assert not line.road.wires

    on_a_line(program)


def test_a_direction_that_is_shut_shows_an_end_and_swallows_the_rest() -> None:
    async def program(line: Line) -> None:
        line.charger.transport.write(b"before")
        line.wire.up.shut()
        line.charger.transport.write(b"after")
        await line.pass_ms(2 * LATEST_MS)
        assert line.server.words == [b"before", "end"]
        assert not line.charger.heard

    on_a_line(program, stays=True)


def test_connections_are_refused_where_nobody_listens_or_the_road_says_so() -> None:
    async def program(line: Line) -> None:
        with pytest.raises(ConnectionRefusedError):
            await line.loop.create_connection(lambda: Heard(line.loop), "cp1", PORT + 1)
        line.road.refuses = True
        with pytest.raises(ConnectionRefusedError):
            await line.loop.create_connection(lambda: Heard(line.loop), "cp1", PORT)
        assert line.road.refused == 2

    on_a_line(program)


def test_a_port_is_taken_once_and_free_after_its_listener_has_closed() -> None:
    async def program(line: Line) -> None:
        with pytest.raises(OSError, match="in use"):
            await line.loop.create_server(lambda: Heard(line.loop), "127.0.0.1", PORT)
        free = await line.loop.create_server(lambda: Heard(line.loop), "127.0.0.1", 0)
        port = free.sockets[0].getsockname()[1]
        await line.loop.create_connection(lambda: Heard(line.loop), "cp1", port)
        free.close()
        await free.wait_closed()
        with pytest.raises(ConnectionRefusedError):
            await line.loop.create_connection(lambda: Heard(line.loop), "cp1", port)

    on_a_line(program)
