"""Keys of the REST API: their form, their roles, and how one that is shown is compared with one that is kept.

    csms_1f0a5c77d2e9_6b0e…                the key, as it is shown once: 12 hex digits that are public, 64 that are not
         └ key_id    └ secret              kept: key_id, salt, SHA-256(salt + secret)

The secret is 256 random bits. Nobody finds them by trying, however fast the hash is: a slow one (scrypt) guards what a
person has chosen, and would cost this system, not the one who guesses, some hundredths of a second for each request.
The salt says that equal hashes are never of equal secrets, and makes tables in advance useless.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from enum import StrEnum

KEY_ID_BYTES = 6
SECRET_BYTES = 32
SALT_BYTES = 16
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What a key may be called."""

MASKED = "csms_***"
_KEY = re.compile(r"csms_([0-9a-f]{12})_([0-9a-f]{64})")
_HEX = "(?:(?!csms_)[0-9a-f])"
_ANYWHERE = re.compile(f"csms_{_HEX}{{8,}}(?:_{_HEX}*)?", re.IGNORECASE)
"""A key in a text, also one that was cut, written in capitals, or stands against another: c is a hex digit."""


class Role(StrEnum):
    """What a key lets its holder do; each may do what the one before it may."""

    VIEWER = "viewer"
    """Look, but at nothing with which somebody could charge or that tells on people."""
    OPERATOR = "operator"
    """Run the station: sessions, commands, id tags, maintenance, campaigns."""
    ADMIN = "admin"
    """Change what the station is, and see who has done what."""

    def reaches(self, needed: "Role") -> bool:
        """Return whether a holder of this role may do what needs another."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


class NoEntry(StrEnum):
    """Why a text that was shown as a key lets nobody in; for the log, never for who showed it."""

    MALFORMED = "malformed"
    UNKNOWN = "unknown"
    WRONG = "wrong"
    REVOKED = "revoked"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A key as it is kept, without its secret.

    Attributes:
        key_id: its public part; the key of its record.
        name: whose it is, or what for; unique among those that are not revoked.
        salt, digest: hex; what the secret is compared with.
        created_ms, expires_ms, revoked_ms: UTC ms; None: it never expires, it was not revoked.
    """

    key_id: str
    name: str
    role: Role
    salt: str
    digest: str
    created_ms: int
    expires_ms: int | None = None
    revoked_ms: int | None = None

    def why_not(self, now_ms: int) -> NoEntry | None:
        """Return why it lets nobody in any more, or None while it does."""
        if self.revoked_ms is not None:
            return NoEntry.REVOKED
        return NoEntry.EXPIRED if self.expires_ms is not None and self.expires_ms <= now_ms else None

    def fits(self, secret: str) -> bool:
        """Return whether a secret is its own; takes as long for any other of the same length."""
        return hmac.compare_digest(digest_of(self.salt, secret), self.digest)


@dataclass(frozen=True, slots=True)
class ShownKey:
    """The two parts of a key that somebody shows."""

    key_id: str
    secret: str


def read_key(text: str) -> ShownKey | None:
    """Return the parts of a key, or None for a text that is none."""
    found = _KEY.fullmatch(text)
    return None if found is None else ShownKey(found[1], found[2])


def key_text(key_id: str, secret: str) -> str:
    """Return a key as it is shown to its holder, once."""
    return f"csms_{key_id}_{secret}"


def digest_of(salt: str, secret: str) -> str:
    """Return what is kept of a secret; both are hex, and so is it."""
    return hashlib.sha256(bytes.fromhex(salt) + bytes.fromhex(secret)).hexdigest()


def without_keys(text: str) -> str:
    """Return a text in which no key can be read."""
    return _ANYWHERE.sub(MASKED, text) if "csms_" in text.lower() else text
