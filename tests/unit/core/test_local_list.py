"""Local lists as such: who is in one, and what makes one of another."""

from csms.core.id_tags import IdTag
from csms.core.local_list import Difference, Entry, Held, Sent, applied, difference, entries_of

NOW_MS = 1_795_744_800_000
A, B, C = Entry("A"), Entry("B", "Fleet"), Entry("C", None, NOW_MS)


def test_a_list_holds_who_may_charge() -> None:
    tags = [
        IdTag("ANNA", "Anna"),
        IdTag("BEN", "ben", blocked=True),
        IdTag("CARL", "Carl", expires_ms=NOW_MS),
        IdTag("DORA", "Dora", parent="Fleet", expires_ms=NOW_MS + 1),
    ]
    assert entries_of(tags, NOW_MS) == (Entry("Anna"), Entry("Dora", "Fleet", NOW_MS + 1))


def test_what_a_difference_makes_of_a_list_is_the_other_list() -> None:
    held, wanted = (A, Entry("b"), Entry("D")), (C, A, B)
    missing = difference(held, wanted)
    assert missing == Difference(("D",), (C, B))
    after = applied(Held(1, held), Sent(2, False, missing.listed, missing.removed))
    assert difference(after.entries, wanted) == Difference()
    assert applied(Held(1, held), Sent(2, True, (C,))) == Held(2, (C,))
