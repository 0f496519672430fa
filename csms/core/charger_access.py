"""How a charger proves who it is, as far as this system keeps it (security whitepaper §2, A01, A05).

A key is 20 random bytes. Kept is a salted SHA-256 of it: what nobody can guess needs no slow hash, and a fleet that
comes back in one moment must not wait for ten thousand of them. The profile that a charger has once used with success
is the least that it may use from then on, until an operator says otherwise.
"""

import hmac
import re
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from hashlib import sha256

from csms.core.ids import ChargerId

KEY_BYTES = 20
"""The longest that AuthorizationKey holds (A00.FR.205)."""

SALT_BYTES = 16
_HEX_KEY = re.compile(rb"[0-9A-Fa-f]{40}")


class Profile(IntEnum):
    """The security profiles of the whitepaper, the stronger the higher."""

    NONE = 0
    """Nothing is proven, be it over TLS or not."""
    PASSWORD = 1
    PASSWORD_TLS = 2
    CERTIFICATE = 3


class Grade(StrEnum):
    """What a password is to a charger."""

    CURRENT = "current"
    NEXT = "next"
    """That of a rotation that has not been used before."""
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class HashedKey:
    """A key, as it is kept: `salt` and `digest` as hex digits, when it was made, UTC ms."""

    salt: str
    digest: str
    made_ms: int

    def fits(self, key: bytes) -> bool:
        """Return whether it is that of `key`, in a time that does not depend on how much of it is right."""
        return hmac.compare_digest(_digest(bytes.fromhex(self.salt), key), self.digest)


def hashed(key: bytes, salt: bytes, made_ms: int) -> HashedKey:
    """Return a key as it is kept."""
    assert len(key) == KEY_BYTES, "keys of ours are as long as they may be"
    assert len(salt) >= SALT_BYTES, "no two keys share a salt"
    return HashedKey(salt.hex(), _digest(salt, key), made_ms)


def _digest(salt: bytes, key: bytes) -> str:
    return sha256(salt + key).hexdigest()


@dataclass(frozen=True, slots=True)
class ChargerAccess:
    """What is kept of one charger.

    Attributes:
        key: which opens; None: no password is asked for.
        next_key: which opens as well and takes the place of `key` when it is first used. Beside no key: until then the
            charger may come without one.
        profile: the highest that it has used with success; a lower one is refused.
        address: where it last came from with success, the network of it for IPv6; empty: it never did.
    """

    charger_id: ChargerId
    key: HashedKey | None = None
    next_key: HashedKey | None = None
    profile: Profile = Profile.NONE
    address: str = ""

    @property
    def may_come_without(self) -> bool:
        """Return whether it may come in without proving anything."""
        return self.key is None and self.profile is Profile.NONE

    def grade(self, password: bytes) -> Grade:
        """Return what a password is to this charger: the bytes of a key, or its 40 hex digits."""
        typed = bytes.fromhex(password.decode()) if _HEX_KEY.fullmatch(password) else password
        grade = Grade.WRONG
        for kept, meaning in ((self.next_key, Grade.NEXT), (self.key, Grade.CURRENT)):
            # Both are compared whatever came of the first, so that the time tells nothing.
            fits = (kept or _NOBODYS).fits(typed)
            if fits and kept is not None:
                grade = meaning
        return grade

    def given(self, key: HashedKey, *, at_once: bool) -> "ChargerAccess":
        """Return it with a new key: the only one `at_once`, else beside what opened before."""
        return replace(self, key=key, next_key=None) if at_once else replace(self, next_key=key)

    def settled(self, key: HashedKey, *, taken: bool) -> "ChargerAccess":
        """Return it with what the charger said of a key: it has taken it, or it has not; of no other than the next."""
        if self.next_key != key:
            return self
        return replace(self, key=key if taken else self.key, next_key=None)

    def used(self, profile: Profile, grade: Grade | None, address: str) -> "ChargerAccess":
        """Return it after the charger came in; `grade`: of the password that let it in, if one did."""
        after = self
        if grade is Grade.NEXT:
            assert self.next_key is not None, "no password is that of a key that is not there"
            after = self.settled(self.next_key, taken=True)
        return replace(after, profile=max(self.profile, profile), address=address)


_NOBODYS = HashedKey("00" * SALT_BYTES, "0" * 64, 0)
"""Stands in for a key that is not there: a comparison takes as long."""
