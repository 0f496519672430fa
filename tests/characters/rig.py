"""A simulated charger of some character, watched from outside: at its socket and at the car's meter."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from simulators.build import Wanted, build_charger
from simulators.car import Car
from simulators.cars import CarModel
from simulators.characters import Unusable, traits_named
from simulators.charger import Charger
from simulators.clock import Clock
from simulators.connector import Connector, Transaction
from simulators.link import Link, run_ticks
from tests.virtual.tap import frames_tapped

STAYS_MS = 5_000
"""A car leaves so long after its transaction."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A CALL of the central system and, once it has come, its answer: a status, or the code of an error."""

    at_ms: int
    action: str
    payload: Any
    answer: str = ""


@dataclass(slots=True)
class Truth:
    """A transaction as it really was; registers in Wh."""

    meter_start_wh: int
    meter_stop_wh: int | None = None


@dataclass(slots=True)
class Rig:
    """One charger with one connector, and everything that was seen of it.

    Attributes:
        asked: the CALLs that it was sent, by their message ids.
        said: the actions of the CALLs that it made.
    """

    charger: Charger
    link: Link
    asked: dict[str, Asked] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    truths: list[Truth] = field(default_factory=list)
    _running: Transaction | None = None

    @property
    def connector(self) -> Connector:
        """Return its connector."""
        return self.charger.connectors[0]

    @property
    def power_w(self) -> int:
        """Return what its car draws, W."""
        return self.connector.power_w

    def start(self, model: CarModel, tag: str) -> None:
        """Plug a car in and present a tag."""
        self.charger.sessions.plug(self.connector, Car(model, self.connector.supply), STAYS_MS)
        self.charger.sessions.swipe(tag, self.connector)
        self.link.nudge()

    def stop(self, tag: str) -> None:
        """Present the tag again; a car that has no transaction just leaves."""
        if self.connector.transaction is not None:
            self.charger.sessions.swipe(tag, self.connector)
        elif self.connector.car is not None:
            self.charger.sessions.unplug(self.connector)
        self.link.nudge()

    def tick(self) -> None:
        """Take note of the beginning and the end of a transaction."""
        transaction = self.connector.transaction
        if transaction is self._running:
            return
        if self._running is not None:
            self.truths[-1].meter_stop_wh = self.connector.meter.energy_wh
        if transaction is not None:
            self.truths.append(Truth(transaction.meter_start_wh))
        self._running = transaction

    def see(self, charger_id: str, text: str, *, sent: bool) -> None:
        """Take note of a frame of its own as it is on the wire; some of what chargers send is no JSON."""
        if charger_id != self.charger.identity.charger_id:
            return
        try:
            frame = json.loads(text)
        except ValueError:
            return
        match frame:
            case [2, str(message_id), str(action), payload] if not sent:
                self.asked[message_id] = Asked(self.charger.clock.now_ms(), action, payload)
            case [2, _, str(action), _] if sent:
                self.said.append(action)
            case [3, str(message_id), dict(payload), *_] if sent:
                self._answered(message_id, str(payload.get("status", "")))
            case [4, str(message_id), str(code), *_] if sent:
                self._answered(message_id, code)
            case _:
                pass

    def _answered(self, message_id: str, answer: str) -> None:
        if message_id in self.asked:
            self.asked[message_id] = replace(self.asked[message_id], answer=answer)


@contextlib.asynccontextmanager
async def rigged(
    charger_id: str,
    wanted: Wanted,
    url: str,
    clock: Clock,
    *,
    characters: Sequence[str] = (),
    each_tick: Callable[[], None] = lambda: None,
) -> AsyncIterator[Rig]:
    """Run a charger against `url` for as long as the context lasts; it connects by itself."""
    traits = traits_named(characters)
    assert not isinstance(traits, Unusable), traits.reason
    charger = build_charger(charger_id, wanted, clock, traits=traits)
    link = Link(charger, url, clock, frames=True)
    rig = Rig(charger, link)

    def tick(_: int) -> None:
        rig.tick()
        each_tick()

    with frames_tapped(rig.see):
        tasks = [asyncio.create_task(link.run()), asyncio.create_task(run_ticks(charger, link, clock, tick))]
        try:
            yield rig
            for task in tasks:
                assert not task.done(), task.exception()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
