"""Drives an engine with a battery at its grid connection, which is read every second."""

from collections.abc import Coroutine
from dataclasses import replace
from typing import TypeVar

from csms.core.battery import BatteryReading
from csms.core.commands import Call, Purpose, ReadSchedule, SetBattery, SetLimit
from csms.core.engine import Engine, Step
from csms.core.events import BatteryReported, ConnectorStatus, Fact, ScheduleRead
from csms.core.station import Battery, Station
from csms.energy.modelled import ModelledBattery
from tests.unit.core.driving import KW, T0_MONO_MS, Drive, charger, station

BATTERY = Battery(200 * KW, 200 * KW)
"""That of the documented scenario: 200 kWh, 200 kW."""


def site(battery: Battery | None = BATTERY, grid_kw: int = 400) -> Station:
    """Return the station of the documented scenario: 400 kW, 3 kW of other load, two chargers of 300 kW."""
    plain = station(grid_kw, charger("A", 300, 2), charger("B", 300, 2), static_kw=3)
    return replace(plain, battery=battery)


R = TypeVar("R")


def at_once(work: Coroutine[None, None, R]) -> R:
    """Return what a coroutine that never waits returns."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    raise AssertionError("the computed battery waits for something")


class Powered(Drive):
    """A drive with a computed battery.

    Attributes:
        wants: what the cars want, kW, by connector.
        told: every set-point, with its time in seconds.
        hears: the battery can be read; follows: it does what it is told; spoil: replaces figures of what is read.
        keeps_expiry: chargers show that they let limits expire.
    """

    def __init__(self, site_: Station, soc_percent: int = 100) -> None:
        assert site_.battery is not None
        self.wants: dict[tuple[str, int], float] = {}
        self.told: list[tuple[float, SetBattery]] = []
        self.hears = True
        self.keeps_expiry = True
        self.spoil: dict[str, int | None] = {}
        self.follows = True
        self.said_ms: dict[tuple[str, int], tuple[int, SetLimit]] = {}
        self.word: BatteryReported | None = None
        self.now_ms = 0
        self.model = ModelledBattery(site_.battery, lambda: T0_MONO_MS + self.now_ms, soc_percent * 10_000)
        super().__init__(site_)

    # --- the battery --------------------------------------------------------------------------------------------------

    def do(self, *facts: Fact) -> Step:
        step = super().do(*facts)
        if step.battery is not None:
            self.told.append((self.now_ms / 1_000, step.battery))
            if self.follows:
                at_once(self.model.write(step.battery))
        for command in (*step.at_once, *step.after_commit):
            if isinstance(command, SetLimit) and command.purpose is Purpose.TX:
                self.said_ms[command.charger_id, command.idx] = (self.now_ms, command)
        return step

    def _check_recovery(self) -> None:
        """Look seldom: most steps here are readings, and there are many."""
        if self.now_ms % 20_000 == 0:
            super()._check_recovery()

    def recovered(self) -> Engine:
        """Return what a restart would make of what is durable, the battery having been read before anything else."""
        engine = super().recovered()
        if self.word is not None:
            reading, told = self.word.reading, self.last.battery
            if reading is not None and told is not None:  # it is written at once, and the next reading shows it
                reading = replace(reading, set_point_w=told.power_w)
            engine.step([BatteryReported(reading, self.now.mono_ms)], self.now)
        return engine

    def read(self) -> BatteryReading:
        """Return what the battery says of itself."""
        return replace(at_once(self.model.read()), **self.spoil)  # type: ignore[arg-type]

    def report(self) -> None:
        """Have the battery read now."""
        if self.hears:
            self.say(self.read())

    def say(self, reading: BatteryReading | None) -> None:
        """Have its driver say so."""
        self.word = BatteryReported(reading, self.now.mono_ms)
        self.do(self.word)

    @property
    def battery_kw(self) -> float:
        return self.model.power_w / KW

    # --- time ---------------------------------------------------------------------------------------------------------

    def on(self, seconds: int) -> None:
        """Let seconds pass: the battery is read in each, cars are metered every fifth, chargers accept every limit."""
        for _ in range(seconds):
            self.wait(1)
            self.report()
            if self.now_ms // 1_000 % 5 == 0:
                for (charger_id, idx), power_kw in self.wants.items():
                    _, limit = self.said_ms[charger_id, idx]
                    self.sample(charger_id, idx, min(int(power_kw * KW), limit.limit_w))
            self.accept()

    # --- chargers -----------------------------------------------------------------------------------------------------

    def answer(self, call: Call, status: str = "Accepted") -> Step:
        if not isinstance(call, ReadSchedule) or call.duration_s == 60:
            return super().answer(call, status)
        self.open_calls.remove(call)
        at_ms, limit = self.said_ms[call.charger_id, call.idx]
        if not self.keeps_expiry or limit.expires_to_w is None:
            return self.do(ScheduleRead(call.token, None, limit.limit_w))
        left_s = 300 - (self.now_ms - at_ms) // 1_000
        return self.do(ScheduleRead(call.token, None, limit.limit_w, left_s, None, limit.expires_to_w))

    def plug_in(self, charger_id: str, idx: int, kw: float = 150) -> int:
        """Start a car that draws so much of what it is told."""
        transaction_id = self.start(charger_id, idx)
        self.status(charger_id, idx, ConnectorStatus.CHARGING)
        self.wants[charger_id, idx] = kw
        return transaction_id
