"""Records to rows and back.

Columns are named as the fields of the records, so a row is decoded by one strict conversion to the record's class, its
documents first. Strict means: a wrong type, a missing column, an unknown enumerator or a document's key that the class
does not know is a `CorruptRowError` with the table and the row's key. A key of a document that is *missing* takes the
default of its field, so a field with a default can be added without rewriting what is stored; to rename one is a
migration. The station is stored as the core has it (watts, `csms.core.station`), not as REST shows it: the two change
for different reasons.

Rows are tuples in the order of the table's columns, without generated keys: they go to the driver as they are.
"""

from collections.abc import Mapping
from dataclasses import fields
from hashlib import blake2b
from typing import Any, TypeVar

import msgspec

from csms.core.access import AccessKey
from csms.core.audit import AuditEntry
from csms.core.charger_access import ChargerAccess
from csms.core.events import KnownTransaction
from csms.core.grid_terms import CapacityEvent
from csms.core.id_tags import IdTag
from csms.core.local_list import LocalListStored
from csms.core.records import (
    CampaignStored,
    ChargerStored,
    CommandStored,
    CountersStored,
    EventLogged,
    MakeStored,
    SampleStored,
    SendStored,
    SessionStored,
    StationStored,
    StopCorrected,
)
from csms.core.station import Station
from csms.core.tariff import Peak
from csms.ports import StoreError
from csms.store.values import document, integer, optional_integer, optional_text, text

Row = tuple[str | int | bool | None, ...]

StateRecord = TypeVar(
    "StateRecord",
    ChargerStored,
    MakeStored,
    SendStored,
    SessionStored,
    CountersStored,
    CommandStored,
    CampaignStored,
    CapacityEvent,
    Peak,
    KnownTransaction,
    IdTag,
    AuditEntry,
    LocalListStored,
    AccessKey,
    ChargerAccess,
)

DOCUMENTS: dict[type[object], frozenset[str]] = {
    ChargerStored: frozenset(
        {
            "boot",
            "provisioned",
            "configuration",
            "statuses",
            "draining",
            "evidence",
            "certificate_request",
            "maintenance",
            "release",
        }
    ),
    MakeStored: frozenset({"make", "learnt"}),
    SendStored: frozenset({"form"}),
    SessionStored: frozenset({"flags"}),
    CampaignStored: frozenset({"places"}),
    KnownTransaction: frozenset({"flags"}),
    AuditEntry: frozenset({"query", "changes", "made"}),
    LocalListStored: frozenset({"wanted", "held", "sent"}),
    ChargerAccess: frozenset({"key", "next_key"}),
}
"""The columns of each record's table that are JSON text."""


class CorruptRowError(StoreError):
    """A row cannot be read back as what was written."""

    def __init__(self, table: str, key: object, reason: str) -> None:
        super().__init__(f"the store is damaged: table {table}, row {key}: {reason}")
        self.table = table
        self.key = key


def station_row(station_id: str, record: StationStored) -> Row:
    """Return the row of table `station`."""
    return (station_id, document(record.station))


def charger_row(station_id: str, record: ChargerStored) -> Row:
    """Return the row of table `charger`."""
    return (
        station_id,
        text(record.charger_id),
        integer(record.max_booked_w),
        integer(record.uncontrolled_booked_w),
        record.ever_connected,
        None if record.boot is None else document(record.boot),
        document(record.provisioned),
        document(record.configuration),
        document(record.statuses),
        None if record.draining is None else document(record.draining),
        document(record.evidence),
        None if record.certificate_request is None else document(record.certificate_request),
        document(record.maintenance),
        None if record.release is None else document(record.release),
        record.cleared_foreign,
    )


def make_row(station_id: str, record: MakeStored) -> Row:
    """Return the row of table `make`."""
    return (station_id, document(record.make), document(record.learnt))


def send_row(station_id: str, record: SendStored) -> Row:
    """Return the row of table `send`."""
    return (
        station_id,
        integer(record.token),
        text(record.charger_id),
        integer(record.idx),
        record.purpose.value,
        integer(record.limit_w),
        document(record.form),
        optional_integer(record.transaction_id),
        record.state.value,
        integer(record.sent_wall_ms),
    )


