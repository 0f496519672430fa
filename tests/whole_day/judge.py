"""What has to hold, judged from the truth of the chargers: limits and power against each row, and the records.

- *limits*: what the limits in force at the chargers let through, summed up under each row, is within its capacity, and
  for each charger within what is booked for it. No tolerance: this is what the ledger promises (LEDGER.md I2, I3).
- *power*: what the cars draw is within each row's capacity but for what settling forgives (LEDGER.md §1): 2 %, 1 kW on
  DC or half an ampere on AC for each car, which is still on its way down to a limit.
- *records*: each transaction is in the store once, with its own registers, and there is nothing else.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from csms.core.ids import ChargerId
from csms.core.records import GUESSED_ENDS
from csms.core.station import GRID, Station
from csms.runtime.view import StationView
from tests.whole_day.truth import Truth, Watched

DC_TOLERANCE_W: Final = 1_000
AC_TOLERANCE_W: Final = 345


class BrokenError(AssertionError):
    """Something does not hold; the message says what."""


@dataclass(frozen=True, slots=True)
class Row:
    """A fuse and the chargers behind it."""

    name: str
    capacity_w: int
    charger_ids: frozenset[str]


def rows_of(station: Station) -> list[Row]:
    """Return every row that has a capacity."""
    all_ids = frozenset(charger.charger_id for charger in station.chargers)
    rows = [Row(GRID, station.grid_capacity_w, all_ids)]
    for circuit in station.circuits:
        behind = frozenset(c.charger_id for c in station.chargers if c.circuit == circuit.circuit_id)
        assert circuit.capacity_w is not None, "drawn with a capacity"
        rows.append(Row(circuit.circuit_id, circuit.capacity_w, behind))
    return rows


class Judge:
    """Looks at everything now and then.

    Attributes:
        looks: how often it has looked.
        fullest_ppm: by row, the largest share of its capacity that the cars ever drew.
    """

    def __init__(self, station: Station, watched: Sequence[Watched], view: Callable[[], StationView]) -> None:
        self._rows = rows_of(station)
        self._watched = watched
        self._view = view
        self.looks = 0
        self.fullest_ppm: dict[str, int] = {row.name: 0 for row in self._rows}

    def look(self) -> None:
        """Raise BrokenError if a limit or the power of the cars is too high."""
        self.looks += 1
        in_force_w = {one.charger_id: one.in_force_w for one in self._watched}
        for charger_id, power_w in in_force_w.items():
            booked_w = self._view().chargers[ChargerId(charger_id)].booked_w
            if power_w > booked_w:
                raise BrokenError(f"{charger_id} obeys {power_w} W, booked are {booked_w} W")
        for row in self._rows:
            self._look_at(row, in_force_w)

    def _look_at(self, row: Row, in_force_w: Mapping[str, int]) -> None:
        limits_w = sum(in_force_w[charger_id] for charger_id in row.charger_ids)
        if limits_w > row.capacity_w:
            raise BrokenError(f"limits behind {row.name} let {limits_w} W through, it carries {row.capacity_w} W")
        behind = [one for one in self._watched if one.charger_id in row.charger_ids]
        drawn_w = sum(one.drawn_w for one in behind)
        self.fullest_ppm[row.name] = max(self.fullest_ppm[row.name], drawn_w * 1_000_000 // row.capacity_w)
        if drawn_w > row.capacity_w + sum(map(_tolerance_w, behind)):
            raise BrokenError(f"cars behind {row.name} draw {drawn_w} W, it carries {row.capacity_w} W")

    @property
    def usable_w(self) -> int:
        """Return how much of the grid connection the cars could use, each circuit being within its own capacity, W."""
        wanted_w = {one.charger_id: one.wanted_w for one in self._watched}
        usable_w = 0
        for row in reversed(self._rows):  # the grid connection, which is behind nothing, is the first
            behind_w = sum(wanted_w.pop(charger_id, 0) for charger_id in sorted(row.charger_ids))
            usable_w = min(row.capacity_w, usable_w + behind_w)
        return usable_w


def _tolerance_w(one: Watched) -> int:
    least_w = DC_TOLERANCE_W if one.charger.hardware.supply.is_dc else AC_TOLERANCE_W
    return sum(max(least_w, connector.power_w * 2 // 100) for connector in one.connectors if connector.power_w)


def compare(truths: Iterable[Truth], sessions: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return every difference between what was and what is on record; each session is a row of the store."""
    faults = []
    left = list(sessions)
    for truth in truths:
        found = [row for row in left if _is_of(row, truth)]
        left = [row for row in left if not _is_of(row, truth)]
        if len(found) != 1:
            faults.append(f"{len(found)} times on record: {truth}")
        faults += [f"{wrong}: {truth}" for row in found for wrong in _wrong(row, truth)]
    return [*faults, *(f"on record, and never was: {row}" for row in left)]


def _is_of(row: Mapping[str, Any], truth: Truth) -> bool:
    begun = row["charger_id"], row["idx"], row["started_ms"], row["meter_start_wh"]
    return begun == (truth.charger_id, truth.idx, truth.started_ms, truth.meter_start_wh)


def _wrong(row: Mapping[str, Any], truth: Truth) -> Iterator[str]:
    if truth.meter_stop_wh is None:
        yield "still runs"
    elif row["meter_stop_wh"] != truth.meter_stop_wh:
        yield f"stopped at {row['meter_stop_wh']} Wh on record"
    if row["end_reason"] in GUESSED_ENDS:
        yield f"its end was guessed ({row['end_reason']})"
