"""The clock of a day: chargers' facts to the real core, its commands to the chargers, and a look at every row.

From one event to the next nothing changes but energies. Events are arrivals, departures and meter values (a heap), a
car that has its energy, and the time at which the engine wants to be called. What happens at one instant goes to the
engine in one step. A command is with its charger at once and answered after `ANSWER_MS`, when it has taken effect.
"""

import heapq
from collections.abc import Callable, Iterator
from typing import Final

from csms.core.commands import AbortConnection, Command, RemoteStop, SetLimit
from csms.core.engine import Engine, Step
from csms.core.events import (
    BootInfo,
    CallSent,
    ChargerBooted,
    ChargerConnected,
    ChargerHeard,
    Fact,
    MeterSampled,
    Sample,
    StartKey,
    StatusNotified,
    TagStatus,
    TransactionStarted,
    TransactionStopped,
)
from csms.core.ids import ChargerId, ConnectionId, Now, RequestId, SessionId
from csms.core.records import Snapshot
from csms.core.replies import StartConfirmed
from csms.core.station import GRID, Control, Station
from csms.core.tree import circuit_path
from csms.day.charger import MJ_PER_WH, Outlet, SimulatedCharger
from csms.day.document import HOUR_MS, MINUTE_MS, Visit
from csms.day.figures import CarFigures, Figures, Moment, RowFigures

MIDNIGHT_MS: Final = 1_799_971_200_000
"""Some midnight, UTC; the day has no date."""

ANSWER_MS: Final = 200
PLUG_MS: Final = 5_000
"""From the plug to the card."""

SETTING_UP_MS: Final = 10 * MINUTE_MS
"""The chargers come up before midnight, so long that all of them are set up then."""

COURSE_MS: Final = 5 * MINUTE_MS
SAME_INSTANT_MAX: Final = 100


def run(station: Station, visits: tuple[Visit, ...]) -> Figures:
    """Return the figures of the day of `visits`, 24 h long or until the last of them that is known leaves."""
    day = _Day(station, visits)
    day.run()
    return day.figures


