"""The tree of watt limits and the sessions on it, compiled for arithmetic.

Every node of the station (grid connection, circuit, charger, connector) is one *row*: the power of the sessions below
it may not add up to more than its cap. Rows of a tree are nested or apart, never half overlapping, and everything in
`csms.core.waterfill` rests on that.

`Tree` numbers the nodes in the order given and keeps an order in which parents come before their children, so that
sums go up and levels come down in plain loops: no recursion, any depth. A limit per phase is not a row of this tree,
because two of them may overlap in part: the tree only keeps them, and `csms.core.phase_rows` makes rows of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

NO_PARENT = -1

SIXTHS = 6
"""Parts of a watt in which phase rows count: the watts of 1, 2 or 3 phases are 6, 3 or 2 of them on each."""

Phases = tuple[int, int, int]
"""One whole number for each of L1, L2 and L3."""


@dataclass(frozen=True, slots=True)
class Node:
    """One limit: everything below `node_id` together draws at most `cap_w`; None is unlimited.

    `phase_ma` is what each of L1, L2 and L3 carries at most, mA, at `voltage_v` between phase and neutral, V; None is
    unlimited. `phase_sixths`: the same in sixths of a watt, where that is known already.
    """

    node_id: str
    parent: str | None
    cap_w: int | None
    phase_ma: Phases | None = None
    voltage_v: int = 230
    phase_sixths: Phases | None = None

    def phase_caps(self) -> Phases | None:
        """Return the caps of its phases in sixths of a watt, rounded down; None is unlimited."""
        if self.phase_ma is None:
            return self.phase_sixths
        on_l1, on_l2, on_l3 = [SIXTHS * self.voltage_v * current_ma // 1000 for current_ma in self.phase_ma]
        return on_l1, on_l2, on_l3


@dataclass(frozen=True, slots=True)
class Tree:
    """A forest of limits; `Tree.of` builds it, and it can be kept and used again while the nodes stay the same.

    Attributes:
        ids: names of the nodes, in the order given.
        caps: their caps, W; None is unlimited.
        parents: number of each node's parent, or `NO_PARENT`.
        downward: all node numbers, parents before children.
        numbers: the number of each name.
        phase_caps: caps of the phases of each node, sixths of a watt; empty when no node has any.
    """

    ids: tuple[str, ...]
    caps: tuple[int | None, ...]
    parents: tuple[int, ...]
    downward: Sequence[int]
    numbers: dict[str, int]
    phase_caps: tuple[Phases | None, ...]

    @classmethod
    def of(cls, nodes: "Sequence[Node] | Tree") -> "Tree":
        """Return the compiled tree of `nodes`; asserts unique ids, known parents and no cycle."""
        if isinstance(nodes, Tree):
            return nodes
        ids = tuple([node.node_id for node in nodes])
        numbers = dict(zip(ids, range(len(ids)), strict=True))
        assert len(numbers) == len(ids), "duplicate node id"
        assert all(node.parent is None or node.parent in numbers for node in nodes), "unknown parent"
        parents = tuple([NO_PARENT if node.parent is None else numbers[node.parent] for node in nodes])
        caps = tuple([node.cap_w for node in nodes])
        has_phases = any(node.phase_ma is not None or node.phase_sixths is not None for node in nodes)
        phase_caps = tuple([node.phase_caps() for node in nodes]) if has_phases else ()
        return cls(ids, caps, parents, _downward(parents), numbers, phase_caps)

    def has_phases_above(self, at: Sequence[int]) -> bool:
        """Return whether a phase limits any of the items; item i hangs on node `at[i]`."""
        if not self.phase_caps:
            return False
        counts = self.sums(at, [1] * len(at))
        return any(count and caps is not None for count, caps in zip(counts, self.phase_caps, strict=True))

    def path(self, node: int) -> Iterator[int]:
        """Yield `node` and its ancestors, upwards."""
        while node != NO_PARENT:
            yield node
            node = self.parents[node]

    def sums(self, at: Sequence[int], amounts: Sequence[int]) -> list[int]:
        """Return for each node the sum of `amounts` of everything below it; item i hangs on node `at[i]`."""
        sums = [0] * len(self.ids)
        if any(amounts):
            for node, amount in zip(at, amounts, strict=True):
                sums[node] += amount
            parents = self.parents
            for node in reversed(self.downward):
                parent = parents[node]
                if parent != NO_PARENT:
                    sums[parent] += sums[node]
        return sums

    def rooms(self, at: Sequence[int], amounts: Sequence[int]) -> list[int | None]:
        """Return what `amounts` leave of each cap, W, below 0 where they are over it; None is unlimited."""
        sums = self.sums(at, amounts)
        return [None if cap is None else cap - used for cap, used in zip(self.caps, sums, strict=True)]


def _downward(parents: Sequence[int]) -> Sequence[int]:
    """Return all node numbers with every parent before its children; asserts that there is no cycle."""
    if all(parent < node for node, parent in enumerate(parents)):
        return range(len(parents))
    children: list[list[int]] = [[] for _ in parents]
    order: list[int] = []
    for node, parent in enumerate(parents):
        (order if parent == NO_PARENT else children[parent]).append(node)
    for node in order:
        order.extend(children[node])
    assert len(order) == len(parents), "cycle of parents"
    return order


@dataclass(frozen=True, slots=True)
class Columns:
    """The sessions to fill, one list per property, all in the same order.

    Attributes:
        at: number of the node that each hangs on.
        weights: share beside others, ≥ 1.
        ranks: order among equals, unique.
        base: where each starts, W, ≥ 0.
        upper: where each ends at the latest, W; one that is not above its base stays at the base.
    """

    at: Sequence[int]
    weights: Sequence[int]
    ranks: Sequence[int]
    base: Sequence[int]
    upper: Sequence[int]
