"""What the store needs from a database: to run one piece of work in one transaction, and to be let go.

Everything that speaks SQL is a plain function of a SQLAlchemy `Connection`; only where such a function runs differs.
SQLite's runs in a thread of its own (`csms.store.sqlite`), PostgreSQL's beside the event loop, by
`AsyncConnection.run_sync` (`csms.store.postgres`): there is no second code path to keep equal.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NotOpened:
    """The store cannot be used; `reason` is one sentence for the operator, without credentials."""

    reason: str


class Database(Protocol):
    """An open database that this process owns."""

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Do `work` in one transaction, one at a time, in the order of the calls.

        When it returned, what it wrote is durable. When the database refused, nothing of it was applied and
        `StoreError` is raised; `StoreUnreachableError` when it could not be heard whether it was. A caller that is
        cancelled leaves the work where it is: it is done nevertheless.
        """
        ...

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Do `work`, which writes nothing, like `run`."""
        ...

    async def close(self) -> None:
        """Let go of the database; `run` is not called again."""
        ...


def said(fault: Exception) -> str:
    """Return the first line of the database's own words, without the statement and its values."""
    if isinstance(fault, DBAPIError) and fault.orig is not None:
        # An asynchronous driver's exception is the cause of the one that SQLAlchemy makes of it.
        fault = next((cause for cause in (fault.orig.__cause__, fault.orig) if isinstance(cause, Exception)), fault)
    return next(iter(str(fault).splitlines()), "") or type(fault).__name__
