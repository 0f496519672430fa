"""What somebody has asked this system to change over REST: who, when, what, and what came of it (ADR 0031)."""

from dataclasses import dataclass
from enum import StrEnum

from csms.core.ids import ChargerId


class ActOutcome(StrEnum):
    """What came of an act.

    UNKNOWN: nobody was told yet, or this system ended before, or somebody's wait was over; it may have been done.
    """

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One act. Nothing in it is a secret: whoever writes it has masked them.

    Attributes:
        audit_id: unique in its store, rising; the key.
        asked_ms, answered_ms: when it was asked for, and answered, UTC ms.
        address: where it came from, or "".
        operation: method and path as documented, such as `PUT /id-tags/{idTag}`.
        resource: the path that was asked for.
        charger_id, idx: the charger and the connector that it is about, if it is about one.
        query: the parameters that came with it.
        body_json: the body, if it was a valid one that is short; else None.
        changes: what changed, a line each.
        made: ids of what it made, by their names in REST.
        outcome, status, reason: what was answered: HTTP's status, and the sentence of a refusal.
        key_name: whose key it was asked for with; None: with none.
    """

    audit_id: int
    asked_ms: int
    address: str
    operation: str
    resource: str
    charger_id: ChargerId | None = None
    idx: int | None = None
    query: dict[str, str] | None = None
    body_json: str | None = None
    changes: tuple[str, ...] = ()
    made: dict[str, str] | None = None
    outcome: ActOutcome = ActOutcome.UNKNOWN
    status: int | None = None
    reason: str | None = None
    answered_ms: int | None = None
    key_name: str | None = None
