"""One run from its options to its outcome.

Everything but the network, the clock and the ids is what runs in production: `csms serve` less REST
(`tests.virtual.site`), and the simulated chargers. The `ocpp` package, on which these stand, asks `time.time` how long
it has waited; here that is virtual time. The hash is SHA-256 over the story: every frame as the gateway and as the
charger saw it, every fact, what the chargers said of themselves, and the faults, each with its virtual time.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import TextIO
from unittest.mock import patch

from tests.virtual.loop import VirtualClock, run_virtually
from tests.virtual.network import NetworkLoop
from tests.virtual.site import errors_logged, memory_folder
from tests.virtual.tap import frames_tapped
from tests.whole_day.central import Central
from tests.whole_day.day import Day
from tests.whole_day.drawing import Options, draw
from tests.whole_day.judge import BrokenError, compare
from tests.whole_day.story import Story
from tests.whole_day.weather import Kind


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run.

    Attributes:
        drawn: what the seed has drawn, a line each.
        broken: what did not hold; empty when all did.
        struck: how often each kind of fault was injected.
        transactions: how many there were; energy_wh: what they took in all.
        fullest_ppm: by row, the largest share of its capacity that the cars ever drew.
        looks: how often limits and power were looked at.
        lines: how many the story has; story_end: its last ones; story_hash: over all of them.
    """

    drawn: tuple[str, ...]
    broken: tuple[str, ...]
    struck: Mapping[Kind, int]
    transactions: int
    energy_wh: int
    fullest_ppm: Mapping[str, int]
    looks: int
    virtual_ms: int
    lines: int
    story_end: str
    story_hash: str


def run(options: Options, file: TextIO | None = None) -> Outcome:
    """Run one day to its end, or until something does not hold; `file` gets the story."""
    return run_virtually(lambda clock: _run(options, clock, file), partial(NetworkLoop, str(options.seed)))


async def _run(options: Options, clock: VirtualClock, file: TextIO | None) -> Outcome:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, NetworkLoop), "made by our factory"
    drawn = draw(options.seed)
    story = Story(lambda: loop.now_ms, file)
    virtual = SimpleNamespace(time=lambda: clock.now_ms() / 1000)
    with (
        frames_tapped(story.frame_of_charger),
        patch("ocpp.charge_point.time", virtual),
        errors_logged(story.logged) as errors,
        memory_folder() as folder,
    ):
        central = Central(drawn.station, clock, loop, story, folder, errors)
        await central.start()
        day = Day(options, drawn, central, clock, loop, story)
        broken: list[str] = []
        try:
            await day.live()
            broken += compare(day.truths, central.site.records().sessions)
        except* BrokenError as failures:
            broken += map(str, _single(failures))
        finally:
            await central.stop()
        broken += errors
    taken_wh = [one.meter_stop_wh - one.meter_start_wh for one in day.truths if one.meter_stop_wh is not None]
    return Outcome(
        drawn=tuple(drawn.lines),
        broken=tuple(broken),
        struck=day.struck,
        transactions=len(day.truths),
        energy_wh=sum(taken_wh),
        fullest_ppm=day.judge.fullest_ppm,
        looks=day.judge.looks,
        virtual_ms=loop.now_ms,
        lines=story.lines,
        story_end=story.end,
        story_hash=story.hash,
    )


def _single(errors: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    """Yield the errors themselves out of groups within groups."""
    for error in errors.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _single(error)
        else:
            yield error
