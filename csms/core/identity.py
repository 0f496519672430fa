"""Identity conflicts: more than one charger that connects under one identity (LEDGER.md §6).

Each of them is thrown out by the other and comes back at once: more than three takeovers a minute from different
addresses show it. What one of them answers says nothing of the other, so while it lasts nothing is told to them,
nothing that is booked is freed, and nothing is raised. It is over when no connection from another address has taken
over for ten minutes; whoever is connected then is spoken to as after a boot.
"""

from collections import deque
from dataclasses import dataclass, field

TAKEOVERS_MAX = 3
"""So many in a minute are no conflict: a charger may change from one way into the network to another."""


@dataclass(slots=True)
class Identity:
    """Who connects under one identity; times monotonic ms.

    Attributes:
        address: of the newest connection.
        takeovers: when a connection from another address took over, the newest ones.
        in_conflict: it was more than one charger lately.
    """

    address: str | None = None
    takeovers: deque[int] = field(default_factory=lambda: deque(maxlen=TAKEOVERS_MAX + 1))
    in_conflict: bool = False

    def connected(self, address: str, now_ms: int, window_ms: int, *, takes_over: bool) -> bool:
        """Take a connection; return whether it shows a conflict that was not known."""
        other = self.address not in {None, address}
        self.address = address
        if not takes_over or not other:
            return False
        self.takeovers.append(now_ms)
        many = len(self.takeovers) > TAKEOVERS_MAX and now_ms - self.takeovers[0] <= window_ms
        news = many and not self.in_conflict
        self.in_conflict = self.in_conflict or many
        return news

    def over_ms(self, quiet_ms: int) -> int:
        """Return when a conflict is over if nobody takes over before, monotonic ms."""
        return self.takeovers[-1] + quiet_ms
