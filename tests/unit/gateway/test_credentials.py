"""Passwords and certificates as handshakes hold them."""

from base64 import b64encode
from typing import Any

import pytest
from websockets.datastructures import Headers

from csms.gateway.credentials import certified_id, password_of


def line(pair: bytes) -> str:
    return f"Basic {b64encode(pair).decode()}"


@pytest.mark.parametrize(
    ("charger_id", "lines", "password"),
    [
        ("CP001", [line(b"CP001:secret")], b"secret"),
        ("CP001", [line(b"CP001:")], b""),
        ("CP001", [line(b"CP001:a:b")], b"a:b"),
        ("CP001", [line(b"CP001:\xff\x00:\xfe")], b"\xff\x00:\xfe"),
        ("A:B", [line(b"A:B:c")], b"c"),
        ("Zo\xeb/1", [line("Zo\xeb/1:c".encode())], b"c"),
        ("CP001", [f"bASIC   {b64encode(b'CP001:x').decode()} "], b"x"),
        ("CP001", [], None),
        ("CP001", [line(b"CP001:x"), line(b"CP001:x")], None),
        ("CP001", [line(b"CP002:x")], None),
        ("CP001", [line(b"cp001:x")], None),
        ("CP001", [line(b"CP001")], None),
        ("CP001", [line(b"CP0012:x")], None),
        ("CP001", ["Basic"], None),
        ("CP001", [""], None),
        ("CP001", ["Basic Q1AwMDE6eA"], None),
        ("CP001", ["Basic Q1AwMDE6eA==x"], None),
        ("CP001", ["Basic Q1Aw\xe9MDE6eA=="], None),
        ("CP001", ["Digest Q1AwMDE6eA=="], None),
    ],
)
def test_password_of(charger_id: str, lines: list[str], password: bytes | None) -> None:
    assert password_of(Headers([("Authorization", one) for one in lines]), charger_id) == password


@pytest.mark.parametrize(
    ("certificate", "named"),
    [
        (None, None),
        ({}, None),
        ({"subject": ((("organizationName", "Electra"),), (("commonName", "CP001"),))}, "CP001"),
        ({"subject": ((("commonName", "CP001"),),), "subjectAltName": (("DNS", "CP002"),)}, "CP001"),
        ({"subject": ((("commonName", "CP001"), ("commonName", "CP002")),)}, "CP001"),
        ({"subject": (), "subjectAltName": (("IP Address", "10.0.0.1"), ("DNS", "CP002"))}, "CP002"),
        ({"subject": ((("organizationName", "CP001"),),)}, ""),
    ],
)
def test_certified_id(certificate: dict[str, Any] | None, named: str | None) -> None:
    assert certified_id(certificate) == named
