"""When a transaction started whose charger gave no usable time.

Its time of receipt stands in. A replay of the same message comes later, though, and must get the same time, or it would
open a second transaction (LEDGER.md I6): so the time given is remembered for a while, under all that the message says.
"""

from collections import OrderedDict
from dataclasses import dataclass, replace

from csms.core.events import StartKey
from csms.core.ids import Now
from csms.ocpp16.payloads import StartTransaction
from csms.ocpp16.times import parse_time_ms

MAX_REMEMBERED = 256
MEMORY_MS = 600_000
"""Replays come within a few retry intervals; much later the same words mean another start."""


@dataclass(frozen=True, slots=True)
class _Given:
    started_ms: int
    mono_ms: int


class StartTimes:
    """The start times that were made up here, for all chargers."""

    def __init__(self) -> None:
        self._given: OrderedDict[tuple[StartKey, str], _Given] = OrderedDict()

    def settle(self, key: StartKey, payload: StartTransaction, now: Now) -> StartKey:
        """Return `key` with the start time it was given when the same message was first received."""
        if parse_time_ms(payload.timestamp) is not None:
            return key
        words = replace(key, started_ms=0), payload.timestamp
        given = self._given.get(words)
        if given is None or now.mono_ms - given.mono_ms > MEMORY_MS:
            given = _Given(key.started_ms, now.mono_ms)
            self._given[words] = given
            self._given.move_to_end(words)
            if len(self._given) > MAX_REMEMBERED:
                self._given.popitem(last=False)
        return replace(key, started_ms=given.started_ms)