class _Day:
    def __init__(self, station: Station, visits: tuple[Visit, ...]) -> None:
        self.figures = Figures(station.station_id)
        self._now_ms = -SETTING_UP_MS
        self._ends_ms = max(24 * HOUR_MS, *(visit.leaves_ms or 0 for visit in visits)) + MINUTE_MS
        self._engine = Engine(Snapshot(station=station), self._now())
        self._chargers = {
            config.charger_id: SimulatedCharger(config)
            for config in station.chargers
            if config.control in {Control.AUTO, Control.OCPP}
        }
        self._paths = {config.charger_id: circuit_path(station, config.circuit) for config in station.chargers}
        for row in (GRID, *(circuit.circuit_id for circuit in station.circuits), *self._chargers):
            self.figures.rows[row] = RowFigures(self._engine.node_capacity_w(row))
        self._agenda: list[tuple[int, int, Callable[[], None]]] = []
        self._facts: list[Fact] = []
        self._starting: dict[RequestId, Outlet] = {}
        self._numbers = 0
        for charger_id in self._chargers:
            self._come_up(charger_id)
        for visit in visits:
            self._at(visit.arrives_ms, lambda visit=visit: self._arrive(visit))  # type: ignore[misc]
        self._at(0, self._look)

    # --- time ---------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        self._step()
        while (at_ms := self._next_ms()) <= self._ends_ms:
            self._pass(at_ms - self._now_ms)
            self._now_ms = at_ms
            while self._agenda and self._agenda[0][0] <= at_ms:
                heapq.heappop(self._agenda)[2]()
            for outlet in self._outlets():
                if outlet.power_w and outlet.missing_mj <= 0:
                    self._charged(outlet)
            self._step()

    def _now(self) -> Now:
        return Now(self._now_ms + HOUR_MS, self._now_ms + MIDNIGHT_MS)

    def _at(self, at_ms: int, do: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (at_ms, self._number(), do))

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _next_ms(self) -> int:
        due_ms = self._engine.next_due_ms()
        times = [self._now_ms - (-outlet.missing_mj // outlet.power_w) for outlet in self._outlets() if outlet.power_w]
        times += [] if due_ms is None else [due_ms - HOUR_MS]
        times += [self._agenda[0][0]] if self._agenda else []
        return min(times, default=self._ends_ms + 1)

    def _pass(self, dt_ms: int) -> None:
        """Let time pass and count what it brought."""
        assert dt_ms >= 0, "time goes forward"
        drawn_w = dict.fromkeys(self.figures.rows, 0)
        for charger_id, charger in self._chargers.items():
            for row in (charger_id, *self._paths[charger_id]):
                drawn_w[row] += charger.power_w
        for row, power_w in drawn_w.items():
            self.figures.rows[row].draw(power_w, dt_ms)
        for outlet in self._outlets():
            if outlet.visit is not None:
                car = self.figures.cars[outlet.visit.name]
                car.power_max_w = max(car.power_max_w, outlet.power_w if dt_ms else 0)
                car.paused_ms += dt_ms if outlet.power_w == 0 and outlet.missing_mj > 0 else 0
                outlet.flow(dt_ms)

    def _outlets(self) -> Iterator[Outlet]:
        return (outlet for charger in self._chargers.values() for outlet in charger.outlets.values())

    # --- the core -----------------------------------------------------------------------------------------------------

    def _step(self) -> None:
        """Take what has happened to the engine until nothing more follows at this instant, then note what is booked."""
        for _ in range(SAME_INSTANT_MAX):
            self._facts += self._new_statuses()
            facts, self._facts = self._facts, []
            self._take(self._engine.step(facts, self._now()))
            if not self._facts:
                break
        else:
            raise AssertionError(f"more than {SAME_INSTANT_MAX} steps at one instant")
        if self._now_ms >= 0:
            for row, booked_w in self._engine.rows_booked_w().items():
                if row in self.figures.rows:
                    figures = self.figures.rows[row]
                    figures.booked_max_w = max(figures.booked_max_w, booked_w)

    def _take(self, step: Step) -> None:
        for reply in step.replies:
            outlet = self._starting.pop(reply.request, None)
            if outlet is not None and isinstance(reply.outcome, StartConfirmed):
                outlet.transaction_id = reply.outcome.transaction_id
                charger = self._chargers[outlet.key.charger_id]
                charger.obey()
                self._sample_later(charger)
        for command in (*step.at_once, *step.after_commit):
            self._carry(command)

    def _carry(self, command: Command) -> None:
        assert not isinstance(command, AbortConnection | RemoteStop), f"a charger that obeys is not met with {command}"
        self.figures.limits += isinstance(command, SetLimit)
        self._facts.append(CallSent(command.token))
        charger = self._chargers[command.charger_id]
        self._at(self._now_ms + ANSWER_MS, lambda: self._facts.append(charger.answer(command)))

    # --- chargers and cars --------------------------------------------------------------------------------------------

    def _come_up(self, charger_id: ChargerId) -> None:
        connection = ConnectionId(self._number())
        self._facts += [
            ChargerConnected(charger_id, connection),
            ChargerHeard(charger_id, connection),
            ChargerBooted(charger_id, connection, BootInfo("Example", "Well behaved")),
        ]
        for outlet in self._chargers[charger_id].outlets.values():
            self._facts.append(StatusNotified(charger_id, outlet.key.idx, outlet.status))

    def _new_statuses(self) -> list[Fact]:
        facts: list[Fact] = []
        for outlet in self._outlets():
            status = outlet.status_now()
            if status is not outlet.status:
                outlet.status = status
                facts.append(StatusNotified(outlet.key.charger_id, outlet.key.idx, status))
        return facts

    def _arrive(self, visit: Visit) -> None:
        outlet = self._chargers[visit.key.charger_id].outlets[visit.key.idx]
        assert outlet.visit is None, "one car at a time"
        outlet.visit, outlet.taken_mj = visit, 0
        connector = f"{visit.key.charger_id}#{visit.key.idx}"
        self.figures.cars[visit.name] = CarFigures(visit.name, connector, visit.arrives_ms, visit.energy_wh)
        self._at(self._now_ms + PLUG_MS, lambda: self._start(outlet))
        if visit.leaves_ms is not None:
            self._at(visit.leaves_ms, lambda: self._leave(outlet))

    def _start(self, outlet: Outlet) -> None:
        request = RequestId(self._number())
        self._starting[request] = outlet
        key = StartKey(outlet.key.charger_id, outlet.key.idx, f"TAG{request}", self._now().wall_ms, outlet.meter_wh)
        self._facts.append(
            TransactionStarted(key, TagStatus.ACCEPTED, SessionId(f"session-{request}"), request=request)
        )

    def _charged(self, outlet: Outlet) -> None:
        assert outlet.visit is not None, "power flows into a car"
        self.figures.cars[outlet.visit.name].charged_ms = self._now_ms
        if outlet.visit.leaves_ms is None:
            self._leave(outlet)
        else:
            outlet.follow()

    def _leave(self, outlet: Outlet) -> None:
        visit, transaction_id = outlet.visit, outlet.transaction_id
        assert visit is not None, "a car leaves once"
        assert transaction_id is not None, "a car has started before it leaves"
        car = self.figures.cars[visit.name]
        car.left_ms, car.energy_wh = self._now_ms, outlet.taken_mj // MJ_PER_WH
        outlet.visit = None
        self._chargers[outlet.key.charger_id].end(outlet)
        stopped = TransactionStopped(
            outlet.key.charger_id,
            transaction_id,
            outlet.meter_wh,
            self._now().wall_ms,
            SessionId(f"session-{self._number()}"),
        )
        self._facts.append(stopped)

    def _sample_later(self, charger: SimulatedCharger) -> None:
        """Send meter values at the next multiple of the charger's interval; a charger does so once at a time."""
        if not charger.samples:
            charger.samples = True
            at_ms = (self._now_ms // charger.sample_ms + 1) * charger.sample_ms
            self._at(at_ms, lambda: self._sample(charger))

    def _sample(self, charger: SimulatedCharger) -> None:
        charger.samples = False
        running = [outlet for outlet in charger.outlets.values() if outlet.transaction_id is not None]
        for outlet in running:
            sample = Sample(self._now().wall_ms, outlet.power_w, outlet.meter_wh)
            self._facts.append(MeterSampled(charger.charger_id, outlet.key.idx, outlet.transaction_id, (sample,)))
        if running:
            self._sample_later(charger)

    def _look(self) -> None:
        """Note the course of the day."""
        drawn_w = {str(charger_id): charger.power_w for charger_id, charger in self._chargers.items()}
        allowed_w = {
            outlet.visit.name: outlet.limit_w
            for outlet in self._outlets()
            if outlet.visit is not None and outlet.limit_w is not None
        }
        self.figures.course.append(Moment(self._now_ms, drawn_w, allowed_w))
        self._at(self._now_ms + COURSE_MS, self._look)
