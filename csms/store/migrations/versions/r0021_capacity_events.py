"""Limits of the grid connection that are told at run time, and the peaks of a capacity tariff."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of both."""
    op.create_table(
        "capacity_event",
        sa.Column("station_id", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("to_ms", sa.BigInteger(), nullable=True),
        sa.Column("capacity_w", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("heartbeat_s", sa.BigInteger(), nullable=True),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("set_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["station_id"], ["station.station_id"], name=op.f("fk_capacity_event_station_id_station")
        ),
        sa.PrimaryKeyConstraint("station_id", "event_id", name=op.f("pk_capacity_event")),
    )
    op.create_table(
        "tariff_peak",
        sa.Column("station_id", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("power_w", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["station_id"], ["station.station_id"], name=op.f("fk_tariff_peak_station_id_station")),
        sa.PrimaryKeyConstraint("station_id", "month", name=op.f("pk_tariff_peak")),
    )
