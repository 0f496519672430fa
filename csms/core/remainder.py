"""The last steps of the filling loop: the watts that whole levels leave over (ALLOCATOR.md §3).

`csms.core.waterfill` brings every session to a whole level t, in watts per unit of weight. Between t and t + 1 a
session has at most `weight` steps of 1 W left, and they are made in the loop's own order, smallest (x/weight, rank)
first. Only the session's *bottlenecks*, the rows on its path whose own level is t, can refuse one: a row that
saturates at a lower level has been counted with all its room, and a row that saturates at a higher level has, by
definition of that level, room for this step. So rows of different levels do not disturb each other here.

Equal weights leave at most one step each. With different weights most of the steps are made at once: below the
fraction φ of the level a row's sessions make at most Σ ceil(φ·weight) ≤ φ·Σ weight + n steps, so with
φ = (spare − n) / Σ weight it refuses none of them. A few per session remain, made one by one.
"""

from collections.abc import Sequence
from heapq import heapify, heappop, heapreplace
from math import lcm

from csms.core.rows import NO_PARENT, Columns, Tree


def spare_watts(
    tree: Tree,
    sessions: Columns,
    rooms: Sequence[int | None],
    filled: Sequence[int],
    own: Sequence[int],
    levels: Sequence[int],
) -> list[int]:
    """Return what each bottleneck has left for the steps at its level, W; for other rows the number means nothing.

    Args:
        tree: the rows.
        sessions: who is filled.
        rooms: what each row could take on top of the bases, W.
        filled: the sessions at their levels, W.
        own: the level of each row.
        levels: the least of them on each node's path.
    """
    used = [0] * len(own)
    for node, amount, low in zip(sessions.at, filled, sessions.base, strict=True):
        used[node] += amount - low
    spare = [0] * len(own)
    for node in reversed(tree.downward):
        room = rooms[node]
        if room is not None:
            spare[node] = room - used[node]
        parent = tree.parents[node]
        if parent != NO_PARENT:
            if room is not None and own[node] < levels[parent]:
                used[parent] += max(room, 0)
            else:
                used[parent] += used[node]
    return spare


def finish_equal(
    sessions: Columns,
    filled: list[int],
    levels: Sequence[int],
    bottlenecks: Sequence[tuple[int, ...]],
    spare: list[int],
) -> None:
    """Make the last steps in `filled` where all weights are 1: at most one each, in the order of the ranks."""
    at, upper = sessions.at, sessions.upper
    for i in sorted(range(len(at)), key=sessions.ranks.__getitem__):
        node = at[i]
        if filled[i] == levels[node] and filled[i] < upper[i]:
            _step(bottlenecks[node], spare, filled, i)


def finish_weighted(
    sessions: Columns,
    filled: list[int],
    levels: Sequence[int],
    bottlenecks: Sequence[tuple[int, ...]],
    spare: list[int],
) -> None:
    """Make the last steps in `filled` where weights differ: at most `weight` each, smallest (x/weight, rank) first."""
    at, weights = sessions.at, sessions.weights
    ends = [
        min(high, weight * (levels[node] + 1)) for node, weight, high in zip(at, weights, sessions.upper, strict=True)
    ]
    _leap(sessions, filled, ends, levels, bottlenecks, spare)
    whole = lcm(*set(weights))
    queue = [(filled[i] * (whole // weights[i]), sessions.ranks[i], i) for i, end in enumerate(ends) if filled[i] < end]
    heapify(queue)
    while queue:
        share, rank, i = queue[0]
        if _step(bottlenecks[at[i]], spare, filled, i) and filled[i] < ends[i]:
            heapreplace(queue, (share + whole // weights[i], rank, i))
        else:
            heappop(queue)


def _leap(
    sessions: Columns,
    filled: list[int],
    ends: Sequence[int],
    levels: Sequence[int],
    bottlenecks: Sequence[tuple[int, ...]],
    spare: list[int],
) -> None:
    """Make at once the steps that no row can refuse: those below the fraction φ of all the session's bottlenecks."""
    waiting = [i for i, end in enumerate(ends) if filled[i] < end]
    count = [0] * len(spare)
    total = [0] * len(spare)
    for i in waiting:
        for row in bottlenecks[sessions.at[i]]:
            count[row] += 1
            total[row] += sessions.weights[i]
    sure = [left - n for left, n in zip(spare, count, strict=True)]  # φ = sure / total
    for i in waiting:
        node, weight = sessions.at[i], sessions.weights[i]
        rows = bottlenecks[node]
        steps = min(-(-sure[row] * weight // total[row]) for row in rows)
        gain = min(ends[i], weight * levels[node] + steps) - filled[i]
        if gain > 0:
            filled[i] += gain
            for row in rows:
                spare[row] -= gain


def _step(rows: tuple[int, ...], spare: list[int], filled: list[int], i: int) -> bool:
    """Raise session `i` by 1 W if every one of its bottlenecks has it to spare; return whether it did."""
    for row in rows:
        if not spare[row]:
            return False
    for row in rows:
        spare[row] -= 1
    filled[i] += 1
    return True
