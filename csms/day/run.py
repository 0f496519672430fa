"""The clock of a day: chargers' facts to the real core, its commands to the chargers, and a look at every row.

From one event to the next nothing changes but energies. Events are arrivals, departures, meter values and what
changes on the site (a heap), a car that has its energy, a battery that is full or empty, and the time at which the
engine wants to be called. What happens at one instant goes to the engine in one step. A command is with its charger
at once and answered after `ANSWER_MS`, when it has taken effect; the battery follows at once.

The grid connection is *above* its capacity when more flows through it than it may be loaded with then: by what is
drawn, not by what the core counts as base load.
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
from csms.core.phase_rows import phase_name
from csms.core.records import Snapshot
from csms.core.replies import StartConfirmed
from csms.core.rows import SIXTHS
from csms.core.station import GRID, Control, Station
from csms.core.tree import circuit_path
from csms.day.charger import Outlet, SimulatedCharger
from csms.day.document import HOUR_MS, HOURS_MAX, MINUTE_MS, Day, Visit
from csms.day.figures import MJ_PER_WH, BatteryFigures, CarFigures, Figures, Moment, RowFigures
from csms.day.site import READ_MS, Site, phase_capacities, watts

MIDNIGHT_MS: Final = 1_799_971_200_000
"""Some midnight, UTC, of a Friday; the day has no date, and the station's clock shows UTC."""

ANSWER_MS: Final = 200
PLUG_MS: Final = 5_000
"""From the plug to the card."""

SETTING_UP_MS: Final = 20 * MINUTE_MS
"""The chargers come up so long before the day begins: all of them are set up then."""

QUIET_MS: Final = HOUR_MS
"""The day begins so long before the first car comes, and ends so long after the last one has left."""

LENGTH_MAX_MS: Final = (HOURS_MAX + 1) * HOUR_MS

MONO_MS: Final = 2 * HOUR_MS
"""Monotonic time at midnight, so that none is below 0."""

COURSE_MS: Final = 5 * MINUTE_MS
SAME_INSTANT_MAX: Final = 100


def run(station: Station, day: Day) -> Figures:
    """Return the figures of a day, from before the first of its cars to after the last."""
    running = _Running(station, day)
    running.run()
    return running.figures


