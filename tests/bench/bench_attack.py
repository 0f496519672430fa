"""Honest chargers beside attackers: how much longer they wait for their answers, and whether they stay connected.

    python -m tests.bench.bench_attack [--honest 1000] [--rounds 3] [--seconds 20]

Honest chargers, each with its key, send a MeterValues in turn, one each ten seconds and charger, which is answered when
it is durable: the time until then is their reaction time. Rounds without and with attackers (`tests.bench.attackers`)
take turns, so that what else the machine does falls on both. Everybody comes from loopback through a proxy that is
trusted and tells of private addresses: so that addresses are told apart as they are on a network. Nothing here is a
pass or a fail.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import uvloop

from csms.core.ids import ChargerId
from csms.obs.logs import configure
from csms.runtime.charger_access import AccessBook, NewKey
from csms.runtime.clock import SystemClock
from csms.settings import LogFormat, LogLevel
from csms.store import SqlStore, open_store
from tests.bench.attackers import Plan
from tests.bench.light import LightCharger, Who
from tests.bench.processes import cpu_s, csms_arguments, csms_port, raise_open_files, with_process

EACH_S = 10.0
AT_ONCE = 50
PATIENCE_S = 60.0
GUESSED_ADDRESSES = 10


@dataclass(frozen=True, slots=True)
class Sides:
    """How many there are of each side, and for how many rounds of how many seconds; each sends once in `each_s`."""

    honest: int
    slow: int
    guessing: int
    hostile: int
    rounds: int
    seconds: float
    each_s: float = EACH_S
    statuses: bool = True


@dataclass
class Measured:
    """What the honest ones have seen in one kind of round."""

    name: str
    reactions_ms: list[float] = field(default_factory=list)
    disconnected: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0

    def quantile_ms(self, part: float) -> float:
        """Return the reaction time that so many of them do not exceed."""
        ordered = sorted(self.reactions_ms)
        return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0


def meter_values(number: int) -> dict[str, Any]:
    """Return what an honest charger measures."""
    values = [
        {"value": str(1000 + number), "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
        {"value": "0", "measurand": "Power.Active.Import", "unit": "W"},
        {"value": "57", "measurand": "SoC", "unit": "Percent"},
    ]
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"connectorId": 1, "meterValue": [{"timestamp": stamp, "sampledValue": values}]}


class Honest:
    """The honest fleet; `now` takes what it sees."""

    def __init__(self, port: int, fleet: list[Who], each_s: float) -> None:
        self.now = Measured("before")
        self._port = port
        self._fleet = fleet
        self._each_s = each_s
        self._chargers: list[LightCharger] = []
        self._over = False

    async def come(self) -> None:
        """Connect, boot and tell the status, so many at a time; then go on for ever."""
        for first in range(0, len(self._fleet), AT_ONCE):
            self._chargers += await asyncio.gather(*(self._enter(who) for who in self._fleet[first : first + AT_ONCE]))

    async def _enter(self, who: Who) -> LightCharger:
        charger = await LightCharger.dial(self._port, who)
        assert charger.status.result() == 101, charger.status.result()
        await charger.call("boot", "BootNotification", {"chargePointVendor": "Bench", "chargePointModel": "Honest"})
        status = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
        await charger.call("status", "StatusNotification", status)
        charger.lost.add_done_callback(self._count_loss)
        return charger

    def _count_loss(self, _lost: object) -> None:
        if not self._over:
            self.now.disconnected += 1

    async def live(self) -> None:
        """Measure and tell, each in turn, until cancelled."""
        await asyncio.gather(*(self._live(charger) for charger in self._chargers))

    async def _live(self, charger: LightCharger) -> None:
        await asyncio.sleep(random.random() * self._each_s)
        number = 0
        while not charger.lost.done():
            began_s, seen = time.perf_counter(), self.now
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await charger.call(f"m{number}", "MeterValues", meter_values(number))
            except ConnectionError:
                return
            except TimeoutError:
                pass  # it counts as having taken so long
            took_s = time.perf_counter() - began_s
            seen.reactions_ms.append(1000 * took_s)
            number += 1
            await asyncio.sleep(max(0.0, self._each_s - took_s))

    def leave(self) -> None:
        """End every connection."""
        self._over = True
        for charger in self._chargers:
            charger.transport.abort()


async def keys_of(folder: str, ids: list[str]) -> list[str]:
    """Make a key for each charger in the database that the server will have."""
    store = await open_store(f"sqlite:///{folder}/bench.sqlite3")
    assert isinstance(store, SqlStore), store
    book = AccessBook(store, SystemClock())
    made = [await book.make_key(ChargerId(charger_id), rotate=False) for charger_id in ids]
    await store.close()
    return [one.key for one in made if isinstance(one, NewKey)]


async def under_attack(plan: Plan, seconds: float) -> Counter[str]:
    """Attack for so long; return what was done."""
    attackers = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.bench.attackers",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert attackers.stdin is not None
    assert attackers.stdout is not None
    attackers.stdin.write(f"{plan.text()}\n".encode())
    await attackers.stdout.readline()
    await asyncio.sleep(seconds)
    attackers.stdin.close()
    said = await attackers.stdout.readline()
    await attackers.wait()
    return Counter(json.loads(said))


async def measure(port: int, pid: int, sides: Sides, fleet: list[Who]) -> tuple[list[Measured], Counter[str]]:
    """Have rounds without and with attackers take turns."""
    honest, hostile = fleet[: sides.honest], fleet[sides.honest :]
    wrong = [
        Who(honest[n % len(honest)].charger_id, "00" * 20, f"10.9.0.{n % GUESSED_ADDRESSES}")
        for n in range(sides.guessing)
    ]
    wrong_rows, hostile_rows = (
        [[who.charger_id, who.key, who.address] for who in several] for several in (wrong, hostile)
    )
    plan = Plan(port, sides.slow, wrong_rows, hostile_rows, sides.statuses)
    crowd = Honest(port, honest, sides.each_s)
    await crowd.come()
    living = asyncio.create_task(crowd.live())
    await asyncio.sleep(sides.each_s)
    calm, attacked, done = Measured("calm"), Measured("attacked"), Counter[str]()
    for _ in range(sides.rounds):
        for crowd.now in (calm, attacked):
            used_s, began_s = cpu_s(pid), time.perf_counter()
            if crowd.now is calm:
                await asyncio.sleep(sides.seconds)
            else:
                done += await under_attack(plan, sides.seconds)
            crowd.now.wall_s += time.perf_counter() - began_s
            crowd.now.cpu_s += cpu_s(pid) - used_s
    crowd.leave()
    await living
    return [calm, attacked], done


async def run(sides: Sides, more: tuple[str, ...] = ()) -> tuple[list[Measured], Counter[str]]:
    """Measure a server with all of them as its chargers; `more`: arguments for it."""
    ids = [f"HONEST{n:04}" for n in range(sides.honest)] + [f"HOSTILE{n:03}" for n in range(sides.hostile)]
    each = [{"id": charger_id, "maxPower": 22, "connectors": 1} for charger_id in ids]
    station = {"stationId": "BENCH", "gridCapacity": 10 * len(ids), "chargers": each}
    with tempfile.TemporaryDirectory() as folder:
        keys = await keys_of(folder, ids)
        fleet = [
            Who(charger_id, key, f"10.{1 + n // 60_000}.{n // 250 % 240}.{n % 250}")
            for n, (charger_id, key) in enumerate(zip(ids, keys, strict=True))
        ]
        program = [*csms_arguments(folder, station), "--trusted-proxy", "127.0.0.1", "--ocpp-rate-per-s", "10", *more]
        return await with_process(program, csms_port, lambda port, pid: measure(port, pid, sides, fleet))


def table(results: list[Measured], done: Counter[str]) -> str:
    """Return the results, reaction times also as multiples of the first."""
    first = results[0]
    lines = [
        (
            f"{'honest':10}{'answers':>9}{'median ms':>11}{'of calm':>9}{'p99 ms':>9}{'of calm':>9}"
            f"{'disconnected':>14}{'CPU of server':>15}"
        )
    ]
    for r in results:
        median, high = r.quantile_ms(0.5), r.quantile_ms(0.99)
        lines.append(
            f"{r.name:10}{len(r.reactions_ms):>9}{median:>11.2f}{median / (first.quantile_ms(0.5) or 1):>9.2f}"
            f"{high:>9.2f}{high / (first.quantile_ms(0.99) or 1):>9.2f}{r.disconnected:>14}"
            f"{100 * r.cpu_s / (r.wall_s or 1):>13.0f} %"
        )
    attacked_s = results[-1].wall_s or 1
    lines += [f"{what}: {count}, {count / attacked_s:.0f} a second" for what, count in sorted(done.items())]
    return "\n".join(lines)


def main() -> None:
    """Run from the command line."""
    configure(LogLevel.ERROR, LogFormat.AUTO)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--honest", type=int, default=1_000)
    parser.add_argument("--slow", type=int, default=500)
    parser.add_argument("--guessing", type=int, default=50)
    parser.add_argument("--hostile", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--no-statuses", action="store_true", help="the hostile send no StatusNotification")
    parser.add_argument("--server", nargs=argparse.REMAINDER, default=[], metavar="ARGUMENT")
    options = parser.parse_args()
    sides = Sides(
        options.honest,
        options.slow,
        options.guessing,
        options.hostile,
        options.rounds,
        options.seconds,
        statuses=not options.no_statuses,
    )
    raise_open_files(2 * (sides.honest + sides.slow + sides.guessing + sides.hostile) + 1_000)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(table(*runner.run(run(sides, tuple(options.server)))))


if __name__ == "__main__":
    main()
