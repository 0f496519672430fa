"""The programme of one run: a station comes up, cars come while links fail, then all is well and everybody charges.

    quiet (the chargers are provisioned) → cars and faults, for the hours asked for → calm, cars go on coming
    → everybody leaves, and a new car comes to each connector → everybody leaves

Chargers and people are those of `simulators`, unmodified; what is drawn or counted here are the ids of their messages.
"""

import asyncio
import contextlib
import random
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Iterator
from dataclasses import replace
from typing import Any, Final

from csms.core.events import CallAnswered, CallSent, TransactionStarted, TransactionStopped
from simulators.arrivals import Arrivals
from simulators.build import build_charger
from simulators.car import Car
from simulators.cars import flat_car
from simulators.charger import Charger
from simulators.configuration import Key
from simulators.connector import Connector, Transaction
from simulators.link import Link, run_ticks
from simulators.traits import WELL_BEHAVED, Traits
from tests.virtual.loop import VirtualClock
from tests.virtual.network import NetworkLoop, Road
from tests.whole_day.central import PORT, Central
from tests.whole_day.drawing import Drawn, Options, Place
from tests.whole_day.judge import BrokenError, Judge
from tests.whole_day.story import Story
from tests.whole_day.truth import Truth, Watched
from tests.whole_day.weather import Kind, Weather, pause

QUIET_S: Final = 300
CALM_S: Final = 1_200
AGAIN_S: Final = 300
LEAVING_S: Final = 120
USED_PERCENT: Final = 90
"""At the end the cars draw so much of what they could."""
TICK_MS: Final = 1_000
"""Of the chargers, whose physics knows steps of up to a second."""
LOOK_MS: Final = 1_000
BEHIND_MS: Final = 1
"""The judge looks so long after the chargers have ticked."""
AIMED: Final = 0.7
WEIGHTY: Final = (TransactionStarted, TransactionStopped, CallSent, CallAnswered)
"""So many of the kills come `AFTER_MS` after a fact that has to be on the disk first: it may be on its way."""
AFTER_MS: Final = (0, 120)
PATIENCE_S: Final = 600
DOWN_MS: Final = (200, 20_000)
HOUR_MS: Final = 3_600_000
TAG: Final = "04A1B2C3D4"
ATTEMPTS: Final = "1000"
"""TransactionMessageAttempts: a charger that gives a start up after three answers that did not come loses it itself."""


class Unit:
    """One charger with its link, its road and the people who come to it."""

    def __init__(self, place: Place, day: "Day") -> None:
        charger_id = place.charger.charger_id
        options, clock, story = day.options, day.clock, day.story
        self.road: Road = day.loop.road(charger_id.lower())
        self.charger: Charger = build_charger(
            charger_id,
            place.wanted,
            clock,
            tell=lambda text: story.add("says", text),
            traits=_traits(options, charger_id),
        )
        self.link = Link(self.charger, f"ws://{self.road.name}:{PORT}", clock, frames=True, seed=options.seed)
        self.watched = Watched(self.charger, clock)
        self.people: Arrivals | None = None

    def tick(self, _: int) -> None:
        """Let people do what they do, and take note of what came of it."""
        if self.people is not None:
            self.people.step()
        self.watched.tick()


def _traits(options: Options, charger_id: str) -> Traits:
    """Return a well-behaved charger's traits, with message ids out of the seed."""
    ids = random.Random(f"{options.seed}/ids/{charger_id}")

    def patient(keys: list[Key]) -> list[Key]:
        return [replace(key, value=ATTEMPTS) if key.name == "TransactionMessageAttempts" else key for key in keys]

    return replace(WELL_BEHAVED, new_id=lambda: str(uuid.UUID(int=ids.getrandbits(128), version=4)), keys=(patient,))


