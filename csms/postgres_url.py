"""A PostgreSQL URL taken apart: what goes to the driver, and what may be shown.

`postgresql://USER:PASSWORD@HOST:PORT/NAME?OPTIONS`, also with `+asyncpg` after the scheme. The options are libpq's
(`sslmode`, `host` for a socket's folder, `passfile`, …) and go to the driver as they are.

A password with an unescaped `@`, `/`, `?` or `#` would be read as part of the host or of the name, and then be repeated
in the first message about a host that is not known. So such a URL is refused as a whole: after the first `@` there is
no other, and there is none outside of the authority.
"""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

SCHEMES = ("postgresql", "postgresql+asyncpg")
FORM = "postgresql://USER:PASSWORD@HOST:PORT/NAME"


@dataclass(frozen=True, slots=True)
class PostgresUrl:
    """A database on a server.

    Attributes:
        dsn: for the driver; holds the password, and so is left out of the representation.
        shown: the same without password and options, for messages.
    """

    dsn: str = field(repr=False)
    shown: str


def is_postgres(url: str) -> bool:
    """Return whether the URL's scheme is PostgreSQL's."""
    return url.startswith(tuple(f"{scheme}://" for scheme in SCHEMES))


def parse(url: str) -> PostgresUrl | str:
    """Return the URL's parts, or what is wrong with it; neither repeats the password."""
    assert is_postgres(url), "asked before"
    rest = url.partition("://")[2]
    if any(character.isspace() or not character.isprintable() for character in rest):
        return f"holds a blank: write {FORM}"
    try:
        parts = urlsplit(f"{SCHEMES[0]}://{rest}")
        port = parts.port
    except ValueError:
        return f"its host or port cannot be read; write @ / ? # : in a password as %40 %2F %3F %23 %3A: {FORM}"
    if rest.count("@") > 1 or "@" in f"{parts.path}{parts.query}{parts.fragment}" or "#" in rest:
        return f"write @ / ? # : in a password as %40 %2F %3F %23 %3A: {FORM}"
    name = parts.path.removeprefix("/")
    if not name or "/" in name:
        return f"names no database: write {FORM}"
    user = f"{parts.username}@" if parts.username else ""
    host = parts.netloc.rpartition("@")[2] if port is not None or parts.hostname else ""
    return PostgresUrl(dsn=f"{SCHEMES[0]}://{rest}", shown=f"{SCHEMES[0]}://{user}{host}/{name}")
