"""Carrying out the provisioning agenda, one CALL at a time (LEDGER.md §4; the agenda itself: `provisioning`).

A charger that never said anything gets one TriggerMessage(BootNotification) and nothing else. Everything here waits for
the limits of running sessions: the peer sends those first.
"""

from csms.core.charger import ChargerState
from csms.core.commands import Call, ClearLimits, Purpose, ReadConfiguration, Trigger
from csms.core.ids import ConnectionId, Now, Token
from csms.core.journal import Journal
from csms.core.ladder import OUR_LEVEL, Manner, attempts, likeliest_attempt
from csms.core.provisioning import LIMIT_KEYS, places
from csms.core.state import AgendaCall, Errand, State
from csms.core.steering import Alarm, give_limit
from csms.core.tenths import ask_about_tenths
from csms.core.timings import Timings


def work_off(state: State, charger: ChargerState, journal: Journal, now: Now, timings: Timings, alarm: Alarm) -> None:
    """Send the next CALL of a charger's agenda, if one is due."""
    connection, agenda = charger.connection, charger.provisioning
    if connection is None or agenda.pending is not None:
        return
    if charger.boot is None and not agenda.boot_asked:
        silent_until_ms = charger.connected_ms + timings.boot_trigger_ms
        if now.mono_ms >= silent_until_ms:
            agenda.boot_asked = True
            _trigger(state, charger, journal, connection, "BootNotification", Errand.ASK_BOOT)
            return
        alarm.at(silent_until_ms)
    if not charger.heard:
        return
    wait_ms = max(agenda.not_before_ms, charger.refusing_until_ms or 0)
    if now.mono_ms < wait_ms:
        if _anything_due(charger):
            alarm.at(wait_ms)
        return
    if _next(state, charger, journal, now, connection):
        _at_leisure(state, charger, journal, now, timings, alarm, connection)


def _anything_due(charger: ChargerState) -> bool:
    agenda = charger.provisioning
    return agenda.default_due or agenda.read_due or not agenda.cleared or not agenda.statuses_asked


def _next(state: State, charger: ChargerState, journal: Journal, now: Now, connection: ConnectionId) -> bool:
    """Send the first thing of the agenda that is still to be done; return whether there was none."""
    agenda = charger.provisioning
    if agenda.read_due and not charger.configuration:
        _read(state, charger, journal, connection)
    elif agenda.default_due:
        _say_default(state, charger, journal, now)
    elif not agenda.cleared:
        _clear(state, charger, journal, connection)
    elif agenda.read_due:
        _read(state, charger, journal, connection)
    else:
        return True
    return False


def _at_leisure(
    state: State,
    charger: ChargerState,
    journal: Journal,
    now: Now,
    timings: Timings,
    alarm: Alarm,
    connection: ConnectionId,
) -> None:
    """Ask what is good to know once everything else is done: statuses that were not told, tenths of an ampere."""
    if not charger.provisioning.statuses_asked:
        told_until_ms = charger.connected_ms + timings.status_trigger_ms
        if now.mono_ms < told_until_ms:
            alarm.at(told_until_ms)
            return
        _ask_statuses(state, charger, journal, connection)
    if charger.provisioning.pending is None:
        ask_about_tenths(state, charger, journal, now)


def _ask_statuses(state: State, charger: ChargerState, journal: Journal, connection: ConnectionId) -> None:
    """Ask for the statuses that were not told on this connection: what the store remembers may be old."""
    charger.provisioning.statuses_asked = True
    if any(c.status is None or c.status_ms < charger.connected_ms for c in charger.connectors.values()):
        _trigger(state, charger, journal, connection, "StatusNotification", Errand.ASK_STATUSES)


def _say_default(state: State, charger: ChargerState, journal: Journal, now: Now) -> None:
    """Send our TxDefaultProfile: 0 W, or the least that this charger accepts."""
    agenda = charger.provisioning
    ways = attempts(charger.config, charger.configuration)
    here = likeliest_attempt(ways, agenda.way, charger.learnt.default_form)
    order = [*ways[here:], *ways[:here]]
    way = next(way for way in order if _fits(state, charger, way.limit_w))  # 0 W fits always
    agenda.way = way
    send = give_limit(
        state,
        journal,
        charger,
        None,
        Manner(Purpose.DEFAULT, way.form),
        way.limit_w,
        now,
        urgent=False,
        cause="fail-safe default",
        at_once=False,
    )
    agenda.pending = send.token


def _fits(state: State, charger: ChargerState, default_w: int) -> bool:
    """Return whether a default above the present one has room on every row: it is a raise of every idle connector.

    Where it has none the next way to say it is tried. Once nothing is certain about the charger's profiles (15 s after
    a boot), its maximum is booked, and the same send is a cut.
    """
    known = [c for c in charger.connectors.values() if c.provisioned]
    added_w = sum(max(0, default_w - charger.connector_booked_w(connector)) for connector in known)
    if added_w == 0:
        return True
    booked_w = state.tree.booked_w(state.chargers.values())
    path = state.tree.paths[charger.charger_id]
    return all((cap_w := state.tree.caps_w[n]) is None or booked_w[n] + added_w <= cap_w for n in path)


def _clear(state: State, charger: ChargerState, journal: Journal, connection: ConnectionId) -> None:
    """Clear the next place at which a foreign default may stand."""
    agenda = charger.provisioning
    if agenda.to_clear is None:
        settled = charger.defaults.settled
        ours = OUR_LEVEL if settled is None else settled.form.stack_level
        agenda.to_clear = places(charger.config, charger.configuration, ours)
    place = agenda.to_clear[-1]
    token = state.take_token()
    command = ClearLimits(token, connection, charger.charger_id, place.idx, place.stack_level)
    _call(state, charger, journal, command, Errand.CLEAR_PLACE)


def _read(state: State, charger: ChargerState, journal: Journal, connection: ConnectionId) -> None:
    token = state.take_token()
    command = ReadConfiguration(token, connection, charger.charger_id, LIMIT_KEYS)
    _call(state, charger, journal, command, Errand.READ_KEYS)


def _trigger(
    state: State, charger: ChargerState, journal: Journal, connection: ConnectionId, requested: str, errand: Errand
) -> None:
    token: Token = state.take_token()
    _call(state, charger, journal, Trigger(token, connection, charger.charger_id, requested, None), errand)


def _call(state: State, charger: ChargerState, journal: Journal, command: Call, errand: Errand) -> None:
    charger.provisioning.pending = command.token
    state.calls[command.token] = AgendaCall(charger.charger_id, command.connection, errand)
    journal.after_commit.append(command)
