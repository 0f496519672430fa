"""SQLite: one file, one owner, one connection, one thread.

The thread exists because a commit waits for the disk, and the event loop may not. Everything SQL runs in it, a whole
transaction per visit: the loop and the thread meet once per transaction and not once per statement, which is what an
asynchronous driver over the same thread would do (`tests/bench/bench_store.py`). Reads run in it too: they see what is
committed and wait for one transaction at most.

Durability is WAL with `synchronous=FULL`: every commit waits until the disk has it. Transactions are begun by us:
left alone, the driver begins them late and runs DDL outside of them, and a migration must be all or nothing. What it
changes is kept beforehand: a copy of the file beside it, `NAME.before-REVISION.sqlite3`.
"""

import asyncio
import contextlib
import os
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import structlog
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import StaticPool

from csms.ports import StoreError
from csms.store import lock
from csms.store.database import NotOpened, said
from csms.store.migrate import migrate, pending
from csms.store.sqlite_copy import PART, CopyError, Mark, copy_database, finish, new_file

BUSY_TIMEOUT_MS = 5_000
"""How long a commit waits for another program that reads or copies the file (the lock keeps other owners out)."""

HEADER = b"SQLite format 3\0"

T = TypeVar("T")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Opened:
    connection: Connection
    lock: lock.FileLock

    def close(self) -> None:
        self.connection.close()
        self.connection.engine.dispose()
        self.lock.release()


class SqliteDatabase:
    """An open SQLite file that this process owns; `csms.store.database.Database`."""

    def __init__(self, opened: _Opened, thread: ThreadPoolExecutor) -> None:
        self._opened = opened
        self._thread = thread

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Do `work` in one transaction in the database's thread; raise StoreError when the database refuses."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transact, work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Do `work` like `run`."""
        return await self.run(work)

    async def close(self) -> None:
        """Close the file (SQLite folds the WAL into it) and give up the lock."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._opened.close)
        self._thread.shutdown()

    def _transact(self, work: Callable[[Connection], T]) -> T:
        try:
            with self._opened.connection.begin():
                return work(self._opened.connection)
        except (SQLAlchemyError, sqlite3.Error) as fault:
            self._undo()
            raise StoreError(f"the database refused: {said(fault)}") from fault

    def _undo(self) -> None:
        """Roll back what SQLAlchemy leaves open: to SQLite, a COMMIT that fails does not end the transaction."""
        driver = _driver(self._opened.connection)
        if driver.in_transaction:
            driver.rollback()


async def open_sqlite(path: Path) -> SqliteDatabase | NotOpened:
    """Open or create the file, take its lock and bring its schema up to date."""
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
    opened = await asyncio.get_running_loop().run_in_executor(thread, _open, path)
    if isinstance(opened, NotOpened):
        thread.shutdown()
        return opened
    return SqliteDatabase(opened, thread)


def _open(given: Path) -> _Opened | NotOpened:
    try:
        path = given.resolve()
        why = unfit(path)
        held = None if why else lock.take(lock.lock_path(path))
    except OSError as fault:
        where = "" if fault.filename in (None, os.fspath(path)) else f" ({fault.filename})"
        return NotOpened(f"{given}: {fault.strerror}{where}")
    except (ValueError, RuntimeError) as fault:
        return NotOpened(f"{str(given)!r}: {fault}")
    if why:
        return NotOpened(f"{given}: {why}")
    if isinstance(held, lock.HeldBy):
        owner = "another process" if held.pid is None else f"process {held.pid}"
        return NotOpened(f"{given}: {owner} is using this database; stop it first, or name another file")
    assert held is not None, "a fit path was locked"
    return _connect(given, path, held)


def unfit(path: Path) -> str:
    """Return why the path cannot be our file, or ""; raise OSError when it cannot even be looked at."""
    if path.is_dir():
        return "is a folder, not a file"
    if not path.parent.is_dir():
        return f"the folder {path.parent} does not exist"
    if not path.exists():
        return ""
    if not path.is_file():
        return "is not a regular file"
    with path.open("r+b") as file:
        header = file.read(len(HEADER))
    return "" if header in (b"", HEADER) else "is not an SQLite database"


def _connect(given: Path, path: Path, held: lock.FileLock) -> _Opened | NotOpened:
    engine = engine_on(path)
    connection: Connection | None = None
    try:
        connection = engine.connect()
        refused = set_up(connection) or _keep_before_migration(path, connection) or migrate(connection)
    except SQLAlchemyError as fault:
        refused = said(fault)
    except sqlite3.Error as fault:
        refused = str(fault)
    if connection is not None and not refused:
        return _Opened(connection, held)
    if connection is not None:
        connection.close()
    engine.dispose()
    held.release()
    return NotOpened(f"{given}: {refused}")


def _keep_before_migration(path: Path, connection: Connection) -> str:
    """Put a copy of the file beside it before its schema is changed; return why that cannot be, or ""."""
    found = pending(connection)
    if found is None:
        return ""
    before, after = found
    kept = path.with_name(f"{path.name.removesuffix('.sqlite3')}.before-{after}.sqlite3")
    part = kept.with_name(kept.name + PART)
    try:
        new_file(part)
        copy_database(path, part)
        finish(part, kept, Mark(time.time_ns() // 1_000_000, before))
    except (CopyError, OSError) as fault:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        return (
            f"its schema {before} is older than this program's ({after}), and no copy of it could be made before "
            f"changing it ({kept.name}: {fault}); make room there, or start the version that wrote it"
        )
    log.warning("schema.backed_up", file=str(kept), revision=before)
    return ""


def engine_on(path: Path, begin: str = "BEGIN") -> Engine:
    """Return an engine of one connection on a file, whose transactions begin when we say so, and how."""
    engine = create_engine(
        URL.create("sqlite+pysqlite", database=os.fspath(path)),
        poolclass=StaticPool,
        connect_args={"isolation_level": None, "timeout": BUSY_TIMEOUT_MS / 1000},
    )
    event.listen(engine, "begin", lambda connection: _driver(connection).execute(begin))
    return engine


def set_up(connection: Connection) -> str:
    """Make commits durable, outside of any transaction; return why that cannot be, or ""."""
    driver = _driver(connection)
    (mode,) = driver.execute("PRAGMA journal_mode=WAL").fetchone()
    driver.execute("PRAGMA synchronous=FULL")
    driver.execute("PRAGMA foreign_keys=ON")
    driver.execute("PRAGMA temp_store=MEMORY")  # what a statement may have to take back makes no file of its own
    return "" if mode == "wal" else "its file system cannot hold a write-ahead log"


def _driver(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection), "the engine is pysqlite's"
    return driver
