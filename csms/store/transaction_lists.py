"""Transactions to look at, the newest first, a page at a time, each read along one index, however many there are.

The order is that of their starts as their chargers told them, then of their ids. The few that have not ended have an
index of their own, and are sorted: along the others one would pass over all that have.
"""

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from csms.core.records import SessionStored
from csms.ports import TransactionFilter, TransactionPosition
from csms.store.codec import read_row
from csms.store.schema import session
from csms.store.values import integer, text


def read_transactions(
    connection: Connection,
    station_id: str,
    wanted: TransactionFilter,
    before: TransactionPosition | None,
    transactions_max: int,
) -> tuple[SessionStored, ...]:
    """Return transactions, newest first, from the one before a position on; raise CorruptRowError."""
    # `+ 0` keeps databases from walking along an index of all transactions to find the few that are open.
    started_ms: ColumnElement[int] = session.c.started_ms
    key: ColumnElement[int] = session.c.transaction_id
    if wanted.ended is False:
        started_ms, key = started_ms + 0, key + 0
    terms = [session.c.station_id == station_id, key.is_not(None), *_terms(wanted)]
    if before is not None:
        at_ms = integer(before.started_ms)
        terms.append(
            and_(started_ms <= at_ms, or_(started_ms < at_ms, and_(started_ms == at_ms, key < before.transaction_id)))
        )
    rows = select(session).where(*terms).order_by(started_ms.desc(), key.desc()).limit(transactions_max)
    found = connection.execute(rows).mappings()
    return tuple(read_row(SessionStored, session.name, row["session_id"], row) for row in found)


def _terms(wanted: TransactionFilter) -> list[ColumnElement[bool]]:
    terms: list[ColumnElement[bool]] = []
    if wanted.charger_id is not None:
        terms.append(session.c.charger_id == text(wanted.charger_id))
    if wanted.id_tag is not None:
        terms.append(session.c.id_tag == text(wanted.id_tag))
    if wanted.from_ms is not None:
        terms.append(session.c.started_ms >= integer(wanted.from_ms))
    if wanted.to_ms is not None:
        terms.append(session.c.started_ms < integer(wanted.to_ms))
    if wanted.ended is not None:
        terms.append(session.c.ended_ms.is_not(None) if wanted.ended else session.c.ended_ms.is_(None))
    return terms
