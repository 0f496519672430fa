"""Values on their way into the database: what any database can hold, whatever a charger sent.

Text from chargers may hold what databases refuse (half a surrogate pair, a NUL) and integers may be wider than 64
bits. None of it may fail a commit: other chargers' records share it. So text is written with `?` in place of such
characters and integers as the nearest that fits; lookups pass through the same functions and so find what was written.
Nothing that control depends on is touched by this: those values were judged by the core before they became records.
"""

import json
from typing import Any

import msgspec

INT64_MIN = -(2**63)
INT64_MAX = 2**63 - 1


def integer(value: int) -> int:
    """Return the nearest 64-bit integer."""
    if INT64_MIN <= value <= INT64_MAX:
        return value
    return INT64_MAX if value > 0 else INT64_MIN


def optional_integer(value: int | None) -> int | None:
    """Return the nearest 64-bit integer, or None."""
    return None if value is None else integer(value)


def text(value: str) -> str:
    """Return the text with `?` for every character that a database may refuse."""
    if value.isascii() and "\0" not in value:
        return value
    return value.encode("utf-8", "replace").decode().replace("\0", "?")


def optional_text(value: str | None) -> str | None:
    """Return the text with `?` for every character that a database may refuse, or None."""
    return None if value is None else text(value)


def document(value: Any) -> str:
    """Return dataclasses, mappings and sequences as JSON text; dataclasses become objects, field for key."""
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        return text(json.dumps(msgspec.to_builtins(value, str_keys=True), ensure_ascii=False))
