"""The records of the core: station, chargers, ledger, sessions, samples, counters, history."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

RUNNING = "ended_ms IS NULL"
HAS_TRANSACTION = "transaction_id IS NOT NULL"


def upgrade() -> None:
    """Create the first tables."""
    op.create_table(
        "station",
        sa.Column("station_id", sa.Text(), nullable=False),
        sa.Column("configuration", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("station_id", name=op.f("pk_station")),
    )
    _charger()
    _send()
    _session()
    _meter_sample()
    op.create_table(
        "counter",
        _station_id(),
        sa.Column("next_transaction_id", sa.BigInteger(), nullable=False),
        sa.Column("next_token", sa.BigInteger(), nullable=False),
        sa.Column("next_rank", sa.BigInteger(), nullable=False),
        _of_station("counter"),
        sa.PrimaryKeyConstraint("station_id", name=op.f("pk_counter")),
    )
    op.create_table(
        "event_log",
        _generated("event_id"),
        _station_id(),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("charger_id", sa.Text(), nullable=True),
        sa.Column("idx", sa.BigInteger(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        _of_station("event_log"),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_event_log")),
    )


def _charger() -> None:
    op.create_table(
        "charger",
        _station_id(),
        sa.Column("charger_id", sa.Text(), nullable=False),
        sa.Column("max_booked_w", sa.BigInteger(), nullable=False),
        sa.Column("uncontrolled_booked_w", sa.BigInteger(), nullable=False),
        sa.Column("ever_connected", sa.Boolean(), nullable=False),
        sa.Column("boot", sa.Text(), nullable=True),
        sa.Column("provisioned", sa.Text(), nullable=False),
        sa.Column("configuration", sa.Text(), nullable=False),
        sa.Column("statuses", sa.Text(), nullable=False),
        sa.Column("draining", sa.Text(), nullable=True),
        _of_station("charger"),
        sa.PrimaryKeyConstraint("station_id", "charger_id", name=op.f("pk_charger")),
    )


def _send() -> None:
    op.create_table(
        "send",
        _station_id(),
        sa.Column("token", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("charger_id", sa.Text(), nullable=False),
        sa.Column("idx", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("limit_w", sa.BigInteger(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("transaction_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("sent_wall_ms", sa.BigInteger(), nullable=False),
        _of_station("send"),
        sa.PrimaryKeyConstraint("station_id", "token", name=op.f("pk_send")),
    )


def _session() -> None:
    op.create_table(
        "session",
        _station_id(),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("driver", sa.Text(), nullable=False),
        sa.Column("charger_id", sa.Text(), nullable=False),
        sa.Column("idx", sa.BigInteger(), nullable=False),
        sa.Column("transaction_id", sa.BigInteger(), nullable=True),
        sa.Column("id_tag", sa.Text(), nullable=False),
        sa.Column("tag_status", sa.Text(), nullable=False),
        sa.Column("rank", sa.BigInteger(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("started_ms", sa.BigInteger(), nullable=False),
        sa.Column("meter_start_wh", sa.BigInteger(), nullable=False),
        sa.Column("declared_w", sa.BigInteger(), nullable=False),
        sa.Column("estimate_w", sa.BigInteger(), nullable=False),
        sa.Column("answered_w", sa.BigInteger(), nullable=False),
        sa.Column("obeyed_w", sa.BigInteger(), nullable=False),
        sa.Column("id_tag_raw", sa.Text(), nullable=False),
        sa.Column("reservation_id", sa.BigInteger(), nullable=True),
        sa.Column("last_energy_wh", sa.BigInteger(), nullable=True),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.Column("meter_stop_wh", sa.BigInteger(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("flags", sa.Text(), nullable=False),
        _of_station("session"),
        sa.PrimaryKeyConstraint("station_id", "session_id", name=op.f("pk_session")),
    )
    start_key = ["station_id", "charger_id", "idx", "started_ms", "id_tag", "meter_start_wh"]
    _partial_index("uq_session_transaction_id", ["station_id", "transaction_id"], HAS_TRANSACTION, unique=True)
    _partial_index("ix_session_start_key", start_key, HAS_TRANSACTION)
    _partial_index("ix_session_open", ["station_id", "rank"], RUNNING)


def _meter_sample() -> None:
    op.create_table(
        "meter_sample",
        _generated("sample_id"),
        _station_id(),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("charger_id", sa.Text(), nullable=False),
        sa.Column("idx", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.BigInteger(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=True),
        sa.Column("transaction_id", sa.BigInteger(), nullable=True),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("power_w", sa.BigInteger(), nullable=True),
        sa.Column("energy_wh", sa.BigInteger(), nullable=True),
        sa.Column("raw_json", sa.Text(), nullable=False),
        _of_station("meter_sample"),
        sa.PrimaryKeyConstraint("sample_id", name=op.f("pk_meter_sample")),
        sa.UniqueConstraint(
            "station_id", "at_ms", "charger_id", "idx", "digest", name=op.f("uq_meter_sample_identity")
        ),
    )


def _station_id() -> sa.Column[str]:
    return sa.Column("station_id", sa.Text(), nullable=False)


def _of_station(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["station_id"], ["station.station_id"], name=op.f(f"fk_{table}_station_id_station"))


def _generated(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False)


def _partial_index(name: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, "session", columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
