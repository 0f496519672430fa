"""Maintaining: operators mark chargers and connectors as under maintenance, and take the mark away.

    PUT → in force → DELETE, or its time is over → gone
                                                 → ended, where the charger was told to be Inoperative: until it is back

Where that is wanted, ChangeAvailability(Inoperative) goes the way of every operator's command (`csms.core.commanding`):
it waits for its charger, and what it says is told. At the end Operative follows, unless Inoperative certainly never
left. Both are an attempt: a charger that is away, refuses or does not know the action is under maintenance all the
same. One that was not seen back in operation is shown until it is.

Operative for the whole charger is Operative for each connector (OCPP 1.6 §5.2), so those that keep a maintenance of
their own are told Inoperative again behind it. A connector that was taken out of service for ignoring its limits
(`csms.core.containing`) is not given back here, and not there as long as a maintenance keeps it shut.

Booked power is not touched by any of it (LEDGER.md §1).
"""

import json
from dataclasses import replace

from csms.core.capping import LOOK_AGAIN_MS
from csms.core.charger import ChargerState
from csms.core.commanded import Commanded
from csms.core.events import ConnectorStatus, MaintenanceEndRequested, MaintenanceRequested
from csms.core.ids import CommandId
from csms.core.maintenance import may_be_shut
from csms.core.part import Part, TimedPart
from csms.core.records import CommandState, CommandStored, Maintenance, Told
from csms.core.replies import MaintenanceShown, Refusal, Refused

ACTION = "ChangeAvailability"

WAITS_MS = 30 * 86_400_000
"""So long a charger that is away is waited for, to be told; a maintenance that ends sooner waits no longer."""

MAY_BE_DONE = frozenset({CommandState.ACCEPTED, CommandState.TIMED_OUT, CommandState.UNKNOWN})
"""States in which a charger may have done what it was told, or will."""

WITHDRAWN = "the maintenance that it was for is over or was changed"


