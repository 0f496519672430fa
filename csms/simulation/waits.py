"""For how long an answer is waited for, whatever was learnt of a charger (LEDGER.md §3): 60 s at most.

While a cut waits that an overbooked row needs, it is 5 s from when both are there. The oracles that allow for what was
learnt (`workoff`) would else allow for whatever a peer makes of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from csms.core.commands import Call, SetLimit
from csms.core.events import (
    CallAnswered,
    CallErrored,
    CallSent,
    CallTimedOut,
    CallUnsent,
    ChargerDisconnected,
    CommandAnswered,
    ConfigurationRead,
    Fact,
    ScheduleRead,
)
from csms.core.ids import ChargerId, Token
from csms.simulation.trace import demand

LONGEST_MS = 60_000
URGENT_MS = 5_000
SLACK_MS = 2_000
"""A time-out is noticed, and heard of, within so long where nothing stalls."""


@dataclass(slots=True)
class Waits:
    """The CALLs of one world that are out, and the urgent limits that wait; times of the world, ms."""

    _owners: dict[Token, ChargerId] = field(default_factory=dict)
    _out: dict[ChargerId, tuple[Token, int]] = field(default_factory=dict)
    _urgent: dict[Token, int] = field(default_factory=dict)

    def left(self, command: Call, now_ms: int) -> None:
        """Take a CALL as it leaves the process, to wait for its turn."""
        self._owners[command.token] = command.charger_id
        if isinstance(command, SetLimit) and command.urgent:
            self._urgent[command.token] = now_ms

    def hear(self, facts: Iterable[Fact], now_ms: int) -> None:
        """Take what became of CALLs."""
        for fact in facts:
            match fact:
                case CallSent() if fact.token in self._owners:
                    self._urgent.pop(fact.token, None)
                    self._out[self._owners[fact.token]] = fact.token, now_ms
                case CallTimedOut() | CallUnsent() | CallAnswered() | CallErrored():
                    self._is_over(fact.token)
                case CommandAnswered() | ConfigurationRead() | ScheduleRead():
                    self._is_over(fact.token)
                case ChargerDisconnected():
                    self._out.pop(fact.charger_id, None)
                case _:
                    pass

    def recovered(self) -> None:
        """Take that a new process has sent nothing yet."""
        for each in (self._owners, self._out, self._urgent):
            each.clear()

    def tick(self, now_ms: int, stalled_until_ms: int) -> None:
        """Judge what is out; a process that stalls notices nothing."""
        cuts_ms: dict[ChargerId, int] = {}
        for token, left_ms in self._urgent.items():
            cuts_ms.setdefault(self._owners[token], left_ms)
        for charger_id, (_token, sent_ms) in self._out.items():
            most_ms = max(sent_ms + LONGEST_MS, stalled_until_ms) + SLACK_MS
            demand(now_ms <= most_ms, "wait: {} has not answered for {} ms", charger_id, now_ms - sent_ms)
            if charger_id in cuts_ms:
                since_ms = max(sent_ms, cuts_ms[charger_id])
                most_ms = max(since_ms + URGENT_MS, stalled_until_ms) + SLACK_MS
                demand(now_ms <= most_ms, "wait: a cut waits for {} since {} ms", charger_id, now_ms - since_ms)

    def _is_over(self, token: Token) -> None:
        self._urgent.pop(token, None)
        owner = self._owners.get(token)
        if owner is not None and self._out.get(owner, (None, 0))[0] == token:
            del self._out[owner]
