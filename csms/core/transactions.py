"""Taking in transactions: StartTransaction and StopTransaction (OCPP 1.6 §4.8, §4.10; LEDGER.md I6).

Rules that hold whatever a charger does:

* the same start (charger, connector, id tag, time, meter) has one transaction id and one verdict for ever;
* a start opens a record even when the tag is refused or the connector unknown: energy may be flowing;
* a newer start on a connector ends the older one there as superseded; an *older* one is history and touches nothing;
* that start runs after all when samples of now have named it for two minutes, and none the newer one: a time stamp may
  be wrong. Nothing that was told is freed by it: it goes with the start that runs;
* a stop ends the transaction it names, on its own charger, and nothing else; what it names wrongly is kept as orphan,
  and which one a stop means that names none is in `csms.core.nameless`;
* one that tells no register ends it at the last known one, and the session is marked;
* a start that tells no register opens one, too: where its energy is counted from is in `csms.core.registers`.

Meter values are taken in by `csms.core.samples`.
"""

from dataclasses import replace

from csms.core import nameless, registers
from csms.core.aftermath import transaction_ended
from csms.core.charger import ChargerState
from csms.core.connector import Connector
from csms.core.demand import Demand
from csms.core.errors import check
from csms.core.events import (
    KnownTransaction,
    TagStatus,
    TransactionStarted,
    TransactionStopped,
)
from csms.core.ids import ChargerId, ConnectorKey, TransactionId
from csms.core.meter import most_energy_wh, most_power_w
from csms.core.part import Part
from csms.core.records import Driver, EndReason, SessionStored, StopCorrected
from csms.core.replies import Refusal, Refused, StartConfirmed, StopConfirmed
from csms.core.session import (
    HISTORIC,
    IMPLAUSIBLE,
    NO_METER_START,
    REGISTER_UNKNOWN,
    RELATIVE,
    STOP_GUESSED,
    SUSPECT,
    UNPROVEN,
    Happening,
    Phase,
    Session,
    Turn,
    start_is_told_by_words,
)
from csms.core.units import MS_PER_HOUR, used_wh

START_TIME_UNKNOWN = "start_time_unknown"
"""Flag of a session whose start told no usable time: it began at the latest when we heard of it."""

REGISTERS_APART_WH = 100
"""A register that is told in two messages may be rounded so differently."""

USED_MAX_WH = 10**13
"""No transaction has used more, however long it ran: 10 TWh."""


