"""The charger without its socket, under random handling: it never breaks the specification's table of statuses, its
hardware's limits or its profiles, and its meters never go back."""

import random
from dataclasses import replace

import pytest

from simulators.build import Wanted, build_charger
from simulators.car import Car
from simulators.cars import catalogue
from simulators.charger import Charger
from simulators.clock import TICK_MS, ManualClock
from simulators.electrical import RateUnit
from simulators.profiles import Kind, Period, Profile, Purpose

ALLOWED = {
    # §4.9, with B6 of errata 3.20; Reserved and Faulted are never reached.
    "Available": {"Preparing", "Charging", "SuspendedEV", "SuspendedEVSE", "Unavailable"},
    "Preparing": {"Available", "Charging", "SuspendedEV", "SuspendedEVSE", "Finishing"},
    "Charging": {"Available", "SuspendedEV", "SuspendedEVSE", "Finishing", "Unavailable"},
    "SuspendedEV": {"Available", "Charging", "SuspendedEVSE", "Finishing", "Unavailable"},
    "SuspendedEVSE": {"Available", "Charging", "SuspendedEV", "Finishing", "Unavailable"},
    "Finishing": {"Available", "Preparing", "Unavailable"},
    "Unavailable": {"Available", "Preparing", "Charging", "SuspendedEV", "SuspendedEVSE"},
}

TX_DEFAULT = Profile(1, 0, Purpose.TX_DEFAULT, Kind.RELATIVE, RateUnit.W, (Period(0, 0),))


def limited_to(power_w: int) -> Profile:
    return replace(TX_DEFAULT, periods=(Period(0, power_w * 10),))


class Handled:
    """A charger that somebody plays with; everything it says is kept."""

    def __init__(self, seed: int, phases: int) -> None:
        self.random = random.Random(seed)
        self.clock = ManualClock()
        self.told: list[str] = []
        wanted = Wanted(connectors=2, max_w=200_000 if phases == 0 else 22_000, phases=phases)
        self.charger: Charger = build_charger("CP001", wanted, self.clock, tell=self.told.append)
        self.limit_w = wanted.max_w
        self.cut_ms = 0

    def do_something(self) -> None:
        connector = self.random.choice(self.charger.connectors)
        sessions = self.charger.sessions
        match self.random.randint(0, 7):
            case 0 | 1 if connector.car is None:
                car = Car(
                    self.random.choice(catalogue()),
                    connector.supply,
                    soc_percent=self.random.randint(0, 100),
                    target_wh=self.random.choice([None, 100, 1_000]),
                )
                sessions.plug(connector, car, self.random.choice([None, 0, 3_000]))
            case 2 if connector.car is not None:
                sessions.unplug(connector)
            case 3 | 4:
                sessions.swipe(self.random.choice(["A", "B"]), connector)
            case 5:
                self.limit_w = self.random.choice([0, 1_000, 5_000, 20_000, 500_000])
                self.cut_ms = self.clock.now_ms()
                assert self.charger.profiles.install(0, limited_to(self.limit_w)) is None
            case 6:
                connector.scheduled = self.random.random() < 0.7
            case 7 if self.random.random() < 0.2:
                self.charger.reset("SoftReset", wait_for_stops=False)

    def tick(self) -> None:
        self.clock.move(TICK_MS)
        self.charger.step()


@pytest.mark.parametrize("phases", [0, 3])
@pytest.mark.parametrize("seed", range(20))
def test_random_handling(seed: int, phases: int) -> None:
    handled = Handled(seed, phases)
    charger = handled.charger
    meters_wh = [0, 0]
    for _ in range(150):
        handled.do_something()
        for _ in range(handled.random.choice([1, 4, 40])):
            handled.tick()
            powers_w = [connector.power_w for connector in charger.connectors]
            assert sum(powers_w) <= charger.hardware.max_w + ramp_w(handled)
            for connector, before_wh in zip(charger.connectors, meters_wh, strict=True):
                assert connector.meter.energy_wh >= before_wh
                if connector.transaction is None:
                    assert connector.power_w == 0
                # A car may be above a limit for as long as it takes to ramp down from the hardware's maximum.
                if handled.clock.now_ms() - handled.cut_ms > 6_000:
                    assert connector.power_w <= handled.limit_w
            meters_wh = [connector.meter.energy_wh for connector in charger.connectors]
    statuses: dict[str, str] = {}
    changes = 0
    for line in handled.told:
        _, connector_name, status = (line + ": ").split(": ")[:3]
        if connector_name.startswith("connector") and status in ALLOWED:
            previous = statuses.get(connector_name)
            assert previous is None or status in ALLOWED[previous], (connector_name, previous, status)
            statuses[connector_name] = status
            changes += 1
    assert changes > 20


def ramp_w(handled: Handled) -> int:
    """Return how far two cars may be above their common maximum while one of them makes room for the other."""
    return sum(
        connector.car.temper.ramp_up_w_per_s * TICK_MS // 1000
        for connector in handled.charger.connectors
        if connector.car is not None
    )
