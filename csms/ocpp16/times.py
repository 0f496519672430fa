"""Times on the wire: lenient in what is read, strict in what is sent (OCPP 1.6 §3.14, RFC 3339).

Chargers write local time without a zone, `+02`, a lower-case z, microseconds, and 1970 until somebody sets their clock.
What cannot be a time of a charging session is None: the caller then takes the time of receipt.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OLDEST_MS = 1_577_836_800_000
"""2020-01-01: an older stamp comes from a clock that was never set."""
_NEWEST_MS = 4_102_444_800_000
"""2100-01-01: no charger of OCPP 1.6 sees it; such a stamp is an overflow."""
_MILLISECOND = timedelta(milliseconds=1)
_SHAPE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d(?::?\d\d)?)?)?", re.ASCII)
_MAX_CHARS = 40


def parse_time_ms(text: str) -> int | None:
    """Return a charger's time stamp as UTC ms since the epoch, or None when it is unreadable, < 2020 or ≥ 2100."""
    return None if len(text) > _MAX_CHARS else _parsed_ms(text)


@lru_cache(maxsize=256)  # the samples of a station are stamped in the same few seconds
def _parsed_ms(text: str) -> int | None:
    text = text.strip().upper()
    if _SHAPE.fullmatch(text) is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        at_ms = (moment - _EPOCH) // _MILLISECOND
    except (ValueError, OverflowError):
        return None
    return at_ms if _OLDEST_MS <= at_ms < _NEWEST_MS else None


def format_time(wall_ms: int) -> str:
    """Return UTC ms since the epoch as RFC 3339 with Z and without a fraction."""
    return (_EPOCH + timedelta(seconds=wall_ms // 1000)).strftime("%Y-%m-%dT%H:%M:%SZ")
