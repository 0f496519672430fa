"""A model of the store: applies records, finds transactions, gives the snapshot from which an engine recovers."""

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import replace

from csms.core.events import KnownTransaction, StartKey
from csms.core.grid_terms import CapacityEvent
from csms.core.ids import ChargerId, CommandId, SessionId, Token
from csms.core.learnt import Make
from csms.core.records import (
    GUESSED_ENDS,
    CampaignStored,
    CapacityEventForgotten,
    ChargerForgotten,
    ChargerStored,
    CommandStored,
    CountersStored,
    Driver,
    EventLogged,
    MakeStored,
    Record,
    SampleStored,
    SendForgotten,
    SendStored,
    SessionStored,
    Snapshot,
    StationStored,
    StopCorrected,
)
from csms.core.session import NO_METER_START, STOP_GUESSED
from csms.core.station import Station


class Store:
    """What is durable: rows by their key, copied in and out, so that nobody shares memory with the engine.

    Attributes:
        maxima_w: every maxPower that a charger has ever been configured with.
    """

    def __init__(self, station: Station) -> None:
        self.station = station
        self.maxima_w = {(charger.charger_id, charger.max_power_w) for charger in station.chargers}
        self.chargers: dict[ChargerId, ChargerStored] = {}
        self.makes: dict[Make, MakeStored] = {}
        self.sends: dict[Token, SendStored] = {}
        self.sessions: dict[SessionId, SessionStored] = {}
        self.counters: CountersStored | None = None
        self.commands: dict[CommandId, CommandStored] = {}
        self.events: list[EventLogged] = []
        self.capacity_events: dict[str, CapacityEvent] = {}

    def apply(self, records: Iterable[Record]) -> None:  # noqa: C901, PLR0912 - one line for each kind of row
        """Make the records of one step durable."""
        for record in records:
            match record:
                case StationStored():
                    self.station = record.station
                    self.maxima_w |= {(each.charger_id, each.max_power_w) for each in record.station.chargers}
                case ChargerStored():
                    self.chargers[record.charger_id] = deepcopy(record)
                case ChargerForgotten():
                    self.chargers.pop(record.charger_id, None)
                case SendStored():
                    self.sends[record.token] = record
                case SendForgotten():
                    self.sends.pop(record.token, None)
                case SessionStored():
                    self.sessions[record.session_id] = record
                case CountersStored():
                    self.counters = record
                case MakeStored():
                    self.makes[record.make] = record
                case EventLogged():
                    self.events.append(record)
                case StopCorrected():
                    self._correct(record)
                case CommandStored():
                    self.commands[record.command_id] = record
                case CapacityEvent():
                    self.capacity_events[record.event_id] = record
                case CapacityEventForgotten():
                    self.capacity_events.pop(record.event_id, None)
                case SampleStored() | CampaignStored():
                    pass

    def _correct(self, record: StopCorrected) -> None:
        """Put the true end of a session in the place of a guessed one; without a register the last known one stays."""
        row = self.sessions[record.session_id]
        start_wh = row.meter_start_wh if record.meter_start_wh is None else record.meter_start_wh
        ends_wh = (record.meter_stop_wh, row.meter_stop_wh, row.last_energy_wh, row.meter_start_wh)
        self.sessions[record.session_id] = replace(
            row,
            meter_start_wh=start_wh,
            ended_ms=record.ended_ms,
            meter_stop_wh=next(each_wh for each_wh in ends_wh if each_wh is not None),
            end_reason=record.end_reason,
            flags=record.flags,
        )

    def snapshot(self) -> Snapshot:
        """Return what a start-up reads."""
        rows = {
            "station": self.station,
            "chargers": tuple(deepcopy(row) for row in self.chargers.values()),
            "makes": tuple(self.makes.values()),
            "sends": tuple(self.sends[token] for token in sorted(self.sends)),
            "sessions": tuple(row for row in self.sessions.values() if row.ended_ms is None),
            "commands": tuple(row for row in self.commands.values() if row.ended_ms is None),
            "capacity_events": tuple(self.capacity_events.values()),
        }
        if self.counters is not None:
            rows["counters"] = self.counters
        return Snapshot(**rows)  # type: ignore[arg-type]

    def find_start(self, key: StartKey) -> KnownTransaction | None:
        """Return the transaction that this very start once opened."""
        for row in self.sessions.values():
            same_place = row.charger_id == key.charger_id and row.idx == key.idx
            if (
                same_place
                and row.driver is Driver.OCPP
                and row.id_tag.upper() == key.id_tag.upper()
                and row.started_ms == key.started_ms
                and key.meter_start_wh == (None if NO_METER_START in row.flags else row.meter_start_wh)
            ):
                return _known(row)
        return None

    def find_transaction(self, transaction_id: int) -> KnownTransaction | None:
        """Return a transaction by its id."""
        for row in self.sessions.values():
            if row.transaction_id == transaction_id:
                return _known(row)
        return None


def _known(row: SessionStored) -> KnownTransaction | None:
    if row.transaction_id is None:
        return None
    return KnownTransaction(
        row.transaction_id,
        row.session_id,
        row.charger_id,
        row.idx,
        row.tag_status,
        ended=row.ended_ms is not None,
        end_guessed=row.ended_ms is not None and (row.end_reason in GUESSED_ENDS or STOP_GUESSED in row.flags),
        started_ms=row.started_ms,
        meter_start_wh=row.meter_start_wh,
        flags=row.flags,
    )
