"""What the store needs from a database: to run one piece of work in one transaction, and to be let go.

Everything that speaks SQL is a plain function of a SQLAlchemy `Connection`; only where such a function runs differs.
SQLite's runs in a thread of its own (`csms.store.sqlite`). A database with an asynchronous driver runs the same
function by `AsyncConnection.run_sync`: there is no second code path to keep equal.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from sqlalchemy import Connection

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
        `StoreError` is raised.
        """
        ...

    async def close(self) -> None:
        """Let go of the database; `run` is not called again."""
        ...
