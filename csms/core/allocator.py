"""Who gets how much: admission, the fill, and the reason for each session's share.

The contract is ALLOCATOR.md §1–4. A session runs between its minimum and its maximum or is paused at 0. Minima are
admitted one by one, highest priority first, then by rank; the admitted start at their minimum and are filled by
`csms.core.waterfill`, or, where a phase has a limit above any of them, by `csms.core.phase_fill`. All of it is in whole
watts, and the same input gives the same output on every machine.

The reason of a session that could take more is a row that is full and in which nobody who was raised stands higher:
whoever reads it can check that no watt could go from another to this session without being unfair (§4).

`fill` and `fill_headroom` are the second half alone, started anywhere: the planner hands out with them what is free on
top of the booked power.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

from csms.core.phase_fill import binding_rows, exact_fill, whole_fill
from csms.core.phase_rows import BALANCED, Rows, loads_of
from csms.core.rows import NO_PARENT, Columns, Node, Phases, Tree
from csms.core.waterfill import fill_rows

__all__ = ["Allocation", "Claim", "Node", "Tree", "allocate", "exact_shares", "fill", "fill_headroom", "loads_of"]

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
        loads: what 1 W of it is on L1, L2 and L3, sixths of a watt, as `loads_of` tells; more where that is not known.
    """

    session_id: str
    node: str
    min_w: int
    max_w: int
    weight: int = 1
    priority: int = 0
    rank: int = 0
    loads: Phases = BALANCED


@dataclass(frozen=True, slots=True)
class Allocation:
    """The result of `allocate`, each in the order of the claims.

    Attributes:
        alloc_w: power, W; 0 when paused.
        admitted: False when paused.
        limited_by: the row that limits it, `ID` or `ID/L1` to `ID/L3`; `vehicle`, `below_minimum` or `no_room`.
    """

    alloc_w: tuple[int, ...]
    admitted: tuple[bool, ...]
    limited_by: tuple[str, ...]


def allocate(nodes: Sequence[Node] | Tree, claims: Sequence[Claim]) -> Allocation:
    """Return the weighted max-min allocation in whole watts (ALLOCATOR.md §2–4).

    Asserts what `csms.core.allocate_document` validates: unique node ids, known parents, no cycle, weights ≥ 1. An
    unknown node of a claim is a KeyError.
    """
    if not claims:
        return Allocation((), (), ())
    tree = Tree.of(nodes)
    at = [tree.numbers[claim.node] for claim in claims]
    weights = [claim.weight for claim in claims]
    assert min(weights) >= 1, "weight below 1"
    if tree.has_phases_above(at):
        return _allocate_phases(tree, at, claims)
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
    at = [tree.numbers[claim.node] for claim in claims]
    if tree.has_phases_above(at):
        rows = _rows_of(tree, at, claims)
        return _fill_phases(rows, _columns(claims, at, base_w, upper_w), rows.rooms(base_w))
    rooms = tree.rooms(at, base_w)
    return fill_headroom(tree, claims, base_w, upper_w, dict(zip(tree.ids, rooms, strict=True)))


def fill_headroom(
    nodes: Sequence[Node] | Tree,
    claims: Sequence[Claim],
    base_w: Sequence[int],
    upper_w: Sequence[int],
    headroom: Mapping[str, int | None],
) -> tuple[int, ...]:
    """Return `base_w` raised as in `fill`, where row `v` takes at most `headroom[v]` on top of the base.

    That is W for `ID`, and sixths of a watt for `ID/L1` to `ID/L3`. None is unlimited, a negative headroom is none;
    every node must be given, and the phases of every node that limits them (a KeyError else). The caps themselves are
    not read.
    """
    if not claims:
        return ()
    tree = Tree.of(nodes)
    at = [tree.numbers[claim.node] for claim in claims]
    sessions = _columns(claims, at, base_w, upper_w)
    if tree.has_phases_above(at):
        rows = _rows_of(tree, at, claims, headroom)
        return _fill_phases(rows, sessions, rows.limits)
    return tuple(fill_rows(tree, sessions, [headroom[name] for name in tree.ids]))


