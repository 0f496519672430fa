"""The central system as `csms serve` puts it together, less REST, in this process and on a clock of the test's.

Gateway, peer, controller, core and SQLite store are the real ones. What the process logs as an error is kept: nothing
that a charger does may lead to one.
"""

import asyncio
import contextlib
import itertools
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol

import structlog
from structlog.typing import EventDict

from csms.core.events import StationConfigured
from csms.core.station import Station
from csms.energy.modelled import ModelledBattery, full_ppm
from csms.energy.watch import BatteryWatch
from csms.gateway.answers import Services
from csms.gateway.id_tags import OpenTags, TagPolicy
from csms.gateway.registry import LinkRegistry
from csms.gateway.server import Gateway, GatewaySettings
from csms.gateway.tls import Certificates
from csms.ports import Clock
from csms.runtime.charger_access import AccessBook
from csms.runtime.controller import Controller
from csms.runtime.desk import ChargersDesk, StationDesk
from csms.runtime.knocking import KnockingLog
from csms.runtime.messages import Messages
from csms.runtime.view import StationView
from csms.store import NotOpened, SqlStore, open_store
from tests.e2e.records import Records, read_records

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a folder of our own in it
"""Where there is one, no commit waits for a disk."""

ERRORS: Final = frozenset({"error", "critical", "exception"})


class WholeDesk(ChargersDesk, StationDesk, Protocol):
    """The desk of chargers and REST alike."""


@dataclass(frozen=True, slots=True)
class Site:
    """The running system.

    Attributes:
        url: where its gateway listens.
        tls_port: where it does with TLS, if it has certificates.
        errors: what it has logged as an error.
        store, messages: what REST shows of the past.
        access, registry: what REST changes keys by.
        battery: that of its configuration, computed; None: it has none.
    """

    controller: Controller
    knocks: KnockingLog
    url: str
    database: Path
    errors: list[str]
    store: SqlStore
    messages: Messages
    access: AccessBook
    registry: LinkRegistry
    tls_port: int | None = None
    battery: ModelledBattery | None = None

    @property
    def view(self) -> StationView:
        """Return what it shows of the station."""
        return self.controller.view

    async def set_capacity(self, capacity_w: int) -> None:
        """Change what the grid connection can give."""
        station = replace(self.view.station, grid_capacity_w=capacity_w)
        await self.controller.ask(lambda request: StationConfigured(station, request))

    def records(self) -> Records:
        """Return what is durable now."""
        return read_records(self.database)


@contextlib.asynccontextmanager
async def serving(station: Station, clock: Clock) -> AsyncIterator[Site]:
    """Run a central system of its own for as long as the context lasts."""
    with errors_logged() as errors, memory_folder() as folder:
        numbers = itertools.count(1)
        async with running(
            station, clock, folder / "csms.sqlite3", errors, new_id=lambda: f"session-{next(numbers)}"
        ) as site:
            yield site


@contextlib.asynccontextmanager
async def running(
    station: Station,
    clock: Clock,
    database: Path,
    errors: list[str],
    *,
    new_id: Callable[[], str],
    run: str = "test",
    port: int = 0,
    watched: Callable[[Controller], WholeDesk] = lambda controller: controller,
    policy: Callable[[SqlStore], TagPolicy] = lambda _: OpenTags(),
    certificates: Certificates | None = None,
) -> AsyncIterator[Site]:
    """Run a central system on a database for as long as the context lasts.

    Args:
        station: its configuration, if the database holds none.
        clock: where its time comes from.
        database: its file.
        errors: what it logs as an error (`errors_logged`).
        new_id: makes session ids that were never used before.
        run: what message ids begin with, unlike those of any other run on this database.
        port: where it listens; 0 for any free one.
        watched: makes the desk to which the gateway brings its facts.
        policy: makes what says who may charge.
        certificates: what it speaks TLS with at a port of its own; None: it does not.
    """
    store = await open_store(f"sqlite:///{database}")
    assert not isinstance(store, NotOpened), store.reason
    knocks, messages = KnockingLog(), Messages()
    registry = LinkRegistry(lambda: desk, run)
    modelled = battery = None
    if station.battery is not None:
        driver = modelled = ModelledBattery(station.battery, lambda: clock.now().mono_ms, full_ppm(station.battery))
        battery = BatteryWatch(lambda *_: driver, lambda: controller, lambda: clock.now().mono_ms)
        battery.configured(station.battery)
    controller = Controller(store, clock, registry, battery=battery)
    desk = watched(controller)
    await controller.start(seed=station)
    services = Services(
        desk=desk,
        transactions=store,
        id_tags=policy(store),
        clock=clock,
        new_id=new_id,
        record_frame=messages.record,
    )
    access = AccessBook(store, clock)
    gateway = Gateway(
        GatewaySettings(port=port), services, registry, knocks, access, certificates, computed_ms=lambda: 0.0
    )
    loop = asyncio.create_task(controller.run(), name="station loop")
    looking = None if battery is None else asyncio.create_task(battery.run(), name="battery")
    await gateway.start()
    await gateway.start_tls()
    try:
        url = f"ws://127.0.0.1:{gateway.port}"
        tls_port = gateway.tls_port
        yield Site(controller, knocks, url, database, errors, store, messages, access, registry, tls_port, modelled)
        assert not loop.done(), loop.exception()
    finally:
        await gateway.stop()
        tasks = [task for task in (loop, looking) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await store.close()


@contextlib.contextmanager
def memory_folder() -> Iterator[Path]:
    """Make a folder for the context, in memory where there is such a place."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder)


@contextlib.contextmanager
def errors_logged(logged: Callable[[EventDict], None] = lambda _: None) -> Iterator[list[str]]:
    """Collect what the central system logs as an error, show `logged` every line, and print nothing."""
    errors: list[str] = []

    def collect(_logger: Any, method: str, event: EventDict) -> EventDict:
        logged(event)
        if method in ERRORS:
            errors.append(str(structlog.processors.format_exc_info(None, method, event)))
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[collect], cache_logger_on_first_use=False)
    try:
        yield errors
    finally:
        structlog.configure(**before)
