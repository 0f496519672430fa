"""Power to start with: for DC chargers whose cars end the session when they are offered 0 W (LEDGER.md §7).

A transaction begins under the default, and with the default 0 W it would be over before its first limit comes. Where
`needsStartPower` is configured, the default of a connector is raised when a car is plugged in (Preparing), to what a
session there would get, as far as that is free: nobody is cut for it, and not while anybody waits for power. It is one
send of the ledger like any other: booked before it leaves, on every row. A cap that an operator sets meanwhile lowers
it. It stays in force beside the TxProfile of its
transaction, and booked, because a lost one falls back to it; so it is put back when a session is cut below it, once the
TxProfile is in force. Else what the end of a transaction leaves to be said (`aftermath`) puts it back, also when the
car goes without having charged.
"""

from collections.abc import Mapping

from csms.core.aftermath import take_back_start_power
from csms.core.allocator import Claim, Node
from csms.core.charger import ChargerState
from csms.core.commands import LimitForm, Purpose
from csms.core.connector import Connector
from csms.core.errors import check
from csms.core.events import ConnectorStatus
from csms.core.ids import Now
from csms.core.journal import Journal
from csms.core.ladder import Manner, least_w
from csms.core.part import Alarm
from csms.core.phase_booking import booked_on_rows, room_w
from csms.core.planning import (
    Plan,
    allocate_above_floors,
    awaited_defaults_w,
    capped_w,
    head_room_w,
    missing_w,
    nodes_without_fixed,
)
from csms.core.state import State
from csms.core.steering import durable_w, give_limit
from csms.core.timings import Timings


def offer_start_power(state: State, plan: Plan, journal: Journal, now: Now, timings: Timings) -> None:
    """Raise the defaults of connectors at which a car waits that could not start without."""
    for charger in state.chargers.values():
        if not charger.config.needs_start_power:
            continue
        for connector in charger.connectors.values():
            waits = connector.session is None and connector.status is ConnectorStatus.PREPARING
            connector.start_offered = connector.start_offered and waits
            if waits and not connector.start_offered and _may_be_told(charger, connector):
                _offer(state, plan, charger, connector, journal, now, timings)
            elif waits and connector.start_offered and _may_be_told(charger, connector):
                _lower_to_cap(state, charger, connector, journal, now, timings)


def take_back(state: State, plan: Plan, journal: Journal, now: Now, timings: Timings, alarm: Alarm) -> None:
    """Put back the defaults of connectors whose sessions are to be cut below what they began under."""
    for each in plan.steered.values():
        charger, connector, session = each.charger, each.connector, each.session
        if connector.start_w <= max(each.target_w, charger.defaults.power_w) or not plan.cut_is_due(state, each):
            continue
        if connector.limits.has_settled(session.transaction_id, Purpose.TX):
            take_back_start_power(state, charger, connector, journal, now, timings, alarm)


def _may_be_told(charger: ChargerState, connector: Connector) -> bool:
    busy = connector.aftermath.pending is not None or connector.aftermath.clear_due
    sure = connector.provisioned and not connector.evidence.speaks and charger.addressable
    return sure and not busy and not any(send.in_flight or send.unresolved for send in connector.limits.sends)


