"""Energy continuity: what the register of a connector did between one transaction and the next.

Between two transactions nothing should flow, so the next one begins where the last one ended. What it says otherwise:

    gap       it begins higher: energy that belongs to no transaction, given away or never told of
    overlap   it begins lower: energy that is in both, or a register that was told wrongly
    reset     it begins near 0 and lower: the meter was exchanged, or counts anew
    unknown   one of the two registers is not known, or not to be believed
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from csms.core.records import SessionStored
from csms.core.session import NO_METER_START, REGISTER_UNKNOWN, SUSPECT

TOLERANCE_WH = 100
"""More than that between two transactions is worth somebody's look."""

RESET_WH = 1_000
"""A register that begins lower than before, and lower than this, was set back."""


class Break(StrEnum):
    """How a transaction does not follow the one before it."""

    GAP = "gap"
    OVERLAP = "overlap"
    RESET = "reset"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Step:
    """Two transactions of a connector, one after the other, that do not fit; the difference in Wh where it is known."""

    before: SessionStored
    after: SessionStored
    kind: Break
    difference_wh: int | None = None


def breaks(sessions: Iterable[SessionStored]) -> Iterator[Step]:
    """Yield where the transactions of one connector, in the order of their starts, do not follow each other."""
    for before, after in pairwise(sessions):
        step = _step(before, after)
        if step is not None:
            yield step


def _step(before: SessionStored, after: SessionStored) -> Step | None:
    ended_wh, begun_wh = _told(before, before.meter_stop_wh), _told(after, after.meter_start_wh)
    if NO_METER_START in after.flags or ended_wh is None or begun_wh is None:
        return Step(before, after, Break.UNKNOWN)
    difference_wh = begun_wh - ended_wh
    if difference_wh == 0:
        return None
    if difference_wh > 0:
        return Step(before, after, Break.GAP, difference_wh)
    return Step(before, after, Break.RESET if begun_wh < RESET_WH else Break.OVERLAP, difference_wh)


def _told(session: SessionStored, register_wh: int | None) -> int | None:
    return None if {SUSPECT, REGISTER_UNKNOWN} & set(session.flags) else register_wh