class Maintaining(Part):
    """Intake of maintenance; lives for one step."""

    def requested(self, fact: MaintenanceRequested) -> None:
        """Mark a charger or connector, or change what was said of it."""
        charger = self.state.chargers.get(fact.charger_id)
        refused = self._why_refused(charger, fact)
        if charger is None or refused is not None:
            self.journal.reply(fact.request, refused or _NO_CHARGER)
            return
        before = charger.maintenance.get(fact.idx)
        marked = self._marked(before, fact)
        charger.maintenance[fact.idx] = marked
        self.state.maintained.add(charger.charger_id)
        if fact.inoperative:
            self._told(charger, fact.idx, operative=False, asked_by=fact.asked_by)
        else:
            self._given_back(charger, fact.idx, fact.asked_by)
        self._touched(charger)
        self.journal.log(
            "maintenance.begun",
            charger.charger_id,
            fact.idx or None,
            reason=fact.reason,
            until_ms=fact.until_ms,
            inoperative=fact.inoperative,
            asked_by=fact.asked_by,
        )
        self.journal.reply(fact.request, MaintenanceShown(charger.maintenance[fact.idx], _in_force(before)))

    def _why_refused(self, charger: ChargerState | None, fact: MaintenanceRequested) -> Refused | None:
        if charger is None:
            return _NO_CHARGER
        if fact.idx and fact.idx not in charger.connectors:
            return _NO_CONNECTOR
        if fact.until_ms is not None and fact.until_ms <= self.now.wall_ms:
            return Refused(Refusal.MAINTENANCE_OVER, "until: that time is over; nothing was changed")
        return None

    def _marked(self, before: Maintenance | None, fact: MaintenanceRequested) -> Maintenance:
        """Return what is said from now on; what its charger was told before is kept in mind."""
        now_ms = self.now.wall_ms
        if before is None:
            before = Maintenance(fact.maintenance_id, fact.reason, fact.asked_by, now_ms)
        return replace(
            before,
            reason=fact.reason,
            asked_by=fact.asked_by,
            since_ms=now_ms if before.ended_ms is not None else before.since_ms,
            until_ms=fact.until_ms,
            inoperative=fact.inoperative,
            ended_ms=None,
        )

    def end_requested(self, fact: MaintenanceEndRequested) -> None:
        """Take the mark away; without one nothing changes, but who was not seen back is told Operative again."""
        charger = self.state.chargers.get(fact.charger_id)
        if charger is None:
            self.journal.reply(fact.request, _NO_CHARGER)
            return
        if fact.idx and fact.idx not in charger.connectors:
            self.journal.reply(fact.request, _NO_CONNECTOR)
            return
        before = charger.maintenance.get(fact.idx)
        if before is not None:
            self.end(charger, fact.idx, fact.asked_by)
        self.journal.reply(fact.request, MaintenanceShown(charger.maintenance.get(fact.idx), _in_force(before)))

    def end(self, charger: ChargerState, idx: int, asked_by: str) -> None:
        """End a maintenance; its mark stays as ended where its charger is yet to be back in operation."""
        before = charger.maintenance[idx]
        self._given_back(charger, idx, asked_by)
        left = charger.maintenance[idx]
        if may_be_shut(left):
            charger.maintenance[idx] = replace(left, ended_ms=before.ended_ms or self.now.wall_ms)
        else:
            del charger.maintenance[idx]
        self._touched(charger)
        if before.ended_ms is None:
            lasted_s = max(0, self.now.wall_ms - before.since_ms) // 1_000
            who = {"reason": before.reason, "asked_by": asked_by}
            self.journal.log("maintenance.ended", charger.charger_id, idx or None, lasted_s=lasted_s, **who)

    def _touched(self, charger: ChargerState) -> None:
        self.journal.chargers.add(charger.charger_id)
        self.journal.plan = True

    # --- what its charger is told -------------------------------------------------------------------------------------

    def _given_back(self, charger: ChargerState, idx: int, asked_by: str) -> None:
        """Have a charger or connector Operative again that may be Inoperative by this maintenance."""
        entry = charger.maintenance[idx]
        if entry.told is not None and not entry.told.operative:
            entry = charger.maintenance[idx] = self._without_queued(entry)
        if not may_be_shut(entry):
            return
        connector = charger.connectors.get(idx)
        whole = charger.maintenance.get(0)
        kept_by_charger = idx != 0 and whole is not None and whole.ended_ms is None and whole.inoperative
        if kept_by_charger or (connector is not None and connector.containment.out_of_service):
            charger.maintenance[idx] = replace(entry, shut=False, told=None)  # it is for those to give it back
            return
        if not self._told(charger, idx, operative=True, asked_by=asked_by) or idx != 0:
            return
        for other in sorted(charger.maintenance.keys() - {0}):
            if charger.maintenance[other].ended_ms is None and charger.maintenance[other].inoperative:
                self._told(charger, other, operative=False, asked_by=asked_by, again=True)

    def _told(self, charger: ChargerState, idx: int, *, operative: bool, asked_by: str, again: bool = False) -> bool:
        """Make the command that tells a charger, unless that is done or under way; return whether one was made."""
        told = charger.maintenance[idx].told
        if told is not None and told.operative is operative and (told.is_open or told.is_done) and not again:
            return False
        entry = self._without_queued(charger.maintenance[idx])
        now_ms, commands = self.now.wall_ms, entry.commands + 1
        until_ms = entry.until_ms if entry.until_ms is not None and not operative else now_ms + WAITS_MS
        command_id = CommandId(f"{entry.maintenance_id}-{commands}")
        wanted = {"connectorId": idx, "type": "Operative" if operative else "Inoperative"}
        body = json.dumps(wanted, separators=(",", ":"))
        stored = CommandStored(command_id, charger.charger_id, ACTION, body, asked_by, now_ms, until_ms)
        commanded = Commanded(stored, self.now.mono_ms + max(0, until_ms - now_ms))
        self.state.commands[command_id] = self.journal.operated[command_id] = commanded
        shut = entry.shut or operative  # until Operative was answered: what was sent before may be done
        charger.maintenance[idx] = replace(entry, commands=commands, told=Told(command_id, operative), shut=shut)
        return True

    def _without_queued(self, entry: Maintenance) -> Maintenance:
        """Return a maintenance whose last command does not leave any more, if it has not."""
        told = entry.told
        commanded = None if told is None else self.state.commands.get(told.command_id)
        if told is None or commanded is None or commanded.stored.state is not CommandState.QUEUED:
            return entry
        commanded.change(state=CommandState.EXPIRED, reason=WITHDRAWN)
        commanded.held_until_ms = self.now.mono_ms
        self.journal.operated[told.command_id] = commanded
        return replace(entry, told=replace(told, state=CommandState.EXPIRED))


