"""The poller: what the core is told of a meter, and when it is asked again."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import replace

import pytest

from csms.core.events import MeterFact, SiteMeterFailed, SiteMeterRead
from csms.core.ids import Now
from csms.core.site_meter import ModbusSource, SiteMeter
from csms.core.station import Station
from csms.energy.meters import MeterPoller, NotRead, PowerRead, pause_s

FIRST, SECOND = ModbusSource("first"), ModbusSource("second")
SITE = Station("S", 100_000, (), static_load_w=50_000)


def metered(source: ModbusSource | None) -> Station:
    return replace(SITE, site_meter=SiteMeter(modbus=source))


class Bench:
    """A poller among doubles: it ends when its last pause was taken."""

    def __init__(self, *outcomes: PowerRead | NotRead) -> None:
        self.station = metered(FIRST)
        self.outcomes = deque(outcomes)
        self.facts: list[MeterFact] = []
        self.opened: list[str] = []
        self.closed: list[str] = []
        self.pauses_s: list[float] = []
        self.now_ms = 0
        self.took_ms = 100
        self.at_pause: dict[int, Callable[[], None]] = {}
        self.at_read: Callable[[], None] | None = None

    def now(self) -> Now:
        return Now(self.now_ms, self.now_ms)

    def open(self, source: ModbusSource) -> "Device":
        self.opened.append(source.host)
        return Device(self, source.host)

    async def pause(self, seconds: float) -> None:
        self.pauses_s.append(seconds)
        self.at_pause.get(len(self.pauses_s), lambda: None)()
        if not self.outcomes:
            raise asyncio.CancelledError

    async def run(self) -> None:
        poller = MeterPoller(lambda: self.station, self.facts.append, self.open, self, self.pause)
        with pytest.raises(asyncio.CancelledError):
            await poller.run()


class Device:
    def __init__(self, bench: Bench, host: str) -> None:
        self._bench, self._host = bench, host

    async def read(self) -> PowerRead | NotRead:
        self._bench.now_ms += self._bench.took_ms
        if self._bench.at_read is not None:
            self._bench.at_read()
        return self._bench.outcomes.popleft()

    def close(self) -> None:
        self._bench.closed.append(self._host)


async def test_each_outcome_is_told_with_the_age_that_it_may_have() -> None:
    bench = Bench(PowerRead(7_000), NotRead("timed out"), PowerRead(-5))
    await bench.run()
    assert bench.facts == [SiteMeterRead(7_000, 100), SiteMeterFailed("timed out"), SiteMeterRead(-5, 100)]
    assert bench.opened == bench.closed == ["first"]


async def test_a_meter_that_fails_is_asked_less_and_less_often_and_as_ever_once_it_answers() -> None:
    bench = Bench(*[NotRead("gone")] * 7, PowerRead(1), NotRead("gone"), PowerRead(1))
    await bench.run()
    assert bench.pauses_s == [1, 2, 4, 8, 16, 30, 30, 0.9, 1, 0.9]


@pytest.mark.parametrize(
    ("period_ms", "took_ms", "failures", "seconds"),
    [
        (1_000, 0, 0, 1),
        (1_000, 300, 0, 0.7),
        (1_000, 2_500, 0, 0),
        (60_000, 0, 1, 60),
        (60_000, 0, 9, 60),
        (100, 6_000, 1, 0.1),
        (100, 0, 10_000, 30),
    ],
)
def test_pauses(period_ms: int, took_ms: int, failures: int, seconds: float) -> None:
    assert pause_s(period_ms, took_ms, failures) == pytest.approx(seconds)


async def test_another_meter_is_read_when_the_configuration_says_so_and_none_when_it_says_nothing() -> None:
    bench = Bench(PowerRead(1), PowerRead(2), PowerRead(3))

    def configured(source: ModbusSource | None) -> Callable[[], None]:
        def change() -> None:
            bench.station = metered(source)

        return change

    bench.at_pause = {1: configured(None), 2: configured(SECOND), 3: configured(None), 4: configured(FIRST)}
    await bench.run()
    assert bench.opened == ["first", "second", "first"]
    assert bench.closed == bench.opened
    assert bench.pauses_s == [0.9, 30, 0.9, 30, 0.9]


async def test_what_a_meter_says_that_is_configured_no_more_is_not_told() -> None:
    bench = Bench(PowerRead(1), PowerRead(2))

    def replaced() -> None:
        bench.station = metered(SECOND)

    bench.at_read = replaced
    await bench.run()
    assert bench.facts == [SiteMeterRead(2, 100)]


async def test_a_changed_configuration_is_looked_at_at_once() -> None:
    read = asyncio.Event()
    bench = Bench(PowerRead(1))
    bench.station = SITE
    bench.at_read = read.set
    poller = MeterPoller(lambda: bench.station, bench.facts.append, bench.open, bench)
    running = asyncio.create_task(poller.run())
    await asyncio.sleep(0)
    bench.station = metered(FIRST)
    poller.look_again()
    async with asyncio.timeout(5):
        await read.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert bench.closed == ["first"]
