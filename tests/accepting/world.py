"""The acceptance test at a simulated charger: the real server with its REST, one car, a person who does as asked.

Everything runs in this process on virtual time, so a test of a quarter of an hour takes about a second.
"""

import contextlib
import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote

import httpx2

from csms.cli.accepting.looks import Json, Look, Reply
from csms.cli.accepting.machine import Act, Ask, Begun, Case, Effect, Ended, Outcome, Please, Say, Wait, whole_course
from csms.cli.accepting.steps import STEPS
from csms.core.ids import ChargerId
from csms.core.station import Charger, Control, FailSafe, Station
from csms.runtime.id_tags import TagBook
from csms.runtime.messages import Frame
from simulators.build import Wanted
from simulators.cars import PPM, CarModel
from simulators.vendor import enums
from tests.characters.rig import Rig, rigged
from tests.virtual.loop import VirtualClock
from tests.virtual.rest import rest_beside
from tests.virtual.site import Site, errors_logged, memory_folder, running

SUBJECT: Final = ChargerId("CHARGER 1")
TAG = "04A1B2C3D4"
LOOK_MS: Final = 5_000
SETTLED_MS: Final = 60_000
"""The charger has been connected for so long when the test begins."""
FOR_EVER_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Ground:
    """A charger with one connector, whose car takes what it can give; W; phases 3, or 0 for DC."""

    phases: int
    max_w: int
    min_w: int
    fail_safe_w: int = 0
    assume_ocpp16: bool = False

    @property
    def car(self) -> CarModel:
        """Return a car that takes whatever the charger can give."""
        return CarModel("car", 200_000, max(self.max_w, 1), 3, ((0, self.max_w), (PPM, self.max_w)))

    @property
    def config(self) -> Charger:
        """Return its configuration."""
        return Charger(
            SUBJECT,
            self.max_w,
            connectors=1,
            control=Control.OCPP,
            min_power_w=self.min_w,
            phases=self.phases,
            fail_safe=FailSafe.RESERVE if self.fail_safe_w else FailSafe.CLOSED,
            fail_safe_power_w=self.fail_safe_w,
            assume_ocpp16=self.assume_ocpp16,
        )


AC: Final = Ground(phases=3, max_w=22_080, min_w=4_140)
DC: Final = Ground(phases=0, max_w=100_000, min_w=10_000)


@dataclass(slots=True)
class Place:
    """The site: a server that can be restarted, and the charger.

    Attributes:
        asked: what the person was asked to do.
        said: what was shown of the progress.
    """

    clock: VirtualClock
    ground: Ground
    database: Path
    errors: list[str]
    path: str = f"/chargers/{quote(SUBJECT, safe='')}"
    asked: list[Act] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)
    _seen: tuple[tuple[Frame, ...], tuple[Json, ...]] | None = None
    _server: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)
    _runs: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    site: Site | None = None
    rest: httpx2.AsyncClient | None = None
    rig: Rig | None = None

    def _new_id(self) -> str:
        return f"id-{next(self._ids)}"

    async def start_server(self, port: int = 0) -> str:
        """Start the server, anew on the same database, and return where chargers find it."""
        station = Station("ACCEPT", 200_000, (self.ground.config,), fail_safe_chosen=True)
        run = f"run-{next(self._runs)}"
        self.site = await self._server.enter_async_context(
            running(station, self.clock, self.database, self.errors, new_id=self._new_id, run=run, port=port)
        )
        tags = TagBook(self.site.store, self.clock)
        await tags.load()
        self.rest = await self._server.enter_async_context(rest_beside(self.site, self.clock, tags, self._new_id))
        return self.site.url

    async def stop_server(self) -> None:
        """Stop the server."""
        self.rest = self.site = None
        await self._server.aclose()

    async def ask(self, method: str, path: str, body: Json | None = None) -> Reply:
        """Make one request."""
        if self.rest is None:
            return Reply(None, "no answer")
        answer = await self.rest.request(method, path, json=body)
        return Reply(answer.json()) if answer.status_code == httpx2.codes.OK else Reply(None, answer.text)

    async def look(self, reply: Reply | None = None, *, consents: bool = True) -> Look:
        """Look at the charger."""
        known = await self.ask("GET", self.path)
        return Look(self.clock.now_ms(), 1, known.document, await self._frames(), reply, consents)

    async def _frames(self) -> tuple[Json, ...]:
        """Return the last frames of the charger, as REST shows them; they are asked for anew when there are others."""
        kept = () if self.site is None else self.site.messages.frames_of(ChargerId(SUBJECT))
        if self._seen is None or self._seen[0] != kept:
            messages = await self.ask("GET", f"{self.path}/messages?limit=200")
            self._seen = kept, () if messages.document is None else tuple(messages.document["messages"])
        return self._seen[1]

    async def sleep(self, wait_ms: int) -> None:
        """Let time pass."""
        await self.clock.sleep_until_ms(self.clock.now_ms() + wait_ms)

    async def do(self, act: Act) -> bool:
        """Do what the person is asked to do."""
        assert self.rig is not None
        self.asked.append(act)
        match act:
            case Act.START:
                self.rig.start(self.ground.car, TAG)
            case Act.END:
                self.rig.stop(TAG)
                await self.sleep(10_000)
            case Act.PULL_NETWORK:
                self.rig.charger.drop(FOR_EVER_MS)
            case Act.RESTORE_NETWORK:
                self.rig.charger.drop(0)
            case Act.POWER_CYCLE:
                self.rig.charger.reset(enums.Reason.power_loss, wait_for_stops=False)
                await self.sleep(5_000)
            case Act.CHARGE_OFFLINE:
                if self.rig.connector.car is not None:
                    self.rig.stop(TAG)
                    await self.sleep(10_000)
                self.rig.start(self.ground.car, TAG)
                await self.sleep(60_000)
                self.rig.stop(TAG)
                await self.sleep(10_000)
            case Act.RESTART_SERVER:
                assert self.site is not None
                port = int(self.site.url.rpartition(":")[2])
                await self.stop_server()
                await self.sleep(3_000)
                await self.start_server(port)
        return True

    async def perform(self, effect: Effect) -> Look:
        """Do what a step wants and look."""
        match effect:
            case Wait():
                await self.sleep(LOOK_MS)
            case Say(text):
                self.said.append(text)
            case Begun(step):
                self.begun.append(step.name)
            case Please(act):
                return await self.look(consents=await self.do(act))
            case Ask(method, path, body):
                return await self.look(await self.ask(method, path, body))
            case Ended():
                pass
        return await self.look()


@contextlib.asynccontextmanager
async def standing(clock: VirtualClock, ground: Ground, *characters: str) -> AsyncIterator[Place]:
    """Set up a charger of these characters and a server; the context begins when they have been connected a while."""
    with errors_logged() as errors, memory_folder() as folder:
        place = Place(clock, ground, folder / "csms.sqlite3", errors)
        wanted = Wanted(1, ground.max_w, phases=ground.phases, meter_interval_s=10)
        try:
            url = await place.start_server()
            async with rigged(SUBJECT, wanted, url, clock, characters=characters) as place.rig:
                await place.sleep(SETTLED_MS)
                yield place
        finally:
            await place.stop_server()


async def accept(place: Place, *, skipped: frozenset[str] = frozenset()) -> list[Outcome]:
    """Run the acceptance test to its end."""
    case = Case(place.ground.config, 1, place.path)
    course = whole_course(case, STEPS, skipped, await place.look())
    effect = next(course)
    while True:
        look = await place.perform(effect)
        try:
            effect = course.send(look)
        except StopIteration as ended:
            found: list[Outcome] = ended.value
            return found
