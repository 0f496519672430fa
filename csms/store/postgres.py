"""PostgreSQL: one owner, one connection, transactions one after the other beside the event loop.

One connection, because there is one writer: what other callers queue shares its next transaction (`csms.store.writer`),
and a read waits for one transaction at most, as with SQLite.

**The owner** holds the station's place (an advisory lock, `csms.store.postgres_session`) and its epoch
(`csms.store.ownership`). The place keeps a second start out while the first lives. The epoch is for what the place
cannot see: a connection that is lost takes the place with it, and until this process has noticed, another may have
started.

    start:      connect → take the place → migrate → raise the epoch
    lost:       connect → is the epoch still mine? → take the place → go on
                                └ no → OwnershipLostError, for ever

**A lost connection** fails the transaction that met it with `StoreUnreachableError`, and whether its COMMIT was carried
out is not known; the next transaction connects again. It gets the place only after the server has ended the session
that held it, and the transaction of that session with it: what is read from then on does not change behind the
reader's back.
"""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from csms.ports import StoreError, StoreUnreachableError
from csms.postgres_url import PostgresUrl
from csms.store import ownership
from csms.store.database import NotOpened, said
from csms.store.migrate import migrate, pending
from csms.store.postgres_session import RefusedError, Session, open_session

RETRY_PAUSE_S = 0.5
"""After a failed attempt to connect everybody is refused for so long: who queues does not wait for a time-out each."""

T = TypeVar("T")

log = structlog.get_logger(__name__)


class PostgresDatabase:
    """A database of which this process owns one station's records; `csms.store.database.Database`."""

    def __init__(self, url: PostgresUrl, station_id: str, epoch: int, session: Session) -> None:
        self._url = url
        self._station_id = station_id
        self._epoch = epoch
        self._session: Session | None = session
        self._turn = asyncio.Lock()
        self._refused = ""
        self._refused_until_s = 0.0

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Do `work` in one transaction; raise StoreError when the database refuses or we are not its owner any more."""
        return await asyncio.shield(asyncio.create_task(self._transact(work, writes=True)))

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Do `work`, which writes nothing, in one transaction: no row is locked, and so no disk is waited for."""
        return await asyncio.shield(asyncio.create_task(self._transact(work, writes=False)))

    async def close(self) -> None:
        """End the session; somebody else may have the place."""
        async with self._turn:
            if self._session is not None:
                await self._session.close()
                self._session = None

    async def _transact(self, work: Callable[[Connection], T], *, writes: bool) -> T:
        def transaction(connection: Connection) -> T:
            with connection.begin():
                ownership.confirm(connection, self._station_id, self._epoch, until_the_end=writes)
                return work(connection)

        async with self._turn:
            session = await self._connected()
            try:
                return await session.run(transaction)
            except (SQLAlchemyError, OSError) as fault:
                if session.is_over:
                    raise StoreUnreachableError(f"the connection was lost: {said(fault)}") from fault
                raise StoreError(f"the database refused: {said(fault)}") from fault

    async def _connected(self) -> Session:
        """Return the session, a new one if the last is over; raise StoreUnreachableError or OwnershipLostError."""
        if self._session is not None and not self._session.is_over:
            return self._session
        now_s = asyncio.get_running_loop().time
        if now_s() < self._refused_until_s:
            raise StoreUnreachableError(self._refused)
        try:
            self._session = await self._resumed()
        except RefusedError as refused:
            self._refused, self._refused_until_s = f"{self._url.shown}: {refused}", now_s() + RETRY_PAUSE_S
            raise StoreUnreachableError(self._refused) from refused
        log.warning("database.reconnected", database=self._url.shown)
        return self._session

    async def _resumed(self) -> Session:
        """Connect again and take the place again, as the same owner; raise RefusedError or OwnershipLostError."""
        if self._session is not None:
            await self._session.close()
            self._session = None
        session = await open_session(self._url)
        try:
            await self._take_place_again(session)
        except BaseException:
            await session.close()
            raise
        return session

    async def _take_place_again(self, session: Session) -> None:
        """Take the place, unless the epoch has gone on; whoever holds the place and has not raised it is our past."""
        await self._confirm(session)
        if not await session.take_place(self._station_id):
            await self._confirm(session)
            raise RefusedError("the server still waits for the connection that was lost")

    async def _confirm(self, session: Session) -> None:
        def confirm(connection: Connection) -> None:
            with connection.begin():
                ownership.confirm(connection, self._station_id, self._epoch, until_the_end=False)

        try:
            await session.run(confirm)
        except (SQLAlchemyError, OSError) as fault:
            raise RefusedError(said(fault)) from fault


async def open_postgres(url: PostgresUrl, station_id: str) -> PostgresDatabase | NotOpened:
    """Connect, take the station's place and bring the schema up to date."""
    try:
        session = await open_session(url)
    except RefusedError as refused:
        return NotOpened(f"{url.shown}: {refused}")
    try:
        epoch = await _become_owner(session, station_id)
    except (RefusedError, SQLAlchemyError, OSError) as fault:
        epoch = said(fault)
    except BaseException:
        await session.close()
        raise
    if isinstance(epoch, str):
        await session.close()
        return NotOpened(f"{url.shown}: {epoch}")
    return PostgresDatabase(url, station_id, epoch, session)


async def _become_owner(session: Session, station_id: str) -> int | str:
    """Return the epoch, or why this process cannot be the owner."""
    if not await session.take_place(station_id):
        holder = await session.run(lambda connection: ownership.holder(connection, station_id))
        return f"{holder} is using this database; stop it first, or name another one"
    if (older := await session.run(pending)) is not None:
        log.warning("schema.not_backed_up", found=older[0], now=older[1], to_do="keep a pg_dump before an upgrade")
    refused = await session.run(migrate, patiently=True)
    return refused or await session.run(lambda connection: _claim(connection, station_id))


def _claim(connection: Connection, station_id: str) -> int:
    with connection.begin():
        return ownership.claim(connection, station_id)
