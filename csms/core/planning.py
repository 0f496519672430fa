"""Planning: from what is booked now to what every session should have, and what may be given at once (LEDGER.md §2).

Theory of operation. Loads that cannot be cut now are constants on all their rows. What is left is allocated to the
sessions that can be steered: that is the target T of each. Then power that is *free today* is handed out: the same
filling, started at what is booked (K), up to T, within the head room of every row: that is the grant G. A session with
T < K has to give power up before anybody else can have it; a session with G > K may be raised now.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from csms.core.allocator import (
    LIMITED_BY_BELOW_MINIMUM,
    LIMITED_BY_NO_ROOM,
    LIMITED_BY_VEHICLE,
    Allocation,
    Claim,
    Node,
    allocate,
    fill_headroom,
)
from csms.core.caps import LIMITED_BY_CAP
from csms.core.charger import ChargerState
from csms.core.conditional import (
    Firm,
    Part,
    firm_claim,
    firm_shares,
    is_conditional,
    is_unseen,
    least_to_see_w,
    trusted,
    within_firm,
)
from csms.core.connector import Connector
from csms.core.demand import dead_band_w
from csms.core.fail_safe import added_w, awaited_default_w
from csms.core.ids import ChargerId, ConnectorKey, SessionId
from csms.core.ladder import least_w
from csms.core.phase_booking import booked_on_rows, booked_phases, loads_of_session, worth
from csms.core.phase_rows import phase_name
from csms.core.phases import load_of
from csms.core.records import Driver
from csms.core.session import Session
from csms.core.state import State
from csms.core.station import GRID, Lines
from csms.core.terms import PRIORITY_MAX
from csms.core.timings import Timings
from csms.core.units import floor_kw_w


@dataclass(frozen=True, slots=True)
class Steered:
    """One session of the plan, powers W.

    Attributes:
        floor_w: F, what cannot be taken from it: the settled default, and its least where it cannot be paused.
        target_w: T, rounded to what can be told.
        booked_w: K of its connector.
        grant_w: G, rounded to what can be told; equals K when nothing may be given now.
        least_told_w: its least, rounded to what can be told: chargers that take amperes may be told a little less.
        firm: what is left of all that when limits have expired; None where no row of the station has conditional power.
        shows: it is to be told more than is firm, to show that it expires.
    """

    session: Session
    charger: ChargerState
    connector: Connector
    claim: Claim
    floor_w: int
    booked_w: int
    target_w: int
    grant_w: int
    least_told_w: int
    limited_by: str
    firm: Firm | None = None
    shows: bool = False

    @property
    def part(self) -> Part:
        """Return who takes part."""
        return self.charger, self.connector, self.session

    @property
    def above_firm_w(self) -> int:
        """Return how much more is booked for it firmly than its share of the firm capacity, W."""
        return 0 if self.firm is None else max(0, self.firm.booked_w - self.firm.target_w)

    @property
    def above_cap(self) -> bool:
        """Return whether more is booked for it, or for its charger, than an operator's cap leaves."""
        cap_w, charger_cap_w = self.connector.cap_w, self.charger.cap_w
        over = cap_w is not None and self.booked_w > cap_w
        return over or (charger_cap_w is not None and self.charger.sum_w() > charger_cap_w)

    @property
    def short(self) -> bool:
        """Return whether it waits for power that others have: by its dead band, or paused, or below its minimum.

        A parked car that is asked again waits for nothing while what is free is enough: others keep what they have.
        """
        has_w = self.grant_w if self.session.parking.is_offered else self.booked_w
        missing_w = self.target_w - has_w
        if missing_w <= 0:
            return False
        starved = self.booked_w == 0 or self.booked_w < self.claim.min_w
        return starved or missing_w >= dead_band_w(self.charger.config, self.target_w)


