"""What would be durable: the records of the steps so far, as the snapshot from which an engine is rebuilt."""

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import replace

from csms.core.events import KnownTransaction, StartKey
from csms.core.grid_terms import CapacityEvent
from csms.core.ids import CampaignId, ChargerId, CommandId, SessionId, Token, TransactionId
from csms.core.learnt import Make
from csms.core.records import (
    GUESSED_ENDS,
    CampaignStored,
    CapacityEventForgotten,
    ChargerForgotten,
    ChargerStored,
    CommandStored,
    CountersStored,
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
from csms.core.session import NO_METER_START
from csms.core.station import Station
from csms.core.tariff import NO_PEAK, Peak


class Memory:
    """Rows by their key; copied in and out, so that nobody shares memory with the engine."""

    def __init__(self, station: Station | None = None) -> None:
        self.station = station
        self.chargers: dict[ChargerId, ChargerStored] = {}
        self.makes: dict[Make, MakeStored] = {}
        self.sends: dict[Token, SendStored] = {}
        self.sessions: dict[SessionId, SessionStored] = {}
        self.counters = CountersStored(TransactionId(1), Token(1), 0)
        self.commands: dict[CommandId, CommandStored] = {}
        self.campaigns: dict[CampaignId, CampaignStored] = {}
        self.capacity_events: dict[str, CapacityEvent] = {}
        self.peak = NO_PEAK
        self.samples: list[SampleStored] = []
        self.events: list[EventLogged] = []

    def apply(self, records: Iterable[Record]) -> None:  # noqa: C901, PLR0912 - one table of all records
        for record in deepcopy(list(records)):
            match record:
                case StationStored():
                    self.station = record.station
                case ChargerStored():
                    self.chargers[record.charger_id] = record
                case ChargerForgotten():
                    self.chargers.pop(record.charger_id, None)
                case MakeStored():
                    self.makes[record.make] = record
                case SendStored():
                    self.sends[record.token] = record
                case SendForgotten():
                    self.sends.pop(record.token, None)
                case SessionStored():
                    self.sessions[record.session_id] = record
                case CommandStored():
                    self.commands[record.command_id] = record
                case CampaignStored():
                    self.campaigns[record.campaign_id] = record
                case CapacityEvent():
                    self.capacity_events[record.event_id] = record
                case CapacityEventForgotten():
                    self.capacity_events.pop(record.event_id, None)
                case Peak():
                    self.peak = record
                case CountersStored():
                    self.counters = record
                case StopCorrected():
                    row = self.sessions[record.session_id]
                    last_wh = row.meter_start_wh if _last_wh(row) is None else _last_wh(row)
                    self.sessions[record.session_id] = replace(
                        row,
                        ended_ms=record.ended_ms,
                        meter_stop_wh=last_wh if record.meter_stop_wh is None else record.meter_stop_wh,
                        end_reason=record.end_reason,
                        flags=record.flags,
                        meter_start_wh=row.meter_start_wh if record.meter_start_wh is None else record.meter_start_wh,
                    )
                case SampleStored():
                    self.samples.append(record)
                case EventLogged():
                    self.events.append(record)

    def snapshot(self) -> Snapshot:
        return deepcopy(
            Snapshot(
                self.station,
                tuple(self.chargers.values()),
                tuple(self.sends.values()),
                tuple(row for row in self.sessions.values() if row.ended_ms is None),
                self.counters,
                tuple(self.makes.values()),
                tuple(row for row in self.commands.values() if row.ended_ms is None),
                tuple(row for row in self.campaigns.values() if row.ended_ms is None),
                tuple(self.capacity_events.values()),
                self.peak,
            )
        )

    def find_start(self, key: StartKey) -> KnownTransaction | None:
        for row in self.sessions.values():
            told_wh = None if NO_METER_START in row.flags else row.meter_start_wh
            at = StartKey(row.charger_id, row.idx, row.id_tag_raw, row.started_ms, told_wh, row.start_words)
            told = key.words is None or row.ended_ms is None or 0 < (told_wh or 0) < (_last_wh(row) or 0)
            if row.transaction_id is not None and at.identity == key.identity and told:
                return _known(row, row.transaction_id)
        return None

    def find_transaction(self, transaction_id: int) -> KnownTransaction | None:
        for row in self.sessions.values():
            if row.transaction_id is not None and row.transaction_id == transaction_id:
                return _known(row, row.transaction_id)
        return None


def _last_wh(row: SessionStored) -> int | None:
    return row.last_energy_wh if row.meter_stop_wh is None else row.meter_stop_wh


def _known(row: SessionStored, transaction_id: TransactionId) -> KnownTransaction:
    ended = row.ended_ms is not None
    return KnownTransaction(
        transaction_id,
        row.session_id,
        row.charger_id,
        row.idx,
        row.tag_status,
        ended,
        ended and (row.end_reason in GUESSED_ENDS or "stop_guessed" in row.flags),
        row.started_ms,
        row.meter_start_wh,
        row.flags,
    )
