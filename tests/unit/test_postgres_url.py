import pytest

from csms.postgres_url import FORM, PostgresUrl, is_postgres, parse

ESCAPE = f"write @ / ? # : in a password as %40 %2F %3F %23 %3A: {FORM}"
UNREADABLE = f"its host or port cannot be read; {ESCAPE}"
NAMELESS = f"names no database: write {FORM}"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:hush@h:5433/site", "postgresql://u@h:5433/site"),
        ("postgresql+asyncpg://u:hush@h/site", "postgresql://u@h/site"),
        ("postgresql://u@h/site", "postgresql://u@h/site"),
        ("postgresql://h/site", "postgresql://h/site"),
        ("postgresql:///site?host=/run/postgresql", "postgresql:///site"),
        ("postgresql://u:hush@[::1]:5432/site", "postgresql://u@[::1]:5432/site"),
        ("postgresql://u:hush%40%2F%3F%23%3A@h/site?sslmode=require&password=hush", "postgresql://u@h/site"),
        ("postgresql://:hush@h/site", "postgresql://h/site"),
    ],
)
def test_the_driver_gets_all_and_messages_no_password(url: str, shown: str) -> None:
    parts = parse(url)
    assert isinstance(parts, PostgresUrl)
    assert parts.shown == shown
    assert parts.dsn == url.replace("+asyncpg", "")
    assert "hush" not in repr(parts)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgresql://", NAMELESS),
        ("postgresql://u:hush@h", NAMELESS),
        ("postgresql://u:hush@h/", NAMELESS),
        ("postgresql://u:hush@h/a/b", NAMELESS),
        ("postgresql://u:hush@h:port/site", UNREADABLE),
        ("postgresql://u:hush@h:65536/site", UNREADABLE),
        ("postgresql://u:hush@[::1/site", UNREADABLE),
        ("postgresql://u:hush@hush@h/site", ESCAPE),
        ("postgresql://u:1/hush@h/site", ESCAPE),
        ("postgresql://u:hush/hush@h/site", UNREADABLE),
        ("postgresql://u:1?hush@h/site", ESCAPE),
        ("postgresql://u:1#hush@h/site", ESCAPE),
        ("postgresql://u:hush@h/site#hush", ESCAPE),
        ("postgresql://u:hu sh@h/site", f"holds a blank: write {FORM}"),
        ("postgresql://u:hush@h/site\n", f"holds a blank: write {FORM}"),
    ],
)
def test_a_url_that_could_be_misread_is_refused_without_being_repeated(url: str, reason: str) -> None:
    assert parse(url) == reason


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://h/site", True),
        ("postgresql+asyncpg://h/site", True),
        ("postgresql:/site", False),
        ("postgresql", False),
        ("postgresql+psycopg://h/site", False),
        ("sqlite:///site", False),
        ("", False),
    ],
)
def test_which_urls_are_postgresqls(url: str, *, expected: bool) -> None:
    assert is_postgres(url) == expected
