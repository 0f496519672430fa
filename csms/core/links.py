"""Taking in what happens to a charger's connection: connected, heard, booted, status, gone (OCPP 1.6 §4.2, §4.9).

A reconnect needs no boot (OCPP-J §5.4) and changes nothing that is booked; the limits of running transactions are said
again. After a boot the default is asserted again; until then, for at most 15 s, no raise leaves under its rows.
"""

from dataclasses import replace

from csms.core.aftermath import clear_what_is_kept
from csms.core.charger import ChargerState
from csms.core.connector import MEANING, Connector, Evidence, StatusStamp
from csms.core.events import (
    BootInfo,
    CertificateRequested,
    ChargerBooted,
    ChargerConnected,
    ChargerDisconnected,
    ChargerHeard,
    ChargerReported,
    ConnectorStatus,
    StatusNotified,
)
from csms.core.ids import ChargerId
from csms.core.learnt import MAKES_MAX, Learnt
from csms.core.limits import lose
from csms.core.part import Part
from csms.core.records import CertificateRequest
from csms.core.replies import Confirmed, Refusal, Refused
from csms.core.stamps import CLOCK_STEP_MS, STALE_MS
from csms.core.transactions import Transactions


class Links(Part):
    """Intake of a charger's connection and status; lives for one step."""

    def connected(self, fact: ChargerConnected) -> None:
        """Make a new connection the charger's current one; the one before counts as aborted now."""
        charger = self.state.chargers.get(fact.charger_id)
        if charger is None:
            return
        self._lose_sends(charger)
        self._identify(charger, fact)
        if not charger.ever_connected:
            charger.ever_connected = True
            self.journal.log("charger.first_connected", fact.charger_id)
        charger.connection, charger.connected_ms, charger.heard = fact.connection, self.now.mono_ms, False
        charger.connected_wall_ms = self.now.wall_ms
        charger.stamps.reconnected(self.now.mono_ms)
        self._forget_statuses(charger)
        charger.timeouts = 0
        charger.settings.disturbed_ms = self.now.mono_ms
        charger.reconnected()
        for connector in charger.connectors.values():
            if connector.closed is not None:
                connector.closed = replace(connector.closed, returned=True)
        for session in charger.sessions():
            session.steering.reassert = True
            session.steering.attempts = 0
            session.steering.retry_ms = self.now.mono_ms
        self._show_sessions(charger)
        self.journal.log("charger.connected", fact.charger_id, connection=fact.connection)
        self._changed(charger)

    def _identify(self, charger: ChargerState, fact: ChargerConnected) -> None:
        """Count a takeover from another address; too many of them are an identity conflict."""
        window_ms = self.timings.takeovers_window_ms
        identity, mono_ms = charger.identity, self.now.mono_ms
        if identity.connected(fact.address, mono_ms, window_ms, takes_over=fact.takes_over):
            charger.asserting_ms = None
            self.journal.log("charger.identity_conflict", charger.charger_id, None, address=fact.address)

    def disconnected(self, fact: ChargerDisconnected) -> None:
        """Take the charger offline; what was handed to the socket and not answered is lost, and stays booked."""
        charger = self.state.chargers.get(fact.charger_id)
        if charger is None or charger.connection != fact.connection:
            return
        self._lose_sends(charger)
        charger.connection, charger.away_ms, charger.heard = None, self.now.mono_ms, False
        charger.provisioning.pending = None
        charger.forget_errands()
        self._show_sessions(charger)
        self.journal.log("charger.disconnected", fact.charger_id, connection=fact.connection)
        self._changed(charger)

    def heard(self, fact: ChargerHeard) -> None:
        """From its first CALL on a charger may be addressed."""
        charger = self.state.chargers.get(fact.charger_id)
        if charger is not None and charger.connection == fact.connection and not charger.heard:
            charger.heard = True
            self.journal.plan = True

    def booted(self, fact: ChargerBooted) -> None:
        """Take a BootNotification: what it says of itself, and that it may have lost its profiles."""
        self.journal.reply(fact.request, Confirmed())
        charger = self.state.chargers.get(fact.charger_id)
        if charger is None or charger.connection != fact.connection:
            return
        self._take_make(charger, fact.boot)
        charger.heard = True
        self._begin_stamps(charger)
        charger.provisioning.booted(self.now.mono_ms, self.timings.boot_spacing_ms)
        charger.settings.booted(self.now.mono_ms)
        charger.default_in_doubt = charger.defaults.settled is not None
        if charger.learnt.forgets_default:
            charger.distrust()
        if charger.asserting_ms is None and not charger.identity.in_conflict:
            charger.begin_asserting(self.now.mono_ms)  # boots that follow do not begin the 15 s again
        for session in charger.sessions():
            session.steering.reassert = True
        self.journal.log(
            "charger.booted",
            fact.charger_id,
            vendor=fact.boot.vendor,
            model=fact.boot.model,
            firmware_version=fact.boot.firmware_version,
        )
        self._changed(charger)

    def _take_make(self, charger: ChargerState, boot: BootInfo) -> None:
        """Take over what chargers of the same make have shown; a new firmware is learnt anew."""
        make, makes = boot.make, self.state.makes
        before = None if charger.boot is None else charger.boot.make
        charger.boot = boot
        if before is not None and make not in {None, before}:
            charger.settings.new_firmware()
            charger.provisioning.reading.first = True
        if make is None:
            return
        if make not in makes and len(makes) >= MAKES_MAX:
            charger.learnt = charger.learnt if before in {None, make} else Learnt()
            return
        if make not in makes:
            makes[make] = charger.learnt if before is None else Learnt()
            self.journal.write_make(boot)
        charger.learnt = makes[make]
        clear_what_is_kept(charger)
        charger.settings.stale = True

    def status(self, fact: StatusNotified) -> None:
        """Take a connector's status; connector 0 is the charger as a whole and only kept as history."""
        self.journal.log(
            "connector.status_changed",
            fact.charger_id,
            fact.idx,
            status=fact.status,
            error_code=fact.error_code,
            info=fact.info,
            at_ms=fact.at_ms,
        )
        self.journal.reply(fact.request, Confirmed())
        charger = self.state.chargers.get(fact.charger_id)
        connector = None if charger is None else charger.connectors.get(fact.idx)
        if charger is None or connector is None or self._is_overtaken(charger, connector, fact):
            return
        self._take_status(charger, connector, fact.status, fact.at_ms)

    def reconsider(self, charger_id: ChargerId) -> None:
        """Take a status that seemed old once samples have shown that the charger's clock was set back before it."""
        charger = self.state.chargers.get(charger_id)
        for connector in () if charger is None else charger.connectors.values():
            if charger is None or connector.set_aside is None or connector.status_stamp is None:
                continue
            status, stamp = connector.set_aside
            was_set_back = connector.status_stamp.offset_ms > charger.stamps.offset_ms + STALE_MS
            if was_set_back and abs(stamp.offset_ms - charger.stamps.offset_ms) <= STALE_MS:
                connector.status_stamp, connector.set_aside = stamp, None
                self._take_status(charger, connector, status, stamp.at_ms)

    def _take_status(
        self, charger: ChargerState, connector: Connector, status: ConnectorStatus, at_ms: int | None
    ) -> None:
        session = connector.session
        since_ms = max(charger.connected_ms, 0 if session is None else session.opened_ms)
        is_news = connector.status is not status or connector.status_ms < since_ms
        if is_news:
            connector.status_ms = self.now.mono_ms  # for the first time, in this transaction and connection at least
        if connector.status is not status or connector.status_wall_ms is None:
            connector.status_wall_ms = self.now.wall_ms
        connector.status, connector.status_at_ms = status, at_ms
        if not MEANING[status].power_may_flow:
            is_news |= connector.closed is not None or connector.evidence != Evidence() or connector.limits.is_orphaned
            connector.limits.no_transaction_here()
            connector.nothing_flows()
        if MEANING[status].power_may_flow and session is not None:
            Transactions(self.state, self.journal, self.now, self.timings).prove(session)
        self.journal.chargers.add(charger.charger_id)
        if is_news:  # a station of a thousand chargers is not planned anew for what was known
            self.journal.plan = True

    def _is_overtaken(self, charger: ChargerState, connector: Connector, fact: StatusNotified) -> bool:
        """Return whether a status with a newer time stamp came before; between equal ones the order of receipt counts.

        Only stamps of one connection and one boot are compared, and for two minutes only: clocks step.
        """
        at_ms = fact.at_ms
        if at_ms is None or at_ms - self.now.wall_ms > charger.stamps.offset_ms + STALE_MS:
            return False
        newest, stamp = connector.status_stamp, StatusStamp(at_ms, self.now.mono_ms, self.now.wall_ms)
        if newest is not None and at_ms < newest.at_ms and self.now.mono_ms - newest.seen_ms < CLOCK_STEP_MS:
            connector.set_aside = fact.status, stamp  # its clock may have been set back: then this one is the newest
            charger.provisioning.statuses.soon()
            self.journal.plan = True
            return True
        connector.status_stamp, connector.set_aside = stamp, None
        return False

    def _begin_stamps(self, charger: ChargerState) -> None:
        charger.stamps.begin(self.now.mono_ms)
        self._forget_statuses(charger)

    @staticmethod
    def _forget_statuses(charger: ChargerState) -> None:
        for connector in charger.connectors.values():
            connector.status_stamp = connector.set_aside = connector.status_at_ms = None

    def reported(self, fact: ChargerReported) -> None:
        """Keep a message that steers nothing."""
        self.journal.log("charger.reported", fact.charger_id, None, action=fact.action, payload=fact.payload_json)
        self.journal.reply(fact.request, Confirmed())

    def certificate_requested(self, fact: CertificateRequested) -> None:
        """Keep what a charger wants to have signed, for an operator; it takes the place of what it wanted before."""
        charger = self.state.chargers.get(fact.charger_id)
        if charger is None:
            self.journal.reply(fact.request, Refused(Refusal.UNKNOWN_CHARGER, "there is no charger of that id"))
            return
        charger.certificate_request = CertificateRequest(fact.csr, self.now.wall_ms)
        self.journal.log("certificate.requested", fact.charger_id)
        self.journal.reply(fact.request, Confirmed())
        self._changed(charger)

    def _lose_sends(self, charger: ChargerState) -> None:
        """Count every unanswered send on the charger's connection as aborted now."""
        for send in charger.sends():
            if lose(send, self.now.mono_ms):
                self.journal.write_send(send)

    def _show_sessions(self, charger: ChargerState) -> None:
        """Have its sessions shown again: what is known of their phases was learnt on one connection."""
        for session in charger.sessions():
            self.journal.show(session.session_id)

    def _changed(self, charger: ChargerState) -> None:
        self.journal.chargers.add(charger.charger_id)
        self.journal.plan = True
