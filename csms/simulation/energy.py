"""The energy side of a world: battery, site meter and grid operator, what they tell, and what goes wrong with them.

Theory of operation. Each second the battery and the meter are read and become facts; set-points go to the battery as
soon as they are made, and again every five seconds as long as the process lives that made them. The grid operator says
that he lives, and tells limits; what is not answered is told again. All of it is as `csms.energy` and the REST API do.
What is true is here; what is known of it, `csms.simulation.root` reads.
"""

import random
from collections.abc import Callable
from functools import partial

from csms.core.commands import SetBattery
from csms.core.events import (
    BatteryReported,
    CapacityEventSet,
    CapacityEventWithdrawn,
    GridOperatorHeard,
    SiteMeterFailed,
    SiteMeterRead,
)
from csms.core.grid_terms import CapacityEvent
from csms.core.replies import Outcome
from csms.core.site_meter import Measures
from csms.core.station import Battery, Station
from csms.simulation.battery import BatteryModel
from csms.simulation.faults import Kind
from csms.simulation.grid import GridConnection
from csms.simulation.host import Host
from csms.simulation.site import SiteFate
from csms.simulation.surroundings import Surroundings

READ_MS = 1_000
REPEAT_MS = 5_000
TOLD_AGAIN_MS = 5_000
METERS = (Kind.SITE_METER_FROZEN, Kind.SITE_METER_ABSENT, Kind.SITE_METER_ABSURD)


