"""Rotation: where the least powers of all cars do not fit, they take turns (ALLOCATOR.md §6).

Who is admitted first is a question of priority, then of the order. The order is that of arrival until somebody has to
wait; then a session that has run for 15 minutes goes to its back for one that has waited for 5, the one that got most
energy since somebody waits. All else follows from the order: the plan pauses the one and lets in the other, a cut
first, and a start once it is confirmed. Nobody else gives way, and nobody of another priority.

A place that becomes free is taken at once. Runs and waits are counted by the plan, so the way from one car to the next
delays nobody twice: of n cars that wait for k places each gets its turn within ceil(n / k) × 15 minutes. The order is
not kept over a restart: then it is that of arrival again, and nothing but the turns is lost.
"""

from collections.abc import Sequence

from csms.core.allocator import LIMITED_BY_NO_ROOM
from csms.core.ids import SessionId
from csms.core.part import TimedPart
from csms.core.planning import Plan, Question, Steered, question_of
from csms.core.session import Session
from csms.core.state import State


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
        waiting = [each.session for each in plan.steered.values() if _waits(each)]
        running = [each.session for each in plan.steered.values() if _runs(each)]
        for each in plan.steered.values():
            turn = each.session.turn
            if not _runs(each):
                turn.runs_ms = None
            elif turn.runs_ms is None:
                turn.runs_ms = now_ms
            if _waits(each):
                turn.waits_ms = now_ms if turn.waits_ms is None else turn.waits_ms
            elif not _runs(each) or each.booked_w >= each.claim.min_w:
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
        room = _Room(self.state, question_of(self.state, self.now.mono_ms, self.timings))
        order = sorted(plan.steered.values(), key=lambda each: (-each.claim.priority, each.claim.rank))
        candidates: list[Steered] = []
        moved: list[Session] = []
        for each in order:
            if each.session.session_id not in ready:
                room.take(each, each.claim.min_w if each.target_w >= each.claim.min_w else each.floor_w)
                if each.session.session_id in due:
                    candidates.append(each)
                continue
            givers = room.givers(each, candidates)
            for other in givers:
                room.take(other, -other.claim.min_w)
                candidates.remove(other)
                moved.append(other.session)
            if givers:
                room.take(each, each.claim.min_w)
        return moved


class _Room:
    """What the minima admitted so far leave on every row, W."""

    def __init__(self, state: State, question: Question) -> None:
        self._paths = state.tree.paths
        self._left_w = {node.node_id: node.cap_w for node in question.nodes(state) if node.cap_w is not None}

    def take(self, each: Steered, power_w: int) -> None:
        """Let a session take so much of its rows."""
        for node in self._rows(each):
            self._left_w[node] -= power_w

    def givers(self, each: Steered, candidates: Sequence[Steered]) -> list[Steered]:
        """Return who would make room for the least of a session, who got most first; nobody if that is too little."""
        least_w = each.claim.min_w
        lacks_w = {n: least_w - self._left_w[n] for n in self._rows(each) if self._left_w[n] < least_w}
        givers: list[Steered] = []
        for other in sorted(candidates, key=lambda one: (-_got_wh(one.session), one.claim.rank)):
            shared = lacks_w.keys() & set(self._rows(other))
            if not shared or other.claim.priority != each.claim.priority:
                continue
            givers.append(other)
            lacks_w = {n: w - (other.claim.min_w if n in shared else 0) for n, w in lacks_w.items()}
            lacks_w = {n: w for n, w in lacks_w.items() if w > 0}
        return [] if lacks_w else givers

    def _rows(self, each: Steered) -> list[str]:
        return [node for node in self._paths[each.charger.charger_id] if node in self._left_w]


def _got_wh(session: Session) -> int:
    """Return what a session got since somebody waits, Wh, as far as its register has told."""
    return (session.energy_wh or 0) - (session.turn.from_wh or 0)


def _runs(each: Steered) -> bool:
    """Return whether a session that could be paused is let in."""
    return each.floor_w == 0 and each.target_w >= each.claim.min_w > 0


def _waits(each: Steered) -> bool:
    return each.floor_w == 0 and each.limited_by == LIMITED_BY_NO_ROOM and each.claim.min_w > 0
