"""Energy per session equals meterStop − meterStart, whatever happens on the way (OCPP 1.6 §3.7, §4.8, §4.10; I6, I7).

The way is the real one, from the JSON of a CALL to the rows of an SQLite file: `Answers`, the engine, the store. Random
chargers charge cars, on time or offline, some with a clock that was never set. Their messages come late, doubled and
out of order, answers are lost, the process dies before and after its commits, and everything is said again until it is
answered. At the end every charge has one record with its true energy and all of its readings, byte for byte. Where a
start tells no register, its energy is that from a register that was told, never more than the true one.
"""

import asyncio
import json
import random
import tempfile
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from csms.core.engine import Engine
from csms.core.events import ChargerConnected, ChargerHeard, Fact
from csms.core.ids import ChargerId, ConnectionId, Now, RequestId
from csms.core.records import StationStored
from csms.core.replies import Outcome
from csms.core.station import Charger, Control, Station
from csms.gateway.answers import Answers, Services, Waiting
from csms.gateway.id_tags import OpenTags
from csms.gateway.quiet_log import QuietLog
from csms.ocpp16.merging import merged
from csms.ocpp16.payloads import PayloadFault
from csms.ocpp16.peer import CallReceived
from csms.ocpp16.times import format_time
from csms.ports import StoreError
from csms.runtime.desk import Told
from csms.runtime.view import StationView
from csms.store import SqlStore, open_store, schema

T0_MS = 1_780_000_000_000
MINUTE_MS = 60_000
CONNECTORS = 2
STATION = Station(
    "SITE",
    400_000,
    tuple(Charger(ChargerId(name), 150_000, CONNECTORS, control=Control.OCPP) for name in ("A", "B")),
    fail_safe_chosen=True,
)


class Desk:
    """Takes facts until they are worked off."""

    view = StationView(STATION)

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.waiting: dict[RequestId, Told] = {}

    def submit(self, fact: Fact) -> None:
        self.facts.append(fact)

    def tell(self, make_fact: Callable[[RequestId], Fact], told: Told) -> None:
        request = RequestId(len(self.waiting) + 1)
        self.waiting[request] = told
        self.facts.append(make_fact(request))


class Central:
    """The central system, one process after another on one file."""

    def __init__(self, url: str, rng: random.Random) -> None:
        self.url = url
        self.rng = rng
        self.wall_ms = T0_MS
        self.mono_ms = 1_000_000
        self.sessions = 0

    def now(self) -> Now:
        return Now(self.mono_ms, self.wall_ms)

    async def boot(self) -> None:
        store = await open_store(self.url)
        assert isinstance(store, SqlStore), store
        self.store = store
        snapshot = await store.load()
        if snapshot.station is None:
            await store.commit([StationStored(STATION)])
            snapshot = await store.load()
        self.engine = Engine(snapshot, self.now())
        self.desk = Desk()
        self.answers: dict[str, Answers] = {}

    def connect(self, charger_id: str) -> None:
        """Begin a connection."""
        connection = ConnectionId(self.rng.getrandbits(40))
        services = Services(self.desk, self.store, OpenTags(), self, self._new_id)
        quiet = QuietLog(structlog.get_logger())
        self.answers[charger_id] = Answers(ChargerId(charger_id), connection, services, quiet)
        self.desk.submit(ChargerConnected(ChargerId(charger_id), connection))
        self.desk.submit(ChargerHeard(ChargerId(charger_id), connection))

    def _new_id(self) -> str:
        self.sessions += 1
        return f"session {self.sessions}"

    async def call(self, charger_id: str, action: str, payload: str) -> dict[str, Any] | None:
        """Return the confirmation, or None when the process died first."""
        if charger_id not in self.answers:
            self.connect(charger_id)
        answer = self.answers[charger_id].answer(CallReceived("1", action, payload.encode(), ("1", 0)))
        if isinstance(answer, Coroutine):
            answer = await answer
        assert not isinstance(answer, PayloadFault), answer
        if not isinstance(answer, Waiting):
            return answer
        outcomes: list[Outcome | StoreError] = []
        self.desk.tell(answer.make_fact, outcomes.append)
        if not await self._work_off():
            return None
        (outcome,) = outcomes
        assert not isinstance(outcome, StoreError), outcome
        return answer.confirmation_of(outcome)

    async def _work_off(self) -> bool:
        step = self.engine.step(self.desk.facts, self.now())
        self.desk.facts = []
        if self.rng.random() < 0.04:
            await self.die()
            return False
        await self.store.commit(step.records)
        if self.rng.random() < 0.04:
            await self.die()
            return False
        for reply in step.replies:
            self.desk.waiting[reply.request](reply.outcome)
        return True

    async def die(self) -> None:
        """Leave only what is durable."""
        await self.store.close()
        self.mono_ms = self.rng.randrange(1, 10**9)
        await self.boot()


