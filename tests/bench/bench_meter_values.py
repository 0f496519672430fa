"""Validated, durable MeterValues per CPU-second, beside three baselines measured in the same run.

    python -m tests.bench.bench_meter_values [--messages 20000] [--connections 50 500] [--warm-up 3]

Four servers, each a process of its own, answer the same load from this process (every connection sends its next
message when the last one is answered), once for each number of connections. Before anything is counted every connection
sends for some seconds, so that what `csms` asks a charger after its boot, once, is over and not divided by the messages
of a short run:

    echo  bare `websockets` + orjson + uvloop: decodes the frame, answers `[3, id, {}]`, keeps nothing
    csms  the real program: validates, steps the core, answers after the commit in SQLite (WAL, synchronous=FULL)
    ocpp  `ocpp.v16.ChargePoint`'s own loop with a handler that keeps nothing
    kept  the same loop with a handler that commits each message to SQLite (WAL, synchronous=FULL) before it is answered

Both loops validate in a thread pool, as the package does by itself, on uvloop and with its log lines filtered: they do
less than a deployment of it would, and `ocpp` promises nothing of what `csms` does.

What counts is the server's CPU time (user and system, from /proc: Linux only), so the speed of the sender and of the
disk do not matter. Printed are messages per CPU-second and ratios; nothing here is a pass or a fail.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from websockets.asyncio.client import ClientConnection, connect

from tests.bench.processes import TICKS_PER_S, cpu_s, csms_arguments, csms_port, plain_port, with_process

CHARGERS_PER_RUN_MAX = 500

ECHO_SERVER = """
import asyncio, orjson, uvloop
from websockets.asyncio.server import serve

async def handle(socket):
    async for text in socket:
        message = orjson.loads(text)
        await socket.send(orjson.dumps([3, message[1], {}]).decode())

