"""The documented scenarios as data: a configuration, and steps with the figures that must come out (kW).

A car takes all it is given, up to its `CAR_MAX_KW`; so each power-update reports what was allocated before. Over OCPP
the powers at the very first moment depend on who was served first and the updates are the meter's; there the `Settled`
steps alone are checked, once the shares have converged.
"""

from dataclasses import dataclass
from typing import Any

CAR_MAX_KW = 150


@dataclass(frozen=True, slots=True)
class Start:
    """A car comes to a connector and is first given `expected_kw`."""

    car: str
    charger_id: str
    idx: int
    expected_kw: int


@dataclass(frozen=True, slots=True)
class Update:
    """A car reports that it takes all it was given, and is then given `expected_kw`."""

    car: str
    expected_kw: int


@dataclass(frozen=True, slots=True)
class Leave:
    """A car leaves."""

    car: str


@dataclass(frozen=True, slots=True)
class Settled:
    """From here on the cars, in the order of their names, have these allocations.

    Attributes:
        exact_kw: what each is told over OCPP, where that is not whole kilowatts.
        firm_kw: over REST: what is left to each when it hears nothing; the rest is marked conditional.
        battery_kw: what the battery gives; rest_battery_kw: over REST, where whole kilowatts make it another.
    """

    expected_kw: dict[str, int]
    exact_kw: float | None = None
    firm_kw: int | None = None
    battery_kw: int | None = None
    rest_battery_kw: int | None = None


@dataclass(frozen=True, slots=True)
class BatteryReady:
    """The battery has been read, and cars may have so much of it."""

    available_kw: int


Step = Start | Update | Leave | Settled | BatteryReady


@dataclass(frozen=True, slots=True)
class Scenario:
    """A station and what happens at it."""

    number: int
    caption: str
    grid_kw: int
    chargers: dict[str, int]
    """Maximum power, kW, by id; two connectors each."""
    steps: tuple[Step, ...]
    static_kw: int = 0
    battery: tuple[int, int] | None = None
    """Energy, kWh, and power, kW."""

    @property
    def cars_kw(self) -> int:
        """Return the most that all cars together may draw."""
        return self.grid_kw - self.static_kw + (0 if self.battery is None else self.battery[1])

    def configuration(self, control: str) -> dict[str, Any]:
        """Return the configuration to be posted."""
        document: dict[str, Any] = {
            "stationId": f"SCENARIO_{self.number}",
            "gridCapacity": self.grid_kw,
            "chargers": [
                {"id": charger_id, "maxPower": max_kw, "connectors": 2, "control": control}
                for charger_id, max_kw in self.chargers.items()
            ],
        }
        if self.static_kw:
            document["staticLoad"] = self.static_kw
        if self.battery is not None:
            document["battery"] = {"initialCapacity": self.battery[0], "power": self.battery[1]}
        return document


_A, _B = "SCENARIO-A", "SCENARIO-B"

SCENARIOS = {
    1: Scenario(
        1,
        "one 200 kW charger, two cars of 150 kW",
        400,
        {_A: 200},
        (
            Start("car 1", _A, 1, 150),
            Start("car 2", _A, 2, 50),
            Update("car 1", 100),
            Update("car 2", 100),
            Settled({"car 1": 100, "car 2": 100}),
        ),
    ),
    2: Scenario(
        2,
        "a grid of 400 kW, two 300 kW chargers, cars of 150 kW",
        400,
        {_A: 300, _B: 300},
        (
            Start("car 1", _A, 1, 150),
            Start("car 2", _B, 1, 150),
            Settled({"car 1": 150, "car 2": 150}),
            Start("car 3", _A, 2, 100),
            Update("car 1", 133),
            Update("car 2", 133),
            Update("car 3", 133),
            Settled({"car 1": 133, "car 2": 133, "car 3": 133}),
            Start("car 4", _B, 2, 1),
            Update("car 1", 100),
            Update("car 2", 100),
            Update("car 3", 100),
            Update("car 4", 100),
            Settled({"car 1": 100, "car 2": 100, "car 3": 100, "car 4": 100}),
            Leave("car 1"),
            Update("car 2", 133),
            Update("car 3", 133),
            Update("car 4", 133),
            Settled({"car 2": 133, "car 3": 133, "car 4": 133}),
        ),
    ),
    3: Scenario(
        3,
        "a grid of 400 kW, 3 kW of other load, a battery of 200 kWh and 200 kW, two 300 kW chargers, cars of 150 kW",
        400,
        {_A: 300, _B: 300},
        (
            BatteryReady(200),
            Start("car 1", _A, 1, 150),
            Start("car 2", _B, 1, 150),
            Start("car 3", _A, 2, 150),
            Settled({"car 1": 150, "car 2": 150, "car 3": 150}, battery_kw=53),
            Start("car 4", _B, 2, 147),
            Update("car 1", 149),
            Update("car 2", 149),
            Update("car 3", 149),
            Update("car 4", 149),
            Settled(
                {"car 1": 149, "car 2": 149, "car 3": 149, "car 4": 149},
                exact_kw=149.25,
                firm_kw=99,
                battery_kw=200,
                rest_battery_kw=199,
            ),
        ),
        static_kw=3,
        battery=(200, 200),
    ),
}
