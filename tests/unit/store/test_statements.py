import pytest
from sqlalchemy import create_engine

from csms.store import codec, schema, statements
from tests.unit.store import samples

SITE = "main"


@pytest.mark.parametrize(
    ("rows", "sizes"),
    [
        (0, []),
        (1, [1]),
        (2, [2]),
        (3, [2, 1]),
        (7, [4, 2, 1]),
        (512, [512]),
        (1_023, [512, 256, 128, 64, 32, 16, 8, 4, 2, 1]),
        (1_537, [512, 512, 512, 1]),
    ],
)
def test_rows_go_in_powers_of_two_in_their_order(rows: int, sizes: list[int]) -> None:
    chunks = list(statements._chunks(range(rows)))
    assert [len(chunk) for chunk in chunks] == sizes
    assert [row for chunk in chunks for row in chunk] == list(range(rows))


def test_the_longest_statement_stays_within_what_sqlite_takes() -> None:
    widest = max(len(table.columns) for table in schema.metadata.tables.values())
    assert widest * statements.ROWS_MAX <= 32_766


@pytest.mark.parametrize(
    ("paramstyle", "sql"),
    [
        ("qmark", "DELETE FROM send WHERE station_id=? AND token IN (?,?)"),
        ("numeric_dollar", "DELETE FROM send WHERE station_id=$1 AND token IN ($2,$3)"),
    ],
)
def test_parameters_are_written_as_the_driver_wants_them(paramstyle: str, sql: str) -> None:
    assert statements._delete_sql(schema.send, 2, paramstyle) == sql


@pytest.mark.parametrize("count", [1, 2, 5, 600])
def test_rows_written_twice_and_removed(count: int) -> None:
    first = [codec.send_row(SITE, samples.send(token, limit_w=1)) for token in range(count)]
    again = [codec.send_row(SITE, samples.send(token, limit_w=2)) for token in range(count)]
    with create_engine("sqlite://").begin() as connection:
        schema.metadata.create_all(connection)
        for rows in (first, again):
            statements.write(connection, schema.send, rows)
            assert [tuple(row) for row in connection.execute(schema.send.select().order_by("token"))] == rows
        statements.remove(connection, schema.send, "other", list(range(count)))
        assert len(connection.execute(schema.send.select()).all()) == count
        statements.remove(connection, schema.send, SITE, list(range(1, count)))
        assert [row.token for row in connection.execute(schema.send.select())] == [0]


def test_a_history_keeps_the_first_of_what_is_the_same() -> None:
    first, late, other = (
        codec.sample_row(SITE, record)
        for record in (samples.sample(), samples.sample(received_ms=9, session_id=None), samples.sample(idx=2))
    )
    with create_engine("sqlite://").begin() as connection:
        schema.metadata.create_all(connection)
        statements.write(connection, schema.meter_sample, [first, late, other])
        statements.write(connection, schema.meter_sample, [late])
        rows = connection.execute(schema.meter_sample.select().order_by("sample_id")).all()
        assert [tuple(row)[1:] for row in rows] == [first, other]


def test_a_line_of_the_event_log_has_no_identity() -> None:
    row = codec.event_row(SITE, samples.logged())
    with create_engine("sqlite://").begin() as connection:
        schema.metadata.create_all(connection)
        statements.write(connection, schema.event_log, [row, row])
        assert [tuple(line)[1:] for line in connection.execute(schema.event_log.select())] == [row, row]