@dataclass(frozen=True, slots=True)
class Plan:
    """Targets and grants of one instant.

    Attributes:
        steered: the sessions that take part, in order of arrival.
        overbooked: rows whose Σ K is above their capacity.
        wanted: rows under which some session is short.
        overdrawn: rows on which more is booked than their capacity less what is taken off them (`trim_w`).
        lent: rows on which more is booked than they have without a battery: that may have to give the rest.
        firm_booked_w: what is booked on rows with conditional power when all limits that expire have.
        firm_wanted: whether somebody waits there for a share of what is firm.
        firm_overbooked: whether more is booked there firmly than there is.
        booked_phases: Σ K on the rows of phases, sixths of a watt.
    """

    steered: dict[SessionId, Steered]
    booked_w: dict[str, int]
    overbooked: frozenset[str]
    wanted: frozenset[str]
    overdrawn: frozenset[str]
    lent: frozenset[str] = frozenset()
    firm_booked_w: Mapping[str, int] = field(default_factory=dict)
    firm_wanted: bool = False
    firm_overbooked: bool = False
    booked_phases: Mapping[str, int] = field(default_factory=dict)

    def cut_is_due(self, state: State, steered: Steered) -> bool:
        """Return whether a session has to give up power now, not only when it is convenient."""
        if steered.above_cap or (self.is_to_give_firm(steered) and not is_conditional(steered.part)):
            return True
        path = set(state.tree.rows[steered.charger.charger_id])
        return not path.isdisjoint(self.overbooked | self.wanted | self.overdrawn | self.lent)

    def is_to_give_firm(self, steered: Steered) -> bool:
        """Return whether a session has to give back what is booked for it firmly beyond its share."""
        above_w = steered.above_firm_w
        if self.firm_overbooked or not self.firm_wanted or steered.firm is None:
            return self.firm_overbooked and above_w > 0
        return above_w >= dead_band_w(steered.charger.config, steered.firm.target_w)

    def cut_is_a_trim(self, state: State, steered: Steered) -> bool:
        """Return whether a session is cut because one of its rows is overdrawn, and for nothing else."""
        path = set(state.tree.rows[steered.charger.charger_id])
        return path.isdisjoint(self.overbooked | self.wanted) and not path.isdisjoint(self.overdrawn)

    def cut_is_urgent(self, state: State, steered: Steered) -> bool:
        """Return whether one of its rows is overbooked."""
        return not self.overbooked.isdisjoint(state.tree.rows[steered.charger.charger_id])


@dataclass(frozen=True, slots=True)
class Question:
    """What the allocator is asked at one instant: who takes part, and beside what; each in the order of `parts`.

    Attributes:
        floors_w: what each keeps although it is not admitted.
        missing_w: what the fail-safe power that waits for room adds at each charger.
        supposed_w: loads to be counted instead of the true ones.
        firm: what the same question is answered with on the firm capacities; None where all of them are.
    """

    parts: tuple[tuple[ChargerState, Connector, Session], ...]
    claims: list[Claim]
    floors_w: list[int]
    missing_w: Mapping[ChargerId, int]
    supposed_w: Mapping[ChargerId, int] = field(default_factory=dict)
    firm: Allocation | None = None

    def nodes(self, state: State, more_w: Mapping[str, int] | None = None) -> list[Node]:
        """Return the rows with what they have for those who take part; `more_w`: as if some could carry more."""
        keys = {connector.key for _, connector, _ in self.parts}
        return nodes_without_fixed(state, keys, self.missing_w, self.supposed_w, more_w)

    def answer(self, state: State, nodes: list[Node]) -> Allocation:
        """Return who gets how much on these rows; who may have its firm share alone is limited by what limits that."""
        allocation = allocate_above_floors(state, nodes, self.claims, self.floors_w)
        if self.firm is None:
            return allocation
        words = zip(self.parts, allocation.limited_by, self.firm.limited_by, strict=True)
        limited_by = (firmly if _is_held_firm(part, word, firmly) else word for part, word, firmly in words)
        return replace(allocation, limited_by=tuple(limited_by))

    def is_held_firm(self, state: State, at: int, allocation: Allocation) -> bool:
        """Return whether one of those who take part would have more if its limits were seen to expire."""
        if self.firm is None or allocation.alloc_w[at] < self.firm.alloc_w[at]:
            return False
        word = self.firm.limited_by[at]
        is_row = word in state.tree.firm_w or word == LIMITED_BY_NO_ROOM
        return is_row and _is_held_firm(self.parts[at], LIMITED_BY_VEHICLE, word)


def _is_held_firm(part: tuple[ChargerState, Connector, Session], limited_by: str, firmly: str) -> bool:
    """Return whether a session has no more because of what limits its share of the firm capacity, `firmly`."""
    own = {LIMITED_BY_VEHICLE, LIMITED_BY_BELOW_MINIMUM}
    return limited_by in own and firmly not in own and not is_conditional(part)


def rest_can_be_cut(session: Session, now_ms: int, timings: Timings) -> bool:
    """Return whether a REST-driven session's client still calls, so that it can be told a lower power."""
    return session.driver is Driver.REST and now_ms - session.heard_ms <= timings.rest_silent_ms


