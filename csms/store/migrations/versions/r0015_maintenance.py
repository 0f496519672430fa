"""What operators have said of chargers that are under maintenance."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; none of the chargers known so far is under maintenance."""
    with op.batch_alter_table("charger") as table:
        table.add_column(sa.Column("maintenance", sa.Text(), nullable=False, server_default="{}"))
    with op.batch_alter_table("charger") as table:
        table.alter_column("maintenance", server_default=None, existing_type=sa.Text(), existing_nullable=False)
