"""Releases: a charger is taken out again without a trace, and then left alone (docs/adr/0033).

    POST /chargers/{chargerId}/release   from this step on the charger is one that is observed: nothing of it counts as
                                         provisioned, its maximum is booked, nothing is written to it of our own accord
    then                                 its traces are undone one by one (`csms.core.undoing`), whenever it is there
    released, or incomplete              nothing more is done; it stays left alone until it is taken in again
    DELETE                               it is steered again; everything is said anew

What is booked is booked in the step that makes the release durable, before anything that clears leaves. It needs
headroom, as a command does that may cost a charger its profiles (LEDGER.md §4); forced, it overbooks a row like a fact.
Nothing is cleared while something that was sent before may still be executed, and nobody takes the charger in again
while something that clears may be: a clearing that comes late would take a new default with it.

A restart finds the release in the charger's row and goes on: whatever it asks may be asked twice.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from csms.core.campaigning import has_car
from csms.core.capabilities import meant_by
from csms.core.charger import ChargerState
from csms.core.commanded import Commanded
from csms.core.commanding import LEAVES_SOMETHING, Commanding, is_there
from csms.core.configuration.chargers import MAX_CONNECTORS
from csms.core.disturbing import row_without_room
from csms.core.events import ReleaseRequested, ReleaseUndoRequested
from csms.core.ids import CommandId, ConnectionId, Token
from csms.core.maintenance import is_kept_shut, may_be_shut
from csms.core.part import Part, TimedPart
from csms.core.records import CommandOutcome, CommandState, CommandStored, Expected, SendState
from csms.core.release import Release, ReleaseState, ReleaseStep, StepState, Trace, steered
from csms.core.replies import Confirmed, Refusal, Refused, ReleaseShown
from csms.core.settings import Answer
from csms.core.state import ReleaseCall, State
from csms.core.station import Control, Mode
from csms.core.undoing import Asked, Said, answered, asked, question, unanswered

FIRST_PROFILE_IDS: Final = (2_000, 3_000)
"""Ids of our profiles (`csms.ocpp16.profiles`): of defaults, the first one the charger's own, and of limits."""

TRIES = 3
"""So often a question is asked that gets no answer."""

CALL_LONGEST_MS = 60_000
"""The longest time-out of a CALL (LEDGER.md §3)."""

TELLS_THE_NEXT = frozenset({Trace.CERTIFICATE, Trace.LOCAL_LIST})
"""Traces of which a later release knows by the commands alone that they are there no more."""

GOES_ON = frozenset({Expected.BOOT, Expected.INSTALLED})
"""What follows from a command that ends what a release has done."""


NO_CHARGER = Refused(Refusal.UNKNOWN_CHARGER, "the station has no such charger")


