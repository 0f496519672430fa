"""Certificates of an authority that exists for one test run only, and what clients need to use them."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

from csms.gateway.tls import TlsFiles

SERVER = ("127.0.0.1", "localhost")


class Authority:
    """An authority that signs what a test asks for, into files of a folder."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._name = name
        self._ca = trustme.CA(organization_name=name)
        self._count = 0
        self.file = folder / f"{name}.pem"
        self._ca.cert_pem.write_to_path(str(self.file))

    def issue(
        self,
        *names: str,
        common_name: str | None = None,
        days: float = 90,
        rsa: bool = False,
    ) -> tuple[Path, Path]:
        """Return the files of a certificate and its key; `days` below 0: it has ended."""
        self._count += 1
        end = datetime.now(UTC) + timedelta(days=days)
        issued = self._ca.issue_cert(
            *names,
            common_name=common_name,
            not_before=end - timedelta(days=100),
            not_after=end,
            key_type=trustme.KeyType.RSA if rsa else trustme.KeyType.ECDSA,
        )
        base = self._folder / f"{self._name}-{self._count}"
        certificate, key = base.with_suffix(".crt"), base.with_suffix(".key")
        certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        key.write_bytes(issued.private_key_pem.bytes())
        return certificate, key

    def files(self, *, client_ca: Path | None = None) -> TlsFiles:
        """Return what a server of this authority uses."""
        return TlsFiles((self.issue(*SERVER),), client_ca)

    def client(self, pair: tuple[Path, Path] | None = None) -> ssl.SSLContext:
        """Return what a client needs that trusts this authority, with a certificate of its own or without."""
        context = ssl.create_default_context(cafile=str(self.file))
        if pair is not None:
            context.load_cert_chain(*pair)
        return context
