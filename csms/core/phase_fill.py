"""Filling where rows overlap in part: limits per phase beside limits in watts (ALLOCATOR.md §3, §4).

What is computed: the exact share x* of every session by *progressive filling*, in rationals, and from it the whole
watts. All start at their base. One *level* rises for all: at level t a session stands at clip(weight·t, base, upper).
When a row is full, its members stop where they stand; the others go on until nobody is left.

How. Levels are counted in parts of 1/`scale` W, the least common multiple of the weights, so that every *bend*, where
a session begins to rise or has its upper, is at a whole level. Until it is full a row carries slope·t + fixed + what
its stopped members have gained:

1. Each row walks along the bends of its members to the level at which it would be full if nobody else stopped. A
   member that is stopped by another row only makes that later. So the levels only ever rise, each bend is walked
   past once, and the least level of all is a true one: a queue of rows gives it.
2. A row whose turn it is stops its members. On their other rows they weigh what they have from then on, and these
   rows walk on when their turn comes.
3. `slope` and `fixed` are whole. Rationals are made once for a row that is full, and once for each row beside it.

Then the integer loop of §3 begins just below x* and makes the last steps in the order (x/weight, rank).

A session that stops has an upper above x*. The row that stopped it is its certificate: nobody who was raised stands
higher in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from heapq import heapify, heappop, heappush, heapreplace
from math import lcm

from csms.core.phase_rows import Rows, Span
from csms.core.rows import Columns


@dataclass(frozen=True, slots=True)
class Exact:
    """The exact result: `shares` is x* of each session, W, and `full` says which rows have nothing left at x*."""

    shares: list[Fraction]
    full: list[bool]


class _Fill:
    """What one row carries while the level rises.

    Attributes:
        cap: what it can carry on top of the bases, in its own unit · `scale`, as all amounts here.
        bends: `(level, session, change of slope, change of fixed)` by level, two for each member that can rise.
        passed: how many of them have been walked past.
        slope: growth for each level.
        fixed: whole part of what does not grow.
        stopped: what stopped members have gained while they rose.
        level: the last level at which it carries everything; `floor` is that, rounded down.
        is_stale: whether members have been stopped since then.
    """

    __slots__ = ("bends", "cap", "fixed", "floor", "is_stale", "level", "passed", "slope", "stopped")

    def __init__(self, cap: int) -> None:
        self.cap = cap
        self.bends: list[tuple[int, int, int, int]] = []
        self.passed = self.slope = self.fixed = self.floor = 0
        self.stopped: int | Fraction = 0
        self.level: int | Fraction = 0
        self.is_stale = True

    def walk(self, levels: Sequence[Fraction | None], top: int) -> None:
        """Find `level`: it is `top` for a row that will never be full; `levels` are those of stopped sessions."""
        brim = self.cap - self.stopped
        whole_brim = brim.numerator // brim.denominator
        bends, slope, fixed = self.bends, self.slope, self.fixed
        place = self.passed
        while place < len(bends):
            position, session, turn, shift = bends[place]
            if levels[session] is None:
                if slope * position + fixed > whole_brim:
                    break
                slope += turn
                fixed += shift
            place += 1
        self.passed, self.slope, self.fixed = place, slope, fixed
        self.level = Fraction(brim - fixed, slope) if slope else top
        self.floor = self.level.numerator // self.level.denominator
        self.is_stale = False

    def is_full(self) -> bool:
        """Return whether it has nothing left, once nobody rises any more."""
        return self.fixed + self.stopped == self.cap


@dataclass(frozen=True, slots=True)
class _Members:
    """The sessions, one list per property: `lows` and `highs` are base and upper · `scale`.

    Each begins to rise at the level `begins`, and has its upper at the level `ends`.
    """

    spans: Sequence[Span]
    weights: Sequence[int]
    lows: Sequence[int]
    highs: Sequence[int]
    begins: Sequence[int]
    ends: Sequence[int]

    @classmethod
    def of(cls, rows: Rows, sessions: Columns, scale: int) -> "_Members":
        """Return the sessions on the scale of levels."""
        weights = sessions.weights
        begins = [low * (scale // weight) for low, weight in zip(sessions.base, weights, strict=True)]
        ends = [high * (scale // weight) for high, weight in zip(sessions.upper, weights, strict=True)]
        lows, highs = [low * scale for low in sessions.base], [high * scale for high in sessions.upper]
        return cls(rows.spans, weights, lows, highs, begins, ends)


def exact_fill(rows: Rows, sessions: Columns, rooms: Sequence[int]) -> Exact:
    """Return the exact weighted max-min shares (ALLOCATOR.md §3).

    `rooms` is what each row can take on top of the bases; one with 0 or less stops everybody at once.
    """
    scale = lcm(*set(sessions.weights))
    members = _Members.of(rows, sessions, scale)
    fills = [_Fill(max(room, 0) * scale) for room in rooms]
    _bend(fills, members)
    levels: list[Fraction | None] = [None] * len(members.begins)
    top = max(members.ends, default=0) + 1
    queue: list[tuple[int, int | Fraction, int]] = []
    for row, fill in enumerate(fills):
        if fill.bends:
            fill.walk(levels, top)
            queue.append((fill.floor, fill.level, row))
    heapify(queue)
    while queue and queue[0][0] < top:
        row = queue[0][2]
        fill = fills[row]
        if fill.is_stale:
            fill.walk(levels, top)
            heapreplace(queue, (fill.floor, fill.level, row))
        else:
            heappop(queue)
            _stop(fills, fill, members, levels)
    shares = [
        Fraction(max(low, high)) if level is None else max(Fraction(low), level * weight / scale)
        for low, high, weight, level in zip(sessions.base, sessions.upper, sessions.weights, levels, strict=True)
    ]
    return Exact(shares, [fill.is_full() for fill in fills])


def _bend(fills: Sequence[_Fill], members: _Members) -> None:
    """Give each row the bends of its members, by level."""
    bends = []
    for i, (begin, end) in enumerate(zip(members.begins, members.ends, strict=True)):
        if begin < end:
            weight = members.weights[i]
            bends += [(begin, i, weight, -members.lows[i]), (end, i, -weight, members.highs[i])]
    for level, i, turn, shift in sorted(bends):
        for row, load in members.spans[i]:
            fills[row].bends.append((level, i, load * turn, load * shift))


def _stop(fills: Sequence[_Fill], full: _Fill, members: _Members, levels: list[Fraction | None]) -> None:
    """Stop those members of a full row that have not their upper, at its level; tell all their rows."""
    level, floor = Fraction(full.level), full.floor
    rising: dict[int, int] = {}
    for _, i, turn, _ in full.bends:
        if turn < 0 or levels[i] is not None or members.ends[i] <= floor:
            continue
        levels[i] = level
        weight, low, high = members.weights[i], members.lows[i], members.highs[i]
        for row, load in members.spans[i]:
            fill = fills[row]
            fill.is_stale = True
            if members.begins[i] <= fill.floor:  # it has walked past this bend: back
                fill.slope -= load * weight
                fill.fixed += load * low
            if members.ends[i] <= fill.floor:
                fill.slope += load * weight
                fill.fixed -= load * high
            if members.begins[i] <= floor:
                fill.fixed -= load * low
                rising[row] = rising.get(row, 0) + load * weight
    for row, slope in rising.items():
        fills[row].stopped += slope * level


def whole_fill(rows: Rows, sessions: Columns, rooms: Sequence[int], exact: Exact) -> tuple[list[int], list[int]]:
    """Return the shares in whole watts, and what they leave of the rooms (ALLOCATOR.md §3).

    The loop begins at max(base, ceil(x* − weight/least weight)): every raise by 1 W, smallest (x/weight, rank) first,
    that violates no row, until none is left. A row that refuses a session once has no room for it any more.
    """
    least = min(sessions.weights, default=1)
    scale = lcm(*set(sessions.weights))
    filled = [
        max(low, -((weight * share.denominator - share.numerator * least) // (share.denominator * least)))
        for low, weight, share in zip(sessions.base, sessions.weights, exact.shares, strict=True)
    ]
    left = list(rooms)
    for span, low, amount in zip(rows.spans, sessions.base, filled, strict=True):
        for row, load in span:
            left[row] -= load * (amount - low)
    queue = [
        (amount * (scale // weight), rank, i)
        for i, (amount, weight, rank) in enumerate(zip(filled, sessions.weights, sessions.ranks, strict=True))
        if amount < sessions.upper[i]
    ]
    heapify(queue)
    while queue:
        share, rank, i = heappop(queue)
        if rows.take(left, i, 1):
            filled[i] += 1
            if filled[i] < sessions.upper[i]:
                heappush(queue, (share + scale // sessions.weights[i], rank, i))
    return filled, left


def binding_rows(
    rows: Rows, sessions: Columns, exact: Exact, filled: Sequence[int], left: Sequence[int]
) -> list[int | None]:
    """Return the certificate of each session: the first row that limits it; None if it has its upper (ALLOCATOR.md §4).

    That is a row that is full at x* and in which nobody who was raised has a higher x*/weight. One that would have its
    upper at x*, and lost it in whole watts, is limited by the first row that has no watt left for it.
    """
    heights = [share / weight for share, weight in zip(exact.shares, sessions.weights, strict=True)]
    highest: dict[int, Fraction] = {}
    for span, low, share, height in zip(rows.spans, sessions.base, exact.shares, heights, strict=True):
        if share > low:
            for row, _ in span:
                if exact.full[row] and height > highest.get(row, -1):
                    highest[row] = height
    found: list[int | None] = []
    for span, high, share, height, amount in zip(
        rows.spans, sessions.upper, exact.shares, heights, filled, strict=True
    ):
        if amount >= high:
            found.append(None)
        elif share < high:
            found.append(min(row for row, _ in span if exact.full[row] and highest.get(row, -1) <= height))
        else:
            found.append(min(row for row, load in span if left[row] < load))
    return found
