"""The tree of limits as numbers: grid connection → circuits → chargers, and what is booked on each row.

Capacity of the root is what the grid connection gives less the static load, at this instant (`csms.core.grid_root`
brings it up to date); a draining charger hangs under the nearest
ancestor that survived, without a cap of its own (what it may draw is a fact, not a limit).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from csms.core.allocator import Node
from csms.core.charger import ChargerState
from csms.core.ids import ChargerId
from csms.core.station import GRID, Station


@dataclass(frozen=True, slots=True)
class Tree:
    """Rows of one station.

    Attributes:
        nodes: parents before children.
        paths: of each charger: its own row first, the root last.
        firm_w: of each row that can carry more now than it can firmly: what that is, W (LEDGER.md I11). What is above
            it is conditional.
        lowest_w: the lowest that the grid connection may come to by the clock or a silent operator, less the base load,
            W; None: not looked at.
        load_w: what is booked at the grid connection beside the chargers: what a battery may be taking.
        held_w: targets leave so much of the grid connection out of account; below 0: they count on so much more.
    """

    nodes: tuple[Node, ...]
    caps_w: Mapping[str, int | None]
    paths: Mapping[ChargerId, tuple[str, ...]]
    firm_w: Mapping[str, int] = field(default_factory=dict)
    lowest_w: int | None = None
    load_w: int = 0
    held_w: int = 0

    def booked_w(self, chargers: Iterable[ChargerState]) -> dict[str, int]:
        """Return Σ K on every row, W."""
        booked_w = dict.fromkeys(self.caps_w, 0)
        booked_w[GRID] = self.load_w
        for charger in chargers:
            charger_w = charger.booked_w()
            for node in self.paths[charger.charger_id]:
                booked_w[node] += charger_w
        return booked_w

    def firm_booked_w(self, chargers: Iterable[ChargerState]) -> dict[str, int]:
        """Return Σ K when all limits that expire have, W, on every row that has conditional power."""
        booked_w = dict.fromkeys(self.firm_w, 0)
        if booked_w:
            if GRID in booked_w:
                booked_w[GRID] = self.load_w
            for charger in chargers:
                charger_w = charger.firm_w()
                for node in self.paths[charger.charger_id]:
                    if node in booked_w:
                        booked_w[node] += charger_w
        return booked_w

    def firm_room_w(self, chargers: Iterable[ChargerState], path: Iterable[str]) -> int | None:
        """Return what may be added on a path to what does not expire, W; None where nothing is conditional."""
        booked_w = self.firm_booked_w(chargers)
        return min((self.firm_w[node] - booked_w[node] for node in path if node in self.firm_w), default=None)


@dataclass(frozen=True, slots=True)
class Root:
    """What the grid connection can carry at this instant, W, and what of it holds.

    Attributes:
        capacity_w: less the base load, with what the battery gives.
        firm_w: the same without the battery.
        lowest_w: the lowest that this may come to without anything new being said.
        load_w, held_w: as in `Tree`.
    """

    capacity_w: int
    firm_w: int
    lowest_w: int
    load_w: int = 0
    held_w: int = 0


def with_root(tree: Tree, root: Root) -> Tree:
    """Return the tree with another root."""
    firm = {GRID: root.firm_w} if root.firm_w < root.capacity_w else {}
    now = (tree.caps_w[GRID], tree.firm_w, tree.lowest_w, tree.load_w, tree.held_w)
    if now == (root.capacity_w, firm, root.lowest_w, root.load_w, root.held_w):
        return tree
    nodes = tuple(replace(node, cap_w=root.capacity_w) if node.node_id == GRID else node for node in tree.nodes)
    caps_w = {**tree.caps_w, GRID: root.capacity_w}
    return Tree(nodes, caps_w, tree.paths, firm, root.lowest_w, root.load_w, root.held_w)


def circuit_path(station: Station, circuit_id: str | None) -> tuple[str, ...]:
    """Return the rows from a circuit (None: the grid connection) up to the root."""
    parents = {circuit.circuit_id: circuit.parent for circuit in station.circuits}
    path: list[str] = []
    while circuit_id is not None:
        path.append(circuit_id)
        circuit_id = parents[circuit_id]
    return (*path, GRID)


def build_tree(station: Station, chargers: Iterable[ChargerState]) -> Tree:
    """Return the rows of a configuration and the chargers (draining ones too) that hang on it."""
    paths: dict[ChargerId, tuple[str, ...]] = {}
    nodes = [Node(GRID, None, max(0, station.grid_capacity_w - station.static_load_w))]
    waiting = list(station.circuits)
    known = {GRID}
    while waiting:
        ready = [c for c in waiting if (c.parent or GRID) in known]
        nodes += [Node(c.circuit_id, c.parent or GRID, c.capacity_w) for c in ready]
        known |= {c.circuit_id for c in ready}
        waiting = [c for c in waiting if c.circuit_id not in known]
    for charger in chargers:
        above = circuit_path(station, charger.config.circuit)
        paths[charger.charger_id] = (charger.charger_id, *above)
        nodes.append(Node(charger.charger_id, above[0], None if charger.draining else charger.config.max_power_w))
    return Tree(tuple(nodes), {node.node_id: node.cap_w for node in nodes}, paths)
