"""Limits in watts and limits per phase as rows of one list (ALLOCATOR.md §1).

A session that uses k phases puts 6/k sixths of its power on each of them: 1 W is 6, 3 or 2 *sixths of a watt* there, so
that rows of phases add up in whole numbers. What 1 W of a session is on a row is its *load* on it: 1 on a row of
watts. Rows of phases overlap in part, so they are no tree: a row is known by its number, and a session by the rows that
it loads.

Of each node its watts come first, then L1 to L3, and the nodes in the order given: where several rows may be named, it
is the first of them (§4).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from csms.core.rows import NO_PARENT, SIXTHS, Columns, Phases, Tree

BALANCED: Phases = (2, 2, 2)
"""Loads of a session on all three phases alike."""

Span = tuple[tuple[int, int], ...]
"""The rows that a session loads: number of the row, and the load."""


def loads_of(lines: Collection[int]) -> Phases:
    """Return what 1 W is on L1, L2 and L3, sixths of a watt, when it is drawn from the phases `lines` alike."""
    assert lines, "no phase"
    assert {1, 2, 3}.issuperset(lines), "unknown phase"
    load = SIXTHS // len(set(lines))
    on_l1, on_l2, on_l3 = [load if line in lines else 0 for line in (1, 2, 3)]
    return on_l1, on_l2, on_l3


def phase_name(node_id: str, line: int) -> str:
    """Return the name of the row of phase `line`, 1 to 3, of a node."""
    return f"{node_id}/L{line}"


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows that have a limit, and the sessions on them.

    Attributes:
        names: `ID` for watts, `ID/L1` to `ID/L3` for phases.
        limits: of each row, W or sixths of a watt.
        spans: of each session.
    """

    names: tuple[str, ...]
    limits: tuple[int, ...]
    spans: tuple[Span, ...]

    @classmethod
    def of(
        cls, tree: Tree, at: Sequence[int], loads: Sequence[Phases], headroom: Mapping[str, int | None] | None = None
    ) -> "Rows":
        """Return the rows of `tree` with their caps as limits, or with `headroom`; session i hangs on node `at[i]`."""
        names: list[str] = []
        limits: list[int] = []
        own: list[list[tuple[int, int | None]]] = [[] for _ in tree.ids]
        for node, phase, name, cap in _all_rows(tree):
            limit = cap if headroom is None else headroom[name]
            if limit is not None:
                own[node].append((len(names), phase))
                names.append(name)
                limits.append(limit)
        assert len(set(names)) == len(names), "duplicate name of a row"
        for node in tree.downward:
            if tree.parents[node] != NO_PARENT:
                own[node] = own[node] + own[tree.parents[node]]
        spans: dict[tuple[int, Phases], Span] = {}
        for key in zip(at, loads, strict=True):
            if key not in spans:
                spans[key] = _span(own[key[0]], key[1])
        return cls(tuple(names), tuple(limits), tuple([spans[key] for key in zip(at, loads, strict=True)]))

    def of_sessions(self, chosen: Sequence[int]) -> "Rows":
        """Return the same rows with only the `chosen` sessions, in that order."""
        return Rows(self.names, self.limits, tuple([self.spans[i] for i in chosen]))

    def rooms(self, amounts: Sequence[int]) -> list[int]:
        """Return what `amounts` leave of each limit, below 0 where they are over it."""
        rooms = list(self.limits)
        for span, amount in zip(self.spans, amounts, strict=True):
            if amount:
                for row, load in span:
                    rooms[row] -= load * amount
        return rooms

    def tight(self, sessions: Columns, rooms: Sequence[int]) -> "Rows":
        """Return the same with spans of only those rows that cannot give all sessions all they may take."""
        reach = [0] * len(rooms)
        for span, low, high in zip(self.spans, sessions.base, sessions.upper, strict=True):
            if high > low:
                for row, load in span:
                    reach[row] += load * (high - low)
        is_tight = [most > max(room, 0) for most, room in zip(reach, rooms, strict=True)]
        spans = {span: tuple([each for each in span if is_tight[each[0]]]) for span in set(self.spans)}
        return Rows(self.names, self.limits, tuple([spans[span] for span in self.spans]))

    def take(self, rooms: list[int], session: int, amount_w: int) -> bool:
        """Take what `amount_w` of a session is on each of its rows, if all have it; return whether they had."""
        span = self.spans[session]
        for row, load in span:
            if rooms[row] < load * amount_w:
                return False
        for row, load in span:
            rooms[row] -= load * amount_w
        return True


def _all_rows(tree: Tree) -> Iterator[tuple[int, int | None, str, int | None]]:
    """Yield of every row the number of its node, its phase (0 to 2; None: watts), its name and its cap."""
    for node, name in enumerate(tree.ids):
        yield node, None, name, tree.caps[node]
        caps = tree.phase_caps[node] if tree.phase_caps else None
        if caps is not None:
            for phase, cap in enumerate(caps):
                yield node, phase, phase_name(name, phase + 1), cap


def _span(rows: Sequence[tuple[int, int | None]], loads: Phases) -> Span:
    """Return those of the rows that a session with such loads is on, each with its load."""
    loaded = [(row, 1 if phase is None else loads[phase]) for row, phase in rows]
    return tuple([(row, load) for row, load in loaded if load])
