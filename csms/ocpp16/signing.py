"""Certificate signing requests as chargers send them: PKCS#10 (RFC 2986) in DER, as text in PEM (whitepaper §5.17).

Read as far as to know that it is one: what it says, and whether it is signed rightly, the authority judges that is to
sign it (whitepaper A02.FR.04).
"""

import re
from base64 import b64decode
from binascii import Error as NotBase64

_BLOCK = re.compile(
    r"\s*-----BEGIN (NEW )?CERTIFICATE REQUEST-----\s([A-Za-z0-9+/=\s]+)-----END (NEW )?CERTIFICATE REQUEST-----\s*",
    re.ASCII,
)
_INTEGER, _BITS, _SEQUENCE = 0x02, 0x03, 0x30
_LONG = 0x80
"""A length below it stands for itself; one above for so many bytes of length that follow."""
_SHAPE = (_SEQUENCE, _SEQUENCE, _BITS)
"""CertificationRequest: what is requested, the algorithm, the signature."""
_REQUESTED = (_INTEGER, _SEQUENCE, _SEQUENCE)
"""CertificationRequestInfo: version, subject, public key; attributes may follow."""


def is_signing_request(text: str) -> bool:
    """Return whether a text is one request in PEM."""
    block = _BLOCK.fullmatch(text)
    if block is None:
        return False
    try:
        der = b64decode("".join(block[2].split()), validate=True)
    except NotBase64:
        return False
    outer = _elements(der)
    if [tag for tag, _ in outer] != [_SEQUENCE]:
        return False
    parts = _elements(outer[0][1])
    if tuple(tag for tag, _ in parts) != _SHAPE:
        return False
    return tuple(tag for tag, _ in _elements(parts[0][1]))[: len(_REQUESTED)] == _REQUESTED


def _elements(der: bytes) -> list[tuple[int, bytes]]:
    """Return the elements that follow each other, tag and content; none at all if they are not whole."""
    found: list[tuple[int, bytes]] = []
    at = 0
    while at < len(der):
        begins, length = _length(der, at + 1)
        if length is None or begins + length > len(der):
            return []
        found.append((der[at], der[begins : begins + length]))
        at = begins + length
    return found


def _length(der: bytes, at: int) -> tuple[int, int | None]:
    """Return where the content begins whose length stands there, and that length; None: none that DER knows."""
    first = der[at] if at < len(der) else _LONG
    if first < _LONG:
        return at + 1, first
    count = first - _LONG
    digits = der[at + 1 : at + 1 + count]
    is_whole = 0 < len(digits) == count
    return at + 1 + len(digits), int.from_bytes(digits, "big") if is_whole else None
