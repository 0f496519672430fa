"""The keys of the REST API: read whole by who serves it, added and revoked by any process (`csms.store.outside`)."""

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from csms.core.access import AccessKey
from csms.core.records import EventLogged
from csms.store import codec, statements
from csms.store.schema import access_key, event_log


def load(connection: Connection, station_id: str) -> tuple[AccessKey, ...]:
    """Return every key, the oldest first; raise CorruptRowError."""
    rows = connection.execute(
        select(access_key)
        .where(access_key.c.station_id == station_id)
        .order_by(access_key.c.created_ms, access_key.c.key_id)
    ).mappings()
    return tuple(codec.read_row(AccessKey, access_key.name, row["key_id"], row) for row in rows)


def add(connection: Connection, station_id: str, key: AccessKey) -> bool:
    """Add a key, and log that; return whether it could be: no key of its name is in force."""
    columns = [column.name for column in access_key.columns]
    row = dict(zip(columns, codec.access_key_row(station_id, key), strict=True))
    try:
        with connection.begin_nested():
            connection.execute(insert(access_key).values(row))
    except IntegrityError:
        return False
    _log(connection, station_id, key.created_ms, "access_key.created", {"name": key.name, "role": key.role.value})
    return True


def revoke(connection: Connection, station_id: str, name: str, now_ms: int) -> bool:
    """Revoke the key of a name, and log that; return whether there was one in force."""
    is_meant = (access_key.c.station_id == station_id, access_key.c.name == name, access_key.c.revoked_ms.is_(None))
    found = connection.execute(update(access_key).where(*is_meant).values(revoked_ms=now_ms)).rowcount
    if found:
        _log(connection, station_id, now_ms, "access_key.revoked", {"name": name})
    return bool(found)


def _log(connection: Connection, station_id: str, at_ms: int, kind: str, detail: dict[str, str]) -> None:
    line = EventLogged(at_ms, kind, None, None, dict(detail))
    statements.write(connection, event_log, [codec.event_row(station_id, line)])
