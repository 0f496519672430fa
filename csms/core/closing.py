"""An operator closes a transaction whose stop will never come: its charger is broken, stolen or gone (LEDGER.md I5).

Only what cannot be stopped in any other way is closed: a transaction of a charger that is offline, or one that is but a
record. It ends at the register last known, or at the one that the operator has read. What it was told goes by rule (c)
as at any end. But nobody has seen that its car has stopped: so what it was told is remembered (`Closed`), and from the
charger's next frame on it is booked again, until that charger tells that it is over:

    a status of the connector in which nothing flows, a StopTransaction of it, a start of now at the connector

A stop that comes after all is the true end and takes the place of the operator's.
"""

from csms.core import registers
from csms.core.events import TransactionCloseRequested
from csms.core.part import Part
from csms.core.records import Closed, EndReason
from csms.core.replies import Refusal, Refused, SessionEnded
from csms.core.session import NO_STOP_RECEIVED, REGISTER_UNKNOWN, SUSPECT, Phase, Session
from csms.core.transactions import Transactions


class Closing(Part):
    """Intake of closings; lives for one step."""

    def requested(self, fact: TransactionCloseRequested) -> None:
        """End the transaction, or refuse to."""
        session = self.state.transactions.get(fact.transaction_id)
        refused = self._refusal(session, fact)
        if session is None or refused is not None:
            self.journal.reply(fact.request, refused or _ENDED)
            return
        connector = self.state.connector(session.key)
        held = connector is not None and connector.session is session
        told_w = connector.told_w if connector is not None and held else 0
        session.flag(NO_STOP_RECEIVED)
        at_ms = max(self.now.wall_ms, session.started_ms)
        transactions = Transactions(self.state, self.journal, self.now, self.timings)
        transactions.end(session, EndReason.CLOSED, at_ms, self._meter_stop_wh(session, fact.meter_stop_wh))
        if connector is not None and held and told_w:
            connector.closed = Closed(fact.transaction_id, told_w)
            self.journal.chargers.add(session.key.charger_id)
        self.journal.log(
            "transaction.closed",
            session.key.charger_id,
            session.key.idx,
            transaction_id=fact.transaction_id,
            reason=fact.reason,
            meter_stop_wh=session.meter_stop_wh,
            told_w=told_w,
        )
        self.journal.reply(fact.request, SessionEnded())

    def _refusal(self, session: Session | None, fact: TransactionCloseRequested) -> Refused | None:
        """Return why it is not closed."""
        if session is None:
            return _ENDED
        charger = self.state.chargers.get(session.key.charger_id)
        if charger is not None and charger.connection is not None and session.phase is not Phase.HISTORIC:
            detail = "its charger is connected: stop it there with RemoteStopTransaction, or cut the charger off"
            return Refused(Refusal.CHARGER_CONNECTED, detail)
        known_wh = 0 if REGISTER_UNKNOWN in session.flags else session.meter_start_wh
        if fact.meter_stop_wh is not None and fact.meter_stop_wh < known_wh:
            return Refused(Refusal.METER_STOP_TOO_LOW, f"it began at {known_wh} Wh")
        return None

    def _meter_stop_wh(self, session: Session, told_wh: int | None) -> int | None:
        """Return the register at its end, Wh: what the operator has read, else the last one known."""
        last_wh = session.last_energy_wh
        if told_wh is None:
            session.doubt_last_reading()
            return last_wh
        if last_wh is not None and told_wh < last_wh:
            session.flag(SUSPECT)
        if REGISTER_UNKNOWN in session.flags:
            session.flag(SUSPECT)
            return registers.end(session, told_wh, 0)
        return told_wh


_ENDED = Refused(Refusal.TRANSACTION_ENDED, "it has ended")
