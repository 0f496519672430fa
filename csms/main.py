"""The composition root: the only module that knows every other one, and the order in which they start and stop.

    store → id tags → configuration → controller (recovery) → listeners → the loop
                                                                 and back again on SIGTERM or SIGINT

Chargers are let in only when the core has been rebuilt from the store. On the way down their sockets go first, then
what was taken in is committed, then the store is let go of. Exit status: 0 stopped as asked, 1 something outside is in
the way (a taken port, an unusable file), 2 asked wrongly, 3 the station's loop halted itself, 4 the event loop
stood still (`csms.obs.watchdog`).
"""

import asyncio
import contextlib
import faulthandler
import gc
import os
import signal
import socket
import sys
import uuid
import zoneinfo
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any, Protocol, TypeVar

import structlog
from fastapi import FastAPI

from api.app import create_app
from api.gate import Door
from api.names import names_for
from api.services import Services as RestServices
from csms.core.battery import PERCENT_PPM
from csms.core.configuration import difference, load_document, parse_station
from csms.core.events import StationConfigured
from csms.core.faults import Fault
from csms.core.station import Battery, Station
from csms.doors import Doors, DoorShutError, RestServer, doors_text, listening_socket, rest_served
from csms.energy.meters import MeterPoller
from csms.energy.modbus import open_modbus
from csms.energy.modbus_battery import ModbusBattery
from csms.energy.modelled import ModelledBattery, full_ppm
from csms.energy.ports import BatteryDriver
from csms.energy.pushed import BatteryDoor
from csms.energy.watch import BatteryWatch, MakeDriver
from csms.gateway.answers import Services as ChargerServices
from csms.gateway.id_tags import KnownTags, TagPolicy, load_id_tags
from csms.gateway.registry import LinkRegistry
from csms.gateway.server import Gateway, GatewaySettings
from csms.gateway.tls import Certificates, TlsFiles, TlsFilesError
from csms.obs.logs import configure
from csms.obs.supervisor import READY, STOPPING, Supervisor
from csms.obs.watchdog import STDERR, Patience, Watchdog, watched
from csms.open_files import check_limit, raise_limit
from csms.ports import StoreError
from csms.runtime.access_keys import KeyRing
from csms.runtime.audit import AuditBook
from csms.runtime.charger_access import AccessBook
from csms.runtime.clock import SystemClock
from csms.runtime.continuity import EnergyWatch
from csms.runtime.controller import Controller, StationHalted
from csms.runtime.housekeeping import Housekeeper, Retention
from csms.runtime.id_tags import TagBook
from csms.runtime.knocking import KnockingLog
from csms.runtime.local_lists import LocalLists
from csms.runtime.messages import Messages
from csms.settings import Settings, is_loopback
from csms.store import NotOpened, SqlStore, open_store

_log = structlog.get_logger()

DONE, IN_THE_WAY, USAGE, HALTED = 0, 1, 2, 3

YOUNG_MAX = 10_000
"""New objects between two visits of the garbage collector; Python's own 700 are fewer than the messages that wait for
one commit hold."""


