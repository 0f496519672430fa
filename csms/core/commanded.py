"""One command of an operator that has not ended, as the core holds it; times monotonic ms."""

from dataclasses import dataclass, field, replace
from typing import Any

from csms.core.ids import RequestId
from csms.core.records import CommandStored


@dataclass(slots=True)
class Commanded:
    """What is stored of it, and what waits.

    Attributes:
        due_ms: until when it may leave, or what it expects may happen; None: for as long as it takes.
        held_until_ms: what is booked for it stays booked until then, after its end for whoever asked; None: no end yet.
        asker: who asked and has not been told yet; watchers: who waits for what becomes of it.
        unwritten: recovery has changed it.
    """

    stored: CommandStored
    due_ms: int | None = None
    held_until_ms: int | None = None
    asker: RequestId | None = None
    watchers: list[RequestId] = field(default_factory=list)
    unwritten: bool = False

    def change(self, **fields: Any) -> None:
        """Change what is stored."""
        self.stored = replace(self.stored, **fields)