class MaintenanceWatch(TimedPart):
    """Ends what is over, and follows what came of the commands; lives for one step."""

    def end_what_is_over(self) -> None:
        """End each maintenance whose time has come, before commands leave; the wall clock may be set meanwhile."""
        maintaining = Maintaining(self.state, self.journal, self.now, self.timings)
        for charger in self._maintained():
            for idx, entry in list(charger.maintenance.items()):
                if entry.until_ms is None or entry.ended_ms is not None:
                    continue
                left_ms = entry.until_ms - self.now.wall_ms
                if left_ms <= 0:
                    maintaining.end(charger, idx, entry.asked_by)
                else:
                    self.alarm.at(self.now.mono_ms + min(LOOK_AGAIN_MS, left_ms))

    def follow(self) -> None:
        """Take over how far each command has come, after all have been gone through."""
        for charger in self._maintained():
            for idx, entry in list(charger.maintenance.items()):
                followed = self._followed(entry)
                if (idx and idx not in charger.connectors) or self._is_back(charger, idx, followed):
                    del charger.maintenance[idx]
                elif followed == entry:
                    continue
                else:
                    charger.maintenance[idx] = followed
                self.journal.chargers.add(charger.charger_id)

    def _maintained(self) -> list[ChargerState]:
        """Return the chargers of which something is said, and forget those of which nothing is any more."""
        found = [self.state.chargers.get(charger_id) for charger_id in sorted(self.state.maintained)]
        marked = [charger for charger in found if charger is not None and charger.maintenance]
        self.state.maintained = {charger.charger_id for charger in marked}
        return marked

    def _followed(self, entry: Maintenance) -> Maintenance:
        told = entry.told
        if told is None:
            return entry
        commanded = self.state.commands.get(told.command_id) or self.journal.operated.get(told.command_id)
        if commanded is None:
            return entry
        seen = replace(told, state=commanded.stored.state, outcome=commanded.stored.outcome)
        if seen.operative:
            return replace(entry, told=seen, shut=entry.shut and not seen.is_done)
        return replace(entry, told=seen, shut=entry.shut or seen.state in MAY_BE_DONE)

    @staticmethod
    def _is_back(charger: ChargerState, idx: int, entry: Maintenance) -> bool:
        """Return whether one that has ended is in operation again: it said so, in its answer or by its statuses."""
        if entry.ended_ms is None or (entry.told is not None and entry.told.is_open):
            return False
        statuses = [c.status for c in charger.connectors.values() if idx in {0, c.key.idx}]
        return not may_be_shut(entry) or not any(status in _NOT_BACK for status in statuses)


_NOT_BACK = frozenset({None, ConnectorStatus.UNAVAILABLE, ConnectorStatus.FAULTED})
_NO_CHARGER = Refused(Refusal.UNKNOWN_CHARGER, "there is no charger of that id")
_NO_CONNECTOR = Refused(Refusal.UNKNOWN_CONNECTOR, "the charger has no such connector")


def _in_force(entry: Maintenance | None) -> Maintenance | None:
    return None if entry is None or entry.ended_ms is not None else entry
