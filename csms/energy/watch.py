"""Reads the battery and has it told: the shell around a driver (`csms.energy.ports`).

Theory of operation. One task. Every second the driver is read, and what it says goes to the core as a fact. A set-point
leaves as soon as the core has made it, and again every few seconds; the newest one counts, those between are never
written. Another battery in the configuration gets another driver, which is told what charge the one before had, also
where there was none for a while: a computed one that is taken out and put back is not full by that.

A driver that hears nothing says nothing here: the core counts a battery as gone that was not read for ten seconds. Only
one that has never been heard is told of, because what it may be doing has to be booked.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

import structlog

from csms.core.battery import BatteryReading
from csms.core.commands import SetBattery
from csms.core.events import BatteryReported
from csms.core.station import Battery
from csms.energy.ports import BatteryDriver, NothingNew, Unheard

_log = structlog.get_logger()

READ_S = 1.0
"""From one reading to the next."""

REPEAT_S = 5.0
"""A set-point is written again after so long."""

LOG_AGAIN_MS = 60_000
"""What is the matter with a battery that is not heard is logged when it changes, and so often."""

CALL_S = 2.0
"""A driver is given so long for one call."""

MakeDriver = Callable[[Battery, int | None], BatteryDriver]
"""Makes the driver of a battery, whose state of charge was last known to be so much, parts per million."""


class Desk(Protocol):
    """Where readings are handed in."""

    def submit(self, fact: BatteryReported) -> None:
        """Queue a fact."""
        ...


class BatteryWatch:
    """The battery of one station; `now_ms` is monotonic, `desk` is asked for when there is something to hand in."""

    def __init__(self, make_driver: MakeDriver, desk: Callable[[], Desk], now_ms: Callable[[], int]) -> None:
        self._make_driver = make_driver
        self._desk = desk
        self._now_ms = now_ms
        self._battery: Battery | None = None
        self._driven: Battery | None = None
        self._driver: BatteryDriver | None = None
        self._set_point: SetBattery | None = None
        self._written_ms: int | None = None
        self._soc_ppm: int | None = None
        self._heard = False
        self._read_ms: int | None = None
        self._unheard: tuple[str, int] | None = None
        self._news = asyncio.Event()

    def configured(self, battery: Battery | None) -> None:
        """Take the battery of the configuration in force; None: there is none."""
        self._battery = battery
        self._news.set()

    def last_known(self, soc_ppm: int) -> None:
        """Take it that the battery had this charge, parts per million, when it was last looked after."""
        self._soc_ppm = soc_ppm

    def send(self, set_point: SetBattery) -> None:
        """Have the battery follow a set-point from now on; never blocks, never raises."""
        self._set_point, self._written_ms = set_point, None
        self._news.set()

    async def run(self) -> None:
        """Read and write until cancelled."""
        try:
            while True:
                self._news.clear()
                await self.look()
                try:
                    async with asyncio.timeout(READ_S / 2):
                        await self._news.wait()
                except TimeoutError:
                    pass
        finally:
            if self._driver is not None:
                await self._driver.close()

    async def look(self) -> None:
        """Do what is due now."""
        await self._change_driver()
        driver, now_ms = self._driver, self._now_ms()
        if driver is None:
            return
        set_point, written_ms = self._set_point, self._written_ms
        if set_point is not None and (written_ms is None or now_ms - written_ms >= REPEAT_S * 1_000):
            self._written_ms = now_ms
            await self._write(driver, set_point)
        if self._read_ms is None or now_ms - self._read_ms >= READ_S * 1_000:
            self._read_ms = now_ms
            self._take(await self._read(driver))

    async def _change_driver(self) -> None:
        if self._battery == self._driven:
            return
        if self._driver is not None:
            await self._driver.close()
        self._driven = self._battery
        self._driver = None if self._driven is None else self._make_driver(self._driven, self._soc_ppm)
        self._written_ms = self._read_ms = None
        self._heard = False
        if self._driven is None:
            self._set_point = None

    async def _write(self, driver: BatteryDriver, set_point: SetBattery) -> None:
        try:
            async with asyncio.timeout(CALL_S):
                await driver.write(set_point)
        except TimeoutError:
            _log.warning("battery.not_written", reason=f"not within {CALL_S:g} s", power_w=set_point.power_w)

    async def _read(self, driver: BatteryDriver) -> BatteryReading | NothingNew | Unheard:
        try:
            async with asyncio.timeout(CALL_S):
                return await driver.read()
        except TimeoutError:
            return Unheard(f"not within {CALL_S:g} s")

    def _take(self, said: BatteryReading | NothingNew | Unheard) -> None:
        if isinstance(said, NothingNew):
            return
        if isinstance(said, Unheard):
            self._log_unheard(said.reason)
            if not self._heard:
                self._desk().submit(BatteryReported(None, self._now_ms()))
            return
        self._heard, self._soc_ppm, self._unheard = True, said.soc_ppm, None
        self._desk().submit(BatteryReported(said, self._now_ms()))

    def _log_unheard(self, reason: str) -> None:
        now_ms, before = self._now_ms(), self._unheard
        if before is None or before[0] != reason or now_ms - before[1] >= LOG_AGAIN_MS:
            _log.warning("battery.not_read", reason=reason)
            self._unheard = reason, now_ms
