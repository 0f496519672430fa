"""People with cars: they arrive at free connectors, plug in, swipe a tag, charge what they need, and leave.

All chance comes from one seeded generator per charger, so a seed gives the same people every time; only what the
central system makes of them differs.
"""

import random
from dataclasses import dataclass

from simulators.car import Car
from simulators.cars import CarModel, catalogue
from simulators.charger import Charger
from simulators.connector import Connector
from simulators.electrical import Supply

FAST_CHARGING_W = 50_000
"""Cars that take less come to DC fast chargers rarely, and not here."""
PATIENCE_MS = 60_000
"""Who got no transaction within this time after the swipe drives on."""
SOC_PERCENT = (10, 60)
SWIPE_AFTER_MS = (1_000, 3_000)
STAYS_MS = (2_000, 5_000)
SHORTEST_GAP_MS = 2_000
RARITY = 6
"""On average cars come for a sixth of the range above the least energy."""


@dataclass(frozen=True, slots=True)
class Habits:
    """How people use the station.

    Attributes:
        arrival_s: mean time from a connector becoming free to the next car.
        min_wh, max_wh: the energy that a car comes for; most come for little more than the least, few for much.
    """

    arrival_s: float = 20.0
    min_wh: int = 1_000
    max_wh: int = 6_000

    def __post_init__(self) -> None:
        assert self.arrival_s > 0, "cars come after some time"
        assert 0 < self.min_wh <= self.max_wh, "cars come for some energy"


def suitable_cars(supply: Supply) -> list[CarModel]:
    """Return the cars that come to such a connector."""
    return [car for car in catalogue() if not supply.is_dc or car.dc_max_w >= FAST_CHARGING_W]


@dataclass(slots=True)
class _Visit:
    """What is to happen at one connector, and when."""

    arrives_ms: int
    swipes_ms: int | None = None
    gives_up_ms: int | None = None


class Arrivals:
    """The people at one charger."""

    def __init__(self, charger: Charger, habits: Habits, seed: int) -> None:
        self._charger = charger
        self._habits = habits
        self._random = random.Random(f"{seed}/{charger.identity.charger_id}")
        self._cars = suitable_cars(charger.hardware.supply)
        now_ms = charger.clock.now_ms()
        # The first ones come soon: nobody wants to watch an empty station.
        self._visits = {
            connector.idx: _Visit(now_ms + int(self._random.uniform(0, habits.arrival_s * 500)))
            for connector in charger.connectors
        }

    def step(self) -> None:
        """Let people do what is due now."""
        now_ms = self._charger.clock.now_ms()
        for connector in self._charger.connectors:
            visit = self._visits[connector.idx]
            if visit.swipes_ms is None:
                if now_ms >= visit.arrives_ms and not connector.in_use and connector.takes_sessions:
                    self._arrive(connector, visit, now_ms)
            elif connector.car is None:
                self._visits[connector.idx] = _Visit(now_ms + self._gap_ms())
            elif visit.gives_up_ms is None:
                if now_ms >= visit.swipes_ms:
                    visit.gives_up_ms = now_ms + PATIENCE_MS
                    self._charger.sessions.swipe(self._tag(), connector)
            elif now_ms >= visit.gives_up_ms and connector.transaction is None and connector.leaves_at_ms is None:
                self._charger.sessions.unplug(connector)

    def _arrive(self, connector: Connector, visit: _Visit, now_ms: int) -> None:
        car = Car(
            self._random.choice(self._cars),
            connector.supply,
            soc_percent=self._random.randint(*SOC_PERCENT),
            target_wh=self._target_wh(),
        )
        visit.swipes_ms = now_ms + self._random.randint(*SWIPE_AFTER_MS)
        self._charger.sessions.plug(connector, car, stays_ms=self._random.randint(*STAYS_MS))

    def _target_wh(self) -> int:
        """Return the energy that a car comes for, Wh."""
        least_wh, most_wh = self._habits.min_wh, self._habits.max_wh
        more_wh = self._random.expovariate(RARITY / max(1, most_wh - least_wh))
        return min(most_wh, least_wh + int(more_wh))

    def _gap_ms(self) -> int:
        mean_s = self._habits.arrival_s
        return max(SHORTEST_GAP_MS, int(min(self._random.expovariate(1 / mean_s), 3 * mean_s) * 1000))

    def _tag(self) -> str:
        return f"SIM{self._random.getrandbits(32):08X}"
