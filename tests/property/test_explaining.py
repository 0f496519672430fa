"""In any world: asking for explanations changes nothing, their parts add up, and one more kilowatt gives what it says.

Every so many steps each session is explained, by the fact that REST hands in; the world must end as it does without.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import pytest

from csms.core.engine import Changes, Engine, Step
from csms.core.events import ExplainRequested, Fact
from csms.core.explaining import ONE_KW_W
from csms.core.explanation import Explanation, Reason
from csms.core.ids import Now, RequestId
from csms.core.observing import question_of_observed
from csms.core.planning import Plan, question_of
from csms.core.replies import Explained, Refused
from csms.core.sentences import sentence
from csms.core.session import Phase
from csms.core.state import State
from csms.core.timings import Timings
from csms.simulation.world import World

ASKED_EVERY = 7
COMPARED_EVERY = 3
NOBODY_WAITS = RequestId(-1)


class Asked(Engine):
    """Explains its sessions now and then, and looks at what is said."""

    steps = 0
    compared = 0
    reasons: ClassVar[Counter[Reason]]

    def step(self, facts: Sequence[Fact], now: Now) -> Step:
        step = super().step(facts, now)
        Asked.steps += 1
        if Asked.steps % ASKED_EVERY == 0:
            plan = self._make_plan(self._state, now.mono_ms, self._timings)
            for session_id in list(self._state.sessions):
                due_ms = self.next_due_ms()
                asked = super().step([ExplainRequested(NOBODY_WAITS, session_id)], now)
                assert replace(asked, replies=()) == Step((), (), (), (), Changes({}, {}, None, None, None))
                assert self.next_due_ms() == due_ms
                (reply,) = asked.replies
                if isinstance(reply.outcome, Explained):
                    self._look_at(reply.outcome.explanation, plan, now)
                else:
                    assert isinstance(reply.outcome, Refused)
                    assert self._state.sessions[session_id].phase is Phase.HISTORIC
        return step

    def _look_at(self, found: Explanation, plan: Plan, now: Now) -> None:
        Asked.reasons[found.reason] += 1
        said = sentence(found)
        assert (said[-1], said.count(". ")) == (".", 0), said
        steered = plan.steered.get(found.session_id)
        if steered is not None:
            assert (found.target_w, found.booked_w) == (steered.target_w, steered.booked_w)
            assert found.limit_w is None or found.limit_w <= found.booked_w
            adds_up(found, plan, self._state)
        if found.binding is not None and sum(Asked.reasons.values()) % COMPARED_EVERY == 0:
            Asked.compared += 1
            more_w = one_more_kilowatt_w(self._state, found, now.mono_ms, self._timings)
            assert more_w is None or found.binding.more_w == more_w


def adds_up(found: Explanation, plan: Plan, state: State) -> None:
    """Assert that who shares the row is who the plan steers there, with its targets, and that its loads are all."""
    for wait in found.waits:
        other = plan.steered[wait.session_id]
        assert wait.power_w == other.booked_w - other.target_w > 0
    assert found.waits_w == sum(wait.power_w for wait in found.waits)
    binding = found.binding
    if binding is None:
        return
    there = [s for s in plan.steered.values() if binding.node_id in state.tree.paths[s.charger.charger_id]]
    assert (binding.sessions, binding.target_w) == (len(there), sum(each.target_w for each in there))
    assert {(s.session_id, s.target_w, s.booked_w) for s in binding.shares} == {
        (s.session.session_id, s.target_w, s.booked_w) for s in there
    }
    assert binding.target_w <= max(binding.shared_w, sum(each.floor_w for each in there))
    assert binding.shared_w == max(0, binding.capacity_w - binding.loads_w - binding.trimmed_w - binding.withheld_w)
    assert binding.booked_w == plan.booked_w[binding.node_id]


def one_more_kilowatt_w(state: State, found: Explanation, now_ms: int, timings: Timings) -> int | None:
    """Return what the session would have more if its row were built for 1 kW more; None where a cap limits the row."""
    assert found.binding is not None
    row = found.binding.node_id
    if any(c.charger_id == row and (c.draining or c.cap_w is not None) for c in state.chargers.values()):
        return None
    caps_w = dict(state.tree.caps_w)
    cap_w = caps_w[row]
    assert cap_w is not None
    wider = replace(state, tree=replace(state.tree, caps_w=caps_w | {row: cap_w + ONE_KW_W}))
    ask = question_of_observed if found.reason is Reason.OBSERVED else question_of
    gains = []
    for each in (wider, state):
        question = ask(each, now_ms, timings)
        at = [part[2].session_id for part in question.parts].index(found.session_id)
        gains.append(question.answer(each, question.nodes(each)).alloc_w[at])
    return gains[0] - gains[1]


@pytest.mark.parametrize("seed", range(3))
def test_whoever_asks_hears_what_adds_up_and_changes_nothing(seed: int) -> None:
    unasked, asked = World(seed, Engine), World(seed, Asked)
    Asked.reasons, Asked.compared = Counter(), 0
    for world in (unasked, asked):
        world.run(*world.length_ms())
    assert list(asked.around.trace.lines()) == list(unasked.around.trace.lines())
    assert Asked.reasons.total() > 0
    assert Asked.compared > 0
