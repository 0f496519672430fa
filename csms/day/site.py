"""What is behind the grid connection beside the chargers: the base load, its meter, the battery, and who tells limits.

The base load goes from one step of the day's document to the next. The site's meter shows it, or all that flows,
exactly; the battery follows its set-points at once (`csms.energy.modelled`); the grid operator is always heard and
tells nothing. Of all three the core hears each `READ_MS`. Which limit the grid connection has by the clock is worked
out here anew, by the minute, so that what flows is judged by the contract and not by what the core makes of it.
"""

from collections.abc import Iterator
from typing import Final

from csms.core.commands import SetBattery
from csms.core.events import BatteryReported, Fact, GridOperatorHeard, SiteMeterRead
from csms.core.grid_terms import DAY_MIN, WEEK
from csms.core.ids import RequestId
from csms.core.phases import limit_sixths, static_sixths
from csms.core.rows import SIXTHS
from csms.core.site_meter import Measures
from csms.core.station import GRID, Lines, PhaseLimit, Station
from csms.day.document import MINUTE_MS, BaseLoad
from csms.energy.modelled import BatteryModel, full_ppm

READ_MS: Final = 5_000

WEEKDAY: Final = 4
"""The day of a document is a Friday: some windows of a schedule do not hold at weekends."""


class Site:
    """All but the chargers, from `now_ms` on; times since midnight, which is 00:00 by the station's clock."""

    def __init__(self, station: Station, base_load: tuple[BaseLoad, ...], now_ms: int) -> None:
        battery = station.battery
        self._station = station
        self._base_load = base_load
        self._battery = None if battery is None else BatteryModel(battery, now_ms, full_ppm(battery))

    @property
    def is_heard(self) -> bool:
        """Return whether there is anything that the core has to hear of."""
        station = self._station
        return any(each is not None for each in (station.battery, station.site_meter, station.grid_operator))

    def limit_w(self, now_ms: int) -> int:
        """Return what the grid connection may be loaded with, W."""
        day, minute = divmod(now_ms // MINUTE_MS, DAY_MIN)
        windows = self._station.capacity_schedule
        in_force = (each.capacity_w for each in windows if each.holds_at((WEEKDAY + day) % len(WEEK), minute))
        return min(self._station.grid_capacity_w, min(in_force, default=self._station.grid_capacity_w))

    def base_load_w(self, now_ms: int) -> int:
        """Return what everything else takes, W."""
        past = [load.power_w for load in self._base_load if load.at_ms <= now_ms]
        return past[-1] if past else self._station.static_load_w

    def battery_w(self, now_ms: int) -> int:
        """Return what the battery gives, W; below 0: what it takes."""
        return 0 if self._battery is None else self._battery.power_w(now_ms)

    def charge_ppm(self, now_ms: int) -> int | None:
        """Return the charge of the battery, parts per million; None without one."""
        return None if self._battery is None else self._battery.soc_ppm(now_ms)

    def grid_w(self, cars_w: int, now_ms: int) -> int:
        """Return what flows through the grid connection while cars draw so much, W."""
        return cars_w + self.base_load_w(now_ms) - self.battery_w(now_ms)

    def follow(self, set_point: SetBattery, now_ms: int) -> None:
        """Have the battery do what it is told."""
        assert self._battery is not None, "who is told has a battery"
        self._battery.follow(set_point, now_ms)

    def facts(self, cars_w: int, now_ms: int, read_ms: int, request: RequestId) -> Iterator[Fact]:
        """Give what the core hears of it; `read_ms`: the same time, monotonic."""
        station = self._station
        if station.site_meter is not None:
            is_grid = station.site_meter.measures is Measures.GRID
            yield SiteMeterRead(self.grid_w(cars_w, now_ms) if is_grid else self.base_load_w(now_ms))
        if self._battery is not None:
            yield BatteryReported(self._battery.reading(now_ms), read_ms)
        if station.grid_operator is not None:
            yield GridOperatorHeard(request, "the day")

    def changes_ms(self, after_ms: int, ends_ms: int) -> list[int]:
        """Return when the limit or the base load changes between two times."""
        edges = {minute for each in self._station.capacity_schedule for minute in (each.from_min, each.to_min)}
        days = range(0, ends_ms, DAY_MIN * MINUTE_MS)
        edges_ms = {day_ms + edge * MINUTE_MS for day_ms in days for edge in edges}
        changes_ms = edges_ms | {load.at_ms for load in self._base_load}
        return sorted(each_ms for each_ms in changes_ms if after_ms < each_ms < ends_ms)

    def battery_ends_ms(self) -> int | None:
        """Return when the battery stops by itself, full or at its reserve; None: nothing flows."""
        return None if self._battery is None else self._battery.ends_ms()


def phase_capacities(station: Station) -> dict[str, Lines]:
    """Return what the phases of rows with a limit in amperes have for cars, sixths of a watt, by the row's id."""
    limits: dict[str, PhaseLimit | None] = {GRID: station.phase_limit}
    limits |= {circuit.circuit_id: circuit.phase_limit for circuit in station.circuits}
    found = {row: limit_sixths(limit) for row, limit in limits.items() if limit is not None}
    if GRID in found:
        loads = static_sixths(station.static_phases, station.static_load_w)
        on_l1, on_l2, on_l3 = [max(0, cap - load) for cap, load in zip(found[GRID], loads, strict=True)]
        found[GRID] = on_l1, on_l2, on_l3
    return found


def watts(sixths: int) -> int:
    """Return sixths of a watt as watts, rounded down."""
    return sixths // SIXTHS
