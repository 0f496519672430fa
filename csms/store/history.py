"""Questions about sessions that the core may have forgotten; each runs in a transaction of its own."""

from collections.abc import Callable
from dataclasses import replace
from operator import attrgetter

from sqlalchemy import ColumnElement, Connection, and_, exists, func, or_, select, true

from csms.core.events import KnownTransaction, StartKey
from csms.core.ids import ChargerId, SessionId
from csms.core.records import GUESSED_ENDS
from csms.core.session import NO_METER_START, STOP_GUESSED
from csms.store.codec import read_row
from csms.store.schema import session
from csms.store.values import INT64_MAX, INT64_MIN, integer, text


def find_start(connection: Connection, station_id: str, key: StartKey) -> KnownTransaction | None:
    """Return the transaction of this StartTransaction (LEDGER.md I6); id tags are compared without case.

    One without a usable time is known by its words, as long as they tell it from another start
    (`csms.core.session.start_is_told_by_words`). One without a register is the one that told none, either.

    Raises:
        CorruptRowError: its row cannot be read.
    """
    told_none, by_words = key.meter_start_wh is None, key.words is not None
    return _find(
        connection,
        and_(
            session.c.station_id == station_id,
            session.c.charger_id == text(key.charger_id),
            session.c.idx == integer(key.idx),
            session.c.started_ms == integer(key.started_ms) if key.words is None else _told_by(key.words),
            session.c.id_tag == text(key.id_tag.upper()),
            true() if key.meter_start_wh is None else session.c.meter_start_wh == integer(key.meter_start_wh),
            session.c.transaction_id.is_not(None),
        ),
        lambda known: told_none is (NO_METER_START in known.flags) and not (told_none and by_words and known.ended),
    )


def find_transaction(connection: Connection, station_id: str, transaction_id: int) -> KnownTransaction | None:
    """Return the transaction of that id; an integer that is no id of ours, of whatever size, has none.

    Raises:
        CorruptRowError: its row cannot be read.
    """
    if not INT64_MIN <= transaction_id <= INT64_MAX:
        return None
    return _find(
        connection,
        and_(
            session.c.station_id == station_id,
            session.c.transaction_id == transaction_id,
        ),
    )


def find_stop(
    connection: Connection, station_id: str, charger_id: ChargerId, stopped_ms: int, meter_stop_wh: int | None
) -> bool:
    """Return whether a transaction of that charger, or an orphan, ended at that time with that register, None any."""
    wanted = and_(
        session.c.station_id == station_id,
        session.c.charger_id == text(charger_id),
        session.c.ended_ms == integer(stopped_ms),
        true() if meter_stop_wh is None else session.c.meter_stop_wh == integer(meter_stop_wh),
    )
    return bool(connection.scalar(select(exists().where(wanted))))


def find_session(connection: Connection, station_id: str, session_id: SessionId) -> bool:
    """Return whether a session of that id ever existed."""
    wanted = and_(session.c.station_id == station_id, session.c.session_id == text(session_id))
    return bool(connection.scalar(select(exists().where(wanted))))


def _told_by(words: str) -> ColumnElement[bool]:
    """Return the condition that the words of a start stand for this very session."""
    used = func.coalesce(session.c.meter_stop_wh, session.c.last_energy_wh) > session.c.meter_start_wh
    return and_(
        session.c.start_words == text(words),
        or_(session.c.ended_ms.is_(None), and_(session.c.meter_start_wh > 0, used)),
    )


def _find(
    connection: Connection, wanted: ColumnElement[bool], fits: Callable[[KnownTransaction], bool] = lambda _: True
) -> KnownTransaction | None:
    """Return the first of the transactions; it is chosen here, since `ORDER BY` makes SQLite walk the wrong index."""
    rows = connection.execute(
        select(
            session.c.transaction_id,
            session.c.session_id,
            session.c.charger_id,
            session.c.idx,
            session.c.tag_status,
            session.c.ended_ms.is_not(None).label("ended"),
            and_(
                session.c.ended_ms.is_not(None), func.coalesce(session.c.end_reason, "").in_(sorted(GUESSED_ENDS))
            ).label("end_guessed"),
            session.c.started_ms,
            session.c.meter_start_wh,
            session.c.flags,
        ).where(wanted)
    ).all()
    for row in sorted(rows, key=attrgetter("transaction_id")):
        known = read_row(KnownTransaction, session.name, row.session_id, row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
        if fits(known):
            return replace(known, end_guessed=known.end_guessed or (known.ended and STOP_GUESSED in known.flags))
    return None
