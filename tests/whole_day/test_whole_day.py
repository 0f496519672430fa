"""A day of three chargers over links that fail, and the same seed again: here, in another process; and another seed."""

import os
import subprocess
import sys

import pytest

from tests.whole_day.drawing import CHARGERS, Options, draw
from tests.whole_day.run import Outcome, run
from tests.whole_day.weather import MEANINGS, Kind

pytestmark = pytest.mark.timeout(1800)
"""A day is a minute and a half of pure computation, more on a busy machine; nothing here waits for anything."""

HOURS = 1.0
"""Of the runs that are compared."""


def held(options: Options) -> Outcome:
    outcome = run(options)
    if outcome.broken:
        told = "\n".join(outcome.broken)
        pytest.fail(f"{outcome.story_end}{told}\npython -m tests.whole_day --seed {options.seed}", pytrace=False)
    return outcome


def test_a_day_over_links_that_fail() -> None:
    outcome = held(Options(1))
    assert outcome.virtual_ms > 24 * 3_600_000
    assert len(draw(1).places) == CHARGERS == 3
    assert {kind for kind in Kind if not outcome.struck[kind]} == set()
    assert outcome.transactions > 50
    assert outcome.energy_wh > 100_000


def test_every_process_tells_the_same_story_of_a_seed() -> None:
    options = Options(2, HOURS)
    first = held(options)
    assert run(options).story_hash == first.story_hash
    assert elsewhere(options, hash_seed="7")[-1] == f"trace hash {first.story_hash}"


def elsewhere(options: Options, *, hash_seed: str) -> list[str]:
    words = [sys.executable, "-m", "tests.whole_day", "--seed", str(options.seed), "--hours", str(options.hours)]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_another_seed_is_another_story() -> None:
    one, other = held(Options(3, HOURS)), held(Options(4, HOURS))
    assert one.drawn != other.drawn
    assert one.story_hash != other.story_hash


def test_every_fault_has_a_meaning() -> None:
    assert set(MEANINGS) == set(Kind)
