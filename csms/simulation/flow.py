"""What flows at the grid connection of a site with a battery: cars + base load − battery, against its fuse.

Theory of operation. What the cars may have is what the grid connection has in force, less what the base load takes, and
with what the battery gives, in truth. All three change without asking. A fall of what cars may have is worked off in
25 s (LEDGER.md §3) from when it could be known, so cars are held to the most that there was within that time:

    the capacity    what counted: a fall that was told 25 s before counts from then on, so nothing is left of it
    the base load   as it is, or what its meter shows where that is less; without a meter that is heard its maximum
    the battery     what it gives, or its last word where that is more and not older than 10 s

A meter at the grid connection shows what is too much when it is, and then there are 25 s as well. Who cannot be told
anything is excused as in the other oracles (`csms.simulation.workoff`).
"""

from collections import deque
from dataclasses import dataclass, field

from csms.simulation.fuses import RAMP_MS
from csms.simulation.workoff import WORK_OFF_MS


@dataclass(frozen=True, slots=True)
class Known:
    """What could be known at one instant, W: the capacity that counts, and battery less base load."""

    at_ms: int
    capacity_w: int
    beside_w: int


@dataclass(slots=True)
class Flow:
    """The grid connection of one world.

    Attributes:
        seen: how often it was looked at; over_ms: for how long it carried more than its capacity, in truth.
    """

    seen: int = 0
    over_ms: int = 0
    _known: deque[Known] = field(default_factory=deque)
    _since_ms: int | None = None

    def note(self, known: Known) -> None:
        """Take what could be known now."""
        self._known.append(known)
        while self._known[0].at_ms < known.at_ms - WORK_OFF_MS:
            self._known.popleft()

    def restart(self) -> None:
        """Forget: nobody could know anything, or do anything about it."""
        self._known.clear()
        self._since_ms = None

    def is_over(self, cars_w: int, in_force_w: int, fuse_w: int, now_ms: int, *, shows_late: bool) -> int | None:
        """Return what cars may have, W, where they have had more for too long; None: all is well.

        `shows_late`: that there is too much shows only when there is.
        """
        self.seen += 1
        is_old = bool(self._known) and self._known[0].at_ms <= now_ms - WORK_OFF_MS + 1_000
        if not is_old:
            return None
        capacity_w = max(in_force_w, *(known.capacity_w for known in self._known))
        most_w = capacity_w + fuse_w // 50 + max(known.beside_w for known in self._known)
        if cars_w <= most_w:
            self._since_ms = None
            return None
        if self._since_ms is None:
            self._since_ms = now_ms
        allowed_ms = RAMP_MS + (WORK_OFF_MS if shows_late else 0)
        return most_w if now_ms - self._since_ms > allowed_ms else None
