"""Users and passwords of URLs, wherever in a text they stand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.core.hiding import without_users


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("the file is at ftp://user:secret@host/x", "the file is at ftp://***@host/x"),
        ("ftp://user:sec@ret@host", "ftp://***@host"),
        ("FTPS://user@host, http://a:b@c", "FTPS://***@host, http://***@c"),
        ("ftp://a:b@c,ftp://d:e@f", "ftp://***@c,ftp://***@f"),
        ('{"reason":"ftp://a:b@c","by":"x@y"}', '{"reason":"ftp://***@c","by":"x@y"}'),
        ("call bob@example.com, or see https://host/@bob", "call bob@example.com, or see https://host/@bob"),
        ("ws://host:9000/CP001", "ws://host:9000/CP001"),
        ("", ""),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert without_users(text) == shown
    assert without_users(shown) == shown


@given(st.text("abc:@!%$", min_size=1))
def test_no_password_is_left(password: str) -> None:
    assert "hunter2" not in without_users(f"see ftp://bob:hunter2{password}@host/x, please")
