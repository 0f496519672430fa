"""Backups: everything that a store holds, in one SQLite file, whatever database it came from or goes to.

    make      SQLite       its own online copy (`csms.store.sqlite_copy`); the server may run
              PostgreSQL   all rows in one REPEATABLE READ transaction, into a new SQLite file; the server may run
    restore   FILE → checked → a working copy → migrated → a new epoch (`csms.core.restoring`) → the records read back
                   → SQLite: the working copy gets the database's name; PostgreSQL: all rows in one transaction

A restore is refused where there is anything to lose: a database that is in use, or holds records. Until its very last
step nothing is changed.
"""

import asyncio
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError

from csms.core.ids import ChargerId
from csms.core.records import Driver
from csms.core.restoring import NewEpoch, new_epoch
from csms.ports import StoreError
from csms.postgres_url import PostgresUrl, is_postgres, parse
from csms.store import access_keys, loading, local_lists, lock, schema
from csms.store.changes import Changes
from csms.store.database import NotOpened, said
from csms.store.migrate import head, migrate, revision
from csms.store.sqlite import engine_on
from csms.store.sqlite_copy import (
    MARK,
    PART,
    CopyError,
    Mark,
    Progress,
    copy_database,
    finish,
    new_file,
    place,
    read_mark,
)
from csms.store.store import DRIVER, SITE, path_in

RESTORING = ".restoring"
"""What the name of a database that is still being restored ends in."""


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was written and found whole; times UTC ms."""

    mark: Mark
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Restored:
    """A database that may be started from; `keys`: names of the keys of REST that let somebody in again."""

    mark: Mark
    epoch: NewEpoch
    keys: tuple[str, ...] = ()


def make_backup(url: str, file: Path, *, replace: bool, now_ms: int, progress: Progress) -> Made | NotOpened:
    """Write a backup of a database, which may be in use, and check it."""
    if file.exists() and not replace:
        return NotOpened(f"{file}: exists; name another file, or give --force to replace it")
    if _is_the_database(url, file):
        return NotOpened(f"{file}: is the database itself; name another file")
    part = file.with_name(file.name + PART)
    try:
        new_file(part)
        found = _fill(url, part, progress)
        if isinstance(found, str):
            _check_readable(part, found)
            mark = Mark(now_ms, found)
            finish(part, file, mark)
            return Made(mark, file.stat().st_size)
    except (CopyError, StoreError) as fault:
        found = NotOpened(f"{file}: {fault}")
    except OSError as fault:
        found = NotOpened(f"{file}: {fault.strerror or fault}")
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return found


def restore_backup(file: Path, url: str, *, now_ms: int, progress: Progress) -> Restored | NotOpened:
    """Make a database of a backup, as a new epoch, where none is."""
    if not file.is_file():
        return NotOpened(f"{file}: no such file")
    try:
        mark = read_mark(file)
        if is_postgres(url):
            return _restore_postgres(file, url, mark, now_ms, progress)
        path = path_in(url)
        if isinstance(path, NotOpened):
            return path
        return _restore_sqlite(file, path, mark, now_ms, progress)
    except CopyError as fault:
        return NotOpened(f"{file}: {fault}")


# --- making -----------------------------------------------------------------------------------------------------------


def _is_the_database(url: str, file: Path) -> bool:
    path = None if is_postgres(url) else path_in(url)
    return isinstance(path, Path) and path.resolve() == file.resolve()


def _fill(url: str, part: Path, progress: Progress) -> str | NotOpened:
    """Write a database's content into a new file; return the revision of its schema."""
    if is_postgres(url):
        parts = _postgres(url)
        if isinstance(parts, NotOpened):
            return parts
        from csms.store.postgres_copy import export  # noqa: PLC0415 - its driver is an extra

        with _opened(part) as target:
            return asyncio.run(export(parts, target, progress))
    path = path_in(url)
    if isinstance(path, NotOpened):
        return path
    if not path.is_file():
        return NotOpened(f"{path}: no such file")
    copy_database(path, part, progress)
    with _opened(part) as copy:
        found = revision(copy)
    return NotOpened(f"{path}: is no database of this program") if found is None else found


def _check_readable(path: Path, found: str) -> None:
    """Raise StoreError or CopyError unless a server of this version could start from the file."""
    if found != head():
        return  # its rows are those of another version, which reads them
    with _opened(path) as connection, connection.begin():
        loading.load(connection, SITE)


# --- restoring --------------------------------------------------------------------------------------------------------


