"""A charger's settings over a real socket: the station's loop and its gateway against every simulated character that
shows or takes configuration keys in a way of its own.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from csms.core.commands import AbortConnection, ChangeConfiguration, Command, ReadConfiguration
from csms.core.ids import ChargerId
from csms.core.replies import ChargerView
from csms.core.settings import Answer, Change
from csms.core.station import Charger, Configure, Station
from csms.core.timings import Timings
from csms.core.tuning import ENERGY, POWER
from csms.gateway.answers import Services
from csms.gateway.id_tags import OpenTags
from csms.gateway.registry import LinkRegistry
from csms.gateway.server import Gateway, GatewaySettings
from csms.runtime.charger_access import AccessBook
from csms.runtime.clock import SystemClock
from csms.runtime.controller import Controller
from csms.runtime.knocking import KnockingLog
from simulators.build import Wanted
from simulators.cars import flat_car
from simulators.characters import CHARACTERS, Family
from simulators.clock import WallClock
from simulators.driven import Driven, driven
from tests.access_memory import AccessInMemory
from tests.unit.runtime.doubles import MemoryStore

CP = ChargerId("CP001")
INTERVAL, SAMPLED = "MeterValueSampleInterval", "MeterValuesSampledData"
AT_ONCE = Timings(undisturbed_ms=0, status_trigger_ms=0)
PATIENCE_S = 20
POLL_S = 0.01
SPEED = 20


class Site:
    """One station's loop with its gateway; `sent`: every command that left."""

    def __init__(self, configure: Configure) -> None:
        self.sent: list[Command] = []
        self.store = MemoryStore(Station("S", 100_000, (Charger(CP, 50_000, 1, configure=configure),)))
        self.registry = LinkRegistry(lambda: self.controller, "test")
        self.controller = Controller(self.store, SystemClock(), self, AT_ONCE)
        self.url = ""

    def send(self, command: Command) -> None:
        self.sent.append(command)
        self.registry.send(command)

    @property
    def shown(self) -> ChargerView:
        return self.controller.view.chargers[CP]

    def writes(self) -> list[tuple[str, str]]:
        return [(c.name, c.value) for c in self.sent if isinstance(c, ChangeConfiguration)]

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for something that can be seen, against a deadline."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not condition():  # noqa: ASYNC110 - what is waited for is on the other side of a socket
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            raise AssertionError(f"{what}: {self.shown}, sent {self.sent}") from None


@asynccontextmanager
async def site(configure: Configure = Configure.AUTO) -> AsyncIterator[Site]:
    here = Site(configure)
    await here.controller.start()
    services = Services(
        desk=here.controller,
        transactions=here.store,
        id_tags=OpenTags(),
        clock=SystemClock(),
        new_id=lambda: "session",
    )
    access = AccessBook(AccessInMemory(), SystemClock())
    gateway = Gateway(GatewaySettings(port=0, close_timeout_s=0.5), services, here.registry, KnockingLog(), access)
    await gateway.start()
    here.url = f"ws://127.0.0.1:{gateway.port}"
    loop = asyncio.create_task(here.controller.run())
    try:
        yield here
    finally:
        await gateway.stop()
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)


@asynccontextmanager
async def charger(here: Site, *characters: str, interval_s: int = 60) -> AsyncIterator[Driven]:
    wanted = Wanted(1, 50_000, 3, meter_interval_s=interval_s)
    async with driven(CP, wanted, here.url, WallClock(SPEED), characters=characters) as simulated:
        yield simulated


async def settled(here: Site, simulated: Driven, reads: int) -> None:
    """Wait until every key was asked for, and a limit has gone out and been answered after that."""
    await here.until(lambda: sum(isinstance(c, ReadConfiguration) for c in here.sent) >= reads, f"{reads} readings")
    await simulated.start(flat_car(20_000))
    await here.until(lambda: here.controller.view.sessions != {}, "a session")
    await here.until(lambda: any(s.allocated_w for s in here.controller.view.sessions.values()), "its limit")