def make_plan(state: State, now_ms: int, timings: Timings) -> Plan:
    """Return the plan for the state as it is at `now_ms` (monotonic)."""
    question = question_of(state, now_ms, timings)
    parts, claims, floors, missing = question.parts, question.claims, question.floors_w, question.missing_w
    tells = [tells_of(charger, session) for charger, _, session in parts]
    allocation = question.answer(state, question.nodes(state))
    targets = [
        max(floor_w, tellable_w(target_w))
        for tellable_w, floor_w, target_w in zip(tells, floors, allocation.alloc_w, strict=True)
    ]
    booked = [charger.connector_booked_w(connector) for charger, connector, _ in parts]
    rows_w = state.tree.booked_w(state.chargers.values())
    phases = booked_on_rows(state)
    rooms_w = head_room_w(state, rows_w, missing, phases)
    grants = list(_grants(state, claims, booked, targets, rooms_w))
    firms = _firm_sides(state, question)
    shows = None if question.firm is None else _hold_firm(state, question, booked, firms, grants)
    for i, wide_w in _spread(state, question, booked, targets, grants, rooms_w).items():
        grants[i] = wide_w
    steered = {}
    for i, (charger, connector, session) in enumerate(parts):
        steered[session.session_id] = Steered(
            session,
            charger,
            connector,
            claims[i],
            floors[i],
            booked[i],
            targets[i],
            max(booked[i], tells[i](grants[i])),
            tells[i](claims[i].min_w),
            reason_of(charger, connector, session, claims[i], allocation.limited_by[i]),
            firms[i],
            shows=i == shows,
        )
    wanted = _wanted(state, steered.values(), missing)
    firm_booked_w = state.tree.firm_booked_w(state.chargers.values())
    return Plan(
        steered,
        rows_w,
        overbooked_rows(state, rows_w, phases),
        wanted,
        _overdrawn(state, rows_w, phases),
        _lent(state, rows_w),
        firm_booked_w,
        _firm_wanted(steered.values()),
        any(power_w > state.tree.firm_w[node] for node, power_w in firm_booked_w.items()),
        phases,
    )


def _hold_firm(
    state: State, question: Question, booked: Sequence[int], firms: Sequence[Firm | None], grants: list[int]
) -> int | None:
    """Hold the grants of those whose limits were not seen to expire within what is firm; return who is to show it now.

    That one, if there is one, is granted the least with which it can.
    """
    parts, claims = question.parts, question.claims
    firmly = [_firmly_w(*each) for each in zip(claims, booked, firms, strict=True)]
    enough = [least_to_see_w(*each) for each in zip(parts, claims, strict=True)]
    beyond = [0 if sure >= least else grant for grant, sure, least in zip(grants, firmly, enough, strict=True)]
    shows = trusted(state, parts, claims, beyond)
    for i, part in enumerate(parts):
        if not is_conditional(part) or is_unseen(part):
            grants[i] = min(grants[i], max(firmly[i], enough[i]) if i == shows else firmly[i])
    return shows


def _firmly_w(claim: Claim, booked_w: int, firm: Firm | None) -> int:
    """Return what may be booked now, W, for a session that can have firm power alone: its least whole or not at all."""
    return booked_w if firm is None or firm.grant_w < claim.min_w else max(booked_w, firm.grant_w)


def _firm_sides(state: State, question: Question) -> Sequence[Firm | None]:
    """Return the firm side of each session; None for all where no row has conditional power."""
    if question.firm is None:
        return [None] * len(question.parts)
    taken_w = {node: trim_w(state, node) for node in state.tree.firm_w}
    if GRID in taken_w:
        taken_w[GRID] -= _withheld_elsewhere_w(state)
    for charger_id, power_w in question.missing_w.items():
        for node in state.tree.paths[charger_id]:
            if node in taken_w:
                taken_w[node] += power_w
    return firm_shares(state, question.parts, question.claims, question.firm, taken_w)


def _lent(state: State, booked_w: Mapping[str, int]) -> frozenset[str]:
    """Return the rows on which more is booked than they have without a battery."""
    is_lent = state.tree.caps_w[GRID] is not None and booked_w[GRID] > state.tree.without_battery_w
    return frozenset({GRID} if state.tree.firm_w and is_lent else ())


def _firm_wanted(steered: Iterable[Steered]) -> bool:
    """Return whether somebody waits for a share of what is firm by its dead band."""
    short = (each for each in steered if each.firm is not None and each.firm.booked_w < each.firm.target_w)
    return any(
        each.firm.target_w - each.firm.booked_w >= dead_band_w(each.charger.config, each.firm.target_w)
        for each in short
        if each.firm is not None
    )


def question_of(state: State, now_ms: int, timings: Timings, more_w: Mapping[str, int] | None = None) -> Question:
    """Return what the allocator is asked about all that can be steered now; `more_w`: as if some rows carried more.

    Its nodes are then to be asked for with the same; here it is for the shares of what is firm.
    """
    parts = tuple(participants(state, now_ms, timings))
    keys = {connector.key for _, connector, _ in parts}
    awaited_w = awaited_defaults_w(state, now_ms, keys)
    claims = [claim_of(*part, floor_of_w(part[0], part[1], awaited_w[part[0].charger_id])) for part in parts]
    floors = [kept_w(charger, connector, awaited_w[charger.charger_id]) for charger, connector, _ in parts]
    claims = with_loads(state, parts, claims)
    missing = missing_w(state, awaited_w, keys)
    if not state.tree.firm_w:
        return Question(parts, claims, floors, missing)
    firm = _on_firm_rows(state, Question(parts, claims, floors, missing), more_w)
    shares = zip(parts, claims, firm.alloc_w, strict=True)
    within = [within_firm(part, claim, firm_w, now_ms) for part, claim, firm_w in shares]
    return Question(parts, within, floors, missing, firm=firm)