class Day:
    """One run of the programme; raises `BrokenError` when something does not hold."""

    def __init__(
        self, options: Options, drawn: Drawn, central: Central, clock: VirtualClock, loop: NetworkLoop, story: Story
    ) -> None:
        self.options = options
        self.clock = clock
        self.loop = loop
        self.central = central
        self.story = story
        self.struck: Counter[Kind] = Counter()
        self._drawn = drawn
        self._units = [Unit(place, self) for place in drawn.places]
        self.judge = Judge(drawn.station, [unit.watched for unit in self._units], lambda: central.site.view)

    @property
    def truths(self) -> list[Truth]:
        """Return every transaction as it really was."""
        return [truth for unit in self._units for truth in unit.watched.truths]

    @property
    def _connectors(self) -> Iterator[tuple[Unit, Connector]]:
        return ((unit, connector) for unit in self._units for connector in unit.charger.connectors)

    async def live(self) -> None:
        """Go through the programme."""
        async with _meanwhile(*self._chargers()):
            await self._pause("quiet", QUIET_S)
            self._demand_provisioned()
            async with _meanwhile(self._look()):
                await self._stormy()
                await self._calm()
                await self._all_leave()
                await self._all_charge()
                await self._all_leave()

    def _chargers(self) -> Iterator[Coroutine[Any, Any, None]]:
        for unit in self._units:
            yield unit.link.run()
            yield run_ticks(unit.charger, unit.link, self.clock, unit.tick, TICK_MS)

    async def _pause(self, name: str, seconds: int) -> None:
        self.story.add("day", name)
        await self.clock.sleep_until_ms(self.clock.now_ms() + seconds * 1_000)

    async def _look(self) -> None:
        while True:
            now_ms = self.clock.now_ms()
            await self.clock.sleep_until_ms((now_ms // LOOK_MS + 1) * LOOK_MS + BEHIND_MS)
            self.judge.look()

    def _demand_provisioned(self) -> None:
        for charger_id, view in self.central.site.view.chargers.items():
            if not view.provisioned:
                raise BrokenError(f"{charger_id} is not provisioned after {QUIET_S} s without a fault")

    # --- the parts of the day -----------------------------------------------------------------------------------------

    async def _stormy(self) -> None:
        self.story.add("day", "storm")
        until_ms = self.clock.now_ms() + int(self.options.hours * HOUR_MS)
        async with asyncio.TaskGroup() as group:
            for unit in self._units:
                unit.people = Arrivals(unit.charger, self._drawn.habits, self.options.seed)
                weather = Weather(unit.road, self.clock, self._drawn, self.options.seed, self.struck, self._fault)
                group.create_task(weather.last(until_ms))
            group.create_task(self._kill_now_and_then(until_ms))

    async def _kill_now_and_then(self, until_ms: int) -> None:
        rng = random.Random(f"{self.options.seed}/kills")
        while await pause(self.clock, rng, self._drawn.kill_s, until_ms):
            if rng.random() < AIMED:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(PATIENCE_S):
                        await self.story.next(rng.choice(WEIGHTY))
            await asyncio.sleep(rng.randint(*AFTER_MS) / 1_000)
            self.struck[Kind.SERVER_KILLED] += 1
            self._fault(Kind.SERVER_KILLED)
            await self.central.kill(rng.randint(*DOWN_MS))

    def _fault(self, text: str) -> None:
        self.story.add("fault", text)

    async def _calm(self) -> None:
        await self._pause("calm", CALM_S - AGAIN_S)
        before = {connector: (connector.transaction, connector.meter.energy_wh) for _, connector in self._connectors}
        await self._pause("does everybody charge?", AGAIN_S)
        for unit, connector in self._connectors:
            if connector.transaction is not None and before[connector] == _now(connector):
                raise BrokenError(f"{_name(unit, connector)} got nothing in {AGAIN_S} s without a fault")

    async def _all_leave(self) -> None:
        for unit, connector in self._connectors:
            unit.people = None
            if connector.car is not None:
                unit.charger.sessions.unplug(connector)
                unit.link.nudge()
        await self._pause("all have left", LEAVING_S)
        for unit in self._units:
            if unit.charger.outbox.kept:
                raise BrokenError(f"{unit.watched.charger_id} could not deliver {unit.charger.outbox.kept} messages")

    async def _all_charge(self) -> None:
        for unit, connector in self._connectors:
            car = Car(flat_car(connector.max_w), connector.supply)
            unit.charger.sessions.plug(connector, car)
            unit.charger.sessions.swipe(f"{TAG}{connector.idx}", connector)
            unit.link.nudge()
        await self._pause("all are back", AGAIN_S)
        for unit, connector in self._connectors:
            if not connector.power_w:
                raise BrokenError(f"{_name(unit, connector)} gets nothing {AGAIN_S} s after its car has come")
        usable_w, drawn_w = self.judge.usable_w, sum(unit.watched.drawn_w for unit in self._units)
        if drawn_w * 100 < usable_w * USED_PERCENT:
            raise BrokenError(f"the cars draw {drawn_w} W of {usable_w} W that they could have")


def _now(connector: Connector) -> tuple[Transaction | None, int]:
    return connector.transaction, connector.meter.energy_wh


def _name(unit: Unit, connector: Connector) -> str:
    return f"{unit.watched.charger_id}#{connector.idx}"


@contextlib.asynccontextmanager
async def _meanwhile(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Do work beside the context, which the failure of any of it ends; none of it ends by itself."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each) for each in work]
        yield
        for task in tasks:
            task.cancel()
