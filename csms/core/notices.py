"""Which alarms and notices stand: each is raised and cleared by evidence, as a line of the station's history.

What a kind means and what to do about it is in `csms.core.alarms`; here is when it stands, and what the figures are.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from csms.core.alarms import KINDS
from csms.core.alarms import Alarm as Standing
from csms.core.battery import PERCENT_PPM, BatteryReading
from csms.core.campaigning import CAR_THERE, WAITS
from csms.core.capacity_events import operator_is_silent
from csms.core.charger import ChargerState
from csms.core.connector import Connector
from csms.core.evidence import meter_silent_ms
from csms.core.ids import Now
from csms.core.journal import Journal
from csms.core.ladder import fail_safe_w
from csms.core.maintenance import covering, words
from csms.core.part import Alarm
from csms.core.phase_booking import booked_on_rows
from csms.core.records import CampaignState, Driver
from csms.core.release import Release, ReleaseState, StepState
from csms.core.rows import SIXTHS
from csms.core.session import Phase
from csms.core.state import State
from csms.core.station import GRID, Configure, Control, FailSafe
from csms.core.supply import NOT_FOLLOWING_MS, STALE_MS, follows, granted_w, is_heard, offer_of, proven_w_of
from csms.core.timings import Timings


class Sign(NamedTuple):
    """A condition that holds now."""

    kind: str
    cause: str
    subject: str = ""
    charger: ChargerState | None = None
    idx: int | None = None

    def standing(self, since_ms: int) -> Standing:
        """Return the alarm that it raises at `since_ms`, UTC."""
        charger_id = None if self.charger is None else self.charger.charger_id
        return Standing(self.kind, self.subject, self.cause, since_ms, charger_id, self.idx, self._maintenance())

    def _maintenance(self) -> str | None:
        """Return the maintenance that excuses it, or that it tells of; or None."""
        concerned = self.kind == "under_maintenance" or KINDS[self.kind].excused
        if self.charger is None or not self.charger.maintenance or not concerned:
            return None
        covered = covering(self.charger, self.idx or 0)
        return None if covered is None else words(covered)


def at_charger(kind: str, charger: ChargerState, cause: str) -> Sign:
    """Return what holds for a charger."""
    return Sign(kind, cause, charger.charger_id, charger)


def at_connector(kind: str, charger: ChargerState, idx: int, cause: str) -> Sign:
    """Return what holds for a connector."""
    return Sign(kind, cause, f"{charger.charger_id}#{idx}", charger, idx)


def at_place(kind: str, charger: ChargerState, idx: int, cause: str) -> Sign:
    """Return what holds for a connector, or (0) for the charger as a whole."""
    return at_connector(kind, charger, idx, cause) if idx else at_charger(kind, charger, cause)


def renew_notices(state: State, journal: Journal, now: Now, timings: Timings, alarm: Alarm) -> None:
    """Raise what has come up and clear what is over, each as a line of the station's history."""
    standing = {one.alarm_id: one for one in (s.standing(now.wall_ms) for s in _standing(state, now, timings, alarm))}
    for alarm_id in sorted(standing.keys() - state.notices.keys()):
        state.notices[alarm_id] = standing[alarm_id]
        _log("notice.raised", standing[alarm_id], journal)
    for alarm_id, known in state.notices.items():
        found = standing.get(alarm_id)
        if found is not None and found.maintenance != known.maintenance:
            state.notices[alarm_id] = replace(found, since_ms=known.since_ms)
            _log("notice.raised" if found.maintenance is None else "notice.excused", found, journal)
    for alarm_id in sorted(state.notices.keys() - standing.keys()):
        ended = state.notices.pop(alarm_id)
        lasted_s = max(0, now.wall_ms - ended.since_ms) // 1_000
        journal.log(
            "notice.cleared", ended.charger_id, ended.idx, notice=alarm_id, cause=ended.cause, lasted_s=lasted_s
        )


def _log(kind: str, raised: Standing, journal: Journal) -> None:
    """Log an alarm that has come up, or that maintenance excuses, or does not any more."""
    excused = {} if raised.maintenance is None else {"maintenance": raised.maintenance}
    journal.log(
        kind,
        raised.charger_id,
        raised.idx,
        notice=raised.alarm_id,
        severity=raised.severity.value,
        cause=raised.cause,
        **excused,
    )


