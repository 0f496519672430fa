"""All chargers of a station come back at once, beside a bare `websockets` server with the same settings.

    python -m tests.bench.bench_storm [--chargers 5000]

Chargers connect, boot and are settled; then every connection is cut and dialled again in the same moment. Measured is
the time until each has had a Heartbeat answered on its new connection, the server's CPU time for that, how many of the
first attempts were turned away (a charger tries again at once), and how many chargers were lost. Nothing here is a pass
or a fail.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, WebSocketException

from tests.bench.bench_connections import AT_ONCE, BARE_SERVER, CHARGERS_MAX, dialled, settled, station
from tests.bench.processes import cpu_s, csms_arguments, csms_port, plain_port, raise_open_files, with_process

ATTEMPTS_MAX = 20


@dataclass(frozen=True, slots=True)
class Measured:
    """One server in the storm."""

    name: str
    chargers: int
    wall_s: float
    cpu_s: float
    turned_away: int
    lost: int


async def back(port: int, number: int, stack: AsyncExitStack) -> int | None:
    """Reconnect one charger; return how often it was turned away, or None when it did not get in."""
    url = f"ws://127.0.0.1:{port}/BENCH{number:05}"
    for attempt in range(ATTEMPTS_MAX):
        try:
            socket = await stack.enter_async_context(
                connect(url, subprotocols=["ocpp1.6"], compression=None, ping_interval=None, open_timeout=60)  # type: ignore[list-item]
            )
            await settled(socket, [[2, "back", "Heartbeat", {}]])
        except (OSError, WebSocketException, InvalidHandshake):
            continue
        return attempt
    return None


async def storm(port: int, pid: int, name: str, chargers: int) -> Measured:
    """Connect everybody, cut every connection, and see them come back."""
    boot = [2, "boot", "BootNotification", {"chargePointVendor": "Bench", "chargePointModel": "Bench"}]
    async with AsyncExitStack() as stack:
        before = AsyncExitStack()
        sockets = []
        for first in range(0, chargers, AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, chargers))
            sockets += await asyncio.gather(*(dialled(before, port, number) for number in numbers))
        for own in ([boot], *([[2, f"{beat}", "Heartbeat", {}]] for beat in range(8))):
            await asyncio.gather(*(settled(socket, own) for socket in sockets))
        used_s, began_s = cpu_s(pid), time.perf_counter()
        for socket in sockets:
            socket.transport.abort()
        attempts = await asyncio.gather(*(back(port, number, stack) for number in range(chargers)))
        wall_s, used_s = time.perf_counter() - began_s, cpu_s(pid) - used_s
        await before.aclose()
        turned_away = sum(attempt or 0 for attempt in attempts)
        return Measured(name, chargers, wall_s, used_s, turned_away, attempts.count(None))


async def run(chargers: int) -> list[Measured]:
    """Measure both servers, one after the other."""
    bare = [sys.executable, "-c", BARE_SERVER]
    with tempfile.TemporaryDirectory() as folder:
        program = csms_arguments(folder, station(chargers))
        return [
            await with_process(bare, plain_port, lambda port, pid: storm(port, pid, "bare", chargers)),
            await with_process(program, csms_port, lambda port, pid: storm(port, pid, "csms", chargers)),
        ]


def table(results: list[Measured]) -> str:
    """Return the results, CPU time also as a multiple of the first."""
    first = results[0].cpu_s
    return "\n".join(
        [f"{'server':8}{'chargers':>10}{'wall s':>8}{'CPU s':>8}{'of bare':>9}{'turned away':>13}{'lost':>6}"]
        + [
            f"{r.name:8}{r.chargers:>10}{r.wall_s:>8.1f}{r.cpu_s:>8.2f}{r.cpu_s / first if first else 0:>9.2f}"
            f"{r.turned_away:>13}{r.lost:>6}"
            for r in results
        ]
    )


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chargers", type=int, default=5_000)
    chargers = min(parser.parse_args().chargers, CHARGERS_MAX)
    raise_open_files(2 * chargers + 1_000)
    print(table(asyncio.run(run(chargers))))


if __name__ == "__main__":
    main()
