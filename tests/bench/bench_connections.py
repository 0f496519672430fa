"""Memory per connected idle charger, beside a bare `websockets` server with the same settings.

    python -m tests.bench.bench_connections [--chargers 5000]

Chargers connect, boot, tell their status and accept what they are told; then they are idle. Measured is by how much
the resident memory of the server's process has grown since it listened, per connection. The bare server answers
whatever it is sent and keeps nothing, so its share is what a connection costs before anything is known of a charger.
Nothing here is a pass or a fail.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.bench.processes import (
    csms_arguments,
    csms_port,
    plain_port,
    raise_open_files,
    resident_bytes,
    with_process,
)

CHARGERS_MAX = 15_000
AT_ONCE = 100

BARE_SERVER = """
import asyncio, orjson, uvloop
from websockets.asyncio.server import serve

async def handle(socket):
    async for text in socket:
        message = orjson.loads(text)
        if message[0] == 2:
            await socket.send(orjson.dumps([3, message[1], {}]).decode())

async def main():
    async with serve(handle, "127.0.0.1", 0, subprotocols=["ocpp1.6"], compression=None, ping_interval=None,
                     server_header=None, max_size=65536, backlog=4096, open_timeout=60) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().create_future()

uvloop.run(main())
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """One server with its idle connections."""

    name: str
    connections: int
    grown_bytes: int

    @property
    def kib_each(self) -> float:
        """Memory per connection, KiB."""
        return self.grown_bytes / self.connections / 1024


def station(chargers: int) -> dict[str, Any]:
    """Return the configuration of a station with that many chargers."""
    each = [{"id": f"BENCH{n:05}", "maxPower": 22, "connectors": 1} for n in range(chargers)]
    return {"stationId": "BENCH", "gridCapacity": 10 * chargers, "chargers": each}


async def dialled(stack: AsyncExitStack, port: int, number: int) -> ClientConnection:
    """Return the connection of one charger, open until the stack ends."""
    url = f"ws://127.0.0.1:{port}/BENCH{number:05}"
    return await stack.enter_async_context(
        connect(url, subprotocols=["ocpp1.6"], compression=None, ping_interval=None, open_timeout=60)  # type: ignore[list-item]
    )


async def settled(socket: ClientConnection, own: list[list[Any]]) -> None:
    """Send our CALLs and answer those of the server until ours are answered and it has cleared our last profile."""
    for call in own:
        await socket.send(json.dumps(call))
    waiting = {call[1] for call in own}
    while waiting:
        message = json.loads(await socket.recv())
        if message[0] == 2:
            answer: dict[str, Any] = (
                {"configurationKey": []} if message[2] == "GetConfiguration" else {"status": "Accepted"}
            )
            await socket.send(json.dumps([3, message[1], answer]))
        else:
            waiting.discard(message[1])


async def idle(port: int, pid: int, name: str, chargers: int) -> Measured:
    """Connect chargers, see each of them settled, and measure."""
    before = resident_bytes(pid)
    boot = [2, "boot", "BootNotification", {"chargePointVendor": "Bench", "chargePointModel": "Bench"}]
    status = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
    async with AsyncExitStack() as stack:
        sockets = []
        for first in range(0, chargers, AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, chargers))
            sockets += await asyncio.gather(*(dialled(stack, port, number) for number in numbers))
        await asyncio.gather(*(settled(socket, [boot]) for socket in sockets))
        await asyncio.gather(*(settled(socket, [[2, "status", "StatusNotification", status]]) for socket in sockets))
        for beat in range(8):
            await asyncio.gather(*(settled(socket, [[2, f"{beat}", "Heartbeat", {}]]) for socket in sockets))
        return Measured(name, chargers, resident_bytes(pid) - before)


async def run(chargers: int) -> list[Measured]:
    """Measure both servers, one after the other."""
    bare = [sys.executable, "-c", BARE_SERVER]
    with tempfile.TemporaryDirectory() as folder:
        program = csms_arguments(folder, station(chargers))
        return [
            await with_process(bare, plain_port, lambda port, pid: idle(port, pid, "bare", chargers)),
            await with_process(program, csms_port, lambda port, pid: idle(port, pid, "csms", chargers)),
        ]


def table(results: list[Measured]) -> str:
    """Return the results, memory also as a multiple of the first."""
    first = results[0].kib_each or 1
    return "\n".join(
        [f"{'server':8}{'chargers':>10}{'KiB each':>10}{'of bare':>9}"]
        + [f"{r.name:8}{r.connections:>10}{r.kib_each:>10.1f}{r.kib_each / first:>9.2f}" for r in results]
    )


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chargers", type=int, default=5_000)
    chargers = min(parser.parse_args().chargers, CHARGERS_MAX)
    raise_open_files(chargers + 1_000)
    print(table(asyncio.run(run(chargers))))


if __name__ == "__main__":
    main()
