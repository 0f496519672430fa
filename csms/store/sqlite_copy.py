"""A copy of an SQLite file that may be in use, as one file that can be read back and tells what it is.

SQLite's online backup copies pages; begun inside a read transaction it copies all of them as they were at that moment,
however much its owner goes on writing (in WAL mode neither waits for the other). What is copied is written beside the
wanted name, marked, checked and brought to the disk, and only then given that name: a file of that name is whole.

The mark is a table of one row: when the copy was made, and of which schema. `csms restore` asks for it, because the
transaction ids to be left out depend on that time (`csms.core.restoring`).
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

MARK = "csms_backup"
PAGES = 1_000
BUSY_TIMEOUT_S = 30.0
PART = ".part"
"""What the name of a file that is still being written ends in."""

Progress = Callable[[int, int], None]
"""Told how much is done, and of how much; only their ratio has a meaning."""


def silent(_done: int, _total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a backup says of itself: when it was made, UTC ms, and the revision of its schema."""

    made_ms: int
    revision: str


class CopyError(Exception):
    """There is no copy; says why in one sentence."""


def copy_database(source: Path, target: Path, progress: Progress = silent) -> None:
    """Copy a database as it is at one moment into a new file, in SQLite's plain journal mode.

    Raises:
        CopyError: the source cannot be read or the target not be written.
    """
    try:
        with closing(_reading(source)) as opened, closing(sqlite3.connect(target)) as copy:
            opened.execute("BEGIN")
            opened.execute("SELECT count(*) FROM sqlite_master").fetchone()  # only now the transaction has its moment
            opened.backup(copy, pages=PAGES, progress=lambda _, left, total: progress(total - left, total))
            copy.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as fault:
        raise CopyError(str(fault)) from fault


def finish(part: Path, path: Path, mark: Mark) -> None:
    """Mark a copy, check it, bring it to the disk and give it its name.

    Raises:
        CopyError: it is not what it should be.
    """
    try:
        with closing(sqlite3.connect(part)) as copy, copy:
            copy.execute(f"DROP TABLE IF EXISTS {MARK}")
            copy.execute(f"CREATE TABLE {MARK} (made_ms INTEGER NOT NULL, revision TEXT NOT NULL)")
            copy.execute(f"INSERT INTO {MARK} VALUES (?, ?)", (mark.made_ms, mark.revision))  # noqa: S608 - our name
        read_mark(part)
        place(part, path)
    except (sqlite3.Error, OSError) as fault:
        raise CopyError(str(fault)) from fault


def read_mark(path: Path) -> Mark:
    """Return what a backup says of itself, once its pages and its references have been found whole.

    Raises:
        CopyError: it is damaged, or no backup.
    """
    try:
        with closing(_reading(path)) as copy:
            check(copy)
            known = copy.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (MARK,)).fetchone()
            if known is None:
                raise CopyError("is a database, but no backup made by `csms backup`")
            made_ms, revision = copy.execute(f"SELECT made_ms, revision FROM {MARK}").fetchone()  # noqa: S608 - our name
    except (sqlite3.Error, TypeError, ValueError) as fault:
        raise CopyError(f"is no backup that can be read: {fault}") from fault
    return Mark(int(made_ms), str(revision))


def check(connection: sqlite3.Connection) -> None:
    """Raise CopyError unless every page, index and reference of a database is whole."""
    (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if found != "ok":
        raise CopyError(f"is damaged: {found}")
    broken = connection.execute("PRAGMA foreign_key_check").fetchone()
    if broken is not None:
        raise CopyError(f"is damaged: a row of table {broken[0]} refers to nothing")


def place(part: Path, path: Path) -> None:
    """Give a file that is whole its name, durably; raise OSError."""
    _flush(part, os.O_RDWR)
    part.replace(path)
    _flush(path.parent, os.O_RDONLY)


def new_file(path: Path) -> None:
    """Make an empty file that only its owner may read (it will hold id tags), in place of one that was left over."""
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _flush(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _reading(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)
