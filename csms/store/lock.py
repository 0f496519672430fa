"""One owner per SQLite file: an exclusive lock on a file beside it, held while the process lives.

SQLite lets two processes write by turns; two central systems that each believe to be alone would give out the same
power twice. The lock is the kernel's (`flock`), so it ends with its process however that ends, and nothing has to be
cleaned up after a crash. The file stays: removing it would let a third process lock a new file of the same name while
a second still waits on the old one. It holds the owner's process id, for the message only.
"""

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

SUFFIX = "-lock"


@dataclass(frozen=True, slots=True)
class HeldBy:
    """Somebody else owns the file; `pid` is None when the owner has not written it yet."""

    pid: int | None


@dataclass(frozen=True, slots=True)
class FileLock:
    """The lock, held."""

    descriptor: int

    def release(self) -> None:
        """Give the lock up."""
        os.close(self.descriptor)


def lock_path(database: Path) -> Path:
    """Return the path of the lock file of a database; `database` has its symbolic links resolved."""
    return database.with_name(database.name + SUFFIX)


def take(path: Path) -> FileLock | HeldBy:
    """Lock the file, creating it; raise OSError when it cannot be opened or written."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        held_by = HeldBy(_pid_in(descriptor))
        os.close(descriptor)
        return held_by
    except OSError:
        os.close(descriptor)
        raise
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    except OSError:
        os.close(descriptor)
        raise
    return FileLock(descriptor)


def _pid_in(descriptor: int) -> int | None:
    text = os.pread(descriptor, 32, 0).strip()
    return int(text) if text.isdigit() else None
