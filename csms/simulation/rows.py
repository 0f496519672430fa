"""Which rows a charger counts on, and what each can carry: from the configuration alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from csms.core.ids import ChargerId
from csms.core.station import GRID, Charger, Station


@dataclass(slots=True)
class Rows:
    """The rows of one configuration.

    Attributes:
        capacities_w: of every row; None where it has none.
    """

    station: Station
    capacities_w: dict[str, int | None] = field(init=False)
    _paths: dict[ChargerId, tuple[str, ...]] = field(init=False)

    def __post_init__(self) -> None:
        station = self.station
        parents = {circuit.circuit_id: circuit.parent for circuit in station.circuits}
        self._paths = {charger.charger_id: _path(charger, parents) for charger in station.chargers}
        self.capacities_w = {GRID: max(0, station.grid_capacity_w - station.static_load_w)}
        self.capacities_w |= {each.circuit_id: each.capacity_w for each in station.circuits}
        self.capacities_w |= {each.charger_id: each.max_power_w for each in station.chargers}

    def of(self, charger_id: ChargerId) -> Sequence[str]:
        """Return the rows that carry a charger, its own first; one that was removed hangs under the grid connection."""
        return self._paths.get(charger_id, (GRID,))


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
    known = {charger.charger_id: charger for charger in before.station.chargers}
    for charger in after.station.chargers:
        if known.get(charger.charger_id) != charger:
            opened.update(after.of(charger.charger_id))
    gone = known.keys() - {charger.charger_id for charger in after.station.chargers}
    return opened | ({GRID} if gone else set())


def _is_less(capacity_w: int, before_w: int | None) -> bool:
    return before_w is None or capacity_w < before_w
