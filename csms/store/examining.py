"""Looking at a database without owning or changing it, for `csms doctor`; a server may be running on it."""

import asyncio
import fcntl
import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import Connection, desc, select

from csms.postgres_url import is_postgres, parse
from csms.store import lock
from csms.store.database import NotOpened
from csms.store.migrate import revision
from csms.store.schema import event_log
from csms.store.sqlite import unfit
from csms.store.sqlite_copy import reading
from csms.store.store import DRIVER, path_in


@dataclass(frozen=True, slots=True)
class Examined:
    """What a database is found to be.

    Attributes:
        where: its path, or its URL without the password.
        revision: of its schema; None: it has none yet.
        newest_ms: when the newest line of its event log was written, UTC; None: there is none.
        in_use: whether a process owns it; None: not to be told from here.
        free_bytes: on its disk; None: that is another machine's.
    """

    where: str
    revision: str | None
    newest_ms: int | None = None
    in_use: bool | None = None
    free_bytes: int | None = None


def examine(url: str) -> Examined | NotOpened:
    """Return what a database is, or in one sentence why it cannot be used."""
    if is_postgres(url):
        return asyncio.run(_postgres(url))
    path = path_in(url)
    if isinstance(path, NotOpened):
        return path
    try:
        return _sqlite(path)
    except (OSError, sqlite3.Error) as fault:
        return NotOpened(f"{path}: {fault.strerror if isinstance(fault, OSError) else fault}")


def _sqlite(path: Path) -> Examined | NotOpened:
    why = unfit(path.resolve())
    if why:
        return NotOpened(f"{path}: {why}")
    free_bytes = shutil.disk_usage(path.resolve().parent).free
    if not path.exists():
        can_write = os.access(path.resolve().parent, os.W_OK | os.X_OK)
        return (
            Examined(str(path), None, None, False, free_bytes)
            if can_write
            else NotOpened(f"{path}: does not exist, and its folder cannot be written")
        )
    with closing(reading(path)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "alembic_version" not in tables and tables:
            return NotOpened(f"{path}: is the database of another program")
        found = connection.execute("SELECT version_num FROM alembic_version").fetchone() if tables else None
        newest = (
            connection.execute("SELECT at_ms FROM event_log ORDER BY event_id DESC LIMIT 1").fetchone()
            if tables
            else None
        )
    return Examined(
        str(path),
        None if found is None else str(found[0]),
        None if newest is None else int(newest[0]),
        _is_locked(lock.lock_path(path.resolve())),
        free_bytes,
    )


def _is_locked(path: Path) -> bool:
    """Return whether a process holds the lock, without taking it for longer than it takes to ask."""
    if not path.exists():
        return False
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


async def _postgres(url: str) -> Examined | NotOpened:
    parts = parse(url)
    if isinstance(parts, str):
        return NotOpened(parts)
    if find_spec(DRIVER) is None:
        return NotOpened(f"PostgreSQL needs the package {DRIVER}, which is not installed: pip install {DRIVER}")
    from csms.store.postgres_copy import in_session  # noqa: PLC0415 - its driver is an extra

    def look(connection: Connection) -> Examined:
        found = revision(connection)
        if found is None:
            return Examined(parts.shown, None)
        with connection.begin():
            newest = connection.scalar(select(event_log.c.at_ms).order_by(desc(event_log.c.event_id)).limit(1))
        return Examined(parts.shown, found, newest)

    return await in_session(parts, lambda session: session.run(look, patiently=True))
