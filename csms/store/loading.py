"""The way back: what the store holds at start-up.

One row that cannot be read refuses the whole: a ledger with a hole would book less than is in force.
"""

from dataclasses import replace
from typing import TypeVar

from sqlalchemy import Connection, Select, Table, select

from csms.core.grid_terms import CapacityEvent
from csms.core.records import (
    CampaignStored,
    ChargerStored,
    CommandStored,
    CountersStored,
    MakeStored,
    SendStored,
    SessionStored,
    Snapshot,
)
from csms.core.station import Station
from csms.core.tariff import NO_PEAK, Peak
from csms.store import schema
from csms.store.codec import read_row, read_station

KeyedRecord = TypeVar(
    "KeyedRecord",
    ChargerStored,
    MakeStored,
    SendStored,
    SessionStored,
    CountersStored,
    CommandStored,
    CampaignStored,
    CapacityEvent,
    Peak,
)


def load(connection: Connection, station_id: str) -> Snapshot:
    """Return what is durable: configuration, chargers, makes, sends in force, what has not ended or stands, counters.

    Raises:
        CorruptRowError: a row cannot be read.
    """
    counters = _records(connection, CountersStored, schema.counter, "station_id", _of(schema.counter, station_id))
    running = _of(schema.session, station_id).where(schema.session.c.ended_ms.is_(None)).order_by(schema.session.c.rank)
    chargers = _of(schema.charger, station_id).order_by(schema.charger.c.charger_id)
    makes = _of(schema.make, station_id).order_by(schema.make.c.make)
    sends = _of(schema.send, station_id).order_by(schema.send.c.token)
    open_commands = _of(schema.command, station_id).where(schema.command.c.ended_ms.is_(None))
    commands = open_commands.order_by(schema.command.c.asked_ms, schema.command.c.command_id)
    open_campaigns = _of(schema.campaign, station_id).where(schema.campaign.c.ended_ms.is_(None))
    campaigns = open_campaigns.order_by(schema.campaign.c.asked_ms, schema.campaign.c.campaign_id)
    told = _of(schema.capacity_event, station_id).order_by(schema.capacity_event.c.event_id)
    newest = _of(schema.tariff_peak, station_id).order_by(schema.tariff_peak.c.month.desc()).limit(1)
    peaks = _records(connection, Peak, schema.tariff_peak, "month", newest)
    snapshot = Snapshot(
        station=_station(connection, station_id),
        chargers=_records(connection, ChargerStored, schema.charger, "charger_id", chargers),
        makes=_records(connection, MakeStored, schema.make, "make", makes),
        sends=_records(connection, SendStored, schema.send, "token", sends),
        sessions=_records(connection, SessionStored, schema.session, "session_id", running),
        commands=_records(connection, CommandStored, schema.command, "command_id", commands),
        campaigns=_records(connection, CampaignStored, schema.campaign, "campaign_id", campaigns),
        capacity_events=_records(connection, CapacityEvent, schema.capacity_event, "event_id", told),
        peak=peaks[0] if peaks else NO_PEAK,
    )
    return replace(snapshot, counters=counters[0]) if counters else snapshot


def _of(table: Table, station_id: str) -> Select[tuple[object, ...]]:
    return select(table).where(table.c.station_id == station_id)


def _records(
    connection: Connection, record: type[KeyedRecord], table: Table, key: str, rows: Select[tuple[object, ...]]
) -> tuple[KeyedRecord, ...]:
    return tuple(read_row(record, table.name, row[key], row) for row in connection.execute(rows).mappings())


def _station(connection: Connection, station_id: str) -> Station | None:
    configuration = connection.scalar(
        select(schema.station.c.configuration).where(schema.station.c.station_id == station_id)
    )
    return None if configuration is None else read_station(station_id, configuration)
