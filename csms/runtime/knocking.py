"""Refused handshakes, remembered for the operator: who knocks, at which address, and why it was not let in.

Equal knocks (same charger id, same remote host, same reason) are one entry with a count. The log is bounded: the entry
whose last knock is oldest is forgotten first.
"""

from collections import OrderedDict
from dataclasses import dataclass, replace

_MAX_TEXT_CHARS = 255


@dataclass(frozen=True, slots=True)
class Knock:
    """Handshakes that were refused for one reason.

    Attributes:
        charger_id: as decoded from the path; "" when the path holds none.
        remote: host that knocked, without its port.
        path: of the last knock.
        reason: "unknown_charger", "no_subprotocol", …
        first_ms: UTC.
        last_ms: UTC.
        count: how often so far.
    """

    charger_id: str
    remote: str
    path: str
    reason: str
    first_ms: int
    last_ms: int
    count: int


class KnockingLog:
    """The most recent refused handshakes."""

    def __init__(self, max_entries: int = 256) -> None:
        assert max_entries > 0, "a log of nothing is no log"
        self._max_entries = max_entries
        self._knocks: OrderedDict[tuple[str, str, str], Knock] = OrderedDict()

    def record(self, charger_id: str, remote: str, path: str, reason: str, *, wall_ms: int) -> Knock:
        """Remember one refused handshake and return its entry; overlong text is cut."""
        charger_id, path = charger_id[:_MAX_TEXT_CHARS], path[:_MAX_TEXT_CHARS]
        key = charger_id, remote, reason
        known = self._knocks.pop(key, None)
        if known is None:
            knock = Knock(charger_id, remote, path, reason, wall_ms, wall_ms, 1)
        else:
            knock = replace(known, path=path, last_ms=wall_ms, count=known.count + 1)
        self._knocks[key] = knock
        if len(self._knocks) > self._max_entries:
            self._knocks.popitem(last=False)
        return knock

    def recent(self) -> tuple[Knock, ...]:
        """Return the knocks, newest first."""
        return tuple(reversed(self._knocks.values()))
