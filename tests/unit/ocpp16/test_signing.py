"""What is taken for a request of a certificate."""

from base64 import b64decode, b64encode

import pytest

from csms.ocpp16.signing import is_signing_request
from tests.certificates import CERTIFICATE, CSR

BODY = "".join(CSR.splitlines()[1:-1])
DER = b64decode(BODY)


def pem(der: bytes) -> str:
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{b64encode(der).decode()}\n-----END CERTIFICATE REQUEST-----"


@pytest.mark.parametrize(
    "text",
    [
        CSR,
        CSR.replace("\n", "\r\n"),
        CSR.strip(),
        "\n" + CSR + "\n",
        CSR.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"),
        pem(DER),
    ],
)
def test_a_request(text: str) -> None:
    assert is_signing_request(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        BODY,
        CERTIFICATE,
        CERTIFICATE.replace("CERTIFICATE", "CERTIFICATE REQUEST"),
        CSR + CSR,
        CSR.replace("=", "?"),
        pem(b""),
        pem(DER[:-1]),
        pem(DER + b"\0"),
        pem(b"\x30\x80" + DER[2:]),
        pem(b"\x30\x84\xff"),
        pem(b"\x30\x00"),
        pem(b"\x30\x06\x30\x00\x30\x00\x03\x00"),
        pem(b"\x02\x01\x00"),
    ],
)
def test_no_request(text: str) -> None:
    assert not is_signing_request(text)


def test_however_long_it_says_that_it_is_nothing_but_a_verdict_comes_of_it() -> None:
    for length in range(len(DER)):
        assert not is_signing_request(pem(DER[:length]))