class StartFailed(Exception):  # noqa: N818 - it names what happened
    """The server cannot start; `lines` say why and what to do, `status` is the exit status."""

    def __init__(self, status: int, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.status = status
        self.lines = lines


def serve(settings: Settings) -> int:
    """Run the central system until SIGTERM or SIGINT; return the exit status."""
    configure(settings.log_level, settings.log_format)
    faulthandler.enable(STDERR)  # what ends us from outside, such as systemd's watchdog, has the stacks written, too
    try:
        with asyncio.Runner(loop_factory=_new_event_loop) as runner:
            return runner.run(_serve(settings))
    except StartFailed as failure:
        lines, status = failure.lines, failure.status
    except DoorShutError as failure:
        lines, status = failure.lines, IN_THE_WAY
    for line in lines:
        print(f"csms serve: {line}", file=sys.stderr)  # noqa: T201 - the program's own words to its user
    return status


async def _serve(settings: Settings) -> int:
    """Put everything together, run it, take it apart."""
    stop = _stop_on_signals()
    wanted = _read_configuration(settings.config)
    other_tags, clock = _read_id_tags(settings), SystemClock()
    certificates = _certificates(settings, clock)
    async with _store(settings.database) as store:
        knocks, messages = KnockingLog(), Messages()
        registry = LinkRegistry(lambda: controller)
        batteries = BatteryDoor(_battery_drivers(clock))
        battery = BatteryWatch(batteries.make, lambda: controller, lambda: clock.now().mono_ms)
        controller = Controller(store, clock, registry, battery=battery)
        station = await _start(controller, wanted)
        tags, audit = await _loaded(TagBook(store, clock)), await _loaded(AuditBook(store, clock))
        door = await _rest_door(settings, store, clock)
        access = await _loaded(AccessBook(store, clock))
        _watch_open_files(controller)
        gateway = Gateway(
            GatewaySettings(
                host=settings.ocpp_host,
                port=settings.ocpp_port,
                unknown_chargers=settings.unknown_chargers,
                tls_port=settings.ocpp_tls_port,
                trusted_proxies=settings.trusted_proxy,
                rate_per_s=settings.ocpp_rate_per_s,
            ),
            ChargerServices(
                desk=controller,
                transactions=store,
                id_tags=KnownTags(tags, other_tags),
                clock=clock,
                new_id=lambda: str(uuid.uuid4()),
                heartbeat_interval_s=settings.heartbeat_interval_s,
                record_frame=messages.record,
            ),
            registry,
            knocks,
            access,
            certificates,
        )
        lists = LocalLists(store, controller, tags, clock, lambda: str(uuid.uuid4()))
        rest = RestServices(
            desk=controller,
            store=store,
            knocking=knocks.recent,
            new_id=lambda: str(uuid.uuid4()),
            end_safe_mode=controller.end_safe_mode,
            virtual_tag=settings.virtual_id_tag,
            time_zones=zoneinfo.available_timezones(),
            id_tags=tags,
            local_lists=lists,
            charger_access=access,
            change_key=registry.change_key,
            wall_ms=lambda: clock.now().wall_ms,
            push_battery=batteries.push,
            messages=messages,
            audit=audit,
            wait_s=settings.request_wait_s,
        )
        loop = asyncio.create_task(controller.run(), name="station loop")
        try:
            await _apply_configuration(controller, station, wanted, replace=settings.replace_config)
            await _begin_with_battery(battery, controller)
            watch = EnergyWatch(controller, store, clock)
            keeper = Housekeeper(store, clock, _retention(settings))
            beside = (keeper.run(), watch.run(), lists.run(), _meter_read(controller, clock), battery.run())
            async with contextlib.AsyncExitStack() as helpers:
                for work in beside:
                    await helpers.enter_async_context(_beside(work))
                await helpers.enter_async_context(_kept_fresh(certificates))
                return await _listen(settings, gateway, create_app(rest, door), controller, loop, stop)
        finally:
            loop.cancel()
            await asyncio.gather(loop, return_exceptions=True)


async def _listen(
    settings: Settings,
    gateway: Gateway,
    rest: FastAPI,
    controller: Controller,
    loop: "asyncio.Task[None]",
    stop: asyncio.Event,
) -> int:
    """Open the doors until told to stop, or until the station's loop ends by itself."""
    bound = listening_socket("REST", settings.host, settings.port, "--port")
    supervisor = Supervisor(os.environ)
    watchdog = Watchdog(Patience(settings.stall_report_s, settings.stall_exit_s), supervisor)
    looked_after = watched(watchdog, _commits_go_on(controller))
    # Left in reverse: chargers go first, so that requests which wait for one are answered before REST goes.
    async with looked_after, rest_served(RestServer(rest), bound), _chargers_let_in(gateway, settings):
        _spare_what_stays()
        doors = Doors(
            settings.host,
            bound.getsockname()[1],
            settings.ocpp_host,
            gateway.port,
            rest_needs_keys=settings.rest_needs_keys,
            tls_port=gateway.tls_port,
            asks_certificates=settings.ocpp_client_ca is not None,
        )
        _say(doors_text(doors, controller.view.station, settings.id_tags_in_force))
        supervisor.say(READY)
        stopping = asyncio.create_task(stop.wait(), name="stop signal")
        await asyncio.wait({loop, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        supervisor.say(STOPPING)
    return _end(loop)


def _commits_go_on(controller: Controller) -> Callable[[], bool]:
    """Return what says whether the disk still takes something: no commit has been under way since it was last asked."""
    before = 0

    def goes_on() -> bool:
        nonlocal before
        number, before = before, controller.commit_under_way
        return before == 0 or before != number

    return goes_on


def _end(loop: "asyncio.Task[None]") -> int:
    """Return the exit status: the loop ends only when it halted, or could not even read the store any more."""
    if not loop.done():
        _say("csms serve: stopped")
        return DONE
    error = loop.exception()
    if isinstance(error, StationHalted):
        raise StartFailed(HALTED, f"the station's loop has halted: {error}")
    if isinstance(error, StoreError):
        raise StartFailed(IN_THE_WAY, f"the store is lost: {error}")
    if error is not None:
        raise error
    return DONE


# --- what is asked for ------------------------------------------------------------------------------------------------


def _read_configuration(path: Path | None) -> Station | None:
    """Return the station of a configuration file; every fault of the file is told at once."""
    if path is None:
        return None
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StartFailed(USAGE, f"--config: {path} cannot be read: {error}") from None
    document = load_document(text)
    faults: tuple[Fault, ...]
    if isinstance(document, tuple):
        faults = document
    else:
        station = parse_station(document, time_zones=zoneinfo.available_timezones())
        if isinstance(station, Station):
            return station
        faults = station
    hint = "`csms config check FILE` says the same"
    raise StartFailed(USAGE, f"--config: {path} is not a valid configuration ({hint}):", *map(str, faults))


def _read_id_tags(settings: Settings) -> TagPolicy:
    policy = load_id_tags(settings.id_tags_in_force, settings.virtual_id_tag)
    if isinstance(policy, tuple):
        raise StartFailed(USAGE, f"--id-tags: {settings.id_tags} is not a valid list:", *map(str, policy))
    return policy


@contextlib.asynccontextmanager
async def _store(url: str) -> AsyncIterator[SqlStore]:
    opened = await open_store(url)
    if isinstance(opened, NotOpened):
        raise StartFailed(IN_THE_WAY, f"--database: {opened.reason}")
    try:
        yield opened
    finally:
        with contextlib.suppress(StoreError):  # on the way out, and everything acknowledged is durable already
            await opened.close()


def _retention(settings: Settings) -> Retention:
    return Retention(settings.keep_samples_days, settings.keep_log_days, settings.keep_log_rows)


@contextlib.asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Have histories kept within bounds, or days looked at; should that fail, nothing else does."""
    task = asyncio.create_task(work, name="housekeeping")
    task.add_done_callback(_report_failure)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _report_failure(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("housekeeping.failed", exc_info=error)


async def _start(controller: Controller, wanted: Station | None) -> Station:
    """Rebuild the core from the store, or seed an empty one."""
    try:
        station = await controller.start(seed=wanted)
    except StoreError as error:
        raise StartFailed(IN_THE_WAY, f"--database: {error}") from None
    if station is None:
        hint = "give one with --config FILE, for example --config examples/station_config.json"
        raise StartFailed(USAGE, f"the store holds no station configuration yet: {hint}")
    return station


class _Loads(Protocol):
    async def load(self) -> None: ...


L = TypeVar("L", bound=_Loads)


async def _loaded(kept: L) -> L:
    """Return what is kept in memory, read from the store; raise StartFailed."""
    try:
        await kept.load()
    except StoreError as error:
        raise StartFailed(IN_THE_WAY, f"--database: {error}") from None
    return kept


async def _rest_door(settings: Settings, store: SqlStore, clock: SystemClock) -> Door:
    """Return how REST is entered: with a key that is in force, unless that is not needed."""
    alone, needs_keys = is_loopback(settings.host), settings.rest_needs_keys
    names = names_for(
        settings.host, settings.rest_host_names, is_loopback=alone, with_keys=needs_keys, own_name=socket.gethostname()
    )
    if not needs_keys:
        if not alone:
            _log.warning("rest.open_to_all", host=settings.host, to_do="make a key, and leave --rest-access at auto")
        return Door(None, names, settings.rest_rate_per_s)
    keys = await _loaded(KeyRing(store, clock))
    if not keys.lets_somebody_in:
        why = "--rest-access keys" if alone else f"--host {settings.host} is more than this machine"
        raise StartFailed(
            USAGE,
            f"REST needs a key ({why}), and none is in force; make one, with the same --database:",
            "  csms keys create NAME --role admin",
            "which shows it once. Or listen on this machine alone (--host 127.0.0.1); or, where the network itself",
            "keeps strangers out, let everybody in who reaches it: --rest-access open.",
        )
    return Door(keys, names, settings.rest_rate_per_s)


def _certificates(settings: Settings, clock: SystemClock) -> Certificates | None:
    """Return the certificates for chargers, read once before anything is opened; None: there are none."""
    if not settings.ocpp_tls_cert:
        return None
    pairs = tuple(zip(settings.ocpp_tls_cert, settings.ocpp_tls_key, strict=True))
    try:
        return Certificates(TlsFiles(pairs, settings.ocpp_client_ca), clock)
    except TlsFilesError as error:
        raise StartFailed(USAGE, f"--ocpp-tls-cert, --ocpp-tls-key, --ocpp-client-ca: {error}") from None


@contextlib.asynccontextmanager
async def _kept_fresh(certificates: Certificates | None) -> AsyncIterator[None]:
    """Have certificates taken up when their files change."""
    if certificates is None:
        yield
        return
    async with _beside(certificates.run()):
        yield


def _battery_drivers(clock: SystemClock) -> MakeDriver:
    """Return what makes the drivers of batteries.

    One of which nothing but its configuration is known is computed, and full unless told.
    """

    def make(battery: Battery, soc_ppm: int | None) -> BatteryDriver:
        if battery.modbus is not None:
            return ModbusBattery(battery.modbus, lambda: clock.now().mono_ms)
        return ModelledBattery(battery, lambda: clock.now().mono_ms, full_ppm(battery) if soc_ppm is None else soc_ppm)

    return make


async def _begin_with_battery(battery: BatteryWatch, controller: Controller) -> None:
    """Look after the battery of the configuration, now and with each configuration; read it before any door opens.

    What a computed one had left when the process before ended is not known: it begins at its reserve, which promises
    nothing, and is charged.
    """
    view = controller.view
    if view.station.battery is not None and not controller.is_new:
        battery.last_known(view.station.battery.reserve_percent * PERCENT_PPM)

    def configured() -> None:
        battery.configured(view.station.battery)

    configured()
    view.watchers.append(configured)
    await battery.look()


def _meter_read(controller: Controller, clock: SystemClock) -> Coroutine[Any, Any, None]:
    """Return what has the site's meter read, now and as each configuration says."""
    view = controller.view
    poller = MeterPoller(lambda: view.station, controller.submit, open_modbus, clock)
    view.watchers.append(poller.look_again)
    return poller.run()


def _watch_open_files(controller: Controller) -> None:
    """Have chargers that are too many for this process told, now and with each configuration."""
    limit, view = raise_limit(), controller.view

    def check() -> None:
        check_limit(limit, view.station)

    check()
    view.watchers.append(check)


async def _apply_configuration(
    controller: Controller, station: Station, wanted: Station | None, *, replace: bool
) -> None:
    """The store wins; a differing file is reported, and put into force only when asked to, before the doors open."""
    if wanted is None or wanted == station:
        return
    if replace:
        try:
            await controller.ask(lambda request: StationConfigured(wanted, request))
        except StoreError as error:
            raise StartFailed(IN_THE_WAY, f"--replace-config: the store refuses: {error}") from None
        headline = "csms serve: --replace-config has put the file into force:"
    else:
        headline = (
            "csms serve: the file of --config differs from the store, and the store wins"
            " (--replace-config puts the file into force):"
        )
    _say("\n  ".join((headline, *difference(station, wanted))))


def _say(text: str) -> None:
    """Tell the user, who may have stopped listening (`csms serve | head`)."""
    with contextlib.suppress(OSError):
        print(text, flush=True)  # noqa: T201 - the program's own words to its user


# --- the doors --------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def _chargers_let_in(gateway: Gateway, settings: Settings) -> AsyncIterator[None]:
    try:
        await gateway.start()
    except OSError as error:
        raise DoorShutError("OCPP", settings.ocpp_host, settings.ocpp_port, "--ocpp-port", error) from None
    try:
        try:
            await gateway.start_tls()
        except OSError as error:
            host, port = settings.ocpp_host, settings.ocpp_tls_port
            raise DoorShutError("OCPP over TLS", host, port, "--ocpp-tls-port", error) from None
        yield
    finally:
        await gateway.stop()


# --- the event loop ---------------------------------------------------------------------------------------------------


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def _spare_what_stays() -> None:
    """Have the garbage collector pass over what the program consists of, and come less often.

    Nearly all of what a message leaves behind is freed by its count of references; only cycles wait for the collector.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_MAX, 10, 10)


def _new_event_loop() -> asyncio.AbstractEventLoop:
    """Return uvloop's event loop when the extra `fast` is installed, else asyncio's own."""
    try:
        import uvloop  # noqa: PLC0415 - optional
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
