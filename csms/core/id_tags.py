"""Id tags that are listed: what is known of each, and what follows from it at one moment (OCPP 1.6 §7.2, §7.27).

A tag is opaque and compared without regard to case. What is said of a parent says nothing of its children: a parent is
a name that tags share, and only itself a tag when it is listed (§3.10).
"""

from dataclasses import dataclass

from csms.core.events import TagStatus
from csms.core.terms import Terms

TAGS_MAX = 100_000
"""Listed tags at the most: they are kept in memory, some 400 bytes each."""


@dataclass(frozen=True, slots=True)
class IdTag:
    """One listed tag.

    Attributes:
        id_tag: upper-cased, the key; as somebody typed it in `id_tag_raw`.
        parent: the group that it belongs to, as typed.
        expires_ms: from then on it is Expired, UTC ms.
        concurrent: it may run more than one transaction at a time.
        note: for people.
        weight, priority: of its sessions; None: as their connector says.
        version: how often it was changed since it was listed, from 1.
    """

    id_tag: str
    id_tag_raw: str
    parent: str | None = None
    expires_ms: int | None = None
    blocked: bool = False
    concurrent: bool = False
    note: str = ""
    version: int = 1
    weight: int | None = None
    priority: int | None = None

    @property
    def terms(self) -> Terms:
        """Return what it says of its sessions."""
        return Terms(self.weight, self.priority)

    def status(self, wall_ms: int) -> TagStatus:
        """Return whether it may charge at `wall_ms` (UTC); Blocked says more than Expired."""
        if self.blocked:
            return TagStatus.BLOCKED
        if self.expires_ms is not None and wall_ms >= self.expires_ms:
            return TagStatus.EXPIRED
        return TagStatus.ACCEPTED


def key_of(id_tag: str) -> str:
    """Return what a tag is listed under; chargers pad."""
    return id_tag.strip().upper()
