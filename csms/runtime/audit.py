"""The audit: an act is durable before it is done, and what came of it before anybody is told.

So there is no change without its entry, whatever ends this process in between: an entry without an answer says that
nobody knows. What cannot be written down is not done. The ids go on after the highest one that the store holds: it has
one owner, who numbers the acts.
"""

from dataclasses import dataclass, replace

import structlog

from csms.core.audit import ActOutcome, AuditEntry
from csms.core.ids import ChargerId
from csms.ports import AuditFilter, AuditLedger, AuditPosition, Clock, StoreError

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of an act, as in `AuditEntry`."""

    outcome: ActOutcome
    status: int
    reason: str | None = None
    charger_id: ChargerId | None = None
    idx: int | None = None
    query: dict[str, str] | None = None
    body_json: str | None = None
    changes: tuple[str, ...] = ()
    made: dict[str, str] | None = None


class AuditBook:
    """The acts of one station."""

    def __init__(self, ledger: AuditLedger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._next_id = 1

    async def load(self) -> None:
        """Find out how far the ids have come; raise StoreError."""
        self._next_id = await self._ledger.newest_audit_id() + 1

    async def begin(
        self,
        address: str,
        operation: str,
        resource: str,
        charger_id: ChargerId | None = None,
        key_name: str | None = None,
    ) -> AuditEntry:
        """Write down that something is asked for; raise StoreError, and then it must not be done."""
        number, self._next_id = self._next_id, self._next_id + 1
        asked_ms = self._clock.now().wall_ms
        entry = AuditEntry(number, asked_ms, address, operation, resource, charger_id, key_name=key_name)
        await self._ledger.write_audit(entry)
        return entry

    async def end(self, entry: AuditEntry, answered: Answered) -> None:
        """Write down what came of it; where that fails the entry stays as it was: nobody knows."""
        ended = replace(
            entry,
            charger_id=answered.charger_id or entry.charger_id,
            idx=answered.idx,
            query=answered.query,
            body_json=answered.body_json,
            changes=answered.changes,
            made=answered.made,
            outcome=answered.outcome,
            status=answered.status,
            reason=answered.reason,
            answered_ms=self._clock.now().wall_ms,
        )
        try:
            await self._ledger.write_audit(ended)
        except StoreError as error:
            _log.error("audit.not_ended", audit_id=entry.audit_id, operation=entry.operation, error=str(error))

    async def read(self, wanted: AuditFilter, before: AuditPosition | None, entries_max: int) -> tuple[AuditEntry, ...]:
        """Return the acts that are wanted, newest first, before a place among them; raise StoreError."""
        return await self._ledger.read_audit(wanted, before, entries_max)
