"""A charger in this process, driven by a program: the way to meet one, of whatever character, in a test.

With a `ManualClock` time passes only in `run` and `until`, tick by tick, and every message gets through before the
next tick. With a `WallClock`, which may be a fast one, it passes by itself.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from simulators.build import Wanted, build_charger
from simulators.car import Car
from simulators.cars import CarModel, flat_car
from simulators.characters import Unusable, traits_named
from simulators.charger import Charger
from simulators.clock import TICK_MS, Clock, ManualClock
from simulators.connector import Connector
from simulators.link import Link, run_ticks

DEFAULT_CAR_W = 150_000
DEFAULT_TAG = "04A1B2C3"
T = TypeVar("T")


class Driven:
    """A charger with its link and the clock that moves both."""

    def __init__(self, charger: Charger, link: Link, clock: Clock) -> None:
        self.charger = charger
        self.link = link
        self.clock = clock

    def connector(self, idx: int = 1) -> Connector:
        """Return a connector that exists."""
        connector = self.charger.connector(idx)
        assert connector is not None, f"there is no connector {idx}"
        return connector

    def power_w(self, idx: int = 1) -> int:
        """Return what the car at a connector draws now."""
        return self.connector(idx).power_w

    def plug(
        self, car: CarModel, *, target_wh: int | None = None, idx: int = 1, stays_ms: int | None = None, soc: int = 20
    ) -> Car:
        """Plug a car in with a state of charge of `soc` per cent."""
        here = Car(car, self.connector(idx).supply, soc_percent=soc, target_wh=target_wh)
        self.charger.sessions.plug(self.connector(idx), here, stays_ms)
        return here

    async def start(
        self,
        car: CarModel,
        *,
        id_tag: str = DEFAULT_TAG,
        target_wh: int | None = None,
        idx: int = 1,
        stays_ms: int | None = 5_000,
    ) -> None:
        """Plug a car in, present a tag, and let the messages of that go out."""
        self.plug(car, target_wh=target_wh, idx=idx, stays_ms=stays_ms)
        await self.swipe(id_tag, idx)

    async def swipe(self, id_tag: str = DEFAULT_TAG, idx: int = 1) -> None:
        """Present a tag."""
        self.charger.sessions.swipe(id_tag, self.connector(idx))
        await self.settle()

    async def settle(self) -> None:
        """Let what has been queued without time passing go out."""
        self.link.nudge()
        await self.link.idle()

    async def run(self, seconds: float) -> None:
        """Let time pass."""
        if not isinstance(self.clock, ManualClock):
            await self.clock.sleep_until_ms(self.clock.now_ms() + int(seconds * 1000))
            return
        for _ in range(int(seconds * 1000) // TICK_MS):
            self._tick(self.clock)
            await self.link.idle()

    async def until(self, event: Awaitable[T]) -> T:
        """Let time pass until something has happened outside, and return what that gives."""
        waited = asyncio.ensure_future(event)
        while isinstance(self.clock, ManualClock) and not waited.done():
            pausing = asyncio.ensure_future(self.clock.slept_on())
            await asyncio.wait({waited, pausing}, return_when=asyncio.FIRST_COMPLETED)
            if not pausing.cancel():
                self._tick(self.clock)
        return await waited

    def _tick(self, clock: ManualClock) -> None:
        clock.move(TICK_MS)
        self.charger.step()
        self.link.nudge()


@asynccontextmanager
async def driven(
    charger_id: str, wanted: Wanted, url: str, clock: Clock, *, characters: Sequence[str] = ()
) -> AsyncIterator[Driven]:
    """Run a charger with these characters against `url` for as long as the context lasts; it connects by itself."""
    traits = traits_named(characters)
    assert not isinstance(traits, Unusable), traits.reason
    charger = build_charger(
        charger_id,
        wanted,
        clock,
        default_car=lambda connector: Car(flat_car(DEFAULT_CAR_W), connector.supply),
        traits=traits,
    )
    link = Link(charger, url, clock)
    tasks = [asyncio.create_task(link.run())]
    if not isinstance(clock, ManualClock):
        tasks.append(asyncio.create_task(run_ticks(charger, link, clock)))
    try:
        yield Driven(charger, link, clock)
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for result in ended:
        if isinstance(result, Exception):
            raise result  # neither may end by itself
