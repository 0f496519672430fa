"""The filling loop on a tree of rows, without stepping watt by watt.

What is computed: *start at `base`; raise by 1 W, again and again, the session with the smallest (x/weight, rank) that
is below its `upper` and violates no row; stop when none can be raised* (ALLOCATOR.md §3). `rooms` says how much each
row can still take on top of the base.

How. Watts are the unit of weight 1: the *level* t is a whole number, and a session stands at x(t) = clip(weight·t,
base, upper) when every step below level t has been made and none at or above it. So for whole levels, what flows
through a node, `f_v(t) = min(room_v, Σ children f_c(t))`, is exactly what the loop would have given it, piecewise
linear in t, with whole coefficients: no rounding anywhere.

1. Upwards, each node gets its function as a sorted list of *bends* `(position, Δslope, Δoffset)`: for levels beyond
   `position` the function is slope·t + offset. A row that can saturate is cut at its *own level*: the last whole level
   at which it still carries everything. Beyond it the row carries its room and not a watt more.
2. Downwards, the level of a session is the least own level on its path; the rows that have it are its *bottlenecks*.
3. What whole levels leave over, less than `weight` steps a session, is handed out by `csms.core.remainder`.

The steps form a laminar matroid with a fixed order, which is why the greedy result on a subtree alone does not change
when the rest of the tree is added, and why the level of a row can be found bottom up.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import gcd
from operator import itemgetter

from csms.core.remainder import finish_equal, finish_weighted, spare_watts
from csms.core.rows import NO_PARENT, Columns, Tree

_Bend = tuple[int, int, int]
_POSITION = itemgetter(0)
_CLOSED = -1


def fill_rows(tree: Tree, sessions: Columns, rooms: Sequence[int | None]) -> list[int]:
    """Return what the loop ends with, W per session (ALLOCATOR.md §3, `fill`).

    `rooms` is what each row can take on top of the bases, W: None is unlimited, and a row with 0 or less refuses every
    step of everybody below it.
    """
    common = gcd(*sessions.weights)
    if common > 1:
        sessions = replace(sessions, weights=[weight // common for weight in sessions.weights])
    top = max(sessions.upper, default=0) + 1
    own = _own_levels(tree, sessions, rooms, top)
    levels, bottlenecks = _binding(tree, own, top)
    filled = []
    for node, weight, low, high in zip(sessions.at, sessions.weights, sessions.base, sessions.upper, strict=True):
        amount = weight * levels[node]
        if amount > high:  # noqa: PLR1730 - once per session: a call of min or max costs more than all the rest
            amount = high
        filled.append(amount if amount > low else low)  # noqa: FURB136 - same
    if any(bottlenecks):
        spare = spare_watts(tree, sessions, rooms, filled, own, levels)
        finish = finish_equal if max(sessions.weights) == 1 else finish_weighted
        finish(sessions, filled, levels, bottlenecks, spare)
    return filled


def _own_levels(tree: Tree, sessions: Columns, rooms: Sequence[int | None], top: int) -> list[int]:
    """Return for each node the last whole level at which its row still carries all below it.

    That is `top`, a level at which every session has its upper, for a row that never saturates, and `_CLOSED` for a
    row that has no room, or is below one.
    """
    parents = tree.parents
    own = [top] * len(parents)
    for node in tree.downward:
        room = rooms[node]
        parent = parents[node]
        if (room is not None and room <= 0) or (parent != NO_PARENT and own[parent] == _CLOSED):
            own[node] = _CLOSED
    slopes, reach, bends = _bends(sessions, own)
    for node in reversed(tree.downward):
        most = reach[node]
        if not most:
            continue
        room = rooms[node]
        if room is not None and most > room:
            own[node] = _saturate(bends[node], slopes[node], room)
            most = room
        parent = parents[node]
        if parent != NO_PARENT:
            slopes[parent] += slopes[node]
            reach[parent] += most
            mine, theirs = bends[node], bends[parent]
            if len(theirs) < len(mine):
                mine, theirs = theirs, mine
            theirs.extend(mine)
            bends[parent] = theirs
    return own


def _bends(sessions: Columns, own: Sequence[int]) -> tuple[list[int], list[int], list[list[_Bend]]]:
    """Return per node, of the sessions right on it: the slope from level 0, Σ (upper − base), and the bends."""
    slopes = [0] * len(own)
    reach = [0] * len(own)
    bends: list[list[_Bend]] = [[] for _ in own]
    for node, weight, low, high in zip(sessions.at, sessions.weights, sessions.base, sessions.upper, strict=True):
        if high <= low or own[node] == _CLOSED:
            continue
        reach[node] += high - low
        leave = high if weight == 1 else high // weight
        if not low:
            slopes[node] += weight
            bends[node].append((leave, -weight, high))
        else:  # in this order: it stays so when they are sorted, even where both are at the same level
            bends[node] += ((low // weight, weight, -low), (leave, -weight, high))
    return slopes, reach, bends


def _saturate(bends: list[_Bend], slope: int, room: int) -> int:
    """Return the last whole level at which `bends` carry at most `room`; sort them, and cut them there."""
    bends.sort(key=_POSITION)
    offset = level = kept = 0
    for position, turn, shift in bends:
        if slope * position + offset > room:
            break
        slope += turn
        offset += shift
        level = position
        kept += 1
    if slope:
        level = max(level, (room - offset) // slope)
    while kept and bends[kept - 1][0] == level:  # they bend beyond the level, where the cut replaces them
        kept -= 1
        slope -= bends[kept][1]
        offset -= bends[kept][2]
    del bends[kept:]
    bends.append((level, -slope, room - offset))
    return level


def _binding(tree: Tree, own: Sequence[int], top: int) -> tuple[list[int], list[tuple[int, ...]]]:
    """Return per node the least own level on its path upwards, and the rows of the path that have it."""
    levels = list(own)
    bottlenecks: list[tuple[int, ...]] = [()] * len(own)
    for node in tree.downward:
        level = own[node]
        parent = tree.parents[node]
        above = top if parent == NO_PARENT else levels[parent]
        if level < above:
            if level != _CLOSED:
                bottlenecks[node] = (node,)
        elif parent != NO_PARENT:
            levels[node] = above
            bottlenecks[node] = bottlenecks[parent]
            if level == above != top and level != _CLOSED:
                bottlenecks[node] += (node,)
    return levels, bottlenecks