def _withheld_elsewhere_w(state: State) -> int:
    """Return what of the power that a capacity tariff withholds is not firm anyhow, W."""
    return min(state.withheld_w, state.tree.metered_w + state.tree.timed_w)


def _on_firm_rows(state: State, question: Question, more_w: Mapping[str, int] | None) -> Allocation:
    """Return who gets how much where nothing is conditional."""
    claims = [firm_claim(part, claim) for part, claim in zip(question.parts, question.claims, strict=True)]
    return replace(question, claims=claims).answer(state, firm_nodes(state, question, more_w))


def firm_nodes(state: State, question: Question, more_w: Mapping[str, int] | None = None) -> list[Node]:
    """Return the rows with what they have firmly, beside what is left of all else when all limits that expire have.

    `more_w`: what some rows are supposed to carry beyond that; of what is conditional nothing is firm.
    """
    keys = {connector.key for _, connector, _ in question.parts}
    left_w = {
        charger_id: min(charger.max_booked_w, charger.firm_load_w(keys))
        for charger_id, charger in state.chargers.items()
    }
    # That is about what is not firm. What a battery may be taking that nobody can end is a load beside the firm shares.
    cap_w = state.tree.caps_w[GRID]
    granted_w = 0 if cap_w is None else cap_w - state.tree.without_battery_w
    beside_w = {row: each_w for row, each_w in (more_w or {}).items() if row not in state.tree.firm_w}
    beside_w[GRID] = min(state.tree.held_w, granted_w) + _withheld_elsewhere_w(state)
    return nodes_without_fixed(state, keys, question.missing_w, left_w, beside_w, state.tree.firm_w)


def participants(state: State, now_ms: int, timings: Timings) -> Iterable[tuple[ChargerState, Connector, Session]]:
    """Yield what can be steered now, in order of arrival."""
    for session in state.sessions.values():
        charger = state.chargers.get(session.key.charger_id)
        connector = None if charger is None else charger.connectors.get(session.key.idx)
        if charger is None or connector is None or connector.session is not session:
            continue  # history, maybe of a charger or connector that is not configured
        if charger.steerable(connector) is session or rest_can_be_cut(session, now_ms, timings):
            yield charger, connector, session


def awaited_defaults_w(state: State, now_ms: int, steered: set[ConnectorKey]) -> dict[ChargerId, int]:
    """Return the fail-safe power that each charger waits for room for, W per connector; 0 where there is none.

    None where it finds no room although every session were down to its floor: nobody is kept waiting for that.
    """
    awaited_w = {charger.charger_id: awaited_default_w(charger, now_ms) for charger in state.chargers.values()}
    if not any(awaited_w.values()):
        return awaited_w
    left_w = {node: cap_w for node, cap_w in state.tree.caps_w.items() if cap_w is not None}
    left_w.update(state.tree.phase_caps)
    kept = {charger.charger_id: _kept_w(charger, 0, steered) for charger in state.chargers.values()}
    for charger in state.chargers.values():
        load_w = min(charger.max_booked_w, charger.load_w(steered) + kept[charger.charger_id])
        _take(left_w, state.tree.paths[charger.charger_id], load_w)
        phase_rows = state.tree.phase_paths.get(charger.charger_id, ())
        amounts = booked_phases(charger, steered) if phase_rows else (0, 0, 0)
        for row, line in phase_rows:
            left_w[row] -= amounts[line] + kept[charger.charger_id] * default_load(charger)
    for charger in state.chargers.values():
        charger_id, path = charger.charger_id, state.tree.paths[charger.charger_id]
        default_w = awaited_w[charger_id]
        more_w = added_w(charger, default_w, steered) + _kept_w(charger, default_w, steered) - kept[charger_id]
        load, rows = default_load(charger), [row for row, _ in state.tree.phase_paths.get(charger_id, ())]
        has_phases = all(left_w[row] >= more_w * load for row in rows)
        if has_phases and all(left_w[node] >= more_w for node in path if node in left_w):
            _take(left_w, path, more_w)
            _take(left_w, rows, more_w * load)
        else:
            awaited_w[charger_id] = 0
    return awaited_w


