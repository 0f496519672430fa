"""Characters of the clock: how time stamps are written, and how wrong they are."""

from collections.abc import Callable

from simulators.characters.character import Character, Family
from simulators.characters.tools import stamps
from simulators.charger import Charger
from simulators.clock import rfc3339
from simulators.traits import Traits

ZONE_MS = 2 * 3_600_000
"""How far local time is ahead of UTC."""
SET_AFTER_MS = 60_000
"""How long after its first connection a clock that starts in 1970 is set."""
YEAR_2000_MS = 946_684_800_000


def _seconds(at_ms: int) -> str:
    """Write an instant to the second, without a zone."""
    return rfc3339(at_ms)[:19]


class _StartsIn1970:
    """A clock that begins at the epoch and is set some time after the first connection."""

    def __init__(self) -> None:
        self._on_ms = 0
        self._set_ms: int | None = None

    def built(self, charger: Charger) -> None:
        self._on_ms = charger.clock.now_ms()

    def connected(self, charger: Charger) -> None:
        if self._set_ms is None:
            self._set_ms = charger.clock.now_ms() + SET_AFTER_MS

    def write(self, _: Charger, at_ms: int) -> str:
        is_set = self._set_ms is not None and at_ms >= self._set_ms
        return rfc3339(at_ms if is_set else at_ms - self._on_ms)


class _NeverSet:
    """A clock that begins in the year 2000 and is never set."""

    def __init__(self) -> None:
        self._on_ms = 0

    def built(self, charger: Charger) -> None:
        self._on_ms = charger.clock.now_ms()

    def write(self, _: Charger, at_ms: int) -> str:
        return rfc3339(YEAR_2000_MS + at_ms - self._on_ms)


def _starts_in_1970() -> Traits:
    clock = _StartsIn1970()
    return Traits(built=(clock.built,), connected=(clock.connected,), calls=(stamps(clock.write),))


def _never_set() -> Traits:
    clock = _NeverSet()
    return Traits(built=(clock.built,), calls=(stamps(clock.write),))


def _clock(name: str, does: str, source: str, write: Callable[[int], str]) -> Character:
    return Character(name, Family.CLOCK, does, source, lambda: Traits(calls=(stamps(lambda _, at_ms: write(at_ms)),)))


CHARACTERS = (
    _clock("no_zone", "Writes UTC without a zone.", "C31; evcc #10399", _seconds),
    _clock(
        "zone_of_hours",
        "Writes local time with a zone of hours only, e.g. +02.",
        "C31; ocpp-emulator #5",
        lambda at_ms: f"{_seconds(at_ms + ZONE_MS)}+02",
    ),
    _clock(
        "local_time_as_utc",
        "Writes local time, two hours ahead, and calls it UTC.",
        "C31; steve #136",
        lambda at_ms: rfc3339(at_ms + ZONE_MS),
    ),
    _clock(
        "microseconds_and_offset",
        "Writes microseconds and +00:00 instead of Z.",
        "D",
        lambda at_ms: f"{rfc3339(at_ms)[:-1]}123+00:00",
    ),
    _clock("no_fraction", "Writes whole seconds.", "D", lambda at_ms: f"{_seconds(at_ms)}Z"),
    Character(
        "starts_in_1970",
        Family.CLOCK,
        f"Begins in 1970 after power-up; its clock is set {SET_AFTER_MS // 1000} s after the first connection.",
        "C32; D; MicroOcpp #311, #354",
        _starts_in_1970,
    ),
    Character(
        "never_set_clock",
        Family.CLOCK,
        "Begins in the year 2000 after power-up and never sets its clock.",
        "C32; MicroOcpp #311, #354",
        _never_set,
    ),
)
