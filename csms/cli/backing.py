"""`csms backup` and `csms restore`: what the store holds, as one file, and a store made of such a file.

The work is `csms.store.backup`'s; here it is asked for, watched, and told.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import typer

from csms.cli.status import ExitStatus
from csms.settings import Settings, read_settings
from csms.store import NotOpened
from csms.store.backup import Restored, make_backup, restore_backup
from csms.store.sqlite_copy import Progress, silent

STEPS = 1_000


def backup(file: str, database: str | None, *, replace: bool) -> int:
    """Write a backup of the database that `csms serve` would use, or of another; return the exit status."""
    settings = read_settings({} if database is None else {"database": database})
    if not isinstance(settings, Settings):
        return _asked_wrongly("backup", settings)
    with _bar("backing up") as progress:
        made = make_backup(settings.database, Path(file), replace=replace, now_ms=_now_ms(), progress=progress)
    if isinstance(made, NotOpened):
        typer.echo(f"csms backup: {made.reason}", err=True)
        return ExitStatus.NO
    typer.echo(f"{file}: whole, {_size(made.size_bytes)}, schema {made.mark.revision}, {_utc(made.mark.made_ms)}")
    return ExitStatus.DONE


def restore(file: str, database: str) -> int:
    """Make a database of a backup; return the exit status."""
    settings = read_settings({"database": database})
    if not isinstance(settings, Settings):
        return _asked_wrongly("restore", settings)
    with _bar("restoring") as progress:
        restored = restore_backup(Path(file), settings.database, now_ms=_now_ms(), progress=progress)
    if isinstance(restored, NotOpened):
        typer.echo(f"csms restore: {restored.reason}", err=True)
        return ExitStatus.NO
    for line in _told(file, restored):
        typer.echo(line)
    return ExitStatus.DONE


def _told(file: str, restored: Restored) -> Iterator[str]:
    yield f"restored {file}, made {_utc(restored.mark.made_ms)}"
    yield "  Nothing that happened since is known: cars that began since then charge on, and their stops are kept as"
    yield "  orphans (register at the end only). End sessions of REST clients that began since."
    yield f"  Transaction ids go on from {restored.epoch.next_transaction_id}: none is issued twice."
    yield "  Every charger is booked at its maximum until it was provisioned again, at least 60 s after the start."
    if restored.epoch.booked:
        names = ", ".join(restored.epoch.booked)
        yield f"  Never connected before the backup, and booked like the others, for they may have since: {names}."
        yield "  Such a charger that is not there is set to control: rest, or taken out of the configuration."
    if restored.keys:
        yield f"  These keys of REST let somebody in again, whoever was revoked since: {', '.join(restored.keys)}."
        yield "  What should not is revoked with csms keys revoke NAME --database URL."
    yield "next: csms serve --database URL, then csms backup"


def _asked_wrongly(command: str, faults: tuple[object, ...]) -> int:
    for fault in faults:
        typer.echo(f"csms {command}: {fault}", err=True)
    return ExitStatus.USAGE


@contextmanager
def _bar(label: str) -> Iterator[Progress]:
    """Show a bar on a terminal, and nothing elsewhere."""
    if not sys.stderr.isatty():
        yield silent
        return
    with typer.progressbar(length=STEPS, label=label, file=sys.stderr) as bar:

        def progress(done: int, total: int) -> None:
            bar.update(max(0, STEPS * done // max(total, 1) - bar.pos))

        yield progress


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _utc(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f} MB"
