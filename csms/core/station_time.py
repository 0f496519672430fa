"""The station's clock: instants (UTC ms) ↔ what it shows, exactly. Whose rules a zone has is the caller's matter."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo

Zones = Callable[[str], tzinfo]
"""Finds the rules of a time zone by its IANA name, which a configuration has been checked for."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


def utc_only(_name: str) -> tzinfo:
    """Find the rules of UTC under any name: where no clock of a station matters."""
    return UTC


def shown(wall_ms: int, zone: tzinfo) -> datetime:
    """Return what a clock of the zone shows at an instant."""
    return (_EPOCH + timedelta(milliseconds=wall_ms)).astimezone(zone)


def instant_ms(clock: datetime) -> int:
    """Return the instant at which a clock shows a time, by the zone and the fold that are in it."""
    return (clock - _EPOCH) // _MS
