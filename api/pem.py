"""X.509 certificates as text: PEM (RFC 7468), as the fields of the security whitepaper have them (§5.1, §5.11, §6.7).

Whether a block is a certificate, OpenSSL says. Nothing is said of whom it was issued by or until when it holds: that is
for the charger to judge, which has the roots and refuses what it does not trust.
"""

import re
import ssl
from base64 import b64decode
from binascii import Error as NotBase64

_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----\s([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*", re.ASCII)


def why_no_certificates(text: str, certificates_max: int | None = None) -> str | None:
    """Return why a text is not one or more certificates in PEM and nothing else, as the end of a sentence; or None."""
    if "PRIVATE KEY" in text:
        return "holds a private key, which is sent to nobody"
    blocks = _BLOCK.findall(text)
    if not blocks or _BLOCK.sub("", text).strip():
        return "must be PEM: -----BEGIN CERTIFICATE-----, its lines, -----END CERTIFICATE-----, and nothing else"
    if certificates_max is not None and len(blocks) > certificates_max:
        return f"must be {certificates_max} certificate, these are {len(blocks)}"
    wrong = next((number for number, block in enumerate(blocks, 1) if not _is_certificate(block)), None)
    if wrong is None:
        return None
    return "is no X.509 certificate" if len(blocks) == 1 else f"is no X.509 certificate in its block {wrong}"


def _is_certificate(block: str) -> bool:
    """Return whether the text of a block is one certificate in DER, and no more."""
    store = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        store.load_verify_locations(cadata=b64decode("".join(block.split()), validate=True))
    except (NotBase64, ssl.SSLError, ValueError):
        return False
    return store.cert_store_stats()["x509"] == 1
