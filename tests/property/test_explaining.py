"""In any world: asking for explanations changes nothing, their parts add up, and one more kilowatt gives what it says.

Every so many steps each session is explained, by the fact that REST hands in; the world must end as it does without.
Phases add up in sixths of a watt, which no explanation shows: there each figure may be rounded, by less than 1 W.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import pytest

from csms.core.engine import Changes, Engine, Step
from csms.core.events import ExplainRequested, Fact
from csms.core.explaining import ONE_KW_W
from csms.core.explanation import Binding, Explanation, Reason
from csms.core.ids import Now, RequestId
from csms.core.observing import question_of_observed
from csms.core.planning import Plan, Steered, loaded_rows, question_of
from csms.core.replies import Explained, Refused
from csms.core.rows import SIXTHS
from csms.core.sentences import sentence
from csms.core.session import Phase
from csms.core.state import State
from csms.core.timings import Timings
from csms.core.tree import Tree
from csms.simulation.surroundings import Switches
from csms.simulation.world import World

ASKED_EVERY = 7
COMPARED_EVERY = 3
NOBODY_WAITS = RequestId(-1)

PHASE, BATTERY, FIRM_ALONE = "a row of a phase", "power of a battery", "the firm share alone"
"""What some explanations are about in some worlds alone."""


class Asked(Engine):
    """Explains its sessions now and then, and looks at what is said."""

    steps = 0
    compared = 0
    reasons: ClassVar[Counter[Reason]]
    seen: ClassVar[set[str]]

    def step(self, facts: Sequence[Fact], now: Now) -> Step:
        step = super().step(facts, now)
        Asked.steps += 1
        if Asked.steps % ASKED_EVERY == 0:
            plan = self._make_plan(self._state, now.mono_ms, self._timings)
            for session_id in list(self._state.sessions):
                due_ms = self.next_due_ms()
                asked = super().step([ExplainRequested(NOBODY_WAITS, session_id)], now)
                assert replace(asked, replies=()) == Step((), (), (), (), nothing_but_readings(asked.changes))
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
        if found.firm_w is not None:
            Asked.seen.add(FIRM_ALONE)
        if found.binding is not None:
            Asked.seen |= kinds_of(found.binding, self._state)
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


def nothing_but_readings(changes: Changes) -> Changes:
    """Return changes of nothing: the site's meter and the battery are shown as they are, whether asked or not."""
    return Changes({}, {}, None, None, None, site_meter=changes.site_meter, battery=changes.battery)


def kinds_of(binding: Binding, state: State) -> set[str]:
    """Return what an explanation was about that only some worlds have."""
    kinds = {PHASE: binding.node_id in state.tree.phase_caps, BATTERY: binding.battery_w > 0}
    return {kind for kind, is_so in kinds.items() if is_so}


def adds_up(found: Explanation, plan: Plan, state: State) -> None:
    """Assert that who shares the row is who the plan steers there, with its targets, and that its loads are all."""
    for wait in found.waits:
        other = plan.steered[wait.session_id]
        assert wait.power_w == other.booked_w - other.target_w > 0
    assert found.waits_w == sum(wait.power_w for wait in found.waits)
    if found.binding is None:
        return
    row = found.binding.node_id
    loads = {s.session.session_id: load_of(state, s, row) for s in plan.steered.values()}
    there = [s for s in plan.steered.values() if loads[s.session.session_id]]
    assert found.binding.sessions == len(there)
    assert {(s.session_id, s.target_w, s.booked_w) for s in found.binding.shares} == {
        (s.session.session_id, s.target_w, s.booked_w) for s in there
    }
    targets = sum(each.target_w * loads[each.session.session_id] for each in there)
    floors = sum(each.floor_w * loads[each.session.session_id] for each in there)
    if row in state.tree.phase_caps:
        phase_adds_up(found.binding, plan, state, (targets, floors))
    else:
        row_adds_up(found.binding, plan, (targets, floors))


def load_of(state: State, steered: Steered, row: str) -> int:
    """Return what 1 W of a session is on a row: 1, on a phase sixths of a watt; 0 where it is not on it."""
    if row in state.tree.phase_caps:
        return dict(loaded_rows(state, steered.claim)).get(row, 0)
    return int(row in state.tree.paths[steered.charger.charger_id])


