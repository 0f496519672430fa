"""Taking in what became of our CALLs (LEDGER.md §3).

An answer counts only for its own CALL and only on the connection on which that was sent; a late one on the same
connection still counts. Two time-outs running abort the socket, at most three times an hour. A charger is *refusing*
after three different forms were refused in a row, or after the third abort: it is booked like one that was never
provisioned and gets one try every ten minutes.
"""

from csms.core.charger import ChargerState
from csms.core.commands import AbortConnection, Purpose
from csms.core.events import CallAnswered, CallErrored, CallSent, CallTimedOut, CallUnsent, ConfigurationRead
from csms.core.ids import ConnectionId, Now, Token
from csms.core.journal import Journal
from csms.core.limits import Book, Send, accept, lose, refuse
from csms.core.replies import Refusal, Refused, SessionEnded
from csms.core.state import AgendaCall, Errand, LimitCall, PendingCall, StartCall, State, StopCall
from csms.core.timings import Timings

ACCEPTED = "Accepted"
CLEARED = frozenset({ACCEPTED, "Unknown"})
FORMS_TO_REFUSE = 3
TIMEOUTS_TO_ABORT = 2


class Calls:
    """Intake of the fate of CALLs; lives for one step."""

    def __init__(self, state: State, journal: Journal, now: Now, timings: Timings) -> None:
        self.state = state
        self.journal = journal
        self.now = now
        self.timings = timings

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
                self.journal.plan = True
            case AgendaCall():
                self._free_agenda(call, fact.token)
            case StartCall() | StopCall():
                self._refuse_request(call, Refusal.CHARGER_OFFLINE, "the charger went offline before it was asked")
            case None:
                pass

    def answered(self, fact: CallAnswered) -> None:
        """Take a CALLRESULT with a status."""
        call = self._live_call(fact.token)
        if call is None:
            return
        status = fact.status.strip()
        match call:
            case LimitCall():
                self._limit_answered(call, fact.token, accepted=status == ACCEPTED, answer=status)
            case AgendaCall():
                done = call.errand is not Errand.CLEAR_PLACE or status in CLEARED
                self._errand_ended(call, fact.token, done=done, answer=status)
            case StartCall() | StopCall() if status != ACCEPTED:
                self._refuse_request(call, Refusal.CHARGER_REFUSED, "the charger refused")
            case StopCall():
                self.journal.reply(call.request, SessionEnded())
            case StartCall():
                pass  # it will try: the start itself is the answer

    def configuration_read(self, fact: ConfigurationRead) -> None:
        """Take the keys that limits need."""
        call = self._live_call(fact.token)
        if not isinstance(call, AgendaCall):
            return
        charger = self.state.chargers[call.charger_id]
        charger.configuration = {**charger.configuration, **fact.values}
        self.journal.chargers.add(charger.charger_id)
        self._errand_ended(call, fact.token, done=True, answer=ACCEPTED)

    def errored(self, fact: CallErrored) -> None:
        """Take a CALLERROR: an answer, and no evidence of what is in force."""
        call = self._live_call(fact.token)
        match call:
            case LimitCall():
                self._limit_answered(call, fact.token, accepted=False, answer=fact.code)
            case AgendaCall():
                done = call.errand is not Errand.CLEAR_PLACE
                self._errand_ended(call, fact.token, done=done, answer=fact.code)
            case StartCall() | StopCall():
                self._refuse_request(call, Refusal.CHARGER_REFUSED, f"the charger answered with error {fact.code[:40]}")
            case None:
                pass

    def timed_out(self, fact: CallTimedOut) -> None:
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
            case AgendaCall():
                charger.provisioning.statuses_asked &= call.errand is not Errand.ASK_STATUSES
                self._free_agenda(call, fact.token, failed=True)
            case StartCall() | StopCall():
                del self.state.calls[fact.token]
                self._refuse_request(call, Refusal.CHARGER_SILENT, "the charger did not answer in time")
        self.journal.plan = True
        charger.timeouts += 1
        self.journal.log("call.timed_out", charger.charger_id, None, token=fact.token)
        if charger.timeouts >= TIMEOUTS_TO_ABORT:
            self._abort(charger)

    def connection_lost(self, connection: ConnectionId) -> None:
        """Take the end of a connection: nobody will answer what was asked on it (limits are lost one by one)."""
        for token, call in list(self.state.calls.items()):
            if call.connection != connection or isinstance(call, LimitCall):
                continue
            del self.state.calls[token]
            if isinstance(call, StartCall | StopCall):
                self._refuse_request(call, Refusal.CHARGER_OFFLINE, "the charger went offline before it answered")

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
        self.state.chargers[call.charger_id].timeouts = 0
        return call

    def _book(self, send: Send) -> Book:
        charger = self.state.chargers.get(send.charger_id)
        if charger is None:
            return Book()
        connector = charger.connectors.get(send.idx)
        if send.purpose is Purpose.DEFAULT:
            return charger.defaults
        return Book() if connector is None else connector.limits

    def _limit_answered(self, call: LimitCall, token: Token, *, accepted: bool, answer: str) -> None:
        send, charger = call.send, self.state.chargers[call.charger_id]
        send.handed = True
        if send.lost_ms is not None:
            self._book(send).answered_late(send)
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

    def _accepted(self, charger: ChargerState, send: Send) -> None:
        provisioning = charger.provisioning
        send.outlives_its_own = send.purpose is Purpose.TX and not self._runs(charger, send)
        provisioning.refused.clear()
        provisioning.proven = send.form
        if charger.refusing_until_ms is not None:
            charger.refusing_until_ms = None
            self.journal.log("charger.obeys_again", charger.charger_id)
        if send.purpose is Purpose.DEFAULT:
            provisioning.default_due = False
            if send.limit_w > 0:
                self.journal.log("charger.zero_refused", charger.charger_id, None, fail_safe_w=send.limit_w)
            return
        connector = charger.connectors.get(send.idx)
        if connector is not None and connector.session is not None:
            connector.session.steering.attempts = 0
            connector.session.demand.limit_changed(self.now.mono_ms, self.timings)

    def _refused(self, charger: ChargerState, send: Send) -> None:
        """Try the next form; a charger that refuses three of them refuses all."""
        provisioning = charger.provisioning
        if send.purpose is Purpose.TX and not self._runs(charger, send):
            return  # its transaction has ended in the meantime: that is why
        once_more = send.form == provisioning.proven and self._first_failure(charger, send)
        self._failed(charger, send)
        if once_more:
            return  # the form is right: it was the moment (its transaction not begun yet, or ending)
        provisioning.refused.add(send.form)
        provisioning.attempt += 1 if send.purpose is Purpose.DEFAULT else 2
        if len(provisioning.refused) >= FORMS_TO_REFUSE or charger.refusing_until_ms is not None:
            self._refusing(charger)

    @staticmethod
    def _runs(charger: ChargerState, send: Send) -> bool:
        """Return whether the transaction that a limit was for still holds its connector."""
        connector = charger.connectors.get(send.idx)
        session = None if connector is None else connector.session
        return session is not None and session.transaction_id == send.transaction_id

    @staticmethod
    def _first_failure(charger: ChargerState, send: Send) -> bool:
        """Return whether this limit of a transaction failed for the first time."""
        connector = charger.connectors.get(send.idx)
        session = None if connector is None else connector.session
        return session is not None and session.steering.attempts == 0

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
        provisioning = self.state.chargers[call.charger_id].provisioning
        if provisioning.pending != token:
            return  # late: its errand was begun again, and that one counts
        if done and call.errand is Errand.READ_KEYS:
            provisioning.read_due = False
        if done and call.errand is Errand.CLEAR_PLACE and provisioning.to_clear:
            provisioning.to_clear.pop()
        if not done:
            self.journal.log("errand.refused", call.charger_id, None, errand=call.errand, answer=answer[:40])
        self._free_agenda(call, token, failed=not done)
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
            if charger.refusing_until_ms is not None:
                self._refusing(charger)
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
            self._refusing(charger)

    def _refusing(self, charger: ChargerState) -> None:
        """Count the charger as uncontrollable: booked at its maximum, one try in ten minutes."""
        if charger.refusing_until_ms is None:
            self.journal.log("charger.refusing", charger.charger_id)
        charger.refusing_until_ms = self.now.mono_ms + self.timings.refusing_retry_ms
        charger.provisioning.default_due = True
        charger.provisioning.failures = 0
        charger.provisioning.refused.clear()
        charger.asserting_ms = None
        for connector in charger.connectors.values():
            connector.provisioned = False
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
