"""Whom a charger trusts over wss://, and the certificate that it shows (security whitepaper §2.4, §2.5)."""

import ssl
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class UnusableFile:
    """A file cannot be used, and why."""

    reason: str


def tls_of(
    url: str, ca: Path | None, certificate: Path | None = None, key: Path | None = None
) -> ssl.SSLContext | UnusableFile | None:
    """Return what TLS needs for a URL; None where it is not spoken.

    Args:
        url: of the central system.
        ca: authorities that are trusted; None: those of this machine.
        certificate: the charger's own; None: it shows none.
        key: of the certificate; None: it is in the same file.
    """
    if not url.startswith("wss://"):
        return None
    try:
        context = ssl.create_default_context(cafile=ca)
        if certificate is not None:
            context.load_cert_chain(certificate, key)
    except OSError as error:
        files = ", ".join(str(file) for file in (ca, certificate, key) if file is not None)
        return UnusableFile(f"{files}: cannot be used: {error.strerror or error}")
    return context
