"""The listed id tags: read whole at start, changed in transactions of their own.

Not by way of `csms.store.changes`: a list of a hundred thousand would become rows in the task of its caller, beside the
loop that steers, and share its transaction with messages that wait for theirs. Here rows are made a statement at a
time, in SQLite's thread.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from csms.core.id_tags import IdTag
from csms.core.records import EventLogged
from csms.store import codec, statements
from csms.store.schema import event_log, id_tag
from csms.store.values import text


def load(connection: Connection, station_id: str) -> tuple[IdTag, ...]:
    """Return every listed tag; raise CorruptRowError."""
    rows = connection.execute(select(id_tag).where(id_tag.c.station_id == station_id)).mappings()
    return tuple(codec.read_row(IdTag, id_tag.name, row["id_tag"], row) for row in rows)


def change(
    connection: Connection, station_id: str, listed: Sequence[IdTag], removed: Sequence[str], audit: EventLogged
) -> None:
    """Write tags, remove others by their keys, and log it."""
    statements.remove(connection, id_tag, station_id, [text(key) for key in removed])
    for start in range(0, len(listed), statements.ROWS_MAX):
        rows = [codec.id_tag_row(station_id, tag) for tag in listed[start : start + statements.ROWS_MAX]]
        statements.write(connection, id_tag, rows)
    statements.write(connection, event_log, [codec.event_row(station_id, audit)])
