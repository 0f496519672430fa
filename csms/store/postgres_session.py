"""One connection to PostgreSQL, set up to keep its word, and a station's place that is held with it.

`synchronous_commit` is switched on for the session, whatever the server's or the role's default: COMMIT is answered
when the disk has it. What a session cannot mend is refused: a server that never waits for its disk (`fsync=off`), and
an encoding that does not hold every character that a charger may send (one would fail the commit of everybody).

**The place.** An advisory lock of PostgreSQL belongs to a session and ends with it, as `flock` ends with a process:
whoever holds the lock of a station is alive, and nothing has to be cleaned up after a crash. The server asks a silent
client whether it is still there, and lets go of one whose machine is gone within `SILENCE_S`; a server that leaves a
transaction unanswered for so long is let go of by us. That is done by aborting the socket and not by asking the
connection to end: it may be one that does not answer.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import asyncpg
import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from csms.postgres_url import PostgresUrl
from csms.store.database import said

CONNECT_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 2.0

SILENCE_S = 20
"""How long either side may be silent before the other takes it for gone: long for a commit, short for a charger that
waits for its answer, and the time until another machine can take over from one that lost its power."""

PLACE_WAIT_MS = 2_000
"""How long a start waits for the place: a process killed a moment ago holds it until the server has noticed."""

SETTINGS = {
    "synchronous_commit": "on",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": f"{SILENCE_S * 1_000}",
}
"""What the session is told; the keepalives make up `SILENCE_S`."""

_SET_UP = f"SELECT {', '.join(f'set_config({name!r}, {value!r}, false)' for name, value in SETTINGS.items())}"

_PLACE = "hashtextextended('csms owner of ' || $1 || ' in ' || current_schema(), 0)"

FAULTS = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)
"""What the driver raises when the server refuses, or is not there any more."""

T = TypeVar("T")

log = structlog.get_logger(__name__)


class RefusedError(Exception):
    """There is no session to be had; says why in one sentence, without credentials."""


class Session:
    """An open connection."""

    def __init__(self, connection: AsyncConnection, driver: asyncpg.Connection) -> None:
        self._connection = connection
        self._driver = driver

    @property
    def is_over(self) -> bool:
        """Return whether the connection is gone, as far as is known without asking."""
        return bool(self._driver.is_closed())

    async def run(self, work: Callable[[Connection], T], *, patiently: bool = False) -> T:
        """Do `work`, which begins and ends its own transaction; after `SILENCE_S` the connection is lost.

        Args:
            work: a function of a connection.
            patiently: wait for as long as it takes.

        Raises:
            SQLAlchemyError, OSError: the database refused, or the connection was lost (`is_over`).
        """
        with self._aborted_after(None if patiently else SILENCE_S):
            return await self._connection.run_sync(work)

    async def take_place(self, station_id: str) -> bool:
        """Return whether this session holds the station's place now; whoever holds it is waited for, but not long.

        Raises:
            RefusedError: the connection was lost.
        """
        try:
            with self._aborted_after(SILENCE_S):
                async with self._driver.transaction():
                    await self._driver.execute(f"SET LOCAL lock_timeout = {PLACE_WAIT_MS}")
                    await self._driver.execute(f"SELECT pg_advisory_lock({_PLACE})", station_id)
        except asyncpg.LockNotAvailableError:
            return False
        except FAULTS as fault:
            raise RefusedError(said(fault)) from fault
        return True

    async def close(self) -> None:
        """End the session, and with it its place, in whatever state it is."""
        with self._aborted_after(CLOSE_TIMEOUT_S):
            try:
                await self._connection.close()
            except (SQLAlchemyError, *FAULTS) as fault:
                log.info("database.closed_badly", reason=said(fault))
                self._driver.terminate()

    @contextmanager
    def _aborted_after(self, timeout_s: float | None) -> Iterator[None]:
        """Abort the connection when the block takes longer; whoever waits for an answer in it gets an exception."""
        if timeout_s is None:
            yield
            return
        alarm = asyncio.get_running_loop().call_later(timeout_s, self._driver.terminate)
        try:
            yield
        finally:
            alarm.cancel()


async def open_session(url: PostgresUrl) -> Session:
    """Connect and set up.

    Raises:
        RefusedError: there is no way to, or the server cannot keep what it is given.
    """
    driver = await _connect(url)
    try:
        await _set_up(driver)
        return Session(await _wrapped(driver), driver)
    except (SQLAlchemyError, *FAULTS) as fault:
        driver.terminate()
        raise RefusedError(said(fault)) from fault
    except BaseException:
        driver.terminate()
        raise


async def _connect(url: PostgresUrl) -> asyncpg.Connection:
    try:
        return await asyncpg.connect(url.dsn, timeout=CONNECT_TIMEOUT_S)
    except asyncpg.InvalidCatalogNameError as fault:
        raise RefusedError(f"{said(fault)}; create it first (CREATE DATABASE … ENCODING 'UTF8')") from fault
    except TimeoutError as fault:
        raise RefusedError(f"no answer within {CONNECT_TIMEOUT_S:g} s") from fault
    except OSError as fault:
        raise RefusedError(f"cannot be reached: {_words(fault)}") from fault
    except (*FAULTS, ValueError) as fault:
        raise RefusedError(said(fault)) from fault


def _words(fault: OSError) -> str:
    """Return the system's words for its number; a name that is not known has its own, and numbers below zero."""
    return os.strerror(fault.errno) if fault.errno and fault.errno > 0 else fault.strerror or said(fault)


async def _set_up(driver: asyncpg.Connection) -> None:
    """Make commits durable and silence noticed; raise RefusedError when that cannot be."""
    await driver.execute(_SET_UP)
    if await driver.fetchval("SHOW fsync") != "on":
        raise RefusedError("its server runs with fsync=off and would lose what it has acknowledged")
    encoding = await driver.fetchval("SHOW server_encoding")
    if encoding != "UTF8":
        raise RefusedError(
            f"its encoding is {encoding}, which does not hold every character; create it with ENCODING 'UTF8'"
        )


async def _wrapped(driver: asyncpg.Connection) -> AsyncConnection:
    """Return SQLAlchemy's view of a connection of ours: it neither makes connections of its own nor knows the URL."""

    async def connection() -> asyncpg.Connection:
        return driver

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connection, poolclass=NullPool)
    return await engine.connect()
