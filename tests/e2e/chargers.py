"""Chargers for end-to-end tests: a simulated one in this process, watched at every tick, and one played by hand.

The simulated charger is the `simulators` package's own, on real time and a real socket. A test sees every frame as the
charger sees it, in order and at the moment it leaves or arrives, and what the charger obeys four times a second. The
one played by hand is a bare WebSocket: it says exactly what a test wants, and nothing else.
"""

import asyncio
import contextlib
import itertools
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from simulators.build import Wanted, build_charger
from simulators.car import Car, Temper
from simulators.cars import flat_car
from simulators.charger import Charger
from simulators.clock import WallClock
from simulators.connector import Connector
from simulators.link import Link, run_ticks
from tests.e2e.programs import until

OCPP16 = Subprotocol("ocpp1.6")
TAG: Final = "04A1B2C3D4"
CALL, RESULT, ERROR = 2, 3, 4

QUICK: Final = Temper(wake_up_ms=250, ramp_up_w_per_s=400_000, ramp_down_w_per_s=400_000)
"""A car that follows at once, for tests that are about the messages and not about the car."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One OCPP frame as a charger sees it; answers carry the action of their CALL."""

    is_sent: bool
    kind: int
    message_id: str
    action: str
    payload: dict[str, Any]

    @property
    def limit(self) -> float | None:
        """Return the first limit of a SetChargingProfile, None for any other frame."""
        if (self.kind, self.action) != (CALL, "SetChargingProfile"):
            return None
        periods = self.payload["csChargingProfiles"]["chargingSchedule"]["chargingSchedulePeriod"]
        return float(periods[0]["limit"])

    @property
    def is_tx_profile(self) -> bool:
        """Return whether it is the limit of a transaction."""
        return self.limit is not None and self.payload["csChargingProfiles"]["chargingProfilePurpose"] == "TxProfile"


@dataclass(frozen=True, slots=True)
class Tick:
    """What a charger obeys and draws at one instant, by connector; W."""

    limits_w: dict[int, int]
    powers_w: dict[int, int]


class _FrameTap(logging.Handler):
    """Takes the frames of one charger out of the simulators' log of frames."""

    def __init__(self, charger_id: str, seen: Callable[[bool, str], None]) -> None:
        super().__init__()
        self._charger_id = charger_id
        self._seen = seen

    def emit(self, record: logging.LogRecord) -> None:
        if not isinstance(record.args, tuple) or len(record.args) != 2:
            return  # the package's own remark that it received a CALLERROR
        charger_id, text = record.args
        if charger_id == self._charger_id:
            self._seen("send" in record.msg, str(text))


@dataclass(slots=True)
class SimulatedCharger:
    """A running simulated charger."""

    charger: Charger
    link: Link
    frames: list[Frame] = field(default_factory=list)
    ticks: list[Tick] = field(default_factory=list)
    on_frame: Callable[[Frame], None] = lambda _: None
    told: list[str] = field(default_factory=list)

    def connector(self, idx: int) -> Connector:
        """Return a connector."""
        found = self.charger.connector(idx)
        assert found is not None
        return found

    def start(self, idx: int, car: Car | None = None, tag: str = TAG) -> None:
        """Plug a car in and present a tag; by default a quick car of 150 kW."""
        connector = self.connector(idx)
        self.charger.sessions.plug(connector, car or Car(flat_car(150_000), connector.supply, temper=QUICK))
        self.charger.sessions.swipe(tag, connector)
        self.link.nudge()

    def stop(self, idx: int, tag: str = TAG) -> None:
        """Present the tag again: the transaction ends."""
        self.charger.sessions.swipe(tag, self.connector(idx))
        self.link.nudge()

    def transaction_id(self, idx: int) -> int | None:
        """Return the id of the connector's running transaction, None without one or while it is not known."""
        transaction = self.connector(idx).transaction
        return None if transaction is None else transaction.transaction_id

    def limit_w(self, idx: int) -> int:
        """Return what profiles and hardware leave to a connector now."""
        return self.charger.flow.limit_w(self.connector(idx), self.charger.clock.now_ms())

    def sent(self, action: str) -> list[Frame]:
        """Return the CALLs of one action that this charger has made."""
        return [frame for frame in self.frames if frame.is_sent and (frame.kind, frame.action) == (CALL, action)]

    def received(self, action: str) -> list[Frame]:
        """Return the CALLs of one action that this charger was sent."""
        return [frame for frame in self.frames if not frame.is_sent and (frame.kind, frame.action) == (CALL, action)]

    def answered(self, action: str) -> int:
        """Return how many CALLs of one action this charger got a CALLRESULT for."""
        return sum(not f.is_sent and (f.kind, f.action) == (RESULT, action) for f in self.frames)

    def errors(self, action: str) -> int:
        """Return how many CALLs of one action this charger got a CALLERROR for."""
        return sum(not f.is_sent and (f.kind, f.action) == (ERROR, action) for f in self.frames)

    async def provisioned(self) -> None:
        """Wait until every idle connector obeys the fail-safe power, 0, and nothing foreign is left to be cleared."""

        def look() -> bool:
            count = len(self.charger.connectors)
            cleared = sum(f.is_sent and (f.kind, f.action) == (RESULT, "ClearChargingProfile") for f in self.frames)
            return cleared >= self.charger.profiles.capabilities.max_stack_level + count and not any(
                self.limit_w(idx) for idx in range(1, count + 1)
            )

        await until(look, lambda: f"provisioned:\n{self.story()}")

    def _tick(self, at_ms: int) -> None:
        connectors = self.charger.connectors
        self.ticks.append(
            Tick(
                {c.idx: self.charger.flow.limit_w(c, at_ms) for c in connectors},
                {c.idx: c.power_w for c in connectors},
            )
        )

    def _frame(self, is_sent: bool, text: str) -> None:  # noqa: FBT001 - the tap's signature
        kind, message_id, *rest = json.loads(text)
        if kind == CALL:
            frame = Frame(is_sent, kind, message_id, rest[0], rest[1])
        else:
            asked = next(f for f in reversed(self.frames) if f.kind == CALL and f.message_id == message_id)
            frame = Frame(is_sent, kind, message_id, asked.action, rest[0] if kind == RESULT else {})
        self.frames.append(frame)
        self.on_frame(frame)

    def story(self) -> str:
        """Return what happened at this charger, for the message of a failed assertion."""
        kinds = {CALL: "", RESULT: " answer", ERROR: " error"}
        lines = [f"{'→' if f.is_sent else '←'} {f.action}{kinds[f.kind]} {json.dumps(f.payload)}" for f in self.frames]
        return "\n".join([*self.told, *lines])


