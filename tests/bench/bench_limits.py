"""From a fact to the last limit that follows from it, on a station where a thousand cars charge.

    python -m tests.bench.bench_limits [--chargers 1000] [--stops 100] [--turns 5]

A station of chargers with one connector each, two of them behind every 50 kW circuit, all charging. Measured is, at
the chargers' end of the sockets,

    sample a car is metered far above its limit: its neighbour behind the circuit is cut at once (from MeterValues)
    stop   a car stops: its neighbour behind the circuit is given more (from StopTransaction to the neighbour's limit)
    cut    the grid connection is halved over REST: every car is cut (from the request to the last limit)
    raise  the grid connection is whole again: every car is raised
    bare   a bare `websockets` server sends as many limits that were made beforehand, to compare

with the CPU time that the server needed until every limit was answered. The server is the real program; only its clock
is put forward by a minute between two turns, so that limits settle and the spacing of raises is over. Nothing here is
a pass or a fail.
"""

import argparse
import asyncio
import json
import os
import signal
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from sys import executable
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.bench.processes import cpu_s, csms_arguments, csms_port, plain_port, raise_open_files, with_process

CIRCUIT_W = 50_000
METERED_W = 40_000
"""What a car that was told half of its circuit draws: what is left of it is its neighbour's."""
CHARGERS_MAX = 5_000
ANSWERS: dict[str, dict[str, Any]] = {
    "GetConfiguration": {"configurationKey": []},
    "ClearChargingProfile": {"status": "Unknown"},
}
"""What chargers answer, where it is not just Accepted: there is nothing that could be cleared."""

CSMS_WITH_MOVABLE_CLOCK = """
import signal
from csms.core.ids import Now
from csms.runtime.clock import SystemClock

ahead_ms, now = 0, SystemClock.now

def put_forward(*_):
    global ahead_ms
    ahead_ms += 60_000

def ahead(self):
    present = now(self)
    return Now(present.mono_ms + ahead_ms, present.wall_ms + ahead_ms)

signal.signal(signal.SIGUSR1, put_forward)
SystemClock.now = ahead

from csms.cli import app
app(prog_name="csms")
"""

BARE_SERVER = """
import asyncio, orjson, uvloop
from websockets.asyncio.server import serve

limit = {"connectorId": 1, "csChargingProfiles": {"chargingProfileId": 1, "stackLevel": 1,
    "chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Relative", "transactionId": 1,
    "chargingSchedule": {"chargingRateUnit": "W", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 12500.0}]}}}
frame = orjson.dumps([2, "1", "SetChargingProfile", limit]).decode()
sockets = set()

async def handle(socket):
    sockets.add(socket)
    async for text in socket:
        message = orjson.loads(text)
        if message[0] == 2 and message[2] == "DataTransfer":
            await asyncio.gather(*(each.send(frame) for each in sockets))
        if message[0] == 2:
            await socket.send(orjson.dumps([3, message[1], {}]).decode())

async def main():
    async with serve(handle, "127.0.0.1", 0, subprotocols=["ocpp1.6"], compression=None, ping_interval=None,
                     backlog=4096) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().create_future()

uvloop.run(main())
"""


class Charger:
    """One charger with a car: it accepts everything, and remembers its limit, W, and when it came, s."""

    def __init__(self, socket: ClientConnection, heard: asyncio.Event) -> None:
        self.limit_w = -1
        self.limit_s = 0.0
        self.transaction_id = 0
        self._set_up = asyncio.Event()
        self._socket = socket
        self._heard = heard
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._count = 0

    async def read(self) -> None:
        """Serve the connection until it ends."""
        async for text in self._socket:
            kind, message_id, *rest = json.loads(text)
            if kind == 3:
                self._answers.pop(message_id).set_result(rest[0])
                continue
            assert kind == 2, text
            await self._socket.send(json.dumps([3, message_id, ANSWERS.get(rest[0], {"status": "Accepted"})]))
            if rest[0] == "ClearChargingProfile" and rest[1].get("connectorId") == 1:
                self._set_up.set()
            if rest[0] == "SetChargingProfile" and rest[1]["connectorId"] == 1:
                schedule = rest[1]["csChargingProfiles"]["chargingSchedule"]
                self.limit_w = int(schedule["chargingSchedulePeriod"][0]["limit"])
                self.limit_s = time.perf_counter()
                self._heard.set()

    async def call(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Send a CALL and return its confirmation."""
        self._count += 1
        message_id = str(self._count)
        self._answers[message_id] = asyncio.get_running_loop().create_future()
        answer = self._answers[message_id]
        await self._socket.send(json.dumps([2, message_id, action, payload]))
        return await answer

    async def status(self, status: str) -> None:
        """Tell the connector's status."""
        await self.call("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": status})

    async def boot(self) -> None:
        """Boot with a car plugged in; wait for the last word of the set-up that limits need."""
        await self.call("BootNotification", {"chargePointVendor": "Bench", "chargePointModel": "Bench"})
        await self.status("Preparing")
        await self._set_up.wait()

    async def start(self) -> None:
        """Let the car start."""
        start = {"connectorId": 1, "idTag": "BENCH", "meterStart": 0, "timestamp": _now()}
        self.transaction_id = (await self.call("StartTransaction", start))["transactionId"]
        await self.status("Charging")

    async def sample(self, power_w: int) -> None:
        """Tell what the car draws now."""
        value = {"value": str(power_w), "measurand": "Power.Active.Import", "unit": "W"}
        element = {"timestamp": "", "sampledValue": [value]}  # no time: the server's clock is put forward, ours is not
        await self.call(
            "MeterValues", {"connectorId": 1, "transactionId": self.transaction_id, "meterValue": [element]}
        )

    async def stop(self) -> None:
        """Let the car stop."""
        await self.call(
            "StopTransaction", {"transactionId": self.transaction_id, "meterStop": 1_000, "timestamp": _now()}
        )


