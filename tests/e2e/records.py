"""What the server has made durable, read from a copy of its SQLite file: the server itself is never disturbed."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Records:
    """The rows of the tables that the tests look at, as dictionaries."""

    sessions: list[dict[str, Any]]
    sends: list[dict[str, Any]]

    def booked_w(self, charger_id: str, idx: int) -> int:
        """Return the most that a provisioned connector may be drawing on what is durable (LEDGER.md §1)."""
        return max(int(s["limit_w"]) for s in self.sends if s["charger_id"] == charger_id and s["idx"] in (0, idx))

    def transaction(self, transaction_id: int) -> dict[str, Any]:
        """Return the one session of a transaction."""
        (found,) = [one for one in self.sessions if one["transaction_id"] == transaction_id]
        return found


def read_records(database: Path) -> Records:
    """Read a database, also one whose process was killed, as it is at this moment."""
    copy = database.with_name("copy.sqlite3")
    for suffix in ("", "-wal"):
        source = database.with_name(database.name + suffix)
        if source.exists():
            shutil.copyfile(source, copy.with_name(copy.name + suffix))
    try:
        with closing(sqlite3.connect(copy)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            connection.row_factory = sqlite3.Row
            sessions, sends = (
                [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]  # noqa: S608  # our own two names
                for table in ("session", "send")
            )
    finally:
        for left in copy.parent.glob("copy.sqlite3*"):
            left.unlink()
    return Records(sessions, sends)
