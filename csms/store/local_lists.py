"""Local authorization lists of chargers: read one at a time, and those that were being sent at start.

A list is written in a transaction of its own, with rows made beside the loop, as the listed tags are.
"""

from sqlalchemy import ColumnElement, Connection, and_, select

from csms.core.ids import ChargerId
from csms.core.local_list import WAS_RESTORED, ListState, LocalListStored
from csms.store import codec, statements
from csms.store.schema import local_list
from csms.store.values import text


def read(connection: Connection, station_id: str, charger_id: ChargerId) -> LocalListStored | None:
    """Return the list of a charger, or None when none was ever asked for; raise CorruptRowError."""
    wanted = and_(local_list.c.station_id == station_id, local_list.c.charger_id == text(charger_id))
    row = connection.execute(select(local_list).where(wanted)).mappings().first()
    return None if row is None else codec.read_row(LocalListStored, local_list.name, charger_id, row)


def under_way(connection: Connection, station_id: str) -> tuple[ChargerId, ...]:
    """Return the chargers whose lists are being sent."""
    return _chargers(connection, station_id, local_list.c.state == ListState.SENDING.value)


def kept(connection: Connection, station_id: str) -> tuple[ChargerId, ...]:
    """Return the chargers whose lists were asked for, not taken away, and not said to be impossible."""
    is_possible = local_list.c.state != ListState.NOT_SUPPORTED.value
    return _chargers(connection, station_id, and_(local_list.c.is_on, is_possible))


def _chargers(connection: Connection, station_id: str, wanted: ColumnElement[bool]) -> tuple[ChargerId, ...]:
    rows = select(local_list.c.charger_id).where(local_list.c.station_id == station_id, wanted)
    return tuple(ChargerId(name) for name in connection.scalars(rows.order_by(local_list.c.charger_id)))


def write(connection: Connection, station_id: str, stored: LocalListStored) -> None:
    """Write a list, or put it in the place of what was."""
    statements.write(connection, local_list, [codec.local_list_row(station_id, stored)])


def forget_held(connection: Connection, station_id: str) -> None:
    """Take note that nobody knows what chargers hold: the records are of a backup."""
    lost = local_list.update().values(state=ListState.FAILED.value, held=None, sent=None, reason=WAS_RESTORED)
    had_one = local_list.c.state != ListState.NOT_SUPPORTED.value
    connection.execute(lost.where(local_list.c.station_id == station_id, had_one))
