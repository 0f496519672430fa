"""Taking in what became of our CALLs (LEDGER.md §3).

An answer counts only for its own CALL and only on the connection on which that was sent; a late one on the same
connection still counts. Two time-outs running abort the socket, at most three times an hour. A charger is *refusing*
after three different ways to say a limit were refused in a row, or after the third abort: it is booked like one that
was never provisioned; every way is tried once (`csms.core.ladder`), after that one every ten minutes.
"""

from csms.core.aftermath import CLEARINGS_TO_GIVE_UP, clear_what_is_kept
from csms.core.capabilities import SAMPLED_KEY
from csms.core.charger import ChargerState
from csms.core.commanding import Commanding
from csms.core.commands import (
    AbortConnection,
    ChangeConfiguration,
    ClearLimits,
    Purpose,
    ReadConfiguration,
    ReadSchedule,
)
from csms.core.connector import Connector
from csms.core.containing import hard_answered, hard_unanswered
from csms.core.events import (
    CallAnswered,
    CallErrored,
    CallSent,
    CallTimedOut,
    CallUnsent,
    CommandAnswered,
    ConfigurationRead,
    ScheduleRead,
)
from csms.core.expiry import learn_expiry
from csms.core.ids import ChargerId, ConnectionId, ConnectorKey, Token
from csms.core.ladder import Attempt, Manner, attempts, least_w, likeliest_attempt
from csms.core.limits import Book, Send, accept, lose, refuse
from csms.core.part import Part
from csms.core.provisioning import Provisioning
from csms.core.releasing import Releasing
from csms.core.replies import Refusal, Refused, SessionEnded
from csms.core.state import (
    AftermathCall,
    AgendaCall,
    Errand,
    HardCall,
    LimitCall,
    OperatorCall,
    PendingCall,
    ReleaseCall,
    StartCall,
    StopCall,
)
from csms.core.tenths import learn_tenths
from csms.core.undoing import Said, said_of

ACCEPTED = "Accepted"
CLEARED = frozenset({ACCEPTED, "Unknown"})
UNKNOWN_ACTION = frozenset({"NotImplemented", "NotSupported"})
WAYS_TO_REFUSE = 3
REFUSALS_OF_ZERO = 3
"""So often 0 W is refused before it counts as something that the make does not take: for five seconds at least."""
TIMEOUTS_TO_ABORT = 2