@dataclass(frozen=True, slots=True)
class Measured:
    """One kind of fact: what each took until its last limit, ms, and the server's CPU time for all of them, s."""

    name: str
    limits: int
    taken_ms: tuple[float, ...]
    cpu_s: float


class Bench:
    """A server and its chargers."""

    def __init__(self, pid: int, chargers: list[Charger], heard: asyncio.Event) -> None:
        self._pid = pid
        self._chargers = chargers
        self._heard = heard

    async def all_have(self, limit_w: int) -> None:
        """Wait until every charger has that limit."""
        while any(charger.limit_w != limit_w for charger in self._chargers):
            self._heard.clear()
            await self._heard.wait()

    async def settle(self) -> None:
        """Put the server's clock forward when it has read all answers, and have it look at the clock."""
        await asyncio.gather(*(charger.call("Heartbeat", {}) for charger in self._chargers))
        os.kill(self._pid, signal.SIGUSR1)
        await self._chargers[0].status("Charging")

    async def measure(self, fact: Callable[[], Awaitable[object]], limit_w: int, among: list[Charger]) -> float:
        """Return the ms from a fact to the last limit of those that get one."""
        for charger in among:
            charger.limit_w = -1
        began_s = time.perf_counter()
        task = asyncio.ensure_future(fact())
        while any(charger.limit_w != limit_w for charger in among):
            self._heard.clear()
            await self._heard.wait()
        await task
        return 1_000 * (max(charger.limit_s for charger in among) - began_s)

    async def measured(
        self,
        name: str,
        each: Sequence[tuple[Callable[[], Awaitable[object]], list[Charger]]],
        limit_w: int,
        between: Callable[[], Awaitable[None]] | None = None,
    ) -> Measured:
        """Measure one kind of fact; the CPU time until the answers to its limits were read is its own."""
        taken_ms, used_s = [], 0.0
        for fact, among in each:
            before_s = cpu_s(self._pid)
            taken_ms.append(await self.measure(fact, limit_w, among))
            await asyncio.gather(*(charger.call("Heartbeat", {}) for charger in among))
            used_s += cpu_s(self._pid) - before_s
            if between is not None:
                await between()
        return Measured(name, len(each[0][1]), tuple(taken_ms), used_s)


