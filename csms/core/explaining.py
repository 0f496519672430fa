"""Why a session has what it has: the plan of this instant, and the ledger, read for one of many.

Theory of operation. Nothing is changed and nothing is guessed: what limits the session is asked of the allocator once
more, with the same question as the plan; what one more kilowatt would give is the difference to the answer for a row
that can carry so much more. A raise that is to come waits for others where what is missing on a row is booked for
sessions above their targets: power of which nobody knows yet that it was given back. What that hangs on, their sends
tell (`csms.core.limits`). In safe mode the allocator is not asked: it may be what is wrong.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from csms.core.allocator import LIMITED_BY_BELOW_MINIMUM, LIMITED_BY_NO_ROOM, LIMITED_BY_VEHICLE, Allocation, Node
from csms.core.caps import LIMITED_BY_CAP
from csms.core.charger import ChargerState
from csms.core.connector import Connector
from csms.core.demand import Demand, tolerance_w
from csms.core.events import TagStatus
from csms.core.explanation import (
    NAMED_MAX,
    Awaited,
    BaseLoadShare,
    Binding,
    Cause,
    Explanation,
    Known,
    Load,
    Reason,
    Share,
    Wait,
)
from csms.core.grid_terms import Held, HeldBy
from csms.core.ids import SessionId
from csms.core.limits import Send
from csms.core.observing import question_of_observed
from csms.core.phase_rows import phase_name
from csms.core.planning import (
    Plan,
    Question,
    Steered,
    head_room_w,
    loaded_rows,
    question_of,
    reason_of,
    tells_of,
    trim_w,
    uncut_on_phase,
    uncut_w,
)
from csms.core.records import Driver, SendState
from csms.core.rows import SIXTHS
from csms.core.session import Phase, Session
from csms.core.state import State
from csms.core.station import GRID, Control
from csms.core.supply import counted_on_w
from csms.core.timings import Timings

ONE_KW_W = 1_000

OF_TARGET: Mapping[str, Reason] = {
    LIMITED_BY_CAP: Reason.OPERATOR_CAP,
    LIMITED_BY_NO_ROOM: Reason.NO_ROOM,
    LIMITED_BY_BELOW_MINIMUM: Reason.BELOW_MINIMUM,
    LIMITED_BY_VEHICLE: Reason.VEHICLE,
}
"""What a target rests on, by the word for it; every other word is a row, which is shared."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the allocator was asked for one of those who take part, `at` in the order of the question, and its answer.

    Attributes:
        asks: returns the question as if some rows carried more, W, on phases sixths of a watt.
    """

    question: Question
    nodes: list[Node]
    allocation: Allocation
    at: int
    asks: Callable[[Mapping[str, int]], Question]

    def more_w(self, state: State, more_w: Mapping[str, int]) -> int:
        """Return what it would have more if some rows carried more: its share of what is firm grows with them, too."""
        question = self.asks(more_w)
        return question.answer(state, question.nodes(state, more_w)).alloc_w[self.at] - self.allocation.alloc_w[self.at]


def explain(state: State, plan: Plan, session: Session, now_ms: int, timings: Timings) -> Explanation:
    """Return why a session has what it has; `plan` is that of this very state at `now_ms` (monotonic)."""
    charger, connector = state.chargers.get(session.key.charger_id), state.connector(session.key)
    steered = plan.steered.get(session.session_id)
    if charger is None or connector is None:
        return _figures(session, Reason.NOT_CONTROLLED, 0, None)
    booked_w = charger.connector_booked_w(connector) if connector.session is session else 0
    found = _figures(session, Reason.NOT_CONTROLLED, booked_w, _limit_w(charger, connector, session))
    found = replace(
        found,
        least_w=charger.config.min_power_w if session.driver is Driver.OCPP else 0,
        cap_w=min((cap_w for cap_w in (connector.cap_w, charger.cap_w) if cap_w is not None), default=None),
        cause=_cause(charger, session, found.limit_w, now_ms),
    )
    weight, priority = session.standing_at(charger.config)
    found = replace(found, weight=weight, priority=priority)
    if steered is None:
        reason = _why_not_steered(charger, connector, session)
        found = replace(found, reason=reason)
        asks = reason is Reason.OBSERVED and not state.is_safe_mode
        return _of_observed(state, plan, session, found, now_ms, timings) if asks else found
    found = replace(found, limited_by=steered.limited_by, target_w=steered.target_w, least_w=steered.claim.min_w)
    found = replace(found, floor_w=steered.floor_w, awaited=_awaited(steered))
    if state.is_safe_mode:
        return replace(found, reason=Reason.SAFE_MODE)
    asked = _ask(state, session, lambda more_w: question_of(state, now_ms, timings, more_w))
    waits = _waits(state, plan, asked.question, steered)
    path = state.tree.rows[charger.charger_id]
    held_firm = asked.question.is_held_firm(state, asked.at, asked.allocation)
    binding = None if held_firm else _binding(state, plan, asked)
    overbooked = next((node for node in path if node in plan.overbooked), None)
    at_grid = GRID in {overbooked, None if binding is None else binding.node_id}
    return replace(
        found,
        reason=_reason(state, plan, steered, waits, asked.allocation.alloc_w[asked.at]),
        binding=binding,
        overbooked=overbooked,
        held=_held(state) if at_grid else None,
        base_load=_base_load(state, now_ms) if at_grid else None,
        firm_w=state.tree.firm_w.get(GRID) if held_firm else None,
        waits=tuple(waits[:NAMED_MAX]),
        waits_w=sum(wait.power_w for wait in waits),
        waits_sessions=len(waits),
    )


def _base_load(state: State, now_ms: int) -> BaseLoadShare | None:
    """Return what counts as base load, and why so much; None where nothing measures it."""
    meter = state.station.site_meter
    if meter is None:
        return None
    silent = state.base_load.is_stale(meter, now_ms)
    return BaseLoadShare(state.counted_w, Known.SILENT if silent else Known.MEASURED)


def _figures(session: Session, reason: Reason, booked_w: int, limit_w: int | None) -> Explanation:
    """Return what is known of a session whatever becomes of it."""
    declared_w = session.demand.declared_w if session.stated is None else session.stated.declared_w
    refused = session.tag_status is not TagStatus.ACCEPTED
    return Explanation(
        session_id=session.session_id,
        charger_id=session.key.charger_id,
        idx=session.key.idx,
        reason=Reason.TAG_REFUSED if refused else reason,
        limited_by=None,
        target_w=None,
        limit_w=limit_w,
        booked_w=booked_w,
        consumed_w=session.consumed_w,
        least_w=0,
        floor_w=0,
        cap_w=None,
        demand_w=session.max_w,
        declared_w=declared_w,
        cause=Cause.TAG_REFUSED if refused else Cause.DECLARED,
    )


def _limit_w(charger: ChargerState, connector: Connector, session: Session) -> int | None:
    """Return what a session was told last and may obey, W; None where nobody knows."""
    if session.driver is Driver.REST:
        return session.answered_w
    if charger.config.is_observed:
        return None
    last = connector.limits.last_of(session.transaction_id)
    if last is not None:
        return last.limit_w
    if connector.start_w:
        return connector.start_w
    default = charger.defaults.settled if connector.provisioned else None
    return None if default is None else default.limit_w


def _cause(charger: ChargerState, session: Session, limit_w: int | None, now_ms: int) -> Cause:
    """Return why the demand of a session is what it is."""
    if session.tag_status is not TagStatus.ACCEPTED:
        return Cause.TAG_REFUSED
    if session.stated is not None:
        return Cause.STATED if session.stated.maximum_w < session.stated.declared_w else Cause.DECLARED
    if session.parking.is_parked:
        return Cause.PARKED
    demand: Demand = session.demand
    if demand.previous_w is None:
        return Cause.DECLARED if demand.estimate_w >= demand.declared_w else Cause.NOT_JUDGED
    if now_ms < demand.judged_from_ms or limit_w is None:
        return Cause.NOT_JUDGED
    if demand.below_since_ms is not None:
        return Cause.BELOW_LIMIT
    at_limit = demand.previous_w >= limit_w - tolerance_w(charger.config, limit_w)
    return Cause.AT_LIMIT if at_limit else Cause.NOT_JUDGED


def _why_not_steered(charger: ChargerState, connector: Connector, session: Session) -> Reason:
    """Return why a session takes part in no plan: the conditions of `ChargerState.steerable`, one by one."""
    if session.tag_status is not TagStatus.ACCEPTED:
        return Reason.TAG_REFUSED
    if session.driver is Driver.REST:
        return Reason.CLIENT_SILENT
    holds = {
        Reason.RELEASED: charger.release is not None,
        Reason.NOT_CONTROLLED: charger.config.control is Control.NONE,
        Reason.UNPROVEN: session.phase is not Phase.RUNNING or connector.session is not session,
        Reason.OBSERVED: charger.config.is_observed,
        Reason.OFFLINE: charger.connection is None,
        Reason.NOT_HEARD: not charger.heard,
        Reason.REFUSING: charger.refusing_until_ms is not None,
        Reason.IDENTITY_CONFLICT: charger.identity.in_conflict,
    }
    return next((reason for reason, is_so in holds.items() if is_so), Reason.NOT_OBEYING)


def _of_observed(
    state: State, plan: Plan, session: Session, found: Explanation, now_ms: int, timings: Timings
) -> Explanation:
    """Return what a session of an observed charger would have if every observed one were steered."""
    asked = _ask(state, session, lambda _more_w: question_of_observed(state, now_ms, timings))
    question, allocation, at = asked.question, asked.allocation, asked.at
    binding = _binding(state, plan, asked)
    return replace(
        found,
        limited_by=reason_of(*question.parts[at], question.claims[at], allocation.limited_by[at]),
        target_w=_told_w(question, allocation, at),
        least_w=question.claims[at].min_w,
        floor_w=question.floors_w[at],
        binding=binding,
        held=None if binding is None or binding.node_id != GRID else _held(state),
    )


def _ask(state: State, session: Session, asks: Callable[[Mapping[str, int]], Question]) -> _Asked:
    question = asks({})
    nodes = question.nodes(state)
    at = next(i for i, (_, _, other) in enumerate(question.parts) if other is session)
    return _Asked(question, nodes, question.answer(state, nodes), at, asks)


def _told_w(question: Question, allocation: Allocation, at: int) -> int:
    """Return the target of one of those who take part: what it can be told of its allocation, W."""
    charger, _, session = question.parts[at]
    return max(question.floors_w[at], tells_of(charger, session)(allocation.alloc_w[at]))


# --- the reason -------------------------------------------------------------------------------------------------------


def _reason(state: State, plan: Plan, steered: Steered, waits: Sequence[Wait], alloc_w: int) -> Reason:
    """Return the first that holds of why a session that is steered has what it has."""
    session, awaited = steered.session, _awaited(steered)
    if session.tag_status is not TagStatus.ACCEPTED:
        return Reason.TAG_REFUSED
    if awaited is Awaited.SETUP:
        return Reason.PROVISIONING
    if awaited is Awaited.START_POWER:
        return Reason.START_POWER
    if steered.target_w > steered.booked_w:
        return _reason_to_wait(state, plan, steered, waits)
    if steered.target_w < steered.booked_w and session.driver is Driver.REST:
        return Reason.CLIENT_CALLS
    if awaited not in {None, Awaited.CUT}:
        return Reason.WAITS_FOR_ANSWER
    if steered.target_w < steered.booked_w and plan.cut_is_due(state, steered):
        return Reason.CUT
    if alloc_w < steered.floor_w == steered.target_w:
        return Reason.FAIL_SAFE
    return OF_TARGET.get(steered.limited_by, Reason.SHARE)


def _reason_to_wait(state: State, plan: Plan, steered: Steered, waits: Sequence[Wait]) -> Reason:
    """Return why a session has not got yet what it is to have."""
    if plan.cut_is_urgent(state, steered):
        return Reason.OVERBOOKED
    if any(charger.is_asserting for charger in state.chargers.values()):
        return Reason.WAITS_FOR_CHARGERS
    if waits:
        return Reason.WAITS_FOR_OTHERS
    if steered.session.driver is Driver.REST:
        return Reason.CLIENT_CALLS
    return Reason.RAISED_SOON if _awaited(steered) is None else Reason.WAITS_FOR_ANSWER


# --- who waits for what -----------------------------------------------------------------------------------------------


def _awaited(each: Steered) -> Awaited | None:
    """Return what a session's booked power hangs on before it is its target; None: on nothing."""
    above = each.booked_w > each.target_w
    if each.session.driver is Driver.REST:
        return Awaited.CLIENT if above else None
    if each.charger.unknown_default and not each.connector.provisioned:
        return Awaited.SETUP
    last = each.connector.limits.last_of(each.session.transaction_id)
    if last is None or (above and last.limit_w > each.target_w and not (last.in_flight or last.unresolved)):
        return Awaited.CUT if above else None
    if last.in_flight:
        return Awaited.ANSWER
    if last.unresolved:
        return Awaited.LOST_LIMIT
    return _awaited_of_settled(each, last) if above else None


