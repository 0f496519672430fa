"""What chargers of one vendor, model and firmware have shown of themselves."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of makes."""
    op.create_table(
        "make",
        sa.Column("station_id", sa.Text(), nullable=False),
        sa.Column("make", sa.Text(), nullable=False),
        sa.Column("learnt", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["station_id"], ["station.station_id"], name=op.f("fk_make_station_id_station")),
        sa.PrimaryKeyConstraint("station_id", "make", name=op.f("pk_make")),
    )
