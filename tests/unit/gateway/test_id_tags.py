from pathlib import Path

import pytest

from csms.core.events import TagStatus
from csms.core.faults import Fault
from csms.core.id_tags import IdTag, key_of
from csms.gateway.id_tags import KnownTags, OpenTags, TagPolicy, TagVerdict, load_id_tags

T = 1_767_225_600_000  # 2026-01-01T00:00:00Z

FILE = """\
# our drivers
04A2B3C4                                 # Anna
beef0001, Blocked
BEEF0002, accepted, 2026-01-01T00:00:00Z
BEEF0003, , , FLEET
BEEF0004, Expired

"""


def policy(tmp_path: Path, text: str | bytes, virtual_tag: str = "5E450001") -> TagPolicy | tuple[Fault, ...]:
    path = tmp_path / "tags.txt"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return load_id_tags(str(path), virtual_tag)


@pytest.mark.parametrize(
    ("tag", "wall_ms", "verdict"),
    [
        ("04A2B3C4", T, TagVerdict(TagStatus.ACCEPTED, exclusive=True)),
        ("04a2b3c4", T, TagVerdict(TagStatus.ACCEPTED, exclusive=True)),
        (" 04a2b3c4 ", T, TagVerdict(TagStatus.ACCEPTED, exclusive=True)),
        ("BEEF0001", T, TagVerdict(TagStatus.BLOCKED, exclusive=True)),
        ("BEEF0002", T - 1, TagVerdict(TagStatus.ACCEPTED, T, exclusive=True)),
        ("BEEF0002", T, TagVerdict(TagStatus.EXPIRED, T)),
        ("BEEF0003", T, TagVerdict(TagStatus.ACCEPTED, None, "FLEET", exclusive=True)),
        ("BEEF0004", T, TagVerdict(TagStatus.EXPIRED, exclusive=True)),
        ("FLEET", T, TagVerdict(TagStatus.INVALID)),
        ("unknown", T, TagVerdict(TagStatus.INVALID)),
        ("", T, TagVerdict(TagStatus.INVALID)),
        ("5e450001", T, TagVerdict(TagStatus.ACCEPTED)),
    ],
)
def test_listed(tmp_path: Path, tag: str, wall_ms: int, verdict: TagVerdict) -> None:
    tags = policy(tmp_path, "\ufeff" + FILE)
    assert not isinstance(tags, tuple)
    assert tags.verdict(tag, wall_ms) == verdict


@pytest.mark.parametrize(("tag", "status"), [("anything", "Accepted"), ("", "Invalid"), (" ", "Invalid")])
def test_open(tag: str, status: str) -> None:
    tags = load_id_tags("open")
    assert not isinstance(tags, tuple)
    assert tags.verdict(tag, T).status is TagStatus(status)


def test_the_virtual_tag_is_accepted_whatever_the_list_says(tmp_path: Path) -> None:
    tags = policy(tmp_path, "CAFE,Blocked", "cafe")
    assert not isinstance(tags, tuple)
    assert tags.verdict("CAFE", T).status is TagStatus.ACCEPTED


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("A" * 21, "the tag has 21 characters, at most 20 are allowed"),
        (", Accepted", "has no tag in the first column"),
        ("A,ConcurrentTx", 'the status "ConcurrentTx" is none of Accepted, Blocked, Expired, Invalid'),
        ("A,,tomorrow", 'the expiry "tomorrow" is no ISO 8601 time between 2020 and 2100'),
        ("A,,," + "P" * 21, "the parent has 21 characters, at most 20 are allowed"),
        ("A,,,P,x", "has 5 columns; tag, status, expiry and parent are all there are"),
        ("first", "this tag is listed already"),
    ],
)
def test_every_fault_names_its_line(tmp_path: Path, line: str, fault: str) -> None:
    faults = policy(tmp_path, f"FIRST\n{line}\nLAST,Nonsense\n")
    assert isinstance(faults, tuple)
    assert [(Path(one.path).name, one.error) for one in faults] == [
        ("tags.txt:2", fault),
        ("tags.txt:3", 'the status "Nonsense" is none of Accepted, Blocked, Expired, Invalid'),
    ]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    assert load_id_tags(str(tmp_path / "none")) == (
        Fault(str(tmp_path / "none"), "cannot be read: No such file or directory"),
    )
    faults = policy(tmp_path, b"\xff\xfe")
    assert isinstance(faults, tuple)
    assert faults[0].error == "is not UTF-8 text"


# --- listed at /id-tags -----------------------------------------------------------------------------------------------


class Listed:
    def __init__(self, *tags: IdTag) -> None:
        self._tags = {tag.id_tag: tag for tag in tags}

    def find(self, id_tag: str) -> IdTag | None:
        return self._tags.get(key_of(id_tag))


LISTED = Listed(
    IdTag("ANNA", "Anna", parent="Fleet"),
    IdTag("POOL", "POOL", concurrent=True),
    IdTag("LATE", "LATE", expires_ms=T),
    IdTag("LOST", "LOST", blocked=True, expires_ms=T, parent="Fleet"),
)


@pytest.mark.parametrize("others", ["open", "listed"])
@pytest.mark.parametrize(
    ("tag", "wall_ms", "verdict"),
    [
        ("anna", T, TagVerdict(TagStatus.ACCEPTED, None, "Fleet", exclusive=True)),
        (" Anna ", T, TagVerdict(TagStatus.ACCEPTED, None, "Fleet", exclusive=True)),
        ("POOL", T, TagVerdict(TagStatus.ACCEPTED)),
        ("LATE", T - 1, TagVerdict(TagStatus.ACCEPTED, T, exclusive=True)),
        ("LATE", T, TagVerdict(TagStatus.EXPIRED, T, exclusive=True)),
        ("LOST", T, TagVerdict(TagStatus.BLOCKED, T, "Fleet", exclusive=True)),
    ],
)
def test_what_is_listed_counts_whatever_becomes_of_others(
    others: str, tag: str, wall_ms: int, verdict: TagVerdict
) -> None:
    policy = load_id_tags(others)
    assert not isinstance(policy, tuple)
    assert KnownTags(LISTED, policy).verdict(tag, wall_ms) == verdict


@pytest.mark.parametrize(
    ("others", "tag", "status"),
    [
        ("open", "STRANGER", TagStatus.ACCEPTED),
        ("open", "Fleet", TagStatus.ACCEPTED),
        ("open", "", TagStatus.INVALID),
        ("listed", "STRANGER", TagStatus.INVALID),
        ("listed", "Fleet", TagStatus.INVALID),
        ("listed", "", TagStatus.INVALID),
        ("listed", "5e450001", TagStatus.ACCEPTED),
    ],
)
def test_tags_that_are_not_listed(others: str, tag: str, status: TagStatus) -> None:
    policy = load_id_tags(others)
    assert not isinstance(policy, tuple)
    assert KnownTags(LISTED, policy).verdict(tag, T) == TagVerdict(status)


def test_the_list_counts_before_the_virtual_tag() -> None:
    blocked = Listed(IdTag("5E450001", "5E450001", blocked=True))
    policy = load_id_tags("listed")
    assert not isinstance(policy, tuple)
    assert KnownTags(blocked, policy).verdict("5E450001", T).status is TagStatus.BLOCKED


def test_open_is_told_of_nothing_listed() -> None:
    assert KnownTags(Listed(), OpenTags()).verdict("ANNA", T) == TagVerdict(TagStatus.ACCEPTED)