@contextlib.asynccontextmanager
async def simulated(
    url: str,
    charger_id: str,
    *,
    max_w: int = 200_000,
    connectors: int = 2,
    phases: int = 0,
    meter_interval_s: int = 1,
    clock: WallClock | None = None,
) -> AsyncIterator[SimulatedCharger]:
    """Run a simulated charger for as long as the context lasts; `max_w` is what its hardware could give."""
    clock = clock or WallClock()
    told: list[str] = []
    charger = build_charger(
        charger_id, Wanted(connectors, max_w, phases=phases, meter_interval_s=meter_interval_s), clock, tell=told.append
    )
    link = Link(charger, url, clock, frames=True)
    watched = SimulatedCharger(charger, link, told=told)
    frames_log = logging.getLogger("simulators.frames")
    tap = _FrameTap(charger_id, watched._frame)
    frames_log.addHandler(tap)
    propagates, frames_log.propagate = frames_log.propagate, False  # the story of a failed assertion shows them once
    tasks = [asyncio.create_task(link.run()), asyncio.create_task(run_ticks(charger, link, clock, watched._tick))]
    try:
        yield watched
        for task in tasks:
            assert not task.done(), task.exception()
    finally:
        frames_log.removeHandler(tap)
        frames_log.propagate = propagates
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


# --- played by hand ---------------------------------------------------------------------------------------------------

POLITE: Final[Mapping[str, dict[str, Any]]] = {
    "GetConfiguration": {"configurationKey": [], "unknownKey": []},
    "SetChargingProfile": {"status": "Accepted"},
    "ClearChargingProfile": {"status": "Unknown"},
    "TriggerMessage": {"status": "Accepted"},
    "ChangeConfiguration": {"status": "Accepted"},
    "RemoteStartTransaction": {"status": "Accepted"},
    "RemoteStopTransaction": {"status": "Accepted"},
}
"""How a charger answers that does what it is told."""


class HandCharger:
    """A bare OCPP-J client; answers CALLs from a table, in which None means silence, and a word a CALLERROR."""

    def __init__(
        self, socket: ClientConnection, answers: Mapping[str, dict[str, Any] | str | None], patience_s: float
    ) -> None:
        self.socket = socket
        self.received: list[tuple[str, dict[str, Any]]] = []
        self._answers = answers
        self.ids: Iterator[int] = itertools.count(1)
        self._patience_s = patience_s
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for text in self.socket:
                kind, message_id, *rest = json.loads(text)
                if kind == CALL:
                    self.received.append((rest[0], rest[1]))
                    answer = self._answers[rest[0]]
                    if isinstance(answer, str):
                        await self.socket.send(json.dumps([ERROR, message_id, answer, "", {}]))
                    elif answer is not None:
                        await self.socket.send(json.dumps([RESULT, message_id, answer]))
                else:
                    assert kind == RESULT, text
                    self._waiting.pop(message_id).set_result(rest[0])

    async def call(self, action: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Make a CALL and return the payload of its CALLRESULT."""
        message_id = f"hand-{next(self.ids)}"
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[message_id] = answer
        await self.socket.send(json.dumps([CALL, message_id, action, payload]))
        async with asyncio.timeout(self._patience_s):
            return await answer

    async def boot(self, connectors: int = 1) -> None:
        """Say hello: BootNotification, and a status of every connector."""
        booted = await self.call("BootNotification", {"chargePointVendor": "Hand", "chargePointModel": "Made"})
        assert booted["status"] == "Accepted"
        for idx in range(connectors + 1):
            await self.status(idx, "Available")

    async def status(self, idx: int, status: str) -> None:
        """Send a StatusNotification."""
        await self.call("StatusNotification", {"connectorId": idx, "errorCode": "NoError", "status": status})

    async def asked(self, action: str) -> dict[str, Any]:
        """Wait until this charger is sent a CALL of that action and return the payload of the first one."""
        found = await until(
            lambda: [payload for name, payload in self.received if name == action],
            lambda: f"{action} in {self.received}",
        )
        return found[0]

    async def end(self) -> None:
        """Forget about it."""
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        for answer in self._waiting.values():
            answer.cancel()


@contextlib.asynccontextmanager
async def by_hand(
    url: str,
    charger_id: str,
    answers: Mapping[str, dict[str, Any] | str | None] | None = None,
    *,
    patience_s: float = 20,
) -> AsyncIterator[HandCharger]:
    """Connect a charger that is played by hand; `answers` replaces rows of `POLITE`."""
    async with connect(f"{url}/{charger_id}", subprotocols=[OCPP16], compression=None, proxy=None) as socket:
        charger = HandCharger(socket, {**POLITE, **(answers or {})}, patience_s)
        try:
            yield charger
        finally:
            await charger.end()
