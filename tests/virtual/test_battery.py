"""The battery's scenario on the real server with simulated chargers, and what becomes of it when the server is killed.

Four cars of 150 kW at two chargers of 300 kW, a grid connection of 400 kW with 3 kW of other load, a battery of 200 kW.
What the cars draw, and what the battery gives, is taken from the simulated ones themselves, second by second.
"""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest

from csms.core.events import SessionRequested
from csms.core.ids import ChargerId, SessionId
from csms.core.replies import SessionShown
from csms.core.station import Battery, Charger, Station
from simulators.build import Wanted, build_charger
from simulators.car import Car
from simulators.cars import flat_car
from simulators.charger import Charger as SimulatedCharger
from simulators.link import Link, run_ticks
from tests.virtual.loop import VirtualClock, run_virtually
from tests.virtual.site import Site, errors_logged, memory_folder, running

KW = 1_000
PLACES = (("A", 1), ("B", 1), ("A", 2), ("B", 2))
EXPIRY_S = 300
"""The longest time for which a limit above what is firm stays (LEDGER.md I11)."""


def station(capacity_kwh: int) -> Station:
    chargers = tuple(Charger(ChargerId(name), 300 * KW, 2) for name in "AB")
    return Station("S", 400 * KW, chargers, (), 3 * KW, Battery(capacity_kwh * KW, 200 * KW), fail_safe_chosen=True)


class Place:
    """The chargers, and what flows at the grid connection."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.chargers: dict[str, SimulatedCharger] = {}
        self.site: Site | None = None
        self.given_kw: list[float] = []
        self.grid_kw: list[float] = []

    @property
    def cars_kw(self) -> list[float]:
        return [self.connector_kw(*place) for place in PLACES]

    def connector_kw(self, charger_id: str, idx: int) -> float:
        connector = self.chargers[charger_id].connector(idx)
        assert connector is not None
        return connector.power_w / KW

    @property
    def battery_kw(self) -> float:
        """Return what the battery gives: without the server nothing, the worst that it could do."""
        battery = None if self.site is None else self.site.battery
        return 0 if battery is None else battery.power_w / KW

    async def wait(self, seconds: int) -> None:
        """Let time pass, and look at the grid meter every second, after the chargers have ticked."""
        for _ in range(seconds):
            await asyncio.sleep(1)
            self.given_kw.append(self.battery_kw)
            self.grid_kw.append(sum(self.cars_kw) + 3 - self.battery_kw)

    async def start_cars(self) -> None:
        """Have all cars come, each wanting 150 kW."""
        assert self.site is not None
        desk = self.site.controller
        for number, (charger_id, idx) in enumerate(PLACES):
            facts = (ChargerId(charger_id), idx, 150 * KW, "04A1B2C3", SessionId(f"s{number}"))
            shown = desk.ask(lambda request, facts=facts: SessionRequested(request, *facts))  # type: ignore[misc]
            assert isinstance(await shown, SessionShown)


@contextlib.asynccontextmanager
async def chargers_of(place: Place, url: str) -> AsyncIterator[None]:
    """Run the chargers; the server may go while they do."""
    works: list[Coroutine[Any, Any, None]] = []
    for charger_id in "AB":
        charger = build_charger(
            charger_id,
            Wanted(connectors=2, max_w=300 * KW, phases=0, meter_interval_s=5),
            place.clock,
            tell=lambda _: None,
            default_car=lambda connector: Car(flat_car(150 * KW), connector.supply, soc_percent=10),
        )
        link = Link(charger, url, place.clock)
        place.chargers[charger_id] = charger
        works += [link.run(), run_ticks(charger, link, place.clock)]
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def live(clock: VirtualClock, capacity_kwh: int, lasts_s: int, *, killed: bool) -> Place:
    """Have the cars come, look for a while after all has settled; `killed`: without the server."""
    place = Place(clock)
    with errors_logged() as errors, memory_folder() as folder:
        server, numbers = contextlib.AsyncExitStack(), itertools.count(1)
        database, site = folder / "csms.sqlite3", station(capacity_kwh)
        place.site = await server.enter_async_context(
            running(site, clock, database, errors, new_id=lambda: f"session-{next(numbers)}")
        )
        async with chargers_of(place, place.site.url):
            await place.wait(15)
            await place.start_cars()
            await place.wait(60)
            if killed:
                assert place.cars_kw == [149.25] * 4
                assert place.battery_kw == 200
                assert place.grid_kw[-1] == 400
                await place.wait(45)  # some way from the last limit to the next
                await server.aclose()
                place.site = None
            await place.wait(lasts_s)
        await server.aclose()
    assert errors == []
    return place


def test_killed_at_full_boost_all_falls_to_what_is_firm() -> None:
    async def killed(clock: VirtualClock) -> Place:
        return await live(clock, 200, EXPIRY_S + 10, killed=True)

    place = run_virtually(killed)
    assert max(place.grid_kw[: -EXPIRY_S - 20]) <= 400, "as long as it lives"
    assert sum(place.cars_kw) == pytest.approx(397, abs=0.01)
    assert place.grid_kw[-1] <= 400


def test_while_the_battery_runs_empty_the_grid_connection_is_kept() -> None:
    async def emptying(clock: VirtualClock) -> Place:
        return await live(clock, 40, 120, killed=False)

    place = run_virtually(emptying)
    assert max(place.grid_kw) <= 400
    assert place.grid_kw[-1] > 385, "what there is is used"
    assert 50 < place.given_kw[-1] < 130
