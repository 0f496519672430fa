"""What a seed chooses: the station, its chargers, how people use them, and how often their links fail."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from csms.core.ids import ChargerId
from csms.core.station import Charger, Circuit, Control, Station
from simulators.arrivals import Habits
from simulators.build import Wanted
from simulators.electrical import MIN_CURRENT_A, NOMINAL_VOLTAGE_V, RateUnit

CHARGERS: Final = 3
GARAGE: Final = "garage"
DC_MIN_W: Final = 5_000
UNITS: Final = (frozenset(RateUnit), frozenset({RateUnit.W}), frozenset({RateUnit.A}))


@dataclass(frozen=True, slots=True)
class Options:
    """What chooses a run.

    Attributes:
        seed: what every die is thrown from.
        hours: how long cars come and links fail; the calm and the end come on top.
    """

    seed: int
    hours: float = 24.0


@dataclass(frozen=True, slots=True)
class Place:
    """One charger: as it is built and as it is configured."""

    wanted: Wanted
    charger: Charger


@dataclass(frozen=True, slots=True)
class Drawn:
    """Everything that a seed has drawn, times in s.

    Attributes:
        trouble_s: mean time from the end of one trouble on a road to the next.
        break_s: mean time between two connections of a charger that are broken.
        kill_s: mean time from one start of the central system to its next end.
    """

    places: tuple[Place, ...]
    station: Station
    habits: Habits
    trouble_s: int
    break_s: int
    kill_s: int

    @property
    def lines(self) -> Iterator[str]:
        """Return it in words, a line each."""
        yield f"grid connection {self.station.grid_capacity_w} W"
        yield from (f"circuit {circuit.circuit_id} {circuit.capacity_w} W" for circuit in self.station.circuits)
        for place in self.places:
            wanted, charger = place.wanted, place.charger
            kind = "DC" if charger.is_dc else f"AC with {wanted.phases} phases"
            units = "/".join(sorted(wanted.units))
            yield (
                f"{charger.charger_id} {kind}, {wanted.connectors} connectors, {wanted.max_w} W in"
                f" {charger.circuit or 'the grid connection'}, limits in {units},"
                f" meter values each {wanted.meter_interval_s} s"
            )
        habits = self.habits
        yield f"cars each {habits.arrival_s:.0f} s and free connector, for {habits.min_wh} to {habits.max_wh} Wh"
        yield f"trouble on a road each {self.trouble_s} s, a broken connection each {self.break_s} s"
        yield f"the central system is killed each {self.kill_s} s"


def draw(seed: int) -> Drawn:
    """Return what a seed draws."""
    rng = random.Random(f"{seed}/station")
    places = tuple(_place(rng, ChargerId(f"CP{number}")) for number in range(1, CHARGERS + 1))
    chargers = tuple(place.charger for place in places)
    garage = [charger for charger in chargers if charger.circuit == GARAGE]
    circuits = (Circuit(GARAGE, None, _capacity_w(rng, garage)),) if garage else ()
    return Drawn(
        places=places,
        station=Station("WHOLE DAY", _capacity_w(rng, chargers), chargers, circuits, fail_safe_chosen=True),
        habits=Habits(arrival_s=rng.randint(60, 600), min_wh=500, max_wh=rng.randint(4_000, 20_000)),
        trouble_s=rng.randint(300, 900),
        break_s=rng.randint(300, 900),
        kill_s=rng.randint(3_600, 10_800),
    )


def _place(rng: random.Random, charger_id: ChargerId) -> Place:
    phases = rng.choice((0, 1, 3))
    connectors = rng.randint(1, 2)
    # Each connector can give all of it: what they share is the charger's own maximum.
    max_w = {0: rng.randint(50, 200) * 1000, 1: 7_360, 3: rng.choice((11_040, 22_080))}[phases]
    wanted = Wanted(
        connectors,
        max_w,
        phases,
        units=rng.choice(UNITS),
        meter_interval_s=rng.choice((10, 15)),
        model=f"Model {charger_id}",
    )
    charger = Charger(
        charger_id,
        max_w,
        connectors,
        control=Control.OCPP,
        circuit=GARAGE if phases else None,
        min_power_w=MIN_CURRENT_A * NOMINAL_VOLTAGE_V * phases if phases else DC_MIN_W,
        phases=phases,
    )
    return Place(wanted, charger)


def _capacity_w(rng: random.Random, chargers: "tuple[Charger, ...] | list[Charger]") -> int:
    """Draw a capacity that is too small for all, and gives each car its minimum with a tenth to spare."""
    least_w = sum(charger.min_power_w * charger.connectors for charger in chargers) * 11 // 10
    most_w = max(least_w, sum(charger.max_power_w for charger in chargers) * 8 // 10)
    return rng.randint(least_w, most_w)
