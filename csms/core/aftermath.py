"""What the end of a transaction leaves to be said to its connector (LEDGER.md §4).

Two kinds of charger need a word after each stop, before what the transaction was told counts as gone:

    steered by TxDefaultProfile    the connector's default is the last limit: the fail-safe power is sent, at once, and
                                   again when another one is in force
    keeps its TxProfiles           ClearChargingProfile(connector, TxProfile), once nothing sent can still be executed

The default does not wait for the answer to a clearing: it is a cut, which an overbooked row may need.

A transaction that was told its limit by TxProfile, then by default because the charger refused TxProfiles, may still
have the older one in force, which prevails: that is cleared while it runs.
Such a charger may also hold what another central system has left: that is cleared before a connector is provisioned,
and where a limit that was accepted is not obeyed.
Whether a make keeps them is found out: after its first stops a charger is asked to clear, and one that says Accepted
had something to clear (OCPP 1.6 §6.14). Until a clearing is answered, rule (c) of the ledger frees nothing at a charger
of a make that is known to keep them. A new transaction on the connector ends all this: its limit replaces what
was there.
"""

from csms.core.charger import ChargerState
from csms.core.commands import ClearLimits, Purpose
from csms.core.connector import Connector, Evidence
from csms.core.events import ConnectorStatus
from csms.core.ids import ConnectionId, Now
from csms.core.journal import Journal
from csms.core.ladder import Manner
from csms.core.limits import Send
from csms.core.part import Alarm
from csms.core.records import SendState
from csms.core.session import Session
from csms.core.state import AftermathCall, State
from csms.core.steering import durable_w, give_limit
from csms.core.timings import Timings

CLEARINGS_TO_GIVE_UP = 3


def clear_what_is_kept(charger: ChargerState) -> None:
    """Have what ended transactions were told cleared at free connectors, now that the make is known to keep it."""
    for connector in charger.connectors.values() if charger.keeps_tx_profile else ():
        told = any(send.purpose is Purpose.TX for send in connector.limits.sends)
        if told and connector.session is None:
            connector.aftermath.clear()


def transaction_ended(charger: ChargerState, connector: Connector, ended: Session) -> None:
    """Note what is to be said now that the connector's transaction has ended."""
    told = [send for send in connector.limits.sends if send.purpose is Purpose.TX]
    connector.aftermath.clear_due = bool(told) and charger.learnt.keeps_tx_profile is not False
    connector.aftermath.installed = any(send.answered_accepted for send in told)
    connector.aftermath.failures = connector.aftermath.retry_ms = 0
    if not connector.evidence.not_obeying:
        connector.evidence = Evidence()
    if ended.detour and not ended.drew and not any(other.detour for other in charger.sessions()):
        charger.provisioning.manner = None


def follow_up(state: State, charger: ChargerState, journal: Journal, now: Now, timings: Timings, alarm: Alarm) -> None:
    """Say what is due at the connectors of a charger: nearly always at free ones."""
    if charger.connection is None or not charger.addressable:
        return
    overbooked = state.is_overbooked(charger.charger_id)
    for connector in charger.connectors.values():
        is_free = connector.session is None and (overbooked or not _starts(connector))
        lower, clear = _what_is_due(charger, connector, now, timings, alarm, is_free=is_free)
        if not (lower or clear) or not alarm.reached(connector.aftermath.retry_ms, now):
            continue
        if lower:
            _say_fail_safe(state, charger, connector, journal, now, timings)
        else:
            _clear(state, charger, connector, charger.connection, journal)


def _what_is_due(
    charger: ChargerState, connector: Connector, now: Now, timings: Timings, alarm: Alarm, *, is_free: bool
) -> tuple[bool, bool]:
    """Return whether the fail-safe power is to be said to a connector, and whether its TxProfiles are to be cleared.

    `is_free`: nothing runs there, nor waits for the power to start with that its default gives it.
    """
    aftermath = connector.aftermath
    if aftermath.pending is not None:
        clears = all(send.token != aftermath.pending for send in connector.limits.sends)
        return clears and is_free and _default_is_wrong(charger, connector, now, timings, alarm), False
    if _is_beneath(charger, connector) and _lost_is_due(charger, connector, now, timings, alarm):
        return True, False
    hides = _hides_our_limit(charger, connector)
    if not (hides or _may_clear(charger, connector)):
        return False, False
    if hides and aftermath.failures < CLEARINGS_TO_GIVE_UP:
        aftermath.clear()
    lower = is_free and _default_is_wrong(charger, connector, now, timings, alarm)
    return lower, aftermath.clear_due and connector.limits.executed(now.mono_ms, timings.late_execution_ms)


def _may_clear(charger: ChargerState, connector: Connector) -> bool:
    """Return whether TxProfiles may go now: in a transaction only those of others, and ours that have no effect."""
    session = connector.session
    if session is None or session.detour:
        return True
    return connector.aftermath.foreign_due and (charger.keeps_tx_profile or connector.evidence.not_obeying)


