"""Notices and alarms: facts in the state that somebody should see, each raised and cleared by evidence.

fail_safe_not_chosen      `failSafe` is unset: mode `closed` is in force, and nobody chose it
battery_not_used          a battery is configured; its power is not used yet
never_seen:CHARGER        a live OCPP station has a charger that never connected: nothing is booked for it
identity_conflict:CHARGER more than one charger connects under it: give each its own; until then it is told nothing
uncontrollable:CHARGER    it refuses every form of limit: booked at its maximum
zero_refused:CHARGER      it refuses 0: its fail-safe power is the least it accepts
not_clearable:CHARGER     it knows no ClearChargingProfile: limits of others may stand, its maximum is booked
forgets_default:CHARGER   it drew more than its default after a boot: after each one its maximum is booked for a while
silent:CHARGER            connected for three minutes, it has sent no CALL that can be read: it is not addressed
configuration_suggested:CHARGER  `configure` is `suggest`, and a setting of it should be another
reboot_required:CHARGER   it takes a changed setting on at its next boot; nobody reboots it
status_unknown:CONNECTOR  it has told no status for a minute, so it is not provisioned: is it really there?
not_obeying:CONNECTOR     it draws more than the limits that it accepts: booked at its maximum
flash_budget_used:CHARGER its limits are defaults, which it keeps in flash memory: raises wait; it needs TxProfiles
stopped:CONNECTOR         it ignored every limit and its row was overbooked: its transaction was stopped; repair it
out_of_service:CONNECTOR  the same, and it was told to be Inoperative; it comes back when there is room for its maximum
not_contained:CONNECTOR   it ignores limits, a remote stop and Inoperative: switch it off by hand
does_not_pause:CHARGER    it refuses 0 W or does not resume from it: its sessions are never told 0 again
max_power_wrong:CHARGER   it was measured above its configured maximum: that is wrong, and what was measured is booked
slow_meter:CONNECTOR      its meter tells more seldom than once a minute: too slow to be steered by
meter_silent:CONNECTOR    its transaction runs and its meter tells nothing: what it consumes is unknown
overbooked:ROW            Σ booked has been above the row's capacity for 10 s
silent_client:SESSION     the client of a REST-driven session has been silent for 15 min
"""

from collections.abc import Iterator

from csms.core.charger import ChargerState
from csms.core.connector import Containment
from csms.core.evidence import meter_silent_ms
from csms.core.ids import Now
from csms.core.journal import Journal
from csms.core.records import Driver
from csms.core.session import Phase
from csms.core.state import State
from csms.core.station import Configure, Control
from csms.core.steering import Alarm
from csms.core.timings import Timings


def renew_notices(state: State, journal: Journal, now: Now, timings: Timings, alarm: Alarm) -> None:
    """Raise what has come up and clear what is over, each as a line of the station's history."""
    standing = set(_standing(state, now, timings, alarm))
    for notice in sorted(standing - state.notices.keys()):
        state.notices[notice] = now.wall_ms
        journal.log("notice.raised", None, None, notice=notice)
    for notice in sorted(state.notices.keys() - standing):
        del state.notices[notice]
        journal.log("notice.cleared", None, None, notice=notice)


def _standing(state: State, now: Now, timings: Timings, alarm: Alarm) -> Iterator[str]:
    """Yield the notices that stand now."""
    if not state.station.fail_safe_chosen:
        yield "fail_safe_not_chosen"
    if state.station.battery is not None:
        yield "battery_not_used"
    live = any(charger.ever_connected for charger in state.chargers.values())
    for charger in state.chargers.values():
        yield from _of_charger(charger, live=live)
        yield from _of_settings(charger)
        yield from _of_wear(charger, now, timings, alarm)
        yield from _untold(charger, now, timings, alarm)
        yield from _of_meters(charger, now, timings, alarm)
        yield from _unheard(charger, now, timings, alarm)
    for node, since_ms in state.overbooked.items():
        if now.mono_ms - since_ms >= timings.overbooked_alarm_ms:
            yield f"overbooked:{node}"
        else:
            alarm.at(since_ms + timings.overbooked_alarm_ms)
    for session in state.sessions.values():
        if session.driver is Driver.REST and now.mono_ms - session.heard_ms >= timings.rest_alarm_ms:
            yield f"silent_client:{session.session_id}"


