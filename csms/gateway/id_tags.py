"""Which id tags may charge: what is listed counts, and of others all may (`open`), none (`listed`) or those of a file.

Listed tags are found in memory (`csms.runtime.id_tags`): no verdict waits for the store.

The file is UTF-8 text, one tag a line: `tag[,status[,expiry[,parent]]]`. The status is Accepted when left out, Blocked,
Expired or Invalid; the expiry an ISO 8601 time (UTC without a zone); the parent another tag's group. `#` starts a
comment. Tags are compared without regard to case (OCPP 1.6 §7.28). A file with any fault is not used at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from csms.core.events import TagStatus
from csms.core.faults import Fault
from csms.core.id_tags import IdTag
from csms.core.terms import UNSAID, Terms
from csms.ocpp16.times import parse_time_ms

MAX_TAG_CHARS = 20
VIRTUAL_TAG = "5E450001"
"""The tag of our own remote starts: hexadecimal, because some chargers accept nothing else."""

_STATUSES = {
    status.value.lower(): status
    for status in (TagStatus.ACCEPTED, TagStatus.BLOCKED, TagStatus.EXPIRED, TagStatus.INVALID)
}
_COLUMNS = 4


@dataclass(frozen=True, slots=True)
class TagVerdict:
    """What is said of a tag (IdTagInfo, §7.27); `expiry_ms` is UTC.

    `exclusive`: the tag belongs to one person, who charges one car at a time. `terms`: weight and priority of its cars.
    """

    status: TagStatus
    expiry_ms: int | None = None
    parent: str | None = None
    exclusive: bool = False
    terms: Terms = UNSAID


class TagPolicy(Protocol):
    """Who may charge."""

    def verdict(self, id_tag: str, wall_ms: int) -> TagVerdict:
        """Return the verdict on a tag at `wall_ms` (UTC); never ConcurrentTx, which is the core's to find."""
        ...


class TagList(Protocol):
    """Where listed tags are found, at once."""

    def find(self, id_tag: str) -> IdTag | None:
        """Return a listed tag, however it is written."""
        ...


class KnownTags:
    """What is listed of a tag counts; the others are judged by another policy."""

    def __init__(self, listed: TagList, others: TagPolicy) -> None:
        self._listed = listed
        self._others = others

    def verdict(self, id_tag: str, wall_ms: int) -> TagVerdict:
        """Return what the list says of a tag, else what the other policy says."""
        tag = self._listed.find(id_tag)
        if tag is None:
            return self._others.verdict(id_tag, wall_ms)
        return TagVerdict(tag.status(wall_ms), tag.expires_ms, tag.parent, not tag.concurrent, tag.terms)


class OpenTags:
    """Everyone may charge, with any tag that is not empty."""

    def verdict(self, id_tag: str, wall_ms: int) -> TagVerdict:  # noqa: ARG002 - the protocol's signature
        """Return Accepted."""
        return TagVerdict(TagStatus.ACCEPTED if id_tag.strip() else TagStatus.INVALID)


class ListedTags:
    """Those on the list may charge, one car at a time, and our own virtual tag as often as it is sent."""

    def __init__(self, tags: Mapping[str, TagVerdict], virtual_tag: str = VIRTUAL_TAG) -> None:
        self._tags = {tag.upper(): replace(verdict, exclusive=True) for tag, verdict in tags.items()}
        self._tags[virtual_tag.upper()] = TagVerdict(TagStatus.ACCEPTED)

    def verdict(self, id_tag: str, wall_ms: int) -> TagVerdict:
        """Return what the list says; Expired past its expiry, Invalid when it is not listed."""
        listed = self._tags.get(id_tag.strip().upper(), TagVerdict(TagStatus.INVALID))
        if listed.status is TagStatus.ACCEPTED and listed.expiry_ms is not None and wall_ms >= listed.expiry_ms:
            return TagVerdict(TagStatus.EXPIRED, listed.expiry_ms, listed.parent)
        return listed


def load_id_tags(source: str, virtual_tag: str = VIRTUAL_TAG) -> TagPolicy | tuple[Fault, ...]:
    """Return the policy for `open`, `listed` or the path of a file, or every fault of that file by its line."""
    if source == "open":
        return OpenTags()
    if source == "listed":
        return ListedTags({}, virtual_tag)
    try:
        text = Path(source).read_text(encoding="utf-8-sig")
    except OSError as error:
        return (Fault(source, f"cannot be read: {error.strerror}"),)
    except UnicodeDecodeError:
        return (Fault(source, "is not UTF-8 text"),)
    tags: dict[str, TagVerdict] = {}
    faults: list[Fault] = []
    for number, line in enumerate(text.splitlines(), start=1):
        content = line.partition("#")[0].strip()
        if not content:
            continue
        parsed = _parse(content)
        if isinstance(parsed, str):
            faults.append(Fault(f"{source}:{number}", parsed))
            continue
        tag, verdict = parsed
        if tag in tags:
            faults.append(Fault(f"{source}:{number}", "this tag is listed already"))
        tags[tag] = verdict
    return tuple(faults) if faults else ListedTags(tags, virtual_tag)


def _parse(content: str) -> tuple[str, TagVerdict] | str:
    """Return the tag and its verdict, or what is wrong with the line."""
    columns = [column.strip() for column in content.split(",")]
    if len(columns) > _COLUMNS:
        return f"has {len(columns)} columns; tag, status, expiry and parent are all there are"
    tag, status_text, expiry_text, parent = columns + [""] * (_COLUMNS - len(columns))
    if not tag:
        return "has no tag in the first column"
    if len(tag) > MAX_TAG_CHARS:
        return f"the tag has {len(tag)} characters, at most {MAX_TAG_CHARS} are allowed"
    if len(parent) > MAX_TAG_CHARS:
        return f"the parent has {len(parent)} characters, at most {MAX_TAG_CHARS} are allowed"
    status = _STATUSES.get(status_text.lower() or "accepted")
    if status is None:
        return f'the status "{status_text}" is none of Accepted, Blocked, Expired, Invalid'
    expiry_ms = parse_time_ms(expiry_text) if expiry_text else None
    if expiry_text and expiry_ms is None:
        return f'the expiry "{expiry_text}" is no ISO 8601 time between 2020 and 2100'
    return tag.upper(), TagVerdict(status, expiry_ms, parent or None)
