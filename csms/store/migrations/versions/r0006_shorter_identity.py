"""A sample is known by its time and a digest of all else that identifies it: a key of half the size.

The digests of what is stored already are made anew from its rows, a few thousand at a time; the constraint is exchanged
afterwards. What was different before stays different. The digest is written out here: `csms.store.codec` may change.
"""

from hashlib import blake2b

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BATCH_ROWS = 4_000

_sample = sa.table(
    "meter_sample",
    sa.column("sample_id", sa.BigInteger),
    sa.column("station_id", sa.Text),
    sa.column("charger_id", sa.Text),
    sa.column("idx", sa.BigInteger),
    sa.column("raw_json", sa.Text),
    sa.column("digest", sa.BigInteger),
)


def upgrade() -> None:
    """Make the digests anew, then exchange the constraint."""
    connection = op.get_bind()
    after = 0
    while (last := _digest_batch(connection, after)) is not None:
        after = last
    with op.batch_alter_table("meter_sample") as table:
        table.drop_constraint("uq_meter_sample_identity", type_="unique")
        table.create_unique_constraint("uq_meter_sample_identity", ["at_ms", "digest"])


def _digest_batch(connection: sa.Connection, after: int) -> int | None:
    """Make the digests of the rows behind `after`; return the last one of them, None when there is none."""
    key = _sample.c.sample_id
    rows = connection.execute(sa.select(_sample).where(key > after).order_by(key).limit(BATCH_ROWS)).all()
    if not rows:
        return None
    update = sa.update(_sample).where(key == sa.bindparam("row_id")).values(digest=sa.bindparam("made"))
    connection.execute(
        update,
        [
            {"row_id": row.sample_id, "made": _digest(row.station_id, row.charger_id, row.idx, row.raw_json)}
            for row in rows
        ],
    )
    return int(rows[-1].sample_id)


def _digest(station_id: str, charger_id: str, idx: int, raw_json: str) -> int:
    said = f"{station_id}\0{charger_id}\0{idx}\0{raw_json}"
    return int.from_bytes(blake2b(said.encode(), digest_size=8).digest(), "big", signed=True)
