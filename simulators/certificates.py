"""Certificates as a charger keeps them: PEM read as far as it has to be, and the store of roots (whitepaper M03-M05).

No key is made here and no signature checked: a root is kept if it can be read and names itself as its issuer.
"""

import re
from base64 import b64decode
from dataclasses import dataclass
from hashlib import new
from typing import NamedTuple

STORE_MAX = 10
"""Roots that are kept, as CertificateStoreMaxLength would say."""
HASHES = {"SHA256": "sha256", "SHA384": "sha384", "SHA512": "sha512"}
CSR = (
    "-----BEGIN CERTIFICATE REQUEST-----\n"
    "MIH5MIGgAgEAMD4xIDAeBgNVBAoMF0VsZWN0cmEgU0VNUyBzaW11bGF0b3JzMRow\n"
    "GAYDVQQDDBFTaW11bGF0ZWQgY2hhcmdlcjBZMBMGByqGSM49AgEGCCqGSM49AwEH\n"
    "A0IABEnnyjuMC1KKbflAOpBdtTKUNOhDQ6azorytSYMD3vQTGzL1j4+SToXHkDP0\n"
    "dXXky5NwMZ5OUc90VH323F31MO2gADAKBggqhkjOPQQDAgNIADBFAiBDxM4f80xZ\n"
    "TGiLt6GDL4VNvQuqVKw4gLu/zE1NCoL8iAIhAIhWjX1RYbvvdNlWmcwfLeF/Omg+\n"
    "Be143+FLZdXuw/41\n"
    "-----END CERTIFICATE REQUEST-----\n"
)
"""What every simulated charger asks to have signed: an authority would refuse it to the second one."""

_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----", re.ASCII)
_VERSION, _LONG = 0xA0, 0x80


@dataclass(frozen=True, slots=True)
class Certificate:
    """What of a certificate counts here: names as DER, the public key as its bits."""

    serial: int
    issuer: bytes
    subject: bytes
    key: bytes

    @property
    def is_root(self) -> bool:
        """Return whether it says that it has signed itself."""
        return self.issuer == self.subject

    def hash_data(self, algorithm: str = "SHA256") -> dict[str, str]:
        """Return what a root is called in GetInstalledCertificateIds; its issuer's key is its own (whitepaper §6.1)."""
        hashed = HASHES[algorithm]
        return {
            "hash_algorithm": algorithm,
            "issuer_name_hash": new(hashed, self.issuer).hexdigest(),
            "issuer_key_hash": new(hashed, self.key).hexdigest(),
            "serial_number": f"{self.serial:x}",
        }


class TrustStore:
    """The roots that a charger trusts, by what they are for."""

    def __init__(self) -> None:
        self._roots: dict[str, list[Certificate]] = {}

    def install(self, use: str, pem: str) -> bool:
        """Keep a root; return False for what is none, or one too many (M05.FR.03, M05.FR.06)."""
        root = read_certificate(pem)
        if root is None or not root.is_root or sum(map(len, self._roots.values())) >= STORE_MAX:
            return False
        kept = self._roots.setdefault(use, [])
        if root not in kept:
            kept.append(root)
        return True

    def listed(self, use: str) -> list[dict[str, str]]:
        """Return what the roots of a use are called."""
        return [root.hash_data() for root in self._roots.get(use, ())]

    def delete(self, hash_data: dict[str, str]) -> bool:
        """Forget a root, hashed in any way; return whether there was one of that name (M04.FR.02, M04.FR.04)."""
        wanted = {name: value.lower() for name, value in hash_data.items() if name != "hash_algorithm"}
        algorithm = hash_data["hash_algorithm"]
        for kept in self._roots.values():
            for root in kept:
                if root.hash_data(algorithm) == wanted | {"hash_algorithm": algorithm}:
                    kept.remove(root)
                    return True
        return False


def read_certificate(pem: str) -> Certificate | None:
    """Return the first certificate of a text, or None."""
    block = _BLOCK.search(pem)
    if block is None:
        return None
    try:
        (whole,) = _elements(b64decode("".join(block[1].split()), validate=True))
        signed = _elements(whole.content)[0]
        parts = [part for part in _elements(signed.content) if part.tag != _VERSION]
        serial, _, issuer, _, subject, key, *_ = parts
        bits = _elements(key.content)[1].content
    except (ValueError, IndexError):
        return None
    return Certificate(int.from_bytes(serial.content, "big"), issuer.whole, subject.whole, bits[1:])


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
