"""What is told of a day: what each car got and when, how full each row was, and the course of it all for a plot."""

from dataclasses import dataclass, field
from typing import Final

from csms.core.configuration import kilowatts
from csms.day.document import HOUR_MS, MINUTE_MS

FULL_PERCENT: Final = 98
"""A row counts as full while the cars draw so much of what it has for them."""


@dataclass(slots=True)
class CarFigures:
    """One car's day; times in ms since midnight.

    Attributes:
        charged_ms: when it had all the energy that it came for; None: it never had.
        power_max_w: the most that it drew.
        paused_ms: for how long it wanted power, was plugged in and drew none.
    """

    name: str
    connector: str
    arrived_ms: int
    wanted_wh: int
    energy_wh: int = 0
    charged_ms: int | None = None
    left_ms: int | None = None
    power_max_w: int = 0
    paused_ms: int = 0


@dataclass(slots=True)
class RowFigures:
    """One row's day: the grid connection, a circuit or a charger.

    Attributes:
        capacity_w: what it has for cars: the grid connection's without the static load; None: unlimited.
        drawn_max_w, booked_max_w: the most that cars drew, and that was booked once the chargers were set up.
        full_ms, above_ms: for how long cars drew `FULL_PERCENT` of the capacity, and more than all of it.
    """

    capacity_w: int | None
    drawn_max_w: int = 0
    booked_max_w: int = 0
    full_ms: int = 0
    above_ms: int = 0

    def draw(self, power_w: int, dt_ms: int) -> None:
        """Count `dt_ms` at `power_w`."""
        if not dt_ms:
            return
        self.drawn_max_w = max(self.drawn_max_w, power_w)
        if self.capacity_w is not None:
            self.full_ms += dt_ms if power_w * 100 >= self.capacity_w * FULL_PERCENT else 0
            self.above_ms += dt_ms if power_w > self.capacity_w else 0


@dataclass(frozen=True, slots=True)
class Moment:
    """The site at one instant: W by charger, and by car what it may draw; cars that are away are not named."""

    at_ms: int
    drawn_w: dict[str, int]
    allowed_w: dict[str, int]


@dataclass(slots=True)
class Figures:
    """A whole day; `limits` counts the limits that chargers were told."""

    station_id: str
    cars: dict[str, CarFigures] = field(default_factory=dict)
    rows: dict[str, RowFigures] = field(default_factory=dict)
    course: list[Moment] = field(default_factory=list)
    limits: int = 0

    @property
    def kept(self) -> bool:
        """Return whether no row ever carried, or had booked, more than its capacity."""
        return all(
            row.capacity_w is None or (row.above_ms == 0 and row.booked_max_w <= row.capacity_w)
            for row in self.rows.values()
        )


def document(figures: Figures) -> dict[str, object]:
    """Return the figures as JSON: kW, kWh and times of the day; the course of the day is left out."""
    return {
        "stationId": figures.station_id,
        "neverAboveCapacity": figures.kept,
        "limitsSent": figures.limits,
        "rows": {
            name: {
                "capacity": None if row.capacity_w is None else kilowatts(row.capacity_w),
                "drawnMax": kilowatts(row.drawn_max_w),
                "bookedMax": kilowatts(row.booked_max_w),
                "minutesFull": row.full_ms // MINUTE_MS,
            }
            for name, row in figures.rows.items()
        },
        "cars": [
            {
                "name": car.name,
                "connector": car.connector,
                "arrived": clock(car.arrived_ms),
                "charged": None if car.charged_ms is None else clock(car.charged_ms),
                "energy": kilowatts(car.energy_wh),
                "wanted": kilowatts(car.wanted_wh),
                "powerMax": kilowatts(car.power_max_w),
                "minutesPaused": car.paused_ms // MINUTE_MS,
            }
            for car in figures.cars.values()
        ],
    }


def clock(at_ms: int) -> str:
    """Return a time since midnight as HH:MM, which goes on after 24:00."""
    hours, rest_ms = divmod(at_ms, HOUR_MS)
    return f"{hours:02}:{rest_ms // MINUTE_MS:02}"


def table(figures: Figures) -> list[str]:
    """Return the figures as lines for a person."""
    lines = []
    for name, row in figures.rows.items():
        capacity = "unlimited" if row.capacity_w is None else f"of {kilowatts(row.capacity_w)} kW"
        most = f"most drawn {kilowatts(row.drawn_max_w)}, most booked {kilowatts(row.booked_max_w)} {capacity}"
        lines.append(f"{name}: {most}, full for {row.full_ms // MINUTE_MS} min")
    for car in figures.cars.values():
        ended = "not charged" if car.charged_ms is None else f"charged {clock(car.charged_ms)}"
        paused = f", paused for {car.paused_ms // MINUTE_MS} min" if car.paused_ms >= MINUTE_MS else ""
        lines.append(
            f"{car.name} at {car.connector}: {clock(car.arrived_ms)}, {ended}, "
            f"{kilowatts(car.energy_wh)} of {kilowatts(car.wanted_wh)} kWh, "
            f"at most {kilowatts(car.power_max_w)} kW{paused}"
        )
    charged = sum(car.charged_ms is not None for car in figures.cars.values())
    lines.append(f"{charged} of {len(figures.cars)} cars charged, {figures.limits} limits sent")
    lines.append("never above a capacity" if figures.kept else "ABOVE A CAPACITY")
    return lines
