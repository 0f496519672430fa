"""Chargers' local authorization lists."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of local lists."""
    op.create_table(
        "local_list",
        sa.Column("station_id", sa.Text(), nullable=False),
        sa.Column("charger_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("wanted", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("boot", sa.Text(), nullable=False),
        sa.Column("held", sa.Text(), nullable=True),
        sa.Column("sent", sa.Text(), nullable=True),
        sa.Column("version_last", sa.BigInteger(), nullable=False),
        sa.Column("is_asked", sa.Boolean(), nullable=False),
        sa.Column("are_limits_read", sa.Boolean(), nullable=False),
        sa.Column("is_confirmed", sa.Boolean(), nullable=False),
        sa.Column("fulls", sa.BigInteger(), nullable=False),
        sa.Column("silences", sa.BigInteger(), nullable=False),
        sa.Column("chunk_max", sa.BigInteger(), nullable=True),
        sa.Column("entries_max", sa.BigInteger(), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["station_id"], ["station.station_id"], name=op.f("fk_local_list_station_id_station")),
        sa.PrimaryKeyConstraint("station_id", "charger_id", name=op.f("pk_local_list")),
    )
