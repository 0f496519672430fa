"""What happens to the links, all day long: each road has its troubles, and its connections are broken.

Two things go on for each road, apart from each other. *Troubles* last: the road stalls in one direction or in both, is
slow, breaks everything to crumbs, or refuses connections; a trouble ends before the next one begins. *Breaks* take a
moment: a reset that both sides see, a half-close, or an end that one side alone knows of. Now and then the central
system itself is killed (`tests.whole_day.day`).
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

from simulators.clock import Clock
from tests.virtual.network import USUAL_MS, Lane, Road, Wire
from tests.whole_day.drawing import Drawn


class Kind(StrEnum):
    """One kind of fault, by the name under which it is counted."""

    STALL_UP = "stall-up"
    STALL_DOWN = "stall-down"
    STALL_BOTH = "stall-both"
    SLOW = "slow"
    CRUMBS = "crumbs"
    REFUSED = "refused"
    RESET = "reset"
    HALF_CLOSE_UP = "half-close-up"
    HALF_CLOSE_DOWN = "half-close-down"
    LOST_BY_CHARGER = "lost-by-charger"
    LOST_BY_SERVER = "lost-by-server"
    SERVER_KILLED = "server-killed"


MEANINGS: Final[Mapping[Kind, str]] = {
    Kind.STALL_UP: "nothing reaches the central system for 1 s to 10 min",
    Kind.STALL_DOWN: "nothing reaches the charger for 1 s to 10 min",
    Kind.STALL_BOTH: "nothing moves for 1 s to 10 min",
    Kind.SLOW: "each write takes 0.2 to 8 s, for up to 10 min",
    Kind.CRUMBS: "each write arrives in pieces of 1 to 40 bytes, for up to 10 min",
    Kind.REFUSED: "the connection is reset, and others are refused for up to 10 min",
    Kind.RESET: "a connection is reset, with what was on its way",
    Kind.HALF_CLOSE_UP: "the central system sees the end of a connection, the charger writes on into nothing",
    Kind.HALF_CLOSE_DOWN: "the charger sees the end of a connection, the central system writes on into nothing",
    Kind.LOST_BY_CHARGER: "a connection is reset for the charger alone: it comes back while the old one still stands",
    Kind.LOST_BY_SERVER: "a connection is reset for the central system alone: the charger talks on into nothing",
    Kind.SERVER_KILLED: "the central system is killed and starts again on what is durable, up to 20 s later",
}

TROUBLES: Final = (Kind.STALL_UP, Kind.STALL_DOWN, Kind.STALL_BOTH, Kind.SLOW, Kind.CRUMBS, Kind.REFUSED)
BREAKS: Final = (
    Kind.RESET,
    Kind.HALF_CLOSE_UP,
    Kind.HALF_CLOSE_DOWN,
    Kind.LOST_BY_CHARGER,
    Kind.LOST_BY_SERVER,
)
LASTS_S: Final = (2, 10, 40, 120, 600)
"""A trouble lasts up to one of these: most are over before anybody gives a connection up, some outlast everybody."""
SLOW_MS: Final = (200, 8_000)
CRUMB_BYTES: Final = 40


async def pause(clock: Clock, rng: random.Random, mean_s: int, until_ms: int) -> bool:
    """Wait for the next fault; return False when there is none any more."""
    at_ms = clock.now_ms() + int(rng.expovariate(1 / mean_s) * 1_000)
    await clock.sleep_until_ms(min(at_ms, until_ms))
    return at_ms < until_ms


class Weather:
    """The faults of one road; `struck` counts them, `tell` is told of each."""

    def __init__(
        self, road: Road, clock: Clock, drawn: Drawn, seed: int, struck: Counter[Kind], tell: Callable[[str], None]
    ) -> None:
        self._road = road
        self._clock = clock
        self._drawn = drawn
        self._troubles = random.Random(f"{seed}/troubles/{road.name}")
        self._breaks = random.Random(f"{seed}/breaks/{road.name}")
        self._struck = struck
        self._tell = tell

    async def last(self, until_ms: int) -> None:
        """Do harm until then; at the end the road is good again."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._trouble(until_ms))
            group.create_task(self._break(until_ms))

    async def _trouble(self, until_ms: int) -> None:
        while await pause(self._clock, self._troubles, self._drawn.trouble_s, until_ms):
            self._begin(self._troubles.choice(TROUBLES))
            lasts_ms = self._troubles.randint(1_000, self._troubles.choice(LASTS_S) * 1_000)
            await self._clock.sleep_until_ms(min(until_ms, self._clock.now_ms() + lasts_ms))
            self._clear_up()

    async def _break(self, until_ms: int) -> None:
        while await pause(self._clock, self._breaks, self._drawn.break_s, until_ms):
            kind = self._breaks.choice(BREAKS)
            if self._road.wires:
                self._strike(kind)
                _break(kind, self._road.wires[-1])

    def _strike(self, kind: Kind) -> None:
        self._struck[kind] += 1
        self._tell(f"{self._road.name} {kind}")

    def _begin(self, kind: Kind) -> None:
        road = self._road
        up, down = road.up, road.down
        stalled: Mapping[Kind, tuple[Lane, ...]] = {
            Kind.STALL_UP: (up,),
            Kind.STALL_DOWN: (down,),
            Kind.STALL_BOTH: (up, down),
        }
        if kind is Kind.REFUSED:
            road.refuses = True
            for wire in road.wires:
                wire.break_for(wire.caller, wire.listener)
            return  # it counts when somebody has met it
        self._strike(kind)
        if kind is Kind.SLOW:
            up.latency_ms = down.latency_ms = SLOW_MS
        elif kind is Kind.CRUMBS:
            up.piece_bytes = down.piece_bytes = CRUMB_BYTES
        else:
            road.stall(*stalled[kind])

    def _clear_up(self) -> None:
        road = self._road
        for lane in (road.up, road.down):
            lane.latency_ms, lane.piece_bytes = USUAL_MS, None
        road.refuses = False
        if road.refused:
            self._strike(Kind.REFUSED)
        road.refused = 0
        road.release()
        self._tell(f"{road.name} is good again")


def _break(kind: Kind, wire: Wire) -> None:
    """Break a connection."""
    match kind:
        case Kind.RESET:
            wire.break_for(wire.caller, wire.listener)
        case Kind.LOST_BY_CHARGER:
            wire.break_for(wire.caller)
        case Kind.LOST_BY_SERVER:
            wire.break_for(wire.listener)
        case Kind.HALF_CLOSE_UP:
            wire.up.shut()
        case Kind.HALF_CLOSE_DOWN:
            wire.down.shut()
        case _:
            raise AssertionError(f"{kind} is no break")
