"""The tables: the records of `csms.core.records`, column for field, and nothing that only one database understands.

**Station.** Every table carries `station_id`, so several stations can share one database later. It is the *store's* key
of the site, chosen when the store is created ("main"), not the operator's `stationId`: that one is a name, it may be
corrected at any time, and the ledger, the open sessions and the counters must still be found on the next start. A
ledger that a renaming has hidden would book less than is in force.

**Times** are integers, milliseconds since the epoch in UTC, as in the core. A column of datetimes comes back naive from
SQLite and aware from PostgreSQL, needs a conversion per row and can be wrong about its zone; an integer is the same in
both, and is what the core wants.

**Integers** are 64 bits wide. What chargers send may be wider; `csms.store.codec` says what becomes of it.

**Documents** (configuration, boot, form of a limit, …) are JSON text: the store never asks for what is inside.

**Uniqueness.** One row per key of each record; one session per transaction id, for ever. The key of a start
(LEDGER.md I6) is indexed but not unique: that it has one transaction is the core's rule to keep, and a constraint here
would turn a mistake in it into a station that cannot commit anything any more. Samples are unique by what identifies
them (I7): connector, time and content; a replayed sample is stored once. The index of that is what a commit of many
samples costs most, so its key is short: the time, because samples arrive nearly in its order and a batch then touches
pages at its end, and 64 bits of BLAKE2b over station, connector and content. Two samples that are not the same could be
taken for it only with the very same time stamp: where 5,000 connectors are sampled in the same moment each second, once
in 45,000 years, and then one line of the history is missing and nothing else.

The samples of one session are read by it, too, in bounded steps (`csms.store.reading`): an index by session would make
each running one a page of every batch. Only those have one that are not stamped about when they came, or
came after the end of their transaction. Reads by connector come with the queries that need them.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.schema import SchemaItem

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

RowKey = BigInteger().with_variant(Integer(), "sqlite")
"""Type of generated keys: only an INTEGER key is SQLite's own row id."""


def _table(name: str, *items: SchemaItem) -> Table:
    return Table(name, metadata, *items)


def _station_id(*, primary_key: bool = True) -> Column[str]:
    return Column("station_id", Text, ForeignKey("station.station_id"), primary_key=primary_key, nullable=False)


station = _table(
    "station",
    Column("station_id", Text, primary_key=True),
    Column("configuration", Text, nullable=True),
)
"""The site; `configuration` is null until one was stored."""

charger = _table(
    "charger",
    _station_id(),
    Column("charger_id", Text, primary_key=True),
    Column("max_booked_w", BigInteger, nullable=False),
    Column("uncontrolled_booked_w", BigInteger, nullable=False),
    Column("ever_connected", Boolean, nullable=False),
    Column("boot", Text, nullable=True),
    Column("provisioned", Text, nullable=False),
    Column("configuration", Text, nullable=False),
    Column("statuses", Text, nullable=False),
    Column("draining", Text, nullable=True),
    Column("evidence", Text, nullable=False),
    Column("certificate_request", Text, nullable=True),
    Column("maintenance", Text, nullable=False),
    Column("release", Text, nullable=True),
    Column("cleared_foreign", Boolean, nullable=False),
)

make = _table(
    "make",
    _station_id(),
    Column("make", Text, primary_key=True),
    Column("learnt", Text, nullable=False),
)
"""What the chargers of one vendor, model and firmware have shown of themselves."""

