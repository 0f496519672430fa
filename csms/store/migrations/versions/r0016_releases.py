"""Chargers that were taken out, or are being."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; none of the chargers known so far was released, and what was cleared in them nobody knows."""
    with op.batch_alter_table("charger") as table:
        table.add_column(sa.Column("release", sa.Text(), nullable=True))
        table.add_column(sa.Column("cleared_foreign", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("charger") as table:
        table.alter_column("cleared_foreign", server_default=None, existing_type=sa.Boolean(), existing_nullable=False)