def _restore_sqlite(file: Path, given: Path, mark: Mark, now_ms: int, progress: Progress) -> Restored | NotOpened:
    path = given.resolve()
    if not path.parent.is_dir():
        return NotOpened(f"{given}: the folder {path.parent} does not exist")
    try:
        held = lock.take(lock.lock_path(path))
    except OSError as fault:
        return NotOpened(f"{given}: {fault.strerror}")
    if isinstance(held, lock.HeldBy):
        owner = "another process" if held.pid is None else f"process {held.pid}"
        return NotOpened(f"{given}: {owner} is using this database; stop it first, or name another file")
    try:
        if in_the_way := _in_the_way(path):
            return NotOpened(f"{in_the_way}: exists; move it away first (it is the only copy of what it holds)")
        return _prepare(file, path.with_name(path.name + RESTORING), mark, now_ms, progress, lambda w: place(w, path))
    finally:
        held.release()


def _in_the_way(path: Path) -> Path | None:
    """Return a file that a restore would lose or mix up with what it restores, or None."""
    names = ("", "-wal", "-journal")
    found = (path.with_name(path.name + suffix) for suffix in names)
    return next((each for each in found if each.exists() and (not each.is_file() or each.stat().st_size)), None)


def _restore_postgres(file: Path, url: str, mark: Mark, now_ms: int, progress: Progress) -> Restored | NotOpened:
    parts = _postgres(url)
    if isinstance(parts, NotOpened):
        return parts
    from csms.store.postgres_copy import fill  # noqa: PLC0415 - its driver is an extra

    with tempfile.TemporaryDirectory(prefix="csms-restore-") as folder:
        working = Path(folder) / "working.sqlite3"
        prepared = _prepare(file, working, mark, now_ms, progress, lambda _: None)
        if isinstance(prepared, NotOpened):
            return prepared
        with _opened(working) as source:
            refused = asyncio.run(fill(parts, SITE, source, progress))
    return prepared if not refused else NotOpened(f"{parts.shown}: {refused}")


def _prepare(
    file: Path, working: Path, mark: Mark, now_ms: int, progress: Progress, done: Callable[[Path], None]
) -> Restored | NotOpened:
    """Make a working copy that may be started from, and hand it over to `done`; what fails leaves nothing behind."""
    handed_over = False
    try:
        new_file(working)
        copy_database(file, working, progress)
        restored = _with_new_epoch(working, mark, now_ms)
        if isinstance(restored, str):
            return NotOpened(f"{file}: {restored}")
        done(working)
        handed_over = True
    except (CopyError, StoreError) as fault:
        return NotOpened(f"{file}: {fault}")
    except (SQLAlchemyError, sqlite3.Error) as fault:
        return NotOpened(f"{file}: {said(fault)}")
    except OSError as fault:
        return NotOpened(f"{working}: {fault.strerror or fault}")
    finally:
        if not handed_over:
            with suppress(OSError):
                working.unlink(missing_ok=True)
    return restored


def _with_new_epoch(working: Path, mark: Mark, now_ms: int) -> Restored | str:
    """Bring a copy's schema up to date and its records into a new epoch, and read them back."""
    with _opened(working) as connection:
        if refused := migrate(connection):
            return refused
        with connection.begin():
            epoch = new_epoch(loading.load(connection, SITE), _rest_driven(connection), mark.made_ms, now_ms)
            if isinstance(epoch, str):
                return epoch
            Changes(SITE, epoch.records).apply(connection)
            local_lists.forget_held(connection, SITE)
            connection.exec_driver_sql(f"DROP TABLE {MARK}")
            loading.load(connection, SITE)
            keys = access_keys.load(connection, SITE)
    return Restored(mark, epoch, tuple(key.name for key in keys if not key.why_not(now_ms)))


def _rest_driven(connection: Connection) -> frozenset[ChargerId]:
    """Return the chargers that ever had a session driven over REST."""
    session = schema.session
    question = select(session.c.charger_id).where(session.c.station_id == SITE, session.c.driver == Driver.REST.value)
    return frozenset(ChargerId(each) for each in connection.scalars(question.distinct()))


# --- both -------------------------------------------------------------------------------------------------------------


def _postgres(url: str) -> PostgresUrl | NotOpened:
    parts = parse(url)
    if isinstance(parts, str):
        return NotOpened(parts)
    if find_spec(DRIVER) is None:
        return NotOpened(f"PostgreSQL needs the package {DRIVER}, which is not installed: pip install {DRIVER}")
    return parts


@contextmanager
def _opened(path: Path) -> Iterator[Connection]:
    engine = engine_on(path)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()
