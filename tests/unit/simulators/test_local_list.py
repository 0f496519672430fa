"""The local list of a simulated charger, message by message."""

import pytest

from simulators.local_list import CHUNK_MAX, LIST_MAX, LocalList

INFO = {"status": "Accepted"}


def rows(count: int, first: int = 0) -> list[dict[str, object]]:
    return [{"id_tag": f"t{number}", "id_tag_info": INFO} for number in range(first, first + count)]


@pytest.mark.parametrize(
    ("version", "kind", "sent", "status", "told", "length"),
    [
        (6, "Full", rows(2), "Accepted", 6, 2),
        (1, "Full", rows(1), "Accepted", 1, 1),
        (6, "Full", [], "Accepted", 0, 0),
        (6, "Differential", rows(1, 7), "Accepted", 6, 4),
        (6, "Differential", [{"id_tag": "T0"}, {"id_tag": "never"}], "Accepted", 6, 2),
        (6, "Differential", [], "Accepted", 6, 3),
        (5, "Differential", rows(1, 7), "VersionMismatch", 5, 3),
        (4, "Differential", rows(1, 7), "VersionMismatch", 5, 3),
        (6, "Full", [{"id_tag": "T0"}], "Failed", 5, 3),
        (6, "Full", rows(CHUNK_MAX + 1), "Failed", 5, 3),
        (0, "Full", rows(1), "Failed", 5, 3),
        (-1, "Full", rows(1), "Failed", 5, 3),
    ],
)
def test_an_update(version: int, kind: str, sent: list[dict[str, object]], status: str, told: int, length: int) -> None:
    held = LocalList()
    assert held.update(5, "Full", rows(3)) == "Accepted"
    assert held.update(version, kind, sent) == status
    assert (held.version, len(held.tags)) == (told, length)


def test_it_holds_so_many_tags_and_no_more() -> None:
    held = LocalList()
    for part in range(LIST_MAX // CHUNK_MAX):
        assert held.update(part + 1, "Differential", rows(CHUNK_MAX, part * CHUNK_MAX)) == "Accepted"
    assert held.update(99, "Differential", rows(1, LIST_MAX)) == "Failed"
    assert (len(held.tags), held.version) == (LIST_MAX, LIST_MAX // CHUNK_MAX)
