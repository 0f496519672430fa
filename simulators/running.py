"""Running chargers in this process until the time is up or somebody wants to stop.

On the way down every car is unplugged, so that each transaction gets its StopTransaction; those are given a moment to
be confirmed before the sockets close. A charger whose central system is away ends without waiting.
"""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from simulators.charger import Charger
from simulators.clock import Clock
from simulators.link import Link, run_ticks

FLUSH_S = 3.0


@dataclass(frozen=True, slots=True)
class Unit:
    """A charger, its link, and what else happens at each tick."""

    charger: Charger
    link: Link
    each_tick: Callable[[int], None] = lambda _: None


async def run_until(units: Sequence[Unit], clock: Clock, stop: asyncio.Event, seconds: float | None = None) -> None:
    """Run the chargers until `stop` is set, or for `seconds`; then let them finish."""
    links = [asyncio.create_task(unit.link.run()) for unit in units]
    ticks = [asyncio.create_task(run_ticks(unit.charger, unit.link, clock, unit.each_tick)) for unit in units]
    stopping = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait({*links, *ticks, stopping}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopping}:
            task.result()  # they end only by an error, which must be seen
        await asyncio.gather(*(_finish(unit) for unit in units))
    finally:
        for task in (stopping, *ticks, *links):
            task.cancel()
        await asyncio.gather(stopping, *ticks, *links, return_exceptions=True)


async def _finish(unit: Unit) -> None:
    """Unplug every car and let the last messages be confirmed."""
    charger = unit.charger
    for connector in charger.connectors:
        if connector.car is not None:
            charger.sessions.unplug(connector)
    unit.link.nudge()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(FLUSH_S):
            await unit.link.idle()


def stop_on_signals() -> asyncio.Event:
    """Return an event that SIGINT and SIGTERM set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, stop.set)
    return stop
