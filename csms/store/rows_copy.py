"""All rows of one database into the empty tables of another, of whatever kind the two are.

Tables are read in pages by their primary key, so that no table has to fit into memory; what holds all pages to one
moment is the transaction of whoever calls. Who owns the records (`ownership`) is no record.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Table, func, insert, select, text, tuple_

from csms.store.schema import metadata, ownership
from csms.store.sqlite_copy import Progress

PAGE_ROWS = 2_000
TABLES = tuple(table for table in metadata.sorted_tables if table is not ownership)


def copy_rows(source: Connection, target: Connection, progress: Progress) -> None:
    """Copy every row; raise SQLAlchemyError."""
    total = sum(_count(source, table) for table in TABLES)
    done = 0
    for table in TABLES:
        for page in _pages(source, table):
            target.execute(insert(table), [row._asdict() for row in page])
            done += len(page)
            progress(done, total)
        _go_on_after(target, table)


def is_empty(connection: Connection) -> bool:
    """Return whether no records are there but a station's own row without a configuration."""
    station = metadata.tables["station"]
    held = [table for table in TABLES if table is not station and _count(connection, table)]
    configured = connection.scalar(
        select(func.count()).select_from(station).where(station.c.configuration.is_not(None))
    )
    return not held and not configured


def _count(connection: Connection, table: Table) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0


def _pages(connection: Connection, table: Table) -> Iterator[Sequence[Row[Any]]]:
    keys = list(table.primary_key.columns)
    question = select(table).order_by(*keys).limit(PAGE_ROWS)
    page = connection.execute(question).all()
    while page:
        yield page
        last = tuple(getattr(page[-1], key.name) for key in keys)
        page = connection.execute(question.where(tuple_(*keys) > tuple_(*last))).all()


def _go_on_after(connection: Connection, table: Table) -> None:
    """Have generated keys go on after those that were copied (SQLite does so by itself)."""
    key = table.autoincrement_column
    if key is None or connection.dialect.name != "postgresql":
        return
    highest = select(func.coalesce(func.max(key), 0) + 1).scalar_subquery()
    sequence = func.pg_get_serial_sequence(text(f"'{table.name}'"), text(f"'{key.name}'"))
    connection.execute(select(func.setval(sequence, highest, text("false"))))
