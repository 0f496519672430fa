"""Taking in a new configuration: running sessions go on, and nothing that is booked falls by it (LEDGER.md §1).

A charger that is removed while idle is forgotten at once, but for sends younger than H, which stay booked under its
nearest surviving ancestor; one that is removed while charging is *draining*: it keeps its connection and its booked
power until no transaction is open and every connector is Available.
"""

from dataclasses import replace

from csms.core.charger import ChargerState, new_charger
from csms.core.commands import AbortConnection
from csms.core.connector import Connector
from csms.core.events import ConnectorStatus, StationConfigured
from csms.core.grid_root import hold_grid
from csms.core.limits import Book
from csms.core.metering import reconfigured
from csms.core.part import Alarm, Part
from csms.core.phase_use import PhaseUse
from csms.core.provisioning import Provisioning
from csms.core.records import EndReason
from csms.core.release import steered
from csms.core.replies import StationShown
from csms.core.state import Supply
from csms.core.station import Charger, Control, Station
from csms.core.supply import forget_acknowledgement
from csms.core.transactions import Transactions
from csms.core.tree import build_tree, circuit_path


class Reconfiguration(Part):
    """Intake of configurations and the end of draining; lives for one step."""

    def configured(self, fact: StationConfigured) -> None:
        """Put a valid configuration into force."""
        old, new = self.state.station, fact.station
        chargers = {c.charger_id: self._kept(c) for c in new.chargers}
        for charger_id, charger in self.state.chargers.items():
            if charger_id not in chargers:
                self._drain(charger, old, new)
                chargers[charger_id] = charger
        self.state.station, self.state.chargers = new, chargers
        self.state.tree = build_tree(new, chargers.values())
        reconfigured(self.state, old, self.now)
        if new.battery is None:
            self.state.supply = Supply()
        elif old.battery is not None and old.battery.way != new.battery.way:
            forget_acknowledgement(self.state, self.now)
        hold_grid(self.state, self.now, Alarm())
        self.journal.station = True
        self.journal.chargers |= set(chargers)
        self.journal.plan = True
        self.journal.log("station.configured", None, None, station_id=new.station_id)
        self.journal.reply(fact.request, StationShown(new, old))

    def _kept(self, config: Charger) -> ChargerState:
        """Return the state of a configured charger: as it was as far as it was known, ceilings never lowered here."""
        charger = self.state.chargers.get(config.charger_id)
        if charger is None:
            return new_charger(config)
        if config.fail_safe_power_w < charger.config.fail_safe_power_w:
            charger.provisioning.default_lowered(self.state.next_token)
        if charger.draining:
            self._log_return(charger)
        config = steered(config, charger.release)
        was_observed = charger.config.is_observed
        self._tell_sessions(charger, config)
        charger.config, charger.draining, charger.let_go = config, False, False
        charger.max_booked_w = max(charger.max_booked_w, config.max_power_w)
        charger.uncontrolled_booked_w = max(charger.uncontrolled_booked_w, config.uncontrolled_power_w)
        for key in config.connector_keys():
            if key.idx not in charger.connectors:
                charger.connectors[key.idx] = Connector(key)
                charger.provisioning.connector_added()
        for idx in [i for i, c in charger.connectors.items() if i > config.connectors and _idle(c)]:
            del charger.connectors[idx]
        if config.is_observed is not was_observed:
            self._change_mode(charger)
        return charger

    def _tell_sessions(self, charger: ChargerState, config: Charger) -> None:
        """Have sessions shown again whose terms change; what was learnt of other phases than it has counts no more."""
        was = charger.config
        for session in charger.sessions():
            if was.phases != config.phases:
                session.phase_use = PhaseUse()
            known = (config.terms, config.connector_terms, config.phases)
            if (was.terms, was.connector_terms, was.phases) != known:
                self.journal.show(session.session_id)

    def _log_return(self, charger: ChargerState) -> None:
        """Say that a charger is back before it was forgotten: one that was released stays so (docs/adr/0033)."""
        told = {} if charger.release is None else {"release": charger.release.state.value}
        self.journal.log("charger.added_again", charger.charger_id, None, **told)

    def _change_mode(self, charger: ChargerState) -> None:
        """Leave a charger to itself from now on, or take it over again."""
        if charger.config.is_observed:
            charger.observe()
        else:
            charger.take_over(self.now.mono_ms, self.timings.boot_spacing_ms)
        self.journal.log("charger.mode_changed", charger.charger_id, None, mode=charger.config.mode.value)
        for session in charger.sessions():
            self.journal.show(session.session_id)

    def _drain(self, charger: ChargerState, old: Station, new: Station) -> None:
        """Take a charger out of the configuration; an idle one goes when all facts of the step were taken (`drained`).

        A start of its may be among those that came with the configuration.
        """
        known = {circuit.circuit_id for circuit in new.circuits}
        above = (c for c in circuit_path(old, charger.config.circuit) if c in known)
        charger.config = replace(charger.config, circuit=next(above, None))
        if not charger.draining:
            charger.draining = True
            self.journal.log("charger.removed", charger.charger_id, None, charging=_charging(charger))
        self.journal.removed.add(charger.charger_id)

    def drained(self, alarm: Alarm) -> None:
        """Let go of draining chargers that have nothing left to drain, and of sockets that are not served any more."""
        gone: list[ChargerState] = []
        for charger in self.state.chargers.values():
            if not charger.served:
                self._close(charger, f"control is now {charger.config.control}")
            idle_at_once = charger.charger_id in self.journal.removed and not _charging(charger)
            if not charger.draining or not (idle_at_once or _drained(charger)):
                continue
            self._close(charger, "removed from the configuration")
            self._keep_young_sends(charger)
            young = list(charger.sends())
            if young:
                alarm.at(min(send.sent_ms for send in young) + self.timings.late_execution_ms)
            else:
                gone.append(charger)
        for charger in gone:
            del self.state.chargers[charger.charger_id]
            self._forget(charger)
        if gone:
            self.state.tree = build_tree(self.state.station, self.state.chargers.values())
            hold_grid(self.state, self.now, alarm)
            self.journal.plan = True

    def _keep_young_sends(self, charger: ChargerState) -> None:
        """By the operator's act everything is out of force but what was sent within H."""
        charger.ever_connected, charger.let_go = False, True
        charger.provisioning = Provisioning()
        for connector in charger.connectors.values():
            connector.provisioned = False
        if charger.config.control not in {Control.AUTO, Control.REST}:
            charger.config = replace(charger.config, control=Control.REST)
        for book in (charger.defaults, *(connector.limits for connector in charger.connectors.values())):
            self._drop_old(book)
        self.journal.chargers.add(charger.charger_id)

    def _drop_old(self, book: Book) -> None:
        gone = [s for s in book.sends if self.now.mono_ms - s.sent_ms >= self.timings.late_execution_ms]
        book.sends = [send for send in book.sends if send not in gone]
        if gone:
            self.journal.drop_sends(gone)
            self.journal.plan = True

    def _close(self, charger: ChargerState, reason: str) -> None:
        if charger.connection is not None and charger.closing != charger.connection:
            charger.closing = charger.connection
            self.journal.at_once.append(AbortConnection(charger.connection, charger.charger_id, reason))
            charger.heard = False

    def _forget(self, charger: ChargerState) -> None:
        self.journal.chargers.discard(charger.charger_id)
        self.journal.forgotten.add(charger.charger_id)
        transactions = Transactions(self.state, self.journal, self.now, self.timings)
        for session in [s for s in self.state.sessions.values() if s.key.charger_id == charger.charger_id]:
            session.flag("charger_removed")  # a record of the past, whose stop will not come
            transactions.end(session, EndReason.REMOVED, self.now.wall_ms, session.last_energy_wh)
        self.journal.log("charger.forgotten", charger.charger_id)


def _idle(connector: Connector) -> bool:
    return connector.session is None and not connector.limits.sends


def _charging(charger: ChargerState) -> bool:
    """Return whether a session is open on it."""
    return any(True for _ in charger.sessions())


def _drained(charger: ChargerState) -> bool:
    """Return whether a draining charger has no open session and every connector, as far as known, is Available.

    One that was let go already (`_keep_young_sends`), or never came, will say no status any more.
    """
    available = {None, ConnectorStatus.AVAILABLE}
    said = not charger.ever_connected or all(c.status in available for c in charger.connectors.values())
    return said and not _charging(charger)