def session_row(station_id: str, record: SessionStored) -> Row:
    """Return the row of table `session`."""
    return (
        station_id,
        text(record.session_id),
        record.driver.value,
        text(record.charger_id),
        integer(record.idx),
        optional_integer(record.transaction_id),
        text(record.id_tag),
        record.tag_status.value,
        integer(record.rank),
        integer(record.created_ms),
        integer(record.started_ms),
        integer(record.meter_start_wh),
        integer(record.declared_w),
        integer(record.estimate_w),
        integer(record.answered_w),
        integer(record.obeyed_w),
        text(record.id_tag_raw),
        optional_integer(record.reservation_id),
        optional_integer(record.last_energy_wh),
        optional_integer(record.ended_ms),
        optional_integer(record.meter_stop_wh),
        optional_text(record.end_reason),
        document(record.flags),
        optional_text(record.start_words),
        optional_integer(record.before_last_wh),
        optional_integer(record.weight),
        optional_integer(record.priority),
        optional_integer(record.tag_weight),
        optional_integer(record.tag_priority),
    )


def correction_row(record: StopCorrected) -> Row:
    """Return the true end of a session: meter_start_wh, ended_ms, meter_stop_wh, end_reason, flags and its id."""
    return (
        optional_integer(record.meter_start_wh),
        integer(record.ended_ms),
        optional_integer(record.meter_stop_wh),
        text(record.end_reason),
        document(record.flags),
        text(record.session_id),
    )


def sample_row(station_id: str, record: SampleStored) -> Row:
    """Return the row of table `meter_sample`."""
    charger_id, idx, raw_json = text(record.charger_id), integer(record.idx), text(record.raw_json)
    return (
        station_id,
        integer(record.at_ms),
        charger_id,
        idx,
        _digest(station_id, charger_id, idx, raw_json),
        optional_text(record.session_id),
        optional_integer(record.transaction_id),
        integer(record.received_ms),
        optional_integer(record.power_w),
        optional_integer(record.energy_wh),
        raw_json,
        None if record.doubt is None else record.doubt.value,
    )


def _digest(station_id: str, charger_id: str, idx: int, raw_json: str) -> int:
    """Return 64 bits that stand for where a sample was measured and what it says; no text here has a NUL in it."""
    said = f"{station_id}\0{charger_id}\0{idx}\0{raw_json}"
    return int.from_bytes(blake2b(said.encode(), digest_size=8).digest(), "big", signed=True)


def counters_row(station_id: str, record: CountersStored) -> Row:
    """Return the row of table `counter`."""
    return (station_id, integer(record.next_transaction_id), integer(record.next_token), integer(record.next_rank))


def command_row(station_id: str, record: CommandStored) -> Row:
    """Return the row of table `command`."""
    return (
        station_id,
        text(record.command_id),
        text(record.charger_id),
        record.action,
        text(record.body_json),
        text(record.asked_by),
        integer(record.asked_ms),
        optional_integer(record.queue_until_ms),
        record.forced,
        record.state.value,
        optional_text(record.answer),
        optional_text(record.answer_json),
        optional_text(record.reason),
        optional_integer(record.sent_ms),
        optional_integer(record.answered_ms),
        None if record.expects is None else record.expects.value,
        None if record.outcome is None else record.outcome.value,
        optional_integer(record.outcome_due_ms),
        optional_integer(record.ended_ms),
    )


def campaign_row(station_id: str, record: CampaignStored) -> Row:
    """Return the row of table `campaign`."""
    return (
        station_id,
        text(record.campaign_id),
        text(record.name),
        text(record.asked_by),
        integer(record.asked_ms),
        integer(record.at_a_time),
        text(record.body_json),
        optional_integer(record.retrieve_ms),
        document(record.places),
        record.state.value,
        optional_text(record.halted_by),
        optional_text(record.halted_why),
        optional_integer(record.ended_ms),
    )


def capacity_event_row(station_id: str, event: CapacityEvent) -> Row:
    """Return the row of table `capacity_event`."""
    return (
        station_id,
        text(event.event_id),
        integer(event.from_ms),
        optional_integer(event.to_ms),
        integer(event.capacity_w),
        text(event.source),
        optional_integer(event.heartbeat_s),
        text(event.set_by),
        integer(event.set_ms),
    )


def peak_row(station_id: str, peak: Peak) -> Row:
    """Return the row of table `tariff_peak`."""
    return (station_id, text(peak.month), integer(peak.power_w))


def event_row(station_id: str, record: EventLogged) -> Row:
    """Return the row of table `event_log`."""
    return (
        station_id,
        integer(record.at_ms),
        text(record.kind),
        optional_text(record.charger_id),
        optional_integer(record.idx),
        document(record.detail),
    )


