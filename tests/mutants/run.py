"""Run the random worlds against the core that this process imports: `python -m tests.mutants.run SEEDS`.

Prints the oracle that finds something first and the seed, or only `survived`. The core must be the one under the
working directory: there stands the copy with the mistake in it. The only module here that knows the worlds.

Worlds 0, 3, 6, … are drawn as they are in the tests, 1, 4, 7, … are storms, and 2, 5, 8, … are quiet days with a calm
at the end: what a storm finds in minutes and what only a fair share shows.
"""

import re
import sys
from pathlib import Path

from csms.core import engine
from csms.simulation.faults import Profile
from csms.simulation.trace import ViolationError
from csms.simulation.world import CALM_MS, World

SURVIVED = "survived"
KINDS = (Profile.DRAWN, Profile.STORM, Profile.NONE)
_ORACLE = re.compile(r"(?:ViolationError: )?(\w[\w/]*):")


def found_by(seeds: int) -> str:
    """Return what breaks first in the worlds 0, 1, 2, … and in which: `I5`, a tab, `3`."""
    for seed in range(seeds):
        kind = KINDS[seed % len(KINDS)]
        world = World(seed, engine.Engine, choice=kind)
        stormy_ms, calm_ms = world.length_ms()
        try:
            world.run(stormy_ms, CALM_MS if kind is Profile.NONE else calm_ms)
        except ViolationError as violation:
            named = _ORACLE.match(str(violation))
            assert named is not None, "every violation names its oracle"
            return f"{named[1]}\t{seed}"
    return SURVIVED


if __name__ == "__main__":
    assert Path(engine.__file__).is_relative_to(Path.cwd()), "this is not the changed core"
    print(found_by(int(sys.argv[1])))
