"""What a contract or a grid operator says of the grid connection: terms, as configured or as told at run time.

Times of day are the station's own; what an event says is of UTC. `csms.core.capacity_windows` has what follows from
them at an instant, `csms.core.tariff` what a capacity tariff allows.
"""

from dataclasses import dataclass
from enum import StrEnum

DAY_MIN = 1_440
WEEK: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
"""The days of a week, Monday first."""


def clock_text(minute: int) -> str:
    """Return a minute of the day as a clock shows it: 00:00 to 24:00."""
    return f"{minute // 60:02}:{minute % 60:02}"


@dataclass(frozen=True, slots=True)
class CapacityWindow:
    """Hours of the day in which the grid connection may be loaded with less.

    Attributes:
        from_min, to_min: minutes of the station's day; `to_min` is at most 1440, and the next day's where it is less.
        capacity_w: what may be drawn meanwhile.
        days: those on which it begins, Monday is 0.
    """

    from_min: int
    to_min: int
    capacity_w: int
    days: tuple[int, ...] = WEEK

    def holds_at(self, day: int, minute: int) -> bool:
        """Return whether a clock that shows this day of the week and minute of the day is in it."""
        if self.from_min < self.to_min:
            return day in self.days and self.from_min <= minute < self.to_min
        begun_yesterday = minute < self.to_min and (day - 1) % len(WEEK) in self.days
        return begun_yesterday or (minute >= self.from_min and day in self.days)


@dataclass(frozen=True, slots=True)
class GridOperator:
    """Who tells limits of the grid connection at run time, and what holds when nothing is heard of him.

    Attributes:
        fail_safe_capacity_w: what may be drawn then.
        silent_after_s: he is silent when no heartbeat of his was heard for so long.
    """

    fail_safe_capacity_w: int
    silent_after_s: int = 300


@dataclass(frozen=True, slots=True)
class CapacityTariff:
    """Power that is paid for by the highest mean of a window in each month.

    Attributes:
        target_w: the mean that is paid for anyhow; None: nothing is held down, means are only remembered.
        window_min: length of the windows; they begin with the station's hours.
    """

    target_w: int | None = None
    window_min: int = 15


class HeldBy(StrEnum):
    """What the capacity of the grid connection comes from."""

    GRID_CAPACITY = "grid_capacity"
    SCHEDULE = "schedule"
    EVENT = "event"
    FAIL_SAFE = "fail_safe"
    """Nothing is heard of the grid operator."""
    TARIFF = "tariff"


class EventPhase(StrEnum):
    """Where an event stands."""

    COMING = "coming"
    IN_FORCE = "in_force"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class CapacityEvent:
    """A limit of the grid connection that was told at run time. Times UTC ms.

    Attributes:
        event_id: chosen by who tells it.
        to_ms: it ends before that; None: when it is withdrawn.
        source: who says so, for people.
        heartbeat_s: he promises a sign of life that often as long as it is not over; None: as configured.
        set_by: who has told it here; set_ms: when.
    """

    event_id: str
    from_ms: int
    to_ms: int | None
    capacity_w: int
    source: str
    heartbeat_s: int | None = None
    set_by: str = ""
    set_ms: int = 0

    def phase_at(self, wall_ms: int) -> EventPhase:
        """Return where it stands at an instant, UTC ms."""
        if wall_ms < self.from_ms:
            return EventPhase.COMING
        return EventPhase.IN_FORCE if self.to_ms is None or wall_ms < self.to_ms else EventPhase.OVER


@dataclass(frozen=True, slots=True)
class Held:
    """What the grid connection may be loaded with at an instant, and why no more.

    Attributes:
        capacity_w: the lowest of all that hold, and of those that are to hold in a moment.
        begins_ms: UTC, from when it holds, where it counts already before its time; None: it holds now.
        in_force_w: what holds now; more than `capacity_w` before that one's time.
        window: of `HeldBy.SCHEDULE`; event: of `HeldBy.EVENT`.
    """

    capacity_w: int
    by: HeldBy
    in_force_w: int
    begins_ms: int | None = None
    window: CapacityWindow | None = None
    event: CapacityEvent | None = None