def _hides_our_limit(charger: ChargerState, connector: Connector) -> bool:
    """Return whether another TxProfile may prevail over what the running transaction is told by its default now.

    One that expires is lower sooner or later: the charger falls to its fail-safe power and stays there.
    """
    session = connector.session
    last = None if session is None else connector.limits.last_of(session.transaction_id)
    if last is None or last.purpose is not Purpose.DEFAULT or last.state is not SendState.SETTLED:
        return False
    profiles = [send for send in connector.limits.sends if send.purpose is Purpose.TX]
    higher = any(send.limit_w > last.limit_w for send in profiles)
    lower = any((send.limit_w < last.limit_w or send.expires) and send.answered_accepted for send in profiles)
    return (higher or lower) and charger.manner.purpose is Purpose.DEFAULT


def _starts(connector: Connector) -> bool:
    """Return whether the default is above the fail-safe power for a car that is about to start."""
    last = connector.limits.last
    waits = connector.start_offered and connector.status is ConnectorStatus.PREPARING
    return waits and last is not None and not last.unresolved


def _default_is_wrong(charger: ChargerState, connector: Connector, now: Now, timings: Timings, alarm: Alarm) -> bool:
    """Return whether a default of this connector may be in force that is not the fail-safe power, and a word helps.

    One below it may prevail over the charger's default, where the fail-safe power was raised since (mode `reserve`).
    What was lost is said again when it can no longer be executed: only a send that leaves then frees it (rule b).
    """
    sends = [send for send in connector.limits.sends if send.purpose is Purpose.DEFAULT]
    if not sends:
        return False
    last = sends[-1]
    if last.limit_w != _fail_safe_w(charger, last) or last.unresolved:
        return True
    return last.state is SendState.SETTLED and _lost_is_due(charger, connector, now, timings, alarm)


def _is_beneath(charger: ChargerState, connector: Connector) -> bool:
    """Return whether the connector's default has no effect now: its transaction has a limit of its own above it."""
    session = connector.session
    own = session is not None and connector.limits.has_settled(session.transaction_id, Purpose.TX)
    return own and charger.manner.purpose is Purpose.TX


def _lost_is_due(charger: ChargerState, connector: Connector, now: Now, timings: Timings, alarm: Alarm) -> bool:
    """Return whether a lost default above the fail-safe power stays booked until the fail-safe power is said again."""
    sends = [send for send in connector.limits.sends if send.purpose is Purpose.DEFAULT]
    if not sends:
        return False
    fail_safe_w = _fail_safe_w(charger, sends[-1])
    lost = [s.lost_ms + timings.late_execution_ms for s in sends if s.limit_w > fail_safe_w and s.lost_ms is not None]
    for harmless_ms in lost:
        if harmless_ms > now.mono_ms:
            alarm.at(harmless_ms)
    return any(sends[-1].sent_ms < harmless_ms <= now.mono_ms for harmless_ms in lost)


def _fail_safe_w(charger: ChargerState, last: Send) -> int:
    """Return the fail-safe power of a charger in the form of the connector's last default, W.

    A lower one counts once it is Accepted: whether its other cars follow does not matter here.
    """
    settled, newest = charger.defaults.settled, charger.defaults.accepted
    if settled is None or newest is None:
        return 0
    return last.form.round_down(min(settled.limit_w, newest.limit_w))


def take_back_start_power(
    state: State,
    charger: ChargerState,
    connector: Connector,
    journal: Journal,
    now: Now,
    timings: Timings,
    alarm: Alarm,
) -> None:
    """Say the fail-safe power to a connector whose transaction has a limit of its own, below what it began under."""
    aftermath = connector.aftermath
    if aftermath.pending is not None or not charger.addressable:
        return
    if not _default_is_wrong(charger, connector, now, timings, alarm):
        return
    if alarm.reached(aftermath.retry_ms, now):
        _say_fail_safe(state, charger, connector, journal, now, timings)


def _say_fail_safe(
    state: State, charger: ChargerState, connector: Connector, journal: Journal, now: Now, timings: Timings
) -> None:
    last = next(send for send in reversed(connector.limits.sends) if send.purpose is Purpose.DEFAULT)
    limit_w = _fail_safe_w(charger, last)
    send = give_limit(
        state,
        journal,
        charger,
        connector,
        Manner(Purpose.DEFAULT, last.form),
        limit_w,
        now,
        timings,
        urgent=limit_w < last.limit_w and state.is_overbooked(charger.charger_id),
        cause="fail-safe after the end of a transaction"
        if connector.session is None
        else "fail-safe: it began under more",
        at_once=limit_w <= durable_w(connector, Purpose.DEFAULT, None),
        as_default=True,
    )
    connector.aftermath.pending = send.token


def _clear(
    state: State, charger: ChargerState, connector: Connector, connection: ConnectionId, journal: Journal
) -> None:
    token = state.take_token()
    urgent = connector.evidence.not_obeying and state.is_overbooked(charger.charger_id)
    command = ClearLimits(token, connection, charger.charger_id, connector.key.idx, None, Purpose.TX, urgent)
    connector.aftermath.pending = token
    state.calls[token] = AftermathCall(charger.charger_id, connection, connector.key.idx)
    journal.after_commit.append(command)