def _of_charger(charger: ChargerState, *, live: bool) -> Iterator[str]:
    if live and charger.config.control is Control.AUTO and not charger.ever_connected and not charger.draining:
        yield f"never_seen:{charger.charger_id}"
    if charger.identity.in_conflict:
        yield f"identity_conflict:{charger.charger_id}"
    if charger.refusing_until_ms is not None:
        yield f"uncontrollable:{charger.charger_id}"
    if charger.defaults.settled is not None and charger.defaults.settled.limit_w > 0:
        yield f"zero_refused:{charger.charger_id}"
    if charger.provisioning.unclearable_ms is not None:
        yield f"not_clearable:{charger.charger_id}"
    if charger.learnt.pauses is False:
        yield f"does_not_pause:{charger.charger_id}"
    measured_above = any(connector.evidence.measured_w for connector in charger.connectors.values())
    if measured_above and charger.max_booked_w > charger.config.max_power_w:
        yield f"max_power_wrong:{charger.charger_id}"
    if charger.learnt.forgets_default:
        yield f"forgets_default:{charger.charger_id}"


def _of_wear(charger: ChargerState, now: Now, timings: Timings, alarm: Alarm) -> Iterator[str]:
    free_ms = charger.wear.free_ms(timings)
    if now.mono_ms < free_ms:
        alarm.at(free_ms)
        yield f"flash_budget_used:{charger.charger_id}"


def _of_settings(charger: ChargerState) -> Iterator[str]:
    if charger.config.configure is Configure.SUGGEST and charger.settings.wishes and charger.ever_connected:
        yield f"configuration_suggested:{charger.charger_id}"
    if charger.settings.reboot_required:
        yield f"reboot_required:{charger.charger_id}"


def _untold(charger: ChargerState, now: Now, timings: Timings, alarm: Alarm) -> Iterator[str]:
    """Yield the connectors that have told no status although their charger has been connected for a while."""
    untold = [c.key.idx for c in charger.connectors.values() if c.status is None]
    if charger.connection is None or not untold:
        return
    due_ms = charger.connected_ms + timings.status_unknown_ms
    if now.mono_ms < due_ms:
        alarm.at(due_ms)
        return
    for idx in untold:
        yield f"status_unknown:{charger.charger_id}#{idx}"


def _unheard(charger: ChargerState, now: Now, timings: Timings, alarm: Alarm) -> Iterator[str]:
    """Yield a charger that is connected and has said nothing."""
    if charger.connection is None or charger.heard:
        return
    due_ms = charger.connected_ms + timings.silent_ms
    if now.mono_ms >= due_ms:
        yield f"silent:{charger.charger_id}"
    else:
        alarm.at(due_ms)


def _of_meters(charger: ChargerState, now: Now, timings: Timings, alarm: Alarm) -> Iterator[str]:
    """Yield what the meters of a charger say, or fail to say."""
    for connector in charger.connectors.values():
        session, name = connector.session, f"{charger.charger_id}#{connector.key.idx}"
        if connector.evidence.not_obeying:
            yield f"not_obeying:{name}"
        yield from _of_containment(connector.containment, name)
        if session is None or session.driver is not Driver.OCPP or session.phase is not Phase.RUNNING:
            continue
        if session.demand.period_ms > timings.slow_meter_ms:
            yield f"slow_meter:{name}"
        silent_from_ms = meter_silent_ms(charger, connector, session, timings)
        if charger.connection is not None and now.mono_ms >= silent_from_ms:
            yield f"meter_silent:{name}"
        elif charger.connection is not None:
            alarm.at(silent_from_ms)


def _of_containment(done: Containment, name: str) -> Iterator[str]:
    if done.stopped:
        yield f"stopped:{name}"
    if done.out_of_service:
        yield f"out_of_service:{name}"
    if done.failed:
        yield f"not_contained:{name}"


def renew_overbooked(state: State, overbooked: frozenset[str], now: Now) -> None:
    """Remember since when each row has been overbooked."""
    state.overbooked = {node: state.overbooked.get(node, now.mono_ms) for node in sorted(overbooked)}
