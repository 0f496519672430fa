"""The fuse holds whatever happens: fresh and kept seeds of the simulated world, none of which breaks an oracle.

200 seeds are fresh: they begin at the variable FRESH_SEED, which `.ci/run` makes of the hash of the files, so that each
change looks at other worlds and the same files always at the same. Every chunk runs at least its part of a million
events, in more worlds where its own were short; the kept ones add theirs. A failing seed is told with the end of its
story, how to replay and how to keep it.
"""

import itertools
import os
import subprocess
import sys
from collections import Counter
from functools import partial

import pytest

from csms.cli.simulating import STORY_LINES
from csms.simulation.faults import CHARACTERS, LIES, OF_ENERGY, OF_PHASES, Kind, Profile
from csms.simulation.naive import naive
from csms.simulation.run import Options, Outcome, simulate
from tests.simulation.kept import KEPT, kept_options

ROOT = KEPT.parents[2]
pytestmark = pytest.mark.timeout(900)
"""A chunk is some ten seconds of pure computation, more on a busy machine; nothing here waits for anything."""

CHUNK = 20
EVENTS = 1_000_000
FRESH = 200
FIRST_FRESH = int(os.environ.get("FRESH_SEED", "0"))
FIRSTS = range(FIRST_FRESH, FIRST_FRESH + FRESH, CHUNK)
ENERGY_EVERY = 10
"""Every so many of the fresh seeds is a world with energy, too."""
MORE = 1_000_000_000
"""Further worlds of a chunk begin so far from its first: no other chunk has them."""


def held(options: Options) -> Outcome:
    outcome = simulate(options)
    if outcome.violation is not None:
        story = "\n".join(outcome.story[-STORY_LINES:])
        pytest.fail(f"{story}\n{outcome.violation}\n{how_to_go_on(options, outcome.violation)}", pytrace=False)
    return outcome


def how_to_go_on(options: Options, why: str) -> str:
    """Return how to replay a world that broke an oracle, and how to keep it."""
    return f"replay it: csms simulate {options.text}\nkeep it: add to {KEPT.relative_to(ROOT)}: {options.text}  # {why}"


@pytest.mark.parametrize("first", FIRSTS)
def test_no_fresh_seed_breaks_an_oracle(first: int) -> None:
    """One in five has fuses that are limited on each phase; beside some there is another world with energy."""
    events = sum(held(Options(seed, phases=seed % 5 == 0)).events for seed in range(first, first + CHUNK))
    events += sum(held(Options(seed, energy=True)).events for seed in range(first, first + CHUNK, ENERGY_EVERY))
    more = itertools.count(first + MORE)
    while events < EVENTS * CHUNK // (FRESH + len(list(kept_options()))):
        events += held(Options(next(more))).events


def test_a_seed_that_fails_is_told_with_how_to_replay_and_keep_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.simulation.test_seeds.simulate", partial(simulate, make=naive))
    with pytest.raises(pytest.fail.Exception) as failed:
        held(Options(0, chargers=2))
    *_, violation, replay, keep = str(failed.value).splitlines()
    assert violation.startswith("ViolationError: ")
    assert replay == "replay it: csms simulate --seed 0 --chargers 2"
    assert keep == f"keep it: add to tests/simulation/kept_seeds.txt: --seed 0 --chargers 2  # {violation}"


@pytest.mark.parametrize("options", list(kept_options()), ids=lambda options: options.text)
def test_no_kept_seed_breaks_an_oracle(options: Options) -> None:
    held(options)


def test_storms_inject_every_kind_of_fault() -> None:
    """What chargers are for life is too seldom in a few storms: `test_odd` has it; `test_phases` has that of phases."""
    struck = sum((Counter(held(Options(seed, 0.2, 4, Profile.STORM)).struck) for seed in range(9)), Counter[Kind]())
    assert {kind for kind in Kind if not struck[kind]} <= {*CHARACTERS, *LIES, *OF_ENERGY, *OF_PHASES}


def test_storms_with_energy_inject_every_fault_of_theirs_and_use_what_there_is() -> None:
    struck, boosted_ms, above_firm_ms, asked = Counter[Kind](), 0, 0, 0
    for seed in range(10):
        outcome = held(Options(seed, 0.12, None, Profile.STORM, energy=True))
        struck += Counter(outcome.struck)
        boosted_ms += outcome.boosted_ms
        above_firm_ms += outcome.above_firm_ms
        asked += outcome.asked.compared["H"]
    assert {kind for kind in (*OF_ENERGY, Kind.BASE_LOAD) if not struck[kind]} == set()
    assert boosted_ms > 60_000, "a battery gave"
    assert above_firm_ms > 60_000, "cars drew more than what is firm"
    assert asked > 1_000, "what flows was looked at"


def test_an_energy_fault_chosen_alone_makes_a_world_with_energy() -> None:
    trips = Options(4, hours=0.1, chargers=3, faults=frozenset({Kind.BATTERY_TRIPS}))
    outcome = held(trips)
    assert {kind for kind, count in outcome.struck.items() if count} == {Kind.BATTERY_TRIPS}
    assert trips.text == "--seed 4 --hours 0.1 --chargers 3 --faults battery-trips"


@pytest.mark.parametrize("kind", [Kind.RESET, Kind.SERVER_CRASH, Kind.REFUSED])
def test_a_choice_of_faults_injects_no_other(kind: Kind) -> None:
    outcome = held(Options(7, hours=0.3, chargers=4, faults=frozenset({kind})))
    assert {struck for struck, count in outcome.struck.items() if count} == {kind}


def test_a_quiet_day_has_no_faults() -> None:
    outcome = held(Options(7, hours=0.3, chargers=4, faults=Profile.NONE))
    assert not sum(outcome.struck.values())


def test_a_naive_controller_is_caught_with_a_story() -> None:
    outcome = simulate(Options(0), naive)
    assert outcome.violation is not None
    assert outcome.violation.startswith("ViolationError: I")
    assert outcome.story


# --- the command ------------------------------------------------------------------------------------------------------


def command(*words: str, hash_seed: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    return subprocess.run(
        [sys.executable, "-m", "csms", "simulate", *words], env=environment, capture_output=True, text=True, check=False
    )


def test_every_process_tells_the_same_story_of_a_seed() -> None:
    first = command("--seed", "5", hash_seed="1")
    again = command("--seed", "5", hash_seed="2")
    assert first.returncode == 0, first.stderr
    assert first.stdout == again.stdout
    words = first.stdout.splitlines()[-1].split()
    assert words[:2] == ["trace", "hash"]
    assert len(bytes.fromhex(words[2])) == 32
    assert f"fault {Kind.RESET.value} " in first.stdout
    other = command("--seed", "6", hash_seed="1")
    assert other.stdout.splitlines()[-1] != first.stdout.splitlines()[-1]


@pytest.mark.parametrize("option", ["--faults", "--without"])
def test_an_unknown_fault_is_refused(option: str) -> None:
    refused = command("--seed", "5", option, "gremlins", hash_seed="0")
    assert refused.returncode == 2
    assert f"{option}: 'gremlins' is no fault" in refused.stderr
