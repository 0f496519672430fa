"""What is PostgreSQL's own: reaching a server, owning a station's records in it, and losing either."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, event

from csms.core.records import Record, StationStored
from csms.ports import StoreError, StoreUnreachableError
from csms.store import NotOpened, SqlStore, open_store, ownership, postgres, postgres_session, schema
from csms.store import store as store_module
from csms.store.ownership import OwnershipLostError
from csms.store.postgres import PostgresDatabase
from tests.contract.store_victim import refused
from tests.contract.wire import Wire, wire_to
from tests.e2e.programs import until
from tests.postgres import PASSWORD, QUOTED_PASSWORD, SITE, USER, PostgresServer, running_postgres
from tests.unit.store import samples

US = f"process {os.getpid()} on {socket.gethostname()}"


@pytest.fixture
def url(postgres: PostgresServer, postgres_database: str) -> str:
    return postgres.url(postgres_database)


@pytest.fixture
async def store(url: str) -> AsyncIterator[SqlStore]:
    opened = await _open(url)
    yield opened
    await opened.close()


@pytest.fixture
async def wire(postgres: PostgresServer) -> AsyncIterator[Wire]:
    async with wire_to(postgres.port) as laid:
        yield laid


@pytest.fixture
async def wired(postgres: PostgresServer, postgres_database: str, wire: Wire) -> AsyncIterator[SqlStore]:
    """Return a store whose connection can be cut."""
    opened = await _open(postgres.url(postgres_database, port=wire.port))
    yield opened
    await opened.close()


@pytest.fixture(scope="module")
def frail() -> Iterator[PostgresServer]:
    """Return a server that tests may crash or set up badly."""
    with running_postgres() as server:
        yield server


async def _open(url: str) -> SqlStore:
    opened = await open_store(url)
    assert isinstance(opened, SqlStore), opened
    return opened


async def _refusal(url: str) -> str:
    """Return why a store is not opened; in no case is the password repeated."""
    refused = await open_store(url)
    assert isinstance(refused, NotOpened)
    assert QUOTED_PASSWORD not in refused.reason
    assert PASSWORD not in refused.reason
    return refused.reason


async def _sql(store: SqlStore, statement: str) -> list[tuple[Any, ...]]:
    """Run a statement on the store's own connection, as a read: with a look at the epoch, without a lock on it."""

    def run(connection: Connection) -> list[tuple[Any, ...]]:
        result = connection.exec_driver_sql(statement)
        return [tuple(row) for row in result.all()] if result.returns_rows else []

    return await store._database.read(run)


async def _holds(server: PostgresServer, question: str) -> None:
    """Ask the server until it answers with true."""
    async with server.session(SITE) as session:
        await until(lambda: session.fetchval(question), question)


BACKEND = "(SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1 LIMIT 1)"
"""The session that holds the station's place."""

A_LOCK_IS_WAITED_FOR = "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


async def _terminate(server: PostgresServer) -> None:
    """End the session that holds the place, and return when it is gone."""
    await server.execute(f"SELECT pg_terminate_backend({BACKEND}, 10000)", SITE)


@asynccontextmanager
async def _row_held(server: PostgresServer, token: int) -> AsyncIterator[None]:
    """Hold the key of a send, so that whoever commits one of that token waits."""
    async with server.session(SITE) as session:
        transaction = session.transaction()
        await transaction.start()
        await session.execute("INSERT INTO send SELECT 'main', $1, '', 1, '', 0, '', NULL, '', 0 FROM station", token)
        yield
        await transaction.rollback()


# --- opening ----------------------------------------------------------------------------------------------------------


async def test_the_server_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    there = f"postgresql://{USER}@127.0.0.1:{port}/site"
    assert await _refusal(f"postgresql://{USER}:{QUOTED_PASSWORD}@127.0.0.1:{port}/site") == (
        f"{there}: cannot be reached: Connection refused"
    )


