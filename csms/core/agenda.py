"""Carrying out the provisioning agenda, one CALL at a time (LEDGER.md §4; the agenda itself: `provisioning`).

A charger that never said anything gets one TriggerMessage(BootNotification) and nothing else; one that has booted here
before and says nothing on a new connection is asked for its statuses after a minute. Everything here waits for the
limits of running sessions: the peer sends those first.
"""

from csms.core.charger import ChargerState
from csms.core.commands import Call, ChangeConfiguration, ClearLimits, Purpose, ReadConfiguration, Trigger
from csms.core.connector import MEANING, Connector
from csms.core.expiry import ask_about_expiry
from csms.core.fail_safe import default_fits
from csms.core.ids import ConnectionId, Now, Token
from csms.core.journal import Journal
from csms.core.ladder import OUR_LEVEL, Manner, fail_safe_w, likeliest_attempt
from csms.core.part import Alarm
from csms.core.provisioning import places
from csms.core.records import Driver
from csms.core.state import AgendaCall, Errand, State
from csms.core.steering import give_limit
from csms.core.tenths import ask_about_tenths
from csms.core.timings import Timings


def work_off(state: State, charger: ChargerState, journal: Journal, now: Now, timings: Timings, alarm: Alarm) -> None:
    """Send the next CALL of a charger's agenda, if one is due."""
    connection, agenda = charger.connection, charger.provisioning
    if charger.settings.stale and not agenda.reading.left:
        charger.settings.renew(charger.learnt.unsupported_measurands)
    if connection is None or agenda.pending is not None or charger.identity.in_conflict:
        return
    asks_boot = charger.boot is None and not agenda.boot_asked
    if asks_boot and alarm.reached(charger.connected_ms + timings.boot_trigger_ms, now):
        agenda.boot_asked = True
        _trigger(state, charger, journal, connection, "BootNotification", Errand.ASK_BOOT)
        return
    if not charger.heard:
        if charger.boot is not None and alarm.reached(charger.connected_ms + timings.silent_known_ms, now):
            _ask_statuses(state, charger, journal, now, timings, alarm, connection)
        return
    wait_ms = max(agenda.not_before_ms, charger.refusing_until_ms or 0)
    if now.mono_ms < wait_ms:
        if _anything_due(charger):
            alarm.at(wait_ms)
        return
    if agenda.unclearable_ms is not None and not agenda.cleared and not charger.is_left_alone:
        alarm.at(max(agenda.unclearable_ms, now.mono_ms + 1))
    if _next(state, charger, journal, now, timings, alarm, connection):
        _when_quiet(state, charger, journal, now, timings, alarm)


def _anything_due(charger: ChargerState) -> bool:
    agenda = charger.provisioning
    unfinished = agenda.default_due or not agenda.cleared or agenda.statuses.at_ms is None
    return unfinished or bool(agenda.reading.left) or bool(charger.settings.wishes)


def _next(
    state: State,
    charger: ChargerState,
    journal: Journal,
    now: Now,
    timings: Timings,
    alarm: Alarm,
    connection: ConnectionId,
) -> bool:
    """Send the first thing of the agenda that is still to be done; return whether there was none."""
    agenda, may_write = charger.provisioning, not charger.is_left_alone
    may_read = agenda.reading.due(now.mono_ms)
    if may_read and agenda.reading.before_limits:
        _read(state, charger, journal, connection)
    elif may_write and agenda.default_due:
        _say_default(state, charger, journal, now, timings, alarm)
    elif may_write and not agenda.cleared and now.mono_ms >= (agenda.unclearable_ms or 0):
        _clear(state, charger, journal, now, timings, connection)
    elif may_read:
        _read(state, charger, journal, connection)
    else:
        return True
    return False


def _when_quiet(
    state: State, charger: ChargerState, journal: Journal, now: Now, timings: Timings, alarm: Alarm
) -> None:
    """Go on with what is done when nothing of the agenda is due: statuses, then settings that should be others."""
    agenda, connection = charger.provisioning, charger.connection
    if connection is not None and not _ask_statuses(state, charger, journal, now, timings, alarm, connection):
        return
    if agenda.pending is None and agenda.reading.left:
        alarm.at(agenda.reading.held_until_ms)
    elif agenda.pending is None:
        _tune(state, charger, journal, now, timings, alarm)
    if agenda.pending is None:
        ask_about_tenths(state, charger, journal, now, timings)
    if agenda.pending is None:
        ask_about_expiry(state, charger, journal)


def _ask_statuses(
    state: State,
    charger: ChargerState,
    journal: Journal,
    now: Now,
    timings: Timings,
    alarm: Alarm,
    connection: ConnectionId,
) -> bool:
    """Ask for statuses if the last word on some connector is missing; return whether the agenda may go on.

    A charger tells them by itself when it connects and after each transaction. Missing is what was not told on this
    connection (what the store remembers may be old), and what has power flow without a transaction: the word of its end
    may be lost; and everything of a charger that has said nothing at all. That is asked for again and again, less and
    less often.
    """
    asked, pauses_ms = charger.provisioning.statuses, timings.status_again_ms
    missing = [c for c in charger.connectors.values() if not charger.heard or _is_missing(charger, c)]
    if not missing and asked.at_ms is not None:
        asked.times = 0
        return True
    told_ms = max((max(c.freed_ms, c.status_ms) for c in missing), default=0)
    due_ms = max(charger.connected_ms, told_ms) + timings.status_trigger_ms
    if asked.times:
        due_ms = max(due_ms, (asked.at_ms or 0) + pauses_ms[min(asked.times, len(pauses_ms)) - 1])
    if not alarm.reached(due_ms, now):
        return asked.at_ms is not None
    asked.at_ms = now.mono_ms
    if missing and not asked.refused:
        asked.times += 1
        _trigger(state, charger, journal, connection, "StatusNotification", Errand.ASK_STATUSES)
    return True


