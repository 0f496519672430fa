"""Starts without a usable time are known by their words; samples carry why control did not believe them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

HAS_WORDS = "start_words IS NOT NULL"


def upgrade() -> None:
    """Add a column to sessions and to samples, both empty for what is stored already."""
    op.add_column("session", sa.Column("start_words", sa.Text(), nullable=True))
    op.create_index(
        "ix_session_start_words",
        "session",
        ["station_id", "charger_id", "idx", "start_words"],
        sqlite_where=sa.text(HAS_WORDS),
        postgresql_where=sa.text(HAS_WORDS),
    )
    op.add_column("meter_sample", sa.Column("doubt", sa.Text(), nullable=True))
