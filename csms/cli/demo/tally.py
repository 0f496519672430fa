"""The demo's book-keeping, apart from the system that it judges: what was really drawn, against what the fuses allow.

It sees only what the simulated chargers' own meters say, second by second, the base load that the demo makes up, and
what the battery is shown to do. A row is anything with a capacity: the grid connection, a circuit, a charger. For
each row it keeps the highest sum of one second over the chargers under it. At the grid connection that is what a
meter there would show: the base load is added, and what the battery gives taken off. The battery is read once a
second, at another instant than the chargers report: the highest of its powers within `BATTERY_S` counts.
"""

from collections import defaultdict
from dataclasses import dataclass, field

from csms.cli.demo.reports import ChargerReport, ConnectorReport
from csms.core.station import GRID, Station

WAIT_S = 3
"""A second is summed when every charger has reported it, or when it is so old: a silent charger then counts with its
last report, for its car goes on charging."""


BATTERY_S = 2
"""What the battery gave within so many seconds counts: a reading is up to a second old, and so is its publication."""


@dataclass(frozen=True, slots=True)
class Site:
    """What is there beside the chargers at one second: the base load, and what the battery gives, W; below 0: takes."""

    base_load_w: int
    battery_w: int = 0


@dataclass(slots=True)
class Row:
    """One capacity and the highest sum seen under it, W."""

    name: str
    capacity_w: int
    charger_ids: frozenset[str]
    highest_w: int = 0

    @property
    def is_kept(self) -> bool:
        """Return whether the capacity was never exceeded."""
        return self.highest_w <= self.capacity_w


@dataclass(slots=True)
class _Charge:
    """One transaction on one connector, as its meter shows it."""

    energy_wh: int = 0
    ended: bool = False
    began_ms: int = 0
    seen_ms: int = 0


@dataclass(slots=True)
class Tally:
    """Sums of all reports so far."""

    rows: tuple[Row, ...]
    site: Site = Site(0)
    latest: dict[str, ChargerReport] = field(default_factory=dict)
    _sites: dict[int, Site] = field(default_factory=dict)
    _by_second: dict[int, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    _carried_w: dict[str, int] = field(default_factory=dict)
    _summed_to_s: int = -1
    _charges: dict[tuple[str, int, int], _Charge] = field(default_factory=dict)

    @classmethod
    def of(cls, station: Station) -> "Tally":
        """Return an empty tally with a row for the grid connection, each circuit with a capacity and each charger."""
        rows = [Row(GRID, station.grid_capacity_w, frozenset(c.charger_id for c in station.chargers))]
        rows += [
            Row(circuit.circuit_id, circuit.capacity_w, _chargers_under(station, circuit.circuit_id))
            for circuit in station.circuits
            if circuit.capacity_w is not None
        ]
        rows += [Row(c.charger_id, c.max_power_w, frozenset({c.charger_id})) for c in station.chargers]
        return cls(tuple(rows), Site(station.static_load_w))

    def surrounded(self, at_ms: int, site: Site) -> None:
        """Take in what is there beside the chargers from now on; `at_ms` is UTC."""
        self.site = self._sites[(at_ms + 500) // 1000] = site

    def add(self, report: ChargerReport) -> None:
        """Take in one report."""
        self.latest[report.charger_id] = report
        for connector in report.connectors:
            self._follow(report, connector)
        second = (report.at_ms + 500) // 1000  # they report on the second, give or take a few milliseconds
        if second <= self._summed_to_s:
            return
        of_second = self._by_second[second]
        # Two reports in one second: the higher counts.
        of_second[report.charger_id] = max(report.power_w, of_second.get(report.charger_id, 0))
        self._sum_up(second)

    def close(self) -> None:
        """Sum the seconds that still waited for a charger."""
        self._sum_up_to(max(self._by_second, default=-1))

    @property
    def drawn_w(self) -> int:
        """Return what all chargers drew in their newest reports, W."""
        return sum(report.power_w for report in self.latest.values())

    @property
    def grid_w(self) -> int:
        """Return what a meter at the grid connection shows by the newest reports, W."""
        return self.drawn_w + self.site.base_load_w - self.site.battery_w

    @property
    def energy_wh(self) -> int:
        """Return the energy that all transactions have taken, Wh."""
        return sum(charge.energy_wh for charge in self._charges.values())

    @property
    def completed(self) -> int:
        """Return how many transactions have taken energy and ended."""
        return sum(charge.ended and charge.energy_wh > 0 for charge in self._charges.values())

    @property
    def running(self) -> int:
        """Return how many transactions are open."""
        return sum(not charge.ended for charge in self._charges.values())

    @property
    def mean_ms(self) -> int | None:
        """Return how long the transactions that have taken energy and ended lasted on average, ms; None without one."""
        lasted = [c.seen_ms - c.began_ms for c in self._charges.values() if c.ended and c.energy_wh > 0]
        return sum(lasted) // len(lasted) if lasted else None

    def _follow(self, report: ChargerReport, connector: ConnectorReport) -> None:
        charger_id = report.charger_id
        present = None if connector.transaction_id is None else (charger_id, connector.idx, connector.transaction_id)
        if present is not None:
            charge = self._charges.setdefault(present, _Charge(began_ms=report.at_ms))
            charge.seen_ms = report.at_ms
            charge.energy_wh = max(charge.energy_wh, connector.energy_wh)
        for key, charge in self._charges.items():
            if key[:2] == (charger_id, connector.idx) and key != present:
                charge.ended = True

    def _sum_up(self, newest_s: int) -> None:
        """Sum the seconds that are complete or too old to wait for."""
        everyone = self.rows[0].charger_ids
        for second in sorted(self._by_second):
            if second > newest_s - WAIT_S and self._by_second[second].keys() != everyone:
                break
            if self._sites and second > max(self._sites) - BATTERY_S:
                break  # what the battery gives then is read a little later
            self._sum_up_to(second)

    def _sum_up_to(self, last_s: int) -> None:
        for second in sorted(s for s in self._by_second if s <= last_s):
            self._carried_w |= self._by_second.pop(second)
            for row in self.rows:
                drawn_w = sum(self._carried_w.get(charger, 0) for charger in row.charger_ids)
                beside_w = self._beside_w(second) if row is self.rows[0] else 0
                row.highest_w = max(row.highest_w, drawn_w + beside_w)
        self._summed_to_s = max(self._summed_to_s, last_s)
        self._sites = {second: site for second, site in self._sites.items() if second >= last_s - BATTERY_S}

    def _beside_w(self, second: int) -> int:
        """Return the base load of a second less what the battery gave about then, W."""
        before = [s for s in self._sites if s <= second]
        base_w = self._sites[max(before)].base_load_w if before else self.site.base_load_w
        near = [site.battery_w for s, site in self._sites.items() if abs(s - second) <= BATTERY_S]
        return base_w - max(near, default=0)


def _chargers_under(station: Station, circuit_id: str) -> frozenset[str]:
    parents = {circuit.circuit_id: circuit.parent for circuit in station.circuits}

    def is_under(node: str | None) -> bool:
        while node is not None and node != circuit_id:
            node = parents.get(node)
        return node == circuit_id

    return frozenset(charger.charger_id for charger in station.chargers if is_under(charger.circuit))
