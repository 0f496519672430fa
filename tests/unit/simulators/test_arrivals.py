import pytest

from simulators.arrivals import PATIENCE_MS, Arrivals, Habits, suitable_cars
from simulators.build import Wanted, build_charger
from simulators.charger import Charger
from simulators.clock import TICK_MS, ManualClock
from simulators.electrical import Supply


class World:
    """A charger that is offline all the time, so that every tag is let in, and its visitors."""

    def __init__(self, habits: Habits, seed: int = 1, *, lets_in: bool = True) -> None:
        self.clock = ManualClock()
        self.charger: Charger = build_charger("CP001", Wanted(connectors=2, max_w=200_000), self.clock)
        self.charger.configuration.set("AllowOfflineTxForUnknownId", str(lets_in))
        self.arrivals = Arrivals(self.charger, habits, seed)
        self.log: list[tuple[int, int, str]] = []

    def run(self, seconds: int) -> None:
        for second in range(seconds):
            for _ in range(1000 // TICK_MS):
                self.clock.move(TICK_MS)
                self.charger.step()
                self.arrivals.step()
            for connector in self.charger.connectors:
                car = connector.car.model.name if connector.car else ""
                seen = (connector.idx, f"{connector.status} {car}")
                if seen not in [entry[1:] for entry in self.log if entry[1] == connector.idx][-1:]:
                    self.log.append((second, *seen))


def test_a_seed_brings_the_same_people() -> None:
    first, again, other = World(Habits()), World(Habits()), World(Habits(), seed=2)
    for world in (first, again, other):
        world.run(600)
    assert first.log == again.log
    assert first.log != other.log


def test_cars_come_for_little_charge_it_and_make_room() -> None:
    world = World(Habits(arrival_s=10, min_wh=1_000, max_wh=2_000))
    world.run(1_200)
    for connector in world.charger.connectors:
        statuses = [entry[2].split()[0] for entry in world.log if entry[1] == connector.idx]
        assert statuses.count("Finishing") > 5
        assert statuses.count("Available") > 5
    # Every transaction brought between 1 and 2 kWh.
    stops = world.charger.outbox.kept
    assert stops > 0
    assert 5_000 < sum(connector.meter.energy_wh for connector in world.charger.connectors) < 200_000


def test_the_first_cars_come_within_half_the_mean_gap() -> None:
    world = World(Habits(arrival_s=20))
    world.run(11)
    assert all(connector.car is not None for connector in world.charger.connectors)


def test_who_is_not_let_in_drives_on() -> None:
    world = World(Habits(arrival_s=20), lets_in=False)
    world.run(PATIENCE_MS // 1000 + 60)
    first = [entry[2].split()[0] for entry in world.log if entry[1] == 1]
    assert first[:3] == ["Available", "Preparing", "Available"]
    assert world.charger.outbox.kept == 0


def test_nobody_plugs_into_a_connector_that_is_out_of_order() -> None:
    world = World(Habits(arrival_s=5))
    world.charger.connectors[0].operative = False
    world.run(120)
    assert {entry[2].strip() for entry in world.log if entry[1] == 1} == {"Unavailable"}
    assert {entry[2].strip() for entry in world.log if entry[1] == 2} != {"Available"}


@pytest.mark.parametrize(("phases", "slowest_w"), [(0, 50_000), (3, 0)])
def test_only_fast_cars_come_to_fast_chargers(phases: int, slowest_w: int) -> None:
    cars = suitable_cars(Supply(phases))
    assert len(cars) > 50
    assert all(car.dc_max_w >= slowest_w for car in cars)


def test_most_cars_come_for_little_and_none_for_more_than_the_most() -> None:
    arrivals = World(Habits(min_wh=1_000, max_wh=6_000)).arrivals
    wanted = sorted(arrivals._target_wh() for _ in range(2_000))
    assert (wanted[0] >= 1_000, wanted[-1]) == (True, 6_000)
    assert 1_400 < wanted[1_000] < 1_800, "half of them come for less than 1.8 kWh"
    assert {World(Habits(min_wh=2_000, max_wh=2_000)).arrivals._target_wh() for _ in range(20)} == {2_000}