def row_adds_up(binding: Binding, plan: Plan, sums: tuple[int, int]) -> None:
    """Assert that a row of watts is its parts; `sums`: the targets on it, and what cannot be taken from them."""
    targets_w, floors_w = sums
    assert binding.target_w == targets_w <= max(binding.shared_w, floors_w)
    assert binding.shared_w == max(0, binding.capacity_w - binding.loads_w - binding.trimmed_w - binding.withheld_w)
    assert binding.booked_w == plan.booked_w[binding.node_id]


def phase_adds_up(binding: Binding, plan: Plan, state: State, sums: tuple[int, int]) -> None:
    """Assert the same of a phase, whose sums are sixths of a watt: what is taken off it is rounded up, each by itself.

    So no more is shown to be left than there is, and less by no more than there are figures.
    """
    targets, floors = sums
    assert binding.target_w == targets // SIXTHS
    assert targets <= max(SIXTHS * binding.shared_w + SIXTHS - 1, floors)
    assert binding.loads_w == sum(load.power_w for load in binding.loads)
    shown_w = max(0, binding.capacity_w - binding.loads_w - binding.trimmed_w)
    assert shown_w <= binding.shared_w <= shown_w + len(binding.loads) + (binding.trimmed_w > 0)
    assert binding.capacity_w == state.tree.phase_caps[binding.node_id] // SIXTHS
    assert 0 <= SIXTHS * binding.booked_w - plan.booked_phases[binding.node_id] < SIXTHS
    assert (binding.withheld_w, binding.battery_w) == (0, 0)


def one_more_kilowatt_w(state: State, found: Explanation, now_ms: int, timings: Timings) -> int | None:
    """Return what the session would have more if its row were built for 1 kW more; None where a cap limits the row."""
    assert found.binding is not None
    row = found.binding.node_id
    if any(c.charger_id == row and (c.draining or c.cap_w is not None) for c in state.chargers.values()):
        return None
    wider = replace(state, tree=wider_tree(state.tree, row))
    ask = question_of_observed if found.reason is Reason.OBSERVED else question_of
    gains = []
    for each in (wider, state):
        question = ask(each, now_ms, timings)
        at = [part[2].session_id for part in question.parts].index(found.session_id)
        gains.append(question.answer(each, question.nodes(each)).alloc_w[at])
    return gains[0] - gains[1]


def wider_tree(tree: Tree, row: str) -> Tree:
    """Return the rows as if one of them were built for 1 kW more."""
    if row not in tree.phase_caps:
        cap_w = tree.caps_w[row]
        assert cap_w is not None
        return replace(tree, caps_w={**tree.caps_w, row: cap_w + ONE_KW_W})
    node_id, line = row.rsplit("/L", 1)
    nodes = []
    for node in tree.nodes:
        phases = node.phase_sixths
        if node.node_id == node_id and phases is not None:
            on_l1, on_l2, on_l3 = [
                cap + (SIXTHS * ONE_KW_W if each == int(line) else 0) for each, cap in enumerate(phases, 1)
            ]
            phases = (on_l1, on_l2, on_l3)
        nodes.append(replace(node, phase_sixths=phases))
    return replace(tree, nodes=tuple(nodes))


@pytest.mark.parametrize(
    ("seed", "switches", "seen"),
    [
        (0, Switches(), set[str]()),
        (1, Switches(), set[str]()),
        (2, Switches(), set[str]()),
        (1, Switches(phases=True), {PHASE}),
        (73, Switches(energy=True), {BATTERY, FIRM_ALONE}),
    ],
    ids=["0", "1", "2", "phases", "energy"],
)
def test_whoever_asks_hears_what_adds_up_and_changes_nothing(seed: int, switches: Switches, seen: set[str]) -> None:
    unasked, asked = World(seed, Engine, switches), World(seed, Asked, switches)
    Asked.reasons, Asked.seen, Asked.steps, Asked.compared = Counter(), set(), 0, 0
    for world in (unasked, asked):
        world.run(*world.length_ms())
    assert list(asked.around.trace.lines()) == list(unasked.around.trace.lines())
    assert Asked.reasons.total() > 0
    assert Asked.compared > 0
    assert Asked.seen >= seen
