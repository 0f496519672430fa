"""What chargers want to have signed as their certificates."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; of no charger is such a request known."""
    op.add_column("charger", sa.Column("certificate_request", sa.Text(), nullable=True))
