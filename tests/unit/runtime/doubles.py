"""Twins of the runtime's ports that live in memory: a disk that can be held or fail, chargers that answer, a clock."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from csms.core.commands import AbortConnection, Command, ReadConfiguration, SetLimit
from csms.core.events import (
    CallAnswered,
    CallSent,
    ChargerBooted,
    ChargerConnected,
    ChargerDisconnected,
    ChargerHeard,
    ChargerReported,
    ConfigurationRead,
    ConnectorStatus,
    KnownTransaction,
    StartKey,
    StatusNotified,
    TagStatus,
    TransactionStarted,
    TransactionStopped,
)
from csms.core.ids import ChargerId, ConnectionId, Now, RequestId, SessionId
from csms.core.records import Record, SessionStored, Snapshot
from csms.core.replies import Outcome, StartConfirmed
from csms.core.station import Station
from csms.ports import StoreError, StoreUnreachableError
from csms.runtime.controller import Controller
from tests.unit.core.driving import BOOT, KEYS, T0_WALL_MS
from tests.unit.core.memory import Memory

MOST_S = 20
SOME_TURNS = 5
"""Enough for what a step lets out to be queued again as facts."""


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until `condition` holds: after a step that took long the controller pauses for as long."""
    loop = asyncio.get_running_loop()
    given_up_s = loop.time() + MOST_S
    while not condition():
        assert loop.time() < given_up_s, "it never came to pass"
        await asyncio.sleep(0)


class HandClock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.wall_ahead_ms = 0

    def now(self) -> Now:
        return Now(1_000_000 + self.now_ms, T0_WALL_MS + self.now_ms + self.wall_ahead_ms)


