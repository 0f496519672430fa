"""Which chargers the engine may hold to refuse limits: those get one try in ten minutes (LEDGER.md §3)."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from csms.core.commands import AbortConnection, Command, Purpose, SetLimit
from csms.core.events import CallAnswered, CallErrored, Fact
from csms.core.ids import ChargerId, Token
from csms.core.timings import LAW

MOST_REFUSALS = 3
MOST_ABORTS = 3
PAUSE_MS = 600_000


@dataclass(slots=True)
class Trouble:
    """Counts negative answers to limits since the last Accepted, and aborted connections over the whole run.

    After the third abort a charger counts as refusing, too, until it has Accepted a limit.

    Attributes:
        over_ms: until when some charger may have counted as refusing, ms of the world: until one that refuses has
            Accepted a limit, or so long after connections were aborted too often or a fail-safe power was refused.
    """

    over_ms: int = 0
    _refusals: Counter[ChargerId] = field(default_factory=Counter)
    _aborts: Counter[ChargerId] = field(default_factory=Counter)
    _given_up: set[ChargerId] = field(default_factory=set)
    _writes: Counter[ChargerId] = field(default_factory=Counter)
    _fail_safes: set[Token] = field(default_factory=set)
    _owners: dict[Token, ChargerId] = field(default_factory=dict)

    @property
    def chargers(self) -> set[ChargerId]:
        """Return the chargers that may count as refusing."""
        return {c for c, n in self._refusals.items() if n >= MOST_REFUSALS} | self._given_up

    @property
    def worn(self) -> set[ChargerId]:
        """Return the chargers that were told so many defaults that raises may wait for the budget of flash memory."""
        return {c for c, n in self._writes.items() if n >= LAW.wear_writes}

    @property
    def refusing(self) -> bool:
        """Return whether some charger may count as refusing now."""
        return any(n >= MOST_REFUSALS for n in self._refusals.values())

    def stepped(self, facts: Iterable[Fact], commands: Iterable[Command], now_ms: int) -> None:
        """Take one step."""
        for fact in facts:
            if isinstance(fact, CallAnswered | CallErrored) and fact.token in self._owners:
                is_accepted = isinstance(fact, CallAnswered) and fact.status == "Accepted"
                self._answered(fact.token, is_accepted=is_accepted, now_ms=now_ms)
        for command in commands:
            if isinstance(command, AbortConnection):
                self._aborts[command.charger_id] += 1
                if self._aborts[command.charger_id] >= MOST_ABORTS:
                    self.over_ms = now_ms + PAUSE_MS
                    self._given_up.add(command.charger_id)
            elif isinstance(command, SetLimit):
                self._owners[command.token] = command.charger_id
                self._writes[command.charger_id] += command.purpose is Purpose.DEFAULT
                if command.idx == 0 and command.limit_w > 0:
                    self._fail_safes.add(command.token)

    def _answered(self, token: Token, *, is_accepted: bool, now_ms: int) -> None:
        charger_id = self._owners[token]
        if not is_accepted:
            self._refusals[charger_id] += 1
            if token in self._fail_safes:
                self.over_ms = now_ms + PAUSE_MS
            return
        if charger_id in self.chargers:
            self.over_ms = max(self.over_ms, now_ms)
        self._refusals[charger_id] = 0
        self._given_up.discard(charger_id)
