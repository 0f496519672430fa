"""A gateway on a real loopback socket with a desk, a memory and a clock that belong to the test."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from csms.core.charger import new_charger
from csms.core.commands import LimitForm, Purpose, RateUnit, SetLimit
from csms.core.events import (
    ChargerConnected,
    Fact,
    KnownTransaction,
    StartKey,
    TransactionStarted,
    TransactionStopped,
)
from csms.core.ids import ChargerId, ConnectionId, Now, RequestId, SessionId, Token, TransactionId
from csms.core.replies import Confirmed, Outcome, StartConfirmed, StopConfirmed
from csms.core.station import Charger, Control, Station
from csms.core.views import charger_view
from csms.gateway.answers import Services
from csms.gateway.guests import Guests
from csms.gateway.id_tags import OpenTags, TagPolicy
from csms.gateway.registry import LinkRegistry
from csms.gateway.server import Gateway, GatewaySettings
from csms.gateway.tls import Certificates
from csms.ports import StoreError
from csms.runtime.charger_access import AccessBook
from csms.runtime.desk import Told
from csms.runtime.knocking import KnockingLog
from csms.runtime.messages import Messages
from csms.runtime.view import StationView
from csms.settings import UnknownChargers
from tests.access_memory import AccessInMemory
from tests.contract.conformance import assert_conforms

T = 1_767_225_600_000  # 2026-01-01T00:00:00Z
STAMP = "2026-01-01T00:00:00Z"
WATTS = LimitForm(RateUnit.W, 0, 230)
PATIENCE_S = 60
F = TypeVar("F")

STATION = Station(
    "ELECTRA",
    400_000,
    (
        Charger(ChargerId("CP001"), 200_000, 2),
        Charger(ChargerId("CP002"), 200_000, 2, control=Control.OCPP),
        Charger(ChargerId("RDAM 123"), 11_000, 1, phases=3),
        Charger(ChargerId("Zoë/1"), 11_000, 1, phases=3),
        Charger(ChargerId("GRIZZL"), 11_000, 1, phases=1, assume_ocpp16=True),
        Charger(ChargerId("REST"), 11_000, 1, control=Control.REST),
        Charger(ChargerId("NONE"), 11_000, 1, control=Control.NONE),
    ),
)


class ManualClock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.mono_ms = 1_000_000

    def now(self) -> Now:
        return Now(self.mono_ms, T + self.mono_ms - 1_000_000)


class FakeDesk:
    """Takes facts, and confirms those that somebody waits for in the loop's next turn unless told to hold."""

    def __init__(self) -> None:
        self.view = StationView(
            STATION, chargers={c.charger_id: charger_view(new_charger(c)) for c in STATION.chargers}
        )
        self.facts: list[Fact] = []
        self.asked: list[tuple[Fact, Told]] = []
        self._untold: list[tuple[Fact, Told]] = []
        self.holding = False
        self.failure: StoreError | None = None
        self._arrived = asyncio.Event()
        self._next_id = 0

    def submit(self, fact: Fact) -> None:
        self.facts.append(fact)
        self._arrived.set()

    def tell(self, make_fact: Callable[[RequestId], Fact], told: Told) -> None:
        self._next_id += 1
        fact = make_fact(RequestId(self._next_id))
        self.asked.append((fact, told))
        self._untold.append((fact, told))
        self.submit(fact)
        if not self.holding:
            asyncio.get_running_loop().call_soon(self.release)

    def release(self) -> None:
        untold, self._untold = self._untold, []
        for fact, told in untold:
            told(self.outcome(fact) if self.failure is None else self.failure)

    @staticmethod
    def outcome(fact: Fact) -> Outcome:
        if isinstance(fact, TransactionStarted):
            known = TransactionId(77) if fact.known is None else fact.known.transaction_id
            return StartConfirmed(known, fact.tag_status)
        if isinstance(fact, TransactionStopped):
            return StopConfirmed(fact.tag_status)
        return Confirmed()

    async def wait_for(self, kind: type[F], count: int = 1) -> F:
        """Wait for the `count`-th fact of a kind and return it."""
        async with asyncio.timeout(PATIENCE_S):
            while len(found := [fact for fact in self.facts if isinstance(fact, kind)]) < count:
                self._arrived.clear()
                await self._arrived.wait()
        return found[count - 1]

    def kinds(self) -> list[str]:
        return [type(fact).__name__ for fact in self.facts]


class FakeMemory:
    """What the store would remember."""

    def __init__(self) -> None:
        self.starts: dict[StartKey, KnownTransaction] = {}
        self.asked: list[StartKey] = []
        self.asked_ids: list[int] = []
        self.failure: StoreError | None = None
        self.stops: set[tuple[ChargerId, int, int]] = set()
        self.sessions: set[SessionId] = set()

    async def find_start(self, key: StartKey) -> KnownTransaction | None:
        self.asked.append(key)
        if self.failure is not None:
            raise self.failure
        return self.starts.get(key)

    async def find_stop(self, charger_id: ChargerId, stopped_ms: int, meter_stop_wh: int | None) -> bool:
        return (charger_id, stopped_ms, meter_stop_wh) in self.stops

    async def find_session(self, session_id: SessionId) -> bool:
        return session_id in self.sessions

    async def find_transaction(self, transaction_id: int) -> KnownTransaction | None:
        if self.failure is not None:
            raise self.failure
        self.asked_ids.append(transaction_id)
        return next((known for known in self.starts.values() if known.transaction_id == transaction_id), None)


