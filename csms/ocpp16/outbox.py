"""The queue of our own CALLs to one charger: limits first, the newest of a key wins, never longer than its bound.

Three lanes: limits, hard actions and clearings that an overbooked row needs (`urgent`), other limits, everything else.
Within a lane the order is that of arrival; a limit that replaces a queued one of the same key takes its place in the
order of its own lane.
"""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass

from csms.core.ids import Token

MAX_QUEUED = 64
"""CALLs that may wait for one charger; the next one is refused (it counts as unsent)."""


@dataclass(frozen=True, slots=True)
class QueuedCall:
    """A CALL that has not been written yet."""

    token: Token
    action: str
    payload: Mapping[str, object]
    limit_key: Hashable | None
    urgent: bool


class Outbox:
    """CALLs that wait for their turn."""

    __slots__ = ("_limits", "_others")

    def __init__(self) -> None:
        self._limits: dict[Hashable, QueuedCall] = {}
        self._others: list[QueuedCall] = []

    def __len__(self) -> int:
        return len(self._limits) + len(self._others)

    def __iter__(self) -> Iterator[QueuedCall]:
        yield from self._limits.values()
        yield from self._others

    @property
    def has_urgent(self) -> bool:
        """Return whether a limit waits that an overbooked row needs."""
        return any(call.urgent for call in self._limits.values())

    def put(self, call: QueuedCall) -> QueuedCall | None:
        """Queue `call`; return the CALL that will never be sent because of it: the one replaced, or itself if full."""
        assert call.limit_key is not None or not call.urgent, "only limits are urgent"
        if call.limit_key is not None and call.limit_key in self._limits:
            replaced = self._limits[call.limit_key]
            self._limits[call.limit_key] = call
            return replaced
        if len(self) >= MAX_QUEUED:
            return call
        if call.limit_key is None:
            self._others.append(call)
        else:
            self._limits[call.limit_key] = call
        return None

    def take(self) -> QueuedCall | None:
        """Remove and return the CALL whose turn it is."""
        for key, call in self._limits.items():
            if call.urgent:
                return self._limits.pop(key)
        if self._limits:
            return self._limits.pop(next(iter(self._limits)))
        return self._others.pop(0) if self._others else None

    def clear(self) -> list[QueuedCall]:
        """Remove and return everything."""
        calls = list(self)
        self._limits.clear()
        self._others.clear()
        return calls
