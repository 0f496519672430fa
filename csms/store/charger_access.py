"""How chargers prove who they are: read whole at start, written one at a time in transactions of their own."""

from sqlalchemy import Connection, select

from csms.core.charger_access import ChargerAccess
from csms.core.ids import ChargerId
from csms.store import codec, statements
from csms.store.schema import charger_access
from csms.store.values import text


def load(connection: Connection, station_id: str) -> tuple[ChargerAccess, ...]:
    """Return what is kept of every charger; raise CorruptRowError."""
    rows = connection.execute(select(charger_access).where(charger_access.c.station_id == station_id)).mappings()
    return tuple(codec.read_row(ChargerAccess, charger_access.name, row["charger_id"], row) for row in rows)


def write(connection: Connection, station_id: str, kept: ChargerAccess) -> None:
    """Write what is kept of a charger, or put it in the place of what was."""
    statements.write(connection, charger_access, [codec.charger_access_row(station_id, kept)])


def forget(connection: Connection, station_id: str, charger_id: ChargerId) -> None:
    """Keep nothing of a charger any more."""
    statements.remove(connection, charger_access, station_id, [text(charger_id)])
