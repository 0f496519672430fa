"""One transaction to look at: its row, and its samples in the order of their time.

Samples have no index by session: it would cost every one of them a page of its own when it is written. They are found
by the index that they have, which begins with the time, among those of all chargers between the start and the end. One
visit looks at a bounded number of them, so that no commit waits for long, and says behind which sample to go on.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from csms.core.records import SessionStored
from csms.ports import SamplePosition, SamplesPage
from csms.store.codec import read_row
from csms.store.schema import meter_sample, session
from csms.store.values import INT64_MAX, INT64_MIN, integer, text

LOOKED_AT_MAX = 20_000
"""Samples that one visit looks at; it takes some 10 ms."""
CHARS_MAX = 1_048_576
"""Text that one visit returns, but for a single longer one: a message may be as long."""
AROUND_MS = 3_600_000
"""So long before its start and after its end a sample of a transaction may be stamped."""
DAY_MS = 86_400_000
"""The same before a start that told no time: its samples may have come long after they were taken."""


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
    begins_ms, ends_ms = _span(owner)
    position = SamplePosition(begins_ms - 1, INT64_MAX) if after is None else after
    if position.at_ms > ends_ms:
        return SamplesPage((), None)
    reached_ms = min(_reach(connection, station_id, position.at_ms), ends_ms)
    found = _find(connection, station_id, owner, position, reached_ms, elements_max)
    fitting = found[: _fitting(found, elements_max)]
    elements = _texts(connection, [row.sample_id for row in fitting])
    if len(fitting) < len(found):
        return SamplesPage(elements, SamplePosition(fitting[-1].at_ms, fitting[-1].sample_id))
    return SamplesPage(elements, None if reached_ms == ends_ms else SamplePosition(reached_ms, INT64_MAX))


class _Found(NamedTuple):
    sample_id: int
    at_ms: int
    chars: int


def _span(owner: SessionStored) -> tuple[int, int]:
    """Return between which times, UTC ms, its samples are stamped: by the charger's clock, or by ours."""
    times = (owner.started_ms, owner.created_ms, *(() if owner.ended_ms is None else (owner.ended_ms,)))
    before_ms = AROUND_MS if owner.start_words is None else DAY_MS
    return min(times) - before_ms, INT64_MAX if owner.ended_ms is None else max(times) + AROUND_MS


def _reach(connection: Connection, station_id: str, after_ms: int) -> int:
    """Return up to which time one visit looks."""
    at_ms = meter_sample.c.at_ms
    later = select(at_ms).where(meter_sample.c.station_id == station_id, at_ms > integer(after_ms))
    return connection.scalar(later.order_by(at_ms).offset(LOOKED_AT_MAX).limit(1)) or INT64_MAX


def _find(
    connection: Connection,
    station_id: str,
    owner: SessionStored,
    after: SamplePosition,
    reached_ms: int,
    elements_max: int,
) -> list[_Found]:
    """Return the next samples, one more than asked for if there are more."""
    at_ms, key = meter_sample.c.at_ms, meter_sample.c.sample_id
    behind: ColumnElement[bool] = or_(at_ms > integer(after.at_ms), key > after.sample_id)
    rows = (
        select(key, at_ms, func.length(meter_sample.c.raw_json))
        .where(
            meter_sample.c.station_id == station_id,
            at_ms >= integer(after.at_ms),
            at_ms <= reached_ms,
            meter_sample.c.charger_id == text(owner.charger_id),
            meter_sample.c.session_id == text(owner.session_id),
            behind,
        )
        .order_by(at_ms, key)
        .limit(elements_max + 1)
    )
    return [_Found(*row) for row in connection.execute(rows)]


def _fitting(found: Sequence[_Found], elements_max: int) -> int:
    """Return how many of the first samples make a page; what is of one moment stays together if it can."""
    chars, count = 0, 0
    for row in found[:elements_max]:
        chars += row.chars
        if count and chars > CHARS_MAX:
            break
        count += 1
    if count == len(found):
        return count
    whole = next((n for n in range(count, 0, -1) if found[n - 1].at_ms != found[n].at_ms), 0)
    return whole or count


def _texts(connection: Connection, keys: Sequence[int]) -> tuple[str, ...]:
    """Return what was received, in the order of the keys."""
    key = meter_sample.c.sample_id
    rows = connection.execute(select(key, meter_sample.c.raw_json).where(key.in_(keys))).all() if keys else []
    found = {row[0]: row[1] for row in rows}
    return tuple(found[one] for one in keys)
