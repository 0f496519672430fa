"""How the fields of an id tag are read, in JSON and in CSV alike."""

import re
from typing import Any

from csms.core.configuration.names import text
from csms.core.configuration.reading import Wrong
from csms.ocpp16.times import parse_time_ms

ID_TAG_PATTERN = "^[!-~]{1,20}$"
"""idToken, CiString20Type (OCPP 1.6 §7.28), without spaces."""
EXPIRY_PATTERN = (
    r"^20[2-9]\d-\d\d-\d\d"
    r"([Tt ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?([Zz]|[+-]\d\d(:?\d\d)?)?)?$"
)
"""ISO 8601 as people write it: a day alone, a blank for the T, no seconds, no zone."""
EXPIRY_SCHEMA: dict[str, Any] = {"type": "string", "pattern": EXPIRY_PATTERN}
NOTE_CHARS_MAX = 200


def id_tag(value: object) -> str | Wrong:
    """Read a tag, or the name of its group."""
    if not isinstance(value, str) or re.fullmatch(ID_TAG_PATTERN, value) is None:
        return Wrong("must be 1 to 20 printable ASCII characters without spaces")
    return value


def expiry_ms(value: object) -> int | Wrong:
    """Read a time, UTC when it tells no zone, as UTC ms of its whole second: that is what chargers are told."""
    at_ms = None
    if isinstance(value, str) and re.fullmatch(EXPIRY_PATTERN, value, re.ASCII) is not None:
        at_ms = parse_time_ms(value)
    return Wrong("must be an ISO 8601 time from 2020 to 2099") if at_ms is None else at_ms // 1000 * 1000


def note(value: object) -> str | Wrong:
    """Read words for people."""
    return "" if value == "" else text(value, NOTE_CHARS_MAX)
