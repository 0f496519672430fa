"""Users, passwords and tokens of URLs, wherever in a text they stand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.core.hiding import without_credentials


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("the file is at ftp://user:secret@host/x", "the file is at ftp://***@host/x"),
        ("ftp://user:sec@ret@host", "ftp://***@host"),
        ("FTPS://user@host, http://a:b@c", "FTPS://***@host, http://***@c"),
        ("ftp://a:b@c,ftp://d:e@f", "ftp://***@c,ftp://***@f"),
        ('{"reason":"ftp://a:b@c","by":"x@y"}', '{"reason":"ftp://***@c","by":"x@y"}'),
        ("call bob@example.com, or see https://host/@bob", "call bob@example.com, or see https://host/@bob"),
        ("ftp://bob:hun/ter@2@host/x", "ftp://***@host/x"),
        (r'{"at":"ftps:\/\/bob:hunter2@host"}', r'{"at":"ftps:\/\/***@host"}'),
        (
            "https://h/fw.bin?v=2&X-Amz-Signature=abc&token=d#top",
            "https://h/fw.bin?v=2&X-Amz-Signature=***&token=***#top",
        ),
        (r'{"at":"https://h/?Token=a\"b"}', r'{"at":"https://h/?Token=***\"b"}'),
        ("is it a?b=c or a token=d?", "is it a?b=c or a token=d?"),
        ("ws://host:9000/CP001", "ws://host:9000/CP001"),
        ("", ""),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert without_credentials(text) == shown
    assert without_credentials(shown) == shown


@given(st.text("abc:@!%$", min_size=1))
def test_no_password_is_left(password: str) -> None:
    assert "hunter2" not in without_credentials(f"see ftp://bob:hunter2{password}@host/x, please")