class Releasing(Part):
    """Intake of releases and of what chargers answer; lives for one step."""

    # --- requests -----------------------------------------------------------------------------------------------------

    def requested(self, fact: ReleaseRequested) -> None:
        """Begin a release, or do anew what one has left; one that is under way goes on."""
        charger = self.state.chargers.get(fact.charger_id)
        if charger is None or charger.draining:
            self.journal.reply(fact.request, NO_CHARGER)
            return
        if charger.release is not None and charger.release.is_under_way:
            self.journal.reply(fact.request, ReleaseShown(charger.release))
            return
        outcome = self._why_refused(charger, fact) or ReleaseShown(self._begun(charger, fact))
        self.journal.reply(fact.request, outcome)

    def _why_refused(self, charger: ChargerState, fact: ReleaseRequested) -> Refused | None:
        if charger.config.control not in {Control.AUTO, Control.OCPP}:
            return Refused(Refusal.NOT_CONTROLLED, "it is not steered over OCPP: nothing of this system's is in it")
        if charger.connection is None:
            return Refused(Refusal.CHARGER_OFFLINE, "the charger is offline: what is in it cannot be taken out now")
        if not is_there(charger):
            detail = "it has said nothing yet since it connected, or shares its identity: try again in a minute"
            return Refused(Refusal.CHARGER_OFFLINE, detail)
        if self.state.is_safe_mode:
            return Refused(Refusal.RELEASE_REFUSED, "in safe mode nothing but limits is said to chargers")
        command = self._command_under_way(charger)
        if command is not None:
            return Refused(Refusal.RELEASE_REFUSED, f"a {command} is under way at it: wait for what comes of that")
        if fact.forced:
            return None
        if any(may_be_shut(each) for each in charger.maintenance.values()):
            detail = "a maintenance has made it Inoperative; end that first, or force it, and it stays so"
            return Refused(Refusal.RELEASE_REFUSED, detail)
        if has_car(charger):
            detail = "a car charges there, and would go on without a limit; wait for its end, or force it"
            return Refused(Refusal.RELEASE_REFUSED, detail)
        node = row_without_room(self.state, charger)
        if node is None:
            return None
        detail = f"without its limits the charger may draw its maximum, which has no room on {node}"
        return Refused(Refusal.NO_HEADROOM, detail)

    def _command_under_way(self, charger: ChargerState) -> str | None:
        """Return an operator's command that is out, whose effect is still to come, or that may be carried out late."""
        for each in self.state.commands.values():
            stored = each.stored
            awaited = stored.outcome is CommandOutcome.AWAITED and stored.expects in GOES_ON
            late = stored.state in {CommandState.TIMED_OUT, CommandState.UNKNOWN} and stored.action in LEAVES_SOMETHING
            if stored.charger_id == charger.charger_id and (stored.state is CommandState.SENT or awaited or late):
                return stored.action
        return None

    def _begun(self, charger: ChargerState, fact: ReleaseRequested) -> Release:
        """Leave a charger to itself, and have it booked so, from this step on."""
        self._expire_queued(charger)
        keys = self._lost_keys(charger, fact)
        steps = (*self._steps(charger, fact), *keys, *_foreign(charger), *fact.certificates)  # it may not get back
        charger.release = release = Release(fact.asked_by, self.now.wall_ms, fact.forced, steps)
        charger.undoing.next_step()
        self.state.releasing.add(charger.charger_id)
        if not charger.config.is_observed:
            charger.config = steered(charger.config, release)
            charger.observe()
        for session in charger.sessions():
            self.journal.show(session.session_id)
        self.journal.log("charger.release_begun", charger.charger_id, None, asked_by=fact.asked_by, forced=fact.forced)
        self._changed(charger)
        return release

    def _expire_queued(self, charger: ChargerState) -> None:
        """End the commands that wait for the charger: they would leave something in it again."""
        for commanded in self.state.commands.values():
            stored = commanded.stored
            if stored.charger_id == charger.charger_id and stored.state is CommandState.QUEUED:
                commanded.change(state=CommandState.EXPIRED, reason="the charger was released")
                commanded.held_until_ms = self.now.mono_ms
                self.journal.operated[stored.command_id] = commanded

    def _steps(self, charger: ChargerState, fact: ReleaseRequested) -> Iterator[ReleaseStep]:
        """Yield what may be of ours in a charger, whether or not it is known to be."""
        told = min(charger.settings.capabilities.connectors or 0, MAX_CONNECTORS)
        everywhere = range(1, max([told, charger.config.connectors, *charger.connectors]) + 1)
        defaults, limits = FIRST_PROFILE_IDS
        for number in (*(limits + idx for idx in everywhere), *(defaults + idx for idx in everywhere), defaults):
            yield ReleaseStep(Trace.PROFILE, str(number))
        for idx in sorted(charger.connectors):
            yield ReleaseStep(Trace.LIMIT, str(idx))
        commanding = Commanding(self.state, self.journal, self.now, self.timings)
        unanswered = {number for number, until_ms in fact.reservations.items() if until_ms > self.now.wall_ms}
        for reserved in sorted({*commanding.reservations(charger.charger_id), *unanswered}):
            yield ReleaseStep(Trace.RESERVATION, str(reserved))
        if fact.local_list:
            yield ReleaseStep(Trace.LOCAL_LIST)
        for key, change in sorted(charger.settings.changes.items()):
            yield ReleaseStep(Trace.KEY, key, change.before)
        for idx, connector in sorted(charger.connectors.items()):
            if connector.containment.out_of_service and not is_kept_shut(charger, idx):
                yield ReleaseStep(Trace.CONNECTOR, str(idx))
        for idx, entry in sorted(charger.maintenance.items()):
            if may_be_shut(entry):
                detail = "a maintenance has made it Inoperative, and was not ended before"
                yield ReleaseStep(Trace.CONNECTOR, str(idx), None, StepState.NOT_UNDONE, detail)

    @staticmethod
    def _lost_keys(charger: ChargerState, fact: ReleaseRequested) -> Iterator[ReleaseStep]:
        """Yield the keys that an operator has changed and of which nobody knows what they were."""
        settings = charger.settings
        for name, value in fact.changed_keys.items():
            key = meant_by(name)
            present = None if key is None else settings.values.get(key)
            is_known = key in settings.changes or present not in {None, value}  # what was put back is another now
            if not is_known:
                detail = "an operator has set it; what it was before was never read"
                yield ReleaseStep(Trace.KEY, name, None, StepState.NOT_UNDONE, detail)

    def undo_requested(self, fact: ReleaseUndoRequested) -> None:
        """Steer a charger again as its configuration says."""
        charger = self.state.chargers.get(fact.charger_id)
        if charger is None or charger.draining:
            self.journal.reply(fact.request, NO_CHARGER)
        elif charger.release is None:
            self.journal.reply(fact.request, Refused(Refusal.NOT_RELEASED, "the charger is not released"))
        elif charger.undoing.pending is not None or self.now.mono_ms < charger.undoing.harmless_ms:
            detail = "what the release has sent may still be carried out; try again in a minute"
            self.journal.reply(fact.request, Refused(Refusal.RELEASE_REFUSED, detail))
        else:
            self._take_in(charger)
            self.journal.reply(fact.request, Confirmed())

    def _take_in(self, charger: ChargerState) -> None:
        configured = self.state.station.charger(charger.charger_id)
        charger.release = None
        self.state.releasing.discard(charger.charger_id)
        if configured is not None:
            charger.config = configured
        if charger.config.mode is Mode.CONTROL:
            charger.take_over(self.now.mono_ms, self.timings.boot_spacing_ms)
        for session in charger.sessions():
            self.journal.show(session.session_id)
        self.journal.log("charger.taken_in_again", charger.charger_id)
        self._changed(charger)

    # --- answers ------------------------------------------------------------------------------------------------------

    def said(self, call: ReleaseCall, token: Token, said: Said) -> None:
        """Take an answer."""
        awaited = self._awaited(call, token)
        if awaited is None:
            return
        charger, release, number = awaited
        progress, step = charger.undoing, release.steps[number]
        progress.tries = progress.retry_ms = 0
        ended = answered(charger, step, progress, said)
        if ended is None:
            progress.stage += 1
            self.journal.plan = True
        else:
            if ended.state is StepState.UNDONE and progress.stage > 0 and step.trace in TELLS_THE_NEXT:
                self._record(charger, release, number, asked(charger, step, replace(progress, stage=1)))
            self._ended(charger, number, ended)

    def _record(self, charger: ChargerState, release: Release, number: int, done: Asked) -> None:
        """Put what was taken out among the commands, by which the next release tells what is ours: it is no more."""
        stored = CommandStored(
            CommandId(f"{charger.charger_id}-release-{release.asked_ms}-{number}"),
            charger.charger_id,
            done.action,
            json.dumps(done.payload, separators=(",", ":")),
            release.asked_by,
            self.now.wall_ms,
            state=CommandState.ACCEPTED,
            answer="Accepted",
            sent_ms=self.now.wall_ms,
            answered_ms=self.now.wall_ms,
            ended_ms=self.now.wall_ms,
        )
        self.journal.operated[stored.command_id] = Commanded(stored)

    def unanswered(self, call: ReleaseCall, token: Token) -> None:
        """Take a time-out, or the end of the connection: it may be carried out for some time yet."""
        charger = self.state.chargers.get(call.charger_id)
        if charger is not None and charger.release is not None and call.changes:
            charger.undoing.harmless_ms = self.now.mono_ms + self.timings.late_execution_ms
            charger.release = replace(charger.release, unanswered=True)
            self._changed(charger)
        awaited = self._awaited(call, token)
        if awaited is None:
            return
        charger, release, number = awaited
        progress = charger.undoing
        pauses_ms = self.timings.backoff_ms
        progress.retry_ms = self.now.mono_ms + pauses_ms[min(progress.tries, len(pauses_ms) - 1)]
        progress.tries += 1
        if progress.tries >= TRIES:
            self._ended(charger, number, unanswered(release.steps[number], progress, call.action))

    def unsent(self, call: ReleaseCall, token: Token) -> None:
        """Take a question back of which no byte left."""
        self._awaited(call, token)

    def _awaited(self, call: ReleaseCall, token: Token) -> tuple[ChargerState, Release, int] | None:
        """Return the step that waits for this answer, which it does no more; None: nobody does."""
        charger = self.state.chargers.get(call.charger_id)
        if charger is None or charger.undoing.pending != token:
            return None
        charger.undoing.pending = None
        self.journal.plan = True
        number = None if charger.release is None else next_step(charger.release)
        return None if charger.release is None or number is None else (charger, charger.release, number)

    def _ended(self, charger: ChargerState, number: int, step: ReleaseStep) -> None:
        if charger.release is None:
            return
        charger.release = charger.release.with_step(number, step)
        charger.undoing.next_step()
        log = {"trace": step.trace.value, "name": step.name, "state": step.state.value, "why": step.detail}
        self.journal.log("charger.trace_undone", charger.charger_id, None, **log)
        if step.state is StepState.UNDONE:
            self._forget(charger, step)
        self._changed(charger)

    def _forget(self, charger: ChargerState, step: ReleaseStep) -> None:
        """Take what is out of the charger out of what is known of it."""
        if step.trace is Trace.KEY:
            charger.settings.put_back({step.name})
            charger.provisioning.reading.again([step.name])
        elif step.trace is Trace.RESERVATION:
            commanding = Commanding(self.state, self.journal, self.now, self.timings)
            commanding.end_reservation(charger.charger_id, int(step.name))
        elif step.trace is Trace.CONNECTOR:
            connector = charger.connectors.get(int(step.name))
            if connector is not None:
                connector.containment.out_of_service = False

    def _changed(self, charger: ChargerState) -> None:
        self.journal.chargers.add(charger.charger_id)
        self.journal.plan = True


