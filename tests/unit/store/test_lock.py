import os
from pathlib import Path

import pytest

from csms.store import lock


def test_the_lock_lies_beside_the_database(tmp_path: Path) -> None:
    assert lock.lock_path(tmp_path / "site.sqlite3") == tmp_path / "site.sqlite3-lock"


def test_one_holds_it_and_says_who(tmp_path: Path) -> None:
    path = tmp_path / "x-lock"
    held = lock.take(path)
    assert isinstance(held, lock.FileLock)
    assert path.read_text() == f"{os.getpid()}\n"
    assert lock.take(path) == lock.HeldBy(os.getpid())
    held.release()
    again = lock.take(path)
    assert isinstance(again, lock.FileLock)
    again.release()


@pytest.mark.parametrize(
    ("written", "pid"), [(b"", None), (b"12", 12), (b"12\n", 12), (b"x\n", None), (b"9" * 99, int("9" * 32))]
)
def test_whatever_is_in_a_file_that_is_held(tmp_path: Path, written: bytes, pid: int | None) -> None:
    path = tmp_path / "x-lock"
    held = lock.take(path)
    assert isinstance(held, lock.FileLock)
    path.write_bytes(written)
    assert lock.take(path) == lock.HeldBy(pid)
    held.release()


def test_an_old_owners_longer_number_does_not_show_through(tmp_path: Path) -> None:
    path = tmp_path / "x-lock"
    path.write_text("99999999999999\n")
    held = lock.take(path)
    assert isinstance(held, lock.FileLock)
    assert path.read_text() == f"{os.getpid()}\n"
    held.release()


def test_a_folder_that_takes_no_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        lock.take(tmp_path / "missing" / "x-lock")