def _standing(state: State, now: Now, timings: Timings, alarm: Alarm) -> Iterator[Sign]:
    """Yield what holds now."""
    if state.is_safe_mode:
        yield Sign("safe_mode", "invariants were broken three times within a minute; the log tells where")
    if not state.station.fail_safe_chosen:
        yield Sign("fail_safe_not_chosen", "the configuration has no failSafe")
    yield from _of_battery(state, now, alarm)
    operator = state.station.grid_operator
    if operator is not None and operator_is_silent(state, now):
        yield Sign("grid_operator_silent", f"{operator.fail_safe_capacity_w} W hold until a heartbeat comes")
    yield from _of_site_meter(state, now, alarm)
    live = any(charger.ever_connected for charger in state.chargers.values())
    for charger in state.chargers.values():
        yield from _of_maintenance(charger)
        yield from _of_charger(charger, live=live)
        yield from _of_settings(charger)
        yield from _of_wear(charger, now, timings, alarm)
        yield from _untold(charger, now, timings, alarm)
        yield from _of_meters(charger, now, timings, alarm)
        yield from _unheard(charger, now, timings, alarm)
        yield from _away(charger, now, timings, alarm)
    yield from _of_rows(state, now, timings, alarm)
    yield from _of_energy(state)
    yield from _of_campaigns(state)
    for session in state.sessions.values():
        silent_ms = now.mono_ms - session.heard_ms
        if session.driver is Driver.REST and silent_ms >= timings.rest_alarm_ms:
            cause = f"{session.booked_w} W are booked for it, and its client has not called for 15 min"
            holder = state.chargers.get(session.key.charger_id)
            yield Sign("silent_client", cause, session.session_id, holder, session.key.idx)


def _of_site_meter(state: State, now: Now, alarm: Alarm) -> Iterator[Sign]:
    meter, base_load, static_w = state.station.site_meter, state.base_load, state.station.static_load_w
    if meter is None:
        return
    if alarm.reached(base_load.stale_ms(meter), now):
        why = base_load.trouble or "nothing was heard of it"
        yield Sign("base_load_meter_stale", f"{why}; {base_load.counted_w} W count as base load")
    if base_load.counted_w > static_w:
        yield Sign("base_load_above_maximum", f"{base_load.counted_w} W count as measured, staticLoad is {static_w} W")


def _of_rows(state: State, now: Now, timings: Timings, alarm: Alarm) -> Iterator[Sign]:
    booked_w = state.tree.booked_w(state.chargers.values()) if state.overbooked else {}
    phases = booked_on_rows(state) if state.overbooked else {}
    for node, since_ms in state.overbooked.items():
        if node == GRID and _is_early(state, booked_w[node]):
            continue
        if alarm.reached(since_ms + timings.overbooked_alarm_ms, now):
            yield Sign("overbooked", _overbooked_text(state, node, booked_w, phases), node)


def _overbooked_text(state: State, row: str, booked_w: Mapping[str, int], phases: Mapping[str, int]) -> str:
    """Return how much is booked on a row, and of how much; on a phase what that is in watts of this phase."""
    if row in phases:
        return f"{-(-phases[row] // SIXTHS)} W are booked on this phase of {state.tree.phase_caps[row] // SIXTHS} W"
    return f"{booked_w[row]} W are booked of {state.tree.caps_w[row]} W"


def _is_early(state: State, booked_w: int) -> bool:
    """Return whether the grid connection is overbooked only by a capacity of which the time has still to come."""
    in_force_w = None if state.held is None else state.held.in_force_w
    return in_force_w is not None and booked_w <= max(0, in_force_w - state.counted_w) + granted_w(state)


