"""Backups of every database, into every database, and what is refused."""

# ruff: noqa: ASYNC240 - files of the test's own, while nothing else runs in its loop

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from alembic import command
from sqlalchemy import Connection

from csms.core.access import AccessKey, Role
from csms.core.charger_access import ChargerAccess, HashedKey, Profile
from csms.core.id_tags import IdTag
from csms.core.ids import ChargerId
from csms.core.local_list import WAS_RESTORED, Entry, Held, ListState, LocalListStored
from csms.core.records import CommandState, Record, SendState, Snapshot, StationStored
from csms.core.restoring import GAP, GAP_PER_S
from csms.postgres_url import parse
from csms.store import NotOpened, SqlStore, access_keys, migrate, open_store
from csms.store.backup import Made, Restored, make_backup, restore_backup
from csms.store.outside import beside_the_owner
from csms.store.postgres_session import open_session
from csms.store.sqlite import engine_on
from csms.store.sqlite_copy import MARK, silent
from csms.store.store import SITE
from tests.e2e.programs import until
from tests.postgres import PASSWORD, QUOTED_PASSWORD, PostgresServer, empty_database
from tests.unit.store import samples

DATABASES = ["sqlite", "postgresql"]
MADE_MS = 1_700_000_100_000
NOW_MS = MADE_MS + 3_600_000
CONTENT: list[Record] = [
    StationStored(samples.STATION),
    samples.CHARGER,
    samples.send(3, state=SendState.SETTLED),
    samples.session("s1", 41),
    samples.ended("s0", 40),
    samples.COUNTERS,
    *(samples.sample(1_700_000_010_000 + n) for n in range(5_000)),
    samples.command("queued", state=CommandState.QUEUED),
    samples.command("ended", state=CommandState.REJECTED, ended_ms=1),
    *(samples.logged(f"kind{n}") for n in range(20)),
]
HELD = Held(3, (Entry("Anna"),))
ACCESS = ChargerAccess(ChargerId("CP001"), HashedKey("00" * 16, "ab" * 32, 1), profile=Profile.PASSWORD_TLS)
LIST = LocalListStored(ChargerId("CP001"), ListState.HELD, HELD.entries, "", 1, 2, 3, held=HELD, version_last=3)
TAG = IdTag(
    "ANNA",
    "Anna",
    "Fleet",
    1_767_225_600_000,
    blocked=True,
    concurrent=True,
    note="Zoë",
    version=3,
    weight=7,
    priority=0,
)


KEYS = (
    AccessKey("00000000000a", "anna", Role.OPERATOR, "5a" * 16, "d1" * 32, 1),
    AccessKey("00000000000b", "bob", Role.ADMIN, "5b" * 16, "d2" * 32, 2, expires_ms=NOW_MS),
    AccessKey("00000000000c", "carl", Role.ADMIN, "5c" * 16, "d3" * 32, 3, revoked_ms=4),
)


def _add_keys(connection: Connection) -> None:
    for key in KEYS:
        assert access_keys.add(connection, SITE, key)


@pytest.fixture(params=DATABASES)
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return await _fresh(request, request.param, tmp_path / "site.sqlite3")


