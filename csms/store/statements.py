"""The writer's SQL: one statement for many rows, made from the tables.

`executemany` would be shorter. But SQLite's driver gives up the interpreter's lock at every row, and where a core is
free a busy event loop takes it each time and keeps it for the switch interval (5 ms): a thousand rows can then take
seconds (`tests/bench/bench_store.py` prints both ways). A statement with 512 rows in its VALUES gives the lock up once.
Rows are sent in powers of two, so that each table needs ten statements at most and all stay prepared in the driver.

The SQL is what SQLite and PostgreSQL share (`ON CONFLICT … DO UPDATE`, `excluded`); names need no quoting. A statement
names no row twice: `csms.store.changes` keeps one row per key.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import TypeVar

from sqlalchemy import Connection, Table, UniqueConstraint

from csms.store.codec import Row

ROWS_MAX = 512
"""Rows of one statement: with the widest table's 22 columns about a third of the 32,766 parameters SQLite takes."""

T = TypeVar("T")


def write(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Write rows: one with a key of its own replaces what was there, in a history one that is there already stays."""
    for chunk in _chunks(rows):
        _execute(connection, _insert_sql(table, len(chunk)), tuple(chain.from_iterable(chunk)))


def remove(connection: Connection, table: Table, station_id: str, keys: Sequence[str | int]) -> None:
    """Remove a station's rows by the second column of their primary key."""
    for chunk in _chunks(keys):
        _execute(connection, _delete_sql(table, len(chunk)), (station_id, *chunk))


def correct_ends(connection: Connection, station_id: str, rows: Sequence[Row]) -> None:
    """Put the true end of sessions in the place of a guessed one; `rows` as made by `codec.correction_row`."""
    sql = "UPDATE session SET ended_ms=?, meter_stop_wh=?, end_reason=? WHERE session_id=? AND station_id=?"
    for row in rows:
        _execute(connection, sql, (*row, station_id))


def _execute(connection: Connection, sql: str, values: Sequence[str | int | bool | None]) -> None:
    """Execute in the driver itself: SQLAlchemy's own way there costs more than a statement of a few rows."""
    cursor = connection.connection.cursor()
    cursor.execute(sql, values)
    cursor.close()


def _chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Cut into runs of powers of two, the longest first."""
    start = 0
    while start < len(items):
        size = min(ROWS_MAX, 1 << ((len(items) - start).bit_length() - 1))
        yield items[start : start + size]
        start += size


@lru_cache(maxsize=128)
def _insert_sql(table: Table, rows: int) -> str:
    columns = [column.name for column in table.columns if column is not table.autoincrement_column]
    group = f"({_placeholders(len(columns))})"
    values = ",".join([group] * rows)
    return f"INSERT INTO {table.name} ({','.join(columns)}) VALUES {values}{_on_conflict(table)}"  # noqa: S608 - names are ours, values are bound


def _on_conflict(table: Table) -> str:
    if table.autoincrement_column is None:
        keys = [column.name for column in table.primary_key.columns]
        others = [column.name for column in table.columns if column.name not in keys]
        return f" ON CONFLICT ({','.join(keys)}) DO UPDATE SET " + ",".join(
            f"{name}=excluded.{name}" for name in others
        )
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint):
            return f" ON CONFLICT ({','.join(constraint.columns.keys())}) DO NOTHING"
    return ""


@lru_cache(maxsize=128)
def _delete_sql(table: Table, rows: int) -> str:
    key = list(table.primary_key.columns)[1].name
    return f"DELETE FROM {table.name} WHERE station_id=? AND {key} IN ({_placeholders(rows)})"  # noqa: S608 - same


def _placeholders(count: int) -> str:
    return ",".join(["?"] * count)
