"""The ledger of operators' commands."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

HAS_NOT_ENDED = "ended_ms IS NULL"


def upgrade() -> None:
    """Create the table of commands."""
    op.create_table(
        "command",
        sa.Column("station_id", sa.Text(), nullable=False),
        sa.Column("command_id", sa.Text(), nullable=False),
        sa.Column("charger_id", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("body_json", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.Column("queue_until_ms", sa.BigInteger(), nullable=True),
        sa.Column("forced", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answer_json", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("sent_ms", sa.BigInteger(), nullable=True),
        sa.Column("answered_ms", sa.BigInteger(), nullable=True),
        sa.Column("expects", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("outcome_due_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["station_id"], ["station.station_id"], name=op.f("fk_command_station_id_station")),
        sa.PrimaryKeyConstraint("station_id", "command_id", name=op.f("pk_command")),
    )
    op.create_index(
        "ix_command_open",
        "command",
        ["station_id", "asked_ms"],
        sqlite_where=sa.text(HAS_NOT_ENDED),
        postgresql_where=sa.text(HAS_NOT_ENDED),
    )
    op.create_index("ix_command_asked", "command", ["station_id", "asked_ms", "command_id"])
    op.create_index("ix_command_charger", "command", ["station_id", "charger_id", "asked_ms", "command_id"])