class ReleaseQueue(TimedPart):
    """Asks the next question of each release, and ends those that have none; lives for one step."""

    def run(self) -> None:
        """Go through all releases that are under way."""
        for charger_id in sorted(self.state.releasing):
            charger = self.state.chargers.get(charger_id)
            release = None if charger is None else charger.release
            if charger is None or release is None:
                self.state.releasing.discard(charger_id)  # it was removed from the configuration
                continue
            number = next_step(release)
            if number is None:
                self._end(charger, release)
            elif self._may_ask(charger) and charger.connection is not None:
                self._ask(charger, release.steps[number], charger.connection)

    def _may_ask(self, charger: ChargerState) -> bool:
        if self.state.is_safe_mode or not is_there(charger) or charger.undoing.pending is not None:
            return False
        return self._reached(charger.undoing.retry_ms) and self._is_quiet(charger)

    def _is_quiet(self, charger: ChargerState) -> bool:
        """Return whether nothing that was sent before the release can still be executed."""
        pending = [c.aftermath.pending or c.containment.pending for c in charger.connectors.values()]
        if charger.provisioning.pending is not None or any(token is not None for token in pending):
            return False
        late_ms = self.timings.late_execution_ms
        until_ms = [
            charger.settings.written_ms.get(key, 0) + CALL_LONGEST_MS + late_ms
            for key, change in charger.settings.changes.items()
            if change.answer is Answer.OPEN and change.tries > 0
        ]
        for send in charger.sends():
            if send.state is SendState.OPEN:
                return False
            if send.state is SendState.LOST and send.lost_ms is not None:
                until_ms.append(send.lost_ms + late_ms)
        return self._reached(max(until_ms, default=0))

    def _ask(self, charger: ChargerState, step: ReleaseStep, connection: ConnectionId) -> None:
        now_asked, token = asked(charger, step, charger.undoing), self.state.take_token()
        charger.undoing.pending = token
        self.state.calls[token] = ReleaseCall(charger.charger_id, connection, now_asked.action, now_asked.changes)
        self.journal.after_commit.append(question(charger, step, now_asked, token, connection))

    def _end(self, charger: ChargerState, release: Release) -> None:
        """End a release of which nothing is left to do."""
        release = replace(release, steps=tuple(_settled(release)))
        is_complete = release.count(StepState.UNDONE) == len(release.steps)
        state = ReleaseState.RELEASED if is_complete else ReleaseState.INCOMPLETE
        charger.release = replace(release, state=state, ended_ms=self.now.wall_ms)
        self.state.releasing.discard(charger.charger_id)
        self.journal.log("charger.released", charger.charger_id, None, state=state.value)
        self.journal.chargers.add(charger.charger_id)
        self.journal.plan = True


