"""A small central system of bare frames, for chargers that do not keep to the rules, and the bench to meet them on.

It says yes to everything, keeps every text and every request of a handshake, and answers FormationViolation to what it
cannot read. It takes the first subprotocol that is offered, or none.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from simulators.build import Wanted
from simulators.cars import CarModel, flat_car
from simulators.clock import ManualClock
from simulators.driven import Driven, driven
from simulators.electrical import RateUnit

TIME = "2026-01-01T00:00:00Z"
PATIENCE_S = 30
DC = Wanted(connectors=2, max_w=200_000, phases=0, meter_interval_s=10)
AC = Wanted(connectors=2, max_w=22_000, phases=3, units=frozenset({RateUnit.A}), meter_interval_s=10)
BOTH_UNITS = Wanted(connectors=2, max_w=22_000, phases=3, meter_interval_s=10)
CAR = flat_car(150_000)
ONE_PHASE = CarModel("one phase", 50_000, 7_400, 1, ((0, 50_000), (1_000_000, 50_000)))
THREE_PHASES = CarModel("three phases", 50_000, 11_000, 3, ((0, 50_000), (1_000_000, 50_000)))


class Central:
    """Everything that the charger was seen to do, over all connections, and the last connection to it."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.unreadable: list[str] = []
        self.calls: list[tuple[str, Any]] = []
        self.ids: list[str] = []
        self.answers: list[list[Any]] = []
        self.refused: set[str] = set()
        """Actions that are answered with a CALLERROR."""
        self.tag_status = "Accepted"
        self.heartbeat_s = 300
        self.sockets: list[ServerConnection] = []
        self.url = ""
        self._connected: asyncio.Queue[ServerConnection] = asyncio.Queue()
        self._answered: asyncio.Queue[list[Any]] = asyncio.Queue()
        self._starts: dict[str, int] = {}
        self._asked = 0

    def of(self, action: str) -> list[Any]:
        return [payload for name, payload in self.calls if name == action]

    def actions(self) -> list[str]:
        return [name for name, _ in self.calls]

    def statuses(self, idx: int) -> list[str]:
        return [m["status"] for m in self.of("StatusNotification") if m["connectorId"] == idx]

    def samples(self, measurand: str) -> list[dict[str, Any]]:
        return [
            value
            for message in self.of("MeterValues")
            for element in message["meterValue"]
            for value in element["sampledValue"]
            if value["measurand"] == measurand
        ]

    def values(self, measurand: str) -> list[Any]:
        return [value["value"] for value in self.samples(measurand)]

    async def connected(self) -> ServerConnection:
        """Wait for the next connection."""
        return await self._connected.get()

    async def send(self, *frame: Any) -> None:
        await self.sockets[-1].send(json.dumps(frame))

    async def call(self, action: str, payload: Any) -> list[Any]:
        """Make a CALL and return the next answer that comes, whatever id it has."""
        self._asked += 1
        await self.send(2, f"c{self._asked}", action, payload)
        return await self.answer()

    async def answer(self) -> list[Any]:
        """Wait for the next answer."""
        async with asyncio.timeout(PATIENCE_S):
            return await self._answered.get()

    async def handle(self, socket: ServerConnection) -> None:
        self.sockets.append(socket)
        self._connected.put_nowait(socket)
        try:
            async for text in socket:
                assert isinstance(text, str)
                await self._take(socket, text)
        except ConnectionClosed:
            pass

    async def _take(self, socket: ServerConnection, text: str) -> None:
        self.texts.append(text)
        try:
            frame = json.loads(text)
        except ValueError:
            self.unreadable.append(text)
            found = re.match(r'\[2,"([^"]+)"', text)
            assert found, text
            await socket.send(json.dumps([4, found[1], "FormationViolation", "", {}]))
            return
        if frame[0] != 2:
            self.answers.append(frame)
            self._answered.put_nowait(frame)
            return
        _, unique_id, action, payload = frame
        self.ids.append(unique_id)
        self.calls.append((action, payload))
        if action in self.refused:
            await socket.send(json.dumps([4, unique_id, "InternalError", "", {}]))
        else:
            await socket.send(json.dumps([3, unique_id, self._answer(action, payload)]))

    def _answer(self, action: str, payload: Any) -> dict[str, Any]:
        if action == "StartTransaction":
            # The same start has the same id, however often it comes.
            key = json.dumps(payload, sort_keys=True)
            transaction_id = self._starts.setdefault(key, len(self._starts) + 1)
            return {"transactionId": transaction_id, "idTagInfo": {"status": self.tag_status}}
        fixed: dict[str, dict[str, Any]] = {
            "BootNotification": {"status": "Accepted", "currentTime": TIME, "interval": self.heartbeat_s},
            "Heartbeat": {"currentTime": TIME},
            "Authorize": {"idTagInfo": {"status": self.tag_status}},
        }
        return fixed.get(action, {})


