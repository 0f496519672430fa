"""What has to be known of our own certificates beside using them: until when they hold, read from the PEM file.

The standard library uses certificates and does not show those that it uses. So the few elements of DER on the way to
the time are read here (X.509, RFC 5280 §4.1); what cannot be read is said to hold for ever, for TLS itself judges it.
"""

import re
import ssl
from datetime import UTC, datetime
from pathlib import Path

_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_VERSION, _UTC_TIME, _TIME = 0xA0, 0x17, 0x18
_LONG = 0x80

WARN_MS = 30 * 86_400_000
"""So long before its end a certificate is warned of: authorities renew at two thirds of 90 days."""


def expiry_ms(path: Path) -> int | None:
    """Return until when the first certificate of a PEM file holds, UTC ms; None: it cannot be read.

    Raises:
        OSError: the file cannot be read.
    """
    found = _BLOCK.search(path.read_text(encoding="ascii", errors="replace"))
    if found is None:
        return None
    try:
        return _not_after_ms(ssl.PEM_cert_to_DER_cert(found[0]))
    except (ValueError, IndexError):
        return None


def _not_after_ms(der: bytes) -> int:
    _, certificate, _ = _element(der)
    _, signed, _ = _element(certificate)
    tag, _, rest = _element(signed)
    fields_before = 3 if tag == _VERSION else 2  # the serial number may be the first; then signature and issuer
    for _ in range(fields_before):
        _, _, rest = _element(rest)
    _, validity, _ = _element(rest)
    _, _, after = _element(validity)
    kind, text, _ = _element(after)
    form = {_UTC_TIME: "%y%m%d%H%M%SZ", _TIME: "%Y%m%d%H%M%SZ"}[kind] if kind in {_UTC_TIME, _TIME} else ""
    return int(datetime.strptime(text.decode("ascii"), form).replace(tzinfo=UTC).timestamp() * 1_000)


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """Return the tag of the first element, what is in it, and what follows it."""
    tag, size, start = data[0], data[1], 2
    if size & _LONG:
        start += size & ~_LONG
        size = int.from_bytes(data[2:start])
    if len(data) < start + size:
        raise ValueError("cut short")
    return tag, data[start : start + size], data[start + size :]
