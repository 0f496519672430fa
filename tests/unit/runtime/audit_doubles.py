"""An audit in memory, that refuses when it is told to."""

from csms.core.audit import AuditEntry
from csms.ports import AuditFilter, AuditPosition, StoreError
from csms.runtime.audit import AuditBook
from tests.unit.runtime.tag_doubles import FixedClock


class FakeAuditLedger:
    """Keeps every state that an act was written in; from the write `refuses_from` on it refuses."""

    def __init__(self) -> None:
        self.written: list[AuditEntry] = []
        self.asked: list[tuple[AuditFilter, AuditPosition | None, int]] = []
        self.refuses_from: int | None = None
        self.newest = 0

    @property
    def entries(self) -> list[AuditEntry]:
        """The acts as they are now, the newest first."""
        return list(reversed({entry.audit_id: entry for entry in self.written}.values()))

    async def newest_audit_id(self) -> int:
        self._refuse()
        return self.newest

    async def write_audit(self, entry: AuditEntry) -> None:
        self._refuse()
        self.written.append(entry)

    async def read_audit(
        self, wanted: AuditFilter, before: AuditPosition | None, entries_max: int
    ) -> tuple[AuditEntry, ...]:
        self._refuse()
        self.asked.append((wanted, before, entries_max))
        return tuple(self.entries[:entries_max])

    def _refuse(self) -> None:
        if self.refuses_from is not None and len(self.written) >= self.refuses_from:
            raise StoreError("the disk is full")


def audit_book(ledger: FakeAuditLedger | None = None) -> AuditBook:
    """Return a book over an audit in memory."""
    return AuditBook(ledger or FakeAuditLedger(), FixedClock())
