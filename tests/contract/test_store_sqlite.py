"""What is SQLite's own: opening a file, owning it, and what happens when the disk or the process fails."""

import asyncio
import os
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event

from csms.core.records import StationStored
from csms.ports import StoreError
from csms.store import NotOpened, SqlStore, open_store
from csms.store.changes import Changes
from tests.contract.store_victim import refused
from tests.unit.store import samples

FORMS = "write sqlite:///PATH or postgresql://USER:PASSWORD@HOST:PORT/NAME"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "site.sqlite3"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqlStore]:
    opened = await _open(path)
    yield opened
    await opened.close()


async def _open(path: Path) -> SqlStore:
    opened = await open_store(f"sqlite:///{path}")
    assert isinstance(opened, SqlStore), opened
    return opened


async def _refusal(url: str) -> str:
    """Return why a store is not opened."""
    refused = await open_store(url)
    assert isinstance(refused, NotOpened)
    return refused.reason


async def _sql(store: SqlStore, statement: str) -> list[tuple[Any, ...]]:
    """Run a statement on the store's own connection."""

    def run(connection: Connection) -> list[tuple[Any, ...]]:
        result = connection.exec_driver_sql(statement)
        return [tuple(row) for row in result.all()] if result.returns_rows else []

    return await store._database.run(run)


def _put(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _link(path: Path, target: Path) -> None:
    path.symlink_to(target)


def _folder(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.iterdir()}


# --- opening ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", f"this is no database URL: {FORMS}"),
        ("site.sqlite3", f"this is no database URL: {FORMS}"),
        ("sqlite:", f"this is no database URL: {FORMS}"),
        ("sqlite://site.sqlite3", f"this is no database URL: {FORMS}"),
        ("mysql://me:secret@host/site", f"unknown kind of database 'mysql': {FORMS}"),
        ("sqlite:///", "sqlite:/// names no file: write sqlite:///PATH"),
        ("sqlite:///:memory:", "a database in memory forgets everything: name a file"),
        ("sqlite:////dev/null", "/dev/null: is not a regular file"),
        ("sqlite:///a\0b", "'a\\x00b': embedded null byte"),
    ],
)
async def test_a_url_that_names_no_database(url: str, reason: str) -> None:
    assert await _refusal(url) == reason


async def test_a_relative_path_is_the_working_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = await _open(Path("here.sqlite3"))
    await store.close()
    assert (tmp_path / "here.sqlite3").is_file()


@pytest.mark.parametrize("name", ["with space", "per%cent", "que?ry=1", "h#ash", "ümläut", "file:x", "quo'te"])
async def test_any_name_of_a_file(tmp_path: Path, name: str) -> None:
    store = await _open(tmp_path / name)
    await store.commit([samples.COUNTERS])
    await store.close()
    assert (tmp_path / name).is_file()


async def test_a_folder(tmp_path: Path) -> None:
    assert await _refusal(f"sqlite:///{tmp_path}") == f"{tmp_path}: is a folder, not a file"