@pytest.fixture(params=DATABASES)
async def other_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a database that was never opened; on PostgreSQL it takes the place of the first."""
    return await _fresh(request, request.param, tmp_path / "restored.sqlite3")


async def _fresh(request: pytest.FixtureRequest, kind: str, path: Path) -> str:
    if kind == "sqlite":
        return f"sqlite:///{path}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.url(await empty_database(server))


@pytest.fixture
async def file(url: str, tmp_path: Path) -> Path:
    """Return a backup of a store that was in use while it was made."""
    store = await _open(url)
    await store.commit(CONTENT)
    await store.change_id_tags([TAG], [], samples.logged("kind20"))
    await store.write_local_list(LIST)
    await asyncio.to_thread(lambda: beside_the_owner(url, _add_keys, make=False))
    await store.write_charger_access(ACCESS)
    made = await _backup(url, tmp_path / "backup.sqlite3")
    assert isinstance(made, Made), made
    await store.close()
    return tmp_path / "backup.sqlite3"


async def _open(url: str) -> SqlStore:
    opened = await open_store(url)
    assert isinstance(opened, SqlStore), opened
    return opened


async def _backup(url: str, file: Path, *, replace: bool = False) -> Made | NotOpened:
    return await asyncio.to_thread(make_backup, url, file, replace=replace, now_ms=MADE_MS, progress=silent)


async def _restore(file: Path, url: str, now_ms: int = NOW_MS) -> Restored | NotOpened:
    return await asyncio.to_thread(restore_backup, file, url, now_ms=now_ms, progress=silent)


async def _rows(store: SqlStore, sql: str) -> list[tuple[Any, ...]]:
    def ask(connection: Connection) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in connection.exec_driver_sql(sql)]

    return await store._database.run(ask)


async def _restored(file: Path, url: str) -> SqlStore:
    restored = await _restore(file, url)
    assert isinstance(restored, Restored), restored
    return await _open(url)


async def test_everything_comes_back_in_a_new_epoch(file: Path, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    for kind in DATABASES:
        url = await _fresh(request, kind, tmp_path / "new.sqlite3")
        store = await _restored(file, url)
        snapshot: Snapshot = await store.load()
        assert snapshot.station == samples.STATION
        assert [s.session_id for s in snapshot.sessions] == ["s1"]
        assert [row.provisioned for row in snapshot.chargers if row.charger_id == "CP001"] == [(False, False)]
        assert snapshot.counters.next_transaction_id == 42 + GAP + 3_600 * GAP_PER_S
        assert [s.state for s in snapshot.sends if s.token == 3] == [SendState.SETTLED]
        assert {s.state for s in snapshot.sends if s.token > 3} == {SendState.LOST}
        assert await _rows(store, "SELECT count(*), min(at_ms), max(at_ms) FROM meter_sample") == [
            (5_000, 1_700_000_010_000, 1_700_000_014_999)
        ]
        kinds = [row[0] for row in await _rows(store, "SELECT kind FROM event_log ORDER BY event_id")]
        assert kinds == [*(f"kind{n}" for n in range(21)), *["access_key.created"] * len(KEYS), "store.restored"]
        assert await store.load_access_keys() == KEYS
        assert await store.load_id_tags() == (TAG,)
        assert await store.load_charger_access() == (ACCESS,)
        lost = await store.read_local_list(LIST.charger_id)
        assert lost == replace(LIST, state=ListState.FAILED, held=None, reason=WAS_RESTORED)
        commands = await _rows(store, "SELECT command_id, state FROM command ORDER BY command_id")
        assert commands == [("ended", "rejected"), ("queued", "unknown")]
        await store.commit([samples.logged("later"), samples.sample(1), samples.session("s2", 9_999_999)])
        assert await _rows(store, "SELECT kind FROM event_log ORDER BY event_id DESC LIMIT 1") == [("later",)]
        await store.close()


async def test_whose_keys_let_them_in_again_is_told(file: Path, url: str, tmp_path: Path) -> None:
    """One that was revoked after the backup was made does so too, and somebody should know."""
    del url
    restored = await _restore(file, f"sqlite:///{tmp_path / 'again.sqlite3'}")
    assert isinstance(restored, Restored), restored
    assert restored.keys == ("anna",)


async def test_a_backup_is_of_one_moment_while_the_owner_writes(url: str, tmp_path: Path) -> None:
    """Each commit raises the counter and adds a line of the log with its value: in the backup they agree."""
    store = await _open(url)
    await store.commit([*CONTENT, replace(samples.COUNTERS, next_rank=0)])
    going_on = True
    written = 0

    async def write() -> None:
        nonlocal written
        while going_on:
            written += 1
            counters = replace(samples.COUNTERS, next_rank=written)
            await store.commit([counters, samples.logged(f"n{written}"), samples.sample(2_000_000_000_000 + written)])

    writer = asyncio.create_task(write())
    await until(lambda: written > 1, "a commit")
    ranks = []
    for number in range(3):
        path = tmp_path / f"{number}.sqlite3"
        assert isinstance(await _backup(url, path), Made)
        with closing(sqlite3.connect(path)) as copy:
            (rank,) = copy.execute("SELECT next_rank FROM counter").fetchone()
            logged = copy.execute("SELECT count(*) FROM event_log WHERE kind LIKE 'n%'").fetchone()
            samples_of_it = copy.execute("SELECT count(*) FROM meter_sample WHERE at_ms > 2000000000000").fetchone()
        ranks.append(rank)
        assert (logged, samples_of_it) == ((rank,), (rank,))
    going_on = False
    await writer
    await store.close()
    assert ranks == sorted(ranks)
    assert written > ranks[0] > 0


async def test_only_the_owner_of_the_file_may_read_it(file: Path) -> None:
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in file.parent.glob("backup*")) == ["backup.sqlite3"]


async def test_a_file_is_replaced_only_when_that_is_asked_for(file: Path, url: str) -> None:
    before = file.read_bytes()
    refused = await _backup(url, file)
    assert isinstance(refused, NotOpened)
    assert refused.reason == f"{file}: exists; name another file, or give --force to replace it"
    assert file.read_bytes() == before
    assert isinstance(await _backup(url, file, replace=True), Made)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_the_database_is_not_replaced_by_its_own_backup(file: Path, url: str, tmp_path: Path) -> None:
    (tmp_path / "link.sqlite3").symlink_to(tmp_path / "site.sqlite3")
    for name in ("site.sqlite3", "link.sqlite3"):
        refused = await _backup(url, file.with_name(name), replace=True)
        assert isinstance(refused, NotOpened)
        assert "is the database itself" in refused.reason


async def test_records_are_never_restored_over(file: Path, url: str) -> None:
    refused = await _restore(file, url)
    assert isinstance(refused, NotOpened)
    assert "exists; move it away first" in refused.reason or "holds records already" in refused.reason
    assert PASSWORD not in refused.reason
    assert QUOTED_PASSWORD not in refused.reason
    store = await _open(url)
    assert (await store.load()).counters == samples.COUNTERS
    await store.close()


async def test_nothing_is_restored_under_a_running_server(file: Path, other_url: str) -> None:
    owner = await _open(other_url)
    refused = await _restore(file, other_url)
    assert isinstance(refused, NotOpened)
    assert f"process {os.getpid()}" in refused.reason
    assert "is using this database; stop it first" in refused.reason
    await owner.close()


async def test_a_server_without_a_configuration_has_left_nothing_worth_keeping(
    file: Path, postgres: PostgresServer
) -> None:
    empty = postgres.url(await empty_database(postgres))
    await (await _open(empty)).close()
    store = await _restored(file, empty)
    assert (await store.load()).station == samples.STATION
    await store.close()


def _cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-4096])


def _broken_page(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[3 * 4096 : 5 * 4096] = os.urandom(2 * 4096)
    path.write_bytes(content)


def _no_mark(path: Path) -> None:
    with closing(sqlite3.connect(path)) as copy, copy:
        copy.execute(f"DROP TABLE {MARK}")


def _unreadable_row(path: Path) -> None:
    with closing(sqlite3.connect(path)) as copy, copy:
        copy.execute("UPDATE charger SET statuses = '{'")


def _newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as copy, copy:
        copy.execute("UPDATE alembic_version SET version_num = '9999'")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_cut_short, "is no backup that can be read"),
        (_broken_page, "is "),
        (lambda path: path.write_text("nonsense"), "is no backup that can be read"),
        (_no_mark, "is a database, but no backup made by `csms backup`"),
        (_unreadable_row, "the store is damaged: table charger, row CP001"),
        (_newer, "was written by a newer version of this program (schema 9999)"),
        (lambda path: path.unlink(), "no such file"),
    ],
    ids=["cut short", "broken page", "nonsense", "no mark", "unreadable row", "newer", "absent"],
)
@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_what_is_no_whole_backup_is_not_restored(
    file: Path, spoil: Callable[[Path], object], said: str, tmp_path: Path
) -> None:
    spoil(file)
    refused = await _restore(file, f"sqlite:///{tmp_path / 'new.sqlite3'}")
    assert isinstance(refused, NotOpened)
    assert f"{file}: {said}" in refused.reason
    assert [path.name for path in tmp_path.glob("new*")] in ([], ["new.sqlite3-lock"])


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_a_write_ahead_log_that_was_left_behind_is_not_mixed_in(file: Path, tmp_path: Path) -> None:
    (tmp_path / "new.sqlite3-wal").write_bytes(b"of another database")
    refused = await _restore(file, f"sqlite:///{tmp_path / 'new.sqlite3'}")
    assert isinstance(refused, NotOpened)
    assert "new.sqlite3-wal: exists; move it away first" in refused.reason


async def test_a_store_that_could_not_be_started_from_is_no_backup(url: str, tmp_path: Path) -> None:
    store = await _open(url)
    await store.commit(CONTENT)
    await _rows_changed(store, "UPDATE charger SET statuses = '{'")
    refused = await _backup(url, tmp_path / "backup.sqlite3")
    await store.close()
    assert isinstance(refused, NotOpened)
    assert "the store is damaged: table charger, row CP001" in refused.reason
    assert list(tmp_path.glob("backup*")) == []


async def _rows_changed(store: SqlStore, sql: str) -> None:
    await store._database.run(lambda connection: connection.exec_driver_sql(sql).close())


async def test_there_has_to_be_something_to_back_up(tmp_path: Path) -> None:
    (tmp_path / "other.sqlite3").touch()
    for name, said in (("absent", "no such file"), ("other", "is no database of this program")):
        refused = await _backup(f"sqlite:///{tmp_path / name}.sqlite3", tmp_path / "backup.sqlite3")
        assert isinstance(refused, NotOpened)
        assert said in refused.reason
    assert list(tmp_path.glob("backup*")) == []


# --- before a migration -----------------------------------------------------------------------------------------------


def _at_revision(path: Path, revision: str) -> None:
    """Make a database as an older version of the program left it."""
    engine = engine_on(path)
    with engine.connect() as connection, connection.begin():
        command.upgrade(migrate.configuration(connection), revision)
        connection.exec_driver_sql("INSERT INTO station (station_id) VALUES ('main')")
        connection.exec_driver_sql(
            "INSERT INTO event_log (station_id, at_ms, kind, detail) VALUES ('main', 5, 'old', '{}')"
        )
    engine.dispose()


async def test_an_older_schema_is_kept_before_it_is_changed(tmp_path: Path) -> None:
    path = tmp_path / "site.sqlite3"
    _at_revision(path, "0002")
    await (await _open(f"sqlite:///{path}")).close()
    kept = tmp_path / f"site.before-{migrate.head()}.sqlite3"
    with closing(sqlite3.connect(kept)) as copy:
        assert copy.execute("SELECT version_num FROM alembic_version").fetchall() == [("0002",)]
    url = f"sqlite:///{tmp_path / 'back.sqlite3'}"
    assert isinstance(await _restore(kept, url, time.time_ns() // 1_000_000), Restored)
    store = await _open(url)
    assert await _rows(store, "SELECT kind FROM event_log") == [("old",), ("store.restored",)]
    await store.close()
    before = kept.stat().st_mtime_ns
    await (await _open(f"sqlite:///{path}")).close()
    assert kept.stat().st_mtime_ns == before, "nothing was changed, so nothing was kept"


async def test_a_schema_that_cannot_be_kept_is_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "site.sqlite3"
    _at_revision(path, "0002")
    (tmp_path / f"site.before-{migrate.head()}.sqlite3").mkdir()
    refused = await open_store(f"sqlite:///{path}")
    assert isinstance(refused, NotOpened)
    assert "no copy of it could be made before changing it" in refused.reason
    with closing(sqlite3.connect(path)) as left:
        assert left.execute("SELECT version_num FROM alembic_version").fetchall() == [("0002",)]


async def test_postgresql_says_that_it_keeps_no_copy(postgres: PostgresServer, postgres_database: str) -> None:
    url = postgres.url(postgres_database)
    parts = parse(url)
    assert not isinstance(parts, str)

    def older(connection: Connection) -> None:
        with connection.begin():
            command.upgrade(migrate.configuration(connection), "0002")

    session = await open_session(parts)
    await session.run(older)
    await session.close()
    events = []
    for _ in range(2):
        with structlog.testing.capture_logs() as logged:
            await (await _open(url)).close()
        events.append([one["event"] for one in logged])
    assert events == [["schema.not_backed_up", "schema.migrated"], []]


async def test_a_backup_of_an_older_schema_is_of_that_schema(tmp_path: Path) -> None:
    path = tmp_path / "site.sqlite3"
    _at_revision(path, "0002")
    made = await _backup(f"sqlite:///{path}", tmp_path / "backup.sqlite3")
    assert isinstance(made, Made)
    assert made.mark.revision == "0002"
