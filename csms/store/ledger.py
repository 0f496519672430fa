"""Operators' commands to look at: one, or the newest first, a page at a time; each question is a short transaction."""

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from csms.core.ids import ChargerId, CommandId
from csms.core.records import CommandOutcome, CommandState, CommandStored, Expected
from csms.ports import CommandPosition
from csms.store.codec import read_row
from csms.store.schema import command
from csms.store.values import integer, text


def read_command(connection: Connection, station_id: str, command_id: CommandId) -> CommandStored | None:
    """Return a command, or None when there never was one of that id; raise CorruptRowError."""
    wanted = and_(command.c.station_id == station_id, command.c.command_id == text(command_id))
    row = connection.execute(select(command).where(wanted)).mappings().first()
    return None if row is None else read_row(CommandStored, command.name, command_id, row)


def read_commands(
    connection: Connection,
    station_id: str,
    charger_id: ChargerId | None,
    state: CommandState | None,
    before: CommandPosition | None,
    commands_max: int,
) -> tuple[CommandStored, ...]:
    """Return commands, newest first, from the one before a position on; raise CorruptRowError."""
    asked_ms, key = command.c.asked_ms, command.c.command_id
    wanted: list[ColumnElement[bool]] = [command.c.station_id == station_id]
    if charger_id is not None:
        wanted.append(command.c.charger_id == text(charger_id))
    if state is not None:
        wanted.append(command.c.state == state.value)
    if before is not None:
        at_ms = integer(before.asked_ms)
        wanted.append(or_(asked_ms < at_ms, and_(asked_ms == at_ms, key < text(before.command_id))))
    rows = select(command).where(*wanted).order_by(asked_ms.desc(), key.desc()).limit(commands_max)
    found = connection.execute(rows).mappings()
    return tuple(read_row(CommandStored, command.name, row["command_id"], row) for row in found)


def read_reservations(
    connection: Connection, station_id: str, charger_id: ChargerId | None
) -> tuple[CommandStored, ...]:
    """Return the commands whose reservations chargers keep, oldest first; raise CorruptRowError."""
    wanted: list[ColumnElement[bool]] = [
        command.c.station_id == station_id,
        command.c.ended_ms.is_(None),
        command.c.expects == Expected.RESERVATION_USED.value,
        command.c.outcome == CommandOutcome.AWAITED.value,
    ]
    if charger_id is not None:
        wanted.append(command.c.charger_id == text(charger_id))
    found = connection.execute(select(command).where(*wanted).order_by(command.c.asked_ms, command.c.command_id))
    return tuple(read_row(CommandStored, command.name, row["command_id"], row) for row in found.mappings())
