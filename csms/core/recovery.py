"""Rebuilding the state from what was durable (LEDGER.md §1, I7): the same is booked, or more.

Every charger is offline, every unanswered send counts as aborted at this moment, and all timers restart. The fleet of
connections announces itself again through `ChargerConnected`.
"""

from dataclasses import replace

from csms.core.capabilities import KEYS, OTHER_KEYS
from csms.core.charger import ChargerState, new_charger
from csms.core.commanding import restore as restore_command
from csms.core.commands import Purpose
from csms.core.connector import Connector
from csms.core.errors import InvariantError
from csms.core.ids import ConnectorKey, Now
from csms.core.ladder import OUR_LEVEL, Attempt, fail_safe_w
from csms.core.learnt import MAKES_MAX
from csms.core.limits import restore as restore_send
from csms.core.metering import new_base_load
from csms.core.records import ChargerStored, SendStored, SessionStored, Snapshot
from csms.core.release import steered
from csms.core.releasing import resume as resume_releases
from csms.core.session import Phase
from csms.core.session import restore as restore_session
from csms.core.settings import Answer, restored
from csms.core.state import State
from csms.core.station import Charger
from csms.core.tariff import Governor
from csms.core.timings import LAW, Timings
from csms.core.tree import build_tree


def rebuild(snapshot: Snapshot, now: Now, timings: Timings = LAW) -> State:
    """Return the state that a snapshot with a configuration tells of."""
    station = snapshot.station
    if station is None:
        raise InvariantError("a station has a configuration before its loop starts")
    rows = {row.charger_id: row for row in snapshot.chargers}
    configured: list[Charger] = list(station.chargers)
    known = {config.charger_id for config in configured}
    draining = [r.draining for r in snapshot.chargers if r.draining is not None and r.charger_id not in known]
    chargers: dict[str, ChargerState] = {}
    for config in [*configured, *draining]:
        row = rows.get(config.charger_id)
        seen = config if row is None else steered(config, row.release)
        chargers[config.charger_id] = _charger(seen, row, now)
        chargers[config.charger_id].draining = config.charger_id not in known
    state = State(
        makes={row.make: replace(row.learnt) for row in snapshot.makes},
        station=station,
        tree=build_tree(station, chargers.values()),
        chargers={charger.charger_id: charger for charger in chargers.values()},
        next_transaction_id=snapshot.counters.next_transaction_id,
        next_token=snapshot.counters.next_token,
        next_rank=snapshot.counters.next_rank,
        maintained={charger.charger_id for charger in chargers.values() if charger.maintenance},
        capacity_events={event.event_id: event for event in snapshot.capacity_events},
        governor=Governor(snapshot.peak),
        base_load=new_base_load(station, now),
    )
    for send_row in sorted(snapshot.sends, key=lambda s: s.token):
        _add_send(state, send_row, now)
    for session_row in sorted(snapshot.sessions, key=lambda s: s.rank):
        _add_session(state, session_row, now)
    for charger in state.chargers.values():
        _take_make(state, charger)
        _resume_agenda(charger, now)
        for connector in charger.connectors.values():
            _distrust_orphaned(connector)
            _clear_again(charger, connector)
    for command in sorted(snapshot.commands, key=lambda c: (c.asked_ms, c.command_id)):
        restore_command(state, command, now, timings)
    for campaign in sorted(snapshot.campaigns, key=lambda c: (c.asked_ms, c.campaign_id)):
        state.campaigns[campaign.campaign_id] = campaign
    resume_releases(state, now.mono_ms, timings.late_execution_ms)
    return state


def _charger(config: Charger, row: ChargerStored | None, now: Now) -> ChargerState:
    """Return one charger as it was remembered."""
    charger = new_charger(config)
    if row is None:
        return charger
    charger.max_booked_w = max(row.max_booked_w, config.max_power_w)
    charger.uncontrolled_booked_w = max(row.uncontrolled_booked_w, config.uncontrolled_power_w)
    charger.ever_connected, charger.boot, charger.release = row.ever_connected, row.boot, row.release
    charger.certificate_request = row.certificate_request
    charger.cleared_foreign = row.cleared_foreign
    charger.away_ms = now.mono_ms
    charger.settings = restored(row.configuration, now.mono_ms)
    for position, provisioned in enumerate(row.provisioned):
        idx = position + 1
        if idx > config.connectors and idx not in row.statuses:
            continue  # a gap: connectors that went with a configuration, below one whose session stayed
        connector = charger.connectors.setdefault(idx, Connector(ConnectorKey(config.charger_id, idx)))
        connector.provisioned = provisioned
        connector.aftermath.foreign_due = not provisioned
        connector.status = row.statuses.get(idx)
        connector.status_ms = now.mono_ms - 1  # older than what connects again, be it within this millisecond
        connector.freed_ms = now.mono_ms
        if config.is_observed:
            connector.distrust()
    charger.maintenance = dict(row.maintenance)
    for idx, found in row.evidence.items():
        if idx in charger.connectors:
            evidence = charger.connectors[idx].evidence
            evidence.measured_w, evidence.not_obeying = found.measured_w, found.not_obeying
            charger.connectors[idx].containment.out_of_service = found.out_of_service
            charger.connectors[idx].closed = found.closed
    return charger