def _awaited_of_settled(each: Steered, last: Send) -> Awaited:
    """Return why more than its target is booked although a session was told no more, and that was accepted."""
    if last.state is SendState.ACCEPTED:
        return Awaited.CAR
    return Awaited.START_POWER if each.connector.start_w > each.target_w else Awaited.LOST_LIMIT


def _waits(state: State, plan: Plan, question: Question, mine: Steered) -> list[Wait]:
    """Return whose power a raise waits for, the greatest first; none where all of it can be given now."""
    if mine.grant_w >= mine.target_w:
        return []
    short = _short_rows(state, plan, question).intersection(state.tree.rows[mine.charger.charger_id])
    waits = []
    for each in plan.steered.values():
        power_w, awaited = each.booked_w - each.target_w, _awaited(each)
        if power_w > 0 and awaited is not None and short.intersection(state.tree.rows[each.charger.charger_id]):
            key = each.session.key
            waits.append(Wait(each.session.session_id, key.charger_id, key.idx, power_w, awaited))
    return sorted(waits, key=lambda wait: (-wait.power_w, wait.charger_id, wait.idx))


def _short_rows(state: State, plan: Plan, question: Question) -> set[str]:
    """Return the rows that have less room than all raises under them together need."""
    need_w = dict.fromkeys((*state.tree.caps_w, *state.tree.phase_caps), 0)
    for each in plan.steered.values():
        more_w = max(0, each.target_w - each.booked_w)
        for node in state.tree.paths[each.charger.charger_id]:
            need_w[node] += more_w
        for row, load in loaded_rows(state, each.claim):
            need_w[row] += load * more_w
    rooms_w = head_room_w(state, plan.booked_w, question.missing_w, plan.booked_phases)
    return {node for node, room_w in rooms_w.items() if room_w is not None and room_w < need_w[node]}


