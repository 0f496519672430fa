"""What is at the demo's site beside the chargers: a base load that comes and goes, and what the site's meter shows.

The demo is the meter: it makes the base load up and tells the central system, each second, as a real one would
(`PUT /station/meter`). It rises and falls evenly between a quarter and three quarters of `staticLoad`, slowly enough
that `margin` covers what it rises by until cars have let go. The battery is the central system's own computed one.
"""

from dataclasses import dataclass
from typing import Final

from csms.core.site_meter import Measures
from csms.core.station import Station

PERIOD_S: Final = 120
"""It has risen and fallen once in so many seconds."""


@dataclass(frozen=True, slots=True)
class BatteryTold:
    """The battery as the central system shows it: what it gives, W, below 0: takes, and its charge, percent."""

    power_w: int
    charge_percent: float


def is_metered(station: Station) -> bool:
    """Return whether the demo can be the station's meter: it is told what the meter shows, and reads nothing."""
    return station.site_meter is not None and station.site_meter.modbus is None


def base_load_w(station: Station, elapsed_s: int) -> int:
    """Return what everything but the chargers takes, W: without a meter always the configured maximum."""
    if not is_metered(station):
        return station.static_load_w
    half_s = PERIOD_S // 2
    risen_s = half_s - abs(elapsed_s % PERIOD_S - half_s)
    return station.static_load_w // 4 + station.static_load_w // 2 * risen_s // half_s


def shown_w(station: Station, base_w: int, cars_w: int, battery_w: int) -> int:
    """Return what the meter shows, W: the base load, or all that flows where it is at the grid connection."""
    meter = station.site_meter
    is_grid = meter is not None and meter.measures is Measures.GRID
    return base_w + cars_w - battery_w if is_grid else base_w
