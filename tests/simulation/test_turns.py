"""Weights, priorities, parking and turns in the simulated world: its stations have none of them, or seldom.

Here no charger has less than half its maximum to charge with, so that cars have to wait for each other, and each has
terms of its own. Turns and parking are quick, as a world lives for minutes.
"""

import random
from dataclasses import replace

import pytest

from csms.core.engine import Engine
from csms.core.ids import Now
from csms.core.records import Snapshot
from csms.core.station import Control, Station
from csms.core.terms import Terms
from csms.core.timings import LAW
from csms.simulation import world
from csms.simulation.faults import Profile
from csms.simulation.stations import random_station
from csms.simulation.surroundings import Switches
from csms.simulation.world import World

pytestmark = pytest.mark.timeout(900)

QUICK = replace(
    LAW, run_least_ms=60_000, pause_least_ms=20_000, hold_ms=15_000, offer_again_ms=(10_000, 20_000, 40_000)
)


def quick(snapshot: Snapshot, now: Now) -> Engine:
    return Engine(snapshot, now, QUICK)


def narrow_station(rng: random.Random, chargers: int | None = None) -> Station:
    """Return a drawn station whose cars need half of what their chargers can give, each with its own terms."""
    station = random_station(rng, chargers)
    terms = random.Random(repr(station))
    return replace(
        station,
        chargers=tuple(
            replace(
                each,
                min_power_w=each.max_power_w // 2 if each.control in {Control.AUTO, Control.OCPP} else 0,
                terms=Terms(terms.randint(1, 3), terms.choice((0, 0, 0, 1))),
            )
            for each in station.chargers
        ),
    )


def test_nothing_breaks_where_cars_take_turns_and_share_by_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world, "random_station", narrow_station)
    worlds = [
        World(seed, quick, Switches(odd=True), choice=choice, chargers_count=3)
        for seed, choice in ((3, Profile.NONE), (5, Profile.DRAWN))
    ]
    for each in worlds:
        each.run(900_000, 600_000)
    assert any(each.judge.turns.moved_ms is not None for each in worlds)
    assert sum(each.compared for each in worlds) > 0
