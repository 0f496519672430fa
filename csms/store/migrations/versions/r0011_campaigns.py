"""Firmware campaigns."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of campaigns."""
    op.create_table(
        "campaign",
        sa.Column("station_id", sa.Text(), nullable=False),
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.Column("at_a_time", sa.BigInteger(), nullable=False),
        sa.Column("body_json", sa.Text(), nullable=False),
        sa.Column("retrieve_ms", sa.BigInteger(), nullable=True),
        sa.Column("places", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("halted_by", sa.Text(), nullable=True),
        sa.Column("halted_why", sa.Text(), nullable=True),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["station_id"], ["station.station_id"], name=op.f("fk_campaign_station_id_station")),
        sa.PrimaryKeyConstraint("station_id", "campaign_id", name=op.f("pk_campaign")),
    )
    op.create_index("ix_campaign_asked", "campaign", ["station_id", "asked_ms", "campaign_id"])
