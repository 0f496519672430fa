"""Operators' commands: from the request to what really came of it (`csms.core.actions` says what each may lead to).

    queued → sent → accepted → (what it expects: awaited → happened, failed or not seen)
                  → rejected, not supported, failed, timed out, unknown
           → expired

One command of a charger is out at a time; the others keep their order, and limits overtake all of them in the peer's
queue. A command is `sent` in the record that is durable before it leaves: when this process or the connection ends
without an answer it may have been carried out, so it is `unknown` for good and never sent again. One that certainly did
not leave goes back into the queue if it may wait, and expires otherwise.

SetChargingProfile is never sent: it is a cap for the allocator (`csms.core.capping`), and so is what clears one.
"""

import json
from dataclasses import replace

from csms.core.actions import (
    ACTIONS,
    CANCELS,
    FIRMWARE,
    MINUTE_MS,
    NOT_SUPPORTED,
    body_of,
    disturbs,
    expected,
    state_of,
    within_ms,
)
from csms.core.capping import CAPS_MAX, CLEAR, SET, caps_of, cleared_by, end_cap, stored_cap, transaction_at
from csms.core.caps import CapPurpose
from csms.core.charger import ChargerState
from csms.core.commanded import Commanded
from csms.core.commands import SETTINGS, Operate
from csms.core.disturbing import disturb, release, row_without_room
from csms.core.events import (
    ChargerBooted,
    ChargerReported,
    CommandRequested,
    CommandWatched,
    ConnectorStatus,
    Fact,
    StatusNotified,
    TransactionStarted,
    TransactionStopped,
)
from csms.core.ids import ChargerId, CommandId, Now
from csms.core.keys import why_refused
from csms.core.leaving import INSTALL, LISTS, USES
from csms.core.maintenance import why_no_start
from csms.core.part import Part, TimedPart
from csms.core.records import CommandOutcome, CommandState, CommandStored, Driver, Expected
from csms.core.replies import CommandShown, NothingAwaited, Refusal, Refused
from csms.core.reports import read_report
from csms.core.session import Phase
from csms.core.state import OperatorCall, State
from csms.core.timings import Timings

OPEN_MAX = 50
"""Commands of one charger that have not ended; one more is refused."""

PATIENCE_MS = 5 * MINUTE_MS
"""So long a command waits for others of its charger, when it may not wait for the charger itself."""

BEGINS = frozenset({"RemoteStartTransaction", "ReserveNow"})
"""Actions that promise somebody a session: none where maintenance is done."""

OUR_PROFILES = range(2_000, 4_000)
"""Ids of profiles that we send (`csms.ocpp16.profiles`): an operator's ClearChargingProfile names none of them."""

LEAVES_SOMETHING = frozenset(
    {
        "CertificateSigned",
        "ChangeAvailability",
        "ChangeConfiguration",
        "DeleteCertificate",
        "InstallCertificate",
        "ReserveNow",
        "SendLocalList",
        "SignedUpdateFirmware",
        "UpdateFirmware",
    }
)
"""Actions that leave something in a charger; one that was released is not asked for them."""


RELEASED = Refused(Refusal.COMMAND_REFUSED, "the charger was released: nothing is left in it any more")


