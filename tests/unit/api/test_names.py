"""Under which names we may be asked, and whose pages may change something."""

import pytest

from api.names import Names, names_for

HERE = names_for("127.0.0.1", (), is_loopback=True, with_keys=False, own_name="box")
NAMED_HERE = names_for("::1", ("Charge.Example",), is_loopback=True, with_keys=True, own_name="box")
OPEN = names_for("0.0.0.0", (), is_loopback=False, with_keys=False, own_name="Box")  # noqa: S104 - not bound
OPEN_NAMED = names_for("10.0.0.7", ("charge.example",), is_loopback=False, with_keys=False, own_name="box")
KEYS = names_for("0.0.0.0", (), is_loopback=False, with_keys=True, own_name="box")  # noqa: S104 - not bound
KEYS_NAMED = names_for("0.0.0.0", ("charge.example",), is_loopback=False, with_keys=True, own_name="box")  # noqa: S104


@pytest.mark.parametrize(
    ("host", "here", "opened", "keys", "keys_named"),
    [
        ("localhost", True, True, True, True),
        ("localhost:3000", True, True, True, True),
        ("LOCALHOST:3001", True, True, True, True),
        ("localhost.", True, True, True, True),
        ("127.0.0.1:3000", True, True, True, True),
        ("[::1]:3000", True, True, True, True),
        ("10.0.0.7:3000", False, True, True, True),
        ("[2001:db8::1]", False, True, True, True),
        ("box:3000", False, True, True, True),
        ("charge.example", False, False, True, True),
        ("evil.example", False, False, True, False),
        ("localhost.evil.example", False, False, True, False),
        ("127.0.0.1.evil.example", False, False, True, False),
        ("user@localhost", False, False, True, False),
        ("localhost/", False, False, True, False),
        ("localhost:x", False, False, True, False),
        ("localhost,evil.example", False, False, True, False),
        ("[::1", False, False, True, False),
        ("", False, False, True, False),
        (None, False, False, True, False),
    ],
)
def test_hosts(host: str | None, *, here: bool, opened: bool, keys: bool, keys_named: bool) -> None:
    assert [names.take(host) for names in (HERE, OPEN, KEYS, KEYS_NAMED)] == [here, opened, keys, keys_named]


def test_names_that_were_given_are_ours() -> None:
    assert NAMED_HERE.take("charge.EXAMPLE:443")
    assert OPEN_NAMED.take("charge.example")
    assert not OPEN_NAMED.take("evil.example")


@pytest.mark.parametrize(
    ("host", "headers", "from_here"),
    [
        ("localhost:3000", {}, True),
        ("localhost:3000", {"origin": "http://localhost:3000"}, True),
        ("localhost", {"origin": "http://localhost"}, True),
        ("localhost:80", {"origin": "http://localhost"}, True),
        ("localhost:3000", {"origin": "http://LOCALHOST:3000"}, True),
        ("box", {"origin": "https://box"}, True),
        ("localhost:3000", {"origin": "http://localhost:3001"}, False),
        ("localhost:3000", {"origin": "http://localhost"}, False),
        ("localhost:3000", {"origin": "http://evil.example"}, False),
        ("localhost:3000", {"origin": "http://localhost:3000.evil.example"}, False),
        ("localhost:3000", {"origin": "null"}, False),
        ("localhost:3000", {"origin": ""}, False),
        ("localhost:3000", {"origin": "http://localhost:3000,http://evil.example"}, False),
        (None, {"origin": "http://localhost:3000"}, False),
        ("127.0.0.1:3000", {"origin": "https://charge.example"}, True),
        ("127.0.0.1:3000", {"origin": "https://charge.example:8443"}, True),
        ("127.0.0.1:3000", {"origin": "https://charge.example.evil"}, False),
        ("localhost:3000", {"sec-fetch-site": "same-origin"}, True),
        ("localhost:3000", {"sec-fetch-site": "none"}, True),
        ("localhost:3000", {"sec-fetch-site": "cross-site"}, False),
        ("localhost:3000", {"sec-fetch-site": "same-site"}, False),
        ("localhost:3000", {"sec-fetch-site": "cross-site", "origin": "http://localhost:3000"}, False),
    ],
)
def test_pages(host: str | None, headers: dict[str, str], *, from_here: bool) -> None:
    assert NAMED_HERE.come_from_here(host, headers) is from_here


def test_no_name_is_ours_by_itself() -> None:
    assert not Names(frozenset()).take("localhost")
