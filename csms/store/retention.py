"""Forgetting histories that are old: meter samples, lines of the event log and the audit, a batch at a time.

The tables are walked in the order in which their rows were written, from the oldest on, by their rising keys: no
index is needed for it, which every sample would pay for. Time of writing goes with that order, so the walk is over at
the first batch in which nothing is old. Clocks step: rows that say they were written in the future tell nothing, and do
not end it. A walk is many short transactions, and commits come between them (`csms.runtime.housekeeping`).

None of them is read at start-up (`csms.store.loading`), and what bills a session is in the session. Kept whatever
their age are the samples of transactions that are open, by their session or by the id that the charger gave. A sample
is kept whole, byte for byte, or not at all.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from sqlalchemy import Column, ColumnElement, Connection, and_, delete, exists, func, select

from csms.ports import Pruned
from csms.store.schema import audit, event_log, meter_sample, session

BATCH_ROWS = 500
"""Rows of one transaction: it takes 10 to 20 ms, and so long a commit waits that comes at the same moment."""


class _Written(NamedTuple):
    """A row's key, the station that it belongs to and when it was written, UTC ms."""

    key: int
    station_id: str
    at_ms: int


def prune_samples(connection: Connection, station_id: str, after: int, *, before_ms: int, now_ms: int) -> Pruned:
    """Remove samples received before a time, from the row behind `after` on; UTC ms."""
    key = meter_sample.c.sample_id
    rows = _next(connection, key, meter_sample.c.received_ms, after)
    gone = [row.key for row in rows if row.at_ms < before_ms and row.station_id == station_id]
    removed = _remove(connection, key, gone, _of_no_open_transaction())
    return Pruned(removed, _go_on(rows, lambda row: row.at_ms < before_ms, now_ms))


def prune_log(
    connection: Connection, station_id: str, after: int, *, before_ms: int, now_ms: int, rows_max: int | None
) -> Pruned:
    """Remove lines written before a time, and those that are not among the newest `rows_max` of the table."""
    key = event_log.c.event_id
    newest: int = connection.scalar(select(func.max(key))) or 0
    is_old = _age(before_ms, newest, rows_max)
    rows = _next(connection, key, event_log.c.at_ms, after)
    gone = [row.key for row in rows if is_old(row) and row.station_id == station_id]
    return Pruned(_remove(connection, key, gone), _go_on(rows, is_old, now_ms))


def prune_audit(
    connection: Connection, station_id: str, after: int, *, before_ms: int, now_ms: int, rows_max: int | None
) -> Pruned:
    """Remove acts asked for before a time, and those that are not among the station's newest `rows_max`."""
    key, mine = audit.c.audit_id, audit.c.station_id == station_id
    newest: int = connection.scalar(select(func.max(key)).where(mine)) or 0
    is_old = _age(before_ms, newest, rows_max)
    rows = _next(connection, key, audit.c.asked_ms, after, mine)  # its key begins with the station
    gone = [row.key for row in rows if is_old(row)]
    return Pruned(_remove(connection, key, gone, mine), _go_on(rows, is_old, now_ms))


def _age(before_ms: int, newest: int, rows_max: int | None) -> Callable[[_Written], bool]:
    """Return what tells whether a row was written before a time, or is not among the newest."""
    beyond = 0 if rows_max is None else newest - rows_max
    return lambda row: row.at_ms < before_ms or row.key <= beyond


def _next(
    connection: Connection, key: Column[int], at_ms: Column[int], after: int, *wanted: ColumnElement[bool]
) -> list[_Written]:
    """Return the next rows; not by station where the key does not begin with it: SQLite would sort the table."""
    columns = (key, key.table.c.station_id, at_ms)
    question = select(*columns).where(key > after, *wanted).order_by(key).limit(BATCH_ROWS)
    return [_Written(*row) for row in connection.execute(question)]


def _remove(connection: Connection, key: Column[int], gone: Sequence[int], *also: ColumnElement[bool]) -> int:
    """Remove rows by their keys, as far as conditions let them go; return how many went."""
    return connection.execute(delete(key.table).where(key.in_(gone), *also)).rowcount if gone else 0


def _go_on(rows: Sequence[_Written], is_old: Callable[[_Written], bool], now_ms: int) -> int | None:
    """Return the key behind which to go on; None at the end, and where nothing is old any more."""
    if not rows or (all(not is_old(row) for row in rows) and any(row.at_ms <= now_ms for row in rows)):
        return None
    return rows[-1].key


def _of_no_open_transaction() -> ColumnElement[bool]:
    """Return the condition that a sample neither belongs to an open transaction nor names one.

    Two questions, not one with "or": PostgreSQL would look through all open sessions for each sample then.
    """
    mine = and_(session.c.station_id == meter_sample.c.station_id, session.c.ended_ms.is_(None))
    owner, named = (
        session.c.session_id == meter_sample.c.session_id,
        session.c.transaction_id == meter_sample.c.transaction_id,
    )
    return and_(~exists().where(mine, owner), ~exists().where(mine, named))