def _of_battery(state: State, now: Now, alarm: Alarm) -> Iterator[Sign]:
    """Yield what keeps the battery from giving what it should."""
    battery, supply, reading = state.station.battery, state.supply, state.supply.reading
    if battery is None:
        return
    if not supply.driven:
        yield Sign("battery_not_used", f"a battery of {battery.power_w} W is configured, and nothing drives it")
        return
    offer = offer_of(state, now, alarm)
    taken = f"; it may be taking {offer.lost_w} W, which are booked" if offer.lost_w else ""
    if reading is None or not is_heard(state, now):
        yield Sign("battery_silent", f"it was not read for {STALE_MS // 1_000} s{taken}")
        return
    if reading.computed:
        yield Sign("battery_computed", f"a battery of {battery.power_w} W is computed as the configuration has it")
    if (cause := _why_not_following(state, reading, now, alarm)) is not None:
        yield Sign("battery_not_following", f"{cause}{taken}")
    if supply.exhausted:
        yield Sign("battery_empty", f"its charge is {reading.soc_ppm // PERCENT_PPM} %")


def _why_not_following(state: State, reading: BatteryReading, now: Now, alarm: Alarm) -> str | None:
    """Return what shows that the battery does not do what it is told; None: it does."""
    if not follows(state) and alarm.reached(state.supply.said_ms + NOT_FOLLOWING_MS, now):
        follows_w = "none of ours" if reading.set_point_w is None else f"{reading.set_point_w} W"
        return f"its set-point is {follows_w}, and it has acknowledged {reading.permitted_w} W"
    if (proven_w := proven_w_of(state, now, alarm)) is not None:
        return f"it was told to give more, and has given {proven_w} W at the most"
    return None


def _of_energy(state: State) -> Iterator[Sign]:
    """Yield the connectors at which the last day that is over has missed energy."""
    missed = {} if state.energy is None else state.energy.unaccounted_wh
    for key, energy_wh in missed.items():
        charger = state.chargers.get(key.charger_id)
        if charger is not None and state.energy is not None:
            cause = f"{energy_wh} Wh of {state.energy.day} belong to no transaction"
            yield at_connector("energy_gap", charger, key.idx, cause)


def _of_campaigns(state: State) -> Iterator[Sign]:
    """Yield the firmware campaigns that one of their chargers has halted."""
    for campaign in state.campaigns.values():
        if campaign.state is CampaignState.HALTED:
            charger = None if campaign.halted_by is None else state.chargers.get(campaign.halted_by)
            left = sum(place.state in WAITS for place in campaign.places)
            cause = f"{campaign.halted_why}; {left} of {len(campaign.places)} chargers were not begun"
            yield Sign("campaign_halted", cause, campaign.campaign_id, charger)


def _of_maintenance(charger: ChargerState) -> Iterator[Sign]:
    """Yield where maintenance is done, and what was not seen back in operation after it."""
    for idx, maintenance in charger.maintenance.items():
        told = maintenance.told
        if maintenance.ended_ms is None:
            yield at_place("under_maintenance", charger, idx, words(maintenance))
        elif told is not None and not told.is_open:
            yield at_place("still_inoperative", charger, idx, f"ChangeAvailability(Operative) is {told.state}")


def _of_charger(charger: ChargerState, *, live: bool) -> Iterator[Sign]:
    config = charger.config
    booked = f"{charger.booked_w()} W are booked for it"
    if charger.release is not None:
        yield from _of_release(charger, charger.release, booked)
    elif config.is_observed:
        yield at_charger("observed", charger, f"nothing is written to it; {booked}")
    exposed = config.control is Control.AUTO and not config.is_observed
    if live and exposed and not charger.ever_connected and not charger.draining:
        yield at_charger("never_seen", charger, f"other chargers have connected; it may draw {config.max_power_w} W")
    if charger.identity.in_conflict:
        cause = f"connections from different addresses take over from each other, last from {charger.identity.address}"
        yield at_charger("identity_conflict", charger, f"{cause}; {booked}")
    if charger.refusing_until_ms is not None:
        yield at_charger("uncontrollable", charger, f"limits were refused in every way, or not answered; {booked}")
    yield from _of_default(charger)
    if charger.provisioning.unclearable_ms is not None:
        yield at_charger("not_clearable", charger, f"it does not know ClearChargingProfile; {booked}")
    if charger.certificate_request is not None:
        yield at_charger("certificate_requested", charger, "it sent SignCertificate and was sent no certificate since")
    if charger.learnt.pauses is False:
        yield at_charger("does_not_pause", charger, "a charger of its make refused 0 W, or offered nothing after it")
    yield from _of_maximum(charger)
    if charger.learnt.forgets_default:
        yield at_charger("forgets_default", charger, "a charger of its make drew more than its default after a boot")