def missing_w(state: State, awaited_w: Mapping[ChargerId, int], steered: set[ConnectorKey]) -> dict[ChargerId, int]:
    """Return what the fail-safe power that waits for room adds at each charger beside the steered connectors, W."""
    return {
        charger_id: added_w(charger, awaited_w[charger_id], steered) for charger_id, charger in state.chargers.items()
    }


def _take(left_w: dict[str, int], path: Iterable[str], power_w: int) -> None:
    for node in path:
        if node in left_w:
            left_w[node] -= power_w


def floor_of_w(charger: ChargerState, connector: Connector, awaited_w: int) -> int:
    """Return the least that a session can have, W: the fail-safe power, and the least where 0 is no limit.

    `awaited_w`: the fail-safe power that waits for room at its charger.
    """
    default_w = _default_w(charger, connector, awaited_w)
    return default_w if charger.pauses else max(default_w, _least_w(charger))


def kept_w(charger: ChargerState, connector: Connector, awaited_w: int) -> int:
    """Return what cannot be taken from a session, W: one that waits for its least keeps nothing from the others."""
    floor_w = floor_of_w(charger, connector, awaited_w)
    return floor_w if charger.connector_booked_w(connector) >= floor_w else _default_w(charger, connector, awaited_w)


def _kept_w(charger: ChargerState, awaited_w: int, steered: set[ConnectorKey]) -> int:
    return sum(kept_w(charger, c, awaited_w) for c in charger.connectors.values() if c.key in steered)


def _default_w(charger: ChargerState, connector: Connector, awaited_w: int) -> int:
    """Return the fail-safe power that is in force at a connector, or waits to be, W."""
    settled = charger.defaults.settled
    said_w = 0 if settled is None else settled.limit_w
    return max(said_w, awaited_w) if connector.provisioned else said_w


def _least_w(charger: ChargerState) -> int:
    return charger.manner.form.round_down(least_w(charger.config, charger.manner.form))


def claim_of(charger: ChargerState, connector: Connector, session: Session, floor_w: int) -> Claim:
    """Return what the session may ask of the allocator: min = max(min, F), max = max(E, F)."""
    least_w, most_w = floor_w, max(session.max_w, floor_w)
    if session.driver is Driver.OCPP and session.max_w > 0:
        least_w = max(least_w, charger.config.min_power_w)
        if session.demand.declared_w >= least_w:  # an estimate below the minimum still holds the minimum
            most_w = max(most_w, least_w)
    most_w = max(floor_w, capped_w(connector, most_w))
    weight, priority = session.standing_at(charger.config)
    if floor_w > 0:  # what cannot be paused is admitted before all: power that it does not let go is nobody else's
        priority += PRIORITY_MAX + 1
    return Claim(session.session_id, connector.key.charger_id, least_w, most_w, weight, priority, session.place)


def with_loads(
    state: State, parts: Iterable[tuple[ChargerState, Connector, Session]], claims: list[Claim]
) -> list[Claim]:
    """Return the claims with what they are on each phase, where any phase has a limit.

    What is shared fairly is the power that flows.
    """
    if not state.tree.phase_caps:
        return claims
    parts = tuple(parts)
    claims = [replace(claim, loads=loads_of_session(state, *part)) for part, claim in zip(parts, claims, strict=True)]
    # A car on one of three phases draws a third of its limit: of three times as much, as much as others.
    worths = [worth(charger, connector) for charger, connector, _ in parts]
    if len(set(worths)) > 1:
        claims = [replace(claim, weight=claim.weight * each) for claim, each in zip(claims, worths, strict=True)]
    return claims


def loaded_rows(state: State, claim: Claim) -> Iterable[tuple[str, int]]:
    """Yield the rows of phases that a claim loads, each with what 1 W of it is there, sixths of a watt."""
    for row, line in state.tree.phase_paths.get(ChargerId(claim.node), ()):
        if claim.loads[line]:
            yield row, claim.loads[line]


def capped_w(connector: Connector, power_w: int) -> int:
    """Return what the operator's cap leaves of a power at a connector, W."""
    return power_w if connector.cap_w is None else min(power_w, connector.cap_w)


def reason_of(charger: ChargerState, connector: Connector, session: Session, claim: Claim, limited_by: str) -> str:
    """Return what limits a session: the operator's cap where that is why its row, or its own maximum, is so small."""
    cap_w, charger_cap_w = connector.cap_w, charger.cap_w
    if limited_by in {LIMITED_BY_VEHICLE, LIMITED_BY_BELOW_MINIMUM}:
        return LIMITED_BY_CAP if cap_w is not None and cap_w < session.max_w else limited_by
    if charger_cap_w is None or charger_cap_w >= charger.config.max_power_w:
        return limited_by
    too_low = limited_by == LIMITED_BY_NO_ROOM and charger_cap_w < claim.min_w
    return LIMITED_BY_CAP if too_low or limited_by == charger.charger_id else limited_by


