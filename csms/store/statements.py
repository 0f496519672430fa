"""The writer's SQL: one statement for many rows, made from the tables.

`executemany` would be shorter. But SQLite's driver gives up the interpreter's lock at every row, and where a core is
free a busy event loop takes it each time and keeps it for the switch interval (5 ms): a thousand rows can then take
seconds (`tests/bench/bench_store.py` prints both ways). A statement with 512 rows in its VALUES gives the lock up once.
Rows are sent in powers of two, so that each table needs ten statements at most and all stay prepared in the driver.

The SQL is what SQLite and PostgreSQL share (`ON CONFLICT … DO UPDATE`, `excluded`); names need no quoting. They differ
in how a parameter is written, `?` or `$1`: that is put in last. A statement names no row twice: `csms.store.changes`
keeps one row per key.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain, count
from typing import TypeVar

from sqlalchemy import Connection, Table, UniqueConstraint

from csms.store.codec import Row

ROWS_MAX = 512
"""Rows of one statement: with the widest table's 24 columns about a third of the 32,766 parameters that SQLite takes,
and of the 32,767 that PostgreSQL's driver takes."""

_CORRECTION = (
    "UPDATE session SET meter_start_wh=COALESCE(?, meter_start_wh), ended_ms=?, "
    "meter_stop_wh=COALESCE(?, meter_stop_wh, last_energy_wh, meter_start_wh), "
    "end_reason=?, flags=? WHERE session_id=? AND station_id=?"
)

T = TypeVar("T")


def write(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Write rows: one with a key of its own replaces what was there, in a history one that is there already stays."""
    for chunk in _chunks(rows):
        sql = _insert_sql(table, len(chunk), connection.dialect.paramstyle)
        _execute(connection, sql, tuple(chain.from_iterable(chunk)))


def remove(connection: Connection, table: Table, station_id: str, keys: Sequence[str | int]) -> None:
    """Remove a station's rows by the second column of their primary key."""
    for chunk in _chunks(keys):
        sql = _delete_sql(table, len(chunk), connection.dialect.paramstyle)
        _execute(connection, sql, (station_id, *chunk))


def correct_ends(connection: Connection, station_id: str, rows: Sequence[Row]) -> None:
    """Put the true end of sessions in the place of a guessed one; `rows` as made by `codec.correction_row`."""
    sql = _in_style(_CORRECTION, connection.dialect.paramstyle)
    for row in rows:
        _execute(connection, sql, (*row, station_id))


def _execute(connection: Connection, sql: str, values: Sequence[str | int | bool | None]) -> None:
    """Execute one statement; in SQLite's driver itself: SQLAlchemy's own way there costs more than a few rows."""
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql(sql, tuple(values))
        return
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
def _insert_sql(table: Table, rows: int, paramstyle: str) -> str:
    columns = [column.name for column in table.columns if column is not table.autoincrement_column]
    group = f"({_placeholders(len(columns))})"
    values = ",".join([group] * rows)
    sql = f"INSERT INTO {table.name} ({','.join(columns)}) VALUES {values}{_on_conflict(table)}"  # noqa: S608 - names are ours, values are bound
    return _in_style(sql, paramstyle)


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
def _delete_sql(table: Table, rows: int, paramstyle: str) -> str:
    key = list(table.primary_key.columns)[1].name
    sql = f"DELETE FROM {table.name} WHERE station_id=? AND {key} IN ({_placeholders(rows)})"  # noqa: S608 - same
    return _in_style(sql, paramstyle)


def _placeholders(count: int) -> str:
    return ",".join(["?"] * count)


def _in_style(sql: str, paramstyle: str) -> str:
    """Return the SQL with its parameters written as the driver wants them; no `?` stands for anything else in it."""
    if paramstyle == "qmark":
        return sql
    assert paramstyle == "numeric_dollar", paramstyle
    numbers = count(1)
    return re.sub(r"\?", lambda _: f"${next(numbers)}", sql)
