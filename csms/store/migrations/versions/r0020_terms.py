"""Weights and priorities of sessions and id tags; null says nothing of them, and the connector's count."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; of what runs already nobody has said anything."""
    for name in ("weight", "priority", "tag_weight", "tag_priority"):
        op.add_column("session", sa.Column(name, sa.BigInteger(), nullable=True))
    for name in ("weight", "priority"):
        op.add_column("id_tag", sa.Column(name, sa.BigInteger(), nullable=True))
