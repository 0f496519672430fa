"""Odd things of the world: liars, broken meters, bad disks, crashes at named points; and that the oracles see through.

A liar breaks I2 by declaration; what it may do to a fuse is bounded by oracle C (`csms.simulation.judge`).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest

from csms.core.engine import Engine, Step
from csms.core.events import Fact, MeterSampled
from csms.core.ids import Now
from csms.simulation.faults import CHARACTERS, CRASH_POINTS, LIES, METERS, Kind, Profile
from csms.simulation.run import Options, Outcome, simulate
from csms.simulation.surroundings import Switches
from csms.simulation.trace import ViolationError
from csms.simulation.world import World
from tests.simulation.dead import drawn_without_server_w

pytestmark = pytest.mark.timeout(900)
LIARS = frozenset({*LIES, Kind.REBOOT})
IGNORES = frozenset({Kind.IGNORES})


def held(options: Options) -> Outcome:
    outcome = simulate(options)
    if outcome.violation is not None:
        pytest.fail(f"{outcome.violation}\ncsms simulate {options.text}", pytrace=False)
    return outcome


@pytest.mark.parametrize(
    "kinds",
    [
        LIARS,
        frozenset(CHARACTERS),
        frozenset({*METERS, Kind.WAKING_SURGE, Kind.OVERDRAW}),
        frozenset({*CRASH_POINTS, Kind.CRASH_IN_RECOVERY, Kind.LOST_COMMIT}),
        frozenset({Kind.FAILING_DISK, Kind.FULL_DISK, Kind.LOOP_STALL}),
        frozenset({Kind.JITTER, Kind.STALL_IN, Kind.STALL_OUT, Kind.HALF_CLOSE, Kind.DUPLICATE_CONNECTION}),
        frozenset({Kind.REBOOT, Kind.RESET, Kind.LATE_QUEUE, Kind.UNORDERED_QUEUE, Kind.MESSAGE_IDS_AGAIN}),
    ],
    ids=lambda kinds: min(kind.value for kind in kinds),
)
def test_odd_things_alone_break_no_oracle_and_all_happen(kinds: frozenset[Kind]) -> None:
    struck = Counter[Kind]()
    for seed in range(10):
        struck += Counter(held(Options(seed, 0.1, 6, kinds)).struck)
        if seed >= 3 and struck.keys() == kinds:
            break
    assert struck.keys() == kinds


class DeafToMeters(Engine):
    """Hears meter values and takes nothing of them in: it cannot see who lies."""

    def step(self, facts: Sequence[Fact], now: Now) -> Step:
        return super().step(
            [replace(fact, samples=()) if isinstance(fact, MeterSampled) else fact for fact in facts], now
        )


def test_what_ignores_limits_is_seen_and_others_are_cut_in_time() -> None:
    outcomes = [held(Options(seed, 0.25, 6, IGNORES)) for seed in range(6)]
    assert sum(outcome.excess_ms for outcome in outcomes) > 0, "rows carried too much for a while"


def test_an_engine_that_does_not_see_liars_is_caught() -> None:
    found = [violation_of_the_truth(seed) for seed in range(3)]
    assert any(violation.startswith("C: ") for violation in found), found


def violation_of_the_truth(seed: int) -> str:
    """Return what is broken by an engine without eyes, without asking the mirror, which has some."""
    world = World(seed, DeafToMeters, Switches(odd=True, mirror=False), choice=IGNORES, chargers_count=6)
    try:
        world.run(900_000, 0)
    except ViolationError as violation:
        return str(violation).removeprefix("ViolationError: ")
    return ""


def test_a_server_that_never_returns_leaves_every_fuse_within_its_bound_whatever_was_odd() -> None:
    switches = Switches(crashes=False, odd=True)
    worlds = (World(seed, Engine, switches, choice=Profile.STORM, chargers_count=4) for seed in range(10))
    assert drawn_without_server_w(worlds) > 0, "cars charge without it"


def test_after_the_weather_everybody_without_trouble_has_the_fair_share() -> None:
    compared = 0
    for seed in range(10):
        world = World(seed, Engine, Switches(odd=True))
        world.run(120_000, 600_000)
        compared += world.compared
    assert compared > 0, "sessions that were compared with their fair share"
