"""The tree of limits as numbers: grid connection → circuits → chargers, and what is booked on each row.

Capacity of the root is what the grid connection gives less the base load, at this instant (`csms.core.grid_root` brings
it up to date); a draining charger hangs under the nearest ancestor that survived, without a cap of its own (what it may
draw is a fact, not a limit).

Where a limit was given in amperes, each phase of it is a row beside that of its watts, `ID/L1` to `ID/L3`, in sixths of
a watt (`csms.core.phases`). A phase that a fuse above a charger does not have is none that the charger can be on.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from csms.core.allocator import Node
from csms.core.charger import ChargerState
from csms.core.ids import ChargerId
from csms.core.phase_rows import phase_name
from csms.core.phases import OnLines, limit_sixths, lines_of, static_sixths
from csms.core.rows import SIXTHS
from csms.core.station import GRID, Lines, PhaseLimit, Station


@dataclass(frozen=True, slots=True)
class Tree:
    """Rows of one station.

    Attributes:
        nodes: parents before children.
        paths: of each charger: its own row first, the root last.
        rows: the same, with the rows of phases behind them.
        phase_caps: of every row of a phase, sixths of a watt.
        phase_paths: of each charger: the rows of phases that it may load, each with its phase, 0 to 2.
        lines: of each charger: the phases that every fuse above it has.
        root_phases: what the phases of the grid connection have, sixths of a watt, less the configured static load.
        in_phases_w: what all phases of the grid connection carry together, W, where they say all of it: with so much it
            has no limit in watts. None: it always has.
        firm_w: of each row that can carry more now than it can firmly: what that is, W (LEDGER.md I11). What is above
            it is conditional.
        lowest_w: what the grid connection has firmly, W; None: its phases say it all, or it was not looked at.
        load_w: what is booked at the grid connection beside the chargers: what a battery may be taking.
        held_w: targets leave so much of the grid connection out of account; below 0: they count on so much more.
        metered_w: so much of what it carries beyond what is firm rests on a meter: less is drawn besides than may be.
        timed_w: so much of it rests on the hour, or on the grid operator's being heard: it is to have less then.
    """

    nodes: tuple[Node, ...]
    caps_w: Mapping[str, int | None]
    paths: Mapping[ChargerId, tuple[str, ...]]
    rows: Mapping[ChargerId, tuple[str, ...]]
    phase_caps: Mapping[str, int] = field(default_factory=dict)
    phase_paths: Mapping[ChargerId, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    lines: Mapping[ChargerId, OnLines] = field(default_factory=dict)
    in_phases_w: int | None = None
    root_phases: Lines | None = None
    firm_w: Mapping[str, int] = field(default_factory=dict)
    lowest_w: int | None = None
    load_w: int = 0
    held_w: int = 0
    metered_w: int = 0
    timed_w: int = 0

    @property
    def without_battery_w(self) -> int:
        """Return what the grid connection can carry now without a battery, W; 0 where its phases say it all."""
        return self.firm_w.get(GRID, self.caps_w[GRID] or 0) + self.metered_w + self.timed_w

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


def watts_of(capacity_w: int | None, limit: PhaseLimit | None) -> int | None:
    """Return what a fuse carries in watts beside what its phases carry, W; None where its phases say it all.

    What is booked in watts may be more than can flow: a car told amperes on three phases may use one of them.
    """
    if capacity_w is None or limit is None or not any(limit.current_ma):
        return capacity_w
    return capacity_w if capacity_w < limit.power_w else None


@dataclass(frozen=True, slots=True)
class Root:
    """What the grid connection can carry at this instant, W, and what of it holds.

    Attributes:
        capacity_w: less the base load, with what the battery gives.
        firm_w: the lowest that this may come to without anything new being said, without the battery, and less the most
            that the base load may be.
        load_w, held_w: as in `Tree`.
        beyond_w: the rest of the site takes so much more than is configured, any one phase maybe all of it.
        metered_w, timed_w: as in `Tree`.
    """

    capacity_w: int
    firm_w: int
    load_w: int = 0
    held_w: int = 0
    beyond_w: int = 0
    metered_w: int = 0
    timed_w: int = 0


def with_root(tree: Tree, root: Root) -> Tree:
    """Return the tree with another root."""
    firm = {GRID: root.firm_w} if root.firm_w < root.capacity_w else {}
    cap_w = _beside_phases_w(tree, root.capacity_w)
    phases, node = _less(tree.root_phases, SIXTHS * root.beyond_w), tree.nodes[0]
    is_so = (node.cap_w, node.phase_sixths) == (cap_w, phases)
    lowest_w = _beside_phases_w(tree, root.firm_w)
    rest = (firm, lowest_w, root.load_w, root.held_w, root.metered_w, root.timed_w)
    if is_so and (tree.firm_w, tree.lowest_w, tree.load_w, tree.held_w, tree.metered_w, tree.timed_w) == rest:
        return tree
    return replace(
        tree,
        nodes=(replace(node, cap_w=cap_w, phase_sixths=phases), *tree.nodes[1:]),
        caps_w={**tree.caps_w, GRID: cap_w},
        firm_w=firm,
        phase_caps={**tree.phase_caps, **{phase_name(GRID, line): cap for line, cap in enumerate(phases or (), 1)}},
        lowest_w=lowest_w,
        load_w=root.load_w,
        held_w=root.held_w,
        metered_w=root.metered_w,
        timed_w=root.timed_w,
    )


def _beside_phases_w(tree: Tree, capacity_w: int) -> int | None:
    """Return what a capacity of the root is in watts, W; None where its phases carry no more than that together."""
    return None if tree.in_phases_w is not None and capacity_w >= tree.in_phases_w else capacity_w


def _less(phases: Lines | None, load: int) -> Lines | None:
    if phases is None:
        return None
    on_l1, on_l2, on_l3 = [max(0, each - load) for each in phases]
    return on_l1, on_l2, on_l3


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
    chargers = tuple(chargers)
    paths: dict[ChargerId, tuple[str, ...]] = {}
    left_w = _left_w(station)
    has_watts = watts_of(station.grid_capacity_w, station.phase_limit) is not None
    moves = (station.capacity_tariff, station.battery, station.site_meter)
    counts_watts = any(each is not None for each in moves)
    grid_w = left_w if has_watts or counts_watts else None
    nodes = [Node(GRID, None, grid_w, phase_sixths=_grid_phases(station))]
    waiting = list(station.circuits)
    known = {GRID}
    while waiting:
        ready = [c for c in waiting if (c.parent or GRID) in known]
        nodes += [
            Node(
                c.circuit_id,
                c.parent or GRID,
                watts_of(c.capacity_w, c.phase_limit),
                phase_sixths=_phases(c.phase_limit),
            )
            for c in ready
        ]
        known |= {c.circuit_id for c in ready}
        waiting = [c for c in waiting if c.circuit_id not in known]
    for charger in chargers:
        above = circuit_path(station, charger.config.circuit)
        paths[charger.charger_id] = (charger.charger_id, *above)
        config = charger.config
        cap_w, phases = (None, None) if charger.draining else (config.max_power_w, _phases(config.phase_limit))
        nodes.append(Node(charger.charger_id, above[0], cap_w, phase_sixths=phases))
    caps_w = {node.node_id: node.cap_w for node in nodes}
    caps = {n.node_id: n.phase_sixths for n in nodes if n.phase_sixths is not None}
    if not caps:
        return Tree(tuple(nodes), caps_w, paths, paths)
    return _with_phases(Tree(tuple(nodes), caps_w, paths, paths), station, chargers, caps)


def _with_phases(tree: Tree, station: Station, chargers: Iterable[ChargerState], caps: Mapping[str, Lines]) -> Tree:
    """Return the tree with the rows of phases, `caps` of each node that limits them."""
    absent = _absent_phases(station)
    rows: dict[ChargerId, tuple[str, ...]] = {}
    phase_paths: dict[ChargerId, tuple[tuple[str, int], ...]] = {}
    lines: dict[ChargerId, OnLines] = {}
    for charger in chargers:
        charger_id, path = charger.charger_id, tree.paths[charger.charger_id]
        on_l1, on_l2, on_l3 = [all((node, line) not in absent for node in path) for line in range(3)]
        present, may_be = (on_l1, on_l2, on_l3), lines_of(charger.config, None)
        phase_paths[charger_id] = tuple(
            (phase_name(node, line + 1), line)
            for node in path
            if node in caps
            for line in range(3)
            if present[line] and may_be[line]
        )
        lines[charger_id] = present
        rows[charger_id] = (*path, *(row for row, _ in phase_paths[charger_id]))
    phase_caps = {phase_name(node, line + 1): each for node, cap in caps.items() for line, each in enumerate(cap)}
    in_phases_w = _left_w(station) if tree.caps_w[GRID] is None else None
    return Tree(tree.nodes, tree.caps_w, tree.paths, rows, phase_caps, phase_paths, lines, in_phases_w, caps.get(GRID))


def _absent_phases(station: Station) -> set[tuple[str, int]]:
    """Return the phases that a fuse does not have, by its id: those of 0 A."""
    limits = {GRID: station.phase_limit} | {c.circuit_id: c.phase_limit for c in station.circuits}
    return {
        (node, line)
        for node, limit in limits.items()
        if limit is not None
        for line, each_ma in enumerate(limit.current_ma)
        if each_ma == 0
    }


def _left_w(station: Station) -> int:
    """Return what the static load leaves of the grid connection, W."""
    return max(0, station.grid_capacity_w - station.static_load_w)


def _phases(limit: PhaseLimit | None) -> Lines | None:
    return None if limit is None else limit_sixths(limit)


def _grid_phases(station: Station) -> Lines | None:
    """Return what the static load leaves of each phase of the grid connection, sixths of a watt."""
    if station.phase_limit is None:
        return None
    limits, loads = limit_sixths(station.phase_limit), static_sixths(station.static_phases, station.static_load_w)
    on_l1, on_l2, on_l3 = [max(0, limit - load) for limit, load in zip(limits, loads, strict=True)]
    return on_l1, on_l2, on_l3
