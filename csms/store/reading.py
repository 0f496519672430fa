"""One transaction to look at: its row, and its samples in the order of their time.

An index of all samples by session would cost every one of them a page of its own when it is written. So they are found
in two ways:

    stamped about when they came              by the index of all samples, which begins with the time, among those of
                                              all chargers that came between the session's start and its end
    stamped otherwise, or come after the end  by an index of their own (`csms.store.schema`), whatever their time:
                                              queues, clocks that were never set, local time without an offset

The end of a session is told by the charger's clock alone; that may be in another zone than the one of its samples. One
visit looks at a bounded number of samples, so that no commit waits for long, and says behind which to go on.

What is of one moment comes together, so that whoever asks for smaller pages finds the same values repeated: a moment is
cut only where it is longer than `MOMENT_MAX` elements or `CHARS_MAX`, always at the same place.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select, text

from csms.core.records import SessionStored
from csms.ports import SamplePosition, SamplesPage
from csms.store.codec import read_row
from csms.store.schema import APART, meter_sample, session
from csms.store.values import INT64_MAX, INT64_MIN, integer
from csms.store.values import text as storable

LOOKED_AT_MAX = 20_000
"""Samples that one visit looks at; it takes some 10 ms."""
CHARS_MAX = 1_048_576
"""Text that one visit returns, but for a single longer one: a message may be as long."""
MOMENT_MAX = 500
"""Elements of one moment that come together."""
RECEIPT_MS = 2 * 3_600_000
"""Less far from their receipt samples are stamped that have no index of their own."""
ZONES_MS = 14 * 3_600_000
"""So far apart can two clocks be that are right, each in its zone."""


def read_transaction(connection: Connection, station_id: str, transaction_id: int) -> SessionStored | None:
    """Return the session of OCPP's id; raise CorruptRowError."""
    if not INT64_MIN <= transaction_id <= INT64_MAX:
        return None
    wanted = and_(session.c.station_id == station_id, session.c.transaction_id == transaction_id)
    row = connection.execute(select(session).where(wanted)).mappings().first()
    return None if row is None else read_row(SessionStored, session.name, row["session_id"], row)


def read_samples(
    connection: Connection, station_id: str, owner: SessionStored, after: SamplePosition | None, elements_max: int
) -> SamplesPage:
    """Return the next samples of a session, as they came, in the order of their time, then of their arrival."""
    taken = _Taken(elements_max)
    position = SamplePosition(INT64_MIN, 0) if after is None else after
    for upto_ms, apart in _stretches(owner):
        if position.at_ms > upto_ms or (position.at_ms == upto_ms and position.sample_id == INT64_MAX):
            continue
        reached_ms = upto_ms if apart else min(_reach(connection, station_id, position.at_ms), upto_ms)
        question = _next(station_id, owner, position, reached_ms, apart=apart, most=elements_max)
        with connection.execute(question) as rows:
            is_full = taken.take(_moments(_Found(*row) for row in rows))
        if is_full:
            return taken.page(connection, taken.last)
        position = SamplePosition(reached_ms, INT64_MAX)
        if reached_ms < upto_ms:
            return taken.page(connection, position)
    return taken.page(connection, None)


class _Found(NamedTuple):
    sample_id: int
    at_ms: int
    chars: int


class _Taken:
    """The moments that make up a page."""

    def __init__(self, elements_max: int) -> None:
        self._elements_max = elements_max
        self._moments: list[list[_Found]] = []
        self._elements = 0
        self._chars = 0

    def take(self, moments: Iterable[list[_Found]]) -> bool:
        """Take moments as far as they fit, one at least; return whether one is left."""
        for moment in moments:
            elements, chars = self._elements + len(moment), self._chars + _chars(moment)
            if self._moments and (elements > self._elements_max or chars > CHARS_MAX):
                return True
            self._moments.append(moment)
            self._elements, self._chars = elements, chars
        return False

    @property
    def last(self) -> SamplePosition:
        """Return the place behind what was taken."""
        newest = self._moments[-1][-1]
        return SamplePosition(newest.at_ms, newest.sample_id)

    def page(self, connection: Connection, after: SamplePosition | None) -> SamplesPage:
        """Return what was received of it."""
        texts = _texts(connection, [row.sample_id for moment in self._moments for row in moment])
        return SamplesPage(tuple(tuple(texts[row.sample_id] for row in moment) for moment in self._moments), after)


def _stretches(owner: SessionStored) -> tuple[tuple[int, bool], ...]:
    """Return up to which times, UTC ms, its samples are looked for, and whether only by their own index.

    Those that are not stamped about when they came need no place in the middle: created_ms is our clock's,
    which may have been set back since, and ended_ms the charger's.
    """
    begins_ms = max(min(owner.started_ms, owner.created_ms), owner.created_ms - ZONES_MS) - RECEIPT_MS
    if owner.ended_ms is None:
        return (begins_ms - 1, True), (INT64_MAX, False)
    ends_ms = max(owner.created_ms, owner.ended_ms) + ZONES_MS + RECEIPT_MS
    return (begins_ms - 1, True), (ends_ms, False), (INT64_MAX, True)


def _reach(connection: Connection, station_id: str, after_ms: int) -> int:
    """Return up to which time one visit looks."""
    at_ms = meter_sample.c.at_ms
    later = select(at_ms).where(meter_sample.c.station_id == station_id, at_ms > integer(after_ms))
    return connection.scalar(later.order_by(at_ms).offset(LOOKED_AT_MAX).limit(1)) or INT64_MAX


def _next(
    station_id: str, owner: SessionStored, after: SamplePosition, reached_ms: int, *, apart: bool, most: int
) -> Select[Any]:
    """Return the question for the next samples: enough that the last moment which fits is whole, and one more."""
    at_ms, key = meter_sample.c.at_ms, meter_sample.c.sample_id
    behind: ColumnElement[bool] = or_(at_ms > integer(after.at_ms), key > after.sample_id)
    wanted = (
        meter_sample.c.station_id == station_id,
        at_ms >= integer(after.at_ms),
        at_ms <= reached_ms,
        meter_sample.c.session_id == storable(owner.session_id),
        behind,
        text(APART) if apart else meter_sample.c.charger_id == storable(owner.charger_id),
    )
    found = select(key, at_ms, func.length(meter_sample.c.raw_json)).where(*wanted)
    return found.order_by(at_ms, key).limit(most + MOMENT_MAX)


def _moments(rows: Iterable[_Found]) -> Iterator[list[_Found]]:
    """Cut into moments, a long one always at the same places."""
    for _, together in groupby(rows, key=attrgetter("at_ms")):
        moment: list[_Found] = []
        for row in together:
            if moment and (len(moment) == MOMENT_MAX or _chars(moment) + row.chars > CHARS_MAX):
                yield moment
                moment = []
            moment.append(row)
        yield moment


def _chars(moment: Sequence[_Found]) -> int:
    return sum(row.chars for row in moment)


def _texts(connection: Connection, keys: Sequence[int]) -> dict[int, str]:
    """Return what was received, by the keys."""
    key = meter_sample.c.sample_id
    rows = connection.execute(select(key, meter_sample.c.raw_json).where(key.in_(keys))) if keys else ()
    return {row[0]: row[1] for row in rows}
