"""Indexes for lists of transactions: by time, of a charger, of an id tag."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

HAS_TRANSACTION = "transaction_id IS NOT NULL"
INDEXES = {
    "ix_session_started": ["station_id", "started_ms", "transaction_id"],
    "ix_session_charger": ["station_id", "charger_id", "started_ms", "transaction_id"],
    "ix_session_id_tag": ["station_id", "id_tag", "started_ms", "transaction_id"],
}


def upgrade() -> None:
    """Create them."""
    for name, columns in INDEXES.items():
        op.create_index(
            name,
            "session",
            columns,
            sqlite_where=sa.text(HAS_TRANSACTION),
            postgresql_where=sa.text(HAS_TRANSACTION),
        )
