"""TLS at the chargers' door: what is allowed, and certificates that can be replaced while chargers are connected.

TLS 1.2 or 1.3, no compression, no tickets, the cipher suites of the whitepaper (A00.FR.317) and their likes with
forward secrecy first, keys of at least 112 bits (A00.FR.501). One certificate for each kind of key, so that a charger
gets the one it can check. A client certificate is verified where one is sent; whether it must be one, and whose, is
judged with the handshake of the WebSocket (`csms.gateway.admission`).

A session of TLS 1.3 cannot be resumed. One of 1.2 can, by its id, for the standard library has no switch for that: with
the same files alone, as new ones make a new context, and for two hours at most. The certificate of such a session was
verified when it began, so until when it holds is looked at again with the handshake of the WebSocket, as is all else.

Files are looked at each minute. What is new in them serves the connections that come from then on; those that are there
keep theirs. Files that cannot be used change nothing, and are told once.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from csms.gateway.certificates import WARN_MS, expiry_ms
from csms.ports import Clock

_log = structlog.get_logger()

LOOK_S = 60.0

WARN_EACH_MS = 86_400_000

CIPHERS = (
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305"
    ":ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305"
    ":AES256-GCM-SHA384:AES128-GCM-SHA256:@SECLEVEL=2"
)
"""Of TLS 1.2; those of 1.3 are all good. The last two have no forward secrecy and are the whitepaper's for RSA."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files.

    Attributes:
        pairs: a certificate with its chain, and its key; one pair for each kind of key.
        client_ca: the authorities whose certificates chargers may show; None: none is asked for.
    """

    pairs: tuple[tuple[Path, Path], ...]
    client_ca: Path | None = None

    @property
    def all(self) -> tuple[Path, ...]:
        """Return every file."""
        own = tuple(file for pair in self.pairs for file in pair)
        return own if self.client_ca is None else (*own, self.client_ca)


class TlsFilesError(Exception):
    """The files cannot be used; the text says which and why."""


def new_context(files: TlsFiles) -> ssl.SSLContext:
    """Return what TLS needs, read from the files; raise TlsFilesError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    # What a ticket holds would be believed of whoever shows it: there are none.
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    for certificate, key in files.pairs:
        try:
            context.load_cert_chain(certificate, key, password=_no_password)
        except (OSError, ValueError) as error:
            raise TlsFilesError(f"{certificate} with {key}: {_words(error)}") from None
    if files.client_ca is not None:
        context.verify_mode = ssl.CERT_OPTIONAL
        try:
            context.load_verify_locations(files.client_ca)
        except (OSError, ValueError) as error:
            raise TlsFilesError(f"{files.client_ca}: {_words(error)}") from None
    return context


def _no_password() -> str:
    raise ValueError("the key is protected by a password, which nobody could type")


def _words(error: Exception) -> str:
    """Return why files cannot be used; OpenSSL's own words say little of the two usual reasons."""
    if not isinstance(error, ssl.SSLError):
        return (error.strerror if isinstance(error, OSError) else None) or str(error)
    if error.reason in {"KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH"}:
        return "the key is not that of the certificate"
    return "not PEM of the kind that belongs there" + (f" ({error.reason})" if error.reason else "")


class Certificates:
    """The files in use, and what was made of them last; raises TlsFilesError when they are of no use at first."""

    def __init__(
        self, files: TlsFiles, clock: Clock, pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._files = files
        self._clock = clock
        self._pause = pause
        self._seen = _marks(files)
        self._context = new_context(files)
        self._warned_ms: dict[Path, int] = {}

    @property
    def context(self) -> ssl.SSLContext:
        """Return what the next connection is served with."""
        return self._context

    async def run(self) -> None:
        """Look at the files again and again until cancelled."""
        while True:
            await asyncio.to_thread(self.warn)
            await self._pause(LOOK_S)
            await asyncio.to_thread(self.look)

    def look(self) -> None:
        """Take over what has changed in the files, if it can be used."""
        marks = _marks(self._files)
        if marks == self._seen:
            return
        self._seen = marks
        try:
            self._context = new_context(self._files)
        except TlsFilesError as error:
            _log.error("certificates.not_reloaded", reason=str(error))
        else:
            self._warned_ms.clear()
            _log.info("certificates.reloaded", files=[str(file) for file in self._files.all])

    def warn(self) -> None:
        """Warn each day of our certificates that end soon."""
        now_ms = self._clock.now().wall_ms
        for file, left_ms in ending_soon(self._files, now_ms):
            if now_ms - self._warned_ms.get(file, now_ms - WARN_EACH_MS) >= WARN_EACH_MS:
                self._warned_ms[file] = now_ms
                _log.warning("certificate.ends_soon", file=str(file), left_days=left_ms // 86_400_000)


def ending_soon(files: TlsFiles, now_ms: int) -> list[tuple[Path, int]]:
    """Return our certificates that end within a month, with what is left, ms; negative: it has ended."""
    found = []
    for certificate, _ in files.pairs:
        try:
            until_ms = expiry_ms(certificate)
        except OSError:
            continue  # it is being replaced; whether it can be used is judged where it is loaded
        if until_ms is not None and until_ms - now_ms <= WARN_MS:
            found.append((certificate, until_ms - now_ms))
    return found


def _marks(files: TlsFiles) -> tuple[tuple[int, int, int] | None, ...]:
    """Return what tells that a file is another one than it was; None: it is not there."""
    return tuple(map(_mark, files.all))


def _mark(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