class Bench:
    """A charger of some characters, driven by hand, and its central system."""

    def __init__(self, central: Central, here: Driven) -> None:
        self.central = central
        self.driven = here
        self.charger = here.charger

    async def connected(self) -> None:
        """Wait for the next connection and let the charger say on it what it has to say."""
        await self.driven.until(self.central.connected())
        await self.driven.link.up()
        await self.driven.link.idle()

    async def run(self, seconds: float) -> None:
        await self.driven.run(seconds)

    async def start(self, car: CarModel = CAR, **more: Any) -> None:
        await self.driven.start(car, **more)

    async def ask(self, action: str, payload: Any = None) -> list[Any]:
        """Make a CALL of the central system, let its consequences happen, and return the frame that answers it."""
        frame = await self.central.call(action, {} if payload is None else payload)
        await self.driven.settle()
        return frame

    async def status(self, action: str, payload: Any = None) -> str:
        """Return the status with which a CALL is answered."""
        status: str = (await self.ask(action, payload))[2]["status"]
        return status

    async def limit(self, limit: float, connector_id: int = 1, **more: Any) -> str:
        """Send a profile; return the status of its answer."""
        return await self.status("SetChargingProfile", limit_of(limit, connector_id, **more))

    def power_w(self, idx: int = 1) -> int:
        return self.driven.power_w(idx)


def limit_of(
    limit: float,
    connector_id: int = 1,
    *,
    unit: str = "W",
    purpose: str = "TxProfile",
    transaction_id: int | None = None,
    stack_level: int = 1,
    kind: str = "Absolute",
    phases: int | None = None,
) -> dict[str, Any]:
    """Return SetChargingProfile with one period; profile ids are one for each purpose and connector."""
    period: dict[str, Any] = {"startPeriod": 0, "limit": limit}
    if phases is not None:
        period["numberPhases"] = phases
    profile: dict[str, Any] = {
        "chargingProfileId": len(purpose) * 10 + connector_id,
        "stackLevel": stack_level,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": kind,
        "chargingSchedule": {"chargingRateUnit": unit, "chargingSchedulePeriod": [period]},
    }
    if kind == "Absolute":
        profile["chargingSchedule"]["startSchedule"] = "2020-01-01T00:00:00Z"
    if transaction_id is not None:
        profile["transactionId"] = transaction_id
    return {"connectorId": connector_id, "csChargingProfiles": profile}


def _first_or_none(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    return offered[0] if offered else None


@asynccontextmanager
async def serving(central: Central) -> AsyncIterator[None]:
    """Let a central system listen on a free port."""
    async with serve(
        central.handle, "127.0.0.1", 0, select_subprotocol=_first_or_none, compression=None, close_timeout=0.1
    ) as server:
        central.url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/ocpp"
        yield


@asynccontextmanager
async def unconnected(*characters: str, wanted: Wanted = DC, central: Central | None = None) -> AsyncIterator[Bench]:
    """Run a charger of these characters against a central system of its own, without waiting for it to connect."""
    central = central or Central()
    async with serving(central), driven("CP 1", wanted, central.url, ManualClock(), characters=characters) as here:
        yield Bench(central, here)


@asynccontextmanager
async def bench(*characters: str, wanted: Wanted = DC, central: Central | None = None) -> AsyncIterator[Bench]:
    """Run a charger of these characters that has connected and said what it has to say."""
    async with unconnected(*characters, wanted=wanted, central=central) as here:
        await here.connected()
        yield here
