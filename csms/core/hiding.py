"""What a text of anybody's is written without: who a URL in it logs in as, with which password, token or key.

An operator's reason for a maintenance, a charger's own words and the location of a firmware all come to be written into
logs, and a log is copied to places where no password should be.
"""

import re
from urllib.parse import unquote

from csms.core.secret_names import is_secret_parameter

MASK = "***"
_IN_JSON = r"\\[^nrt/]"
"""A character as JSON writes it in a string: what is hidden may be in a line of the log that is finished."""
_USER_OF_URL = re.compile(
    r"(:(?:/{1,2}|(?:\\/){1,2}))"
    rf"(?:(?:[^/\s\"\\]|{_IN_JSON})+|(?:[^/\s\":@\\]|{_IN_JSON})*:(?:[^\s\"\\]|\\/|{_IN_JSON}){{0,256}})@"
)
"""To the last @ before the host's end or, behind a colon, to the last of all: a password may hold / and @ unescaped.

Who merges the slashes of a path leaves one of two.
"""
_ESCAPED_MAX = 4
"""So often a path may be escaped: twice it is where a whole address is typed in as an id."""
_OF_QUERY = re.compile(rf"([?&;])([^=&;?\s\"]{{1,64}})=((?:[^&;\s\"#\\]|\\/|{_IN_JSON})+)")


def without_credentials(text: str) -> str:
    """Return a text in which no URL names a user or a token: ftp://bob:hunter2@host/x becomes ftp://***@host/x."""
    if "@" in text:
        text = _USER_OF_URL.sub(rf"\1{MASK}@", text)
    return _OF_QUERY.sub(_shown_of_query, text) if "?" in text else text


def address_shown(path: str) -> str:
    """Return the path that somebody asked for without its query and what is hidden, be it escaped or not.

    One that hides nothing stays as it was written; of one that is escaped again and again nothing is shown.
    """
    path, *rest = re.split("[?#]", path, maxsplit=1)
    read = path
    for _ in range(_ESCAPED_MAX):
        read, before = unquote(read), read
        if read == before:
            break
    else:
        return MASK
    shown = without_credentials(read)
    return (path if shown == read else shown) + ("?" + MASK if rest else "")


def _shown_of_query(found: re.Match[str]) -> str:
    return f"{found[1]}{found[2]}={MASK}" if is_secret_parameter(found[2]) else found[0]