@dataclass
class Charge:
    """What truly happened at one connector."""

    charger_id: str
    idx: int
    tag: str
    started_ms: int
    ended_ms: int
    meter_start_wh: int
    meter_stop_wh: int
    words: str | None
    tells_start: bool = True
    readings: list[str] = field(default_factory=list)
    at_the_end: list[str] = field(default_factory=list)
    transaction_id: int | None = None
    stopped: bool = False

    @property
    def is_told_from_any_other(self) -> bool:
        """Return whether its start, said once more, must be known again: by its time, or a register that has risen."""
        return self.words is None or (self.meter_start_wh > 0 and self.stopped and self.tells_start)

    def stamp(self, at_ms: int) -> str:
        return self.words if self.words is not None and at_ms == self.started_ms else format_time(at_ms)

    def messages(self) -> list[tuple[str, str]]:
        """Return its CALLs in their order; `%d` is for the transaction id."""
        start = {
            "connectorId": self.idx,
            "idTag": self.tag,
            "meterStart": self.meter_start_wh if self.tells_start else None,
            "timestamp": self.stamp(self.started_ms),
        }
        found = [("StartTransaction", json.dumps(start))]
        found += [
            ("MeterValues", f'{{"connectorId":{self.idx},"transactionId":%d,"meterValue":[{raw}]}}')
            for raw in self.readings
        ]
        stop = f'{{"transactionId":%d,"meterStop":{self.meter_stop_wh},"timestamp":"{self.stamp(self.ended_ms)}"'
        found.append(("StopTransaction", f'{stop},"transactionData":[{" , ".join(self.at_the_end)}]}}'))
        return found


