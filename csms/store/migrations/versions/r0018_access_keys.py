"""Keys of the REST API, and whose key an act was asked for with."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of keys; acts of before were asked for with none."""
    op.create_table(
        "access_key",
        sa.Column("station_id", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("salt", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=True),
        sa.Column("revoked_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["station_id"], ["station.station_id"], name=op.f("fk_access_key_station_id_station")),
        sa.PrimaryKeyConstraint("station_id", "key_id", name=op.f("pk_access_key")),
    )
    is_not_revoked = sa.text("revoked_ms IS NULL")
    op.create_index(
        "uq_access_key_name",
        "access_key",
        ["station_id", "name"],
        unique=True,
        sqlite_where=is_not_revoked,
        postgresql_where=is_not_revoked,
    )
    op.add_column("audit", sa.Column("key_name", sa.Text(), nullable=True))