class Commanding(Part):
    """Intake of operators' commands and of what becomes of them; lives for one step."""

    # --- requests -----------------------------------------------------------------------------------------------------

    def requested(self, fact: CommandRequested) -> None:
        """Take a command in; it leaves in this step if it can (`CommandQueue`)."""
        stored = CommandStored(
            fact.command_id,
            fact.charger_id,
            fact.action,
            fact.body_json,
            fact.asked_by,
            self.now.wall_ms,
            fact.queue_until_ms,
            fact.forced,
        )
        refused = self._why_refused(stored)
        if refused is not None:
            self.journal.reply(fact.request, refused)
            return
        if self._is_done_here(stored):
            self._do_here(stored, fact)
            return
        if stored.action == INSTALL:
            self._look_before(stored)
        patience_ms = PATIENCE_MS if fact.queue_until_ms is None else fact.queue_until_ms - self.now.wall_ms
        self.state.commands[fact.command_id] = Commanded(
            stored, self.now.mono_ms + max(0, patience_ms), asker=fact.request
        )
        self.journal.plan = True

    def _look_before(self, stored: CommandStored) -> None:
        """Have a charger tell which certificates it has, for each use, before one more is installed.

        What it had is told by nothing else, and by the ledger of commands it is known for good: a release takes out
        what was not there before (`csms.core.leaving`).
        """
        patience_ms = PATIENCE_MS if stored.queue_until_ms is None else stored.queue_until_ms - self.now.wall_ms
        for number, use in enumerate(USES, 1):
            look = replace(
                stored,
                command_id=CommandId(f"{stored.command_id}-before-{number}"),
                action=LISTS,
                body_json=json.dumps({"certificateType": use}, separators=(",", ":")),
                asked_ms=stored.asked_ms - 1,  # the order in which a restart finds them
                forced=False,
            )
            commanded = Commanded(look, self.now.mono_ms + max(0, patience_ms))
            self.state.commands[look.command_id] = self.journal.operated[look.command_id] = commanded

    def _why_refused(self, stored: CommandStored) -> Refused | None:
        """Return why a command is not taken in at all, or None."""
        charger = self.state.chargers.get(stored.charger_id)
        body = body_of(stored)
        if charger is None:
            return Refused(Refusal.UNKNOWN_CHARGER, "there is no charger of that id")
        if not 0 <= body.get("connectorId", 0) <= max([charger.config.connectors, *charger.connectors]):
            return Refused(Refusal.UNKNOWN_CONNECTOR, "the charger has no such connector")
        if sum(self._waits_with(stored, each.stored) for each in self.state.commands.values()) >= OPEN_MAX:
            return Refused(Refusal.COMMAND_REFUSED, f"{OPEN_MAX} commands of this charger have not ended yet")
        if self.state.is_safe_mode:
            return Refused(Refusal.COMMAND_REFUSED, "in safe mode nothing but limits is said to chargers")
        if any(self._is_numbered_like(stored, each.stored) for each in self.state.commands.values()):
            told = f"another {stored.action} of that requestId has not come to its end at this charger"
            return Refused(Refusal.COMMAND_REFUSED, told)
        if charger.release is not None and stored.action in LEAVES_SOMETHING:
            return RELEASED
        if stored.action == SET:
            why = self._why_no_cap(charger, stored)
            return None if why is None else Refused(Refusal.COMMAND_REFUSED, why)
        if stored.queue_until_ms is None and not is_there(charger) and not self._is_done_here(stored):
            return Refused(Refusal.CHARGER_OFFLINE, "the charger is offline")
        why = _why_not(charger, stored)
        return _why_not_there(charger, stored) if why is None else Refused(Refusal.COMMAND_REFUSED, why)

    @staticmethod
    def _waits_with(stored: CommandStored, other: CommandStored) -> bool:
        """Return whether `other` is a command of the same charger that has not ended; caps do not count."""
        return other.charger_id == stored.charger_id and other.action != SET

    @staticmethod
    def _is_numbered_like(stored: CommandStored, other: CommandStored) -> bool:
        """Return whether reports of `stored` could be taken for ones of `other`, or the other way."""
        if (other.charger_id, other.action) != (stored.charger_id, stored.action) or other.is_final:
            return False
        number = body_of(stored).get("requestId")
        return number is not None and number == body_of(other).get("requestId")

    # --- caps ---------------------------------------------------------------------------------------------------------

    def _is_done_here(self, stored: CommandStored) -> bool:
        """Return whether a command is about caps: this system carries it out, and its charger is told nothing."""
        if stored.action != CLEAR:
            return stored.action == SET
        body = body_of(stored)
        return "id" not in body or bool(cleared_by(self.state, stored.charger_id, body))

    def _do_here(self, stored: CommandStored, fact: CommandRequested) -> None:
        """Set or clear caps; the answer is this system's, in the words of OCPP."""
        if stored.action == SET:
            cap = stored_cap(stored)
            gone = [each for each, other in caps_of(self.state, stored.charger_id) if cap.replaces(other)]
            stored, held_until_ms = self._named(stored), None
        else:
            gone = cleared_by(self.state, stored.charger_id, body_of(stored))
            held_until_ms = self.now.mono_ms
        for commanded in gone:
            end_cap(self.state, commanded, CommandOutcome.CANCELLED, self.journal, self.now)
        is_done = stored.action == SET or bool(gone)
        accepted, word = (CommandState.ACCEPTED, "Accepted") if is_done else (CommandState.REJECTED, "Unknown")
        commanded = Commanded(stored, held_until_ms=held_until_ms, asker=fact.request)
        commanded.change(state=accepted, answer=word, answered_ms=self.now.wall_ms)
        self.state.commands[stored.command_id] = commanded
        self._changed(commanded)

    def _named(self, stored: CommandStored) -> CommandStored:
        """Return a cap's command with the transaction that it is for in its body."""
        body, charger = body_of(stored), self.state.chargers[stored.charger_id]
        if body["csChargingProfiles"]["chargingProfilePurpose"] != CapPurpose.TX:
            return stored
        body["csChargingProfiles"]["transactionId"] = transaction_at(charger, body["connectorId"])
        return replace(stored, body_json=json.dumps(body, separators=(",", ":")))

    def _why_no_cap(self, charger: ChargerState, stored: CommandStored) -> str | None:
        """Return why a SetChargingProfile is not taken as a cap, or None."""
        cap = stored_cap(stored)
        if cap.profile_id in OUR_PROFILES:
            return "chargingProfileId: 2000 to 3999 are this system's own profiles"
        if cap.is_over(self.now.wall_ms):
            return "validTo, or startSchedule and duration: that time is over"
        if cap.in_a and charger.config.is_dc:
            return "chargingRateUnit: amperes mean no power at a DC charger, say it in W"
        running = transaction_at(charger, cap.idx)
        if cap.purpose is CapPurpose.TX and running is None:
            return "connectorId: no transaction runs there that a TxProfile could be for"
        if cap.transaction_id not in {None, running}:
            return "transactionId: another transaction, or none, runs at that connector"
        others = [other for _, other in caps_of(self.state, charger.charger_id) if not cap.replaces(other)]
        return f"there are {CAPS_MAX} caps of this charger" if len(others) >= CAPS_MAX else None

    def watched(self, fact: CommandWatched) -> None:
        """Have somebody told when nothing more will come of a command."""
        commanded = self.state.commands.get(fact.command_id)
        if commanded is None:
            self.journal.reply(fact.request, NothingAwaited())
        elif commanded.stored.is_final:
            self.journal.reply(fact.request, CommandShown(commanded.stored))
        else:
            commanded.watchers.append(fact.request)

    # --- answers ------------------------------------------------------------------------------------------------------

    def answered(self, call: OperatorCall, word: str | None, answer_json: str | None) -> None:
        """Take a CALLRESULT: final, or the promise of something."""
        commanded = call.commanded
        commanded.change(answer=word, answer_json=answer_json)
        state = state_of(commanded.stored.action, word)
        if state is CommandState.ACCEPTED and commanded.stored.action in {"ReserveNow", "CancelReservation"}:
            self.end_reservation(commanded.stored.charger_id, body_of(commanded.stored)["reservationId"], commanded)
        if state is CommandState.ACCEPTED and commanded.stored.action == "CertificateSigned":
            self._certified(commanded.stored)
        if word == CANCELS:
            for other in self._under_way(call.charger_id, commanded.stored.action):
                if other is not commanded:
                    self._turned_out(other, CommandOutcome.CANCELLED)
        self._setting_answered(commanded, word or "")
        expects = expected(commanded.stored, word) if state is CommandState.ACCEPTED else None
        if expects is None:
            self._answered(commanded, state)
            return
        time_ms = within_ms(commanded.stored, self.now.wall_ms)
        commanded.due_ms = None if time_ms is None else self.now.mono_ms + time_ms
        due_ms = None if time_ms is None else self.now.wall_ms + time_ms
        commanded.change(expects=expects, outcome=CommandOutcome.AWAITED, outcome_due_ms=due_ms)
        self._answered(commanded, state, hold=True)

    def _certified(self, stored: CommandStored) -> None:
        """Have a charger wait for its certificate no more, but for one that it asked for since this one was sent."""
        charger = self.state.chargers.get(stored.charger_id)
        waits = None if charger is None else charger.certificate_request
        if charger is not None and waits is not None and waits.asked_ms <= (stored.sent_ms or 0):
            charger.certificate_request = None
            self.journal.chargers.add(charger.charger_id)

    def _setting_answered(self, commanded: Commanded, word: str) -> None:
        """Keep what a charger says to the change of a key of which it is known what it was."""
        stored, body = commanded.stored, body_of(commanded.stored)
        charger = self.state.chargers.get(stored.charger_id)
        if stored.action != "ChangeConfiguration" or charger is None:
            return
        key = charger.settings.operation_answered(body["key"], body["value"], word)
        if key is None:
            return
        self.journal.chargers.add(stored.charger_id)
        if key in SETTINGS:
            charger.provisioning.reading.again([key])  # a notice may have said that it should be another

    def errored(self, call: OperatorCall, code: str) -> None:
        """Take a CALLERROR."""
        call.commanded.change(answer=code)
        self._setting_answered(call.commanded, code)
        self._answered(call.commanded, CommandState.NOT_SUPPORTED if code in NOT_SUPPORTED else CommandState.FAILED)

    def _answered(self, commanded: Commanded, state: CommandState, *, hold: bool = False) -> None:
        self._reopen(commanded)
        commanded.change(state=state, answered_ms=self.now.wall_ms)
        commanded.held_until_ms = None if hold else self.now.mono_ms
        self._changed(commanded)

    def _reopen(self, commanded: Commanded) -> None:
        """Take a command up again whose answer comes late."""
        commanded.change(ended_ms=None)
        self.state.commands[commanded.stored.command_id] = commanded

    def timed_out(self, call: OperatorCall) -> None:
        """Take a time-out: a late answer still counts, and what was asked may be done for H."""
        self._unanswered(call.commanded, CommandState.TIMED_OUT)

    def lost(self, call: OperatorCall) -> None:
        """Take the end of a connection on which a command was not answered."""
        if call.commanded.stored.state is CommandState.SENT:
            self._unanswered(call.commanded, CommandState.UNKNOWN)

    def _unanswered(self, commanded: Commanded, state: CommandState) -> None:
        commanded.change(state=state)
        may_matter = disturbs(commanded.stored) or commanded.stored.action in LEAVES_SOMETHING
        tail_ms = self.timings.late_execution_ms if may_matter else 0
        commanded.held_until_ms = self.now.mono_ms + tail_ms
        self._changed(commanded)

    def unsent(self, call: OperatorCall) -> None:
        """Take a command back of which no byte left; a campaign asks anew, when its charger can be asked."""
        commanded = call.commanded
        if self._is_of_a_campaign(commanded.stored.command_id):
            commanded.change(state=CommandState.EXPIRED, reason="its connection ended before it was told", sent_ms=None)
            commanded.held_until_ms = self.now.mono_ms
        else:
            commanded.change(state=CommandState.QUEUED, sent_ms=None)
        charger = self.state.chargers.get(call.charger_id)
        if charger is not None:
            release(charger, commanded.stored.command_id, self.journal)
        self._changed(commanded)

    def _is_of_a_campaign(self, command_id: CommandId) -> bool:
        places = (place for campaign in self.state.campaigns.values() for place in campaign.places)
        return any(command_id in place.command_ids for place in places)

    # --- what really happens ------------------------------------------------------------------------------------------

    def noticed(self, fact: Fact) -> None:
        """Look whether a fact, taken in before, is what a command has led to."""
        match fact:
            case ChargerBooted():
                self._booted(fact.charger_id)
            case TransactionStarted():
                self._used_reservation(fact)
                self._started(fact)
            case TransactionStopped():
                for commanded in self._awaiting(fact.charger_id, Expected.TRANSACTION_ENDED):
                    if body_of(commanded.stored)["transactionId"] == fact.transaction_id:
                        self._turned_out(commanded, CommandOutcome.HAPPENED)
            case StatusNotified():
                self._status(fact)
                self._lost_reservation(fact)
            case ChargerReported():
                self._reported(fact)
            case _:
                pass

    def _awaiting(self, charger_id: ChargerId, expects: Expected) -> list[Commanded]:
        return [
            each
            for each in self.state.commands.values()
            if each.stored.charger_id == charger_id
            and each.stored.expects is expects
            and each.stored.outcome is CommandOutcome.AWAITED
        ]

    def _booted(self, charger_id: ChargerId) -> None:
        for commanded in self._awaiting(charger_id, Expected.BOOT):
            self._turned_out(commanded, CommandOutcome.HAPPENED)
        for commanded in self.state.commands.values():
            stored = commanded.stored
            if stored.charger_id == charger_id and stored.outcome is CommandOutcome.HAPPENED:
                commanded.held_until_ms = self.now.mono_ms  # new firmware runs now
                self._changed(commanded)

    def _started(self, fact: TransactionStarted) -> None:
        session = self.state.sessions.get(fact.new_session_id)
        if session is None or session.phase is Phase.HISTORIC:
            return  # a replay, or history
        for commanded in self._awaiting(fact.key.charger_id, Expected.TRANSACTION_STARTED):
            body = body_of(commanded.stored)
            same_place = body.get("connectorId", fact.key.idx) == fact.key.idx
            if same_place and body["idTag"].upper() == fact.key.id_tag.upper():
                self._turned_out(commanded, CommandOutcome.HAPPENED)
                return

    def reservations(self, charger_id: ChargerId) -> list[int]:
        """Return the ids of the reservations that a charger keeps, as far as is known."""
        reserved = self._awaiting(charger_id, Expected.RESERVATION_USED)
        return sorted({body_of(each.stored)["reservationId"] for each in reserved})

    def end_reservation(self, charger_id: ChargerId, number: int, by: Commanded | None = None) -> None:
        """End the reservation of that id: it was cancelled, or another one has taken its place (§5.13)."""
        for reserved in self._awaiting(charger_id, Expected.RESERVATION_USED):
            if reserved is not by and body_of(reserved.stored)["reservationId"] == number:
                self._turned_out(reserved, CommandOutcome.CANCELLED)

    def _used_reservation(self, fact: TransactionStarted) -> None:
        """End the reservation that a start names; 0 and ids that nobody knows name none (§4.8)."""
        for reserved in self._awaiting(fact.key.charger_id, Expected.RESERVATION_USED):
            if fact.reservation_id and body_of(reserved.stored)["reservationId"] == fact.reservation_id:
                self._turned_out(reserved, CommandOutcome.HAPPENED)

    def _lost_reservation(self, fact: StatusNotified) -> None:
        """End the reservation of a connector that is out of order: its charger keeps none (§5.13)."""
        if fact.status not in {ConnectorStatus.FAULTED, ConnectorStatus.UNAVAILABLE}:
            return
        for reserved in self._awaiting(fact.charger_id, Expected.RESERVATION_USED):
            if body_of(reserved.stored)["connectorId"] == fact.idx:
                self._turned_out(reserved, CommandOutcome.FAILED)

    def _status(self, fact: StatusNotified) -> None:
        for commanded in self._awaiting(fact.charger_id, Expected.STATUS):
            body = body_of(commanded.stored)
            unavailable = fact.status is ConnectorStatus.UNAVAILABLE
            if body["connectorId"] == fact.idx and unavailable is (body["type"] == "Inoperative"):
                self._turned_out(commanded, CommandOutcome.HAPPENED)

    def _reported(self, fact: ChargerReported) -> None:
        """Take how an upload or an update has ended; one that does not say of which request counts if there is one."""
        report = read_report(fact.action, fact.payload_json)
        if report is None:
            return
        about = self._under_way(fact.charger_id, report.about)
        if report.request_id is not None:
            about = [each for each in about if body_of(each.stored)["requestId"] == report.request_id]
        elif report.is_numbered and len(about) > 1:
            return
        for commanded in about:
            if report.outcome is CommandOutcome.FAILED:
                commanded.change(reason=report.word)
            self._turned_out(commanded, report.outcome)

    def _under_way(self, charger_id: ChargerId, action: str) -> list[Commanded]:
        """Return the commands of one action that a charger has accepted and not brought to an end."""
        expects = ACTIONS[action].expects
        awaited = [] if expects is None else self._awaiting(charger_id, expects)
        return [each for each in awaited if each.stored.action == action]

    def _turned_out(self, commanded: Commanded, outcome: CommandOutcome) -> None:
        commanded.change(outcome=outcome)
        installed = commanded.stored.expects is Expected.INSTALLED and outcome is CommandOutcome.HAPPENED
        commanded.held_until_ms = self.now.mono_ms + (PATIENCE_MS if installed else 0)  # it is yet to boot, as a rule
        self._changed(commanded)

    def _changed(self, commanded: Commanded) -> None:
        self.journal.operated[commanded.stored.command_id] = commanded
        self.journal.plan = True