def _add_send(state: State, row: SendStored, now: Now) -> None:
    """Put a send back where it is booked; without its charger it has nowhere to be in force."""
    charger = state.chargers.get(row.charger_id)
    if charger is None:
        return
    send = restore_send(row, now.mono_ms)
    if row.idx == 0:
        charger.defaults.sends.append(send)
        return
    connector = charger.connectors.setdefault(row.idx, Connector(ConnectorKey(row.charger_id, row.idx)))
    connector.limits.sends.append(send)


def _add_session(state: State, row: SessionStored, now: Now) -> None:
    """Put an open session back on its connector, or among the historic ones."""
    session = restore_session(row, now.mono_ms)
    state.sessions[session.session_id] = session
    charger = state.chargers.get(row.charger_id)
    if session.phase is not Phase.HISTORIC and charger is not None:
        charger.connectors.setdefault(row.idx, Connector(session.key)).session = session
    if session.transaction_id is not None:
        state.transactions[session.transaction_id] = session
        state.starts[session.start_key.identity] = session.known(session.transaction_id)


def _take_make(state: State, charger: ChargerState) -> None:
    """Give a charger what its make has shown."""
    make = None if charger.boot is None else charger.boot.make
    if make is not None and (make in state.makes or len(state.makes) < MAKES_MAX):
        charger.learnt = state.makes.setdefault(make, charger.learnt)


def _clear_again(charger: ChargerState, connector: Connector) -> None:
    """Have the profiles of ended transactions cleared where they are kept: no answer has survived."""
    running = None if connector.session is None else connector.session.transaction_id
    orphaned = [s for s in connector.limits.sends if s.purpose is Purpose.TX and s.ends_with != running]
    connector.aftermath.clear_due = bool(orphaned) and charger.keeps_tx_profile and running is None


def _resume_agenda(charger: ChargerState, now: Now) -> None:
    """Take up the provisioning agenda where the remembered charger stands.

    The default is said once more: the charger may have booted, and lost it, just before we went. What was being cleared
    is not known: every stack level but that of the default counts as cleared by a CALL that was lost now. Where none is
    known to be in force, that is the level of the one said last: its answer may not have been kept.
    """
    agenda, settled = charger.provisioning, charger.defaults.settled
    agenda.reading.left = _unread(charger)
    agenda.reading.first = not charger.settings.values
    newest = settled or next(reversed(charger.defaults.sends), None)
    if newest is None:
        return
    others = {OUR_LEVEL, OUR_LEVEL + 1} - {newest.form.stack_level}
    agenda.lost_clearings = dict.fromkeys(others, now.mono_ms)
    if settled is None:
        return
    said = Attempt(settled.form, settled.limit_w)
    another = said._replace(limit_w=fail_safe_w(charger.config, settled.form))
    agenda.way = said if said in charger.default_ways else another  # it may have been configured just before we went
    agenda.proven = settled.form
    agenda.level = settled.form.stack_level
    if any(connector.provisioned for connector in charger.connectors.values()):
        agenda.to_clear = []


def _unread(charger: ChargerState) -> list[str]:
    """Return the keys to ask for: all when hardly any is known, else those that we had just written."""
    settings = charger.settings
    if not any(key in settings.values for key in OTHER_KEYS):
        return list(KEYS)
    return [key for key, change in settings.changes.items() if change.answer is Answer.OPEN and change.tries > 0]


def _distrust_orphaned(connector: Connector) -> None:
    """Keep what was Accepted for a transaction that has ended: the ledger held it, it may be in force for another."""
    running = None if connector.session is None else connector.session.transaction_id
    for send in connector.limits.sends:
        ended = send.purpose is Purpose.TX and send.ends_with != running
        send.outlives_its_own = ended and send.answered_accepted