def _of_release(charger: ChargerState, release: Release, booked: str) -> Iterator[Sign]:
    """Yield that a charger was taken out, and what was left in it."""
    kept = "" if charger.draining else ", whatever its configuration says"
    yield at_charger("released", charger, f"nothing is written to it{kept}; {booked}")
    if release.state is ReleaseState.INCOMPLETE:
        kinds = {StepState.NOT_UNDONE: "not undone", StepState.UNVERIFIED: "not seen to be undone"}
        counts = {word: release.count(state) for state, word in kinds.items()}
        told = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
        yield at_charger("release_incomplete", charger, f"of {len(release.steps)} traces, {told}")


def _of_wear(charger: ChargerState, now: Now, timings: Timings, alarm: Alarm) -> Iterator[Sign]:
    if not alarm.reached(charger.wear.free_ms(timings), now):
        cause = f"{timings.wear_writes} TxDefaultProfiles a day and what was saved are used up"
        yield at_charger("flash_budget_used", charger, cause)


def _of_settings(charger: ChargerState) -> Iterator[Sign]:
    config, wishes = charger.config, charger.settings.wishes
    suggests = config.configure is Configure.SUGGEST or (config.configure is Configure.AUTO and config.is_observed)
    if suggests and wishes and charger.ever_connected and charger.release is None:
        wanted = ", ".join(f"{wish.key} = {wish.wanted}" for wish in wishes)
        yield at_charger("configuration_suggested", charger, f"it should have {wanted}")
    if charger.settings.reboot_required:
        yield at_charger("reboot_required", charger, "it answered RebootRequired to a changed setting")


def _of_maximum(charger: ChargerState) -> Iterator[Sign]:
    measured_w = sum(connector.evidence.measured_w for connector in charger.connectors.values())
    if measured_w and charger.max_booked_w > charger.config.max_power_w:
        cause = f"{measured_w} W were measured, its maximum is {charger.config.max_power_w} W"
        yield at_charger("max_power_wrong", charger, cause)


def _of_default(charger: ChargerState) -> Iterator[Sign]:
    """Yield where the fail-safe power of a charger is not the configured one."""
    settled = charger.defaults.settled
    if settled is None or settled.token < charger.provisioning.outdated:
        return
    configured_w = fail_safe_w(charger.config, settled.form)
    if settled.limit_w > 0 and configured_w == 0:
        yield at_charger("zero_refused", charger, f"the least that it accepts is {settled.limit_w} W a connector")
    if charger.config.fail_safe is FailSafe.EXPIRE and not charger.takes_expiry:
        cause = "it takes no profile of two periods, or that had no effect, or its clock is more than 100 s ahead"
        yield at_charger("does_not_expire", charger, cause)
    if settled.limit_w < configured_w:
        cause = f"{settled.limit_w} W a connector are in force, {configured_w} W are configured"
        yield at_charger("fail_safe_waits", charger, cause)


def _untold(charger: ChargerState, now: Now, timings: Timings, alarm: Alarm) -> Iterator[Sign]:
    """Yield the connectors that have told no status although their charger has been connected for a while."""
    untold = [c.key.idx for c in charger.connectors.values() if c.status is None]
    if charger.connection is None or not untold:
        return
    if not alarm.reached(charger.connected_ms + timings.status_unknown_ms, now):
        return
    for idx in untold:
        yield at_connector("status_unknown", charger, idx, "no StatusNotification for a minute after it had connected")


def _unheard(charger: ChargerState, now: Now, timings: Timings, alarm: Alarm) -> Iterator[Sign]:
    """Yield a charger that is connected and has said nothing."""
    if charger.connection is None or charger.heard:
        return
    if alarm.reached(charger.connected_ms + timings.silent_ms, now):
        yield at_charger("silent", charger, f"connected for three minutes; {charger.booked_w()} W are booked for it")