class CommandQueue(TimedPart):
    """Lets commands leave, and ends those whose time is over; lives for one step."""

    def run(self) -> None:
        """Go through all commands once, oldest first."""
        for commanded in list(self.state.commands.values()):
            match commanded.stored:
                case CommandStored(state=CommandState.QUEUED):
                    self._try(commanded)
                case CommandStored(outcome=CommandOutcome.AWAITED):
                    self._wait_for_outcome(commanded)
            if commanded.unwritten:
                commanded.unwritten = False
                self._changed(commanded)
            self._tell(commanded)
            if commanded.held_until_ms is not None:
                self._end(commanded)

    def offer(self, stored: CommandStored) -> str | None:
        """Send a command at this very moment, or return why that cannot be; then it is not taken in."""
        charger, commanded = self.state.chargers.get(stored.charger_id), Commanded(stored)
        if charger is None:
            return "the charger was removed"
        if self._is_busy(commanded):
            return "another command is out"
        refused = self._why_not_now(charger, stored)
        if refused is not None:
            return refused.detail
        commanded.due_ms = self.now.mono_ms + PATIENCE_MS
        self.state.commands[stored.command_id] = commanded
        self._send(charger, commanded)
        return None

    def _try(self, commanded: Commanded) -> None:
        """Send a command if it may leave now; refuse it to whoever waits for that, or let it wait or expire."""
        stored = commanded.stored
        charger = self.state.chargers.get(stored.charger_id)
        refused = None
        if charger is None:
            refused = Refused(Refusal.UNKNOWN_CHARGER, "the charger was removed")
        elif not self._is_busy(commanded) and (refused := self._why_not_now(charger, stored)) is None:
            self._send(charger, commanded)
            return
        may_wait = charger is not None and (refused is None or stored.queue_until_ms is not None)
        if may_wait and not self._reached(commanded.due_ms or 0):
            return
        if refused is not None and commanded.asker is not None and stored.queue_until_ms is None:
            del self.state.commands[stored.command_id]
            self.journal.reply(commanded.asker, refused)
            commanded.asker = None
            return
        reason = "its turn never came" if refused is None else refused.detail
        commanded.change(state=CommandState.EXPIRED, reason=reason)
        commanded.held_until_ms = self.now.mono_ms
        self._changed(commanded)

    def _is_busy(self, commanded: Commanded) -> bool:
        """Return whether another command of its charger is out."""
        return any(
            other.stored.charger_id == commanded.stored.charger_id and other.stored.state is CommandState.SENT
            for other in self.state.commands.values()
        )

    def _why_not_now(self, charger: ChargerState, stored: CommandStored) -> Refused | None:
        """Return why a command may not leave at this moment, or None."""
        if not is_there(charger):
            return Refused(Refusal.CHARGER_OFFLINE, "the charger is offline")
        if self.state.is_safe_mode:
            return Refused(Refusal.COMMAND_REFUSED, "in safe mode nothing but limits is said to chargers")
        if charger.release is not None and stored.action in LEAVES_SOMETHING:
            return RELEASED
        if (not_there := _why_not_there(charger, stored)) is not None:
            return not_there
        if stored.forced or not disturbs(stored):
            return None
        if stored.action in FIRMWARE and any(s.driver is Driver.OCPP for s in charger.sessions()):
            return Refused(Refusal.COMMAND_REFUSED, "firmware is not updated while a car charges there")
        if stored.action in {*FIRMWARE, "Reset"} and is_updated(self.state, charger.charger_id):
            return Refused(Refusal.COMMAND_REFUSED, "firmware is being installed there")
        node = row_without_room(self.state, charger)
        if node is None:
            return None
        detail = f"until it is provisioned again the charger may draw its maximum, which has no room on {node}"
        return Refused(Refusal.NO_HEADROOM, detail)

    def _send(self, charger: ChargerState, commanded: Commanded) -> None:
        stored, connection = commanded.stored, charger.connection
        if connection is None:
            return
        if disturbs(stored):
            disturb(charger, stored.command_id, self.journal)
        body = body_of(stored)
        if stored.action == "ChangeConfiguration" and charger.settings.operated(body["key"], body["value"]):
            self.journal.chargers.add(stored.charger_id)
        token = self.state.take_token()
        commanded.change(state=CommandState.SENT, sent_ms=self.now.wall_ms)
        self.state.calls[token] = OperatorCall(charger.charger_id, connection, commanded)
        command = Operate(token, connection, charger.charger_id, stored.action, stored.body_json)
        self.journal.after_commit.append(command)
        self._changed(commanded)
        who = {"command_id": stored.command_id, "asked_by": stored.asked_by}
        self.journal.log("command.sent", charger.charger_id, None, action=stored.action, **who)

    def _wait_for_outcome(self, commanded: Commanded) -> None:
        """Give up what a command was to lead to when its time is over, or its charger is gone."""
        is_over = commanded.due_ms is not None and self._reached(commanded.due_ms)
        if commanded.stored.charger_id in self.state.chargers and not is_over:
            return
        commanded.change(outcome=CommandOutcome.NOT_SEEN)
        commanded.held_until_ms = self.now.mono_ms
        self._changed(commanded)

    def _tell(self, commanded: Commanded) -> None:
        """Tell whoever asked how it stands, and whoever waits when that is final."""
        if commanded.asker is not None:
            self.journal.operated[commanded.stored.command_id] = commanded
            self.journal.reply(commanded.asker, CommandShown(commanded.stored))
            commanded.asker = None
        if commanded.stored.is_final:
            for request in commanded.watchers:
                self.journal.reply(request, CommandShown(commanded.stored))
            commanded.watchers.clear()

    def _end(self, commanded: Commanded) -> None:
        """Let go of a command, and of what is booked for it, when nothing more can come of it."""
        stored = commanded.stored
        charger = self.state.chargers.get(stored.charger_id)
        if charger is not None and not self._reached(commanded.held_until_ms or 0):
            return
        if charger is not None:
            release(charger, stored.command_id, self.journal)
        commanded.change(ended_ms=self.now.wall_ms)
        del self.state.commands[stored.command_id]
        self._changed(commanded)
        self.journal.log(
            "command.ended",
            stored.charger_id,
            None,
            action=stored.action,
            command_id=stored.command_id,
            state=stored.state,
            answer=stored.answer,
            outcome=stored.outcome,
        )

    def _changed(self, commanded: Commanded) -> None:
        self.journal.operated[commanded.stored.command_id] = commanded