def charges_of(charger_id: str, rng: random.Random) -> list[Charge]:
    """Return some charges, one after another on each connector, their times whole seconds."""
    clockless = rng.random() < 0.3
    tells_starts = rng.random() < 0.7
    found = []
    for idx in range(1, CONNECTORS + 1):
        at_ms, register_wh = T0_MS, rng.choice((0, 1_000, 5_000_000))
        for n in range(rng.randrange(4)):
            at_ms += rng.randrange(1, 120) * MINUTE_MS
            lasted_ms = rng.randrange(1, 90) * MINUTE_MS
            used_wh = rng.randrange(2, 2 + 100 * lasted_ms // MINUTE_MS)
            words = f"1970-01-01T00:{idx:02}:{n:02}Z" if clockless else None
            charge = Charge(
                charger_id,
                idx,
                f"TAG{rng.randrange(3)}",
                at_ms,
                at_ms + lasted_ms,
                register_wh,
                register_wh,
                words,
                tells_starts,
            )
            charge.meter_stop_wh += used_wh
            parts = rng.sample(range(5, 100, 5), rng.randrange(5))  # of a minute at least, so each has its own second
            for part in sorted(parts):
                stamp = format_time(at_ms + lasted_ms * part // 100)
                reading = f'{{ "timestamp":"{stamp}", "sampledValue":[{{"value":"{register_wh + used_wh * part // 100}"'
                signed = rng.choice(("", ',"format":"Raw"', ',"context" : "Sample.Clock"'))
                charge.readings.append(f"{reading}{signed}}}]\t}}")
            ends = (at_ms, charge.meter_start_wh), (at_ms + lasted_ms, charge.meter_stop_wh)
            charge.at_the_end = [*rng.sample(charge.readings, rng.randrange(len(charge.readings) + 1))]
            charge.at_the_end += [
                f'{{"sampledValue":[{{"format":"SignedData","value":"OCMF|\\u00e9|{wh}"}}],"timestamp":"{format_time(ms)}"}}'
                for ms, wh in ends
            ]
            found.append(charge)
            at_ms, register_wh = at_ms + lasted_ms, register_wh + used_wh
    return found


def shuffled(charges: list[Charge], rng: random.Random) -> list[tuple[Charge, str, str]]:
    """Return all messages in an order that a charger might send them in: a start comes before what needs its id.

    Charges whose start tells no register come one after another: what one ends at is where the next begins.
    """
    by_time = rng.random() < 0.5
    queues = [(charge, charge.messages()) for charge in sorted(charges, key=lambda c: c.started_ms)]
    found = []
    while queues:
        at = 0 if by_time or not all(charge.tells_start for charge in charges) else rng.randrange(len(queues))
        charge, messages = queues[at]
        overtaken = messages[0][0] != "StartTransaction" and len(messages) > 1 and rng.random() < 0.2
        later = rng.randrange(1, len(messages)) if overtaken else 0
        found.append((charge, *messages.pop(later)))
        if not messages:
            del queues[at]
    return found


async def live(central: Central) -> list[Charge]:
    """Let the chargers live until every message was answered; return what truly happened."""
    rng = central.rng
    await central.boot()
    charges = [charge for name in ("A", "B") for charge in charges_of(name, rng)]
    central.wall_ms += rng.choice((0, 6 * 60 * MINUTE_MS))
    said: list[tuple[Charge, str, str]] = []
    for message in shuffled(charges, rng):
        said.append(message)
        await say(central, *message)
        while rng.random() < 0.1:
            await say(central, *rng.choice([old for old in said if old[0].is_told_from_any_other] or [message]))
    return charges


async def say(central: Central, charge: Charge, action: str, payload: str) -> None:
    """Say a message until its answer has come, and sometimes once more."""
    rng = central.rng
    while True:
        central.wall_ms += (pause_ms := rng.choice((0, 10, 3_000, 20 * MINUTE_MS)))
        central.mono_ms += pause_ms
        if rng.random() < 0.05:
            central.connect(charge.charger_id)
        confirmation = await central.call(charge.charger_id, action, payload.replace("%d", str(charge.transaction_id)))
        if confirmation is None or rng.random() < 0.15:
            continue  # the answer was lost: the same again
        if action == "StartTransaction":
            given = confirmation["transactionId"]
            assert charge.transaction_id in (None, given), "one start, one id"
            charge.transaction_id = given
        charge.stopped |= action == "StopTransaction"
        if rng.random() < 0.9:
            return


async def rows_of(central: Central, table: Any) -> list[dict[str, Any]]:
    found = await central.store._database.run(lambda connection: connection.execute(table.select()).mappings().all())
    return [dict(row) for row in found]


@given(seed=st.integers(0, 2**32))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_energy_per_session_is_meter_stop_less_meter_start(seed: int) -> None:
    async def run(url: str) -> None:
        central = Central(url, random.Random(seed))
        charges = await live(central)
        sessions = {row["transaction_id"]: row for row in await rows_of(central, schema.session)}
        assert len(sessions) == len(charges) == len(await rows_of(central, schema.session))
        kept = await rows_of(central, schema.meter_sample)
        for charge in charges:
            row = sessions[charge.transaction_id]
            assert (row["charger_id"], row["idx"], row["id_tag"]) == (charge.charger_id, charge.idx, charge.tag)
            energy_wh, true_wh = (
                row["meter_stop_wh"] - row["meter_start_wh"],
                charge.meter_stop_wh - charge.meter_start_wh,
            )
            if charge.tells_start:
                assert energy_wh == true_wh
            else:
                assert 0 <= energy_wh <= true_wh
                assert {"no_meter_start", "suspect"} <= set(json.loads(row["flags"]))
            assert (row["ended_ms"], row["end_reason"]) == (charge.ended_ms, "Local")
            if charge.words is None:
                assert row["started_ms"] == charge.started_ms
                assert ("suspect" in row["flags"]) is not charge.tells_start
            raws = sorted(sample["raw_json"] for sample in kept if sample["session_id"] == row["session_id"])
            assert raws == sorted({*charge.readings, *charge.at_the_end}), "each once, byte for byte"
            values = list(merged(raws))
            assert len({value.identity for value in values}) == len(values) == len(raws)
        await central.store.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(f"sqlite:///{Path(folder) / 'site.sqlite3'}"))