async def test_a_missing_folder(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "site.sqlite3"
    assert await _refusal(f"sqlite:///{path}") == f"{path}: the folder {path.parent} does not exist"


async def test_a_name_too_long(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 300)
    assert await _refusal(f"sqlite:///{path}") == f"{path}: File name too long"


async def test_a_circle_of_links(path: Path) -> None:
    _link(path, path)
    assert str(path) in await _refusal(f"sqlite:///{path}")


@pytest.mark.parametrize("content", [b"stationId", b'{"stationId": "ELECTRA_PARIS_15"}', b"SQLite format 4\0" * 99])
async def test_a_file_that_is_no_database_is_left_alone(path: Path, content: bytes) -> None:
    _put(path, content)
    assert await _refusal(f"sqlite:///{path}") == f"{path}: is not an SQLite database"
    assert _folder(path.parent) == {path.name: content}


async def test_a_database_that_is_damaged(path: Path) -> None:
    _put(path, b"SQLite format 3\0" + b"\x55" * 8_000)
    assert await _refusal(f"sqlite:///{path}") == f"{path}: file is not a database"


async def test_a_database_of_another_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE photos (id INTEGER)")
    assert await _refusal(f"sqlite:///{path}") == f"{path}: is the database of another program"


async def test_a_database_of_a_newer_version(path: Path) -> None:
    await (await _open(path)).close()
    with closing(sqlite3.connect(path)) as newer, newer:
        newer.execute("UPDATE alembic_version SET version_num = '9999'")
    assert "was written by a newer version of this program (schema 9999)" in await _refusal(f"sqlite:///{path}")


async def test_an_empty_file_becomes_a_database(path: Path) -> None:
    _put(path, b"")
    store = await _open(path)
    await store.close()
    assert _folder(path.parent)[path.name].startswith(b"SQLite format 3\0")


@pytest.fixture
def strangers_folder() -> Iterator[Path]:
    """Make this process an ordinary user for a while, with a folder that it may read; root may write everywhere."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        me = os.geteuid()
        with closing(sqlite3.connect(folder / "there.sqlite3")) as there:
            there.execute("CREATE TABLE t (x)")
        (folder / "there.sqlite3").chmod(0o444)
        if me == 0:
            os.seteuid(65_534)
        else:
            folder.chmod(0o555)
        try:
            yield folder
        finally:
            if me == 0:
                os.seteuid(me)
            folder.chmod(0o755)


async def test_a_file_that_may_not_be_written(strangers_folder: Path) -> None:
    path = strangers_folder / "there.sqlite3"
    assert await _refusal(f"sqlite:///{path}") == f"{path}: Permission denied"


async def test_a_folder_that_may_not_be_written(strangers_folder: Path) -> None:
    path = strangers_folder / "new.sqlite3"
    assert await _refusal(f"sqlite:///{path}") == f"{path}: Permission denied ({path}-lock)"


# --- owning -----------------------------------------------------------------------------------------------------------


async def test_a_second_owner_is_refused_and_told_who_the_first_is(store: SqlStore, path: Path) -> None:
    expected = f"{path}: process {os.getpid()} is using this database; stop it first, or name another file"
    assert await _refusal(f"sqlite:///{path}") == expected
    await store.commit([samples.COUNTERS])
    assert (await store.load()).counters == samples.COUNTERS


async def test_another_way_to_the_same_file_is_refused_too(store: SqlStore, path: Path) -> None:
    link = path.with_name("link.sqlite3")
    _link(link, path)
    assert f"process {os.getpid()} is using" in await _refusal(f"sqlite:///{link}")
    assert (await store.load()).counters.next_rank == 0


async def test_another_process_is_refused_until_the_owner_is_gone(store: SqlStore, path: Path) -> None:
    assert f"process {os.getpid()} is using this database" in await refused(f"sqlite:///{path}")
    await store.close()
    third = await _open(path)
    await third.close()


async def test_a_refused_start_lets_go_of_the_lock(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE photos (id INTEGER)")
    await _refusal(f"sqlite:///{path}")
    _put(path, b"")
    await (await _open(path)).close()


# --- durable ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 5_000), ("temp_store", 2)],
)
async def test_the_connection_is_set_up_to_keep_its_word(store: SqlStore, pragma: str, value: object) -> None:
    assert await _sql(store, f"PRAGMA {pragma}") == [(value,)]


async def test_another_program_may_read_meanwhile(store: SqlStore, path: Path) -> None:
    with closing(sqlite3.connect(path)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM send").fetchone() == (0,)
        await store.commit([samples.send(1)])
        assert reader.execute("SELECT count(*) FROM send").fetchone() == (0,)
        reader.execute("COMMIT")
        assert reader.execute("SELECT count(*) FROM send").fetchone() == (1,)


@pytest.mark.parametrize(
    ("fail", "mend", "said"),
    [
        ("PRAGMA max_page_count=1", "PRAGMA max_page_count=1000000", "database or disk is full"),
        ("PRAGMA query_only=ON", "PRAGMA query_only=OFF", "attempt to write a readonly database"),
    ],
)
async def test_what_the_disk_refuses_is_refused_whole_and_to_all(
    store: SqlStore, fail: str, mend: str, said: str
) -> None:
    await store.commit([StationStored(samples.STATION), samples.send(1)])
    before = await store.load()
    large = [samples.sample(at_ms=n, raw_json="x" * 1_000) for n in range(200)]
    await _sql(store, fail)
    outcomes = await asyncio.gather(
        store.commit([samples.send(2), samples.COUNTERS]),
        store.commit(large),
        store.commit([samples.session("s1")]),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [StoreError] * 3
    assert {str(outcome) for outcome in outcomes} == {f"the database refused: {said}"}
    assert await store.load() == before
    assert await _sql(store, "SELECT count(*) FROM meter_sample") == [(0,)]
    await _sql(store, mend)
    await store.commit([*large, samples.send(2)])
    assert await _sql(store, "SELECT count(*) FROM meter_sample") == [(200,)]
    assert (await store.load()).sends == (samples.send(1), samples.send(2))


async def test_a_transaction_refused_at_its_very_end_is_undone(store: SqlStore) -> None:
    """The rows go in; COMMIT itself fails, over a row of a station that does not exist."""

    def write(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        Changes("nowhere", [samples.send(1)]).apply(connection)
        assert connection.exec_driver_sql("SELECT count(*) FROM send").scalar() == 1

    with pytest.raises(StoreError, match="FOREIGN KEY constraint failed"):
        await store._database.run(write)
    assert await _sql(store, "SELECT count(*) FROM send") == [(0,)]
    await store.commit([samples.send(1)])
    assert (await store.load()).sends == (samples.send(1),)


async def test_a_file_that_another_program_writes_to(store: SqlStore, path: Path) -> None:
    await _sql(store, "PRAGMA busy_timeout=0")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="database is locked"):
            await store.commit([samples.send(1)])
        other.execute("ROLLBACK")
    await store.commit([samples.send(1)])
    assert (await store.load()).sends == (samples.send(1),)


# --- speed ------------------------------------------------------------------------------------------------------------


async def test_every_question_is_answered_from_an_index(store: SqlStore) -> None:
    asked: list[tuple[str, Any]] = []

    def remember(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        asked.append((statement, parameters))

    await store._database.run(lambda connection: event.listen(connection, "before_cursor_execute", remember))
    session = samples.session("s1")
    await store.find_start(samples.start_key(session))
    await store.find_transaction(1)
    await store.find_session(session.session_id)
    await store.find_start(replace(samples.start_key(session), meter_start_wh=None))
    await store.read_transaction(1)
    await store.commit([session, samples.sample()])
    await store.read_samples(session, None, 1)
    await store.read_samples(samples.ended("s1"), None, 1)
    await store.load()

    def explain(connection: Connection) -> list[str]:
        event.remove(connection, "before_cursor_execute", remember)
        plans = []
        for statement, parameters in asked:
            if statement.startswith("SELECT"):
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                plans.append(" | ".join(row.detail for row in plan))
        return plans

    plans = await store._database.run(explain)
    assert [plan for plan in plans if "SCAN" in plan.replace("SCAN CONSTANT ROW", "")] == []
    assert "ix_session_start_key" in plans[0]
    assert "uq_session_transaction_id" in plans[1]
    assert [plan for plan in plans if "ix_session_open" in plan] != []
    looked = [plan for plan in plans if "meter_sample" in plan]
    assert [
        "ix_meter_sample_apart (station_id=? AND session_id=? AND at_ms>? AND at_ms<?)" in plan for plan in looked
    ] == [
        *(True, False, False, False),  # before, how far, around, the text
        *(True, False, False, True, False),  # an ended one: after, too
    ]
