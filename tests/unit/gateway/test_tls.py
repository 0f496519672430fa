"""Certificate files: what can be used, until when, and who is warned."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization as form
from structlog.testing import capture_logs

from csms.core.ids import Now
from csms.gateway.certificates import expiry_ms
from csms.gateway.tls import Certificates, TlsFiles, TlsFilesError, ending_soon, new_context
from tests.tls import SERVER, Authority

DAY_MS = 86_400_000


class Clock:
    def __init__(self, wall_ms: int) -> None:
        self.wall_ms = wall_ms

    def now(self) -> Now:
        return Now(0, self.wall_ms)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.mark.parametrize("days", [-1, 1, 90, 40_000])
@pytest.mark.parametrize("rsa", [False, True])
def test_until_when_a_certificate_holds(authority: Authority, days: float, *, rsa: bool) -> None:
    file, _ = authority.issue(*SERVER, days=days, rsa=rsa)
    known = x509.load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc
    assert expiry_ms(file) == int(known.timestamp() * 1_000)
    file.write_text(f"Bag Attributes\n{file.read_text()}")
    assert expiry_ms(file) == int(known.timestamp() * 1_000), "with words of OpenSSL before it"


@pytest.mark.parametrize("size", range(0, 400, 7))
def test_half_of_a_certificate_holds_nobody_knows_how_long(authority: Authority, size: int) -> None:
    file, _ = authority.issue(*SERVER)
    lines = file.read_text().splitlines()
    end = lines.index("-----END CERTIFICATE-----")
    body = "".join(lines[1:end])[: size // 4 * 4]
    file.write_text(f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
    found = expiry_ms(file)
    assert found is None
    file.write_text("nothing")
    assert expiry_ms(file) is None


def test_files_that_cannot_be_used_are_named_with_the_reason(authority: Authority, tmp_path: Path) -> None:
    certificate, key = authority.issue(*SERVER)
    other = authority.issue(*SERVER)[1]
    locked, empty, gone = tmp_path / "locked.key", tmp_path / "empty", tmp_path / "gone"
    empty.write_text("")

    private = form.load_pem_private_key(key.read_bytes(), None)
    protected = form.BestAvailableEncryption(b"secret")
    locked.write_bytes(private.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, protected))
    for files, words in (
        (TlsFiles(((certificate, other),)), "the key is not that of the certificate"),
        (TlsFiles(((certificate, locked),)), "protected by a password"),
        (TlsFiles(((certificate, gone),)), "No such file"),
        (TlsFiles(((empty, key),)), "not PEM"),
        (TlsFiles(((certificate, certificate),)), "not PEM"),
        (TlsFiles(((certificate, key),), empty), "not PEM"),
        (TlsFiles(((certificate, key),), gone), "No such file"),
    ):
        with pytest.raises(TlsFilesError, match=words) as error:
            new_context(files)
        assert str(tmp_path) in str(error.value)


def test_who_is_warned_and_when(authority: Authority) -> None:
    now_ms = int(datetime.now(UTC).timestamp() * 1_000)
    soon, late = authority.issue(*SERVER, days=29), authority.issue(*SERVER, days=40, rsa=True)
    files = TlsFiles((soon, late))
    ((file, left_ms),) = ending_soon(files, now_ms)
    assert file == soon[0]
    assert timedelta(days=28) < timedelta(milliseconds=left_ms) <= timedelta(days=29)
    clock = Clock(now_ms)
    certificates = Certificates(files, clock)
    with capture_logs() as lines:
        for hours in (0, 1, 23, 24, 25, 49):
            clock.wall_ms = now_ms + hours * 3_600_000
            certificates.warn()
    assert [line["left_days"] for line in lines] == [28, 27, 26]
    assert {line["event"] for line in lines} == {"certificate.ends_soon"}
    clock.wall_ms = now_ms + 40 * DAY_MS
    with capture_logs() as lines:
        certificates.warn()
    assert {line["file"] for line in lines} == {str(soon[0]), str(late[0])}
    soon[0].unlink()
    assert [found for found, _ in ending_soon(files, clock.wall_ms)] == [late[0]]


async def test_files_are_looked_at_each_minute(authority: Authority) -> None:
    pair = authority.issue(*SERVER)
    pauses: list[float] = []

    class EnoughError(Exception):
        pass

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            raise EnoughError
        new = authority.issue(*SERVER)
        for old, other in zip(pair, new, strict=True):
            old.write_bytes(other.read_bytes())

    certificates = Certificates(TlsFiles((pair,)), Clock(0), pause)
    before = certificates.context
    with capture_logs() as lines, pytest.raises(EnoughError):
        await certificates.run()
    assert pauses == [60.0, 60.0]
    assert certificates.context is not before
    assert [line["event"] for line in lines] == ["certificates.reloaded"]
