"""What a simulated charger is told of keys and certificates, and what it makes of it."""

import ssl
from pathlib import Path

import pytest

from simulators.configuration import Configuration, default_keys
from simulators.options import parse
from simulators.profiles import Capabilities
from simulators.trust import UnusableFile, tls_of
from tests.tls import Authority

KEY = "0123456789abcdef0123456789ABCDEF01234567"


def configuration() -> Configuration:
    keys = default_keys(connectors=1, phases=3, capabilities=Capabilities(), meter_interval_s=10, heartbeat_s=60)
    return Configuration(keys)


def test_the_key_is_written_and_never_read() -> None:
    keys = configuration()
    assert keys.password() == b""
    assert keys.change("AuthorizationKey", KEY) == "Accepted"
    assert keys.password() == bytes.fromhex(KEY)
    assert keys.read(["AuthorizationKey"]) == ([{"key": "AuthorizationKey", "readonly": False}], [])
    assert KEY not in str(keys.read(None))


@pytest.mark.parametrize("value", ["", "00", "00" * 15, "00" * 21, "0" * 33, "g" * 40])
def test_a_key_that_is_none_is_rejected(value: str) -> None:
    assert configuration().change("AuthorizationKey", value) == "Rejected"


def test_tls_is_spoken_where_the_address_says_so(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue(common_name="CP001")
    assert tls_of("ws://server", authority.file) is None
    trusting = tls_of("wss://server", authority.file, certificate, key)
    assert isinstance(trusting, ssl.SSLContext)
    assert trusting.verify_mode is ssl.CERT_REQUIRED
    assert trusting.check_hostname
    assert len(trusting.get_ca_certs()) == 1


@pytest.mark.parametrize("wrong", ["ca", "certificate", "key"])
def test_files_that_cannot_be_used_are_named(tmp_path: Path, wrong: str) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue(common_name="CP001")
    absent = tmp_path / "absent"
    files = {"ca": authority.file, "certificate": certificate, "key": key} | {wrong: absent}
    found = tls_of("wss://server", files["ca"], files["certificate"], files["key"])
    assert isinstance(found, UnusableFile)
    assert str(absent) in found.reason


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--key", "00"], "a key is 32 to 40 hex digits"),
        (["--cert-key", "x.key"], "--cert-key: needs --cert"),
    ],
)
def test_what_is_told_wrongly(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["charger", "--id", "CP001", *arguments])
    assert said in capsys.readouterr().err
