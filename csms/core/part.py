"""What the parts of a step share: each is made for one step, works on the station's state, and is then forgotten."""

from csms.core.ids import Now
from csms.core.journal import Journal
from csms.core.state import State
from csms.core.timings import Timings


class Alarm:
    """The earliest time at which something that waits now may go on, monotonic ms."""

    def __init__(self) -> None:
        self.due_ms: int | None = None

    def at(self, due_ms: int) -> None:
        """Wake at `due_ms` at the latest."""
        if self.due_ms is None or due_ms < self.due_ms:
            self.due_ms = due_ms

    def reached(self, due_ms: int, now: Now) -> bool:
        """Return whether `due_ms` has come; have the engine wake for it otherwise."""
        if now.mono_ms >= due_ms:
            return True
        self.at(due_ms)
        return False


class Part:
    """A part of one step: what it reads and changes, where it writes down what follows, when it is."""

    def __init__(self, state: State, journal: Journal, now: Now, timings: Timings) -> None:
        self.state = state
        self.journal = journal
        self.now = now
        self.timings = timings


class TimedPart(Part):
    """One that waits for times."""

    def __init__(self, state: State, journal: Journal, now: Now, timings: Timings, alarm: Alarm) -> None:
        super().__init__(state, journal, now, timings)
        self.alarm = alarm

    def _reached(self, due_ms: int) -> bool:
        return self.alarm.reached(due_ms, self.now)
