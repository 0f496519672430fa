"""What a password is to a charger, and what follows from its use."""

import hmac

import pytest

from csms.core.charger_access import ChargerAccess, Grade, HashedKey, Profile, hashed
from csms.core.ids import ChargerId

KEY, NEXT, OTHER = bytes(range(20)), bytes(range(20, 40)), bytes(range(40, 60))
SALT = bytes(16)
CP = ChargerId("CP001")


def kept(key: bytes) -> HashedKey:
    return hashed(key, SALT, 7)


BOTH = ChargerAccess(CP, kept(KEY), kept(NEXT))


@pytest.mark.parametrize(
    ("access", "password", "grade"),
    [
        (BOTH, KEY, Grade.CURRENT),
        (BOTH, KEY.hex().encode(), Grade.CURRENT),
        (BOTH, KEY.hex().upper().encode(), Grade.CURRENT),
        (BOTH, NEXT, Grade.NEXT),
        (BOTH, NEXT.hex().encode(), Grade.NEXT),
        (BOTH, OTHER, Grade.WRONG),
        (BOTH, b"", Grade.WRONG),
        (BOTH, KEY[:-1], Grade.WRONG),
        (BOTH, KEY + b"\0", Grade.WRONG),
        (BOTH, KEY.hex()[:-1].encode(), Grade.WRONG),
        (BOTH, b" " + KEY.hex().encode(), Grade.WRONG),
        (BOTH, KEY.hex().encode() + b"\n", Grade.WRONG),
        (BOTH, KEY.hex().encode().hex().encode(), Grade.WRONG),
        (ChargerAccess(CP, kept(KEY)), NEXT, Grade.WRONG),
        (ChargerAccess(CP, None, kept(NEXT)), NEXT, Grade.NEXT),
        (ChargerAccess(CP), b"", Grade.WRONG),
        (ChargerAccess(CP), KEY, Grade.WRONG),
    ],
)
def test_grades(access: ChargerAccess, password: bytes, grade: Grade) -> None:
    assert access.grade(password) is grade


def test_a_hash_is_salted_and_holds_no_key() -> None:
    one, other = hashed(KEY, bytes(16), 7), hashed(KEY, bytes(15) + b"\1", 7)
    assert one.digest != other.digest
    assert one.fits(KEY)
    assert other.fits(KEY)
    assert not one.fits(NEXT)
    assert KEY.hex() not in f"{one}"


def test_a_first_key_is_the_only_one_at_once_and_a_second_opens_beside_it() -> None:
    assert ChargerAccess(CP).given(kept(KEY), at_once=True) == ChargerAccess(CP, kept(KEY))
    assert ChargerAccess(CP, kept(KEY)).given(kept(NEXT), at_once=False) == BOTH
    assert BOTH.given(kept(OTHER), at_once=False) == ChargerAccess(CP, kept(KEY), kept(OTHER))


@pytest.mark.parametrize(
    ("access", "without"),
    [
        (ChargerAccess(CP), True),
        (ChargerAccess(CP, None, kept(KEY)), True),
        (ChargerAccess(CP, kept(KEY)), False),
        (BOTH, False),
        (ChargerAccess(CP, profile=Profile.CERTIFICATE), False),
        (ChargerAccess(CP, None, kept(KEY), profile=Profile.PASSWORD), False),
    ],
)
def test_who_may_come_without_proving_anything(access: ChargerAccess, *, without: bool) -> None:
    assert access.may_come_without is without


@pytest.mark.parametrize(
    ("before", "profile", "grade", "after"),
    [
        (BOTH, Profile.PASSWORD, Grade.CURRENT, ChargerAccess(CP, kept(KEY), kept(NEXT), Profile.PASSWORD, "A")),
        (BOTH, Profile.PASSWORD, Grade.NEXT, ChargerAccess(CP, kept(NEXT), None, Profile.PASSWORD, "A")),
        (
            ChargerAccess(CP, kept(KEY), None, Profile.PASSWORD_TLS, "B"),
            Profile.PASSWORD,
            Grade.CURRENT,
            ChargerAccess(CP, kept(KEY), None, Profile.PASSWORD_TLS, "A"),
        ),
        (BOTH, Profile.CERTIFICATE, None, ChargerAccess(CP, kept(KEY), kept(NEXT), Profile.CERTIFICATE, "A")),
    ],
)
def test_use(before: ChargerAccess, profile: Profile, grade: Grade | None, after: ChargerAccess) -> None:
    assert before.used(profile, grade, "A") == after


def test_what_a_charger_says_of_its_next_key() -> None:
    assert BOTH.settled(kept(NEXT), taken=True) == ChargerAccess(CP, kept(NEXT))
    assert BOTH.settled(kept(NEXT), taken=False) == ChargerAccess(CP, kept(KEY))


@pytest.mark.parametrize("taken", [True, False])
@pytest.mark.parametrize(
    "access", [BOTH, ChargerAccess(CP, kept(OTHER)), ChargerAccess(CP, kept(KEY)), ChargerAccess(CP)]
)
def test_what_it_says_of_a_key_that_is_not_its_next_one_changes_nothing(access: ChargerAccess, *, taken: bool) -> None:
    assert access.settled(kept(OTHER), taken=taken) == access


@pytest.mark.parametrize(
    "access", [BOTH, ChargerAccess(CP, kept(KEY)), ChargerAccess(CP, None, kept(NEXT)), ChargerAccess(CP)]
)
@pytest.mark.parametrize("password", [KEY, NEXT, KEY.hex().encode(), OTHER, b"", b"x" * 400])
def test_two_comparisons_of_constant_time_whatever_there_is(
    access: ChargerAccess, password: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[int, int]] = []
    compare = hmac.compare_digest

    def noted(ours: str, kept_: str) -> bool:
        compared.append((len(ours), len(kept_)))
        return compare(ours, kept_)

    monkeypatch.setattr(hmac, "compare_digest", noted)
    access.grade(password)
    assert compared == [(64, 64)] * 2