class Client:
    """A charger made of bare frames, which takes nothing that does not conform."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self._counter = 0
        self._asked: dict[Any, str] = {}

    async def send(self, *frame: Any) -> None:
        match frame:
            case [2, str() | int() as message_id, str(action), _]:
                self._asked[message_id] = action
        await self.socket.send(json.dumps(frame))

    async def receive(self) -> list[Any]:
        async with asyncio.timeout(PATIENCE_S):
            frame: list[Any] = json.loads(await self.socket.recv())
        assert_conforms(frame, self._asked)
        return frame

    async def call(self, action: str, payload: object) -> list[Any]:
        """Send a CALL and return the next frame, which must be its answer."""
        self._counter += 1
        await self.send(2, str(self._counter), action, payload)
        frame = await self.receive()
        assert frame[1] == str(self._counter), frame
        return frame


@dataclass
class World:
    """Everything a test may touch."""

    desk: FakeDesk = field(default_factory=FakeDesk)
    memory: FakeMemory = field(default_factory=FakeMemory)
    clock: ManualClock = field(default_factory=ManualClock)
    knocks: KnockingLog = field(default_factory=KnockingLog)
    id_tags: TagPolicy = field(default_factory=OpenTags)
    max_half_open: int = 100
    unknown_chargers: UnknownChargers = UnknownChargers.REFUSE
    port: int = 0
    tls_port: int | None = None
    trusted_proxies: tuple[str, ...] = ()
    certificates: Certificates | None = None
    open_timeout_s: float = 20.0
    rate_per_s: int = 0
    refusal_pause_s: float = 0
    kept: AccessInMemory = field(default_factory=AccessInMemory)
    messages: Messages = field(default_factory=Messages)

    def __post_init__(self) -> None:
        self.registry = LinkRegistry(lambda: self.desk, "test")
        self.stop: Callable[[], Coroutine[Any, Any, None]]
        self.guests: Guests
        self.access = AccessBook(self.kept, self.clock)

    def url(self, path: str = "/CP001") -> str:
        return f"ws://127.0.0.1:{self.port}{path}"

    def secure_url(self, path: str = "/CP001") -> str:
        return f"wss://127.0.0.1:{self.tls_port}{path}"

    @asynccontextmanager
    async def client(self, path: str = "/CP001", /, **headers: str) -> AsyncIterator[Client]:
        async with self._connected(self.url(path), None, headers) as client:
            yield client

    @asynccontextmanager
    async def secure_client(
        self, tls: ssl.SSLContext, path: str = "/CP001", /, **headers: str
    ) -> AsyncIterator[Client]:
        async with self._connected(self.secure_url(path), tls, headers) as client:
            yield client

    @asynccontextmanager
    async def _connected(
        self, url: str, tls: ssl.SSLContext | None, headers: Mapping[str, str]
    ) -> AsyncIterator[Client]:
        connected = sum(isinstance(fact, ChargerConnected) for fact in self.desk.facts)
        async with connect(
            url,
            subprotocols=[Subprotocol("ocpp1.6")],
            compression=None,
            ssl=tls,
            additional_headers={name.replace("_", "-"): value for name, value in headers.items()},
        ) as socket:
            await self.desk.wait_for(ChargerConnected, connected + 1)
            yield Client(socket)

    def pass_time(self, ms: int) -> None:
        self.clock.mono_ms += ms
        self.registry.poll()
        self.guests.poll()

    def limit(self, token: int, idx: int = 1, connection: int = 1, *, urgent: bool = False) -> SetLimit:
        return SetLimit(
            token=Token(token),
            connection=ConnectionId(connection),
            charger_id=ChargerId("CP001"),
            idx=idx,
            purpose=Purpose.TX,
            limit_w=50_000,
            form=WATTS,
            transaction_id=TransactionId(77),
            urgent=urgent,
            cause="test",
        )


@asynccontextmanager
async def gateway(**parts: Any) -> AsyncIterator[World]:
    """Run a gateway on a free port."""
    world = World(**parts)
    services = Services(
        desk=world.desk,
        transactions=world.memory,
        id_tags=world.id_tags,
        clock=world.clock,
        new_id=lambda: "new-session",
        record_frame=world.messages.record,
    )
    server = Gateway(
        GatewaySettings(
            port=0,
            max_half_open=world.max_half_open,
            close_timeout_s=0.5,
            unknown_chargers=world.unknown_chargers,
            open_timeout_s=world.open_timeout_s,
            trusted_proxies=world.trusted_proxies,
            rate_per_s=world.rate_per_s,
            refusal_pause_s=world.refusal_pause_s,
        ),
        services,
        world.registry,
        world.knocks,
        world.access,
        world.certificates,
    )
    await server.start()
    await server.start_tls()
    world.tls_port = server.tls_port
    world.port, world.stop, world.guests = server.port, server.stop, server.guests
    try:
        yield world
    finally:
        await server.stop()
    assert (len(world.registry), len(world.guests)) == (0, 0), "every link has ended"
    assert not server._doors, "nobody is at TLS any more"