class Calls(Part):
    """Intake of the fate of CALLs; lives for one step."""

    # --- facts --------------------------------------------------------------------------------------------------------

    def sent(self, fact: CallSent) -> None:
        """Note that the bytes of a CALL were handed over."""
        call = self.state.calls.get(fact.token)
        if isinstance(call, LimitCall):
            call.send.handed = True

    def unsent(self, fact: CallUnsent) -> None:
        """Take a CALL back: none of its bytes left (rule a)."""
        call = self.state.calls.pop(fact.token, None)
        match call:
            case LimitCall():
                self._book(call.send).drop_unsent(call.send.token)
                self.journal.drop_sends([call.send])
                self._free_agenda(call, fact.token)
                self._free_aftermath(call.charger_id, call.send.idx, fact.token)
                self.journal.plan = True
            case AgendaCall():
                self._never_asked(call)
                self._free_agenda(call, fact.token)
            case AftermathCall():
                self._free_aftermath(call.charger_id, call.idx, fact.token)
            case HardCall():
                hard_unanswered(self.state, call, self.now, self.timings, self.journal)
            case StartCall() | StopCall():
                self._refuse_request(call, Refusal.CHARGER_OFFLINE, "the charger went offline before it was asked")
            case OperatorCall():
                self._operator.unsent(call)
            case ReleaseCall():
                self._releasing.unsent(call, fact.token)
            case None:
                pass

    def answered(self, fact: CallAnswered) -> None:  # noqa: C901 - one table of all CALLs
        """Take a CALLRESULT with a status."""
        call = self._live_call(fact.token)
        if call is None:
            return
        status = fact.status.strip()
        match call:
            case LimitCall():
                self._limit_answered(call, fact.token, accepted=status == ACCEPTED, answer=status)
            case AgendaCall():
                self._schedule_answered(call, None)
                self._setting_answered(call, status)
                self._statuses_answered(call, status)
                self._foreign_cleared(call, status)
                done = call.errand is not Errand.CLEAR_PLACE or status in CLEARED
                failures = self.state.chargers[call.charger_id].provisioning.failures
                if not done and failures >= len(self.timings.backoff_ms):
                    self._cannot_clear(call, fact.token, status, self.timings.refusing_retry_ms)
                else:
                    self._errand_ended(call, fact.token, done=done, answer=status)
            case AftermathCall():
                self._cleared(call, fact.token, status)
            case HardCall():
                hard_answered(self.state, call, status, self.now, self.timings, self.journal)
            case OperatorCall():
                self._operator.answered(call, status, None)
            case ReleaseCall():
                self._releasing.said(call, fact.token, Said(status))
            case StartCall() | StopCall() if status != ACCEPTED:
                self._refuse_request(call, Refusal.CHARGER_REFUSED, "the charger refused")
            case StopCall():
                self.journal.reply(call.request, SessionEnded())
            case StartCall():
                pass  # it will try: the start itself is the answer

    def command_answered(self, fact: CommandAnswered) -> None:
        """Take the answer to an operator's command, or to a question of a release."""
        call = self._live_call(fact.token)
        if isinstance(call, OperatorCall):
            self._operator.answered(call, fact.status, fact.payload_json)
        elif isinstance(call, ReleaseCall):
            self._releasing.said(call, fact.token, said_of(fact))

    def configuration_read(self, fact: ConfigurationRead) -> None:
        """Take what a charger tells of its configuration keys."""
        call = self._live_call(fact.token)
        if isinstance(call, ReleaseCall):
            self._releasing.said(call, fact.token, Said(keys=fact))
        if not isinstance(call, AgendaCall) or not isinstance(call.command, ReadConfiguration):
            return
        charger = self.state.chargers[call.charger_id]
        told = charger.settings.told(fact.values, fact.unknown_keys, fact.readonly)
        if SAMPLED_KEY in told:
            self._learn_unsupported(charger, charger.settings.read_back())
        charger.provisioning.reading.answered(call.command.keys, told)
        self.journal.chargers.add(charger.charger_id)
        self._errand_ended(call, fact.token, done=True, answer=ACCEPTED)

    def schedule_read(self, fact: ScheduleRead) -> None:
        """Take what a charger says is in force."""
        call = self._live_call(fact.token)
        if isinstance(call, AgendaCall):
            self._schedule_answered(call, fact)
            self._errand_ended(call, fact.token, done=True, answer=ACCEPTED)
        elif isinstance(call, ReleaseCall):
            self._releasing.said(call, fact.token, Said(schedule=fact))

    def _schedule_answered(self, call: AgendaCall, answer: ScheduleRead | None) -> None:
        """Take what is read back; None: that no schedule can be, so that it is not worth asking again."""
        charger = self.state.chargers[call.charger_id]
        if call.errand is Errand.READ_BACK:
            learn_tenths(charger, self.journal, answer)
        elif call.errand is Errand.READ_EXPIRY and isinstance(call.command, ReadSchedule):
            learn_expiry(self.state, charger, call.command.idx, answer, self.journal, self.now)

    def errored(self, fact: CallErrored) -> None:  # noqa: C901 - one table of all CALLs
        """Take a CALLERROR: an answer, and no evidence of what is in force."""
        call = self._live_call(fact.token)
        match call:
            case LimitCall():
                self._limit_answered(call, fact.token, accepted=False, answer=fact.code)
            case AgendaCall():
                self._schedule_answered(call, None)
                self._setting_answered(call, fact.code)
                self._statuses_answered(call, fact.code)
                if isinstance(call.command, ReadConfiguration):
                    reading = self.state.chargers[call.charger_id].provisioning.reading
                    reading.refused(call.command.keys, fact.code)
                done = call.errand is not Errand.CLEAR_PLACE
                failures = self.state.chargers[call.charger_id].provisioning.failures
                if not done and (fact.code in UNKNOWN_ACTION or failures >= len(self.timings.backoff_ms)):
                    self._cannot_clear(call, fact.token, fact.code, self.timings.refusing_retry_ms)
                else:
                    self._errand_ended(call, fact.token, done=done, answer=fact.code)
            case AftermathCall():
                self._cleared(call, fact.token, fact.code)
            case HardCall():
                hard_answered(self.state, call, fact.code, self.now, self.timings, self.journal)
            case StartCall() | StopCall():
                self._refuse_request(call, Refusal.CHARGER_REFUSED, f"the charger answered with error {fact.code[:40]}")
            case OperatorCall():
                self._operator.errored(call, fact.code)
            case ReleaseCall():
                self._releasing.said(call, fact.token, Said(fact.code))
            case None:
                pass

    def timed_out(self, fact: CallTimedOut) -> None:  # noqa: C901 - one table of all CALLs
        """Take a time-out: it frees nothing, and the second one running aborts the socket."""
        call = self.state.calls.get(fact.token)
        if call is None or not self._on_live_connection(call):
            return
        charger = self.state.chargers[call.charger_id]
        match call:
            case LimitCall():
                if lose(call.send, self.now.mono_ms):
                    self.journal.write_send(call.send)
                    self._failed(charger, call.send)
                    self._free_agenda(call, fact.token, failed=True)
                    self._free_aftermath(call.charger_id, call.send.idx, fact.token, failed=True)
            case AftermathCall():
                self._free_aftermath(call.charger_id, call.idx, fact.token, failed=True)
            case AgendaCall():
                self._errand_timed_out(call, charger.provisioning, fact.token)
            case HardCall():
                del self.state.calls[fact.token]
                hard_unanswered(self.state, call, self.now, self.timings, self.journal)
            case StartCall() | StopCall():
                del self.state.calls[fact.token]
                self._refuse_request(call, Refusal.CHARGER_SILENT, "the charger did not answer in time")
            case OperatorCall():
                self._operator.timed_out(call)
            case ReleaseCall():
                del self.state.calls[fact.token]
                self._releasing.unanswered(call, fact.token)
        self.journal.plan = True
        charger.timeouts += 1
        self.journal.log("call.timed_out", charger.charger_id, None, token=fact.token)
        if charger.timeouts >= TIMEOUTS_TO_ABORT:
            self._abort(charger)

    def _errand_timed_out(self, call: AgendaCall, agenda: Provisioning, token: Token) -> None:
        self._schedule_answered(call, None)
        if call.errand is Errand.ASK_STATUSES:
            agenda.statuses.at_ms = None  # as soon as it may be asked again
        self._unanswered(call)
        agenda.unanswered += call.errand is Errand.CLEAR_PLACE
        if agenda.unanswered >= TIMEOUTS_TO_ABORT:
            agenda.unanswered -= 1  # it is tried once more in a while, then left again
            self._cannot_clear(call, token, "no answer", self.timings.late_execution_ms)
        self._free_agenda(call, token, failed=True)

    def connection_lost(self, connection: ConnectionId) -> None:
        """Take the end of a connection: nobody will answer what was asked on it (limits are lost one by one)."""
        for token, call in list(self.state.calls.items()):
            if call.connection != connection or isinstance(call, LimitCall):
                continue
            del self.state.calls[token]
            if isinstance(call, AgendaCall):
                self._unanswered(call)
            if isinstance(call, HardCall):
                hard_unanswered(self.state, call, self.now, self.timings, self.journal)
            if isinstance(call, StartCall | StopCall):
                self._refuse_request(call, Refusal.CHARGER_OFFLINE, "the charger went offline before it answered")
            if isinstance(call, OperatorCall):
                self._operator.lost(call)
            if isinstance(call, ReleaseCall):
                self._releasing.unanswered(call, token)

    @property
    def _releasing(self) -> Releasing:
        return Releasing(self.state, self.journal, self.now, self.timings)

    @property
    def _operator(self) -> Commanding:
        return Commanding(self.state, self.journal, self.now, self.timings)

    # --- parts --------------------------------------------------------------------------------------------------------

    def _on_live_connection(self, call: PendingCall) -> bool:
        charger = self.state.chargers.get(call.charger_id)
        return charger is not None and charger.connection == call.connection

    def _live_call(self, token: Token) -> PendingCall | None:
        """Return the CALL of an answer if it still counts, and note that the charger answers."""
        call = self.state.calls.get(token)
        if call is None or not self._on_live_connection(call):
            return None
        del self.state.calls[token]
        charger = self.state.chargers[call.charger_id]
        charger.timeouts = 0
        if not charger.heard and charger.boot is not None:
            charger.heard = self.journal.plan = True
            self.journal.chargers.add(charger.charger_id)
        return call

    def _book(self, send: Send) -> Book:
        charger = self.state.chargers.get(send.charger_id)
        if charger is None:
            return Book()
        connector = charger.connectors.get(send.idx)
        if send.idx == 0:
            return charger.defaults
        return Book() if connector is None else connector.limits

    def _limit_answered(self, call: LimitCall, token: Token, *, accepted: bool, answer: str) -> None:
        send, charger = call.send, self.state.chargers[call.charger_id]
        send.handed = True
        if send.lost_ms is not None:
            self._book(send).answered_late(send)
            if accepted and send.idx == 0 and self._is_cleared_since(charger, send):
                self.journal.log("limit.accepted_late", send.charger_id, None, limit_w=send.limit_w)
                return  # it stays lost, and booked, and is said again: whether it stands is not known
        changed = accept(send, self.now.mono_ms) if accepted else refuse(send)
        if not changed:
            return
        self.journal.write_send(send)
        self.journal.plan = True
        if accepted:
            self._accepted(charger, send)
        else:
            self.journal.log("limit.refused", send.charger_id, send.idx, limit_w=send.limit_w, answer=answer[:40])
            self._refused(charger, send)
        self._free_agenda(call, token, failed=not accepted)
        self._free_aftermath(call.charger_id, send.idx, token, failed=not accepted)

    @staticmethod
    def _is_cleared_since(charger: ChargerState, send: Send) -> bool:
        """Return whether a clearing of its stack level has left after a default: it may have gone with that."""
        return charger.provisioning.clearings.get(send.form.stack_level, send.token) > send.token

    def _accepted(self, charger: ChargerState, send: Send) -> None:
        provisioning = charger.provisioning
        send.outlives_its_own = send.purpose is Purpose.TX and not self._is_of_now(charger, send)
        provisioning.refused.clear()
        provisioning.proven = send.form
        if charger.refusing_until_ms is not None:
            charger.refusing_until_ms = None
            self.journal.log("charger.obeys_again", charger.charger_id)
        if send.idx == 0:
            self._default_accepted(charger, send)
            return
        self._learn_manner(charger, send)
        connector = charger.connectors.get(send.idx)
        if connector is not None and connector.session is not None and send.transaction_id is not None:
            session = connector.session
            session.steering.attempts = 0
            session.demand.limit_changed(self.now.mono_ms, self.timings)
            if send.limit_w < least_w(charger.config, send.form):
                session.offered_ms = None  # a car is not offered less than its least current
            elif session.offered_ms is None and (not session.drew or self._was_paused(connector, send)):
                session.offered_ms = self.now.mono_ms

    @staticmethod
    def _was_paused(connector: Connector, send: Send) -> bool:
        """Return whether the limit accepted before this one was 0."""
        before = [s for s in connector.limits.sends if s.token < send.token and s.answered_accepted]
        return bool(before) and before[-1].limit_w == 0 and before[-1].transaction_id == send.transaction_id

    def _default_accepted(self, charger: ChargerState, send: Send) -> None:
        """Take our default for said, and what it tells of the make."""
        provisioning = charger.provisioning
        provisioning.default_due = send.token < provisioning.outdated
        if not provisioning.default_due:
            provisioning.way = Attempt(send.form, send.limit_w)
        provisioning.tried -= set(attempts(charger.config, charger.settings.capabilities))
        level = send.form.stack_level
        if provisioning.level != level or any(s.form.stack_level > level for s in charger.defaults.sends):
            provisioning.to_clear = None  # what stands beside it, or prevails over it, is to be cleared
        charger.default_in_doubt = False
        if charger.learnt.default_form != send.form:
            charger.learnt.default_form = send.form
            self.journal.write_make(charger.boot)
        if send.limit_w > 0 and charger.config.fail_safe_power_w == 0:
            self.journal.log("charger.zero_refused", charger.charger_id, None, fail_safe_w=send.limit_w)

    def _learn_manner(self, charger: ChargerState, send: Send) -> None:
        manner = Manner(send.purpose, send.form)
        charger.provisioning.tried -= set(charger.manners)
        connector = charger.connectors.get(send.idx)
        if connector is not None and connector.evidence.not_obeying:
            return  # it accepts what it does not keep: that is worth nothing until the meter says otherwise
        if any(one.detour and one.offered_ms is not None for one in charger.sessions()):
            return  # whether a car is offered power in this way will be seen
        if send.transaction_id is not None and charger.learnt.manner != manner:
            charger.learnt.manner = manner
            self.journal.write_make(charger.boot)

    def _refused(self, charger: ChargerState, send: Send) -> None:
        """Try the next rung of the ladder; a charger that refuses three of them refuses all."""
        provisioning = charger.provisioning
        if send.probing:
            learn_tenths(charger, self.journal, None)
            return
        if send.idx > 0 and not self._runs(charger, send):
            return  # its transaction has ended in the meantime: that is why
        once_more = (send.expires or send.form == provisioning.proven) and self._first_failure(charger, send)
        self._failed(charger, send)
        if once_more:
            return  # the form is right: it was the moment (its transaction not begun yet, or ending)
        if send.expires:
            provisioning.without_expiry = True
            self.journal.log("charger.takes_no_expiry", send.charger_id, send.idx)
            return
        if send.limit_w == 0 and send.idx > 0 and charger.learnt.manner == (send.purpose, send.form):
            if (self._attempts(charger, send) or 0) < REFUSALS_OF_ZERO:
                return  # its car may just be leaving: the end of the transaction is on its way
            charger.learnt.pauses = False  # the way is right, it has taken other limits: it is the 0 that it refuses
            self.journal.write_make(charger.boot)
            self.journal.log("make.learnt", charger.charger_id, send.idx, pauses=False)
            return
        provisioning.refused.add(Manner(send.purpose, send.form))
        tried_all = self._step_on(charger, send)
        if len(provisioning.refused) >= WAYS_TO_REFUSE or charger.refusing_until_ms is not None:
            pause_ms = self.timings.refusing_retry_ms if tried_all else self.timings.backoff_ms[-1]
            self._refusing(charger, pause_ms)

    def _step_on(self, charger: ChargerState, send: Send) -> bool:
        """Step on to the next rung of a ladder; return whether every rung of it has been refused."""
        agenda = charger.provisioning
        if send.idx == 0:
            if send.limit_w > 0:
                agenda.raise_ms = self.now.mono_ms + self.timings.refusing_retry_ms
            ways = charger.default_ways
            here = likeliest_attempt(ways, agenda.way, charger.learnt.default_form, pauses=charger.pauses)
            agenda.tried.add(ways[here])
            agenda.way = ways[(here + 1) % len(ways)]
            return agenda.tried.issuperset(ways)
        ladder, manner = charger.manners, charger.manner
        if manner == (send.purpose, send.form):
            agenda.tried.add(manner)
            agenda.manner = ladder[(ladder.index(manner) + 1) % len(ladder)]
        return agenda.tried.issuperset(ladder)

    @staticmethod
    def _runs(charger: ChargerState, send: Send) -> bool:
        """Return whether the transaction that a limit was for still holds its connector."""
        connector = charger.connectors.get(send.idx)
        session = None if connector is None else connector.session
        return session is not None and session.transaction_id == send.transaction_id

    @staticmethod
    def _is_of_now(charger: ChargerState, send: Send) -> bool:
        """Return whether a TxProfile goes with the transaction that runs: its own, or the one it was handed over to."""
        connector = charger.connectors.get(send.idx)
        session = None if connector is None else connector.session
        return session is not None and session.transaction_id == send.ends_with

    def _first_failure(self, charger: ChargerState, send: Send) -> bool:
        """Return whether this limit of a transaction failed for the first time."""
        return send.idx in charger.connectors and self._attempts(charger, send) == 0

    @staticmethod
    def _attempts(charger: ChargerState, send: Send) -> int | None:
        """Return how often limits of the present transaction have failed in a row; None without one."""
        connector = charger.connectors.get(send.idx)
        session = None if connector is None else connector.session
        return None if session is None else session.steering.attempts

    def _failed(self, charger: ChargerState, send: Send) -> None:
        """Let an unresolved limit wait before it is sent again."""
        connector = charger.connectors.get(send.idx)
        if connector is None or connector.session is None:
            return
        steering = connector.session.steering
        steering.retry_ms = self.now.mono_ms + self._pause_ms(steering.attempts)
        steering.attempts += 1

    def _pause_ms(self, attempts: int) -> int:
        return self.timings.backoff_ms[min(attempts, len(self.timings.backoff_ms) - 1)]

    def _errand_ended(self, call: AgendaCall, token: Token, *, done: bool, answer: str) -> None:
        charger = self.state.chargers[call.charger_id]
        provisioning = charger.provisioning
        if provisioning.pending != token:
            return  # late: its errand was begun again, and that one counts
        if done and call.errand is Errand.CLEAR_PLACE and provisioning.to_clear:
            provisioning.to_clear.pop()
            provisioning.unclearable_ms = None
            provisioning.unanswered = 0
            for book in (charger.defaults, *(connector.limits for connector in charger.connectors.values())):
                book.level_cleared(call.clears)
            self._say_own_defaults_again(charger)
        if not done:
            self.journal.log("errand.refused", call.charger_id, None, errand=call.errand, answer=answer[:40])
        self._free_agenda(call, token, failed=not done)
        self.journal.plan = True

    def _cannot_clear(self, call: AgendaCall, token: Token, code: str, pause_ms: int) -> None:
        """Leave the clearing for a while: what else is on the agenda does not wait for it."""
        provisioning = self.state.chargers[call.charger_id].provisioning
        if provisioning.pending == token:
            provisioning.unclearable_ms = self.now.mono_ms + pause_ms
            self.journal.log("errand.refused", call.charger_id, None, errand=call.errand, answer=code)
            self._free_agenda(call, token)

    def _foreign_cleared(self, call: AgendaCall, status: str) -> None:
        """Note for good that what another central system had left is gone: it cannot be put back (§6.14: Accepted)."""
        charger = self.state.chargers[call.charger_id]
        if call.errand is not Errand.CLEAR_PLACE or status != ACCEPTED or charger.cleared_foreign:
            return
        defaults = [s for c in charger.connectors.values() for s in c.limits.sends if s.purpose is Purpose.DEFAULT]
        if not call.clears and not defaults:  # else it may have been ours
            charger.cleared_foreign = True
            self.journal.chargers.add(charger.charger_id)
            self.journal.log("charger.foreign_cleared", charger.charger_id)

    def _statuses_answered(self, call: AgendaCall, word: str) -> None:
        """Take it that a charger which cannot be asked for its statuses need not be asked again."""
        if call.errand is Errand.ASK_STATUSES and word in UNKNOWN_ACTION:
            self.state.chargers[call.charger_id].provisioning.statuses.refused = True

    def _never_asked(self, call: AgendaCall) -> None:
        """Take it that a reading or a write has not left."""
        charger = self.state.chargers.get(call.charger_id)
        if charger is not None and isinstance(call.command, ChangeConfiguration):
            charger.settings.unsent(call.command.key)
            self.journal.chargers.add(charger.charger_id)
        elif charger is not None and isinstance(call.command, ReadConfiguration):
            charger.provisioning.reading.unsent()

    def _unanswered(self, call: AgendaCall) -> None:
        """Take it that a reading will probably not be answered, and that a clearing may be executed for some time yet.

        What was written is read back in any case.
        """
        charger, command = self.state.chargers.get(call.charger_id), call.command
        if charger is not None and isinstance(command, ReadConfiguration):
            charger.provisioning.reading.lost(self.now.mono_ms, self.timings.refusing_retry_ms)
        if charger is not None and isinstance(command, ClearLimits) and command.stack_level is not None:
            charger.provisioning.lost_clearings[command.stack_level] = self.now.mono_ms

    def _setting_answered(self, call: AgendaCall, word: str) -> None:
        """Take the status or error code of a ChangeConfiguration, and what it tells of the make."""
        command = call.command
        if not isinstance(command, ChangeConfiguration):
            return
        charger = self.state.chargers[call.charger_id]
        unsupported = charger.settings.answered(command.key, command.value, word)
        self.journal.chargers.add(charger.charger_id)
        self.journal.log("setting.answered", charger.charger_id, None, key=command.name, answer=word[:40])
        self._learn_unsupported(charger, unsupported)

    def _learn_unsupported(self, charger: ChargerState, unsupported: tuple[str, ...]) -> None:
        """Remember measurands that chargers of this make do not have."""
        learnt = charger.learnt
        news = tuple(m for m in unsupported if m not in learnt.unsupported_measurands)
        if news:
            learnt.unsupported_measurands += news
            self.journal.write_make(charger.boot)
            self.journal.log("make.learnt", charger.charger_id, None, unsupported_measurands=",".join(news))
            for other in self.state.chargers.values():
                other.settings.stale |= other.learnt is learnt

    @staticmethod
    def _say_own_defaults_again(charger: ChargerState) -> None:
        """Foreign defaults are cleared: where limits are defaults, ours may have gone with them."""
        if charger.provisioning.cleared and charger.manner.purpose is Purpose.DEFAULT:
            for session in charger.sessions():
                session.steering.reassert = True

    def _cleared(self, call: AftermathCall, token: Token, answer: str) -> None:
        """Take what a charger says to the clearing of an ended transaction's TxProfile.

        Accepted means that there was one (§6.14): the charger keeps them. Another answer than Accepted and Unknown
        tells nothing: it is asked again, but not for ever where nothing speaks for a profile that is kept.
        """
        charger = self.state.chargers[call.charger_id]
        connector = charger.connectors.get(call.idx)
        if connector is None:
            return
        aftermath, done = connector.aftermath, answer in CLEARED
        if connector.session is not None:
            connector.session.steering.reassert = True  # it may have cleared the newer transaction's profile
        if done:
            self.journal.drop_sends(connector.limits.drop_cleared(token))
        aftermath.foreign_due = aftermath.foreign_due and not done
        if done and aftermath.installed:
            self._learn_keeping(charger, kept=answer == ACCEPTED)
        given_up = not charger.keeps_tx_profile and aftermath.failures + 1 >= CLEARINGS_TO_GIVE_UP
        # Asked for after an earlier stop, it says nothing of what the transaction that ended since was told.
        told_since = connector.session is None and connector.limits.has_later_tx(token)
        if aftermath.pending == token and ((done and not told_since) or given_up):
            aftermath.clear_due = False
        self._free_aftermath(call.charger_id, call.idx, token, failed=not done)
        self.journal.plan = True

    def _learn_keeping(self, charger: ChargerState, *, kept: bool) -> None:
        """Note whether chargers of this make keep a TxProfile; one that was kept once is never taken for forgetful."""
        learnt = charger.learnt
        if learnt.keeps_tx_profile is None or (kept and not learnt.keeps_tx_profile):
            learnt.keeps_tx_profile = kept
            self.journal.write_make(charger.boot)
            self.journal.log("make.learnt", charger.charger_id, None, keeps_tx_profile=kept)
            for other in self.state.chargers.values():
                if other.learnt is learnt:
                    clear_what_is_kept(other)

    def _free_aftermath(self, charger_id: ChargerId, idx: int, token: Token, *, failed: bool = False) -> None:
        """Let what an ended transaction has left to be said go on, at once or after a pause."""
        connector = self.state.connector(ConnectorKey(charger_id, idx))
        if connector is None or connector.aftermath.pending != token:
            return
        aftermath = connector.aftermath
        aftermath.pending = None
        aftermath.retry_ms = self.now.mono_ms + (self._pause_ms(aftermath.failures) if failed else 0)
        aftermath.failures = aftermath.failures + 1 if failed else 0
        self.journal.plan = True

    def _free_agenda(self, call: LimitCall | AgendaCall, token: Token, *, failed: bool = False) -> None:
        """Let the agenda go on, at once or after a pause."""
        charger = self.state.chargers.get(call.charger_id)
        if charger is None or charger.provisioning.pending != token:
            return
        provisioning = charger.provisioning
        provisioning.pending = None
        if failed:
            provisioning.retry_ms = self.now.mono_ms + self._pause_ms(provisioning.failures)
            provisioning.failures += 1
            if charger.refusing_until_ms is not None and charger.refusing_until_ms <= self.now.mono_ms:
                self._refusing(charger, self.timings.refusing_retry_ms)
        else:
            provisioning.failures = 0
        self.journal.plan = True

    def _abort(self, charger: ChargerState) -> None:
        """Abort the socket: the charger reconnects, and what it was sent is at an end after H."""
        while charger.aborts and self.now.mono_ms - charger.aborts[0] >= self.timings.aborts_window_ms:
            charger.aborts.popleft()
        if len(charger.aborts) >= self.timings.aborts_max or charger.connection is None:
            return
        charger.aborts.append(self.now.mono_ms)
        charger.timeouts = 0
        reason = f"{TIMEOUTS_TO_ABORT} CALLs in a row timed out"
        self.journal.at_once.append(AbortConnection(charger.connection, charger.charger_id, reason))
        self.journal.log("connection.aborted", charger.charger_id, None, reason=reason)
        if len(charger.aborts) >= self.timings.aborts_max:
            self._refusing(charger, self.timings.refusing_retry_ms)

    def _refusing(self, charger: ChargerState, pause_ms: int) -> None:
        """Count the charger as uncontrollable: booked at its maximum, the next try after a pause."""
        if charger.config.is_observed:
            return  # it is counted so already, and nothing is tried
        if charger.refusing_until_ms is None:
            self.journal.log("charger.refusing", charger.charger_id)
        charger.refusing_until_ms = self.now.mono_ms + pause_ms
        charger.provisioning.default_due = True
        charger.provisioning.failures = 0
        charger.provisioning.refused.clear()
        charger.asserting_ms = None
        charger.distrust()
        self.journal.chargers.add(charger.charger_id)
        self.journal.plan = True

    def _refuse_request(self, call: StartCall | StopCall, refusal: Refusal, detail: str) -> None:
        """Tell whoever waits that it was not done; a start that has happened all the same is not refused."""
        if isinstance(call, StopCall):
            self.journal.reply(call.request, Refused(refusal, detail))
            return
        waiter = call.waiter
        if self.state.waiters.get(waiter.key) is waiter and waiter.session_id is None:
            del self.state.waiters[waiter.key]
            self.journal.reply(waiter.request, Refused(refusal, detail))
