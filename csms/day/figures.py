"""What is told of a day: what each car got and when, how full each row was, and the course of it all for a plot."""

from dataclasses import dataclass, field
from typing import Final

from csms.core.battery import PERCENT_PPM
from csms.core.configuration import kilowatts
from csms.day.document import HOUR_MS, MINUTE_MS

MJ_PER_WH: Final = 3_600_000
"""An energy of 1 Wh in W × ms."""

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
    """One row's day: the grid connection, a circuit, one phase of these, or a charger.

    Attributes:
        capacity_w: the most that it had for cars: the grid connection's without what counts as base load, with what
            the battery was sure to give; of a phase what that carries; None: unlimited.
        least_w: the least that it had; None: always the same.
        drawn_max_w, booked_max_w: the most that cars drew, and that was booked once the chargers were set up.
        full_ms, above_ms: for how long cars drew `FULL_PERCENT` of what there was for them, and more than may be.
    """

    capacity_w: int | None
    drawn_max_w: int = 0
    booked_max_w: int = 0
    full_ms: int = 0
    above_ms: int = 0
    least_w: int | None = None

    def has(self, capacity_w: int | None) -> None:
        """Take note of what it has for cars by now."""
        if capacity_w is not None and self.capacity_w is not None and capacity_w != self.capacity_w:
            self.least_w = min(capacity_w, self.capacity_w if self.least_w is None else self.least_w)
            self.capacity_w = max(capacity_w, self.capacity_w)

    def draw(self, power_w: int, dt_ms: int, has_w: int | None = None, most_w: int | None = None) -> None:
        """Count `dt_ms` at `power_w`; `has_w`: what there is for cars, `most_w`: what they may draw; None: all."""
        if not dt_ms:
            return
        self.drawn_max_w = max(self.drawn_max_w, power_w)
        if self.capacity_w is not None:
            has_w = self.capacity_w if has_w is None else has_w
            self.full_ms += dt_ms if power_w * 100 >= has_w * FULL_PERCENT else 0
            self.above_ms += dt_ms if power_w > (has_w if most_w is None else most_w) else 0


@dataclass(slots=True)
class BatteryFigures:
    """The battery's day: what it gave and took, W × ms, and its lowest charge, parts per million."""

    gave_mj: int = 0
    took_mj: int = 0
    least_ppm: int = 1_000_000

    def flow(self, power_w: int, charge_ppm: int, dt_ms: int) -> None:
        """Count `dt_ms` at `power_w`, after which its charge was `charge_ppm`."""
        self.gave_mj += max(0, power_w) * dt_ms
        self.took_mj += max(0, -power_w) * dt_ms
        self.least_ppm = min(self.least_ppm, charge_ppm)


@dataclass(frozen=True, slots=True)
class Moment:
    """The site at one instant: W by charger, and by car what it may draw; cars that are away are not named.

    Attributes:
        limit_w: what the grid connection has for cars.
        plain_w: the same without a battery, and with the configured static load.
        battery_w: what the battery gives; below 0: what it takes. charge_ppm: its charge; None without one.
        phases_w: what cars draw from L1, L2 and L3 of a grid connection with a limit in amperes.
    """

    at_ms: int
    drawn_w: dict[str, int]
    allowed_w: dict[str, int]
    limit_w: int
    plain_w: int
    battery_w: int = 0
    charge_ppm: int | None = None
    phases_w: tuple[int, int, int] | None = None


@dataclass(slots=True)
class Figures:
    """A whole day.

    Attributes:
        limits: the limits that chargers were told, counted.
        grid_capacity_w, grid_max_w: what the grid connection may be loaded with where nothing lowers it, and the most
            that flowed there of all that the site took.
        battery: None where there is none.
    """

    station_id: str
    cars: dict[str, CarFigures] = field(default_factory=dict)
    rows: dict[str, RowFigures] = field(default_factory=dict)
    course: list[Moment] = field(default_factory=list)
    limits: int = 0
    grid_capacity_w: int = 0
    grid_max_w: int = 0
    battery: BatteryFigures | None = None

    @property
    def kept(self) -> bool:
        """Return whether no row ever carried, or had booked, more than its capacity."""
        return all(
            row.capacity_w is None or (row.above_ms == 0 and row.booked_max_w <= row.capacity_w)
            for row in self.rows.values()
        )


def document(figures: Figures) -> dict[str, object]:
    """Return the figures as JSON: kW, kWh and times of the day; the course of the day is left out."""
    found: dict[str, object] = {
        "stationId": figures.station_id,
        "neverAboveCapacity": figures.kept,
        "limitsSent": figures.limits,
        "gridConnection": {
            "capacity": kilowatts(figures.grid_capacity_w),
            "drawnMax": kilowatts(figures.grid_max_w),
        },
    }
    if figures.battery is not None:
        found["battery"] = {
            "gave": kilowatts(figures.battery.gave_mj // MJ_PER_WH),
            "took": kilowatts(figures.battery.took_mj // MJ_PER_WH),
            "percentLeast": figures.battery.least_ppm // PERCENT_PPM,
        }
    return found | {
        "rows": {name: _row(row) for name, row in figures.rows.items()},
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


def _row(row: RowFigures) -> dict[str, object]:
    capacity = None if row.capacity_w is None else kilowatts(row.capacity_w)
    return {
        "capacity": capacity,
        **({} if row.least_w is None else {"capacityLeast": kilowatts(row.least_w)}),
        "drawnMax": kilowatts(row.drawn_max_w),
        "bookedMax": kilowatts(row.booked_max_w),
        "minutesFull": row.full_ms // MINUTE_MS,
    }


def clock(at_ms: int) -> str:
    """Return a time since midnight as HH:MM, which goes on after 24:00."""
    hours, rest_ms = divmod(at_ms, HOUR_MS)
    return f"{hours:02}:{rest_ms // MINUTE_MS:02}"


def table(figures: Figures) -> list[str]:
    """Return the figures as lines for a person."""
    most, capacity = kilowatts(figures.grid_max_w), kilowatts(figures.grid_capacity_w)
    lines = [f"the whole site: at most {most} of {capacity} kW from the grid connection"]
    if figures.battery is not None:
        gave, took = (mj // MJ_PER_WH for mj in (figures.battery.gave_mj, figures.battery.took_mj))
        least = figures.battery.least_ppm // PERCENT_PPM
        lines.append(f"the battery: gave {kilowatts(gave)} kWh, took {kilowatts(took)} kWh, never below {least} %")
    for name, row in figures.rows.items():
        least_w = "" if row.least_w is None else f"{kilowatts(row.least_w)} to "
        of = "unlimited" if row.capacity_w is None else f"of {least_w}{kilowatts(row.capacity_w)} kW"
        drawn = f"most drawn {kilowatts(row.drawn_max_w)}, most booked {kilowatts(row.booked_max_w)} {of}"
        lines.append(f"{name}: {drawn}, full for {row.full_ms // MINUTE_MS} min")
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
