"""Limits of the grid connection that are told at run time, and signs of life of who tells them.

    PUT → standing: coming → in force → over → forgotten a day later
          DELETE → forgotten

An event is durable before its PUT is answered and survives restarts. A sign of life is not: after a restart the grid
operator counts as silent until he is heard, which books less, never more. What is over is kept for a day: the wall
clock may have been set ahead by mistake, and set back again.

Silence is told by monotonic time; what an event says is of UTC (`csms.core.capacity_windows` has what follows).
"""

from csms.core.capacity_windows import is_silent, next_change_ms, silence_ms
from csms.core.capping import LOOK_AGAIN_MS
from csms.core.events import CapacityEventSet, CapacityEventWithdrawn, GridOperatorHeard
from csms.core.grid_terms import CapacityEvent, EventPhase
from csms.core.ids import Now
from csms.core.part import Part, TimedPart
from csms.core.replies import CapacityEventShown, Confirmed, Refusal, Refused
from csms.core.state import State

EVENTS_MAX = 100
"""So many stand at the most; so many that are over are kept beside them at least, and twice as many of both."""

KEPT_MS = 86_400_000
"""So long is one kept after it was over, if not too many came after it."""


class CapacityEvents(Part):
    """Intake of events and signs of life; lives for one step."""

    def set(self, fact: CapacityEventSet) -> None:
        """Have an event stand, in the place of the one of its id."""
        event, known = fact.event, self.state.capacity_events
        refused = self._why_refused(event)
        if refused is not None:
            self.journal.reply(fact.request, refused)
            return
        before = known.get(event.event_id)
        known[event.event_id] = event
        self._changed(event)
        self.journal.log(
            "capacity_event.set",
            event_id=event.event_id,
            from_ms=event.from_ms,
            to_ms=event.to_ms,
            capacity_w=event.capacity_w,
            source=event.source,
            heartbeat_s=event.heartbeat_s,
            asked_by=event.set_by,
        )
        self.journal.reply(fact.request, CapacityEventShown(event, before))

    def _why_refused(self, event: CapacityEvent) -> Refused | None:
        if event.phase_at(self.now.wall_ms) is EventPhase.OVER:
            return Refused(Refusal.CAPACITY_EVENT_OVER, "to: that time is over; nothing was changed")
        if event.heartbeat_s is not None and self.state.station.grid_operator is None:
            return _NO_GRID_OPERATOR
        others = (e for e in self.state.capacity_events.values() if e.event_id != event.event_id)
        standing = sum(other.phase_at(self.now.wall_ms) is not EventPhase.OVER for other in others)
        if standing >= EVENTS_MAX:
            return Refused(Refusal.TOO_MANY_CAPACITY_EVENTS, f"{standing} events stand already; nothing was changed")
        return None

    def withdrawn(self, fact: CapacityEventWithdrawn) -> None:
        """Have an event stand no more."""
        event = self.state.capacity_events.pop(fact.event_id, None)
        if event is None:
            self.journal.reply(fact.request, Refused(Refusal.UNKNOWN_CAPACITY_EVENT, "there is no event of that id"))
            return
        self._changed(event)
        self.journal.log("capacity_event.withdrawn", event_id=event.event_id, asked_by=fact.asked_by)
        self.journal.reply(fact.request, CapacityEventShown(None, event))

    def heard(self, fact: GridOperatorHeard) -> None:
        """Take note of a sign of life."""
        if self.state.station.grid_operator is None:
            self.journal.reply(fact.request, _NO_GRID_OPERATOR)
            return
        if operator_is_silent(self.state, self.now):
            self.journal.log("grid_operator.heard", asked_by=fact.asked_by)
            self.journal.plan = True
        self.state.operator_heard_ms = self.now.mono_ms
        self.journal.reply(fact.request, Confirmed())

    def _changed(self, event: CapacityEvent) -> None:
        self.journal.capacity_events.add(event.event_id)
        self.journal.plan = True


class CapacityWatch(TimedPart):
    """Forgets what has been over for long, and wakes the engine when the capacity changes; lives for one step."""

    def run(self) -> None:
        """Forget events that have been over for long, and say when the capacity is to be looked at again."""
        if self.state.capacity_events:
            self._forget_old()
        if has_terms(self.state):
            self._wake()

    def _forget_old(self) -> None:
        state, wall_ms = self.state, self.now.wall_ms
        ending = ((event.to_ms, event) for event in state.capacity_events.values() if event.to_ms is not None)
        # The newest first: those that stand, and no more than so many that are over.
        for place, (to_ms, event) in enumerate(sorted(ending, key=lambda each: (-each[0], each[1].event_id))):
            left_ms = to_ms + KEPT_MS - wall_ms
            if left_ms <= 0 or (place >= 2 * EVENTS_MAX and event.phase_at(wall_ms) is EventPhase.OVER):
                del state.capacity_events[event.event_id]
                self.journal.capacity_events.add(event.event_id)
                self.journal.log("capacity_event.forgotten", event_id=event.event_id)
            else:
                self.alarm.at(self.now.mono_ms + min(LOOK_AGAIN_MS, left_ms))

    def _wake(self) -> None:
        """Wake when the capacity changes, when one that counts early begins, and soon enough if the clock is set."""
        state, mono_ms, wall_ms = self.state, self.now.mono_ms, self.now.wall_ms
        events, unheard_ms = tuple(state.capacity_events.values()), operator_unheard_ms(state, self.now)
        change_ms = next_change_ms(state.station, events, wall_ms, state.zone, unheard_ms, LOOK_AGAIN_MS)
        self.alarm.at(mono_ms + (LOOK_AGAIN_MS if change_ms is None else change_ms))
        if state.held is not None and state.held.begins_ms is not None:
            self.alarm.at(mono_ms + max(1, state.held.begins_ms - wall_ms))
        allowed_ms = silence_ms(state.station, events, wall_ms)
        if unheard_ms is not None and allowed_ms is not None and unheard_ms < allowed_ms:
            self.alarm.at(mono_ms + allowed_ms - unheard_ms)


def has_terms(state: State) -> bool:
    """Return whether the capacity of the grid connection may become another one by time alone."""
    is_told = bool(state.capacity_events) or bool(state.station.capacity_schedule)
    return is_told or (state.station.grid_operator is not None and state.operator_heard_ms is not None)


def operator_unheard_ms(state: State, now: Now) -> int | None:
    """Return for how long nothing was heard of the grid operator, ms; None: nothing since this process began."""
    return None if state.operator_heard_ms is None else now.mono_ms - state.operator_heard_ms


def operator_is_silent(state: State, now: Now) -> bool:
    """Return whether his fail-safe capacity holds; never where none is configured."""
    return is_silent(state.station, state.capacity_events.values(), now.wall_ms, operator_unheard_ms(state, now))


_NO_GRID_OPERATOR = Refused(
    Refusal.NO_GRID_OPERATOR, "the configuration has no gridOperator, whose failSafeCapacity would hold in silence"
)
