"""In what order sessions are let in (ALLOCATOR.md §2 and §6): that of arrival, but for those that had their turn.

What is heard is who gave way, or was asked again as one that had taken nothing; the order follows from that alone. It
is not kept over a restart of the server.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from csms.core.ids import SessionId
from csms.core.records import EventLogged, Record, SessionStored

TO_THE_BACK = ("session.gave_its_turn", "session.offered_again")
SWAP_MS = 150_000
"""H + 30 s and a minute for the cut, its settling and the start that follows."""


@dataclass(slots=True)
class Turns:
    """Who comes when; `moved_ms`: when somebody was last moved to the back."""

    moved_ms: int | None = None
    _moves: int = 0
    _orders: dict[SessionId, int] = field(default_factory=dict)

    def see(self, records: Iterable[Record], now_ms: int) -> None:
        """Take what one step has written: those that come are behind those that were moved before."""
        for record in records:
            if isinstance(record, SessionStored):
                self._orders.setdefault(record.session_id, self._moves)
            elif isinstance(record, EventLogged) and record.kind in TO_THE_BACK:
                self._moves += 1
                self._orders[SessionId(str(record.detail["session_id"]))] = self._moves
                self.moved_ms = now_ms

    def recovered(self, running: Iterable[SessionId]) -> None:
        """Begin with the order of arrival again."""
        self._moves, self._orders = 0, dict.fromkeys(running, 0)

    def order(self, session_id: SessionId) -> int:
        """Return how often somebody had been moved to the back when a session came there."""
        return self._orders.get(session_id, 0)

    def are_settled(self, now_ms: int) -> bool:
        """Return whether nobody is on the way from one car to the next."""
        return self.moved_ms is None or now_ms - self.moved_ms >= SWAP_MS