# --- the row ----------------------------------------------------------------------------------------------------------


def _binding(state: State, plan: Plan, asked: _Asked) -> Binding | None:
    """Return the row that limits one of those who take part, and who shares it; None where none does."""
    question, nodes, allocation, at = asked.question, asked.nodes, asked.allocation, asked.at
    row = _binding_row(state, question, nodes, allocation, at)
    if row is None:
        return None
    if row in state.tree.phase_caps:
        return _binding_phase(state, plan, asked, row)
    shared_w = next(node.cap_w for node in nodes if node.node_id == row)
    assert shared_w is not None, "what limits has a capacity"
    members = [
        i for i, (charger, _, _) in enumerate(question.parts) if i != at and row in state.tree.paths[charger.charger_id]
    ]
    shares = [_share(question, allocation, i) for i in (at, *members)]
    loads = _loads(state, question, row)
    withheld_w = state.withheld_w if row == GRID else 0
    return Binding(
        node_id=row,
        capacity_w=_capacity_w(state, row),
        booked_w=plan.booked_w[row],
        loads_w=sum(load.power_w for load in loads),
        trimmed_w=trim_w(state, row) - withheld_w,
        shared_w=shared_w,
        sessions=len(shares),
        target_w=sum(share.target_w for share in shares),
        shares=tuple(shares[:NAMED_MAX]),
        loads=tuple(loads[:NAMED_MAX]),
        more_w=asked.more_w(state, {row: ONE_KW_W}),
        withheld_w=withheld_w,
        battery_w=counted_on_w(state) if row == GRID else 0,
    )