def _away(charger: ChargerState, now: Now, timings: Timings, alarm: Alarm) -> Iterator[Sign]:
    """Yield a charger that has been connected and is not; one that is taken out may be gone."""
    ours = charger.steered_over_ocpp and charger.ever_connected and charger.release is None and not charger.draining
    if ours and charger.connection is None and alarm.reached(charger.away_ms + timings.offline_ms, now):
        yield at_charger("offline", charger, f"away for ten minutes; {charger.booked_w()} W are booked for it")


def _of_meters(charger: ChargerState, now: Now, timings: Timings, alarm: Alarm) -> Iterator[Sign]:
    """Yield what the meters of a charger say, or fail to say."""
    for connector in charger.connectors.values():
        if connector.evidence.not_obeying:
            limit_w = connector.limits.power_w
            cause = f"it drew more than {limit_w} W, its limit; {charger.booked_w()} W are booked for the charger"
            yield at_connector("not_obeying", charger, connector.key.idx, cause)
        yield from _of_containment(charger, connector)
        uncommanded = _uncommanded(connector)
        if uncommanded is not None:
            yield at_connector("uncommanded", charger, connector.key.idx, uncommanded)
        held_by = connector.session
        if held_by is not None and held_by.driver is Driver.REST and _tells_of_a_car(charger, connector):
            cause = f"session {held_by.session_id}, driven over REST, holds it, and its charger says {connector.status}"
            yield at_connector("held_over_rest", charger, connector.key.idx, cause)
        if held_by is not None and held_by.phase_use.strayed:
            strayed = " and ".join(f"L{line}" for line in sorted(held_by.phase_use.strayed))
            yield at_connector("phases_changed", charger, connector.key.idx, f"{strayed} draws, which did not before")
        yield from _of_meter(charger, connector, now, timings, alarm)


def _tells_of_a_car(charger: ChargerState, connector: Connector) -> bool:
    """Return whether a charger has said, since it connected, that a transaction runs at a connector."""
    since = connector.status_ms >= charger.connected_ms
    return charger.connection is not None and since and connector.status in CAR_THERE


def _uncommanded(connector: Connector) -> str | None:
    """Return what power flows, or may flow, without a transaction of ours."""
    evidence, closed = connector.evidence, connector.closed
    nobodys = connector.session is None or evidence.strayed
    if nobodys and evidence.measured_w and not evidence.not_obeying:
        return f"{evidence.measured_w} W were measured there"
    if closed is not None and closed.returned:
        return f"transaction {closed.transaction_id} was closed and may run on; {closed.told_w} W are booked for it"
    return None


def _of_meter(charger: ChargerState, connector: Connector, now: Now, timings: Timings, alarm: Alarm) -> Iterator[Sign]:
    session, idx = connector.session, connector.key.idx
    if session is None or session.driver is not Driver.OCPP or session.phase is not Phase.RUNNING:
        return
    if session.demand.period_ms > timings.slow_meter_ms:
        yield at_connector("slow_meter", charger, idx, f"a sample every {session.demand.period_ms // 1_000} s")
    silent_from_ms = meter_silent_ms(charger, connector, session, timings)
    if charger.connection is not None and alarm.reached(silent_from_ms, now):
        yield at_connector("meter_silent", charger, idx, "no sample for a minute, or for three of its periods")


def _of_containment(charger: ChargerState, connector: Connector) -> Iterator[Sign]:
    """Yield what was done to a connector that ignores limits while one of its rows was overbooked."""
    done, idx = connector.containment, connector.key.idx
    if done.stopped:
        yield at_connector("stopped", charger, idx, "its row was overbooked and no way to limit it had an effect")
    if done.out_of_service:
        cause = f"it was told to be Inoperative; {charger.booked_w()} W stay booked for the charger"
        yield at_connector("out_of_service", charger, idx, cause)
    if done.failed:
        cause = f"it did not go Unavailable in half a minute; {charger.booked_w()} W are booked for the charger"
        yield at_connector("not_contained", charger, idx, cause)


def renew_overbooked(state: State, overbooked: frozenset[str], now: Now) -> None:
    """Remember since when each row has been overbooked."""
    state.overbooked = {node: state.overbooked.get(node, now.mono_ms) for node in sorted(overbooked)}
