"""A REST client that charges one car on a charger without OCPP and obeys what it is told (API.md).

It posts a session, updates it now and then with what it consumes, and stops it. One that echoes may miss answers: it
goes on obeying the last number that it has read. One that does not echo misses no answer while the server lives.
"""

from dataclasses import dataclass

from csms.core.events import PowerUpdated, SessionRequested, SessionStopRequested
from csms.core.ids import ConnectorKey, SessionId
from csms.core.records import Driver
from csms.core.replies import Outcome, SessionShown
from csms.simulation.faults import Kind
from csms.simulation.surroundings import Central, Surroundings

VALID_FOR_MS = 60_000
"""`validForS` of an answer that is not all firm (API.md)."""


@dataclass(frozen=True, slots=True)
class ClientsCar:
    """A car as its client tells it; `echoes`: the client says what it was told last."""

    vehicle_max_w: int
    echoes: bool


class RestClient:
    """One car driven over REST."""

    def __init__(
        self, around: Surroundings, central: Central, key: ConnectorKey, vehicle_max_w: int, *, echoes: bool
    ) -> None:
        self.key = key
        self.session_id: SessionId | None = None
        self.obeyed_w = 0
        self.wants_w = vehicle_max_w
        self._is_sure = True
        self.is_gone = False
        self.told_ms = 0
        self._vehicle_max_w = vehicle_max_w
        self._echoes = echoes
        self._around = around
        self._central = central
        self._awaits = 0
        self._heard_ms = 0

    @property
    def car(self) -> ClientsCar:
        """Return what was drawn of it."""
        return ClientsCar(self._vehicle_max_w, self._echoes)

    @property
    def draw_w(self) -> int:
        """Return what its car draws now, W."""
        return min(self.obeyed_w, self.wants_w)

    def _fall_back(self, told_ms: int, firm_w: int) -> None:
        """Take what is firm when no answer has come for as long as the last one was valid."""
        if self._heard_ms == told_ms:
            self.obeyed_w = min(self.obeyed_w, firm_w)

    @property
    def is_sure(self) -> bool:
        """Return whether what it obeys is the last answer: one that does not echo is unsure while it waits for one."""
        return self._is_sure and (self._echoes or not self._awaits)

    def start(self) -> None:
        """Post the session."""
        new_session_id = self._around.session_id()
        self._central.ask(
            lambda request: SessionRequested(
                request, self.key.charger_id, self.key.idx, self._vehicle_max_w, "5E450001", new_session_id
            ),
            self._begun,
        )
        self._around.clock.after(self._pause_ms(), self._update)

    def stop(self) -> None:
        """Stop charging, then say so; said again until it is heard."""
        self.obeyed_w = 0
        self.wants_w = 0
        self.is_gone = True
        self._say_stop()

    def turned_away(self) -> None:
        """Notice that some of what was asked will not be answered: it may not have the last answer any more."""
        self._is_sure = self._echoes

    def server_died(self) -> None:
        """Notice that requests under way will never be answered."""
        if self._awaits:
            self._is_sure = self._echoes
            self._awaits = 0

    def _say_stop(self) -> None:
        session_id = self.session_id
        if session_id is None:
            return

        def told(_outcome: Outcome) -> None:
            self.session_id = None

        self._central.ask(lambda request: SessionStopRequested(request, session_id), told)
        self._around.clock.after(15_000, self._say_stop)

    def _begun(self, outcome: Outcome) -> None:
        if not isinstance(outcome, SessionShown):
            self.is_gone = True
            return
        self.session_id = outcome.session.session_id
        if self.is_gone:
            self._say_stop()
        else:
            self._told(outcome, self._around.clock.now_ms)

    def _update(self) -> None:
        if self.is_gone:
            return
        self._around.clock.after(self._pause_ms(), self._update)
        session_id = self.session_id
        if session_id is None or (not self._around.calm and self._around.chance(0.1)):
            return
        due = self._echoes and not self._around.calm and self._around.chance(0.2)
        loses_answer = due and self._around.faults.strike(Kind.LOST_REST_ANSWER)
        echo_w = self.obeyed_w if self._echoes else None
        consumed_w = self.draw_w
        self._awaits += 1
        asked_ms = self._around.clock.now_ms

        def told(outcome: Outcome) -> None:
            self._awaits -= 1
            if not loses_answer and not self.is_gone:
                self._told(outcome, asked_ms)

        self._central.ask(lambda request: PowerUpdated(request, session_id, consumed_w, echo_w), told)

    def _told(self, outcome: Outcome, asked_ms: int) -> None:
        if isinstance(outcome, SessionShown) and outcome.session.driver is Driver.OCPP:
            self.is_gone = True  # its charger has come over OCPP and begun a transaction: that is what charges the car
            self.obeyed_w = 0
        elif isinstance(outcome, SessionShown):
            self.obeyed_w = outcome.session.allocated_w
            self.told_ms = asked_ms
            self._is_sure = True
            self._heard_ms = now_ms = self._around.clock.now_ms
            firm_w = outcome.session.firm_w
            if firm_w is not None:
                self._around.clock.after(VALID_FOR_MS, lambda: self._fall_back(now_ms, firm_w))

    def _pause_ms(self) -> int:
        due = not self._around.calm and self._around.chance(0.05)
        if due and self._around.faults.strike(Kind.SILENT_REST_CLIENT):
            return self._around.rng.randint(60_000, 120_000)
        return self._around.rng.randint(5_000, 25_000)
