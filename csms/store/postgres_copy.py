"""What a backup needs of PostgreSQL: all its rows as they are at one moment, and a place to put rows into.

Reading takes nobody's place: a server may go on, and what it commits meanwhile is not seen (REPEATABLE READ). Writing
takes the station's place, so that no server starts meanwhile, and raises its epoch: one that was taken for dead finds
itself followed (`csms.store.ownership`).
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from csms.postgres_url import PostgresUrl
from csms.store import ownership
from csms.store.database import NotOpened, said
from csms.store.migrate import head, migrate, revision
from csms.store.postgres_session import RefusedError, Session, open_session
from csms.store.rows_copy import copy_rows, is_empty
from csms.store.sqlite_copy import Progress

T = TypeVar("T")


async def export(url: PostgresUrl, target: Connection, progress: Progress) -> str | NotOpened:
    """Copy all rows into a new file; return the revision of their schema."""

    def work(source: Connection) -> str | NotOpened:
        found = revision(source)
        if found != head():
            return NotOpened(
                f"{url.shown}: its schema is {found or 'not ours'}, this program's is {head()}: "
                "make the backup with the version that runs on it, or with pg_dump"
            )
        if refused := migrate(target):
            return NotOpened(refused)
        with source.begin(), target.begin():
            source.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            copy_rows(source, target, progress)
        return found

    return await _in_session(url, lambda session: session.run(work, patiently=True))


async def fill(url: PostgresUrl, station_id: str, source: Connection, progress: Progress) -> str:
    """Copy all rows of a file into an empty database, all or nothing; return why it was refused, or ""."""

    def work(target: Connection) -> str:
        with target.begin():
            if not is_empty(target):
                return "holds records already; name an empty database (CREATE DATABASE … ENCODING 'UTF8')"
            target.exec_driver_sql("DELETE FROM station")  # a server without a configuration has left its own row
            ownership.claim(target, station_id)
            with source.begin():
                copy_rows(source, target, progress)
        return ""

    async def into(session: Session) -> str:
        if not await session.take_place(station_id):
            holder = await session.run(lambda connection: ownership.holder(connection, station_id))
            return f"{holder} is using this database; stop it first, or name another one"
        return await session.run(migrate, patiently=True) or await session.run(work, patiently=True)

    found = await _in_session(url, into)
    return found.reason if isinstance(found, NotOpened) else found


async def _in_session(url: PostgresUrl, work: Callable[[Session], Awaitable[T]]) -> T | NotOpened:
    """Connect, do `work`, let go."""
    try:
        session = await open_session(url)
    except RefusedError as refused:
        return NotOpened(f"{url.shown}: {refused}")
    try:
        return await work(session)
    except (RefusedError, SQLAlchemyError, OSError) as fault:
        return NotOpened(f"{url.shown}: {said(fault)}")
    finally:
        await session.close()
