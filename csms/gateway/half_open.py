"""Connections that are not through their handshake yet: how many there may be, in all and from one address."""

from collections import Counter
from collections.abc import Hashable

from csms.buckets import who_is

ADDRESS_SHARE = 4
"""One address may hold a quarter of what may be half-open: whoever begins handshakes and ends none stays in the way of
nobody else. Chargers behind one address come back in turns at the worst; those of this machine, or behind a proxy that
is named, do not share. Of IPv6 a whole network counts as one."""


class HalfOpen:
    """Counts them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._most_from_one = max(1, most // ADDRESS_SHARE)
        self._remotes: dict[Hashable, str] = {}
        self._from: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._remotes)

    def enter(self, one: Hashable, remote: str, *, stands_for_many: bool = False) -> bool:
        """Count one; False when there are too many, in all or from its address, and then it is not counted."""
        if len(self._remotes) >= self._most:
            return False
        remote = who_is(remote)
        if not stands_for_many and self._from[remote] >= self._most_from_one:
            return False
        self._remotes[one] = remote
        self._from[remote] += 1
        return True

    def leave(self, one: Hashable) -> None:
        """Count one no more: it is through, or gone."""
        remote = self._remotes.pop(one, None)
        if remote is None:
            return
        self._from[remote] -= 1
        if self._from[remote] == 0:
            del self._from[remote]
