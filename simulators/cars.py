"""The catalogue of cars: real charging curves from `data/charging_curves.csv`, and made-up flat ones for checks."""

import csv
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib import resources
from itertools import groupby, pairwise

CSV_NAME = "charging_curves.csv"
PPM = 1_000_000


@dataclass(frozen=True, slots=True)
class CarModel:
    """What a kind of car can take.

    Attributes:
        name: brand, model, variant and year.
        battery_wh: usable capacity.
        ac_max_w: the on-board charger's maximum, all phases together.
        ac_phases: phases that the on-board charger uses.
        curve: DC power over charge as (state of charge in parts per million, W), ascending from 0 to 1,000,000.
    """

    name: str
    battery_wh: int
    ac_max_w: int
    ac_phases: int
    curve: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        assert self.battery_wh > 0, self.name
        assert self.ac_phases in {1, 2, 3}, self.name
        assert len(self.curve) > 1, self.name
        assert (self.curve[0][0], self.curve[-1][0]) == (0, PPM), f"{self.name}: a curve covers 0 to 100 %"
        assert all(a[0] < b[0] for a, b in pairwise(self.curve)), f"{self.name}: a curve's points ascend"

    @property
    def dc_max_w(self) -> int:
        """Return the highest power of the curve, W."""
        return max(power_w for _, power_w in self.curve)

    def dc_power_w(self, soc_ppm: int) -> int:
        """Return the power, W, that the curve gives at a state of charge, rounded down."""
        at = min(max(soc_ppm, 0), PPM)
        for (low_ppm, low_w), (high_ppm, high_w) in pairwise(self.curve):
            if at <= high_ppm:
                return low_w + (high_w - low_w) * (at - low_ppm) // (high_ppm - low_ppm)
        raise AssertionError("a curve covers 0 to 100 %")


@dataclass(frozen=True, slots=True)
class NoSuchCar:
    """The text names no car, or several; `reason` says which, for a person."""

    reason: str


def flat_car(power_w: int, battery_wh: int = 200_000) -> CarModel:
    """Return a made-up car that takes `power_w` on DC at any state of charge: for checks with round figures."""
    name = f"flat {power_w // 1000} kW"
    return CarModel(name, battery_wh, ac_max_w=11_000, ac_phases=3, curve=((0, power_w), (PPM, power_w)))


@cache
def catalogue() -> tuple[CarModel, ...]:
    """Return every car of the packaged table, in the order of their names."""
    text = resources.files("simulators.data").joinpath(CSV_NAME).read_text(encoding="utf-8")
    return parse_catalogue(text)


def parse_catalogue(text: str) -> tuple[CarModel, ...]:
    """Return the cars of a table in the form of `data/SOURCES.md`; raise ValueError naming the line that is wrong."""
    reader = csv.DictReader(text.splitlines())
    cars = []
    try:
        for name, group in groupby(reader, key=lambda row: row["car"]):
            rows = list(group)
            cars.append(
                CarModel(
                    name,
                    battery_wh=_thousandths(rows[0]["battery_kwh"]),
                    ac_max_w=_thousandths(rows[0]["ac_max_kw"]),
                    ac_phases=int(rows[0]["ac_phases"]),
                    curve=tuple(
                        (int(Decimal(row["soc_percent"]) * 10_000), _thousandths(row["power_kw"])) for row in rows
                    ),
                )
            )
    except (KeyError, TypeError, ValueError, InvalidOperation) as error:
        raise ValueError(f"line {reader.line_num} of the table of cars: {error!r}") from error
    return tuple(cars)


def find_car(text: str) -> CarModel | NoSuchCar:
    """Return the car whose name is or contains `text`, in any case; "flat 150" is a made-up car of 150 kW."""
    wanted = " ".join(text.lower().split())
    kind, _, power = wanted.partition(" ")
    if kind == "flat":
        kilowatts = power.removesuffix("kw").strip()
        if not kilowatts.isdecimal() or not int(kilowatts):
            return NoSuchCar("a flat car needs whole kilowatts, e.g. flat 150")
        return flat_car(int(kilowatts) * 1000)
    matches = [car for car in catalogue() if wanted in car.name.lower()]
    exact = [car for car in matches if car.name.lower() == wanted]
    if exact or len(matches) == 1:
        return (exact or matches)[0]
    if not matches:
        return NoSuchCar(f"no car is called {text!r}; `cars` lists them")
    names = ", ".join(car.name for car in matches[:5])
    return NoSuchCar(f"{text!r} fits {len(matches)} cars: {names}{', …' if len(matches) > 5 else ''}")  # noqa: PLR2004 - as many as fit a line


def _thousandths(text: str) -> int:
    return int(Decimal(text) * 1000)
