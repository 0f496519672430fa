"""Keys: how they are written and read, what they reach, and how a secret is compared."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from csms.core.access import MASKED, AccessKey, NoEntry, Role, ShownKey, digest_of, key_text, read_key, without_keys

KEY_ID, SECRET, SALT = "1f0a5c77d2e9", "6b" * 32, "a0" * 16
KEY = AccessKey(KEY_ID, "anna", Role.OPERATOR, SALT, digest_of(SALT, SECRET), 1_000)
TEXT = key_text(KEY_ID, SECRET)


@pytest.mark.parametrize(
    ("role", "reaches"),
    [
        (Role.VIEWER, [Role.VIEWER]),
        (Role.OPERATOR, [Role.VIEWER, Role.OPERATOR]),
        (Role.ADMIN, [Role.VIEWER, Role.OPERATOR, Role.ADMIN]),
    ],
)
def test_each_role_may_do_what_the_one_before_may(role: Role, reaches: list[Role]) -> None:
    assert [needed for needed in Role if role.reaches(needed)] == reaches


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (TEXT, ShownKey(KEY_ID, SECRET)),
        (TEXT.upper(), None),
        (f"{TEXT}0", None),
        (TEXT[:-1], None),
        (f"{TEXT}\n", None),
        (f" {TEXT}", None),
        (TEXT.replace("csms_", "key_"), None),
        (TEXT.replace("6b", "6g", 1), None),
        (TEXT.replace("6b", "\u0666b", 1), None),
        ("", None),
        ("csms_", None),
    ],
)
def test_reading_a_key(text: str, read: ShownKey | None) -> None:
    assert read_key(text) == read


def test_what_is_kept_is_a_salted_hash() -> None:
    assert KEY.digest == hashlib.sha256(bytes.fromhex(SALT + SECRET)).hexdigest()
    assert SECRET not in repr(KEY)
    assert digest_of("b0" * 16, SECRET) != KEY.digest


@pytest.mark.parametrize(("secret", "fits"), [(SECRET, True), ("6c" + SECRET[2:], False), (SECRET[:-2] + "6c", False)])
def test_only_its_own_secret_fits(secret: str, *, fits: bool) -> None:
    assert KEY.fits(secret) is fits


@pytest.mark.parametrize(
    ("changes", "now_ms", "why"),
    [
        ({}, 10**15, None),
        ({"expires_ms": 5_000}, 4_999, None),
        ({"expires_ms": 5_000}, 5_000, NoEntry.EXPIRED),
        ({"revoked_ms": 3_000}, 2_000, NoEntry.REVOKED),
        ({"revoked_ms": 3_000, "expires_ms": 1}, 5_000, NoEntry.REVOKED),
    ],
)
def test_when_it_lets_somebody_in(changes: dict[str, Any], now_ms: int, why: NoEntry | None) -> None:
    assert replace(KEY, **changes).why_not(now_ms) is why


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (TEXT, MASKED),
        (f"Bearer {TEXT}, and {TEXT}!", f"Bearer {MASKED}, and {MASKED}!"),
        (TEXT[:40], MASKED),
        (TEXT[:14], MASKED),
        (TEXT.upper(), MASKED),
        (f"{TEXT}{TEXT}", MASKED + MASKED),
        (f"{TEXT[:30]}{TEXT}", MASKED + MASKED),
        (f"/x?key={TEXT}&y=1", f"/x?key={MASKED}&y=1"),
        ("csms_backup csms_api CSMS_API_KEY", "csms_backup csms_api CSMS_API_KEY"),
        ("nothing", "nothing"),
    ],
)
def test_no_key_can_be_read_in_what_is_shown(text: str, shown: str) -> None:
    assert without_keys(text) == shown