async def test_a_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_session, "CONNECT_TIMEOUT_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = deaf.getsockname()[1]
        assert await _refusal(f"postgresql://127.0.0.1:{port}/site") == (
            f"postgresql://127.0.0.1:{port}/site: no answer within 0.1 s"
        )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            ("/site", "/absent"),
            "database \"absent\" does not exist; create it first (CREATE DATABASE … ENCODING 'UTF8')",
        ),
        ((QUOTED_PASSWORD, "wrong"), f'password authentication failed for user "{USER}"'),
        ((f":{QUOTED_PASSWORD}", ""), f'password authentication failed for user "{USER}"'),
        (("127.0.0.1", "host.invalid"), "cannot be reached: Name or service not known"),
        (("/site", "/site?colour=blue"), 'unrecognized configuration parameter "colour"'),
        (
            ("/site", "/site?sslmode=no"),
            "`sslmode` parameter must be one of: disable, allow, prefer, require, verify-ca",
        ),
        (("/site", "/site?sslmode=require"), "cannot be reached: PostgreSQL server at "),
    ],
)
async def test_what_stands_in_the_way_is_said(
    postgres: PostgresServer, url: str, change: tuple[str, str], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PGPASSWORD", raising=False)
    monkeypatch.setenv("PGPASSFILE", "/absent")
    changed = url.replace(*change)
    shown = f"postgresql://{USER}@127.0.0.1:{postgres.port}/site".replace(*change).partition("?")[0]
    assert (await _refusal(changed)).startswith(f"{shown}: {reason}")


async def test_a_url_that_names_no_database(url: str) -> None:
    assert await _refusal(url.removesuffix("/site")) == (
        "names no database: write postgresql://USER:PASSWORD@HOST:PORT/NAME"
    )


async def test_without_the_driver(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "DRIVER", "absent_driver")
    assert await _refusal(url) == (
        "PostgreSQL needs the package absent_driver, which is not installed: pip install absent_driver"
    )


async def test_the_name_of_the_driver_may_stand_in_the_url(url: str) -> None:
    store = await _open(url.replace("postgresql://", "postgresql+asyncpg://"))
    await store.commit([samples.COUNTERS])
    await store.close()


async def test_a_database_of_another_program(postgres: PostgresServer, url: str) -> None:
    await postgres.execute("CREATE TABLE photos (id INTEGER)", SITE)
    assert (await _refusal(url)).endswith("/site: is the database of another program")
    assert await postgres.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == [("photos",)]


async def test_a_database_of_a_newer_version(postgres: PostgresServer, url: str) -> None:
    await (await _open(url)).close()
    await postgres.execute("UPDATE alembic_version SET version_num = '9999'", SITE)
    assert "was written by a newer version of this program (schema 9999)" in await _refusal(url)


async def test_a_database_that_does_not_hold_every_character(frail: PostgresServer) -> None:
    await frail.execute("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
    assert (await _refusal(frail.url("latin"))).endswith(
        "/latin: its encoding is LATIN1, which does not hold every character; create it with ENCODING 'UTF8'"
    )


async def test_a_server_that_does_not_wait_for_its_disk(frail: PostgresServer) -> None:
    await frail.execute("ALTER SYSTEM SET fsync = off")
    frail.crash()
    frail.start()
    try:
        assert (await _refusal(frail.url("postgres"))).endswith(
            "/postgres: its server runs with fsync=off and would lose what it has acknowledged"
        )
    finally:
        await frail.execute("ALTER SYSTEM RESET fsync")
        frail.crash()
        frail.start()


async def test_a_role_that_may_not_make_tables(postgres: PostgresServer, url: str) -> None:
    await postgres.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'", SITE)
    await postgres.execute("GRANT USAGE ON SCHEMA public TO guest", SITE)
    assert (await _refusal(url.replace(f"{USER}:{QUOTED_PASSWORD}", "guest:guest"))).endswith(
        "/site: permission denied for schema public"
    )


async def test_the_password_is_in_no_log_and_no_representation(
    postgres: PostgresServer, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with structlog.testing.capture_logs() as logged:
        store = await _open(url)
        await _terminate(postgres)
        while True:
            try:
                await store.commit([samples.COUNTERS])
                break
            except StoreUnreachableError as lost:
                logged.append({"event": repr(lost), "log_level": "error"})
        logged.append({"event": repr(vars(store._database)), "log_level": "info"})
        await store.close()
    told = f"{logged}{capsys.readouterr()}"
    assert "schema.migrated" in told
    assert "database.reconnected" in told
    assert QUOTED_PASSWORD not in told
    assert PASSWORD not in told


async def test_the_migrated_schema_is_the_one_in_the_program(store: SqlStore) -> None:
    def differences(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(context, schema.metadata))

    assert await store._database.run(differences) == []


# --- owning -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_session, "PLACE_WAIT_MS", 50)
    monkeypatch.setattr(postgres, "RETRY_PAUSE_S", 0)


@pytest.mark.usefixtures("_no_patience")
async def test_a_second_owner_is_refused_and_told_who_the_first_is(store: SqlStore, url: str) -> None:
    assert (await _refusal(url)).endswith(f"/site: {US} is using this database; stop it first, or name another one")
    await store.commit([samples.COUNTERS])
    assert (await store.load()).counters == samples.COUNTERS


@pytest.mark.usefixtures("_no_patience")
async def test_who_holds_the_place_of_a_database_without_tables(postgres: PostgresServer, url: str) -> None:
    async with postgres.session(SITE) as session:
        await session.execute(f"SELECT pg_advisory_lock({postgres_session._PLACE.replace('$1', repr('main'))})")
        assert (await _refusal(url)).endswith(
            "/site: another process is using this database; stop it first, or name another one"
        )


async def test_another_process_is_refused_until_the_owner_is_gone(store: SqlStore, url: str) -> None:
    assert f"{US} is using this database" in await refused(url)
    await store.close()
    await (await _open(url)).close()


async def test_stations_share_a_database_at_the_same_time(store: SqlStore, url: str) -> None:
    other = await open_store(url, "second")
    assert isinstance(other, SqlStore)
    await asyncio.gather(store.commit([samples.send(1)]), other.commit([samples.send(2)]))
    assert [(await one.load()).sends for one in (store, other)] == [(samples.send(1),), (samples.send(2),)]
    await other.close()


async def test_who_lost_the_place_can_never_commit_again(postgres: PostgresServer, store: SqlStore, url: str) -> None:
    """Its connection is lost, and before it has noticed another process has taken over."""
    await store.commit([samples.send(1)])
    await _terminate(postgres)
    successor = await _open(url)
    for _ in range(2):
        with pytest.raises(StoreError, match="has taken over this station's records"):
            await store.commit([samples.send(2)])
        with pytest.raises(OwnershipLostError, match=f"{US} has taken over"):
            await store.load()
    await successor.commit([samples.send(3)])
    assert (await successor.load()).sends == (samples.send(1), samples.send(3))
    await successor.close()
    with pytest.raises(OwnershipLostError):
        await store.load()


async def test_the_epoch_counts_also_where_the_place_is_not_kept(postgres: PostgresServer, store: SqlStore) -> None:
    """A pooler between them may give the session, and the lock with it, to somebody else."""
    await store.commit([samples.send(1)])
    await postgres.execute("UPDATE ownership SET epoch = epoch + 1, holder = 'process 7 on host8'", SITE)
    with pytest.raises(StoreError, match="process 7 on host8 has taken over"):
        await store.commit([samples.send(2)])
    with pytest.raises(OwnershipLostError):
        await store.find_transaction(1)
    assert await postgres.fetch("SELECT token FROM send") == [(1,)]


async def test_whoever_takes_over_waits_for_the_commit_that_is_under_way(
    postgres: PostgresServer, store: SqlStore
) -> None:
    async with postgres.session(SITE) as other:
        async with _row_held(postgres, 1):
            committing = asyncio.create_task(store.commit([samples.send(1)]))
            await _holds(postgres, A_LOCK_IS_WAITED_FOR)
            taking_over = asyncio.create_task(other.execute("UPDATE ownership SET epoch = epoch + 1"))
            await _holds(postgres, A_LOCK_IS_WAITED_FOR.replace("= 1", "= 2"))
            assert not taking_over.done()
        await committing
        await taking_over
        assert await other.fetchval("SELECT token FROM send") == 1
    with pytest.raises(OwnershipLostError):
        await store.load()


async def test_the_epoch_grows_with_every_start(postgres: PostgresServer, url: str) -> None:
    for epoch in (1, 2, 3):
        await (await _open(url)).close()
        assert await postgres.fetch("SELECT station_id, epoch, holder FROM ownership") == [("main", epoch, US)]


# --- durable ----------------------------------------------------------------------------------------------------------


async def test_the_session_is_set_up_to_keep_its_word(postgres: PostgresServer, url: str) -> None:
    """Whatever the database's own defaults are."""
    await postgres.execute(f"ALTER DATABASE {SITE} SET synchronous_commit = off", SITE)
    store = await _open(url)
    found = dict(await _sql(store, "SELECT name, setting FROM pg_settings"))
    assert found["synchronous_commit"] == "on"
    assert found | postgres_session.SETTINGS == found
    await store.close()


def test_the_server_lets_go_of_a_silent_client_as_soon_as_we_of_a_silent_server() -> None:
    idle_s, interval_s, count = (int(value) for name, value in postgres_session.SETTINGS.items() if "alive" in name)
    assert idle_s + interval_s * count == postgres_session.SILENCE_S


async def test_what_the_server_refuses_is_refused_whole_and_to_all(store: SqlStore) -> None:
    await store.commit([StationStored(samples.STATION), samples.send(1)])
    before = await store.load()
    await _sql(store, "SET default_transaction_read_only = on")
    outcomes = await asyncio.gather(
        store.commit([samples.send(2), samples.COUNTERS]), store.commit([samples.sample()]), return_exceptions=True
    )
    said = "the database refused: cannot execute SELECT FOR SHARE in a read-only transaction"
    assert [repr(outcome) for outcome in outcomes] == [repr(StoreError(said))] * 2
    assert await store.load() == before
    await _sql(store, "SET default_transaction_read_only = off")
    await store.commit([samples.send(2)])
    assert (await store.load()).sends == (samples.send(1), samples.send(2))


async def test_a_transaction_refused_at_its_very_end_is_undone(postgres: PostgresServer, store: SqlStore) -> None:
    """The rows go in; COMMIT itself fails, over a constraint that waits until then."""
    await postgres.execute("ALTER TABLE send ADD CONSTRAINT late UNIQUE (limit_w) DEFERRABLE INITIALLY DEFERRED", SITE)
    with pytest.raises(StoreError, match="duplicate key value violates unique constraint"):
        await store.commit([samples.send(1), samples.send(2)])
    assert (await store.load()).sends == ()
    await store.commit([samples.send(1)])
    assert (await store.load()).sends == (samples.send(1),)


async def test_a_connection_lost_in_mid_commit(postgres: PostgresServer, store: SqlStore) -> None:
    """Everybody in it hears, nothing of it is there, and the next commit finds its way."""
    await store.commit([samples.COUNTERS])
    async with _row_held(postgres, 1):
        committing = [
            asyncio.create_task(store.commit([samples.sample(), samples.send(1)])),
            asyncio.create_task(store.commit([samples.session("s1")])),
        ]
        await _holds(postgres, A_LOCK_IS_WAITED_FOR)
        await _terminate(postgres)
        outcomes = await asyncio.gather(*committing, return_exceptions=True)
    assert [str(outcome).partition(":")[0] for outcome in outcomes] == ["the connection was lost"] * 2
    snapshot = await store.load()
    assert (snapshot.sends, snapshot.sessions, snapshot.counters) == ((), (), samples.COUNTERS)
    assert await _sql(store, "SELECT count(*) FROM meter_sample") == [(0,)]
    await store.commit([samples.send(1)])
    assert (await store.load()).sends == (samples.send(1),)


async def test_a_commit_whose_answer_is_lost_is_not_acknowledged_and_found_once(wired: SqlStore, wire: Wire) -> None:
    wire.cut_after = b"COMMIT"
    records: list[Record] = [samples.session("s1", 1), samples.sample()]
    with pytest.raises(StoreError, match="the connection was lost"):
        await wired.commit(records)
    assert wire.cuts == 1
    assert (await wired.load()).sessions == (samples.session("s1", 1),)
    await wired.commit(records)
    assert (await wired.load()).sessions == (samples.session("s1", 1),)
    assert await _sql(wired, "SELECT count(*) FROM meter_sample") == [(1,)]


LATE = """
    CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock(4, 2); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER late AFTER INSERT ON send DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION late();
"""
"""A COMMIT that waits until somebody gives up a lock."""


@pytest.mark.usefixtures("_no_patience")
async def test_a_lost_commit_that_the_server_still_works_on_is_waited_for(
    postgres: PostgresServer, wired: SqlStore, wire: Wire
) -> None:
    """Nothing is read before its outcome is settled: it does not appear behind the reader's back."""
    await postgres.execute(LATE, SITE)
    async with postgres.session(SITE) as other:
        await other.execute("SELECT pg_advisory_lock(4, 2)")
        wire.cut_after = b"COMMIT"
        with pytest.raises(StoreError, match="the connection was lost"):
            await wired.commit([samples.send(1)])
        await _holds(postgres, A_LOCK_IS_WAITED_FOR)
        for _ in range(2):
            with pytest.raises(StoreUnreachableError, match="still waits for the connection that was lost"):
                await wired.load()
        await other.execute("SELECT pg_advisory_unlock(4, 2)")
    await _holds(postgres, "SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory'")
    assert (await wired.load()).sends == (samples.send(1),)


async def test_a_server_that_falls_silent(wired: SqlStore, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    await wired.commit([samples.send(1)])
    monkeypatch.setattr(postgres_session, "SILENCE_S", 0.1)
    monkeypatch.setattr(postgres_session, "CONNECT_TIMEOUT_S", 0.1)
    monkeypatch.setattr(postgres, "RETRY_PAUSE_S", 0)
    wire.silent = True
    with pytest.raises(StoreError, match="the connection was lost"):
        await wired.commit([samples.send(2)])
    with pytest.raises(StoreUnreachableError, match=r"no answer within 0\.1 s"):
        await wired.load()
    await wire.end()
    wire.silent = False
    monkeypatch.undo()
    await wired.commit([samples.send(3)])
    assert (await wired.load()).sends == (samples.send(1), samples.send(3))


async def test_a_connection_lost_between_commits_is_nobodys_concern(postgres: PostgresServer, store: SqlStore) -> None:
    await store.commit([samples.send(1)])
    database = store._database
    assert isinstance(database, PostgresDatabase)
    await _terminate(postgres)
    session = database._session
    assert session is not None
    await until(lambda: session.is_over, "the driver hears of it")
    await store.commit([samples.send(2)])
    assert (await store.load()).sends == (samples.send(1), samples.send(2))


@pytest.mark.usefixtures("_no_patience")
async def test_a_server_that_crashes_and_comes_back(frail: PostgresServer) -> None:
    await frail.execute("CREATE DATABASE crashed")
    store = await _open(frail.url("crashed"))
    await store.commit([samples.send(1)])
    frail.crash()
    for _ in range(2):
        with pytest.raises(StoreUnreachableError):
            await store.load()
        with pytest.raises(StoreError):
            await store.commit([samples.send(2)])
    frail.start()
    assert (await store.load()).sends == (samples.send(1),)
    await store.commit([samples.send(3)])
    await store.close()


async def test_after_a_refusal_nobody_waits_for_another_one(
    wired: SqlStore, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts = 0

    async def refuse(_: object) -> None:
        nonlocal attempts
        attempts += 1
        raise postgres_session.RefusedError("not today")

    monkeypatch.setattr(postgres, "RETRY_PAUSE_S", 1_000)
    monkeypatch.setattr(postgres, "open_session", refuse)
    await wire.end()
    outcomes = await asyncio.gather(*(wired.find_transaction(n) for n in range(100)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {StoreUnreachableError}
    assert attempts == 1


async def test_closing_does_not_wait_for_a_server_that_is_silent(
    postgres: PostgresServer, postgres_database: str, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await _open(postgres.url(postgres_database, port=wire.port))
    monkeypatch.setattr(postgres_session, "CLOSE_TIMEOUT_S", 0.1)
    wire.silent = True
    async with asyncio.timeout(30):
        await store.close()


async def test_a_question_that_is_given_up_does_not_cost_the_connection(store: SqlStore) -> None:
    database = store._database
    assert isinstance(database, PostgresDatabase)
    before = database._session
    for _ in range(3):
        asked = asyncio.create_task(store.find_transaction(1))
        await asyncio.wait([asked], timeout=0)
        asked.cancel()
        await asyncio.wait([asked])
        assert asked.cancelled()
    assert await store.find_transaction(1) is None
    assert database._session is before


# --- speed ------------------------------------------------------------------------------------------------------------


async def test_every_question_can_be_answered_from_an_index(store: SqlStore) -> None:
    await store.commit([samples.session(f"s{n}", n, charger_id=f"CP{n // 10:03}", idx=n % 10) for n in range(300)])
    await store._database.run(lambda connection: connection.exec_driver_sql("ANALYZE session"))
    asked: list[tuple[str, Any]] = []

    def remember(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        asked.append((statement, parameters))

    await store._database.read(lambda connection: event.listen(connection, "before_cursor_execute", remember))
    session = samples.session("s1")
    await store.find_start(samples.start_key(session))
    await store.find_transaction(1)
    await store.find_session(session.session_id)
    await store.load()

    def explain(connection: Connection) -> list[str]:
        event.remove(connection, "before_cursor_execute", remember)
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        return [
            " | ".join(line for (line,) in connection.exec_driver_sql(f"EXPLAIN {statement}", parameters))
            for statement, parameters in asked
            if statement.startswith("SELECT") and "ownership" not in statement
        ]

    plans = await store._database.read(explain)
    assert [plan for plan in plans if "Seq Scan" in plan] == []
    assert "ix_session_start_key" in plans[0]
    assert "uq_session_transaction_id" in plans[1]
    assert [plan for plan in plans if "ix_session_open" in plan] != []


def test_this_process_is_named_for_others() -> None:
    assert ownership.this_process() == US
