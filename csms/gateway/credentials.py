"""What a handshake holds to prove who knocks: HTTP Basic (RFC 7617) and the certificate of TLS (whitepaper §2.3, §2.5).

The password of HTTP Basic is the bytes of a key, which are seldom text; many chargers send its hex digits instead.
"""

import binascii
import ssl
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from websockets.datastructures import Headers

CHALLENGE = 'Basic realm="OCPP"'


def password_of(headers: Headers, charger_id: str) -> bytes | None:
    """Return the password that comes with this user name, or None: there is none, or that of another name."""
    lines = headers.get_all("Authorization")
    if len(lines) != 1:
        return None
    scheme, _, encoded = lines[0].strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        pair = b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    # The name is known, so it may hold the colon that ends it in the standard; so may a key.
    name = charger_id.encode() + b":"
    return pair[len(name) :] if pair.startswith(name) else None


def certified_id(certificate: Mapping[str, Any] | None) -> str | None:
    """Return whom a certificate that TLS has verified names; None: there is none; "": it names nobody.

    That is its common name (whitepaper A00.FR.511), and where it has none the first DNS name of it.
    """
    if not certificate:
        return None
    named = [value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"]
    others = [value for key, value in certificate.get("subjectAltName", ()) if key == "DNS"]
    return str(next(iter((*named, *others)), ""))


def has_ended(certificate: Mapping[str, Any], now_ms: int) -> bool:
    """Return whether a certificate that TLS has verified once holds no more; one whose end cannot be read does."""
    try:
        return ssl.cert_time_to_seconds(str(certificate["notAfter"])) * 1_000 < now_ms
    except (KeyError, ValueError):
        return False