def allocate_above_floors(state: State, nodes: list[Node], claims: list[Claim], floors_w: list[int]) -> Allocation:
    """Return the allocation in which a session that is not admitted still takes its floor from all others."""
    allocation = allocate(nodes, claims)
    taken_w = dict.fromkeys((*state.tree.caps_w, *state.tree.phase_caps), 0)
    stuck = dict.fromkeys(range(len(claims)), False)
    while news := [i for i, runs in enumerate(allocation.admitted) if not (runs or stuck[i]) and floors_w[i] > 0]:
        for i in news:
            stuck[i] = True
            for node_id in state.tree.paths[ChargerId(claims[i].node)]:
                taken_w[node_id] += floors_w[i]
            for row, load in loaded_rows(state, claims[i]):
                taken_w[row] += load * floors_w[i]
        left = [
            replace(
                node,
                cap_w=None if node.cap_w is None else max(0, node.cap_w - taken_w[node.node_id]),
                phase_sixths=_phases_left(node, node.phase_sixths, taken_w),
            )
            for node in nodes
        ]
        allocation = allocate(left, [replace(c, max_w=0) if stuck[i] else c for i, c in enumerate(claims)])
    reasons = [LIMITED_BY_NO_ROOM if stuck[i] else reason for i, reason in enumerate(allocation.limited_by)]
    return replace(allocation, limited_by=tuple(reasons))


def nodes_without_fixed(
    state: State,
    steered: set[ConnectorKey],
    missing_w: Mapping[ChargerId, int],
    supposed_w: Mapping[ChargerId, int] | None = None,
    more_w: Mapping[str, int] | None = None,
    instead_w: Mapping[str, int] | None = None,
) -> list[Node]:
    """Return the rows less what they are trimmed by, the loads that cannot be cut now and the missing fail-safe power.

    The root also less what targets do not count on of it. What drains claims no more than it could before, and what an
    operator has capped no more than that. `supposed_w`: loads to be counted instead of the true ones; `more_w`: what
    some rows are supposed to carry beyond that; `instead_w`: what some have instead of their capacities.
    """
    supposed_w, more_w = supposed_w or {}, more_w or {}
    fixed_w = {node: trim_w(state, node) for node in state.tree.caps_w}
    fixed_w[GRID] += state.tree.held_w
    caps_w = {**state.tree.caps_w, **(instead_w or {})}
    for charger in state.chargers.values():
        if charger.draining:
            caps_w[charger.charger_id] = charger.config.max_power_w
        if charger.cap_w is not None:
            own_w = caps_w[charger.charger_id]
            caps_w[charger.charger_id] = charger.cap_w if own_w is None else min(own_w, charger.cap_w)
        load_w = supposed_w.get(charger.charger_id, uncut_w(charger, steered)) + missing_w[charger.charger_id]
        for node in state.tree.paths[charger.charger_id]:
            fixed_w[node] += load_w
    left_w = {
        node: None if cap_w is None else max(0, cap_w + more_w.get(node, 0) - fixed_w[node])
        for node, cap_w in caps_w.items()
    }
    if not state.tree.phase_caps:
        return [Node(node.node_id, node.parent, left_w[node.node_id]) for node in state.tree.nodes]
    fixed = _fixed_phases(state, steered, missing_w, supposed_w)
    for row, more in more_w.items():
        fixed[row] = fixed.get(row, 0) - more
    return [
        Node(node.node_id, node.parent, left_w[node.node_id], phase_sixths=_phases_left(node, node.phase_sixths, fixed))
        for node in state.tree.nodes
    ]


def _fixed_phases(
    state: State, steered: set[ConnectorKey], missing_w: Mapping[ChargerId, int], supposed_w: Mapping[ChargerId, int]
) -> dict[str, int]:
    """Return what of the rows of phases cannot be cut now, with the missing fail-safe power, sixths of a watt."""
    fixed = {row: trim_w(state, row) for row in state.tree.phase_caps}
    for charger in state.chargers.values():
        charger_id = charger.charger_id
        amounts = uncut_phases(charger, steered, missing_w[charger_id], supposed_w.get(charger_id))
        for row, line in state.tree.phase_paths[charger_id]:
            fixed[row] += amounts[line]
    return fixed


def uncut_phases(
    charger: ChargerState, steered: set[ConnectorKey], missing_w: int, supposed_w: int | None = None
) -> Lines:
    """Return what of a charger cannot be cut now on each phase, with its missing fail-safe power, sixths of a watt."""
    load = default_load(charger)
    amounts = booked_phases(charger, steered) if supposed_w is None else (load * supposed_w,) * 3
    on_l1, on_l2, on_l3 = [amount + load * missing_w for amount in amounts]
    return on_l1, on_l2, on_l3


