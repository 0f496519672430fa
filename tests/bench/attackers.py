"""Those who attack a server, as a process of their own: `python -m tests.bench.attackers`, a plan on standard input.

    slow        TCP connections whose handshake never ends: a byte a second, dialled again when they are thrown out
    guessing    handshakes with wrong keys, each dialled as soon as the one before is answered
    hostile     chargers with keys that are right, which send valid messages as fast as they are read

The first line of standard input is the plan as JSON, its end is the end; printed then is what was done, as JSON.
"""

import asyncio
import itertools
import json
import os
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import uvloop

from tests.bench.light import LightCharger, Who, text_frame

BYTE_EACH_S = 1.0
FRAMES_AT_ONCE = 50
NICENESS = 10


@dataclass(frozen=True, slots=True)
class Plan:
    """Whom they attack and how many they are; `wrong` and `hostile` as rows of `Who`."""

    port: int
    slow: int
    wrong: list[list[str]]
    hostile: list[list[str]]
    statuses: bool = True

    def text(self) -> str:
        """Return it as one line."""
        return json.dumps(asdict(self))


async def creep(port: int, done: Counter[str]) -> None:
    """Hold a handshake open."""
    request = Who("HONEST0000", "00", "10.8.0.1").handshake()[:-2]
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            done["slow connections"] += 1
            for at in itertools.cycle(range(len(request))):
                writer.write(request[at : at + 1])
                await writer.drain()
                await asyncio.sleep(BYTE_EACH_S)
        except OSError:
            done["slow connections thrown out"] += 1


async def guess(port: int, who: Who, done: Counter[str]) -> None:
    """Knock with wrong keys, one after the other."""
    while True:
        try:
            charger = await LightCharger.dial(port, who)
        except OSError:
            continue
        done[f"wrong keys answered {charger.status.result()}"] += 1
        charger.transport.abort()


def valid_messages(number: int, *, statuses: bool) -> bytes:
    """Return messages of all kinds that an ordinary charger sends, valid every one."""
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    frames = bytearray()
    for n in range(FRAMES_AT_ONCE):
        sampled = [
            {"value": str(1000 + number), "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
            {"value": "0", "measurand": "Power.Active.Import", "unit": "W"},
        ]
        measured = {"connectorId": 1, "meterValue": [{"timestamp": stamp, "sampledValue": sampled}]}
        status = {"connectorId": 1, "errorCode": "NoError", "status": "Available", "timestamp": stamp}
        kinds: tuple[tuple[str, dict[str, object]], ...] = (
            ("MeterValues", measured),
            ("Heartbeat", {}),
            ("StatusNotification", status),
        )
        action, payload = kinds[n % (len(kinds) if statuses else 2)]
        frames += text_frame(json.dumps([2, f"{number}-{n}", action, payload]))
    return bytes(frames)


async def flood(port: int, who: Who, done: Counter[str], *, statuses: bool) -> None:
    """Send valid messages as fast as they are read."""
    while True:
        try:
            charger = await LightCharger.dial(port, who, reads_answers=False)
        except OSError:
            continue
        if charger.status.result() != 101:
            done["hostile not let in"] += 1
            await asyncio.sleep(1)
            continue
        charger.send(2, "boot", "BootNotification", {"chargePointVendor": "Bench", "chargePointModel": "Hostile"})
        try:
            for number in itertools.count():
                await charger.writable.wait()
                if charger.lost.done():
                    done["hostile thrown out"] += 1
                    break
                charger.transport.write(valid_messages(number, statuses=statuses))
                await asyncio.sleep(0)
        finally:
            done["valid messages answered"] += charger.answered


async def attack(plan: Plan) -> Counter[str]:
    """Attack until standard input ends."""
    done: Counter[str] = Counter()
    work = [
        *(creep(plan.port, done) for _ in range(plan.slow)),
        *(guess(plan.port, Who(*row), done) for row in plan.wrong),
        *(flood(plan.port, Who(*row), done, statuses=plan.statuses) for row in plan.hostile),
    ]
    tasks = [asyncio.create_task(each) for each in work]
    print("under way", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    assert not [task for task in tasks if task.done()], "attackers go on for ever"
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return done


def main() -> None:
    """Attack as the first line of standard input says."""
    os.nice(NICENESS)
    plan = Plan(**json.loads(sys.stdin.readline()))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(attack(plan))), flush=True)


if __name__ == "__main__":
    main()