class MemoryStore:
    """A store whose commits can be held back and can fail.

    Attributes:
        commits: the records of every commit that was made durable.
        waiting: commits that are held back now.
        failures: so many commits from now on fail.
        absences: so many loads from now on do not reach the store.
    """

    def __init__(self, site: Station | None = None, log: list[str] | None = None) -> None:
        self.memory = Memory(site)
        self.commits: list[list[Record]] = []
        self.waiting = 0
        self.failures = 0
        self.absences = 0
        self.unreadable = False
        self._open = asyncio.Event()
        self._open.set()
        self._log = [] if log is None else log

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold every commit back for the length of the block."""
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()

    async def load(self) -> Snapshot:
        if self.unreadable:
            raise StoreError("the disk is gone")
        if self.absences:
            self.absences -= 1
            raise StoreUnreachableError("the server is away")
        return self.memory.snapshot()

    async def commit(self, records: Sequence[Record]) -> None:
        self.waiting += 1
        try:
            await self._open.wait()
        finally:
            self.waiting -= 1
        if self.failures:
            self.failures -= 1
            raise StoreError("the disk is full")
        self.memory.apply(records)
        self.commits.append(list(records))
        self._log.append("commit")

    async def find_start(self, key: StartKey) -> KnownTransaction | None:
        return self.memory.find_start(key)

    async def find_stop(self, charger_id: ChargerId, stopped_ms: int, meter_stop_wh: int | None) -> bool:
        raise AssertionError(f"the loop asks for no stop: {charger_id}, {stopped_ms}, {meter_stop_wh}")

    async def find_transaction(self, transaction_id: int) -> KnownTransaction | None:
        return self.memory.find_transaction(transaction_id)

    async def find_session(self, session_id: SessionId) -> bool:
        return session_id in self.memory.sessions

    async def close(self) -> None:
        pass


class Links:
    """Chargers that hand over and accept every CALL at once, as long as they are told to."""

    def __init__(self, log: list[str]) -> None:
        self.controller: Controller | None = None
        self.sent: list[Command] = []
        self.answering = True
        self._log = log

    def send(self, command: Command) -> None:
        self.sent.append(command)
        self._log.append(_words(command))
        if isinstance(command, AbortConnection) or not self.answering or self.controller is None:
            return
        self.controller.submit(CallSent(command.token))
        if isinstance(command, ReadConfiguration):
            self.controller.submit(ConfigurationRead(command.token, KEYS))
        else:
            self.controller.submit(CallAnswered(command.token, "Accepted"))


def _words(command: Command) -> str:
    if isinstance(command, SetLimit):
        return f"{command.charger_id} {command.limit_w // 1_000} kW" if command.idx else f"{command.charger_id} default"
    return type(command).__name__


class Bench:
    """A controller between its doubles. `log`: commits, replies and commands in the order in which they happened."""

    def __init__(self, site: Station | None) -> None:
        self.log: list[str] = []
        self.clock = HandClock()
        self.store = MemoryStore(site, self.log)
        self.links = Links(self.log)
        self.controller = Controller(self.store, self.clock, self.links)
        self.links.controller = self.controller
        self._numbers = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["asyncio.Task[None]"]:
        """Start it, and run it for the length of the block."""
        await self.controller.start()
        task = asyncio.create_task(self.controller.run())
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def probe(self, name: str = "probe") -> "asyncio.Future[Outcome]":
        """Ask for something that changes nothing; it is answered after the commit of its step."""
        return self.controller.ask(lambda request: ChargerReported(ChargerId(name), "DataTransfer", "{}", request))

    async def settle(self) -> None:
        """Return when everything that was queued, and all that it brought about, is done."""
        quiet = 0
        while quiet < 2:
            before = len(self.log)
            await self.probe()
            for _ in range(SOME_TURNS):
                await asyncio.sleep(0)
            quiet = quiet + 1 if len(self.log) == before + 1 else 0  # nothing but the commit of the probe

    async def bring_up(self, *charger_ids: str) -> None:
        """Connect chargers of one connector each, and wait until they are provisioned."""
        for charger_id in charger_ids:
            connection = self.connect(charger_id)
            self.controller.submit(ChargerBooted(ChargerId(charger_id), connection, BOOT))
            self.controller.submit(StatusNotified(ChargerId(charger_id), 1, ConnectorStatus.AVAILABLE))
        await self.settle()
        shown = self.controller.view.chargers
        assert all(shown[ChargerId(c)].provisioned for c in charger_ids), "provisioned"

    def connect(self, charger_id: str) -> ConnectionId:
        self._numbers += 1
        connection = ConnectionId(self._numbers)
        self.controller.submit(ChargerConnected(ChargerId(charger_id), connection))
        self.controller.submit(ChargerHeard(ChargerId(charger_id), connection))
        return connection

    def disconnect(self, charger_id: str, connection: ConnectionId) -> None:
        self.controller.submit(ChargerDisconnected(ChargerId(charger_id), connection))

    def start(self, charger_id: str) -> "asyncio.Future[Outcome]":
        """Send a StartTransaction; its reply is logged when it is there."""
        self._numbers += 1
        session_id = SessionId(f"s{self._numbers}")
        key = StartKey(ChargerId(charger_id), 1, "TAG", T0_WALL_MS + self._numbers, 0)
        answer = self.controller.ask(
            lambda request: TransactionStarted(key, TagStatus.ACCEPTED, session_id, request=request)
        )
        answer.add_done_callback(lambda _: self.log.append(f"reply to {charger_id}"))
        return answer

    def stop(self, charger_id: str, transaction_id: int) -> "asyncio.Future[Outcome]":
        self._numbers += 1
        session_id = SessionId(f"s{self._numbers}")

        def fact(request: RequestId) -> TransactionStopped:
            return TransactionStopped(
                ChargerId(charger_id), transaction_id, 1_000, T0_WALL_MS + 10**6, session_id, request=request
            )

        return self.controller.ask(fact)

    def durable_sessions(self) -> list[SessionStored]:
        return list(self.store.memory.sessions.values())

    def limits(self) -> list[tuple[str, int]]:
        """Return the limits of transactions that have left so far: charger, kW."""
        return [(c.charger_id, c.limit_w // 1_000) for c in self.links.sent if isinstance(c, SetLimit) and c.idx]


async def transaction_of(answer: "asyncio.Future[Outcome]") -> int:
    outcome = await answer
    assert isinstance(outcome, StartConfirmed)
    return outcome.transaction_id
