import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from csms.store import migrate, schema


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    engine = _engine(tmp_path / "migrated.sqlite3")
    with engine.connect() as opened:
        yield opened
    engine.dispose()


def _engine(path: Path) -> Engine:
    """Return an engine that begins its transactions as the store's does."""
    engine = create_engine(URL.create("sqlite+pysqlite", database=str(path)), connect_args={"isolation_level": None})
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine


def _definitions(connection: Connection) -> dict[str, list[str]]:
    """Return the SQL of every table and index: its columns in their order, then its constraints in any."""
    with connection.begin():
        rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").all()
    found = {}
    for name, sql in rows:
        plain = re.sub(r"\s+", " ", sql).replace('"', "")  # SQLite quotes the name of a table that was rebuilt
        columns, *constraints = re.split(r",? CONSTRAINT ", plain.removesuffix(")").rstrip())
        found[name] = [columns, *sorted(constraints)]
    found.pop("alembic_version", None)
    return found


def test_the_migrated_schema_is_the_one_in_the_program(connection: Connection) -> None:
    assert migrate.migrate(connection) == ""
    with connection.begin():
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, schema.metadata) == []


def test_not_a_letter_differs_from_tables_made_afresh(connection: Connection, tmp_path: Path) -> None:
    """Autogenerate does not see the conditions of partial indexes, nor names of keys."""
    migrate.migrate(connection)
    engine = _engine(tmp_path / "fresh.sqlite3")
    with engine.connect() as fresh:
        with fresh.begin():
            schema.metadata.create_all(fresh)
        assert _definitions(connection) == _definitions(fresh)
    engine.dispose()


def test_a_second_run_changes_nothing(connection: Connection) -> None:
    assert migrate.migrate(connection) == ""
    before = _definitions(connection)
    assert migrate.migrate(connection) == ""
    assert _definitions(connection) == before


def test_a_database_of_the_first_version_is_brought_up_to_date_and_keeps_its_rows(connection: Connection) -> None:
    with connection.begin():
        command.upgrade(migrate.configuration(connection), "0001")
        connection.exec_driver_sql("INSERT INTO station (station_id) VALUES ('main')")
    assert "ownership" not in _definitions(connection)
    assert migrate.migrate(connection) == ""
    assert "ownership" in _definitions(connection)
    with connection.begin():
        assert connection.exec_driver_sql("SELECT station_id FROM station").all() == [("main",)]


def test_chargers_of_before_maintenance_are_not_under_it(connection: Connection) -> None:
    with connection.begin():
        command.upgrade(migrate.configuration(connection), "0012")
        connection.exec_driver_sql("INSERT INTO station (station_id) VALUES ('main')")
        connection.exec_driver_sql(
            "INSERT INTO charger (station_id, charger_id, max_booked_w, uncontrolled_booked_w, ever_connected,"
            " provisioned, configuration, statuses, evidence) VALUES ('main', 'CP001', 1, 1, 1, '[]', '{}', '{}', '{}')"
        )
    assert migrate.migrate(connection) == ""
    with connection.begin():
        assert connection.exec_driver_sql("SELECT charger_id, maintenance FROM charger").all() == [("CP001", "{}")]


def test_revisions_form_one_line(connection: Connection) -> None:
    script = ScriptDirectory.from_config(migrate.configuration(connection))
    assert len(script.get_heads()) == 1
    assert len(script.get_bases()) == 1


def test_a_newer_version_is_refused_and_left_alone(connection: Connection) -> None:
    migrate.migrate(connection)
    with connection.begin():
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    before = _definitions(connection)
    assert migrate.migrate(connection) == (
        "was written by a newer version of this program (schema 9999); install that version"
    )
    assert _definitions(connection) == before


def test_another_programs_database_is_refused_and_left_alone(connection: Connection) -> None:
    with connection.begin():
        connection.exec_driver_sql("CREATE TABLE photos (id INTEGER)")
    assert migrate.migrate(connection) == "is the database of another program"
    assert list(_definitions(connection)) == ["photos"]


def test_a_migration_that_fails_leaves_nothing_behind(connection: Connection) -> None:
    """The last table's name is taken by a view: everything before it was made, and must be gone again."""
    with connection.begin():
        connection.exec_driver_sql("CREATE VIEW event_log AS SELECT 1")
    with pytest.raises(SQLAlchemyError):
        migrate.migrate(connection)
    assert list(_definitions(connection)) == ["event_log"]