def uncut_on_phase(
    state: State, question: Question, steered: set[ConnectorKey], row: str, line: int
) -> dict[ChargerId, int]:
    """Return what of the row of a phase, 0 to 2, cannot be cut now, by charger, sixths of a watt."""
    return {
        charger_id: uncut_phases(charger, steered, question.missing_w[charger_id], question.supposed_w.get(charger_id))[
            line
        ]
        for charger_id, charger in state.chargers.items()
        if (row, line) in state.tree.phase_paths[charger_id]
    }


def default_load(charger: ChargerState) -> int:
    """Return what 1 W of a charger's default is on each of its phases, sixths of a watt."""
    settled = charger.defaults.settled
    return load_of(charger.config, None if settled is None else settled.form, None)


def _phases_left(node: Node, phases: Lines | None, taken: Mapping[str, int]) -> Lines | None:
    """Return what is left of the phases of a node, where they have limits."""
    if phases is None:
        return None
    on_l1, on_l2, on_l3 = [max(0, cap - taken[phase_name(node.node_id, line + 1)]) for line, cap in enumerate(phases)]
    return on_l1, on_l2, on_l3


def uncut_w(charger: ChargerState, steered: set[ConnectorKey]) -> int:
    """Return what is booked for a charger and cannot be cut now, W."""
    return min(charger.max_booked_w, charger.load_w(steered))


def tells_of(charger: ChargerState, session: Session) -> Callable[[int], int]:
    """Return how a power is rounded down to what this charger, or this client, can be told."""
    if session.driver is Driver.REST:
        return floor_kw_w
    return charger.manner.form.round_down


def head_room_w(
    state: State, booked_w: Mapping[str, int], missing_w: Mapping[ChargerId, int], booked_phases: Mapping[str, int]
) -> dict[str, int | None]:
    """Return what may still be given under every row, less what it is trimmed by and the missing fail-safe power.

    On rows of phases that is sixths of a watt.

    Not more at a charger than its operator's cap leaves. Nothing at one that may be two, and nothing under the rows of
    one that asserts its profiles.
    """
    taken_w = {node: power_w + trim_w(state, node) for node, power_w in booked_w.items()}
    for charger_id, power_w in missing_w.items():
        for node in state.tree.paths[charger_id]:
            taken_w[node] += power_w
    room_w = {
        node: None if cap_w is None else max(0, cap_w - taken_w[node]) for node, cap_w in state.tree.caps_w.items()
    }
    room_w |= _phase_rooms(state, missing_w, booked_phases)
    for charger in state.chargers.values():
        most_w = charger.config.max_power_w if charger.cap_w is None else min(charger.config.max_power_w, charger.cap_w)
        own_w = max(0, most_w - charger.sum_w() - missing_w[charger.charger_id])
        known_w = room_w[charger.charger_id]
        room_w[charger.charger_id] = own_w if known_w is None else min(known_w, own_w)
        if charger.identity.in_conflict:
            room_w[charger.charger_id] = 0
        if charger.asserting_ms is not None:
            room_w.update(dict.fromkeys(state.tree.rows[charger.charger_id], 0))
    return room_w


def _phase_rooms(state: State, missing_w: Mapping[ChargerId, int], booked_phases: Mapping[str, int]) -> dict[str, int]:
    taken = {row: booked + trim_w(state, row) for row, booked in booked_phases.items()}
    for charger_id, charger in state.chargers.items() if taken else ():
        for row, _ in state.tree.phase_paths[charger_id]:
            taken[row] += missing_w[charger_id] * default_load(charger)
    return {row: max(0, cap - taken[row]) for row, cap in state.tree.phase_caps.items()}


def _grants(
    state: State, claims: list[Claim], booked: list[int], targets: list[int], room_w: dict[str, int | None]
) -> tuple[int, ...]:
    """Return G of every claim.

    A waiting minimum is given whole or not at all; what the first one that does not fit needs is kept free for it.
    """
    base = list(booked)
    upper = list(targets)
    reserved = False
    order = sorted(range(len(claims)), key=lambda i: (-claims[i].priority, claims[i].rank))
    for i in order:
        claim = claims[i]
        need_w = claim.min_w - booked[i]
        if need_w <= 0 or targets[i] < claim.min_w:
            continue
        path = state.tree.paths[state.sessions[SessionId(claim.session_id)].key.charger_id]
        loads = dict.fromkeys(path, 1) | dict(loaded_rows(state, claim))
        rooms = {node: room for node in loads if (room := room_w[node]) is not None}
        fits = all(room >= need_w * loads[node] for node, room in rooms.items())
        if fits:
            base[i] = claim.min_w
        else:
            upper[i] = booked[i]
        if fits or not reserved:
            room_w.update({node: max(0, room - need_w * loads[node]) for node, room in rooms.items()})
            reserved = reserved or not fits
    filled = fill_headroom(state.tree.nodes, claims, base, upper, room_w)
    for claim, before_w, after_w in zip(claims, base, filled, strict=True):
        path = state.tree.paths[ChargerId(claim.node)]
        for node, load in (dict.fromkeys(path, 1) | dict(loaded_rows(state, claim))).items():
            room = room_w[node]
            room_w[node] = None if room is None else room - load * (after_w - before_w)
    return filled


