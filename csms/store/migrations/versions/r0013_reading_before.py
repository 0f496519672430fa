"""The reading before the last one of a session: which of the two is wrong may show only after a restart."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; of what runs already nobody knows it until its next reading."""
    op.add_column("session", sa.Column("before_last_wh", sa.BigInteger(), nullable=True))
