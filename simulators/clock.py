"""Time for the simulators: UTC milliseconds that never step back.

`WallClock` starts at the wall clock's time and goes on with the monotonic clock, so all processes of one machine agree
on when a second begins. `ManualClock` stands still until it is moved; nothing in the simulators sleeps otherwise.
"""

import asyncio
import time
from typing import Protocol

TICK_MS = 250
"""Length of one step of the physics; divides a second, so that every process reports at the same instants."""


class Clock(Protocol):
    """Where the simulators get their time from."""

    def now_ms(self) -> int:
        """Return the present instant, ms since the epoch, UTC."""
        ...

    async def sleep_until_ms(self, at_ms: int) -> None:
        """Return once `now_ms()` is at or after `at_ms`."""
        ...


class WallClock:
    """Real time, or for tests `speed` times as fast from now on."""

    def __init__(self, speed: int = 1) -> None:
        assert speed > 0, "time goes forward"
        self._speed = speed
        self._start_ms = time.time_ns() // 1_000_000
        self._started_ms = time.monotonic_ns() // 1_000_000

    def now_ms(self) -> int:
        """Return the present instant."""
        return self._start_ms + (time.monotonic_ns() // 1_000_000 - self._started_ms) * self._speed

    async def sleep_until_ms(self, at_ms: int) -> None:
        """Sleep until `at_ms`."""
        left_ms = at_ms - self.now_ms()
        if left_ms > 0:
            # One millisecond more than needed, since timers may fire a little early.
            await asyncio.sleep((left_ms + 1) / 1000 / self._speed)


class ManualClock:
    """Time that moves only when it is told to."""

    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self._now_ms = now_ms
        self._sleepers: list[tuple[int, asyncio.Event]] = []
        self._slept_on = asyncio.Event()

    def now_ms(self) -> int:
        """Return the instant to which it was moved last."""
        return self._now_ms

    def move(self, by_ms: int) -> None:
        """Move on by `by_ms` and wake those whose time has come."""
        assert by_ms >= 0, "time goes forward"
        self._now_ms += by_ms
        for at_ms, event in self._sleepers:
            if at_ms <= self._now_ms:
                event.set()
        self._sleepers = [(at_ms, event) for at_ms, event in self._sleepers if at_ms > self._now_ms]

    async def sleep_until_ms(self, at_ms: int) -> None:
        """Wait until it has been moved to `at_ms`."""
        if at_ms > self._now_ms:
            event = asyncio.Event()
            self._sleepers.append((at_ms, event))
            self._slept_on.set()
            await event.wait()

    async def slept_on(self) -> None:
        """Wait until somebody sleeps on this clock, so that moving it will wake them."""
        while not self._sleepers:
            self._slept_on.clear()
            await self._slept_on.wait()


def rfc3339(at_ms: int) -> str:
    """Write an instant as OCPP wants it: UTC with Z, to the millisecond (§3.15)."""
    seconds, millis = divmod(at_ms, 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{millis:03d}Z"
