"""The shell around a battery's driver: what is read and written when."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from csms.core.battery import BatteryReading
from csms.core.commands import SetBattery
from csms.core.events import BatteryReported
from csms.core.station import Battery
from csms.energy import watch
from csms.energy.ports import Unheard
from csms.energy.watch import BatteryWatch

BATTERY, OTHER = Battery(200_000, 100_000), Battery(200_000, 50_000)
READING = BatteryReading(700_000, 0, 100_000, 100_000, 0, None)
GIVE, TAKE = SetBattery(50_000, 100_000), SetBattery(-20_000, 100_000)


class Driver:
    """A battery that answers what it is told to."""

    def __init__(self, soc_ppm: int | None) -> None:
        self.soc_ppm = soc_ppm
        self.says: BatteryReading | Unheard = READING
        self.written: list[SetBattery] = []
        self.hangs = False
        self.closed = False
        self.told = asyncio.Event()

    async def read(self) -> BatteryReading | Unheard:
        if self.hangs:
            await asyncio.Event().wait()
        return self.says

    async def write(self, set_point: SetBattery) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        self.written.append(set_point)
        self.told.set()

    async def close(self) -> None:
        self.closed = True


class Bench:
    """A watch, its drivers and what it handed in."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.drivers: list[Driver] = []
        self.first_says: BatteryReading | Unheard = READING
        self.facts: list[BatteryReported] = []
        self.heard = asyncio.Event()
        self.watch = BatteryWatch(self._make, lambda: self, lambda: self.now_ms)
        self.watch.configured(BATTERY)

    def _make(self, _: Battery, soc_ppm: int | None) -> Driver:
        self.drivers.append(Driver(soc_ppm))
        self.drivers[-1].says = self.first_says
        return self.drivers[-1]

    def submit(self, fact: BatteryReported) -> None:
        self.facts.append(fact)
        self.heard.set()

    async def after(self, ms: int) -> None:
        self.now_ms += ms
        await self.watch.look()


def play(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scene)


def test_it_is_read_every_second() -> None:
    async def scene() -> None:
        bench = Bench()
        for ms in (0, 500, 499, 1, 1_000):
            await bench.after(ms)
        assert bench.facts == [BatteryReported(READING, at_ms) for at_ms in (0, 1_000, 2_000)]

    play(scene())


def test_a_set_point_leaves_at_once_and_again_and_the_newest_counts() -> None:
    async def scene() -> None:
        bench = Bench()
        await bench.after(0)
        bench.watch.send(GIVE)
        bench.watch.send(TAKE)
        for ms in (1, 4_998, 2, 4_999):
            await bench.after(ms)
        assert bench.drivers[0].written == [TAKE, TAKE]
        assert len(bench.facts) == 3, "writing is no reason to read"

    play(scene())


def test_another_battery_gets_another_driver_which_is_told_its_charge_and_the_set_point() -> None:
    async def scene() -> None:
        bench = Bench()
        bench.watch.send(GIVE)
        await bench.after(0)
        bench.watch.configured(OTHER)
        await bench.after(1)
        bench.watch.configured(OTHER)
        await bench.after(1)
        first, second = bench.drivers
        assert (first.soc_ppm, second.soc_ppm) == (None, 700_000)
        assert (first.closed, second.closed) == (True, False)
        assert second.written == [GIVE]
        bench.watch.configured(None)
        await bench.after(1)
        bench.watch.configured(BATTERY)
        await bench.after(1)
        assert second.closed
        assert (bench.drivers[2].soc_ppm, bench.drivers[2].written) == (700_000, []), "nobody has charged it"

    play(scene())


def test_what_was_known_of_its_charge_before_is_told_to_its_first_driver() -> None:
    async def scene() -> None:
        bench = Bench()
        bench.watch.last_known(100_000)
        await bench.after(0)
        assert bench.drivers[0].soc_ppm == 100_000

    play(scene())


@pytest.mark.parametrize(("heard_before", "told"), [(False, [None, None]), (True, [])])
def test_only_a_battery_that_was_never_heard_is_told_of_when_it_is_silent(
    heard_before: bool,  # noqa: FBT001 - a column
    told: list[None],
) -> None:
    async def scene() -> None:
        bench = Bench()
        if heard_before:
            await bench.after(0)
            bench.facts.clear()
            bench.drivers[0].says = Unheard("away")
        else:
            bench.first_says = Unheard("away")
        await bench.after(1_000)
        await bench.after(1_000)
        assert [fact.reading for fact in bench.facts] == told

    play(scene())


def test_a_driver_that_hangs_is_unheard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "CALL_S", 0)

    async def scene() -> None:
        bench = Bench()
        await bench.after(0)
        bench.facts.clear()
        bench.drivers[0].hangs = True
        bench.watch.send(GIVE)
        await bench.after(1_000)
        assert (bench.facts, bench.drivers[0].written) == ([], [])
        bench.drivers[0].hangs = False
        await bench.after(5_000)
        assert bench.drivers[0].written == [GIVE]

    play(scene())


def test_it_runs_until_it_is_cancelled_and_lets_go_of_the_driver() -> None:
    async def scene() -> None:
        bench = Bench()
        task = asyncio.create_task(bench.watch.run())
        await bench.heard.wait()
        bench.watch.send(GIVE)
        await bench.drivers[0].told.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert bench.drivers[0].closed

    play(scene())
