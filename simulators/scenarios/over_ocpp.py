"""A scenario played by simulated chargers over OCPP: the shares must converge to the documented figures.

The cars are flat ones that take 150 kW at any charge; sessions are started and stopped over REST, which makes the
central system send RemoteStart and RemoteStop. A `Settled` step is reached when the REST status, the limit that the
charger obeys and its meter all show the figure, before a deadline. Throughout, the metered sum must stay below the
grid's capacity and each charger's sum below its own: that is checked at every tick and shown at the end.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, assert_never

from simulators.build import Wanted, build_charger
from simulators.car import Car
from simulators.cars import flat_car
from simulators.charger import Charger
from simulators.clock import WallClock
from simulators.connector import Connector
from simulators.link import Link
from simulators.running import Unit, run_until
from simulators.scenarios.battery import battery_gives, battery_is_ready
from simulators.scenarios.checks import Checks
from simulators.scenarios.definitions import CAR_MAX_KW, BatteryReady, Leave, Scenario, Settled, Start, Update
from simulators.scenarios.polling import comes_true
from simulators.scenarios.rest_api import NoAnswer, RestApi

CONNECT_TIMEOUT_S = 20.0
SETTLE_TIMEOUT_S = 120.0
POLL_S = 0.5
METER_INTERVAL_S = 2


@dataclass(slots=True)
class Fleet:
    """The simulated chargers of a scenario, and the highest powers that their meters have shown together."""

    scenario: Scenario
    chargers: dict[str, Charger] = field(default_factory=dict)
    highest_w: int = 0
    highest_by_charger_w: dict[str, int] = field(default_factory=dict)

    def watch(self, _at_ms: int) -> None:
        """Note the present powers."""
        powers_w = {name: sum(c.power_w for c in charger.connectors) for name, charger in self.chargers.items()}
        self.highest_w = max(self.highest_w, sum(powers_w.values()))
        for name, power_w in powers_w.items():
            self.highest_by_charger_w[name] = max(self.highest_by_charger_w.get(name, 0), power_w)

    def connector(self, charger_id: str, idx: int) -> Connector:
        """Return one connector."""
        connector = self.chargers[charger_id].connector(idx)
        assert connector is not None, "scenarios use connectors that exist"
        return connector

    async def connected(self) -> bool:
        """Return whether every charger was accepted in time."""

        async def accepted() -> bool:
            return all(charger.registration.working for charger in self.chargers.values())

        return await comes_true(accepted, CONNECT_TIMEOUT_S, every_s=0.1)


@asynccontextmanager
async def running_fleet(scenario: Scenario, url: str, tell: Callable[[str], None]) -> AsyncIterator[Fleet]:
    """Run the scenario's chargers against `url` for as long as the context lasts."""
    fleet = Fleet(scenario)
    clock = WallClock()
    units = []
    for charger_id, max_kw in scenario.chargers.items():
        charger = build_charger(
            charger_id,
            Wanted(connectors=2, max_w=max_kw * 1000, phases=0, meter_interval_s=METER_INTERVAL_S),
            clock,
            tell=tell,
            default_car=lambda connector: Car(flat_car(CAR_MAX_KW * 1000), connector.supply, soc_percent=10),
        )
        fleet.chargers[charger_id] = charger
        units.append(Unit(charger, Link(charger, url, clock), fleet.watch))
    stop = asyncio.Event()
    running = asyncio.create_task(run_until(units, clock, stop))
    try:
        yield fleet
    finally:
        stop.set()
        await running


