"""The audit of what was asked for over REST."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of acts, with an index for each way in which they are listed."""
    op.create_table(
        "audit",
        sa.Column("station_id", sa.Text(), nullable=False),
        sa.Column("audit_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("charger_id", sa.Text(), nullable=True),
        sa.Column("idx", sa.BigInteger(), nullable=True),
        sa.Column("query", sa.Text(), nullable=True),
        sa.Column("body_json", sa.Text(), nullable=True),
        sa.Column("changes", sa.Text(), nullable=False),
        sa.Column("made", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("answered_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["station_id"], ["station.station_id"], name=op.f("fk_audit_station_id_station")),
        sa.PrimaryKeyConstraint("station_id", "audit_id", name=op.f("pk_audit")),
    )
    order = ["asked_ms", "audit_id"]
    op.create_index("ix_audit_asked", "audit", ["station_id", *order])
    op.create_index("ix_audit_charger", "audit", ["station_id", "charger_id", *order])
    op.create_index("ix_audit_operation", "audit", ["station_id", "operation", *order])
    op.create_index("ix_audit_charger_operation", "audit", ["station_id", "charger_id", "operation", *order])
