"""The audit of what was asked for over REST, the newest first, a page at a time.

Each list is read along one index, however many acts there are: of all, of a charger, of an operation, of both.
"""

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from csms.core.audit import AuditEntry
from csms.ports import AuditFilter, AuditPosition
from csms.store.codec import read_row
from csms.store.schema import audit
from csms.store.values import integer, text


def newest_audit_id(connection: Connection, station_id: str) -> int:
    """Return the highest id, 0 when nothing was asked for yet."""
    return connection.scalar(select(func.max(audit.c.audit_id)).where(audit.c.station_id == station_id)) or 0


def read_audit(
    connection: Connection, station_id: str, wanted: AuditFilter, before: AuditPosition | None, entries_max: int
) -> tuple[AuditEntry, ...]:
    """Return acts, newest first, from the one before a position on; raise CorruptRowError."""
    asked_ms, key = audit.c.asked_ms, audit.c.audit_id
    terms: list[ColumnElement[bool]] = [audit.c.station_id == station_id]
    if wanted.charger_id is not None:
        terms.append(audit.c.charger_id == text(wanted.charger_id))
    if wanted.operation is not None:
        terms.append(audit.c.operation == text(wanted.operation))
    if wanted.from_ms is not None:
        terms.append(asked_ms >= integer(wanted.from_ms))
    if wanted.to_ms is not None:
        terms.append(asked_ms < integer(wanted.to_ms))
    if before is not None:
        at_ms = integer(before.asked_ms)
        terms.append(
            and_(asked_ms <= at_ms, or_(asked_ms < at_ms, and_(asked_ms == at_ms, key < integer(before.audit_id))))
        )
    rows = select(audit).where(*terms).order_by(asked_ms.desc(), key.desc()).limit(entries_max)
    found = connection.execute(rows).mappings()
    return tuple(read_row(AuditEntry, audit.name, row["audit_id"], row) for row in found)
