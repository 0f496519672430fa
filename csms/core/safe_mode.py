"""Safe mode (LEDGER.md §7): what is done while the ordinary plan cannot be trusted.

Theory of operation. Invariants of the ordinary path have been broken three times in a minute, so some number in it is
wrong. This path shares neither the allocator nor the filling with it, nor the choice of what to send, only the sending
itself; and it knows one thing: every
session that can be steered gets an equal share of what its rows have left beside the loads that cannot be cut, or what
is booked for it if that is less. So nothing is ever raised, whatever else is wrong; a new car waits. A share too small
to charge with is 0, or what cannot be taken away. Each is sent until it is settled.

Facts are taken in, limits settle and power is freed as always. Provisioning, clearing and the fail-safe after a
transaction wait for the end of safe mode: all of them free power at best.
"""

from csms.core.charger import ChargerState
from csms.core.connector import Connector
from csms.core.errors import check
from csms.core.fail_safe import awaited_default_w
from csms.core.ids import ConnectorKey, Now, SessionId
from csms.core.journal import Journal
from csms.core.part import Alarm
from csms.core.phase_booking import booked_on_rows, booked_phases, loads_of_session, room_w
from csms.core.planning import Plan, Steered, claim_of, floor_of_w, overbooked_rows, participants, tells_of
from csms.core.records import Driver
from csms.core.session import Session
from csms.core.state import State
from csms.core.station import GRID
from csms.core.steering import durable_w, expires_s, give_limit, is_to_be_renewed, last_send, outlives_a_lost_send
from csms.core.timings import Timings

LIMITED_BY_SAFE_MODE = "safe_mode"
CAUSE = "safe mode: an equal share, never a raise"


def make_safe_plan(state: State, now_ms: int, timings: Timings) -> Plan:
    """Return a plan whose targets are equal shares and whose grants are what is booked already."""
    parts = list(participants(state, now_ms, timings))
    shares_w = _shares_w(state, parts)
    steered: dict[SessionId, Steered] = {}
    for charger, connector, session in parts:
        floor_w = floor_of_w(charger, connector, awaited_default_w(charger, now_ms))
        claim = claim_of(charger, connector, session, floor_w)
        booked_w = charger.connector_booked_w(connector)
        tellable_w = tells_of(charger, session)
        share_w = tellable_w(min(shares_w[connector.key], booked_w))
        useful_w = share_w if share_w >= claim.min_w else 0
        target_w = min(booked_w, max(floor_w, useful_w))
        steered[session.session_id] = Steered(
            session,
            charger,
            connector,
            claim,
            floor_w,
            booked_w,
            target_w,
            booked_w,
            tellable_w(claim.min_w),
            LIMITED_BY_SAFE_MODE,
        )
    rows_w = state.tree.booked_w(state.chargers.values())
    phases = booked_on_rows(state)
    overbooked = overbooked_rows(state, rows_w, phases)
    return Plan(steered, rows_w, overbooked, wanted=frozenset(), overdrawn=frozenset(), booked_phases=phases)


def _shares_w(state: State, parts: list[tuple[ChargerState, Connector, Session]]) -> dict[ConnectorKey, int]:
    """Return the smallest equal share that a row above each session has for it, W."""
    keys = {connector.key for _, connector, _ in parts}
    left_w = {node: cap_w for node, cap_w in state.tree.caps_w.items() if cap_w is not None}
    for charger in state.chargers.values():
        load_w = min(charger.max_booked_w, charger.load_w(keys))
        for node in state.tree.paths[charger.charger_id]:
            if node in left_w:
                left_w[node] -= load_w
    if GRID in left_w:
        left_w[GRID] -= state.tree.held_w  # a battery may be taking that, and nobody can end it
    left_w.update(_left_of_phases(state, keys))
    sharing = dict.fromkeys(left_w, 0)
    for charger, _, _ in parts:
        for node in state.tree.paths[charger.charger_id]:
            if node in sharing:
                sharing[node] += 1
    loads = {part[1].key: loads_of_session(state, *part) for part in parts}
    for charger, connector, _ in parts:
        for row, line in state.tree.phase_paths.get(charger.charger_id, ()):
            sharing[row] += loads[connector.key][line]
    return {
        connector.key: min(
            (max(0, left_w[n]) // sharing[n] for n in state.tree.rows[charger.charger_id] if sharing.get(n)),
            default=charger.config.max_power_w,
        )
        for charger, connector, _ in parts
    }


def _left_of_phases(state: State, steered: set[ConnectorKey]) -> dict[str, int]:
    """Return what of the rows of phases is not booked for what cannot be cut, sixths of a watt."""
    left = dict(state.tree.phase_caps)
    for charger in state.chargers.values() if left else ():
        amounts = booked_phases(charger, steered)
        for row, line in state.tree.phase_paths[charger.charger_id]:
            left[row] -= amounts[line]
    return left


def send_cuts(state: State, plan: Plan, journal: Journal, now: Now, timings: Timings, alarm: Alarm) -> None:
    """Tell every session its target, and again until it is settled; no row is fuller afterwards."""
    for each in plan.steered.values():
        if each.session.driver is Driver.OCPP and _is_due(state, each, now, timings, alarm):
            _send(state, each, journal, now, timings)
    booked_w = state.tree.booked_w(state.chargers.values())
    for node, before_w in plan.booked_w.items():
        check(booked_w[node] <= before_w, f"safe mode books {booked_w[node]} W on {node}, {before_w} W before")
    booked = booked_on_rows(state)
    for row, before in plan.booked_phases.items():
        most = max(before, state.tree.phase_caps[row])  # the same watts in another form may be more on a phase
        check(booked[row] <= most, f"safe mode books {booked[row]} sixths of a watt on {row}, {most} may be")


def _is_due(state: State, each: Steered, now: Now, timings: Timings, alarm: Alarm) -> bool:
    last, steering = last_send(each), each.session.steering
    if last is None:
        return each.target_w < each.booked_w
    if last.in_flight:
        return False
    if last.unresolved:
        return alarm.reached(steering.retry_ms, now)
    lower = each.target_w < last.limit_w
    if lower or steering.reassert or is_to_be_renewed(last, expires_s(state, now), now, alarm):
        return True
    return outlives_a_lost_send(each, last, now, timings, alarm)


def _send(state: State, each: Steered, journal: Journal, now: Now, timings: Timings) -> None:
    session, charger, connector = each.session, each.charger, each.connector
    last = last_send(each)
    told_w = each.target_w if last is None else min(each.target_w, last.limit_w)
    if charger.unknown_default and not connector.provisioned:
        # What is booked for all of it may be less than the maximum of this connector (`reservedPower`).
        told_w = min(told_w, connector.limits.power_w)
    form, booked = charger.manner.form, booked_on_rows(state)
    limit_w = form.round_down(room_w(state, booked, charger, connector, form, form.round_down(told_w)))
    at_once = limit_w <= durable_w(connector, charger.manner.purpose, session.transaction_id)
    give_limit(
        state,
        journal,
        charger,
        connector,
        charger.manner,
        limit_w,
        now,
        timings,
        urgent=True,
        cause=CAUSE,
        at_once=at_once,
    )
    session.steering.reassert = False
    if session.answered_w != limit_w:
        session.answered_w = limit_w
        session.demand.limit_changed(now.mono_ms, timings)
        journal.write_session(session)
