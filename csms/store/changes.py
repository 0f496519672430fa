"""Records on their way to the disk: the last row of each key, and the rows of the histories.

Inside one transaction only the last state of a row counts, and nothing depends on the order of different rows. So
upserts and removals are kept by key, the later replacing the earlier, and a thousand records of one busy session cost
one row. Records become rows here, in the caller's task: one that cannot be encoded is a programming error of its caller
and never reaches the transaction it would have shared.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import assert_never

from sqlalchemy import Connection, Table

from csms.core.audit import AuditEntry
from csms.core.grid_terms import CapacityEvent
from csms.core.records import (
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
    StationStored,
    StopCorrected,
)
from csms.core.tariff import Peak
from csms.store import codec, schema, statements
from csms.store.codec import Row
from csms.store.values import integer, text

Key = str | int


class Changes:
    """Rows of one station to write and to remove.

    Attributes:
        states: by table and key, the row as it shall be; None removes it.
        histories: by table, the rows to add.
        corrections: by session, the true end of one that is written already or in `states`; a later state has its own.
    """

    def __init__(self, station_id: str, records: Iterable[Record] = ()) -> None:
        self._station_id = station_id
        self.states: defaultdict[Table, dict[Key, Row | None]] = defaultdict(dict)
        self.histories: defaultdict[Table, list[Row]] = defaultdict(list)
        self.corrections: dict[Key, Row] = {}
        for record in records:
            self._add(record)

    @property
    def rows(self) -> int:
        """Return how many rows will be written or removed."""
        return sum(map(len, self.states.values())) + sum(map(len, self.histories.values())) + len(self.corrections)

    def merge(self, later: "Changes") -> None:
        """Take over what came after."""
        for table, states in later.states.items():
            self.states[table].update(states)
        for table, rows in later.histories.items():
            self.histories[table].extend(rows)
        for key in later.states[schema.session] if self.corrections else ():
            self.corrections.pop(key, None)
        self.corrections.update(later.corrections)

    def audit(self, entry: AuditEntry) -> None:
        """Add an act over REST, which is no record of the core's."""
        self._keep(schema.audit, codec.audit_row(self._station_id, entry))

    def apply(self, connection: Connection) -> None:
        """Write everything, in the connection's transaction."""
        for table, states in self.states.items():
            gone = [key for key, row in states.items() if row is None]
            statements.remove(connection, table, self._station_id, gone)
            statements.write(connection, table, [row for row in states.values() if row is not None])
        for table, rows in self.histories.items():
            statements.write(connection, table, rows)
        statements.correct_ends(connection, self._station_id, list(self.corrections.values()))

    def _add(self, record: Record) -> None:  # noqa: C901, PLR0912 - one table of all records
        site = self._station_id
        match record:
            case SampleStored():
                self.histories[schema.meter_sample].append(codec.sample_row(site, record))
            case SessionStored():
                self._keep(schema.session, codec.session_row(site, record))
                self.corrections.pop(text(record.session_id), None)
            case StopCorrected():
                self.corrections[text(record.session_id)] = codec.correction_row(record)
            case SendStored():
                self._keep(schema.send, codec.send_row(site, record))
            case SendForgotten():
                self.states[schema.send][integer(record.token)] = None
            case EventLogged():
                self.histories[schema.event_log].append(codec.event_row(site, record))
            case CountersStored():
                self.states[schema.counter][site] = codec.counters_row(site, record)
            case ChargerStored():
                self._keep(schema.charger, codec.charger_row(site, record))
            case MakeStored():
                self._keep(schema.make, codec.make_row(site, record))
            case ChargerForgotten():
                self.states[schema.charger][text(record.charger_id)] = None
            case CommandStored():
                self._keep(schema.command, codec.command_row(site, record))
            case CampaignStored():
                self._keep(schema.campaign, codec.campaign_row(site, record))
            case CapacityEvent():
                self._keep(schema.capacity_event, codec.capacity_event_row(site, record))
            case CapacityEventForgotten():
                self.states[schema.capacity_event][text(record.event_id)] = None
            case Peak():
                self._keep(schema.tariff_peak, codec.peak_row(site, record))
            case StationStored():
                self.states[schema.station][site] = codec.station_row(site, record)
            case _:
                assert_never(record)

    def _keep(self, table: Table, row: Row) -> None:
        key = row[1]
        assert isinstance(key, str | int), "the second column is the record's key"
        self.states[table][key] = row