def _spread(
    state: State,
    question: Question,
    booked: Sequence[int],
    targets: Sequence[int],
    grants: Sequence[int],
    room_w: Mapping[str, int | None],
) -> dict[int, int]:
    """Return who may be told more than its target of what is left in `room_w`, and how much, W (ALLOCATOR.md §5, 5).

    Cars over OCPP that draw all that they may: nobody knows how much more they could take, so they may take what they
    have declared. To tell the others would cost limits, and they would draw no more. By a dead band at least, nothing
    where somebody waits, and nothing beside a battery, which takes what no car needs. What is spread is taken back
    when somebody is short, as all above a target is (lazy reclaim).
    """
    if state.station.battery is not None or state.is_safe_mode:
        return {}
    parts, claims = question.parts, question.claims
    powers = zip(targets, grants, booked, strict=True)
    waits = [min(grant_w, booked_w) < target_w for target_w, grant_w, booked_w in powers]
    waiting = [ChargerId(claim.node) for claim, is_waiting in zip(claims, waits, strict=True) if is_waiting]
    waiting += [charger_id for charger_id, power_w in question.missing_w.items() if power_w]
    short = Counter(row for charger_id in waiting for row in state.tree.rows[charger_id])
    upper = list(grants)
    for i, (charger, connector, session) in enumerate(parts):
        is_firm = question.firm is not None and (not is_conditional(parts[i]) or is_unseen(parts[i]))
        if session.driver is not Driver.OCPP or not session.demand.saturated or is_firm or session.parking.is_parked:
            continue
        is_alone = all(short[row] == waits[i] for row in state.tree.rows[charger.charger_id])
        if 0 < targets[i] <= grants[i] and is_alone:
            upper[i] = max(upper[i], capped_w(connector, session.demand.declared_w))
    if upper == list(grants):
        return {}
    wide = fill_headroom(state.tree.nodes, claims, grants, upper, room_w)
    return {
        i: wide_w
        for i, (wide_w, grant_w) in enumerate(zip(wide, grants, strict=True))
        if wide_w > grant_w and wide_w - max(grant_w, booked[i]) >= dead_band_w(parts[i][0].config, wide_w)
    }


def overbooked_rows(state: State, booked_w: Mapping[str, int], booked_phases: Mapping[str, int]) -> frozenset[str]:
    """Return the rows on which more is booked than they can carry."""
    rows = {node for node, cap_w in state.tree.caps_w.items() if cap_w is not None and booked_w[node] > cap_w}
    return frozenset(rows | {row for row, cap in state.tree.phase_caps.items() if booked_phases[row] > cap})


def _overdrawn(state: State, booked_w: Mapping[str, int], booked_phases: Mapping[str, int]) -> frozenset[str]:
    """Return the rows on which more is booked than targets count on, be it a battery that is running short."""
    booked, caps = {**booked_w, **booked_phases}, {**state.tree.caps_w, **state.tree.phase_caps}
    off_w = {row: trim_w(state, row) for row in (*state.trims, GRID)}
    off_w[GRID] += max(0, state.tree.held_w)
    trimmed = ((row, caps.get(row), less_w) for row, less_w in off_w.items() if less_w > 0)
    return frozenset(row for row, cap, less_w in trimmed if cap is not None and booked[row] > cap - less_w)


def trim_w(state: State, node: str) -> int:
    """Return what is taken off a row for targets and raises, W; of a phase sixths of a watt.

    Because its sessions draw more than is booked for them, and for the capacity tariff (`csms.core.governing`).
    """
    trim = state.trims.get(node)
    trimmed_w = 0 if trim is None else trim.power_w
    return trimmed_w + state.withheld_w if node == GRID else trimmed_w


def _wanted(state: State, steered: Iterable[Steered], missing_w: Mapping[ChargerId, int]) -> frozenset[str]:
    """Return the capped rows above sessions that are short and above defaults that wait for room."""
    waiting = {each.charger.charger_id for each in steered if each.short}
    waiting |= {charger_id for charger_id, power_w in missing_w.items() if power_w}
    rows = {node for charger_id in waiting for node in state.tree.rows[charger_id]}
    return frozenset(node for node in rows if state.tree.caps_w.get(node) is not None or node in state.tree.phase_caps)
