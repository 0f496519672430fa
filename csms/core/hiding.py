"""What a text of anybody's is written without: who a URL in it logs in as, and with which password.

An operator's reason for a maintenance, a charger's own words and the location of a firmware all come to be written into
logs, and a log is copied to places where no password should be.
"""

import re

MASK = "***"
_USER_OF_URL = re.compile(r"(?<=://)[^/\s\"]+@")
"""To the last @ before the host's end: a password that is not escaped may hold one."""


def without_users(text: str) -> str:
    """Return a text in which no URL names a user: ftp://bob:hunter2@host/x becomes ftp://***@host/x."""
    return _USER_OF_URL.sub(f"{MASK}@", text) if "@" in text else text