class Energy:
    """What one site has beside its chargers.

    Attributes:
        battery: itself; None where there is none.
        said: the set-point that the running process has made last.
        shown_w: what the meter has shown last; meter_fault: what is wrong with it until `meter_fault_until_ms`.
    """

    def __init__(
        self, around: Surroundings, host: Host, grid: GridConnection, station: Callable[[], Station], fate: SiteFate
    ) -> None:
        self._around = around
        self._host = host
        self._grid = grid
        self._station = station
        self._fate = fate
        battery = station().battery
        self.battery = None if battery is None else _model(battery, fate)
        self.said: SetBattery | None = None
        self.shown_w: int | None = None
        self.meter_fault: Kind | None = None
        self.meter_fault_until_ms = 0
        self._silent_until_ms = 0
        self._quiet_until_ms = 0
        self._written_ms = 0
        self._heard = False
        self._told: list[str] = []
        host.tells_battery = self._tell

    @property
    def _rng(self) -> random.Random:
        return self._around.energy_rng

    def begin(self) -> None:
        """Begin to read, and to tell."""
        clock, station = self._around.clock, self._station()
        if self.battery is not None:
            clock.after(self._rng.randint(0, READ_MS), self._read_battery)
        if station.site_meter is not None:
            clock.after(self._rng.randint(0, READ_MS), self._read_meter)
        if station.grid_operator is not None:
            clock.after(self._rng.randint(0, READ_MS), self._live)
        fate = self._fate
        if self.battery is not None:
            self._every(fate.silent_ms, partial(self._silence, self.battery))
            self._every(fate.weak_ms, partial(self._weaken, self.battery))
            self._every(fate.refuses_ms, partial(self._refuse, self.battery))
            self._every(fate.trips_ms, partial(self._trip, self.battery))
            self._every(fate.jumps_ms, partial(self._jump, self.battery))
        if station.site_meter is not None:
            self._every(fate.meter_ms, self._break_meter)
        if station.grid_operator is not None:
            self._every(fate.event_ms, self._tell_limit)
            self._every(fate.quiet_ms, self._fall_silent)
        self._every(fate.base_ms, self._raise_base_load)

    def server_changed(self) -> None:
        """Notice that another process runs, or none: what the one before has said it does not say again."""
        self.said, self._heard = None, False

    def run(self, now_ms: int, elapsed_ms: int) -> None:
        """Let time pass for the battery."""
        if self.battery is not None:
            self.battery.run(now_ms, elapsed_ms)

    @property
    def battery_w(self) -> int:
        """Return what flows out of the battery now, W; below 0: into it."""
        return 0 if self.battery is None else self.battery.power_w

    # --- the battery -------------------------------------------------------------------------------------------------

    def _tell(self, command: SetBattery) -> None:
        self.said, self._written_ms = command, self._around.clock.now_ms
        self._write()

    def _write(self) -> None:
        now_ms = self._around.clock.now_ms
        if self.battery is None or self.said is None or now_ms < self._silent_until_ms:
            return
        if now_ms >= self.battery.refuses_until_ms:
            self.battery.tell(self.said, now_ms)

    def _is_at_work(self) -> bool:
        return self._host.engine is not None and self._around.clock.now_ms >= self._host.stalled_until_ms

    def _read_battery(self) -> None:
        around, battery = self._around, self.battery
        assert battery is not None, "it is read where there is one"
        around.clock.after(READ_MS, self._read_battery)
        if not self._is_at_work():
            return
        now_ms = around.clock.now_ms
        if now_ms - self._written_ms >= REPEAT_MS:
            self._written_ms = now_ms
            self._write()
        read_ms = now_ms - self._host.started_ms
        if now_ms >= self._silent_until_ms:
            self._heard = True
            self._host.post(BatteryReported(battery.reading(now_ms), read_ms))
        elif not self._heard:
            self._host.post(BatteryReported(None, read_ms))

    def _silence(self, battery: BatteryModel) -> None:
        del battery
        if self._strike(Kind.BATTERY_SILENT):
            self._silent_until_ms = self._in_ms(5, 150)

    def _weaken(self, battery: BatteryModel) -> None:
        if self._strike(Kind.BATTERY_WEAK):
            battery.weak_until_ms, battery.weak_percent = self._in_ms(20, 120), self._rng.choice((0, 50, 90))

    def _refuse(self, battery: BatteryModel) -> None:
        if self._strike(Kind.BATTERY_REFUSES):
            battery.refuses_until_ms = self._in_ms(20, 120)

    def _trip(self, battery: BatteryModel) -> None:
        if self._strike(Kind.BATTERY_TRIPS):
            battery.trips_until_ms = self._in_ms(20, 120)

    def _jump(self, battery: BatteryModel) -> None:
        if self._strike(Kind.BATTERY_JUMPS):
            battery.jump(self._rng.randint(0, 100) * 10_000)

    # --- the meter and the base load ---------------------------------------------------------------------------------

    def _read_meter(self) -> None:
        around, meter = self._around, self._station().site_meter
        around.clock.after(READ_MS, self._read_meter)
        if meter is None or not self._is_at_work():
            return
        is_well = around.clock.now_ms >= self.meter_fault_until_ms
        fault = None if is_well else self.meter_fault
        true_w = self._grid.house_now_w
        if meter.measures is Measures.GRID:
            true_w += self._grid.chargers_now_w - self.battery_w
        if fault is Kind.SITE_METER_ABSENT:
            self._host.post(SiteMeterFailed("no answer"))
        elif fault is Kind.SITE_METER_ABSURD:
            grid_w = self._station().grid_capacity_w
            if self._rng.random() < 0.4:
                self._host.post(SiteMeterFailed("what it tells is no number"))
            else:
                below = -1 if meter.measures is Measures.BASE_LOAD else -3 * grid_w
                self._host.post(SiteMeterRead(self._rng.choice((below, 3 * grid_w, 1_000 * grid_w))))
        else:
            if fault is not Kind.SITE_METER_FROZEN or self.shown_w is None:
                self.shown_w = true_w
            self._host.post(SiteMeterRead(self.shown_w, self._rng.choice((0, 0, 200, 900))))

    def _break_meter(self) -> None:
        kind = self._rng.choice(METERS)
        if self._strike(kind):
            self.meter_fault, self.meter_fault_until_ms = kind, self._in_ms(10, 90)

    @property
    def is_meter_frozen(self) -> bool:
        """Return whether the meter shows what it showed long ago, which nobody can know."""
        is_broken = self._around.clock.now_ms < self.meter_fault_until_ms
        return is_broken and self.meter_fault is Kind.SITE_METER_FROZEN

    def _raise_base_load(self) -> None:
        if self._grid.excess_w or not self._strike(Kind.BASE_LOAD):
            return
        self._grid.excess_w = int(self._station().grid_capacity_w * self._rng.uniform(0.02, 0.2))
        self._around.clock.after(self._rng.randint(10_000, 60_000), self._lower_base_load)

    def _lower_base_load(self) -> None:
        self._grid.excess_w = 0

    # --- the grid operator -------------------------------------------------------------------------------------------

    def _live(self) -> None:
        operator = self._station().grid_operator
        assert operator is not None, "he lives where there is one"
        self._around.clock.after(operator.silent_after_s * 1_000 // 3, self._live)
        if self._around.clock.now_ms >= self._quiet_until_ms:
            self._host.ask(lambda request: GridOperatorHeard(request, "dso"), lambda _outcome: None)

    def _fall_silent(self) -> None:
        if self._strike(Kind.OPERATOR_SILENT):
            self._quiet_until_ms = self._in_ms(30, 200)

    def _tell_limit(self) -> None:
        at_once = self._rng.random() < 0.4
        if not self._strike(Kind.CAPACITY_EVENT_AT_ONCE if at_once else Kind.CAPACITY_EVENT):
            return
        station, rng = self._station(), self._rng
        number = self._around.number("event")
        begins_ms = self._around.wall_ms() + (rng.randint(-10_000, 20_000) if at_once else rng.randint(30_000, 90_000))
        ends_ms = begins_ms + rng.randint(20_000, 200_000) if rng.random() < 0.8 else None
        capacity_w = int(station.grid_capacity_w * rng.uniform(0.3, 1.1))
        event = CapacityEvent(f"e{number % 6}", begins_ms, ends_ms, capacity_w, "dso", set_by="dso", set_ms=begins_ms)
        self._say(lambda request: CapacityEventSet(request, event), until_ms=self._in_ms(60, 60))
        if ends_ms is None:
            withdraw = partial(self._withdraw, event.event_id)
            self._around.clock.after(rng.randint(60_000, 200_000), withdraw)

    def _withdraw(self, event_id: str) -> None:
        fact = partial(CapacityEventWithdrawn, event_id=event_id, asked_by="dso")
        self._say(fact, until_ms=self._in_ms(600, 600))

    def _say(self, make_fact: Callable[..., CapacityEventSet | CapacityEventWithdrawn], until_ms: int) -> None:
        """Tell something, and again until it is answered, but for so long only."""
        answers: list[Outcome] = []
        if self._around.clock.now_ms > until_ms:
            return
        self._host.ask(make_fact, answers.append)

        def again() -> None:
            if not answers:
                self._say(make_fact, until_ms)

        self._around.clock.after(TOLD_AGAIN_MS, again)

    # --- dice --------------------------------------------------------------------------------------------------------

    def _strike(self, kind: Kind) -> bool:
        return self._around.faults.strike(kind)

    def _in_ms(self, least_s: int, most_s: int) -> int:
        return self._around.clock.now_ms + self._rng.randint(least_s, most_s) * 1_000

    def _every(self, mean_ms: int, action: Callable[[], object]) -> None:
        if not mean_ms:
            return

        def act() -> None:
            if not self._around.calm:
                action()
                self._every(mean_ms, action)

        self._around.clock.after(int(self._rng.expovariate(1 / mean_ms)) + 100, act)

    def calm_down(self) -> None:
        """End what goes wrong, and what comes and goes."""
        self._grid.is_steady = True
        now_ms = self._around.clock.now_ms
        self._silent_until_ms = self._quiet_until_ms = self.meter_fault_until_ms = now_ms
        if self.battery is not None:
            battery = self.battery
            battery.refuses_until_ms = battery.trips_until_ms = battery.weak_until_ms = now_ms


def _model(battery: Battery, fate: SiteFate) -> BatteryModel:
    model = BatteryModel(battery, fate.lag_ms, fate.hold_ms, 0)
    model.jump(fate.soc_percent * 10_000)
    return model
