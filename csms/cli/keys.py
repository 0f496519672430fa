"""`csms keys create | list | revoke`: the keys of the REST API, in the database, whether the server runs or not.

The key itself goes to standard output, alone, so that a script can take it; everything else that is said of a new key
goes to standard error. It is made here and shown here: the database gets a hash of it.
"""

import sys
import time
from datetime import UTC, datetime
from secrets import token_hex

import typer

from csms.cli.asking import table
from csms.cli.status import ExitStatus
from csms.core.access import (
    KEY_ID_BYTES,
    NAME,
    SALT_BYTES,
    SECRET_BYTES,
    AccessKey,
    NoEntry,
    Role,
    digest_of,
    key_text,
)
from csms.obs.logs import configure
from csms.settings import LogFormat, LogLevel, Settings, read_settings
from csms.store import NotOpened, access_keys
from csms.store.outside import beside_the_owner
from csms.store.store import SITE

DAY_MS = 86_400_000
DAYS_MAX = 3_650


def log_to_standard_error() -> None:
    """Keep standard output for the key, also where its database is made first, which is logged."""
    configure(LogLevel.WARNING, LogFormat.AUTO)


def create(name: str, role: str, days: int | None, database: str | None) -> int:
    """Make a key and show it, once; return the exit status."""
    settings = _settings("create", database)
    if settings is None:
        return ExitStatus.USAGE
    wrong = _wrong(name, role)
    if wrong is not None:
        typer.echo(f"csms keys create: {wrong}", err=True)
        return ExitStatus.USAGE
    now_ms = _now_ms()
    key_id, secret, salt = token_hex(KEY_ID_BYTES), token_hex(SECRET_BYTES), token_hex(SALT_BYTES)
    expires_ms = None if days is None else now_ms + days * DAY_MS
    key = AccessKey(key_id, name, Role(role), salt, digest_of(salt, secret), now_ms, expires_ms)
    added = beside_the_owner(settings.database, lambda connection: access_keys.add(connection, SITE, key), make=True)
    if isinstance(added, NotOpened):
        return _failed("create", added.reason)
    if not added:
        return _failed("create", f"{name}: there is a key of this name; revoke it first, or choose another name")
    until = "it does not expire" if expires_ms is None else f"until {_utc(expires_ms)}"
    typer.echo(f"{name}: {role}, {until}. The key is shown this once, and is kept nowhere:", err=True)
    typer.echo(key_text(key_id, secret))
    if sys.stdout.isatty():
        typer.echo("clients send it as Authorization: Bearer KEY; csms takes it from CSMS_API_KEY, or a file", err=True)
    return ExitStatus.DONE


def list_(database: str | None) -> int:
    """Print every key that there ever was, without its secret; return the exit status."""
    settings = _settings("list", database)
    if settings is None:
        return ExitStatus.USAGE
    keys = beside_the_owner(settings.database, lambda connection: access_keys.load(connection, SITE), make=False)
    if isinstance(keys, NotOpened):
        return _failed("list", keys.reason)
    if not keys:
        typer.echo("there is no key; csms keys create NAME --role viewer|operator|admin makes one")
        return ExitStatus.DONE
    now_ms = _now_ms()
    rows: list[tuple[str, ...]] = [
        (key.name, key.role.value, key.key_id, _utc(key.created_ms), _state(key, now_ms)) for key in keys
    ]
    for line in table(("name", "role", "id", "created", "state"), rows):
        typer.echo(line)
    return ExitStatus.DONE


def revoke(name: str, database: str | None) -> int:
    """Have a key let nobody in any more; return the exit status."""
    settings = _settings("revoke", database)
    if settings is None:
        return ExitStatus.USAGE
    now_ms = _now_ms()
    done = beside_the_owner(
        settings.database, lambda connection: access_keys.revoke(connection, SITE, name, now_ms), make=False
    )
    if isinstance(done, NotOpened):
        return _failed("revoke", done.reason)
    if not done:
        return _failed("revoke", "there is no key of this name that was not revoked; csms keys list shows them")
    typer.echo(f"{name}: revoked; a running server lets nobody in with it from the next second on")
    return ExitStatus.DONE


def _settings(command: str, database: str | None) -> Settings | None:
    settings = read_settings({} if database is None else {"database": database})
    if isinstance(settings, Settings):
        return settings
    for fault in settings:
        typer.echo(f"csms keys {command}: {fault}", err=True)
    return None


def _wrong(name: str, role: str) -> str | None:
    """Return what is wrong with how a key was asked for, or None; a name may be a key by mistake, so it is not told."""
    if not NAME.fullmatch(name):
        return "NAME must be 1 to 64 letters, digits and . - _, the first of them a letter or digit"
    if role not in {each.value for each in Role}:
        return f"--role must be {', '.join(each.value for each in Role)}"
    return None


def _state(key: AccessKey, now_ms: int) -> str:
    match key.why_not(now_ms):
        case NoEntry.REVOKED:
            return f"revoked {_utc(key.revoked_ms or 0)}"
        case NoEntry.EXPIRED:
            return f"expired {_utc(key.expires_ms or 0)}"
    return "in force" if key.expires_ms is None else f"in force until {_utc(key.expires_ms)}"


def _failed(command: str, why: str) -> int:
    typer.echo(f"csms keys {command}: {why}", err=True)
    return ExitStatus.NO


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _utc(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