class OcppPlayer:
    """Starts and stops the cars of one scenario, and waits for the shares to settle."""

    def __init__(self, api: RestApi, checks: Checks, fleet: Fleet, settle_timeout_s: float = SETTLE_TIMEOUT_S) -> None:
        self._api = api
        self._checks = checks
        self._fleet = fleet
        self._settle_timeout_s = settle_timeout_s
        self._places: dict[str, tuple[str, int]] = {}

    async def play(self, scenario: Scenario) -> None:
        """Play all steps in order, then check that no capacity was exceeded on the way."""
        count = len(self._fleet.chargers)
        connected = await self._fleet.connected()
        self._checks.check(
            "simulated chargers connect", f"{count} accepted", f"{count} accepted" if connected else "no"
        )
        if not connected:
            return
        for step in scenario.steps:
            match step:
                case Start():
                    await self._start(step)
                case Update():
                    pass  # the meters do it
                case Leave():
                    await self._leave(step)
                case Settled():
                    await self._settled(step)
                case BatteryReady():
                    await battery_is_ready(self._api, self._checks, step.available_kw)
                case _:
                    assert_never(step)
        self._bound("highest metered sum, grid", scenario.cars_kw, self._fleet.highest_w)
        for charger_id, max_kw in scenario.chargers.items():
            highest_w = self._fleet.highest_by_charger_w.get(charger_id, 0)
            self._bound(f"highest metered sum, {charger_id}", max_kw, highest_w)

    def _bound(self, what: str, capacity_kw: int, highest_w: int) -> None:
        bound = f"at most {capacity_kw} kW"
        got = bound if highest_w <= capacity_kw * 1000 else f"{highest_w / 1000:g} kW"
        self._checks.check(f"{what} ({highest_w / 1000:.1f} kW)", bound, got)

    async def _start(self, step: Start) -> None:
        answer = await self._api.start(step.charger_id, step.idx, CAR_MAX_KW)
        self._places[step.car] = (step.charger_id, step.idx)
        self._checks.check(f"{step.car} starts at {step.charger_id}#{step.idx}", "HTTP 200", answer.brief())

    async def _leave(self, step: Leave) -> None:
        session = await self._session(step.car)
        if isinstance(session, NoAnswer):
            self._checks.fail(f"{step.car} leaves", "HTTP 204", session.brief())
            return
        answer = await self._api.stop(session["sessionId"])
        del self._places[step.car]
        self._checks.check(f"{step.car} leaves", "HTTP 204", answer.brief())

    async def _session(self, car: str) -> dict[str, Any] | NoAnswer:
        sessions = await self._api.sessions()
        if isinstance(sessions, NoAnswer):
            return sessions
        charger_id, idx = self._places[car]
        wanted = {"chargerId": charger_id, "idx": idx}
        found = (session for session in sessions.values() if session.get("connectorId") == wanted)
        return next(found, NoAnswer(f"no session at {charger_id}#{idx}"))

    async def _settled(self, step: Settled) -> None:
        """Wait until API, limit and meter of every car show the expected figures; check what they show at last."""
        allocated = "/".join(str(power_kw) for power_kw in step.expected_kw.values())
        exact = allocated if step.exact_kw is None else "/".join([f"{step.exact_kw:g}"] * len(step.expected_kw))
        expected, seen = (allocated, exact, exact), ("", "", "")

        async def settled() -> bool:
            nonlocal seen
            seen = await self._look(list(step.expected_kw), exact=step.exact_kw is not None)
            return seen == expected

        # What was seen last is compared in any case.
        await comes_true(settled, self._settle_timeout_s, POLL_S)
        for what, wanted, got in zip(
            ("the station's status", "limits in force", "meters"), expected, seen, strict=True
        ):
            self._checks.check(what, wanted, got)
        if step.battery_kw is not None:
            cars_w = sum(
                connector.power_w for charger in self._fleet.chargers.values() for connector in charger.connectors
            )
            scenario = self._fleet.scenario
            await battery_gives(self._api, self._checks, step.battery_kw, cars_w, scenario.static_kw, scenario.grid_kw)

    async def _look(self, cars: list[str], *, exact: bool) -> tuple[str, str, str]:
        """Return what API, limits and meters show, kW joined by "/"; the latter two whole or `exact`."""
        sessions = [await self._session(car) for car in cars]
        allocated = [
            "none" if isinstance(session, NoAnswer) else f"{session.get('allocatedPower')}" for session in sessions
        ]
        limits, meters = [], []
        for car in cars:
            charger_id, idx = self._places[car]
            charger, connector = self._fleet.chargers[charger_id], self._fleet.connector(charger_id, idx)
            limits.append(_kw(charger.flow.limit_w(connector, charger.clock.now_ms()), exact=exact))
            meters.append(_kw(connector.power_w, exact=exact))
        return "/".join(allocated), "/".join(limits), "/".join(meters)


def _kw(power_w: int, *, exact: bool) -> str:
    return f"{power_w / 1000:g}" if exact else str(power_w // 1000)