def station(chargers: int, grid_w: int) -> dict[str, Any]:
    """Return the configuration of a station with two chargers behind every circuit."""
    return {
        "stationId": "BENCH",
        "gridCapacity": grid_w // 1_000,
        "circuits": [{"id": f"C{n:04}", "capacity": CIRCUIT_W // 1_000} for n in range(chargers // 2)],
        "chargers": [
            {"id": f"BENCH{n:04}", "maxPower": CIRCUIT_W // 1_000, "connectors": 1, "circuit": f"C{n // 2:04}"}
            for n in range(chargers)
        ],
    }


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


async def connected(stack: AsyncExitStack, port: int, count: int, heard: asyncio.Event) -> list[Charger]:
    """Connect chargers that read until the stack ends."""
    chargers = []
    group = await stack.enter_async_context(asyncio.TaskGroup())

    async def dialled(number: int) -> Charger:
        url = f"ws://127.0.0.1:{port}/BENCH{number:04}"
        dialling = connect(url, subprotocols=["ocpp1.6"], compression=None, ping_interval=None, open_timeout=60)  # type: ignore[list-item]
        return Charger(await stack.enter_async_context(dialling), heard)

    for charger in await asyncio.gather(*(dialled(number) for number in range(count))):
        reading = group.create_task(charger.read())
        stack.callback(reading.cancel)
        chargers.append(charger)
    return chargers


async def csms(count: int, stops: int, turns: int) -> list[Measured]:
    """Measure the real program; the samples and the stops, so many of each, are those of different pairs."""
    whole_w = CIRCUIT_W * count // 2
    half = station(count, whole_w // 2)
    rest_port = 0

    def port_of(line: str) -> int | None:
        nonlocal rest_port
        if line.startswith("REST"):
            rest_port = int(line.split()[1].rpartition(":")[2])
        return csms_port(line)

    async def use(port: int, pid: int) -> list[Measured]:
        def post(config: dict[str, Any]) -> Callable[[], Awaitable[object]]:
            return lambda: asyncio.to_thread(_post, f"http://127.0.0.1:{rest_port}/station/config", config)

        async with AsyncExitStack() as stack:
            heard = asyncio.Event()
            chargers = await connected(stack, port, count, heard)
            bench = Bench(pid, chargers, heard)
            await asyncio.gather(*(charger.boot() for charger in chargers))
            await asyncio.gather(*(charger.start() for charger in chargers))
            await bench.settle()
            await bench.all_have(CIRCUIT_W // 2)
            await bench.settle()
            cuts, raises = [], []
            for _ in range(turns):
                cuts.append(await bench.measured("cut", [(post(half), chargers)], CIRCUIT_W // 4))
                await bench.settle()
                raises.append(await bench.measured("raise", [(post(whole), chargers)], CIRCUIT_W // 2))
                await bench.settle()
            pairs = list(zip(chargers[::2], chargers[1::2], strict=True))
            each = min(stops, len(pairs) // 2)
            sampling, stopping = pairs[:each], pairs[each : 2 * each]
            one_by_one = await bench.measured("stop", [(one.stop, [other]) for one, other in stopping], CIRCUIT_W)
            await asyncio.gather(*(one.sample(CIRCUIT_W // 2) for one, _ in sampling))  # not its transaction's first
            await bench.settle()
            samples = await bench.measured(
                "sample", [(partial(one.sample, METERED_W), [other]) for one, other in sampling], CIRCUIT_W - METERED_W
            )
            return [samples, one_by_one, _together(cuts), _together(raises)]

    whole = station(count, whole_w)
    with tempfile.TemporaryDirectory() as folder:
        return await with_process(csms_arguments(folder, whole, ("-c", CSMS_WITH_MOVABLE_CLOCK)), port_of, use)


async def bare(count: int, turns: int) -> Measured:
    """Measure a server that only sends."""

    async def use(port: int, pid: int) -> Measured:
        async with AsyncExitStack() as stack:
            heard = asyncio.Event()
            chargers = await connected(stack, port, count, heard)
            bench = Bench(pid, chargers, heard)
            await asyncio.gather(*(charger.call("Heartbeat", {}) for charger in chargers))
            ask = (lambda: chargers[0].call("DataTransfer", {}), chargers)
            return await bench.measured("bare", [ask] * turns, 12_500)

    return await with_process([executable, "-c", BARE_SERVER], plain_port, use)


def _post(url: str, document: dict[str, Any]) -> None:
    request = urllib.request.Request(url, json.dumps(document).encode(), {"Content-Type": "application/json"})  # noqa: S310 - ours
    with urllib.request.urlopen(request) as response:  # noqa: S310 - same
        assert response.status == 200, response.status


def _together(turns: list[Measured]) -> Measured:
    taken_ms = tuple(ms for turn in turns for ms in turn.taken_ms)
    return Measured(turns[0].name, turns[0].limits, taken_ms, sum(turn.cpu_s for turn in turns))


async def run(chargers: int, stops: int, turns: int) -> list[Measured]:
    """Measure both servers, one after the other."""
    return [await bare(chargers, turns), *await csms(chargers, stops, turns)]


def table(results: list[Measured]) -> str:
    """Return the results, CPU time also as a multiple of what sending a thousand limits costs the bare server."""
    first = results[0].cpu_s / len(results[0].taken_ms)
    lines = [
        f"{'fact':7}{'times':>6}{'limits each':>13}{'median ms':>11}{'p99 ms':>9}{'CPU ms each':>13}{'of bare':>9}",
    ]
    for each in results:
        taken_ms = sorted(each.taken_ms)
        times = len(taken_ms)
        lines.append(
            f"{each.name:7}{times:>6}{each.limits:>13}{statistics.median(taken_ms):>11.1f}"
            f"{taken_ms[(99 * times - 1) // 100]:>9.1f}{1_000 * each.cpu_s / times:>13.1f}"
            f"{each.cpu_s / times / first if first else 0:>9.2f}"
        )
    return "\n".join(lines)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chargers", type=int, default=1_000)
    parser.add_argument("--stops", type=int, default=100)
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    chargers = min(options.chargers, CHARGERS_MAX)
    raise_open_files(chargers + 1_000)
    print(table(asyncio.run(run(chargers, options.stops, options.turns))))


if __name__ == "__main__":
    main()
