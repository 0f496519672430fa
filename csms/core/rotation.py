"""Rotation: where the least powers of all cars do not fit, they take turns (ALLOCATOR.md §6).

Who is admitted first is a question of priority, then of the order. The order is that of arrival until somebody has to
wait; then a session that has run for 15 minutes goes to its back for one that has waited for 5, the one that got most
energy since somebody waits. All else follows from the order: the plan pauses the one and lets in the other, a cut
first, and a start once it is confirmed. Nobody else gives way, and nobody of another priority; but who runs behind one
that needs more and waits, with what that could not use, has it no longer when that one is let in.

A place that becomes free is taken at once. Runs and waits are counted by the plan, so the way from one car to the next
delays nobody twice: of n cars that wait for k places each gets its turn within ceil(n / k) × 15 minutes. The order is
not kept over a restart: then it is that of arrival again, and nothing but the turns is lost.

Those who can have no conditional power (`csms.core.conditional`) take turns with the power that is firm, too.
"""

from collections.abc import Sequence

from csms.core.allocator import LIMITED_BY_NO_ROOM, Claim, Node, Tree
from csms.core.conditional import is_conditional
from csms.core.ids import SessionId
from csms.core.part import TimedPart
from csms.core.phase_rows import Rows
from csms.core.planning import Plan, Steered, firm_nodes, question_of
from csms.core.session import Session


class Rotation(TimedPart):
    """Looks at one plan; lives for one step."""

    def run(self, plan: Plan) -> bool:
        """Note who runs and who waits, and move who has had his turn; return whether the order has changed."""
        ready, due = self.note(plan)
        moved = self._who_gives_way(plan, ready, due) if ready and due else []
        for session in moved:
            self.state.turns += 1
            session.turn.order = self.state.turns
            session.turn.runs_ms = self.now.mono_ms
            self.journal.log("session.gave_its_turn", *session.key, session_id=session.session_id)
        return bool(moved)

    def note(self, plan: Plan) -> tuple[set[SessionId], set[SessionId]]:
        """Take down since when each one runs or waits; return who has waited, and who has run, for long enough."""
        now_ms = self.now.mono_ms
        waiting: list[Session] = []
        running: list[Session] = []
        for each in plan.steered.values():
            session, turn = each.session, each.session.turn
            if runs := _runs(each):
                running.append(session)
                turn.runs_ms = now_ms if turn.runs_ms is None else turn.runs_ms
            else:
                turn.runs_ms = None
            if _waits(each):
                waiting.append(session)
                turn.waits_ms = now_ms if turn.waits_ms is None else turn.waits_ms
            elif not runs or each.booked_w >= each.least_told_w:
                turn.waits_ms = None  # else it was let in, and has not got its power yet
        for session in self.state.sessions.values():
            if not waiting:
                session.turn.from_wh = None
            elif session.turn.from_wh is None:
                session.turn.from_wh = session.energy_wh or 0
        if not waiting:
            return set(), set()
        ready = {s.session_id for s in waiting if self._has_passed(s.turn.waits_ms, self.timings.pause_least_ms)}
        due = {s.session_id for s in running if self._has_passed(s.turn.runs_ms, self.timings.run_least_ms)}
        return ready, due

    def _has_passed(self, since_ms: int | None, least_ms: int) -> bool:
        return since_ms is not None and self._reached(since_ms + least_ms)

    def _who_gives_way(self, plan: Plan, ready: set[SessionId], due: set[SessionId]) -> list[Session]:
        """Go through the admission once more; each one that is ready finds its place among those that are due."""
        question = question_of(self.state, self.now.mono_ms, self.timings)
        order = sorted(plan.steered.values(), key=lambda each: (-each.claim.priority, each.claim.rank))
        if question.firm is None:
            return _who_makes_room(order, question.nodes(self.state), ready, due, set())
        admitted = zip(question.parts, question.firm.admitted, strict=True)
        conditional = {part[2].session_id for part in question.parts if is_conditional(part)}
        waits = {session.session_id for (_, _, session), runs in admitted if not runs} - conditional
        nodes = firm_nodes(self.state, question)
        moved = _who_makes_room(order, nodes, ready & waits, due - conditional, conditional)
        due = due - {session.session_id for session in moved}
        return moved + _who_makes_room(order, question.nodes(self.state), ready - waits, due, set())


def _who_makes_room(
    order: Sequence[Steered],
    nodes: Sequence[Node],
    ready: set[SessionId],
    due: set[SessionId],
    least_of_all: set[SessionId],
) -> list[Session]:
    """Return who gives way on these rows; `order`: the first to be admitted first.

    `least_of_all`: those who have but what cannot be taken from them there.
    """
    room = Room(nodes, [each.claim for each in order])
    candidates: list[Steered] = []
    moved: list[Session] = []
    for each in order:
        if each.session.session_id not in ready:
            runs = _has_its_least(each) and each.session.session_id not in least_of_all
            room.take(each.claim, each.claim.min_w if runs else each.floor_w)
            if each.session.session_id in due:
                candidates.append(each)
            continue
        most_first = sorted(candidates, key=lambda one: (-_got_wh(one.session), one.claim.rank))
        givers = {claim.session_id for claim in room.givers(each.claim, [one.claim for one in most_first])}
        for other in [one for one in most_first if one.session.session_id in givers]:
            room.take(other.claim, -other.claim.min_w)
            candidates.remove(other)
            moved.append(other.session)
        if givers:
            room.take(each.claim, each.claim.min_w)
    return moved


class Room:
    """What the minima admitted so far leave on every row that has a limit: W, or sixths of a watt of a phase."""

    def __init__(self, nodes: Sequence[Node], claims: Sequence[Claim]) -> None:
        tree = Tree.of(nodes)
        at = [tree.numbers[claim.node] for claim in claims]
        rows = Rows.of(tree, at, [claim.loads for claim in claims])
        self._left = list(rows.limits)
        self._spans = {claim.session_id: span for claim, span in zip(claims, rows.spans, strict=True)}

    def take(self, claim: Claim, power_w: int) -> None:
        """Let a session take so much of its rows."""
        for row, load in self._spans[claim.session_id]:
            self._left[row] -= load * power_w

    def givers(self, claim: Claim, candidates: Sequence[Claim]) -> list[Claim]:
        """Return who would make room for the least of a session, the first of them first; nobody if all do not."""
        left, least_w = self._left, claim.min_w
        lacks = {row: load * least_w - left[row] for row, load in self._spans[claim.session_id]}
        lacks = {row: amount for row, amount in lacks.items() if amount > 0}
        givers: list[Claim] = []
        for other in candidates:
            gives = {row: load * other.min_w for row, load in self._spans[other.session_id] if row in lacks}
            if not gives or other.priority != claim.priority:
                continue
            givers.append(other)
            lacks = {row: amount for row, was in lacks.items() if (amount := was - gives.get(row, 0)) > 0}
        return [] if lacks else givers


def _got_wh(session: Session) -> int:
    """Return what a session got since somebody waits, Wh, as far as its register has told."""
    return (session.energy_wh or 0) - (session.turn.from_wh or 0)


def _runs(each: Steered) -> bool:
    """Return whether a session that could be paused is let in."""
    return each.floor_w == 0 < each.least_told_w and _has_its_least(each)


def _has_its_least(each: Steered) -> bool:
    """Return whether a session is let in: what it can be told of its least is its target at the least."""
    return each.target_w >= each.least_told_w


def _waits(each: Steered) -> bool:
    return each.floor_w == 0 and each.limited_by == LIMITED_BY_NO_ROOM and each.claim.min_w > 0
