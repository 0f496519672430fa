"""One short transaction on a database that another process may own, for what does not belong to its owner alone.

The owner numbers transactions, books power and keeps the ledger; nobody else may write those (`csms.store.lock`,
`csms.store.ownership`). Keys of the REST API are of another kind: the owner only reads them, and reads them again. So
they are added from outside, by SQLite's own turns (WAL: neither waits long for the other) and PostgreSQL's, on a schema
that is exactly ours. A database that is not there yet, or is older, is made or brought up to date first, as its owner.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from csms.ports import StoreError
from csms.postgres_url import PostgresUrl, is_postgres, parse
from csms.store.database import NotOpened, said
from csms.store.migrate import head, revision
from csms.store.sqlite import engine_on, set_up, unfit
from csms.store.store import DRIVER, SITE, open_store, path_in, settle_in

T = TypeVar("T")


def beside_the_owner(url: str, work: Callable[[Connection], T], *, make: bool) -> T | NotOpened:
    """Do `work` in one transaction on the database of that URL, whether a server runs on it or not.

    Args:
        url: as for `open_store`.
        work: a function of a connection; it is done once at the most.
        make: make the database first where there is none, or bring an older one up to date.
    """
    done = _try(url, work)
    if not isinstance(done, _Outdated):
        return done
    if not make:
        return NotOpened("there is no database of this version there: csms serve makes it, or brings it up to date")
    refused = asyncio.run(_bring_up_to_date(url))
    if refused is not None:
        return refused
    done = _try(url, work)
    return NotOpened("another program changes the schema of this database") if isinstance(done, _Outdated) else done


class _Outdated:
    """The database is not there yet, or its schema is not ours."""


async def _bring_up_to_date(url: str) -> NotOpened | None:
    """Open it as its owner, which makes or migrates it, and let go of it again."""
    opened = await open_store(url)
    if isinstance(opened, NotOpened):
        return opened
    await opened.close()
    return None


def _try(url: str, work: Callable[[Connection], T]) -> T | NotOpened | _Outdated:
    if is_postgres(url):
        parts = parse(url)
        if isinstance(parts, str):
            return NotOpened(parts)
        if find_spec(DRIVER) is None:
            return NotOpened(f"PostgreSQL needs the package {DRIVER}, which is not installed: pip install {DRIVER}")
        return asyncio.run(_on_postgres(parts, work))
    path = path_in(url)
    if isinstance(path, NotOpened):
        return path
    try:
        if why := unfit(path.resolve()):
            return NotOpened(f"{path}: {why}")
        return _on_sqlite(path, work) if path.exists() else _Outdated()
    except OSError as fault:
        return NotOpened(f"{path}: {fault.strerror}")


def _on_sqlite(path: Path, work: Callable[[Connection], T]) -> T | NotOpened | _Outdated:
    engine = engine_on(path.resolve(), begin="BEGIN IMMEDIATE")  # waits for its turn before it has read anything
    try:
        with engine.connect() as connection:
            if why := set_up(connection):
                return NotOpened(f"{path}: {why}")
            return _transact(connection, work)
    except (SQLAlchemyError, sqlite3.Error) as fault:
        return NotOpened(f"{path}: {said(fault)}")
    except StoreError as fault:
        return NotOpened(f"{path}: {fault}")
    finally:
        engine.dispose()


async def _on_postgres(parts: PostgresUrl, work: Callable[[Connection], T]) -> T | NotOpened | _Outdated:
    from csms.store.postgres_copy import in_session  # noqa: PLC0415 - its driver is an extra

    try:
        return await in_session(parts, lambda session: session.run(lambda connection: _transact(connection, work)))
    except StoreError as fault:
        return NotOpened(f"{parts.shown}: {fault}")


def _transact(connection: Connection, work: Callable[[Connection], T]) -> T | _Outdated:
    if revision(connection) != head():
        return _Outdated()
    with connection.begin():
        settle_in(connection, SITE)
        return work(connection)
