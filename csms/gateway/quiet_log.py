"""A log that a talkative charger cannot flood: what it does wrong again and again is told at every doubling.

The first, second, fourth, eighth … event of a kind is logged at INFO with its number, all others at DEBUG.
"""

from collections import Counter

from structlog.typing import FilteringBoundLogger


class QuietLog:
    """Counts the kinds of events of one connection."""

    __slots__ = ("_counts", "_log")

    def __init__(self, log: FilteringBoundLogger) -> None:
        self._log = log
        self._counts: Counter[str] = Counter()

    def note(self, kind: str, **fields: object) -> None:
        """Log one event of a kind that is fixed in the program, never made of what a charger sends."""
        self._counts[kind] += 1
        count = self._counts[kind]
        if count & (count - 1) == 0:
            self._log.info(kind, count=count, **fields)
        else:
            self._log.debug(kind, **fields)
