"""Users, passwords and tokens of URLs, wherever in a text they stand."""

import json
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from csms.core.hiding import address_shown, without_credentials


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
        (r'{"at":"https://h/?Token=a\"b"}', r'{"at":"https://h/?Token=***"}'),
        (r'{"at":"https://h/?token=a\u00e9b\/c","by":"?key="}', r'{"at":"https://h/?token=***","by":"?key="}'),
        (r'{"at":"ftp://bob:hun\"ter2\\@host","by":"x@y"}', r'{"at":"ftp://***@host","by":"x@y"}'),
        (r"in ftp://bob:hunter2@host\nat x@y", r"in ftp://***@host\nat x@y"),
        ("is it a?b=c or a token=d?", "is it a?b=c or a token=d?"),
        ("ws://host:9000/CP001", "ws://host:9000/CP001"),
        ("ws:/bob:hunter2@host/x, /ws:/x@y", "ws:/***@host/x, /ws:/***@y"),
        ("", ""),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert without_credentials(text) == shown
    assert without_credentials(shown) == shown


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/ocpp/CP%20001", "/ocpp/CP%20001"),
        ("/a%zz%", "/a%zz%"),
        ("/CP9?password=hunter2", "/CP9?***"),
        ("/CP9#hunter2?x", "/CP9?***"),
        ("/CP9%3Fpassword=hunter2", "/CP9?password=***"),
        ("/ws://CP9:hunter2@host/CP9", "/ws://***@host/CP9"),
        ("/ws:/CP9:hunter2@host/CP9", "/ws:/***@host/CP9"),
        ("/ocpp/ws%3A%2F%2FCP9:hunter2%40host%2FCP9", "/ocpp/ws://***@host/CP9"),
        ("/%25252525253A", "***"),
        ("", ""),
    ],
)
def test_what_is_shown_of_the_address_that_somebody_asked_for(path: str, shown: str) -> None:
    assert address_shown(path) == shown


@given(st.text("abc:@/!%$?#", min_size=1), st.integers(1, 9))
def test_no_password_in_a_path_is_left_however_often_it_is_escaped(password: str, times: int) -> None:
    path = f"ws://bob:hunter2{password}@host/CP9"
    for _ in range(times):
        path = quote(path, safe="")
    assert "hunter2" not in address_shown(f"/ocpp/{path}")


@given(st.text("abc:@!%$", min_size=1))
def test_no_password_is_left(password: str) -> None:
    assert "hunter2" not in without_credentials(f"see ftp://bob:hunter2{password}@host/x, please")


@given(st.text(st.characters(exclude_categories=["Z", "Cc"]), min_size=1, max_size=20))
def test_a_line_of_json_stays_one_and_holds_no_password_whatever_is_in_it(password: str) -> None:
    assume("/" not in password.partition("@")[2])  # there the host would end, and what follows be its path
    line = json.dumps({"at": f"ftp://bob:hunter2{password}@host/x", "by": "anna"})
    assert json.loads(without_credentials(line)) == {"at": "ftp://***@host/x", "by": "anna"}
