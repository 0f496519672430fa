"""Samples that are not stamped about when they came, or came after their transaction, are found by it."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

APART = (
    "(at_ms / 3600000 - received_ms / 3600000 NOT BETWEEN -1 AND 1 OR doubt = 'transaction_ended')"
    " AND session_id IS NOT NULL"
)


def upgrade() -> None:
    """Make the index, over what is stored already, too."""
    op.create_index(
        "ix_meter_sample_apart",
        "meter_sample",
        ["station_id", "session_id", "at_ms"],
        sqlite_where=sa.text(APART),
        postgresql_where=sa.text(APART),
    )
