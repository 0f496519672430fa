"""The verdict on a tag against a plain reading of the specification, and lists of tags there and back."""

import csv
import io
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from api import id_tags_csv
from csms.core.events import TagStatus
from csms.core.id_tags import IdTag, key_of
from csms.gateway.id_tags import VIRTUAL_TAG, KnownTags, TagVerdict, load_id_tags

SECONDS = st.integers(1_600_000_000, 1_600_000_010)
TYPED = st.text("abABé=' ", min_size=1, max_size=2)


@dataclass(frozen=True)
class Row:
    """What somebody has written down of a tag."""

    typed: str
    parent: str | None
    expires_s: int | None
    blocked: bool
    concurrent: bool


ROWS = st.lists(st.builds(Row, TYPED, st.none() | TYPED, st.none() | SECONDS, st.booleans(), st.booleans()), max_size=6)


def oracle(rows: list[Row], others: str, sent: str, now_s: int) -> TagVerdict:
    """Read the rows from the last to the first: the last word on a tag counts (§7.2, §7.27, §7.28)."""
    for row in reversed(rows):
        if row.typed.strip().lower() == sent.strip().lower():
            expires_ms = None if row.expires_s is None else row.expires_s * 1000
            if row.blocked:
                status = "Blocked"
            elif row.expires_s is not None and row.expires_s <= now_s:
                status = "Expired"
            else:
                status = "Accepted"
            return TagVerdict(TagStatus(status), expires_ms, row.parent, exclusive=not row.concurrent)
    if others == "open":
        return TagVerdict(TagStatus.ACCEPTED if sent.strip() else TagStatus.INVALID)
    return TagVerdict(TagStatus.ACCEPTED if sent.strip().upper() == VIRTUAL_TAG else TagStatus.INVALID)


class Listed:
    """The list as the program keeps it."""

    def __init__(self, rows: list[Row]) -> None:
        self._tags = {}
        for row in rows:
            expires_ms = None if row.expires_s is None else row.expires_s * 1000
            tag = IdTag(key_of(row.typed), row.typed, row.parent, expires_ms, row.blocked, row.concurrent)
            self._tags[tag.id_tag] = tag

    def find(self, id_tag: str) -> IdTag | None:
        return self._tags.get(key_of(id_tag))


@given(ROWS, st.sampled_from(["open", "listed"]), TYPED | st.sampled_from(["", VIRTUAL_TAG, "zz"]), SECONDS)
def test_the_verdict_is_what_was_written_down(rows: list[Row], others: str, sent: str, now_s: int) -> None:
    policy = load_id_tags(others)
    assert not isinstance(policy, tuple)
    assert KnownTags(Listed(rows), policy).verdict(sent, now_s * 1000) == oracle(rows, others, sent, now_s)


PRINTABLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)
NOTES = st.text("=+-@';,\"aé ", max_size=20).map(str.strip)
TAGS = st.lists(
    st.builds(
        lambda typed, parent, expires_s, blocked, concurrent, note: IdTag(
            key_of(typed), typed, parent, None if expires_s is None else expires_s * 1000, blocked, concurrent, note
        ),
        PRINTABLE,
        st.none() | PRINTABLE,
        st.none() | SECONDS,
        st.booleans(),
        st.booleans(),
        NOTES,
    ),
    max_size=5,
    unique_by=lambda tag: tag.id_tag,
)


@given(TAGS)
def test_a_list_comes_back_as_it_went_and_holds_no_formula(tags: list[IdTag]) -> None:
    text = id_tags_csv.header() + id_tags_csv.written(tags)
    assert id_tags_csv.read_id_tags(text.encode()) == tags
    cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
