"""What follows from what is listed of an id tag."""

import pytest

from csms.core.events import TagStatus
from csms.core.id_tags import IdTag, key_of

T = 1_767_225_600_000


@pytest.mark.parametrize(
    ("caption", "expires_ms", "blocked", "status"),
    [
        ("nothing against it", None, False, TagStatus.ACCEPTED),
        ("not yet", T + 1, False, TagStatus.ACCEPTED),
        ("at that moment", T, False, TagStatus.EXPIRED),
        ("long ago", T - 10**9, False, TagStatus.EXPIRED),
        ("blocked", None, True, TagStatus.BLOCKED),
        ("blocked and expired", T, True, TagStatus.BLOCKED),
    ],
)
def test_status(caption: str, expires_ms: int | None, status: TagStatus, *, blocked: bool) -> None:
    assert IdTag("A", "a", expires_ms=expires_ms, blocked=blocked).status(T) is status, caption


@pytest.mark.parametrize(("typed", "key"), [("04a2", "04A2"), (" 04A2\n", "04A2"), ("", ""), ("x-Y", "X-Y")])
def test_key(typed: str, key: str) -> None:
    assert key_of(typed) == key