def audit_row(station_id: str, entry: AuditEntry) -> Row:
    """Return the row of table `audit`."""
    return (
        station_id,
        integer(entry.audit_id),
        integer(entry.asked_ms),
        text(entry.address),
        text(entry.operation),
        text(entry.resource),
        optional_text(entry.charger_id),
        optional_integer(entry.idx),
        None if entry.query is None else document(entry.query),
        optional_text(entry.body_json),
        document(entry.changes),
        None if entry.made is None else document(entry.made),
        entry.outcome.value,
        optional_integer(entry.status),
        optional_text(entry.reason),
        optional_integer(entry.answered_ms),
        optional_text(entry.key_name),
    )


def access_key_row(station_id: str, key: AccessKey) -> Row:
    """Return the row of table `access_key`."""
    return (
        station_id,
        key.key_id,
        key.name,
        key.role.value,
        key.salt,
        key.digest,
        integer(key.created_ms),
        optional_integer(key.expires_ms),
        optional_integer(key.revoked_ms),
    )


def id_tag_row(station_id: str, tag: IdTag) -> Row:
    """Return the row of table `id_tag`."""
    return (
        station_id,
        text(tag.id_tag),
        text(tag.id_tag_raw),
        optional_text(tag.parent),
        optional_integer(tag.expires_ms),
        tag.blocked,
        tag.concurrent,
        text(tag.note),
        integer(tag.version),
        optional_integer(tag.weight),
        optional_integer(tag.priority),
    )


def local_list_row(station_id: str, stored: LocalListStored) -> Row:
    """Return the row of table `local_list`."""
    return (
        station_id,
        text(stored.charger_id),
        stored.state.value,
        document(stored.wanted),
        text(stored.asked_by),
        integer(stored.asked_ms),
        integer(stored.until_ms),
        integer(stored.changed_ms),
        stored.is_on,
        text(stored.boot),
        None if stored.held is None else document(stored.held),
        None if stored.sent is None else document(stored.sent),
        integer(stored.version_last),
        stored.is_asked,
        stored.are_limits_read,
        stored.is_confirmed,
        integer(stored.fulls),
        integer(stored.silences),
        optional_integer(stored.chunk_max),
        optional_integer(stored.entries_max),
        stored.enabled,
        optional_text(stored.reason),
    )


def charger_access_row(station_id: str, kept: ChargerAccess) -> Row:
    """Return the row of table `charger_access`."""
    return (
        station_id,
        text(kept.charger_id),
        None if kept.key is None else document(kept.key),
        None if kept.next_key is None else document(kept.next_key),
        kept.profile.value,
        text(kept.address),
    )


def read_station(key: object, configuration: str) -> Station:
    """Return the configuration; raise CorruptRowError."""
    try:
        found = msgspec.json.decode(configuration)
        station = msgspec.convert(found, Station)
    except msgspec.DecodeError as fault:
        raise CorruptRowError("station", key, f"configuration: {fault}") from fault
    _refuse_unknown("station", key, "configuration", found, station)
    return station


def read_row(record: type[StateRecord], table: str, key: object, row: Mapping[Any, Any]) -> StateRecord:
    """Return the record of a row, columns by name (those that are no field of it are not looked at).

    Raises:
        CorruptRowError: a column is missing or of another type, or a document is not what the record holds.
    """
    documents = DOCUMENTS.get(record, frozenset())
    found = {field.name: row[field.name] for field in fields(record) if field.name in row}
    column = ""
    try:
        for column in documents & found.keys():
            if found[column] is not None:
                found[column] = msgspec.json.decode(found[column])
        column = ""
        stored = msgspec.convert(found, record, str_keys=True)
    except (msgspec.DecodeError, TypeError) as fault:
        raise CorruptRowError(table, key, f"{column}: {fault}" if column else str(fault)) from fault
    for column in documents:
        _refuse_unknown(table, key, column, found[column], getattr(stored, column))
    return stored


def _refuse_unknown(table: str, key: object, column: str, found: Any, understood: object) -> None:
    unknown = _unknown_key(found, msgspec.to_builtins(understood, str_keys=True))
    if unknown:
        raise CorruptRowError(table, key, f"{column}: unknown key {unknown!r}")


def _unknown_key(found: Any, understood: Any) -> str:
    """Return a key of `found`, at any depth, that `understood` does not have, or ""."""
    if isinstance(found, dict):
        for key, value in found.items():
            if key not in understood:
                return str(key)
            if unknown := _unknown_key(value, understood[key]):
                return unknown
    elif isinstance(found, list):
        for value, counterpart in zip(found, understood, strict=True):
            if unknown := _unknown_key(value, counterpart):
                return unknown
    return ""