UNTOUCHED = {"unknown_values": 2, "empty_configuration": 3, "no_values": 2}
"""Characters whose settings cannot be read: nothing is written. And how often it was tried to read them."""

NAMES = [c.name for c in CHARACTERS if c.family is Family.CONFIGURATION and c.name not in UNTOUCHED]


@pytest.mark.parametrize("character", [None, *(n for n in NAMES if n != "reboot_required")])
async def test_a_setting_that_does_not_do_is_changed_and_read_back(character: str | None) -> None:
    async with site() as here, charger(here, *([character] if character else [])) as simulated:
        name = "MeterValuesSampleInterval" if character == "misspelt_key" else INTERVAL
        await here.until(lambda: here.shown.capabilities.sample_interval_s == 10, "10 s")
        assert here.writes() == [(name, "10")]
        assert here.shown.changes[INTERVAL].before == "60"
        assert simulated.charger.configuration.integer(INTERVAL) == 10


@pytest.mark.parametrize(("character", "reads"), UNTOUCHED.items())
async def test_what_cannot_be_read_is_left_alone(character: str, reads: int) -> None:
    async with site() as here, charger(here, character) as simulated:
        await settled(here, simulated, reads)
        assert here.writes() == []
        assert here.shown.suggested == ()
        assert sum(isinstance(c, ReadConfiguration) for c in here.sent) == reads, "it does not ask for ever"


async def test_a_charger_that_wants_a_reboot_gets_none() -> None:
    async with site() as here, charger(here, "reboot_required") as simulated:
        await here.until(lambda: f"reboot_required:{CP}" in here.controller.view.notices, "the notice")
        assert dict(here.shown.changes) == {INTERVAL: Change("60", "10", Answer.REBOOT_REQUIRED)}
        assert simulated.charger.configuration.integer(INTERVAL) == 60
        simulated.charger.reset("Reboot", wait_for_stops=False)
        await here.until(lambda: f"reboot_required:{CP}" not in here.controller.view.notices, "its end")
        await here.until(lambda: here.shown.capabilities.sample_interval_s == 10, "10 s")
        assert here.writes() == [(INTERVAL, "10")]
        assert not any(isinstance(c, AbortConnection) for c in here.sent)


@pytest.mark.parametrize("character", [None, "few_measurands"])
async def test_power_is_added_to_what_is_sampled(character: str | None) -> None:
    async with site() as here, charger(here, *([character] if character else []), interval_s=10) as simulated:
        simulated.charger.configuration.set(SAMPLED, ENERGY)
        await here.until(lambda: here.shown.capabilities.sampled == (ENERGY, POWER), "the list")
        assert here.writes() == [(SAMPLED, f"{ENERGY},{POWER}")]


async def test_where_a_list_is_refused_its_parts_are_tried_and_the_old_one_is_put_back() -> None:
    async with site() as here, charger(here, "few_measurands", interval_s=10) as simulated:
        simulated.charger.configuration.set(SAMPLED, "Voltage")
        await here.until(lambda: SAMPLED in here.shown.changes and len(here.writes()) == 4, "four writes")
        await here.until(lambda: here.shown.changes[SAMPLED].answer is not Answer.OPEN, "the answer")
        lists = [f"Voltage,{POWER},{ENERGY}", f"Voltage,{POWER}", f"Voltage,{ENERGY}", "Voltage"]
        assert here.writes() == [(SAMPLED, each) for each in lists]
        assert simulated.charger.configuration.text(SAMPLED) == "Voltage"


@pytest.mark.parametrize(("configure", "shown"), [(Configure.SUGGEST, True), (Configure.NEVER, False)])
async def test_suggest_and_never_write_nothing(configure: Configure, *, shown: bool) -> None:
    async with site(configure) as here, charger(here) as simulated:
        await settled(here, simulated, 2)
        assert here.writes() == []
        assert (f"configuration_suggested:{CP}" in here.controller.view.notices) is shown
        assert simulated.charger.configuration.integer(INTERVAL) == 60