send = _table(
    "send",
    _station_id(),
    Column("token", BigInteger, primary_key=True, autoincrement=False),
    Column("charger_id", Text, nullable=False),
    Column("idx", BigInteger, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("limit_w", BigInteger, nullable=False),
    Column("form", Text, nullable=False),
    Column("transaction_id", BigInteger, nullable=True),
    Column("state", Text, nullable=False),
    Column("sent_wall_ms", BigInteger, nullable=False),
)
"""The ledger: the sends that may be in force."""

session = _table(
    "session",
    _station_id(),
    Column("session_id", Text, primary_key=True),
    Column("driver", Text, nullable=False),
    Column("charger_id", Text, nullable=False),
    Column("idx", BigInteger, nullable=False),
    Column("transaction_id", BigInteger, nullable=True),
    Column("id_tag", Text, nullable=False),
    Column("tag_status", Text, nullable=False),
    Column("rank", BigInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("started_ms", BigInteger, nullable=False),
    Column("meter_start_wh", BigInteger, nullable=False),
    Column("declared_w", BigInteger, nullable=False),
    Column("estimate_w", BigInteger, nullable=False),
    Column("answered_w", BigInteger, nullable=False),
    Column("obeyed_w", BigInteger, nullable=False),
    Column("id_tag_raw", Text, nullable=False),
    Column("reservation_id", BigInteger, nullable=True),
    Column("last_energy_wh", BigInteger, nullable=True),
    Column("ended_ms", BigInteger, nullable=True),
    Column("meter_stop_wh", BigInteger, nullable=True),
    Column("end_reason", Text, nullable=True),
    Column("flags", Text, nullable=False),
    Column("start_words", Text, nullable=True),
    Column("before_last_wh", BigInteger, nullable=True),
    Column("weight", BigInteger, nullable=True),
    Column("priority", BigInteger, nullable=True),
    Column("tag_weight", BigInteger, nullable=True),
    Column("tag_priority", BigInteger, nullable=True),
)
"""Sessions and their transactions, running and ended, kept for ever: a replayed start must find its transaction."""

_has_transaction = session.c.transaction_id.is_not(None)
_is_open = session.c.ended_ms.is_(None)
_has_words = session.c.start_words.is_not(None)

Index(
    "uq_session_transaction_id",
    session.c.station_id,
    session.c.transaction_id,
    unique=True,
    sqlite_where=_has_transaction,
    postgresql_where=_has_transaction,
)
Index(
    "ix_session_start_key",
    session.c.station_id,
    session.c.charger_id,
    session.c.idx,
    session.c.started_ms,
    session.c.id_tag,
    session.c.meter_start_wh,
    sqlite_where=_has_transaction,
    postgresql_where=_has_transaction,
)
Index(
    "ix_session_start_words",
    session.c.station_id,
    session.c.charger_id,
    session.c.idx,
    session.c.start_words,
    sqlite_where=_has_words,
    postgresql_where=_has_words,
)
for _name, _first in (
    ("ix_session_started", ()),
    ("ix_session_charger", (session.c.charger_id,)),
    ("ix_session_id_tag", (session.c.id_tag,)),
):
    Index(
        _name,
        session.c.station_id,
        *_first,
        session.c.started_ms,
        session.c.transaction_id,
        sqlite_where=_has_transaction,
        postgresql_where=_has_transaction,
    )
Index(
    "ix_session_open",
    session.c.station_id,
    session.c.rank,
    sqlite_where=_is_open,
    postgresql_where=_is_open,
)

meter_sample = _table(
    "meter_sample",
    Column("sample_id", RowKey, primary_key=True),
    _station_id(primary_key=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("charger_id", Text, nullable=False),
    Column("idx", BigInteger, nullable=False),
    Column("digest", BigInteger, nullable=False),
    Column("session_id", Text, nullable=True),
    Column("transaction_id", BigInteger, nullable=True),
    Column("received_ms", BigInteger, nullable=False),
    Column("power_w", BigInteger, nullable=True),
    Column("energy_wh", BigInteger, nullable=True),
    Column("raw_json", Text, nullable=False),
    Column("doubt", Text, nullable=True),
    UniqueConstraint("at_ms", "digest", name="uq_meter_sample_identity"),
)
"""Meter values as received; with `at_ms`, `digest` stands for all that identifies a sample."""

APART = (
    "(at_ms / 3600000 - received_ms / 3600000 NOT BETWEEN -1 AND 1 OR doubt = 'transaction_ended')"
    " AND session_id IS NOT NULL"
)
"""Samples of a session that are not found around it: another hour than that of their receipt, or the one beside it.

The index answers only what is asked in these words. They hold for any two integers of 64 bits.
"""

Index(
    "ix_meter_sample_apart",
    meter_sample.c.station_id,
    meter_sample.c.session_id,
    meter_sample.c.at_ms,
    sqlite_where=text(APART),
    postgresql_where=text(APART),
)

counter = _table(
    "counter",
    _station_id(),
    Column("next_transaction_id", BigInteger, nullable=False),
    Column("next_token", BigInteger, nullable=False),
    Column("next_rank", BigInteger, nullable=False),
)

event_log = _table(
    "event_log",
    Column("event_id", RowKey, primary_key=True),
    _station_id(primary_key=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("charger_id", Text, nullable=True),
    Column("idx", BigInteger, nullable=True),
    Column("detail", Text, nullable=False),
)

command = _table(
    "command",
    _station_id(),
    Column("command_id", Text, primary_key=True),
    Column("charger_id", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("body_json", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_ms", BigInteger, nullable=False),
    Column("queue_until_ms", BigInteger, nullable=True),
    Column("forced", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("answer", Text, nullable=True),
    Column("answer_json", Text, nullable=True),
    Column("reason", Text, nullable=True),
    Column("sent_ms", BigInteger, nullable=True),
    Column("answered_ms", BigInteger, nullable=True),
    Column("expects", Text, nullable=True),
    Column("outcome", Text, nullable=True),
    Column("outcome_due_ms", BigInteger, nullable=True),
    Column("ended_ms", BigInteger, nullable=True),
)
"""Operators' commands, kept for ever: they are few, and say who did what to a charger."""

_has_not_ended = command.c.ended_ms.is_(None)

Index(
    "ix_command_open",
    command.c.station_id,
    command.c.asked_ms,
    sqlite_where=_has_not_ended,
    postgresql_where=_has_not_ended,
)
Index("ix_command_asked", command.c.station_id, command.c.asked_ms, command.c.command_id)
Index("ix_command_charger", command.c.station_id, command.c.charger_id, command.c.asked_ms, command.c.command_id)

campaign = _table(
    "campaign",
    _station_id(),
    Column("campaign_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_ms", BigInteger, nullable=False),
    Column("at_a_time", BigInteger, nullable=False),
    Column("body_json", Text, nullable=False),
    Column("retrieve_ms", BigInteger, nullable=True),
    Column("places", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("halted_by", Text, nullable=True),
    Column("halted_why", Text, nullable=True),
    Column("ended_ms", BigInteger, nullable=True),
)
"""Firmware campaigns, kept for ever; `places`: how far each of its chargers has come."""

Index("ix_campaign_asked", campaign.c.station_id, campaign.c.asked_ms, campaign.c.campaign_id)

capacity_event = _table(
    "capacity_event",
    _station_id(),
    Column("event_id", Text, primary_key=True),
    Column("from_ms", BigInteger, nullable=False),
    Column("to_ms", BigInteger, nullable=True),
    Column("capacity_w", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    Column("heartbeat_s", BigInteger, nullable=True),
    Column("set_by", Text, nullable=False),
    Column("set_ms", BigInteger, nullable=False),
)
"""Limits of the grid connection that were told and stand, or were over a day ago at most."""

tariff_peak = _table(
    "tariff_peak",
    _station_id(),
    Column("month", Text, primary_key=True),
    Column("power_w", BigInteger, nullable=False),
)
"""The highest mean of a window of the capacity tariff in each month, kept for ever."""

audit = _table(
    "audit",
    _station_id(),
    Column("audit_id", BigInteger, primary_key=True, autoincrement=False),
    Column("asked_ms", BigInteger, nullable=False),
    Column("address", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("resource", Text, nullable=False),
    Column("charger_id", Text, nullable=True),
    Column("idx", BigInteger, nullable=True),
    Column("query", Text, nullable=True),
    Column("body_json", Text, nullable=True),
    Column("changes", Text, nullable=False),
    Column("made", Text, nullable=True),
    Column("outcome", Text, nullable=False),
    Column("status", BigInteger, nullable=True),
    Column("reason", Text, nullable=True),
    Column("answered_ms", BigInteger, nullable=True),
    Column("key_name", Text, nullable=True),
)
"""What was asked for over REST; a table of its own, so that no charger that talks without end can push it out of the
event log. Written rarely, so that each way to list it has an index."""

_in_order = (audit.c.asked_ms, audit.c.audit_id)

Index("ix_audit_asked", audit.c.station_id, *_in_order)
Index("ix_audit_charger", audit.c.station_id, audit.c.charger_id, *_in_order)
Index("ix_audit_operation", audit.c.station_id, audit.c.operation, *_in_order)
Index("ix_audit_charger_operation", audit.c.station_id, audit.c.charger_id, audit.c.operation, *_in_order)

id_tag = _table(
    "id_tag",
    _station_id(),
    Column("id_tag", Text, primary_key=True),
    Column("id_tag_raw", Text, nullable=False),
    Column("parent", Text, nullable=True),
    Column("expires_ms", BigInteger, nullable=True),
    Column("blocked", Boolean, nullable=False),
    Column("concurrent", Boolean, nullable=False),
    Column("note", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("weight", BigInteger, nullable=True),
    Column("priority", BigInteger, nullable=True),
)
"""Who may charge, as listed (`csms.core.id_tags`); read whole at start, and found in memory from then on."""

local_list = _table(
    "local_list",
    _station_id(),
    Column("charger_id", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("wanted", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Column("is_on", Boolean, nullable=False),
    Column("boot", Text, nullable=False),
    Column("held", Text, nullable=True),
    Column("sent", Text, nullable=True),
    Column("version_last", BigInteger, nullable=False),
    Column("is_asked", Boolean, nullable=False),
    Column("are_limits_read", Boolean, nullable=False),
    Column("is_confirmed", Boolean, nullable=False),
    Column("fulls", BigInteger, nullable=False),
    Column("silences", BigInteger, nullable=False),
    Column("chunk_max", BigInteger, nullable=True),
    Column("entries_max", BigInteger, nullable=True),
    Column("enabled", Boolean, nullable=True),
    Column("reason", Text, nullable=True),
)
"""Local authorization lists of chargers (`csms.core.local_list`), one a charger; the lists themselves are documents.
Written by `csms.runtime.local_lists` alone, and never read to recover."""

access_key = _table(
    "access_key",
    _station_id(),
    Column("key_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("salt", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=True),
    Column("revoked_ms", BigInteger, nullable=True),
)
"""Keys of the REST API (`csms.core.access`), kept for ever without their secrets. Written by `csms keys`, beside the
process that owns the rest (`csms.store.outside`)."""

_is_not_revoked = access_key.c.revoked_ms.is_(None)

Index(
    "uq_access_key_name",
    access_key.c.station_id,
    access_key.c.name,
    unique=True,
    sqlite_where=_is_not_revoked,
    postgresql_where=_is_not_revoked,
)

charger_access = _table(
    "charger_access",
    _station_id(),
    Column("charger_id", Text, primary_key=True),
    Column("key", Text, nullable=True),
    Column("next_key", Text, nullable=True),
    Column("profile", BigInteger, nullable=False),
    Column("address", Text, nullable=False),
)
"""How chargers prove who they are (`csms.core.charger_access`): hashes of keys, never a key. Read whole at start, and
written by `csms.runtime.charger_access` alone."""

ownership = _table(
    "ownership",
    Column("station_id", Text, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("holder", Text, nullable=False),
)
"""Who owns a station's records (`csms.store.ownership`): claimed before the station's own row exists, hence no
reference to it. SQLite's owner is told by a lock on the file, and this stays empty there."""
