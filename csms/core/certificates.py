"""Certificates by what a charger calls them: CertificateHashData (OCPP 1.6 security whitepaper §6.1).

A charger tells no certificate, only hashes of its issuer's name and key, and its serial number. What an operator has
sent is read as far as these go; no signature is checked, for that is done by the charger.
"""

import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import new
from typing import Final, NamedTuple

HASHES: Final[Mapping[str, str]] = {"SHA256": "sha256", "SHA384": "sha384", "SHA512": "sha512"}
SERIAL_CHARS_MAX = 40

_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----", re.ASCII)
_VERSION, _LONG = 0xA0, 0x80


class Named(NamedTuple):
    """What a charger calls a certificate that it has, in its own words."""

    algorithm: str
    issuer_name_hash: str
    issuer_key_hash: str
    serial_number: str

    def hash_data(self) -> dict[str, str]:
        """Return it as OCPP has it."""
        return {
            "hashAlgorithm": self.algorithm,
            "issuerNameHash": self.issuer_name_hash,
            "issuerKeyHash": self.issuer_key_hash,
            "serialNumber": self.serial_number,
        }


@dataclass(frozen=True, slots=True)
class Certificate:
    """What of a certificate counts: its names as DER, and its public key, as bits and with what kind it is of."""

    serial: int
    issuer: bytes
    subject: bytes
    key_bits: bytes
    key_info: bytes

    def is_called(self, named: Named) -> bool:
        """Return whether a charger that says this means this certificate.

        The key of the issuer is known of a root only, which is its own; an issuer's name and the serial number are of
        one certificate by themselves (RFC 5280 §4.1.2.2). Some hash the whole SubjectPublicKeyInfo.
        """
        algorithm = HASHES.get(named.algorithm)
        if algorithm is None or not _is_serial(self.serial, named.serial_number):
            return False
        if named.issuer_name_hash.lower() != new(algorithm, self.issuer).hexdigest():
            return False
        keys = {new(algorithm, key).hexdigest() for key in (self.key_bits, self.key_info)}
        return self.issuer != self.subject or named.issuer_key_hash.lower() in keys


def named_in(listed: object) -> tuple[Named, ...] | None:
    """Return what `certificateHashData` of an answer names; None: nothing that could be understood."""
    if not isinstance(listed, list):
        return None
    return tuple(found for each in listed if (found := named_as(each)) is not None)


def named_as(told: object) -> Named | None:
    """Return one CertificateHashData, or None where it is none that could be sent back."""
    if not isinstance(told, Mapping):
        return None
    words = [told.get(name) for name in ("hashAlgorithm", "issuerNameHash", "issuerKeyHash", "serialNumber")]
    algorithm, name, key, serial = ("" if not isinstance(word, str) else word.strip() for word in words)
    chars = len(new(HASHES[algorithm]).hexdigest()) if algorithm in HASHES else -1
    is_whole = len(name) == len(key) == chars and 1 <= len(serial) <= SERIAL_CHARS_MAX
    return Named(algorithm, name, key, serial) if is_whole else None


def read_certificate(pem: str) -> Certificate | None:
    """Return the first certificate of a text, or None when there is none that can be read."""
    block = _BLOCK.search(pem)
    if block is None:
        return None
    try:
        (whole,) = _elements(b64decode("".join(block[1].split()), validate=True))
        signed = _elements(whole.content)[0]
        parts = [part for part in _elements(signed.content) if part.tag != _VERSION]
        serial, _, issuer, _, subject, key, *_ = parts
        bits = _elements(key.content)[1].content[1:]
    except (ValueError, IndexError):
        return None
    return Certificate(int.from_bytes(serial.content, "big"), issuer.whole, subject.whole, bits, key.whole)


def _is_serial(serial: int, told: str) -> bool:
    """Return whether a text is a serial number, hexadecimal, perhaps with zeros before; colons are of OpenSSL."""
    return told.replace(":", "").lower().lstrip("0") == f"{serial:x}".lstrip("0")


class _Element(NamedTuple):
    tag: int
    content: bytes
    whole: bytes


def _elements(der: bytes) -> list[_Element]:
    """Split DER into the elements that follow each other; raise ValueError or IndexError if they are not whole."""
    found: list[_Element] = []
    at = 0
    while at < len(der):
        length, begins = der[at + 1], at + 2
        if length >= _LONG:
            count = length - _LONG
            length, begins = int.from_bytes(der[begins : begins + count], "big"), begins + count
        if begins + length > len(der):
            raise ValueError("an element is cut off")
        found.append(_Element(der[at], der[begins : begins + length], der[at : begins + length]))
        at = begins + length
    return found
