"""Who asked to connect as a charger and was not let in, remembered for the operator: at which address, and why not.

Most were refused in the handshake. Guests, which may connect and wait to be configured, are here as well, with what
they say of themselves. Equal knocks (same charger id, same remote host, same reason) are one entry with a count. The
log is bounded: the entry whose last knock is oldest is forgotten first.
"""

from collections import OrderedDict
from dataclasses import dataclass, replace

from csms.core.events import BootInfo
from csms.core.hiding import address_shown, without_credentials

_MAX_TEXT_CHARS = 255


@dataclass(frozen=True, slots=True)
class Knock:
    """Handshakes that led to nothing for one reason.

    Attributes:
        charger_id: as decoded from the path, without credentials; "" when the path holds none.
        remote: host that knocked, without its port.
        path: of the last knock, without its query and without credentials.
        reason: "unknown_charger", "no_subprotocol", …; "pending" and "rejected" for guests.
        first_ms: UTC.
        last_ms: UTC.
        count: how often so far.
        boot: what it said of itself, if it was let in far enough to say it.
    """

    charger_id: str
    remote: str
    path: str
    reason: str
    first_ms: int
    last_ms: int
    count: int
    boot: BootInfo | None = None


class KnockingLog:
    """The most recent refused handshakes."""

    def __init__(self, max_entries: int = 256) -> None:
        assert max_entries > 0, "a log of nothing is no log"
        self._max_entries = max_entries
        self._knocks: OrderedDict[tuple[str, str, str], Knock] = OrderedDict()

    def record(self, charger_id: str, remote: str, path: str, reason: str, *, wall_ms: int) -> Knock:
        """Remember one handshake and return its entry; overlong text is cut, and credentials are hidden before."""
        charger_id = without_credentials(charger_id)[:_MAX_TEXT_CHARS]
        knock = Knock(charger_id, remote, address_shown(path)[:_MAX_TEXT_CHARS], reason, wall_ms, wall_ms, 1)
        known = self._knocks.get(_key(knock))
        if known is not None:
            knock = replace(known, path=knock.path, last_ms=wall_ms, count=known.count + 1)
        return self._keep(knock)

    def told(self, knock: Knock, boot: BootInfo, *, wall_ms: int) -> Knock:
        """Remember what somebody says of itself whose `knock` was recorded; return its entry."""
        known = self._knocks.get(_key(knock), knock)
        return self._keep(replace(known, last_ms=wall_ms, boot=boot))

    def _keep(self, knock: Knock) -> Knock:
        self._knocks.pop(_key(knock), None)
        self._knocks[_key(knock)] = knock
        if len(self._knocks) > self._max_entries:
            self._knocks.popitem(last=False)
        return knock

    def recent(self) -> tuple[Knock, ...]:
        """Return the knocks, newest first."""
        return tuple(reversed(self._knocks.values()))


def _key(knock: Knock) -> tuple[str, str, str]:
    return knock.charger_id, knock.remote, knock.reason
