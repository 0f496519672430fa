"""Which rows a charger counts on, and what each can carry: from the configuration alone.

A fuse with a limit in amperes is a row for each of its phases, `ID/L1` to `ID/L3`, in sixths of a watt (`wiring`), and
has none of watts unless it was told fewer watts than its phases carry together (docs/adr/0042).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from csms.core.ids import ChargerId
from csms.core.station import GRID, Charger, PhaseLimit, Station
from csms.simulation.wiring import SIXTHS


@dataclass(slots=True)
class Rows:
    """The rows of one configuration.

    Attributes:
        capacities_w: of every row of watts; None where it has none.
        phases: of every row of a phase: what it carries, sixths of a watt.
        lines: of every row of a phase: which one it is, 0 to 2.
    """

    station: Station
    capacities_w: dict[str, int | None] = field(init=False)
    phases: dict[str, int] = field(init=False)
    lines: dict[str, int] = field(init=False)
    _paths: dict[ChargerId, tuple[str, ...]] = field(init=False)
    _all: dict[ChargerId, tuple[str, ...]] = field(init=False)

    def __post_init__(self) -> None:
        station = self.station
        parents = {circuit.circuit_id: circuit.parent for circuit in station.circuits}
        self._paths = {charger.charger_id: _path(charger, parents) for charger in station.chargers}
        grid_w = _beside_phases_w(station.grid_capacity_w, station.phase_limit)
        self.capacities_w = {GRID: None if grid_w is None else max(0, grid_w - station.static_load_w)}
        self.capacities_w |= {
            each.circuit_id: _beside_phases_w(each.capacity_w, each.phase_limit) for each in station.circuits
        }
        self.capacities_w |= {each.charger_id: each.max_power_w for each in station.chargers}
        self._add_phases()

    def _add_phases(self) -> None:
        station = self.station
        limits: dict[str, PhaseLimit | None] = {GRID: station.phase_limit}
        limits |= {each.circuit_id: each.phase_limit for each in station.circuits}
        limits |= {each.charger_id: each.phase_limit for each in station.chargers}
        self.phases, self.lines, self._all = {}, {}, dict(self._paths)
        for node, limit in limits.items():
            for line in range(3) if limit is not None else ():
                assert limit is not None, "a fuse with phases"
                row = phase_row(node, line)
                load = station.static_phases if node == GRID else None
                taken = 0 if load is None else -(-SIXTHS * load.voltage_v * load.current_ma[line] // 1000)
                self.lines[row] = line
                self.phases[row] = SIXTHS * limit.voltage_v * limit.current_ma[line] // 1000 - taken
        for charger in station.chargers if self.phases else ():
            path = self._paths[charger.charger_id]
            lines = _lines(charger)
            own = (phase_row(node, line) for node in path for line in lines)
            self._all[charger.charger_id] = (*path, *(row for row in own if row in self.phases))

    def of(self, charger_id: ChargerId) -> Sequence[str]:
        """Return the rows that carry a charger, its own first; one that was removed hangs under the grid connection."""
        rows = self._all.get(charger_id)
        return (GRID, *self._grid_phases()) if rows is None else rows

    def nodes_of(self, charger_id: ChargerId) -> Sequence[str]:
        """Return the rows of watts alone, its own first."""
        return self._paths.get(charger_id, (GRID,))

    def phases_of(self, charger_id: ChargerId) -> Sequence[str]:
        """Return the rows of phases alone."""
        return self.of(charger_id)[len(self.nodes_of(charger_id)) :]

    def capacity(self, row: str) -> int | None:
        """Return what a row carries, W or sixths of a watt; None where it has no limit."""
        return self.phases[row] if row in self.phases else self.capacities_w[row]

    def _grid_phases(self) -> Sequence[str]:
        return [row for line in range(3) if (row := phase_row(GRID, line)) in self.phases]


def phase_row(node: str, line: int) -> str:
    """Return the name of the row of a phase, 0 to 2, of a fuse."""
    return f"{node}/L{line + 1}"


def _beside_phases_w(capacity_w: int | None, limit: PhaseLimit | None) -> int | None:
    """Return the limit in watts of a fuse; None where its phases say all of it."""
    says_all = limit is not None and capacity_w is not None and capacity_w >= limit.power_w
    return None if says_all else capacity_w


def _lines(charger: Charger) -> Sequence[int]:
    """Return the phases, 0 to 2, on which a charger may be by its configuration."""
    if charger.phases != 1 or charger.rotation is None:
        return range(3)
    return (charger.rotation[0] - 1,)


def _path(charger: Charger, parents: dict[str, str | None]) -> tuple[str, ...]:
    rows: list[str] = [charger.charger_id]
    node = charger.circuit
    while node is not None:
        rows.append(node)
        node = parents[node]
    return (*rows, GRID)


def opened_by(before: Rows, after: Rows) -> set[str]:
    """Return the rows that a change of the configuration may have overbooked: less room, or somebody more under them.

    A charger that is told to be stronger, weaker, another one or elsewhere counts as one more under all its rows.
    """
    opened = {
        row
        for row, capacity_w in after.capacities_w.items()
        if capacity_w is not None and row in before.capacities_w and _is_less(capacity_w, before.capacities_w[row])
    }
    opened |= {row for row, capacity in after.phases.items() if capacity < before.phases.get(row, capacity)}
    known = {charger.charger_id: charger for charger in before.station.chargers}
    for charger in after.station.chargers:
        if known.get(charger.charger_id) != charger:
            opened.update(after.of(charger.charger_id))
    gone = known.keys() - {charger.charger_id for charger in after.station.chargers}
    return opened | (set(after.of(next(iter(gone)))) if gone else set())


def _is_less(capacity_w: int, before_w: int | None) -> bool:
    return before_w is None or capacity_w < before_w