def is_there(charger: ChargerState) -> bool:
    """Return whether a charger can be spoken to."""
    return charger.connection is not None and charger.heard and not charger.identity.in_conflict


def is_updated(state: State, charger_id: ChargerId) -> bool:
    """Return whether a charger has accepted to update its firmware, and has not come to an end with it."""
    return any(
        each.stored.charger_id == charger_id
        and each.stored.expects is Expected.INSTALLED
        and each.stored.outcome is CommandOutcome.AWAITED
        for each in state.commands.values()
    )


def _why_not(charger: ChargerState, stored: CommandStored) -> str | None:
    """Return why a command is never sent to a charger, whatever the moment; or None."""
    body = body_of(stored)
    match stored.action:
        case "ChangeConfiguration":
            return why_refused(body["key"], is_tuned=charger.config.is_tuned)
        case "TriggerMessage" | "ExtendedTriggerMessage" if (
            body["requestedMessage"] == "BootNotification" and charger.boot is not None
        ):
            return "a charger that was accepted is not asked for its boot (errata 3.40)"
        case "ClearChargingProfile" if body.get("id") in OUR_PROFILES:
            return "the profile is one of this system's"
        case _:
            return None


def _why_not_there(charger: ChargerState, stored: CommandStored) -> Refused | None:
    """Return why a session is not begun, or reserved, where a command says so; or None."""
    if stored.action not in BEGINS:
        return None
    why = why_no_start(charger, body_of(stored).get("connectorId", 0))
    return None if why is None else Refused(Refusal.UNDER_MAINTENANCE, why)


def restore(state: State, stored: CommandStored, now: Now, timings: Timings) -> None:
    """Put a command of before the start back: what had been sent and not answered is unknown for good."""
    is_queued = stored.state is CommandState.QUEUED
    due_wall_ms = stored.queue_until_ms if is_queued else stored.outcome_due_ms
    if is_queued and due_wall_ms is None:
        due_wall_ms = now.wall_ms
    commanded = Commanded(stored)
    if due_wall_ms is not None:
        commanded.due_ms = now.mono_ms + max(0, due_wall_ms - now.wall_ms)
    if stored.state is CommandState.SENT:
        commanded.change(state=CommandState.UNKNOWN)
        commanded.unwritten = True
    may_act = not is_queued and disturbs(stored)
    if commanded.stored.is_final and stored.action != SET:
        may_matter = may_act or (not is_queued and stored.action in LEAVES_SOMETHING)
        commanded.held_until_ms = now.mono_ms + (timings.late_execution_ms if may_matter else 0)
    state.commands[stored.command_id] = commanded
    charger = state.chargers.get(stored.charger_id)
    if charger is not None and may_act:
        charger.disturbers.add(stored.command_id)