def _binding_phase(state: State, plan: Plan, asked: _Asked, row: str) -> Binding:
    """Return the row of a phase that limits one of those who take part; its figures are watts on this phase."""
    question, nodes, allocation, at = asked.question, asked.nodes, asked.allocation, asked.at
    node_id, line = next((n, i) for n in state.tree.caps_w for i in range(3) if phase_name(n, i + 1) == row)
    phases = next(node.phase_sixths for node in nodes if node.node_id == node_id)
    assert phases is not None, "what limits has a limit"
    on_it = {i: dict(loaded_rows(state, claim)).get(row, 0) for i, claim in enumerate(question.claims)}
    shares = {i: _share(question, allocation, i) for i in (at, *on_it) if on_it[i]}
    keys = {connector.key for _, connector, _ in question.parts}
    loads = [
        Load(charger_id, -(-sixths // SIXTHS))
        for charger_id, sixths in uncut_on_phase(state, question, keys, row, line).items()
        if sixths > 0
    ]
    loads.sort(key=lambda load: (-load.power_w, load.charger_id))
    return Binding(
        node_id=row,
        capacity_w=state.tree.phase_caps[row] // SIXTHS,
        booked_w=-(-plan.booked_phases[row] // SIXTHS),
        loads_w=sum(load.power_w for load in loads),
        trimmed_w=-(-trim_w(state, row) // SIXTHS),
        shared_w=phases[line] // SIXTHS,
        sessions=len(shares),
        target_w=sum(share.target_w * on_it[i] for i, share in shares.items()) // SIXTHS,
        shares=tuple(shares.values())[:NAMED_MAX],
        loads=tuple(loads[:NAMED_MAX]),
        more_w=asked.more_w(state, {row: SIXTHS * ONE_KW_W}),
    )


def _held(state: State) -> Held | None:
    """Return what holds the grid connection below its configured capacity; None: nothing does."""
    held = state.held
    if held is None:
        return None
    if state.governed_w is not None and state.governed_w < held.capacity_w:
        return Held(state.governed_w, HeldBy.TARIFF, held.in_force_w)
    return None if held.by is HeldBy.GRID_CAPACITY else held


def _binding_row(state: State, question: Question, nodes: list[Node], allocation: Allocation, at: int) -> str | None:
    """Return the row that is full, or on which a minimum does not fit beside what the others keep there."""
    reason = allocation.limited_by[at]
    if reason in state.tree.caps_w or reason in state.tree.phase_caps:
        return reason
    if reason != LIMITED_BY_NO_ROOM:
        return None
    kept_w = dict.fromkeys((*state.tree.caps_w, *state.tree.phase_caps), 0)
    for i, (charger, _, _) in enumerate(question.parts):
        if i == at:
            continue
        own_w = question.claims[i].min_w if allocation.admitted[i] else question.floors_w[i]
        for node in state.tree.paths[charger.charger_id]:
            kept_w[node] += own_w
        for row, load in loaded_rows(state, question.claims[i]):
            kept_w[row] += load * own_w
    path, least_w = state.tree.paths[question.parts[at][0].charger_id], question.claims[at].min_w
    caps_w = {node.node_id: node.cap_w for node in nodes if node.node_id in path}
    for node, cap_w in caps_w.items():
        if cap_w is not None and cap_w - kept_w[node] < least_w:
            return node
    left = {phase_name(n.node_id, i + 1): cap for n in nodes for i, cap in enumerate(n.phase_sixths or ())}
    loads = loaded_rows(state, question.claims[at])
    return next((row for row, load in loads if left[row] - kept_w[row] < load * least_w), None)


def _capacity_w(state: State, row: str) -> int:
    """Return what a capped row can carry, W: a charger that drains as before, and none above an operator's cap."""
    cap_w = state.tree.caps_w[row]
    caps_w = [cap_w if cap_w is None or row != GRID else cap_w - state.tree.held_w]
    caps_w += [
        cap_w for c in state.chargers.values() if c.charger_id == row for cap_w in (c.config.max_power_w, c.cap_w)
    ]
    return min(cap_w for cap_w in caps_w if cap_w is not None)


def _share(question: Question, allocation: Allocation, at: int) -> Share:
    charger, connector, session = question.parts[at]
    return Share(
        session_id=SessionId(question.claims[at].session_id),
        charger_id=charger.charger_id,
        idx=connector.key.idx,
        limit_w=_limit_w(charger, connector, session),
        target_w=_told_w(question, allocation, at),
        booked_w=charger.connector_booked_w(connector),
        weight=question.claims[at].weight,
    )


def _loads(state: State, question: Question, row: str) -> list[Load]:
    """Return what of a row is not shared, by charger, the greatest first."""
    keys = {connector.key for _, connector, _ in question.parts}
    loads = []
    for charger_id, charger in state.chargers.items():
        if row in state.tree.paths[charger_id]:
            load_w = question.supposed_w.get(charger_id, uncut_w(charger, keys)) + question.missing_w[charger_id]
            if load_w > 0:
                loads.append(Load(charger_id, load_w))
    return sorted(loads, key=lambda load: (-load.power_w, load.charger_id))
