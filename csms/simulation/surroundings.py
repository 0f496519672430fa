"""What every inhabitant of the world shares: the time, the dice, the story, and the way to the central system."""

import random
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field
from typing import Protocol

from csms.core.events import Fact, StartKey
from csms.core.ids import ChargerId, ConnectionId, RequestId, SessionId
from csms.core.replies import Outcome
from csms.simulation.clock import EPOCH_MS, Clock
from csms.simulation.faults import Faults
from csms.simulation.line import Line, Take
from csms.simulation.odds import NOTHING_ODD, Odds
from csms.simulation.trace import Trace


@dataclass(frozen=True, slots=True)
class Switches:
    """Which doubtful behaviours the world may show.

    Attributes:
        faults: chargers and links misbehave at all.
        crashes: the central system's process is killed.
        mirror: the engine is also judged by the mirror (I5 and the rows of I4), not by the truth alone.
        foreign_before_report: a charger that takes a TxProfile for a foreign transaction does so even while its own is
            not reported yet: a declared lie, for which the ledger makes no promise.
        odd: what `odds` says may happen, too.
        energy: the site has a battery, a meter, or a capacity that comes and goes (`csms.simulation.site`).
        need_start_power: the cars of every DC charger end the session when they are offered 0 W.
        phases: fuses are limited in amperes on each phase (`csms.simulation.ampere_stations`).
    """

    faults: bool = True
    crashes: bool = True
    mirror: bool = True
    foreign_before_report: bool = False
    need_start_power: bool = False
    odd: bool = False
    energy: bool = False
    phases: bool = False


@dataclass(frozen=True, slots=True)
class Arrival:
    """A car that came; `stay_ms` is how long it would stay, None: until somebody stops it."""

    at_ms: int
    charger_id: ChargerId
    idx: int
    stay_ms: int | None
    car: object


class Central(Protocol):
    """The way to the central system."""

    def ask(self, make_fact: Callable[[RequestId], Fact], told: Callable[[Outcome], None]) -> None:
        """Hand in a fact whose reply goes to `told`, unless the process dies before."""
        ...

    def admit(self, charger_id: ChargerId) -> ConnectionId | None:
        """Return the id of a new connection, or None when the handshake is refused or nobody listens."""
        ...

    def enter(
        self, charger_id: ChargerId, connection: ConnectionId, take: Take, timeout_ms: int, address: str = ""
    ) -> Line:
        """Make a connection that was admitted the charger's current one; `take` hears what is said on it."""
        ...


@dataclass(slots=True)
class Surroundings:
    """One world's shared things; `calm` turns every fault off.

    `delayed_until_ms` tells until when a CALL to a charger is under way that is late, `server_ahead_ms` how far the
    server's wall clock is ahead of the true one.
    """

    clock: Clock
    rng: random.Random
    trace: Trace
    switches: Switches
    calm: bool = False
    faults: Faults = field(default_factory=Faults)
    odds: Odds = NOTHING_ODD
    odd_rng: random.Random = field(default_factory=lambda: random.Random(0))
    later_rng: random.Random = field(default_factory=lambda: random.Random(0))
    acts_rng: random.Random = field(default_factory=lambda: random.Random(0))
    energy_rng: random.Random = field(default_factory=lambda: random.Random(0))
    phases_rng: random.Random = field(default_factory=lambda: random.Random(0))
    arrivals: list[Arrival] = field(default_factory=list)
    delayed_until_ms: dict[ChargerId, int] = field(default_factory=dict)
    server_ahead_ms: int = 0
    start_confirmed: Callable[[StartKey, int], None] = lambda _key, _transaction_id: None
    obeys: Callable[[ChargerId], None] = lambda _charger_id: None
    _made: dict[str, int] = field(default_factory=dict)

    def chance(self, share: float) -> bool:
        """Return True with probability `share`."""
        return self.rng.random() < share

    def is_odd(self, share: float) -> bool:
        """Return True with probability `share`, from the dice of odd things; never in the calm."""
        return share > 0 and not self.calm and self.odd_rng.random() < share

    def is_later(self, share: float) -> bool:
        """Return True with probability `share`, from the dice of what came later than the other odd things."""
        return share > 0 and not self.calm and self.later_rng.random() < share

    def arrived(self, charger_id: ChargerId, idx: int, stay_ms: int | None, car: object) -> None:
        """Note a car that was drawn, as it is when it comes."""
        self.arrivals.append(Arrival(self.clock.now_ms, charger_id, idx, stay_ms, copy(car)))

    def number(self, kind: str) -> int:
        """Return 1, 2, 3, … for each kind of thing that needs a number."""
        self._made[kind] = self._made.get(kind, 0) + 1
        return self._made[kind]

    def session_id(self) -> SessionId:
        """Return a session id that was never used."""
        return SessionId(f"s{self.number('session')}")

    def wall_ms(self) -> int:
        """Return the true wall time, UTC ms."""
        return EPOCH_MS + self.clock.now_ms
