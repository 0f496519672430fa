"""Who gets how much: admission, the fill, and the reason for each session's share.

The contract is ALLOCATOR.md §1–4. A session runs between its minimum and its maximum or is paused at 0. Minima are
admitted one by one, highest priority first, then by rank; the admitted start at their minimum and are filled by
`csms.core.waterfill`. All of it is in whole watts, and the same input gives the same output on every machine.

The reason of a session that could take more is a row that is full and in which nobody who was raised stands higher:
whoever reads it can check that no watt could go from another to this session without being unfair (§4).

`fill` and `fill_headroom` are the second half alone, started anywhere: the planner hands out with them what is free on
top of the booked power.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import lcm

from csms.core.rows import NO_PARENT, Columns, Node, Tree
from csms.core.waterfill import fill_rows

__all__ = ["Allocation", "Claim", "Node", "Tree", "allocate", "fill", "fill_headroom"]

LIMITED_BY_VEHICLE = "vehicle"
"""It has its maximum."""
LIMITED_BY_BELOW_MINIMUM = "below_minimum"
"""It can take less than the least it may run at."""
LIMITED_BY_NO_ROOM = "no_room"
"""Its minimum did not fit beside the minima admitted before it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What one session can take, and where (ALLOCATOR.md §1).

    Attributes:
        session_id: its name; the allocator does not read it.
        node: id of the node that it hangs on.
        min_w: it runs at this power or more, or not at all; ≥ 0.
        max_w: the most it can take.
        weight: its share beside others, 1 to 100.
        priority: higher is admitted first.
        rank: unique; the lower is admitted first among equal priorities, and gets the odd watt.
    """

    session_id: str
    node: str
    min_w: int
    max_w: int
    weight: int = 1
    priority: int = 0
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Allocation:
    """The result of `allocate`, each in the order of the claims.

    Attributes:
        alloc_w: power, W; 0 when paused.
        admitted: False when paused.
        limited_by: id of the row that limits it, `vehicle`, `below_minimum` or `no_room`.
    """

    alloc_w: tuple[int, ...]
    admitted: tuple[bool, ...]
    limited_by: tuple[str, ...]


def allocate(nodes: Sequence[Node] | Tree, claims: Sequence[Claim]) -> Allocation:
    """Return the weighted max-min allocation in whole watts on a tree of watt limits (ALLOCATOR.md §2–4).

    Asserts what `csms.core.allocate_document` validates: unique node ids, known parents, no cycle, weights ≥ 1. An
    unknown node of a claim is a KeyError.
    """
    if not claims:
        return Allocation((), (), ())
    tree = Tree.of(nodes)
    at = [tree.numbers[claim.node] for claim in claims]
    weights = [claim.weight for claim in claims]
    assert min(weights) >= 1, "weight below 1"
    admitted, base, rooms = _admit(tree, at, claims)
    upper = [claim.max_w if runs else 0 for claim, runs in zip(claims, admitted, strict=True)]
    alloc_w = fill_rows(tree, Columns(at, weights, [claim.rank for claim in claims], base, upper), rooms)
    return Allocation(
        tuple(alloc_w), tuple(admitted), _limited_by(tree, at, claims, weights, admitted, base, upper, alloc_w)
    )


def fill(
    nodes: Sequence[Node] | Tree, claims: Sequence[Claim], base_w: Sequence[int], upper_w: Sequence[int]
) -> tuple[int, ...]:
    """Return `base_w` raised towards `upper_w` as far as the caps allow, fairly (ALLOCATOR.md §3, `fill`).

    There is no admission: minima and maxima of the claims are not read. A row already over its cap takes no more, and
    a session whose upper is not above its base stays where it is.
    """
    tree = Tree.of(nodes)
    rooms = tree.rooms([tree.numbers[claim.node] for claim in claims], base_w)
    return fill_headroom(tree, claims, base_w, upper_w, dict(zip(tree.ids, rooms, strict=True)))


def fill_headroom(
    nodes: Sequence[Node] | Tree,
    claims: Sequence[Claim],
    base_w: Sequence[int],
    upper_w: Sequence[int],
    headroom_w: Mapping[str, int | None],
) -> tuple[int, ...]:
    """Return `base_w` raised as in `fill`, where row `v` takes at most `headroom_w[v]` on top of the base.

    None is unlimited, a negative headroom is none; every node must be given (a KeyError else). The caps of the nodes
    are not read.
    """
    if not claims:
        return ()
    tree = Tree.of(nodes)
    assert min(base_w) >= 0, "negative base"
    sessions = Columns(
        [tree.numbers[claim.node] for claim in claims],
        [claim.weight for claim in claims],
        [claim.rank for claim in claims],
        base_w,
        upper_w,
    )
    assert min(sessions.weights) >= 1, "weight below 1"
    return tuple(fill_rows(tree, sessions, [headroom_w[name] for name in tree.ids]))


def _admit(tree: Tree, at: Sequence[int], claims: Sequence[Claim]) -> tuple[list[bool], list[int], list[int | None]]:
    """Return who is admitted, the minima they start at, and what that leaves in each row (ALLOCATOR.md §2)."""
    admitted = [claim.min_w <= claim.max_w for claim in claims]
    minima = [claim.min_w if able else 0 for claim, able in zip(claims, admitted, strict=True)]
    rooms = tree.rooms(at, minima)
    if all(room is None or room >= 0 for room in rooms):
        return admitted, minima, rooms
    rooms = list(tree.caps)
    for i in sorted(range(len(claims)), key=lambda i: (-claims[i].priority, claims[i].rank)):
        minimum = minima[i]
        if not minimum:
            continue
        limits = [(row, room) for row in tree.path(at[i]) if (room := rooms[row]) is not None]
        admitted[i] = all(room >= minimum for _, room in limits)
        if admitted[i]:
            for row, room in limits:
                rooms[row] = room - minimum
        else:
            minima[i] = 0
    return admitted, minima, rooms


def _limited_by(
    tree: Tree,
    at: Sequence[int],
    claims: Sequence[Claim],
    weights: Sequence[int],
    admitted: Sequence[bool],
    base: Sequence[int],
    upper: Sequence[int],
    alloc_w: Sequence[int],
) -> tuple[str, ...]:
    """Return the certificate of each session (ALLOCATOR.md §4)."""
    whole = lcm(*set(weights))
    full = _full_rows(tree, at, weights, base, alloc_w, whole)
    reasons = []
    for node, claim, runs, high, amount in zip(at, claims, admitted, upper, alloc_w, strict=True):
        if not runs:
            reasons.append(LIMITED_BY_BELOW_MINIMUM if claim.max_w < claim.min_w else LIMITED_BY_NO_ROOM)
        elif amount >= high:
            reasons.append(LIMITED_BY_VEHICLE)
        else:
            share = amount * whole // claim.weight
            for row, highest in full[node]:
                if highest <= share:
                    reasons.append(tree.ids[row])
                    break
            else:
                raise AssertionError("no certificate")
    return tuple(reasons)


def _full_rows(
    tree: Tree, at: Sequence[int], weights: Sequence[int], base: Sequence[int], alloc_w: Sequence[int], whole: int
) -> list[list[tuple[int, int]]]:
    """Return for each node the full rows on its path, in the order of the nodes, each with its highest share.

    That is the largest (x − 1)/weight of those in the row that were raised, in units of 1/`whole`; −1 for none.
    """
    highest = [-1] * len(tree.ids)
    for node, weight, low, amount in zip(at, weights, base, alloc_w, strict=True):
        if amount > low:
            share = (amount - 1) * (whole // weight)
            if share > highest[node]:  # noqa: PLR1730 - once per session: a call of max costs more than the rest
                highest[node] = share
    for node in reversed(tree.downward):
        parent = tree.parents[node]
        if parent != NO_PARENT and highest[node] > highest[parent]:
            highest[parent] = highest[node]
    rooms = tree.rooms(at, alloc_w)
    full: list[list[tuple[int, int]]] = [[] for _ in rooms]
    for node in tree.downward:
        parent = tree.parents[node]
        if parent != NO_PARENT:
            full[node] = full[parent]
        if rooms[node] == 0:
            full[node] = sorted([*full[node], (node, highest[node])])
    return full