def _is_missing(charger: ChargerState, connector: Connector) -> bool:
    if connector.status is None or connector.status_ms < charger.connected_ms:
        return not charger.lacks(connector)
    return MEANING[connector.status].power_may_flow and connector.session is None


def _say_default(
    state: State, charger: ChargerState, journal: Journal, now: Now, timings: Timings, alarm: Alarm
) -> None:
    """Send our TxDefaultProfile: the configured fail-safe power if it has room, 0 W, or the least that is accepted.

    What has no room is not waited for: the next way is said, in the form that is known to be right first.
    """
    agenda = charger.provisioning
    ways = charger.default_ways
    here = likeliest_attempt(ways, agenda.way, charger.learnt.default_form, pauses=charger.pauses)
    order = [*ways[here:], *ways[:here]]
    if ways[here].limit_w == fail_safe_w(charger.config, ways[here].form):
        order.sort(key=lambda way: way.form != ways[here].form)
    # A clearing that was lost would take a default at its level with it; 0 W fits always.
    unsafe = {
        s: ms for s, at_ms in agenda.lost_clearings.items() if (ms := at_ms + timings.late_execution_ms) > now.mono_ms
    }
    order.sort(key=lambda way: way.form.stack_level in unsafe)
    way = next(way for way in order if default_fits(state, charger, way.limit_w, way.form))
    if way.form.stack_level in unsafe:  # it keeps no other level
        agenda.retry_ms = unsafe[way.form.stack_level]
        alarm.at(agenda.retry_ms)
        return
    agenda.way = way
    send = give_limit(
        state,
        journal,
        charger,
        None,
        Manner(Purpose.DEFAULT, way.form),
        way.limit_w,
        now,
        timings,
        urgent=way.limit_w < charger.defaults.power_w and state.is_overbooked(charger.charger_id),
        cause="fail-safe default",
        at_once=False,
    )
    agenda.pending = send.token


def _clear(
    state: State, charger: ChargerState, journal: Journal, now: Now, timings: Timings, connection: ConnectionId
) -> None:
    """Clear the next place at which a foreign default may stand."""
    agenda = charger.provisioning
    if agenda.to_clear is None:
        standing = charger.defaults.accepted
        agenda.level = ours = OUR_LEVEL if standing is None else standing.form.stack_level
        agenda.to_clear = places(charger.config, charger.settings.capabilities, ours)
    place = agenda.to_clear[-1]
    token = state.take_token()
    command = ClearLimits(token, connection, charger.charger_id, place.idx, place.stack_level)
    books = [c.limits for idx, c in charger.connectors.items() if place.idx in {None, idx}]
    if place.idx is None:
        agenda.clearings[place.stack_level] = token
        books.append(charger.defaults)
    cleared = (book.executed_at(place.stack_level, now.mono_ms, timings.late_execution_ms) for book in books)
    clears = frozenset[Token]().union(*cleared)
    _call(state, charger, journal, command, Errand.CLEAR_PLACE, clears)


def _read(state: State, charger: ChargerState, journal: Journal, connection: ConnectionId) -> None:
    token = state.take_token()
    keys = charger.provisioning.reading.request(charger.settings.capabilities.keys_max)
    command = ReadConfiguration(token, connection, charger.charger_id, keys)
    _call(state, charger, journal, command, Errand.READ_KEYS)


def _tune(state: State, charger: ChargerState, journal: Journal, now: Now, timings: Timings, alarm: Alarm) -> None:
    """Change the next setting that should be another, when nothing more important waits for the charger's answers."""
    settings, connection = charger.settings, charger.connection
    allowed = charger.config.is_tuned and not charger.draining and not charger.is_left_alone
    if not settings.wishes or not allowed or connection is None:
        return
    due = {wish: settings.due_ms(wish, timings.rewrite_ms) for wish in settings.wishes}
    wish = min(due, key=lambda each: due[each])
    due_ms = max(due[wish], settings.disturbed_ms + timings.undisturbed_ms)
    if alarm.reached(due_ms, now) and not _limits_wait(charger):
        name = settings.write(wish, now.mono_ms)
        charger.provisioning.reading.again([wish.key])
        token = state.take_token()
        command = ChangeConfiguration(token, connection, charger.charger_id, wish.key, name, wish.wanted)
        journal.log("setting.written", charger.charger_id, None, key=name, before=wish.present, value=wish.wanted)
        journal.chargers.add(charger.charger_id)
        _call(state, charger, journal, command, Errand.WRITE_KEY)


def _limits_wait(charger: ChargerState) -> bool:
    """Return whether the limit of a running transaction is on its way, or about to be."""
    for connector in charger.connectors.values():
        session, last = connector.session, connector.limits.last
        if session is None or session.driver is not Driver.OCPP:
            continue
        if not session.planned or session.steering.reassert or (last is None and session.target_w > 0):
            return True
        if last is not None and (last.in_flight or last.unresolved):
            return True
    return False


def _trigger(
    state: State, charger: ChargerState, journal: Journal, connection: ConnectionId, requested: str, errand: Errand
) -> None:
    token: Token = state.take_token()
    _call(state, charger, journal, Trigger(token, connection, charger.charger_id, requested, None), errand)


def _call(
    state: State,
    charger: ChargerState,
    journal: Journal,
    command: Call,
    errand: Errand,
    clears: frozenset[Token] = frozenset(),
) -> None:
    charger.provisioning.pending = command.token
    state.calls[command.token] = AgendaCall(charger.charger_id, command.connection, errand, command, clears)
    journal.after_commit.append(command)
