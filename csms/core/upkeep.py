"""Upkeep: what time and evidence do to the state between facts (LEDGER.md §1, §4; ALLOCATOR.md §5).

Runs before each plan: settles limits, frees sends by rules (b) and (c), gives and takes `provisioned`, closes what was
never stopped, and keeps the notices. Each thing that waits says until when.
"""

from csms.core.charger import ChargerState
from csms.core.commands import Purpose
from csms.core.connector import MEANING, Connector
from csms.core.demand import tolerance_w
from csms.core.events import ConnectorStatus
from csms.core.evidence import Witness
from csms.core.fail_safe import awaited_default_w, default_fits
from csms.core.ids import TransactionId
from csms.core.ladder import Attempt, fail_safe_w
from csms.core.limits import Send, settle
from csms.core.part import TimedPart
from csms.core.provisioning import Place
from csms.core.records import Driver, EndReason, SendState
from csms.core.replies import Refusal, Refused
from csms.core.session import NO_STOP_RECEIVED, Phase, Session
from csms.core.transactions import Transactions


class Upkeep(TimedPart):
    """One round of upkeep; lives for one step."""

    def run(self) -> None:
        """Bring every charger, connector and session up to `now`."""
        for charger in list(self.state.chargers.values()):
            certain = self._identified(charger)
            for connector in charger.connectors.values():
                self._close_zombie(charger, connector)
                self._prove(charger, connector)
                if certain:
                    self._settle(charger, connector)
                    self._free(charger, connector)
                Witness(self.state, self.journal, self.now, self.timings).watch(charger, connector, self.alarm)
            if certain:
                self._bring_up(charger)
        self._rest_clients()
        self._remote_starts()

    def _bring_up(self, charger: ChargerState) -> None:
        """Let what is certain of a charger as a whole take effect."""
        self._settle_default(charger)
        self._assert_profiles(charger)
        for connector in charger.connectors.values():
            self._provision(charger, connector)
        if charger.lower_ceilings():
            self.journal.chargers.add(charger.charger_id)
            self.journal.plan = True

    def _identified(self, charger: ChargerState) -> bool:
        """Return whether it is one charger that we speak with; after a conflict it is brought up as after a boot."""
        if not charger.identity.in_conflict:
            return True
        if not self._reached(charger.identity.over_ms(self.timings.identity_quiet_ms)):
            return False
        charger.identity.in_conflict = False
        charger.provisioning.booted(self.now.mono_ms, self.timings.boot_spacing_ms)
        charger.provisioning.to_clear = None  # whoever is there may never have been cleared
        charger.default_in_doubt = charger.defaults.settled is not None
        charger.begin_asserting(self.now.mono_ms)
        for session in charger.sessions():
            session.steering.reassert = True
        self.journal.log("charger.identified", charger.charger_id, None, address=charger.identity.address or "")
        self.journal.plan = True
        return True

    # --- settling and freeing ---------------------------------------------------------------------------------------

    def _settle(self, charger: ChargerState, connector: Connector) -> None:
        """Settle the Accepted limits of a connector whose car has let go."""
        for send in connector.limits.sends:
            if send.state is SendState.ACCEPTED and self._let_go(charger, connector, send):
                settle(send)
                self.journal.write_send(send)
                self.journal.plan = True

    def _let_go(self, charger: ChargerState, connector: Connector, send: Send) -> bool:
        """Return whether the car is at or below an Accepted limit, by its meter or by the absence of the contrary."""
        session = connector.session
        if session is None or session.driver is not Driver.OCPP:
            return True
        if send.transaction_id is None and connector.limits.has_settled(session.transaction_id, Purpose.TX):
            return True  # a default, which has no effect beside a TxProfile
        allowed_w = send.limit_w + tolerance_w(charger.config, send.limit_w)
        meter = connector.meter
        seen_w = meter.fresh_w(self.now.mono_ms, self.timings.fresh_sample_ms)
        above_ms = meter.above_ms(allowed_w)
        is_of_now = not meter.span_ms or (meter.seen_ms or 0) - meter.span_ms >= (send.accepted_ms or 0)
        if seen_w is not None and seen_w <= allowed_w and above_ms is None and is_of_now:
            return True  # a mean over a time is about it when that began later
        since_ms = max(send.accepted_ms or 0, above_ms or 0)
        return self._reached(since_ms + self.timings.settle_ms)

    def _free(self, charger: ChargerState, connector: Connector) -> None:
        """Apply rules (b) and (c) to the limits of a connector; a charger that keeps profiles must clear them first."""
        book = connector.limits
        if not book.sends:
            return
        self._believe_idle(connector)
        running = None if connector.session is None else connector.session.transaction_id
        named: set[TransactionId | None] = {send.ends_with for send in book.sends}
        gone = book.drop_superseded(self.timings.late_execution_ms)
        if not (charger.keeps_tx_profile and connector.aftermath.clear_due):
            gone += book.drop_ended(frozenset(named - {running}), self.now.mono_ms, self.timings.late_execution_ms)
        if gone:
            self.journal.drop_sends(gone)
            self.journal.plan = True
        harmless_ms = book.next_harmless_ms(self.now.mono_ms, self.timings.late_execution_ms)
        if harmless_ms is not None:
            self.alarm.at(harmless_ms)

    def _believe_idle(self, connector: Connector) -> None:
        """Take it that no unreported transaction has a limit, when the status has said for H that none can run."""
        accepted = [s.accepted_ms for s in connector.limits.sends if s.outlives_its_own and s.accepted_ms is not None]
        if not accepted or connector.status is None or MEANING[connector.status].power_may_flow:
            return
        if self._reached(max(*accepted, connector.status_ms) + self.timings.late_execution_ms):
            connector.limits.no_transaction_here()

    def _settle_default(self, charger: ChargerState) -> None:
        """Settle an Accepted default: at once, unless it is a cut of a car that has no limit of its own yet."""
        for send in charger.defaults.sends:
            if send.state is SendState.ACCEPTED and self._is_followed(charger, send) and settle(send):
                self.journal.write_send(send)
                self.journal.plan = True
        gone = charger.defaults.drop_superseded(self.timings.late_execution_ms)
        self.journal.drop_sends(gone)
        self._renew_default(charger)
        self._raise_default(charger)
        self._clear_prevailing(charger)

    def _is_followed(self, charger: ChargerState, send: Send) -> bool:
        """Return whether every car under a default is at or below it, or has a limit of its own to settle first."""
        if all(earlier.limit_w <= send.limit_w for earlier in charger.defaults.sends):
            return True
        return all(
            self._has_own_limit(connector) or self._let_go(charger, connector, send)
            for connector in charger.connectors.values()
        )

    @staticmethod
    def _has_own_limit(connector: Connector) -> bool:
        session = connector.session
        return session is not None and connector.limits.has_settled(session.transaction_id, *Purpose)

    def _raise_default(self, charger: ChargerState) -> None:
        """Have the configured fail-safe power said when it has room at last (mode `reserve`)."""
        settled, last, agenda = charger.defaults.settled, charger.defaults.last, charger.provisioning
        if settled is None or agenda.default_due or last is None or not (last is settled or last.unresolved):
            return
        if not awaited_default_w(charger, self.now.mono_ms):
            if agenda.raise_ms > self.now.mono_ms:
                self.alarm.at(agenda.raise_ms)
            return
        wanted_w = fail_safe_w(charger.config, settled.form)
        if default_fits(self.state, charger, wanted_w, settled.form):
            agenda.default_due = True
            agenda.way = Attempt(settled.form, wanted_w)

    def _renew_default(self, charger: ChargerState) -> None:
        """Say the default again when only a send that was refused, or lost and is harmless by now, books a higher one.

        A refusal is no evidence: what was refused after the one that stands is free when that has been said again.
        """
        settled, sends = charger.defaults.settled, charger.defaults.sends
        if settled is None or any(send.in_flight for send in sends):
            return
        higher = [send for send in sends if send.limit_w > settled.limit_w]
        if any(send.state is SendState.REFUSED and send.token > settled.token for send in higher):
            charger.provisioning.default_due = True
        for send in (send for send in higher if send.lost_ms is not None):
            harmless_ms = (send.lost_ms or 0) + self.timings.late_execution_ms
            if self._reached(harmless_ms) and settled.sent_ms < harmless_ms:
                charger.provisioning.default_due = True

    def _clear_prevailing(self, charger: ChargerState) -> None:
        """Have a stack level cleared again at which a higher default may be in force that was executed since.

        When the level was cleared first, it might still be executed; after a recovery nobody knows what was cleared.
        """
        agenda = charger.provisioning
        if not agenda.cleared or agenda.default_due:
            return
        books = [(None, charger.defaults), *((idx, c.limits) for idx, c in charger.connectors.items())]
        ready = {
            Place(idx, send.form.stack_level): None
            for idx, book in books
            for send in book.prevailing()
            if self._is_executed(send)
        }
        if ready:
            agenda.to_clear = list(ready)

    def _is_executed(self, send: Send) -> bool:
        if send.answered:
            return True
        return send.lost_ms is not None and self._reached(send.lost_ms + self.timings.late_execution_ms)

    # --- provisioned ------------------------------------------------------------------------------------------------

    def _assert_profiles(self, charger: ChargerState) -> None:
        """After a boot: wait for the default and the running limits, at most 15 s; then nothing is certain."""
        if charger.asserting_ms is None:
            return
        sessions = [s for s in charger.sessions() if s.driver is Driver.OCPP]
        said = all(self._asserted(charger, s) for s in sessions)
        if not charger.provisioning.default_due and said:
            charger.asserting_ms = None
            self.journal.plan = True
        elif self._reached(charger.asserting_ms + self.timings.assert_ms):
            charger.asserting_ms = None
            self._unprovision(charger, list(charger.connectors.values()), "profiles not asserted after a boot")

    @staticmethod
    def _asserted(charger: ChargerState, session: Session) -> bool:
        """Return whether the limit of a session was said again and Accepted; one without a limit has none to say."""
        connector = charger.connectors.get(session.key.idx)
        last = None if connector is None else connector.limits.last_of(session.transaction_id)
        if last is None:
            return True
        return not session.steering.reassert and last.state in {SendState.ACCEPTED, SendState.SETTLED}

    def _provision(self, charger: ChargerState, connector: Connector) -> None:
        """Give `provisioned` when LEDGER.md §4 is fulfilled; take it from a connector that charges uncommanded."""
        if connector.provisioned:
            if charger.keeps_tx_profile and connector.aftermath.foreign_due and connector.session is None:
                connector.aftermath.clear()  # that its make keeps them was found out later
            self._watch_uncommanded(charger, connector)
            return
        if charger.defaults.settled is None or not charger.provisioning.cleared or charger.provisioning.default_due:
            return
        if connector.evidence.not_obeying or charger.disturbers or charger.config.is_observed:
            return
        if charger.refusing_until_ms is None and (self._under_control(charger, connector) or charger.lacks(connector)):
            if charger.keeps_tx_profile and connector.aftermath.foreign_due:
                connector.aftermath.clear()
                return
            connector.provisioned = True
            connector.uncommanded_ms = None
            self.journal.log("connector.provisioned", charger.charger_id, connector.key.idx)
            self.journal.chargers.add(charger.charger_id)
            self.journal.plan = True

    def _under_control(self, charger: ChargerState, connector: Connector) -> bool:
        """Return whether no power can flow here, or only under a settled limit of ours."""
        session = connector.session
        if session is not None and session.driver is Driver.REST:
            return False
        status = connector.status
        is_of_now = session is None or connector.status_ms >= session.opened_ms
        idle = status is not None and is_of_now and not MEANING[status].power_may_flow
        return (idle and not self._has_drawn_since(charger, connector)) or self._has_own_limit(connector)

    def _has_drawn_since(self, charger: ChargerState, connector: Connector) -> bool:
        """Return whether a fresh sample shows more than the default, and is newer than that and than the status.

        Then one of the two is an old word, and the power that flows is not under control.
        """
        meter, settled = connector.meter, charger.defaults.settled
        drawn_w = meter.fresh_w(self.now.mono_ms, self.timings.fresh_sample_ms)
        if settled is None or drawn_w is None or meter.seen_ms is None:
            return False
        is_newer = meter.seen_ms > max(connector.status_ms, settled.accepted_ms or 0)
        if not is_newer or drawn_w <= settled.limit_w + tolerance_w(charger.config, settled.limit_w):
            return False
        self.alarm.at(meter.seen_ms + self.timings.fresh_sample_ms + 1)
        return True

    def _watch_uncommanded(self, charger: ChargerState, connector: Connector) -> None:
        flowing = connector.status is not None and MEANING[connector.status].power_may_flow
        if not flowing or connector.session is not None or charger.connection is None:
            connector.uncommanded_ms = None
            return
        if connector.uncommanded_ms is None:
            connector.uncommanded_ms = self.now.mono_ms
        if self._reached(connector.uncommanded_ms + self.timings.uncommanded_charging_ms):
            self._unprovision(charger, [connector], "charging without a transaction")

    def _unprovision(self, charger: ChargerState, connectors: list[Connector], reason: str) -> None:
        for connector in connectors:
            if connector.provisioned:
                connector.distrust()
                self.journal.log("connector.unprovisioned", charger.charger_id, connector.key.idx, reason=reason)
        self.journal.chargers.add(charger.charger_id)
        self.journal.plan = True

    # --- sessions that nobody stops ---------------------------------------------------------------------------------

    def _close_zombie(self, charger: ChargerState, connector: Connector) -> None:
        """Close a transaction whose connector is Available on the live connection, without meter flow or mention."""
        session = connector.session
        if session is None or session.driver is not Driver.OCPP or connector.status is not ConnectorStatus.AVAILABLE:
            return
        if charger.connection is None or connector.status_ms < max(charger.connected_ms, session.opened_ms):
            return  # that it is Available must have been said since
        meter, since_ms = connector.meter, connector.status_ms
        if meter.seen_ms is not None and meter.power_w:
            since_ms = max(since_ms, meter.seen_ms)
        since_ms = max(since_ms, session.named_ms or 0)  # what its samples still name is not over: the word is old
        if self._reached(since_ms + self.timings.zombie_ms):
            session.flag(NO_STOP_RECEIVED)
            session.doubt_last_reading()
            transactions = Transactions(self.state, self.journal, self.now, self.timings)
            transactions.end(session, EndReason.ZOMBIE, self.now.wall_ms, session.last_energy_wh)

    def _prove(self, charger: ChargerState, connector: Connector) -> None:
        """Steer a start with an old time stamp once its charger's queue has gone quiet."""
        session = connector.session
        if session is None or session.phase is not Phase.UNPROVEN or charger.connection is None:
            return
        if self._reached(max(charger.busy_ms, charger.connected_ms) + self.timings.quiet_ms):
            Transactions(self.state, self.journal, self.now, self.timings).prove(session)
            self.journal.plan = True

    def _rest_clients(self) -> None:
        """Watch the clients of REST-driven sessions: silent ones cannot be cut, and are ended in the end."""
        timeout_ms = self.state.station.rest_session_timeout_s * 1_000
        for session in list(self.state.sessions.values()):
            if session.driver is not Driver.REST:
                continue
            if self._reached(session.heard_ms + timeout_ms):
                transactions = Transactions(self.state, self.journal, self.now, self.timings)
                transactions.end(session, EndReason.SILENT_CLIENT, self.now.wall_ms, None)
            else:
                self._reached(session.heard_ms + self.timings.rest_silent_ms + 1)
                self._reached(session.heard_ms + self.timings.rest_alarm_ms)

    def _remote_starts(self) -> None:
        """Give up remote starts that were accepted but led to no transaction: nobody plugged a car in."""
        for waiter in list(self.state.waiters.values()):
            if waiter.session_id is None and self._reached(waiter.asked_ms + self.timings.start_wait_ms):
                del self.state.waiters[waiter.key]
                detail = "no transaction has started"
                self.journal.reply(waiter.request, Refused(Refusal.CHARGER_SILENT, detail))
