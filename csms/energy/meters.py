"""Reading the site's meter, again and again, for as long as the configuration says where (`siteMeter.modbus`).

Theory of operation. A `Meter` is asked each period, and the core is told what came of it: a power and how old it is at
most (as long as the question took), or why there is none. A meter that fails is asked again after pauses that double,
`PAUSE_MAX_S` at the longest, and with the first answer as often as ever. How old a reading may be, and what counts in
silence, is the core's (`csms.core.metering`): here nothing is remembered, and no failure ends anything.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from csms.core.events import MeterFact, SiteMeterFailed, SiteMeterRead
from csms.core.site_meter import ModbusSource
from csms.core.station import Station
from csms.ports import Clock

PAUSE_MAX_S = 30.0
"""A device that was replaced or restarted is found again within this."""

DOUBLINGS_MAX = 16
"""Beyond, a pause is the longest anyhow."""


@dataclass(frozen=True, slots=True)
class PowerRead:
    """What a meter shows, W, import positive."""

    power_w: int


@dataclass(frozen=True, slots=True)
class NotRead:
    """A meter showed nothing that can be used; `reason` is a clause for people, and holds nothing of the device's."""

    reason: str


class Meter(Protocol):
    """One device that tells a power."""

    async def read(self) -> PowerRead | NotRead:
        """Ask it now, within a bounded time; whatever is wrong is in the answer."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class MeterPoller:
    """Has the core told what the site's meter shows.

    Args:
        station: the configuration in force.
        submit: hands a fact to the core.
        open_meter: begins to use a device; it is asked nothing yet.
        clock: measures how old an answer is.
        pause: waits so many seconds, or until `look_again`.
    """

    def __init__(
        self,
        station: Callable[[], Station],
        submit: Callable[[MeterFact], None],
        open_meter: Callable[[ModbusSource], Meter],
        clock: Clock,
        pause: Callable[[float], Awaitable[None]] | None = None,
    ) -> None:
        self._station = station
        self._submit = submit
        self._open = open_meter
        self._clock = clock
        self._pause = self._wait if pause is None else pause
        self._changed = asyncio.Event()

    def look_again(self) -> None:
        """Take note that the configuration may say something else now."""
        self._changed.set()

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            source = self._source()
            if source is None:
                await self._pause(PAUSE_MAX_S)
            else:
                await self._read_while_configured(source)

    async def _read_while_configured(self, source: ModbusSource) -> None:
        meter, failures = self._open(source), 0
        try:
            while self._source() == source:
                begun_ms = self._clock.now().mono_ms
                outcome = await meter.read()
                took_ms = self._clock.now().mono_ms - begun_ms
                if self._source() != source:
                    return  # it may be of another device than is configured now
                failures = 0 if isinstance(outcome, PowerRead) else failures + 1
                self._tell(outcome, took_ms)
                await self._pause(pause_s(source.period_ms, took_ms, failures))
        finally:
            meter.close()

    def _tell(self, outcome: PowerRead | NotRead, took_ms: int) -> None:
        match outcome:
            case PowerRead(power_w):
                self._submit(SiteMeterRead(power_w, took_ms))
            case NotRead(reason):
                self._submit(SiteMeterFailed(reason))

    def _source(self) -> ModbusSource | None:
        meter = self._station().site_meter
        return None if meter is None else meter.modbus

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return
        self._changed.clear()


def pause_s(period_ms: int, took_ms: int, failures: int) -> float:
    """Return how long to wait after a question that took so long; `failures`: how many in a row have had no answer."""
    period_s = period_ms / 1_000
    if failures == 0:
        return max(0.0, period_s - took_ms / 1_000)
    return max(period_s, min(PAUSE_MAX_S, period_s * (1 << min(failures - 1, DOUBLINGS_MAX))))