def _offer(
    state: State,
    plan: Plan,
    charger: ChargerState,
    connector: Connector,
    journal: Journal,
    now: Now,
    timings: Timings,
) -> None:
    path = state.tree.paths[charger.charger_id]
    manner = next((way for way in charger.manners if way.purpose is Purpose.DEFAULT), None)
    if manner is None or not (plan.overbooked | plan.wanted | plan.overdrawn).isdisjoint(
        state.tree.rows[charger.charger_id]
    ):
        return
    rows_w = state.tree.booked_w(state.chargers.values())
    steered = {connector.key, *(each.connector.key for each in plan.steered.values())}
    missing = missing_w(state, awaited_defaults_w(state, now.mono_ms, steered), steered)
    phases = booked_on_rows(state)
    rooms_w = head_room_w(state, rows_w, missing, phases)
    room_w = min((w for node in path if (w := rooms_w[node]) is not None), default=charger.config.max_power_w)
    firm_w = state.tree.firm_room_w(state.chargers.values(), path)
    if firm_w is not None:
        room_w = min(room_w, max(0, firm_w))  # a default does not expire
    free_w = charger.connector_booked_w(connector) + room_w
    target_w = _first_target_w(state, plan, charger, connector, nodes_without_fixed(state, steered, missing))
    told_w = manner.form.round_down(min(target_w, free_w))
    told_w = manner.form.round_down(_free_on_phases_w(state, charger, connector, manner.form, told_w, rooms_w))
    if told_w < _least_w(charger, manner.form) or told_w <= charger.defaults.power_w:
        return
    connector.start_offered = True
    before_w = charger.booked_w()
    give_limit(
        state,
        journal,
        charger,
        connector,
        Manner(Purpose.DEFAULT, manner.form),
        told_w,
        now,
        timings,
        urgent=False,
        cause="power to start with",
        at_once=False,
    )
    added_w = charger.booked_w() - before_w
    for node in path:
        cap_w = state.tree.caps_w[node]
        check(
            cap_w is None or rows_w[node] + added_w <= cap_w,
            f"I1: {told_w} W to start with at {connector.key} do not fit on {node}, capacity {cap_w} W",
        )
    after = booked_on_rows(state)
    for row, cap in state.tree.phase_caps.items():
        check(after[row] <= max(cap, phases[row]), f"I1: {told_w} W to start with do not fit on {row}")


def _free_on_phases_w(
    state: State,
    charger: ChargerState,
    connector: Connector,
    form: LimitForm,
    most_w: int,
    rooms: Mapping[str, int | None],
) -> int:
    """Return how much of a power the phases have room for, W, beside what waits for room there."""
    rows = [row for row, _ in state.tree.phase_paths.get(charger.charger_id, ())]
    full = {row: state.tree.phase_caps[row] - (rooms[row] or 0) for row in rows}
    return room_w(state, full, charger, connector, form, most_w)


def _lower_to_cap(
    state: State, charger: ChargerState, connector: Connector, journal: Journal, now: Now, timings: Timings
) -> None:
    """Say less to a connector at which a car waits, where an operator has set a cap since power was offered to it."""
    last = connector.limits.last
    if last is None:
        return
    fail_safe_w = last.form.round_down(charger.defaults.power_w)
    limit_w = last.form.round_down(_cap_w(charger, connector))
    if limit_w < _least_w(charger, last.form):
        limit_w = fail_safe_w
    limit_w = max(limit_w, fail_safe_w)
    if connector.start_w <= limit_w:
        return
    give_limit(
        state,
        journal,
        charger,
        connector,
        Manner(Purpose.DEFAULT, last.form),
        limit_w,
        now,
        timings,
        urgent=False,
        cause="power to start with: capped since",
        at_once=limit_w <= durable_w(connector, Purpose.DEFAULT, None),
    )


def _cap_w(charger: ChargerState, connector: Connector) -> int:
    """Return what an operator's caps leave to a connector, W; what its neighbours have booked comes first."""
    own_w = capped_w(connector, charger.config.max_power_w)
    if charger.cap_w is None:
        return own_w
    beside_w = charger.sum_w() - charger.connector_booked_w(connector)
    return min(own_w, max(0, charger.cap_w - beside_w))


def _least_w(charger: ChargerState, form: LimitForm) -> int:
    return max(1, charger.config.min_power_w, least_w(charger.config, form))


def _first_target_w(state: State, plan: Plan, charger: ChargerState, connector: Connector, nodes: list[Node]) -> int:
    """Return what a session there that wants all that the charger has would get beside the others, W."""
    config, others = charger.config, plan.steered.values()
    floor_w = charger.defaults.power_w
    least_w = max(config.min_power_w, floor_w)
    most_w = max(floor_w, capped_w(connector, config.max_power_w))
    mine = Claim("", config.charger_id, least_w, most_w, priority=int(floor_w > 0), rank=state.next_rank)
    # A DC charger, so it is on all phases alike, as is what a claim says of itself.
    claims, floors = [*(each.claim for each in others), mine], [*(each.floor_w for each in others), floor_w]
    return allocate_above_floors(state, nodes, claims, floors).alloc_w[-1]
