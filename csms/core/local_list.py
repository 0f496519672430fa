"""A charger's local authorization list: what is to be in it, what it holds, what may have left (OCPP 1.6 §3.5.2).

A list is made from the listed id tags that may charge. It is the charger's when it cannot reach us, so it holds nothing
that would be refused here, and each tag with its own expiry, which the charger minds by itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from csms.core.events import TagStatus
from csms.core.id_tags import IdTag, key_of
from csms.core.ids import ChargerId

ENTRIES_MAX = 5_000
"""Tags of one list, whatever its charger would take: the list is written with each message that changes it."""

WAS_RELEASED = "the charger was released, and its list is empty or unknown since"
WAS_RESTORED = "the records came back from a backup, and what the charger was sent since is not known"
LOST = frozenset({WAS_RELEASED, WAS_RESTORED})
"""Reasons for which a list that is kept is sent anew as soon as it can be."""

VERSION_MAX = 2**31 - 1
"""Chargers count in 32 bits."""


class Entry(NamedTuple):
    """One tag of a list, accepted; `id_tag` and `parent` as typed, `expires_ms` UTC."""

    id_tag: str
    parent: str | None = None
    expires_ms: int | None = None


class ListState(StrEnum):
    """How far a charger's list has come."""

    SENDING = "sending"
    HELD = "held"
    """The charger holds what was wanted."""
    FAILED = "failed"
    NOT_SUPPORTED = "not_supported"


@dataclass(frozen=True, slots=True)
class Held:
    """What a charger is known to hold, and under which version; 0: nothing, as it says of itself."""

    version: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Sent:
    """A SendLocalList that may have left and is not known to have been taken or refused.

    Attributes:
        full: it replaces the list; else it changes it.
        listed: tags that are in the list from then on; removed: tags that are not, as they were sent.
    """

    version: int
    full: bool
    listed: tuple[Entry, ...]
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LocalListStored:
    """The list of one charger, kept for ever. Times UTC ms.

    Attributes:
        wanted: what the charger is to hold; is_on: it was asked for, and not taken away since.
        boot: what the charger had told of itself when it last told its version: another one holds another list.
        asked_ms, asked_by: who wanted it last; until_ms: so long may messages wait for the charger.
        held: what the charger is known to hold; None: nobody knows.
        sent: what may have left besides.
        version_last: no version up to this one is sent again.
        is_asked, are_limits_read: the charger was asked for its version, and for its limits, in this run.
        is_confirmed: it has told its version since it last accepted a message.
        fulls, silences: whole lists begun in this run, and questions without an answer, one after the other.
        chunk_max, entries_max: SendLocalListMaxLength and LocalAuthListMaxLength; None: it has not told.
        enabled: LocalAuthListEnabled.
        reason: why it failed, or is not as well as it could be.
    """

    charger_id: ChargerId
    state: ListState
    wanted: tuple[Entry, ...]
    asked_by: str
    asked_ms: int
    until_ms: int
    changed_ms: int
    is_on: bool = True
    boot: str = ""
    held: Held | None = None
    sent: Sent | None = None
    version_last: int = 0
    is_asked: bool = False
    are_limits_read: bool = False
    is_confirmed: bool = False
    fulls: int = 0
    silences: int = 0
    chunk_max: int | None = None
    entries_max: int | None = None
    enabled: bool | None = None
    reason: str | None = None


class Difference(NamedTuple):
    """What makes one list of another: `removed` as the charger was told them, then `listed`."""

    removed: tuple[str, ...] = ()
    listed: tuple[Entry, ...] = ()


def entries_of(tags: Iterable[IdTag], wall_ms: int) -> tuple[Entry, ...]:
    """Return the list that is made of listed tags at a time (UTC), in their order: those that may charge."""
    may_charge = (tag for tag in tags if tag.status(wall_ms) is TagStatus.ACCEPTED)
    return tuple(Entry(tag.id_tag_raw, tag.parent, tag.expires_ms) for tag in may_charge)


def difference(held: Iterable[Entry], wanted: Iterable[Entry]) -> Difference:
    """Return what makes `wanted` of `held`; a tag that is only written in another case is the same one."""
    before = {key_of(entry.id_tag): entry for entry in held}
    after = {key_of(entry.id_tag): entry for entry in wanted}
    return Difference(
        tuple(entry.id_tag for key, entry in before.items() if key not in after),
        tuple(entry for key, entry in after.items() if key not in before or before[key][1:] != entry[1:]),
    )


def applied(held: Held | None, sent: Sent) -> Held:
    """Return what a charger holds that has taken a message in; a change rests on what is known."""
    kept = {} if sent.full or held is None else {key_of(entry.id_tag): entry for entry in held.entries}
    for id_tag in sent.removed:
        kept.pop(key_of(id_tag), None)
    kept |= {key_of(entry.id_tag): entry for entry in sent.listed}
    return Held(sent.version, tuple(kept.values()))
