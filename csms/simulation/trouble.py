"""Which chargers the engine may hold to refuse limits: those get one try in ten minutes (LEDGER.md §3)."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from csms.core.commands import AbortConnection, Command, SetLimit
from csms.core.events import CallAnswered, CallErrored, Fact
from csms.core.ids import ChargerId, Token

MOST_BAD_TURNS = 3


@dataclass(slots=True)
class Trouble:
    """Counts negative answers to limits and aborted connections by charger, over the whole run."""

    _turns: dict[ChargerId, int] = field(default_factory=dict)
    _owners: dict[Token, ChargerId] = field(default_factory=dict)

    @property
    def chargers(self) -> set[ChargerId]:
        """Return the chargers with so many bad turns that they may count as refusing."""
        return {charger_id for charger_id, turns in self._turns.items() if turns >= MOST_BAD_TURNS}

    def stepped(self, facts: Iterable[Fact], commands: Iterable[Command]) -> None:
        """Take one step."""
        for fact in facts:
            if isinstance(fact, CallErrored) or (isinstance(fact, CallAnswered) and fact.status == "Rejected"):
                self._count(self._owners.get(fact.token))
        for command in commands:
            if isinstance(command, AbortConnection):
                self._count(command.charger_id)
            elif isinstance(command, SetLimit):
                self._owners[command.token] = command.charger_id

    def _count(self, charger_id: ChargerId | None) -> None:
        if charger_id is not None:
            self._turns[charger_id] = self._turns.get(charger_id, 0) + 1