class _Running:
    def __init__(self, station: Station, day: Day) -> None:
        self.figures = Figures(station.station_id, grid_capacity_w=station.grid_capacity_w)
        self.figures.battery = None if station.battery is None else BatteryFigures()
        self._station = station
        begins_ms = day.visits[0].arrives_ms - QUIET_MS
        self._begins_ms = begins_ms - begins_ms % COURSE_MS
        self._now_ms = self._begins_ms - SETTING_UP_MS
        self._ends_ms = LENGTH_MAX_MS
        self._cars_left = len(day.visits)
        self._is_to_look = False
        self._site = Site(station, day.base_load, self._now_ms)
        self._engine = Engine(Snapshot(station=station), self._now())
        self._chargers = {
            config.charger_id: SimulatedCharger(config)
            for config in station.chargers
            if config.control in {Control.AUTO, Control.OCPP}
        }
        self._paths = {config.charger_id: circuit_path(station, config.circuit) for config in station.chargers}
        self._in_phases = phase_capacities(station)
        for row in (GRID, *(circuit.circuit_id for circuit in station.circuits), *self._chargers):
            capacity_w, in_phases = self._engine.node_capacity_w(row), self._in_phases.get(row)
            if capacity_w is not None or in_phases is None:
                self.figures.rows[row] = RowFigures(capacity_w)
            for line, cap in enumerate(in_phases or (), 1):
                self.figures.rows[phase_name(row, line)] = RowFigures(watts(cap))
        self._agenda: list[tuple[int, int, Callable[[], None]]] = []
        self._facts: list[Fact] = []
        self._starting: dict[RequestId, Outlet] = {}
        self._numbers = 0
        for charger_id in self._chargers:
            self._come_up(charger_id)
        if self._site.is_heard:
            self._hear()
        for change_ms in self._site.changes_ms(self._now_ms, LENGTH_MAX_MS):
            self._at(change_ms, lambda: None)
        for visit in day.visits:
            self._at(visit.arrives_ms, lambda visit=visit: self._arrive(visit))  # type: ignore[misc]
        self._at(self._begins_ms, self._look_later)

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
            if self._is_to_look:
                self._look()

    def _now(self) -> Now:
        return Now(self._now_ms + MONO_MS, self._now_ms + MIDNIGHT_MS)

    def _at(self, at_ms: int, do: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (at_ms, self._number(), do))

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _next_ms(self) -> int:
        due_ms = self._engine.next_due_ms()
        times = [self._now_ms - (-outlet.missing_mj // outlet.power_w) for outlet in self._outlets() if outlet.power_w]
        battery_ends_ms = self._site.battery_ends_ms()
        times += [] if due_ms is None else [due_ms - MONO_MS]
        times += [] if battery_ends_ms is None else [battery_ends_ms]
        times += [self._agenda[0][0]] if self._agenda else []
        return min(times, default=self._ends_ms + 1)

    def _pass(self, dt_ms: int) -> None:
        """Let time pass and count what it brought."""
        assert dt_ms >= 0, "time goes forward"
        self._pass_on_rows(dt_ms)
        for outlet in self._outlets():
            if outlet.visit is not None:
                car = self.figures.cars[outlet.visit.name]
                car.power_max_w = max(car.power_max_w, outlet.power_w if dt_ms else 0)
                car.paused_ms += dt_ms if outlet.power_w == 0 and outlet.missing_mj > 0 else 0
                outlet.flow(dt_ms)

    def _pass_on_rows(self, dt_ms: int) -> None:
        drawn_w, rows = self._drawn_w(), self.figures.rows
        cars_w, site, now_ms = drawn_w[GRID], self._site, self._now_ms
        grid_w = site.grid_w(cars_w, now_ms)
        for row, power_w in drawn_w.items():
            if row in rows and row != GRID:
                rows[row].draw(power_w, dt_ms)
        for row, drawn in self._drawn_on_phases().items():
            rows[row].draw(watts(drawn), dt_ms)
        if GRID in rows:
            left_w = site.limit_w(now_ms) - (grid_w - cars_w)
            rows[GRID].draw(cars_w, dt_ms, self._engine.node_capacity_w(GRID), left_w)
        if dt_ms:
            self.figures.grid_max_w = max(self.figures.grid_max_w, grid_w)
        if self.figures.battery is not None:
            power_w, charge_ppm = site.battery_w(now_ms), site.charge_ppm(now_ms + dt_ms)
            assert charge_ppm is not None, "there is a battery"
            self.figures.battery.flow(power_w, charge_ppm, dt_ms)

    def _drawn_w(self) -> dict[str, int]:
        """Return what cars draw on every row, W."""
        drawn_w = {GRID: 0} | {circuit.circuit_id: 0 for circuit in self._station.circuits}
        for charger_id, charger in self._chargers.items():
            for row in (charger_id, *self._paths[charger_id]):
                drawn_w[row] = drawn_w.get(row, 0) + charger.power_w
        return drawn_w

    def _drawn_on_phases(self) -> dict[str, int]:
        """Return what cars draw on every phase that has a limit, sixths of a watt; who says no rotation has none."""
        drawn = {phase_name(row, line): 0 for row in self._in_phases for line in (1, 2, 3)}
        for config in self._station.chargers if drawn else ():
            if config.charger_id not in self._chargers:
                continue
            for outlet in self._chargers[config.charger_id].outlets.values():
                for own in outlet.lines:
                    line = own if config.rotation is None else config.rotation[own - 1]
                    for row in self._paths[config.charger_id]:
                        if row in self._in_phases:
                            drawn[phase_name(row, line)] += SIXTHS * outlet.power_w // len(outlet.lines)
        return drawn

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
        if self._now_ms >= self._begins_ms:
            booked = {row: watts(each) for row, each in self._engine.phases_booked().items()}
            for row, booked_w in (*self._engine.rows_booked_w().items(), *booked.items()):
                if row in self.figures.rows:
                    figures = self.figures.rows[row]
                    figures.booked_max_w = max(figures.booked_max_w, booked_w)
            if GRID in self.figures.rows:
                self.figures.rows[GRID].has(self._engine.node_capacity_w(GRID))

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
        if step.battery is not None:
            self._site.follow(step.battery, self._now_ms)

    def _hear(self) -> None:
        """Have the core hear of the site, and again in a while."""
        request = RequestId(self._number())
        cars_w = self._drawn_w()[GRID]
        self._facts += self._site.facts(cars_w, self._now_ms, self._now().mono_ms, request)
        self._at(self._now_ms + READ_MS, self._hear)

    def _carry(self, command: Command) -> None:
        assert not isinstance(command, AbortConnection | RemoteStop), f"a charger that obeys is not met with {command}"
        self.figures.limits += isinstance(command, SetLimit)
        self._facts.append(CallSent(command.token))
        charger = self._chargers[command.charger_id]
        self._at(self._now_ms + ANSWER_MS, lambda: self._facts.append(charger.answer(command, self._now_ms)))

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
        self._cars_left -= 1
        if not self._cars_left:
            self._ends_ms = self._now_ms + QUIET_MS
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
            sample = Sample(self._now().wall_ms, outlet.power_w, outlet.meter_wh, current_ma=outlet.current_ma)
            self._facts.append(MeterSampled(charger.charger_id, outlet.key.idx, outlet.transaction_id, (sample,)))
        if running:
            self._sample_later(charger)

    def _look_later(self) -> None:
        """Have the course of the day noted when all that happens at this instant has."""
        self._is_to_look = True
        self._at(self._now_ms + COURSE_MS, self._look_later)

    def _look(self) -> None:
        """Note the course of the day."""
        self._is_to_look = False
        drawn_w = {str(charger_id): charger.power_w for charger_id, charger in self._chargers.items()}
        allowed_w = {
            outlet.visit.name: outlet.allowed_w
            for outlet in self._outlets()
            if outlet.visit is not None and outlet.allowed_w is not None
        }
        site, now_ms = self._site, self._now_ms
        plain_w = max(0, site.limit_w(now_ms) - self._station.static_load_w)
        in_watts_w = self._engine.node_capacity_w(GRID)
        limit_w = plain_w if in_watts_w is None else in_watts_w
        phases_w = None
        if GRID in self._in_phases:
            drawn = self._drawn_on_phases()
            on_l1, on_l2, on_l3 = [watts(drawn[phase_name(GRID, line)]) for line in (1, 2, 3)]
            phases_w = on_l1, on_l2, on_l3
        battery = site.battery_w(now_ms), site.charge_ppm(now_ms)
        self.figures.course.append(Moment(now_ms, drawn_w, allowed_w, limit_w, plain_w, *battery, phases_w))
