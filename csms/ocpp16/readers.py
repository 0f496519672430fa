"""Lenient readers of one JSON value: what a foreign charger wrote, or what it must have meant.

Each returns the value, or None when nothing usable is there. For the repair table and for the answers of chargers:
payloads that conform never come here.
"""

import math
import re

import msgspec

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
CONNECTOR_ID_MAX = 2**31 - 1

MAYBE_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)
"""1,234 may be a thousand times as much as somebody else means with it: it is not guessed."""

_INTEGER = re.compile(r"([+-]?\d{1,30})(?:[.,]\d{0,30})?", re.ASCII)
_MAX_TEXT_CHARS = 10_000
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_elements = msgspec.json.Decoder(list[msgspec.Raw])


def read_any(raw: bytes) -> object:
    """Return the value, or None when it is null, nested too deeply or a number beyond any range."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.MsgspecError, RecursionError):
        return None


def read_integer(raw: bytes) -> int | None:
    """Read a number, or text that holds one; fractions are cut off, the result is clamped to 64 bits."""
    value = read_any(raw)
    if isinstance(value, str):
        text = value.strip()
        match = None if MAYBE_GROUPED.fullmatch(text) else _INTEGER.fullmatch(text)
        value = int(match[1]) if match else None
    if isinstance(value, float) and math.isfinite(value):
        value = math.trunc(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return min(max(value, INT64_MIN), INT64_MAX)


def read_text(raw: bytes, max_chars: int | None = _MAX_TEXT_CHARS) -> str | None:
    """Read text, or a number or truth value as the text it was written as; white space around it is cut off."""
    value = read_any(raw)
    if isinstance(value, str):
        return value.strip()[:max_chars]
    if isinstance(value, bool | int | float):
        return bytes(raw).decode()[:max_chars]
    return None


def read_fields(raw: bytes) -> dict[str, msgspec.Raw] | None:
    """Split an object into its fields without reading them; None when it is no object."""
    try:
        return _fields.decode(raw)
    except (msgspec.MsgspecError, RecursionError):
        return None


def read_elements(raw: bytes) -> list[msgspec.Raw]:
    """Split a list into its elements; an object stands for a list of one, anything else for an empty one."""
    raw = bytes(raw)
    if raw.startswith(b"{"):
        return [msgspec.Raw(raw)]
    if not raw.startswith(b"["):
        return []
    try:
        return _elements.decode(raw)
    except (msgspec.MsgspecError, RecursionError):
        return []