class Transactions(Part):
    """Intake of transaction messages; lives for one step."""

    # --- start --------------------------------------------------------------------------------------------------------

    def started(self, fact: TransactionStarted) -> None:
        """Open a transaction, or answer a replay as it was answered before."""
        known = self._known(fact)
        if known is not None:
            self.journal.reply(fact.request, StartConfirmed(known.transaction_id, known.tag_status))
            return
        session = self._open(fact)
        charger = self.state.chargers.get(fact.key.charger_id)
        connector = None if charger is None else charger.connectors.get(fact.key.idx)
        if charger is not None:
            charger.busy_ms = self.now.mono_ms
        if charger is None or connector is None:
            session.flag("unknown_connector")
            self._keep_as_history(session)
            self.journal.log("transaction.on_unknown_connector", fact.key.charger_id, fact.key.idx)
        elif self._is_history(connector, session):
            self._keep_as_history(session)
        else:
            self._take_over(charger, connector, session)
        self.journal.write_session(session)
        self.journal.log(
            "transaction.started",
            fact.key.charger_id,
            fact.key.idx,
            transaction_id=session.transaction_id,
            session_id=session.session_id,
            tag_status=session.tag_status,
        )
        self.journal.reply(fact.request, StartConfirmed(_transaction_id(session), session.tag_status))

    def _known(self, fact: TransactionStarted) -> KnownTransaction | None:
        """Return the transaction that this very start opened before.

        The store may not know yet that one has ended that was only known by its words: we do.
        """
        known = self.state.starts.get(fact.key.identity) or fact.known
        if known is None or fact.key.words is None or known.ended or known.transaction_id in self.state.transactions:
            return known
        return None

    def _open(self, fact: TransactionStarted) -> Session:
        """Make the session of a start that was never seen before, and remember it."""
        transaction_id = self.state.take_transaction_id()
        key = ConnectorKey(fact.key.charger_id, fact.key.idx)
        charger = self.state.chargers.get(key.charger_id)
        declared_w = 0 if charger is None else charger.config.max_power_w
        session = Session(
            session_id=fact.new_session_id,
            driver=Driver.OCPP,
            key=key,
            rank=self.state.take_rank(),
            id_tag=fact.key.id_tag.upper(),
            id_tag_raw=fact.key.id_tag,
            tag_status=self._verdict(fact),
            created_ms=self.now.wall_ms,
            started_ms=fact.key.started_ms,
            meter_start_wh=fact.key.meter_start_wh or 0,
            phase=Phase.RUNNING,
            opened_ms=self.now.mono_ms,
            transaction_id=transaction_id,
            reservation_id=fact.reservation_id,
            start_words=fact.key.words,
            demand=Demand(declared_w, declared_w),
            tag_terms=fact.tag_terms,
            turn=Turn(self.state.turns),
        )
        if session.start_words is not None:
            session.flag(START_TIME_UNKNOWN)
        if fact.key.meter_start_wh is None:
            registers.tells_none(session)
        session.demand.limit_changed(self.now.mono_ms, self.timings)
        self.state.sessions[session.session_id] = session
        self.state.transactions[transaction_id] = session
        self.state.starts[fact.key.identity] = session.known(transaction_id)
        return session

    def _verdict(self, fact: TransactionStarted) -> TagStatus:
        """Return the verdict on the tag: ConcurrentTx exists only here (OCPP 1.6 §7.2), and only for another start.

        What counts is a charge that was accepted and runs: not a refused start that nobody has stopped, nor one from an
        offline queue of which it is not known whether its car is still there.
        """
        if not fact.exclusive or fact.tag_status is not TagStatus.ACCEPTED:
            return fact.tag_status
        tag = fact.key.id_tag.upper()
        here = ConnectorKey(fact.key.charger_id, fact.key.idx)
        if fact.key.words is not None or self._age_ms(here.charger_id, fact.key.started_ms) > self.timings.old_start_ms:
            return TagStatus.ACCEPTED  # from a queue: what runs now says nothing of then
        running = any(
            s.id_tag == tag
            and s.driver is Driver.OCPP
            and s.key != here
            and s.phase is Phase.RUNNING
            and s.tag_status is TagStatus.ACCEPTED
            for s in self.state.sessions.values()
        )
        return TagStatus.CONCURRENT_TX if running else TagStatus.ACCEPTED

    def _is_history(self, connector: Connector, session: Session) -> bool:
        """Return whether the connector already has a newer transaction than this replayed start.

        A start that came with the present time is never history: then the clock was wrong at the start before it.
        """
        current = connector.session
        if current is None:
            return False
        if current.driver is Driver.REST:
            return True  # it stays REST-driven to its end (API.md)
        if session.started_ms >= current.started_ms:
            return False
        return abs(self._age_ms(session.key.charger_id, session.started_ms)) > self.timings.old_start_ms

    def _age_ms(self, charger_id: ChargerId, started_ms: int) -> int:
        """Return how long ago a start was by its charger's clock, as far as that is known to be ahead."""
        charger = self.state.chargers.get(charger_id)
        ahead_ms = 0 if charger is None else charger.stamps.ahead_by_ms
        return self.now.wall_ms + ahead_ms - started_ms

    def _keep_as_history(self, session: Session) -> None:
        """Keep a start as a record that touches no ledger; one such record of a connector waits for its stop.

        An older one is closed: its stop, if it ever comes, still corrects it.
        """
        for other in list(self.state.sessions.values()):
            if other.key == session.key and other.phase is Phase.HISTORIC and other is not session:
                other.flag("superseded")
                self.end(other, EndReason.SUPERSEDED, max(other.started_ms, session.started_ms), None)
        session.flag(HISTORIC)
        session.phase = Phase.HISTORIC

    def _take_over(self, charger: ChargerState, connector: Connector, session: Session) -> None:
        """Give the connector to a new transaction; whatever held it is superseded."""
        registers.follow(session, connector)
        self._supersede(charger, connector, session, session.started_ms)
        is_old = self._age_ms(session.key.charger_id, session.started_ms) > self.timings.old_start_ms
        if session.start_words is not None or is_old:
            session.flag(UNPROVEN)
            session.phase = Phase.UNPROVEN
        else:
            self._end_remote_start(session)
        kept = charger.keeps_tx_profile and connector.aftermath.clear_due
        self._hold(connector, session, kept=kept)
        connector.meter.begin(None if session.start_words is not None else session.started_ms)

    def proved_present(self, charger: ChargerState, connector: Connector, session: Session) -> None:
        """Give the connector to a start that was kept as history: its charger has named it, and no other, for long.

        Two transactions cannot run at one connector, so the one that held it is over: its time stamp lied, or the
        other's. A status cannot show that, it names no transaction. Nor can samples of an offline queue: two of them
        are of now, as the charger's clock stands, two minutes apart. Should it be a mistake even so, no power is freed
        by it: what the other one was told stays booked until a limit of this one is settled, or this one ends, and
        what was measured there until a sample is low.
        """
        current = connector.session
        if current is not None and current.driver is Driver.REST:
            return
        at_ms = session.created_ms if current is None else max(session.created_ms, current.started_ms)
        measured_w = connector.evidence.measured_w
        self._supersede(charger, connector, session, at_ms)
        connector.evidence.measured_w = measured_w
        session.happened(Happening.PROVEN)
        session.unflag(HISTORIC)
        session.opened_ms = self.now.mono_ms
        self._end_remote_start(session)
        self._hold(connector, session, kept=True)
        connector.meter.begin(None)
        self.journal.write_session(session)
        self.journal.log("transaction.present", *session.key, transaction_id=session.transaction_id)

    def _supersede(self, charger: ChargerState, connector: Connector, session: Session, at_ms: int) -> None:
        """End the session that holds a connector, if any, because another one runs there."""
        current = connector.session
        if current is None:
            return
        current.flag("superseded")
        meter_stop_wh = self._superseded_at_wh(charger, current, session)
        self.end(current, EndReason.SUPERSEDED, at_ms, meter_stop_wh)

    def _hold(self, connector: Connector, session: Session, *, kept: bool) -> None:
        """Let a session hold a connector; `kept`: all that was told there may still be in force for it."""
        connector.session = session
        if session.phase is Phase.RUNNING:
            connector.closed = None  # two cannot run there; a start of the past may be of before it
        connector.uncommanded_ms = None
        connector.evidence.above, connector.evidence.since_ms = 0, None
        connector.aftermath.clear_due = False
        late_ms = self.timings.late_execution_ms
        for send in connector.limits.hand_over(_transaction_id(session), self.now.mono_ms, late_ms, kept=kept):
            self.journal.write_send(send)
        self.journal.plan = True

    def prove(self, session: Session) -> None:
        """Take a session with an old time stamp for a running one."""
        if session.happened(Happening.PROVEN):
            session.unflag(UNPROVEN)
            self.journal.write_session(session)
            self._end_remote_start(session)
            self.journal.plan = True

    def _end_remote_start(self, session: Session) -> None:
        """Let a running session end the remote start that waits for its connector: as asked for, or as another car."""
        waiter = self.state.waiters.get(session.key)
        if waiter is None or waiter.session_id is not None:
            return
        if waiter.id_tag.upper() == session.id_tag:
            waiter.session_id = session.session_id
            declared_w = min(waiter.vehicle_max_w, session.demand.declared_w)
            session.demand.declared_w = session.demand.estimate_w = declared_w
            session.own_terms = waiter.terms
        else:
            del self.state.waiters[session.key]
            self.journal.reply(waiter.request, Refused(Refusal.CONNECTOR_IN_USE, "another car has started there"))

    def _superseded_at_wh(self, charger: ChargerState, current: Session, following: Session) -> int | None:
        """Return the register at which a superseded transaction ended, Wh: the next one's start, if it can be true."""
        if NO_METER_START in following.flags:
            current.flag(SUSPECT)
            return current.last_energy_wh
        if REGISTER_UNKNOWN in current.flags:
            return registers.end(current, following.meter_start_wh, 0)
        used = following.meter_start_wh - current.meter_start_wh
        lasted_ms = max(following.started_ms - current.started_ms, self.now.wall_ms - current.started_ms, 0)
        most_wh = most_energy_wh(charger.config.max_power_w, lasted_ms)
        if 0 <= used <= most_wh:
            return following.meter_start_wh
        current.flag(SUSPECT)
        return current.last_energy_wh

    # --- stop ---------------------------------------------------------------------------------------------------------

    def stopped(self, fact: TransactionStopped) -> None:
        """End the transaction that the charger names; confirm whatever it names."""
        charger = self.state.chargers.get(fact.charger_id)
        if charger is not None:
            charger.busy_ms = self.now.mono_ms
        session = self._stopped_session(fact)
        if session is not None:
            self._stop(session, fact)
            self.state.orphans[_stop_identity(fact)] = True  # the id may not tell a repetition: −1 names no transaction
        elif not self._repeated(fact):
            self._orphan(fact)
        self.journal.reply(fact.request, StopConfirmed(fact.tag_status))

    def _stopped_session(self, fact: TransactionStopped) -> Session | None:
        """Return the open session that a stop means, only ever one of its own charger."""
        named = self.state.transactions.get(fact.transaction_id)
        if named is not None:
            return named if named.key.charger_id == fact.charger_id else None
        if fact.transaction_id != -1 or fact.repeated or _stop_identity(fact) in self.state.orphans:
            return None
        session = nameless.meant(self.state.sessions.values(), fact)
        if session is not None:
            session.flag(STOP_GUESSED, SUSPECT)
        return session

    def _stop(self, session: Session, fact: TransactionStopped) -> None:
        for sample in fact.samples:
            self.journal.keep_sample(fact, session.key.idx, sample, session.session_id)
        meter_stop_wh = told_wh = self._told_at_end(session, fact)
        if meter_stop_wh is None:
            session.doubt_last_reading()
            session.flag(IMPLAUSIBLE)
            start_wh = None if REGISTER_UNKNOWN in session.flags else session.meter_start_wh
            meter_stop_wh = start_wh if session.last_energy_wh is None else session.last_energy_wh
        if NO_METER_START not in session.flags and self._is_suspect(session.known(_transaction_id(session)), fact):
            session.flag(SUSPECT)
            told_wh = None
        elif told_wh is not None and self._is_below_what_was_read(session, told_wh):
            session.flag(SUSPECT)
        session.last_energy_wh = meter_stop_wh
        connector = self.state.connector(session.key)
        held = None if connector is None or connector.session is not session else connector
        if held is not None:
            held.meter.end(None if fact.words is not None else fact.stopped_ms)
        self.end(session, fact.reason, fact.stopped_ms, meter_stop_wh)
        if held is not None:
            held.rested(told_wh or 0, fact.stopped_ms)

    @staticmethod
    def _is_below_what_was_read(session: Session, told_wh: int) -> bool:
        """Return whether a meterStop contradicts more than the last reading, which alone may be wrong."""
        if {RELATIVE, NO_METER_START} & set(session.flags) or session.before_last_wh is None:
            return False
        return told_wh < session.before_last_wh - REGISTERS_APART_WH

    def _told_at_end(self, session: Session, fact: TransactionStopped) -> int | None:
        """Return the register that a stop tells, Wh; for a start that told none, one that its end can have."""
        charger = self.state.chargers.get(session.key.charger_id)
        max_w = 0 if charger is None else charger.config.max_power_w
        if NO_METER_START not in session.flags:
            if fact.meter_stop_wh is None:
                registers.meter_at_end(session, fact.samples, max_w)
            return fact.meter_stop_wh
        registers.read_at_end(session, fact.samples, max_w)
        if charger is None or session.last_energy_wh is None:
            most_wh = most_energy_wh(max_w, registers.lasted_ms(session, fact.stopped_ms))
        else:
            most_wh = self._most_wh(charger, session.started_ms, fact)
        return registers.end(session, fact.meter_stop_wh, most_wh)

    def _is_suspect(self, started: KnownTransaction, fact: TransactionStopped) -> bool:
        """Return whether a stop cannot be true: before its start, or more than such a connector can have delivered."""
        if NO_METER_START in started.flags:
            return True
        used = 0 if fact.meter_stop_wh is None else fact.meter_stop_wh - started.meter_start_wh
        if used < 0 or used > USED_MAX_WH or fact.stopped_ms < started.started_ms:
            return True
        charger = self.state.chargers.get(started.charger_id)
        if charger is None or START_TIME_UNKNOWN in started.flags:
            return False
        return used > self._most_wh(charger, started.started_ms, fact)

    def _most_wh(self, charger: ChargerState, started_ms: int, fact: TransactionStopped) -> int:
        """Return the most that a transaction can have used that ends now, Wh.

        The time that its stop tells counts only where its start was told by a clock that is ahead, too.
        """
        now_ms = self.now.wall_ms
        ended_ms = max(fact.stopped_ms, now_ms) if started_ms > now_ms + MS_PER_HOUR else now_ms
        lasted_ms = max(ended_ms - started_ms, MS_PER_HOUR)
        return most_energy_wh(most_power_w(charger.config), lasted_ms)

    def _repeated(self, fact: TransactionStopped) -> bool:
        """Return whether this stop was taken before, as a stop of an ended transaction or as an orphan."""
        known = self.state.ended.get(fact.transaction_id) or fact.known
        identity = _stop_identity(fact)
        if known is not None and known.charger_id == fact.charger_id and known.end_guessed:
            self._correct(known, fact)
            return True
        if known is not None and known.charger_id == fact.charger_id and known.ended:
            self.journal.log("transaction.stop_repeated", fact.charger_id, None, transaction_id=fact.transaction_id)
            for sample in fact.samples:  # the first values count, but no reading is thrown away
                self.journal.keep_sample(fact, known.idx, sample, known.session_id)
            return True
        if fact.repeated or identity in self.state.orphans:
            return True
        self.state.orphans[identity] = True
        return False

    def _correct(self, known: KnownTransaction, fact: TransactionStopped) -> None:
        """Put the true end in the place of one that was guessed: it is what is billed."""
        flags = tuple(flag for flag in known.flags if flag not in {SUSPECT, STOP_GUESSED})
        if self._is_suspect(known, fact):
            flags = (*flags, SUSPECT)
        told_wh, start_wh = fact.meter_stop_wh, None
        read_wh = registers.newest_wh(fact.samples) if told_wh is None and REGISTER_UNKNOWN not in flags else None
        if told_wh is not None and REGISTER_UNKNOWN in flags:
            start_wh, flags = told_wh, tuple(flag for flag in flags if flag != REGISTER_UNKNOWN)
        elif told_wh is not None and NO_METER_START in flags and not self._fits(known, fact, told_wh):
            told_wh = None
        if told_wh is None and IMPLAUSIBLE not in flags:
            flags = (*flags, IMPLAUSIBLE)
        if read_wh is not None and self._fits(known, fact, read_wh):
            told_wh = read_wh
        self.journal.corrections.append(
            StopCorrected(known.session_id, fact.stopped_ms, told_wh, fact.reason, flags, start_wh)
        )
        for sample in fact.samples:
            self.journal.keep_sample(fact, known.idx, sample, known.session_id)
        self._is_over(known)
        self.state.ended[fact.transaction_id] = replace(known, end_guessed=False, flags=flags)
        self.journal.log(
            "transaction.stopped_late",
            known.charger_id,
            known.idx,
            transaction_id=known.transaction_id,
            meter_stop_wh=fact.meter_stop_wh,
            energy_wh=_billed_wh(known, fact, flags),
        )

    def _is_over(self, known: KnownTransaction) -> None:
        """Free what is booked for a transaction that an operator had closed."""
        connector = self.state.connector(ConnectorKey(known.charger_id, known.idx))
        if connector is None or connector.closed is None or connector.closed.transaction_id != known.transaction_id:
            return
        connector.closed = None
        self.journal.chargers.add(known.charger_id)
        self.journal.plan = True

    def _fits(self, started: KnownTransaction, fact: TransactionStopped, told_wh: int) -> bool:
        """Return whether a transaction can have ended at a register that its late stop tells."""
        charger = self.state.chargers.get(started.charger_id)
        most_wh = 0 if charger is None else self._most_wh(charger, started.started_ms, fact)
        return 0 <= told_wh - started.meter_start_wh <= most_wh

    def _orphan(self, fact: TransactionStopped) -> None:
        """Keep a stop that belongs to no transaction of this charger as a closed record of its own."""
        tag = fact.id_tag or ""
        self.journal.log(
            "transaction.orphan_stopped",
            fact.charger_id,
            None,
            transaction_id=str(fact.transaction_id),
            meter_stop_wh=fact.meter_stop_wh,
            stopped_ms=fact.stopped_ms,
            reason=fact.reason,
        )
        self.journal.orphans.append(
            SessionStored(
                session_id=fact.new_session_id,
                driver=Driver.OCPP,
                charger_id=fact.charger_id,
                idx=0,
                transaction_id=None,
                id_tag=tag.upper(),
                id_tag_raw=tag,
                tag_status=fact.tag_status or TagStatus.INVALID,
                rank=self.state.take_rank(),
                created_ms=self.now.wall_ms,
                started_ms=fact.stopped_ms,
                meter_start_wh=fact.meter_stop_wh or 0,
                declared_w=0,
                estimate_w=0,
                ended_ms=fact.stopped_ms,
                meter_stop_wh=fact.meter_stop_wh,
                end_reason=fact.reason,
                flags=("orphan",) if fact.meter_stop_wh is not None else ("orphan", IMPLAUSIBLE),
            )
        )
        for sample in fact.samples:
            self.journal.keep_sample(fact, 0, sample, fact.new_session_id)

    # --- the end of any session ---------------------------------------------------------------------------------------

    def end(self, session: Session, reason: str, ended_ms: int, meter_stop_wh: int | None) -> None:
        """End a session, however it ended; its connector is free, its sends are freed by rule (c) alone."""
        session.happened(Happening.STOPPED)
        session.ended_ms, session.end_reason, session.meter_stop_wh = ended_ms, reason, meter_stop_wh
        connector = self.state.connector(session.key)
        if connector is not None and connector.session is session:
            connector.session = None
            connector.freed_ms = self.now.mono_ms
            connector.rested(0, ended_ms)
            transaction_ended(self.state.chargers[session.key.charger_id], connector, session)
            self.journal.plan = True
        self.state.sessions.pop(session.session_id, None)
        if session.transaction_id is None:
            self.state.rest_ended[session.session_id] = True
        else:
            self._remember_ended(session)
        self.journal.write_session(session)
        self.journal.log(
            "session.ended",
            session.key.charger_id,
            session.key.idx,
            session_id=session.session_id,
            transaction_id=session.transaction_id,
            reason=reason,
            energy_wh=session.billed_wh,
        )

    def _remember_ended(self, session: Session) -> None:
        transaction_id = _transaction_id(session)
        self.state.transactions.pop(transaction_id, None)
        known = self.state.ended[transaction_id] = session.known(transaction_id)
        if session.start_words is None or start_is_told_by_words(session):
            self.state.starts[session.start_key.identity] = known
        else:
            self.state.starts.pop(session.start_key.identity, None)


def _billed_wh(known: KnownTransaction, fact: TransactionStopped, flags: tuple[str, ...]) -> int | None:
    if SUSPECT in flags or fact.meter_stop_wh is None:
        return None
    return used_wh(known.meter_start_wh, fact.meter_stop_wh)


def _stop_identity(fact: TransactionStopped) -> tuple[ChargerId, int, int | str, int | None]:
    """Return what makes two stops the same one when their transaction id does not."""
    at = fact.stopped_ms if fact.words is None else fact.words
    return fact.charger_id, fact.transaction_id, at, fact.meter_stop_wh


def _transaction_id(session: Session) -> TransactionId:
    check(session.transaction_id is not None, "a session driven over OCPP has a transaction")
    return TransactionId(session.transaction_id or 0)
