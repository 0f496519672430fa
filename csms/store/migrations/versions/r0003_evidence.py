"""What the meters of a charger's connectors have said against their obedience."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; nothing stands against the chargers known so far."""
    with op.batch_alter_table("charger") as table:
        table.add_column(sa.Column("evidence", sa.Text(), nullable=False, server_default="{}"))
    with op.batch_alter_table("charger") as table:
        table.alter_column("evidence", server_default=None, existing_type=sa.Text(), existing_nullable=False)
