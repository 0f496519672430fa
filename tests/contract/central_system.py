"""A whole central system in this process: the real gateway, core and SQLite file, on loopback, in a hurry.

The event loop of these tests counts its seconds `SPEED` times as fast as the world does. Whoever waits on it, the
station's loop, the links and the simulated chargers alike, waits the same share of their time; nothing else differs.
"""

import asyncio
import json
import selectors
import sqlite3
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from csms.core.commands import AbortConnection, Call, Command
from csms.core.events import Fact
from csms.core.ids import ChargerId, Now, RequestId
from csms.core.replies import ChargerView, Outcome
from csms.core.station import Charger, Control, Station
from csms.gateway.answers import Services
from csms.gateway.id_tags import OpenTags
from csms.gateway.registry import LinkRegistry
from csms.gateway.server import Gateway, GatewaySettings
from csms.runtime.charger_access import AccessBook
from csms.runtime.controller import Controller
from csms.runtime.knocking import KnockingLog
from csms.settings import UnknownChargers
from csms.store import SqlStore, open_store

SPEED = 20
PATIENCE_S = 1_200
"""On the loop's own clock: a minute of the world."""
T0_WALL_MS = 1_767_225_600_000
CP = ChargerId("CP001")
SITE = Station("SITE", 400_000, (Charger(CP, 200_000, 2, control=Control.OCPP),), fail_safe_chosen=True)


class _FastSelector(selectors.DefaultSelector):
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(None if timeout is None else timeout / SPEED)


class FastLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock runs `SPEED` times as fast."""

    def __init__(self) -> None:
        super().__init__(_FastSelector())

    def time(self) -> float:
        return super().time() * SPEED


def hurried(test: Coroutine[Any, Any, None]) -> None:
    """Run a test on a loop in a hurry."""
    with asyncio.Runner(loop_factory=FastLoop) as runner:
        runner.run(test)


class LoopClock:
    """The loop's time, for the central system and for simulated chargers."""

    def now(self) -> Now:
        mono_ms = int(asyncio.get_running_loop().time() * 1_000)
        return Now(mono_ms, T0_WALL_MS + mono_ms)

    def now_ms(self) -> int:
        return self.now().wall_ms

    async def sleep_until_ms(self, at_ms: int) -> None:
        if (left_ms := at_ms - self.now_ms()) > 0:
            await asyncio.sleep((left_ms + 1) / 1_000)


class _WatchedController(Controller):
    """The station's loop; everything that it is told is noted beside what it commands."""

    story: list[Fact | Command]

    def submit(self, fact: Fact) -> None:
        self.story.append(fact)
        super().submit(fact)

    def ask(self, make_fact: Callable[[RequestId], Fact]) -> "asyncio.Future[Outcome]":
        def noted(request: RequestId) -> Fact:
            fact = make_fact(request)
            self.story.append(fact)
            return fact

        return super().ask(noted)


class _WatchedLinks(LinkRegistry):
    story: list[Fact | Command]

    def send(self, command: Command) -> None:
        self.story.append(command)
        super().send(command)


async def _nothing() -> None:
    pass


@dataclass
class CentralSystem:
    """One run of it.

    Attributes:
        story: facts and commands, in their order.
        stop: ends it before its context does.
    """

    controller: Controller
    gateway: Gateway
    knocks: KnockingLog
    path: Path
    clock: LoopClock = field(default_factory=LoopClock)
    story: list[Fact | Command] = field(default_factory=list)

    stop: Callable[[], Coroutine[Any, Any, None]] = _nothing

    def __post_init__(self) -> None:
        self.port = self.gateway.port

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def charger(self) -> ChargerView:
        """Return what is committed of the one charger."""
        return self.controller.view.chargers[CP]

    @property
    def calls(self) -> list[Call]:
        """Return our CALLs so far."""
        return [one for one in self.story if hasattr(one, "token") and hasattr(one, "connection")]  # type: ignore[misc]

    def commands(self, kind: type[Any]) -> list[Any]:
        return [one for one in self.story if isinstance(one, kind)]

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Return the durable lines of the station's history of one kind, oldest first."""
        return [json.loads(row["detail"]) for row in self.rows("event_log") if row["kind"] == kind]

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return what is durable in a table, oldest first."""
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY rowid")]  # noqa: S608

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until `condition` holds."""
        end_ms = self.clock.now_ms() + PATIENCE_S * 1_000
        while not condition():
            assert self.clock.now_ms() < end_ms, f"never came to pass: {what}\n" + "\n".join(map(str, self.story))
            await asyncio.sleep(0.25)

    async def provisioned(self) -> None:
        await self.until(lambda: self.charger.online and self.charger.provisioned, "online and provisioned")


@asynccontextmanager
async def central_system(
    path: Path,
    station: Station = SITE,
    *,
    port: int = 0,
    unknown_chargers: UnknownChargers = UnknownChargers.REFUSE,
    clock: LoopClock | None = None,
) -> AsyncIterator[CentralSystem]:
    """Run a central system on a database file for as long as the context lasts."""
    clock, knocks, story = clock or LoopClock(), KnockingLog(), list[Fact | Command]()
    store = await open_store(f"sqlite:///{path}")
    assert isinstance(store, SqlStore), store
    registry = _WatchedLinks(lambda: controller)
    controller = _WatchedController(store, clock, registry)
    registry.story = controller.story = story
    await controller.start(station)
    services = Services(controller, store, OpenTags(), clock, lambda: str(uuid.uuid4()))
    settings = GatewaySettings(port=port, unknown_chargers=unknown_chargers, open_timeout_s=60)
    gateway = Gateway(settings, services, registry, knocks, AccessBook(store, clock))
    await gateway.start()
    loop = asyncio.create_task(controller.run())
    is_running = True

    async def stop() -> None:
        nonlocal is_running
        if is_running:
            is_running = False
            await gateway.stop()
            loop.cancel()
            await asyncio.gather(loop, return_exceptions=True)
            await store.close()

    try:
        yield CentralSystem(controller, gateway, knocks, path, clock, story, stop)
    finally:
        await stop()


def first_words(story: list[Fact | Command]) -> list[tuple[str, str]]:
    """Return by connection what came first: a fact that a frame was read, or a CALL of ours."""
    found: dict[int, str] = {}
    for one in story:
        connection = getattr(one, "connection", None)
        kind = type(one).__name__
        is_other = kind in {"ChargerConnected", "ChargerDisconnected"} or isinstance(one, AbortConnection)
        if connection is not None and not is_other:
            found.setdefault(connection, kind)
    return [(str(connection), kind) for connection, kind in sorted(found.items())]