def exact_shares(nodes: Sequence[Node] | Tree, claims: Sequence[Claim]) -> tuple[Fraction, ...]:
    """Return x* of every claim, W: the shares that `allocate` brings to whole watts (ALLOCATOR.md §3)."""
    tree = Tree.of(nodes)
    at = [tree.numbers[claim.node] for claim in claims]
    running, rows, sessions = _admit_to_rows(_rows_of(tree, at, claims), at, claims)
    shares = [Fraction(0)] * len(claims)
    for i, share in zip(running, exact_fill(rows, sessions, rows.rooms(sessions.base)).shares, strict=True):
        shares[i] = share
    return tuple(shares)


def _columns(claims: Sequence[Claim], at: Sequence[int], base_w: Sequence[int], upper_w: Sequence[int]) -> Columns:
    """Return the claims as sessions to fill; asserts what the fill rests on."""
    weights = [claim.weight for claim in claims]
    assert min(base_w, default=0) >= 0, "negative base"
    assert min(weights, default=1) >= 1, "weight below 1"
    return Columns(at, weights, [claim.rank for claim in claims], base_w, upper_w)


# --- with limits per phase --------------------------------------------------------------------------------------------


def _allocate_phases(tree: Tree, at: Sequence[int], claims: Sequence[Claim]) -> Allocation:
    """Return the allocation over rows of watts and of phases."""
    running, rows, sessions = _admit_to_rows(_rows_of(tree, at, claims), at, claims)
    rooms = rows.rooms(sessions.base)
    tight = rows.tight(sessions, rooms)
    exact = exact_fill(tight, sessions, rooms)
    filled, left = whole_fill(tight, sessions, rooms, exact)
    alloc_w = [0] * len(claims)
    reasons = [LIMITED_BY_BELOW_MINIMUM if claim.max_w < claim.min_w else LIMITED_BY_NO_ROOM for claim in claims]
    for i, amount, row in zip(running, filled, binding_rows(tight, sessions, exact, filled, left), strict=True):
        alloc_w[i] = amount
        reasons[i] = LIMITED_BY_VEHICLE if row is None else rows.names[row]
    admitted = [False] * len(claims)
    for i in running:
        admitted[i] = True
    return Allocation(tuple(alloc_w), tuple(admitted), tuple(reasons))


def _fill_phases(rows: Rows, sessions: Columns, rooms: Sequence[int]) -> tuple[int, ...]:
    """Return the bases raised over rows of watts and of phases, `rooms` being what these take on top."""
    tight = rows.tight(sessions, rooms)
    filled, _ = whole_fill(tight, sessions, rooms, exact_fill(tight, sessions, rooms))
    return tuple(filled)


def _rows_of(
    tree: Tree, at: Sequence[int], claims: Sequence[Claim], headroom: Mapping[str, int | None] | None = None
) -> Rows:
    """Return the rows of the tree and who is on them."""
    assert all(min(claim.loads) >= 0 for claim in claims), "negative load"
    return Rows.of(tree, at, [claim.loads for claim in claims], headroom)


def _admit_to_rows(rows: Rows, at: Sequence[int], claims: Sequence[Claim]) -> tuple[list[int], Rows, Columns]:
    """Return who is admitted (ALLOCATOR.md §2), as positions in `claims`, and the rows and columns of only those."""
    left = list(rows.limits)
    order = sorted(range(len(claims)), key=lambda i: (-claims[i].priority, claims[i].rank))
    admitted = {i for i in order if claims[i].min_w <= claims[i].max_w and rows.take(left, i, claims[i].min_w)}
    running = sorted(admitted)
    chosen = [claims[i] for i in running]
    sessions = _columns(
        chosen, [at[i] for i in running], [claim.min_w for claim in chosen], [claim.max_w for claim in chosen]
    )
    return running, rows.of_sessions(running), sessions


# --- watts alone ------------------------------------------------------------------------------------------------------


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