async def main():
    async with serve(handle, "127.0.0.1", 0, subprotocols=["ocpp1.6"], compression=None, ping_interval=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().create_future()

uvloop.run(main())
"""

OCPP_SERVER = """
import asyncio, json, logging, sqlite3, sys, uvloop
from datetime import datetime, timezone
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result
from ocpp.v16.enums import RegistrationStatus
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

class Charger(ChargePoint):
    @on("BootNotification")
    def booted(self, **_):
        now = datetime.now(timezone.utc).isoformat()
        return call_result.BootNotification(current_time=now, interval=60, status=RegistrationStatus.accepted)

    @on("MeterValues")
    def measured(self, connector_id, meter_value, **_):
        if database is not None:
            row = (self.id, connector_id, json.dumps(meter_value))
            database.execute("INSERT INTO sample (charger_id, idx, raw_json) VALUES (?, ?, ?)", row)
        return call_result.MeterValues()

database = None
if len(sys.argv) > 1:
    database = sqlite3.connect(sys.argv[1], isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE sample (sample_id INTEGER PRIMARY KEY, charger_id TEXT, idx INT, raw_json TEXT)")

async def handle(socket):
    try:
        await Charger(socket.request.path, socket).start()
    except ConnectionClosed:
        pass

async def main():
    logging.getLogger("ocpp").setLevel(logging.ERROR)
    async with serve(handle, "127.0.0.1", 0, subprotocols=["ocpp1.6"], compression=None, ping_interval=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().create_future()

uvloop.run(main())
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """One server under the load."""

    name: str
    messages: int
    cpu_s: float
    wall_s: float

    @property
    def per_cpu_s(self) -> float:
        """Messages per CPU-second of the server."""
        return self.messages / max(self.cpu_s, 1 / TICKS_PER_S)  # what is less than a tick is read as 0


def meter_values(message_id: str, connector_id: int, energy_wh: int) -> str:
    """Return a MeterValues frame as a DC charger sends it: register, power and state of charge."""
    values = [
        {"value": str(energy_wh), "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
        {"value": "48250.0", "measurand": "Power.Active.Import", "unit": "W"},
        {"value": "57", "measurand": "SoC", "unit": "Percent"},
    ]
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    payload = {"connectorId": connector_id, "meterValue": [{"timestamp": stamp, "sampledValue": values}]}
    return json.dumps([2, message_id, "MeterValues", payload])


async def answered(socket: ClientConnection, message_id: str) -> None:
    """Read until our CALL is answered; CALLs of the server are answered as refused."""
    while True:
        message = json.loads(await socket.recv())
        if message[0] == 2:
            await socket.send(json.dumps([4, message[1], "NotSupported", "", {}]))
        elif message[1] == message_id:
            assert message[0] == 3, message
            return


@dataclass(frozen=True, slots=True)
class Load:
    """What is put on each server: connections, messages in all, and for how long they send before that is counted."""

    connections: int
    messages: int
    warm_up_s: float


async def one_charger(port: int, number: int, load: Load, start: asyncio.Event, ready: asyncio.Semaphore) -> None:
    """Boot, warm up, wait for the others, then send MeterValues, one at a time."""
    url = f"ws://127.0.0.1:{port}/BENCH{number:04}"
    async with connect(url, subprotocols=["ocpp1.6"], compression=None, ping_interval=None) as socket:  # type: ignore[list-item]
        boot = {"chargePointVendor": "Bench", "chargePointModel": "Bench"}
        await socket.send(json.dumps([2, "boot", "BootNotification", boot]))
        await answered(socket, "boot")
        warm_s, sent = time.perf_counter() + load.warm_up_s, 0
        while time.perf_counter() < warm_s:
            await one_message(socket, sent)
            sent += 1
        ready.release()
        await start.wait()
        for i in range(sent, sent + load.messages // load.connections):
            await one_message(socket, i)


async def one_message(socket: ClientConnection, i: int) -> None:
    """Send the i-th MeterValues and read until it is answered."""
    await socket.send(meter_values(f"m{i}", 1, 1000 + i))
    await answered(socket, f"m{i}")


async def measure(name: str, port: int, pid: int, load: Load) -> Measured:
    """Put the load on one server and measure what it costs there."""
    start, ready = asyncio.Event(), asyncio.Semaphore(0)
    chargers = [asyncio.create_task(one_charger(port, n, load, start, ready)) for n in range(load.connections)]
    for _ in chargers:
        await ready.acquire()
    before_s, began_s = cpu_s(pid), time.perf_counter()
    start.set()
    await asyncio.gather(*chargers)
    counted = load.messages // load.connections * load.connections
    return Measured(name, counted, cpu_s(pid) - before_s, time.perf_counter() - began_s)


async def run(load: Load, more: tuple[str, ...] = ()) -> list[Measured]:
    """Measure the servers one after the other; `more`: arguments for ours."""
    with tempfile.TemporaryDirectory() as folder:
        station = {
            "stationId": "BENCH",
            "gridCapacity": 1000,
            "chargers": [{"id": f"BENCH{n:04}", "maxPower": 50, "connectors": 1} for n in range(load.connections)],
        }
        plans: list[tuple[str, list[str], Callable[[str], int | None]]] = [
            ("echo", [sys.executable, "-c", ECHO_SERVER], plain_port),
            ("csms", [*csms_arguments(folder, station), *more], csms_port),
            ("ocpp", [sys.executable, "-c", OCPP_SERVER], plain_port),
            ("kept", [sys.executable, "-c", OCPP_SERVER, f"{folder}/kept.sqlite3"], plain_port),
        ]
        results = []
        for name, arguments, port_of in plans:

            async def use(port: int, pid: int, name: str = name) -> Measured:
                return await measure(name, port, pid, load)

            results.append(await with_process(arguments, port_of, use))
        return results


def table(results: list[Measured]) -> str:
    """Return the results as a table of ratios."""
    by_name = {result.name: result for result in results}
    lines = [
        (
            f"{'server':8}{'messages':>10}{'CPU s':>8}{'msg / CPU s':>13}"
            f"{'of echo':>9}{'of ocpp':>9}{'of kept':>9}{'msg / wall s':>14}"
        )
    ]
    lines += [
        f"{r.name:8}{r.messages:>10}{r.cpu_s:>8.2f}{r.per_cpu_s:>13.0f}"
        f"{r.per_cpu_s / by_name['echo'].per_cpu_s:>9.2f}{r.per_cpu_s / by_name['ocpp'].per_cpu_s:>9.2f}"
        f"{r.per_cpu_s / by_name['kept'].per_cpu_s:>9.2f}{r.messages / r.wall_s:>14.0f}"
        for r in results
    ]
    return "\n".join(lines)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--connections", type=int, nargs="+", default=[50, 500])
    parser.add_argument("--warm-up", type=float, default=3.0, metavar="SECONDS")
    parser.add_argument("--server", nargs=argparse.REMAINDER, default=[], metavar="ARGUMENT")
    options = parser.parse_args()
    for connections in options.connections:
        load = Load(min(connections, CHARGERS_PER_RUN_MAX), options.messages, options.warm_up)
        print(f"{load.connections} connections", table(asyncio.run(run(load, tuple(options.server)))), sep="\n")


if __name__ == "__main__":
    main()