def next_step(release: Release) -> int | None:
    """Return the number of the step that is under way, or None when all have ended."""
    return next((number for number, step in enumerate(release.steps) if step.state is StepState.OPEN), None)


def _foreign(charger: ChargerState) -> Iterator[ReleaseStep]:
    """Yield that what another central system had left is gone."""
    if charger.cleared_foreign:
        detail = "default profiles of another central system were cleared when it was taken in; OCPP cannot read them"
        yield ReleaseStep(Trace.FOREIGN_PROFILE, state=StepState.NOT_UNDONE, detail=detail)


def _settled(release: Release) -> Iterator[ReleaseStep]:
    """Yield the steps as they have ended in the light of all.

    A profile that answers Accepted however often it is cleared is gone where nothing told by us is in force any more;
    where that is not told, it is enough that the charger says of every profile that it has none of that id.
    """
    for step in release.steps:
        other = {Trace.PROFILE: Trace.LIMIT, Trace.LIMIT: Trace.PROFILE}.get(step.trace)
        rest = [each.state for each in release.steps if each.trace is other]
        if step.state is StepState.UNVERIFIED and rest and set(rest) == {StepState.UNDONE}:
            yield replace(step, state=StepState.UNDONE)
        else:
            yield step


def resume(state: State, now_ms: int, late_execution_ms: int) -> None:
    """Take up the releases of before the start: what was not answered may still be executed; times monotonic ms."""
    for charger in state.chargers.values():
        release = charger.release
        if release is not None and (release.is_under_way or release.unanswered):
            charger.undoing.harmless_ms = now_ms + late_execution_ms
        if release is not None and release.is_under_way:
            state.releasing.add(charger.charger_id)
