"""Run the random worlds against the core that this process imports: `python -m tests.mutants.run SEEDS [WORLDS]`.

Prints the oracle that finds something first and the seed, or only `survived`. The core must be the one under the
working directory: there stands the copy with the mistake in it. The only module here that knows the worlds.

Of each six worlds one is drawn as they are in the tests, two are storms, one is a quiet day with a calm at the end, in
one cars need power to start with, and in one the server dies and never returns. Where none of them finds anything, as
many worlds with odd things follow, drawn ones and storms in turn, and then with energy: of six one has odd things as
well, two are storms, one is quiet, and in two the server never returns. What breaks in another way than by an oracle is
an error of the mutant. WORLDS `energy`: those alone. WORLDS `phases`: fuses are limited on each phase in all of them,
quiet days, drawn ones, storms and some without a server in turn.
"""

import re
import sys
from pathlib import Path

from csms.core import engine
from csms.simulation.faults import Profile
from csms.simulation.surroundings import Switches
from csms.simulation.trace import ViolationError
from csms.simulation.world import CALM_MS, World

SURVIVED = "survived"
STORM_MS, DEAD_MS = 240_000, 600_000
_ORACLE = re.compile(r"ViolationError: (\w[\w/]*):")


def found_by(seeds: int, worlds: str = "") -> str:
    """Return what breaks first in the worlds 0, 1, 2, … and in which: `I5`, a tab, `3`; with odd things: `odd 3`."""
    for kinds, prefix in FAMILIES[worlds]:
        for seed in range(seeds):
            try:
                kinds[seed % len(kinds)](seed)
            except ViolationError as violation:
                return f"{_oracle(violation)}\t{prefix}{seed}"
    return SURVIVED


def _oracle(violation: ViolationError) -> str:
    """Return who has found it; another `AssertionError` is none, and neither is what a world cannot take."""
    named = _ORACLE.match(str(violation))
    assert named is not None, f"no oracle has found this: {str(violation).splitlines()[0]}"
    return named[1]


def _drawn(seed: int) -> None:
    world = World(seed, engine.Engine)
    world.run(*world.length_ms())


def _storm(seed: int) -> None:
    world = World(seed, engine.Engine, choice=Profile.STORM)
    world.run(*world.length_ms())


def _quiet(seed: int) -> None:
    world = World(seed, engine.Engine, choice=Profile.NONE)
    world.run(world.length_ms()[0], CALM_MS)


def _hungry(seed: int) -> None:
    world = World(seed, engine.Engine, Switches(need_start_power=True))
    world.run(*world.length_ms())


def _dead(seed: int) -> None:
    World(seed, engine.Engine, Switches(crashes=False)).run_to_death(STORM_MS, DEAD_MS)


def _odd(seed: int) -> None:
    world = World(seed, engine.Engine, Switches(odd=True))
    world.run(*world.length_ms())


def _odd_storm(seed: int) -> None:
    world = World(seed, engine.Engine, Switches(odd=True), choice=Profile.STORM)
    world.run(*world.length_ms())


def _phased(seed: int) -> None:
    world = World(seed, engine.Engine, Switches(odd=True, phases=True))
    world.run(*world.length_ms())


def _phased_storm(seed: int) -> None:
    world = World(seed, engine.Engine, Switches(odd=True, phases=True), choice=Profile.STORM)
    world.run(*world.length_ms())


def _phased_quiet(seed: int) -> None:
    world = World(seed, engine.Engine, Switches(phases=True), choice=Profile.NONE)
    world.run(world.length_ms()[0], CALM_MS)


def _phased_dead(seed: int) -> None:
    World(seed, engine.Engine, Switches(crashes=False, phases=True)).run_to_death(STORM_MS, DEAD_MS)


def _energy(seed: int) -> None:
    world = World(seed, engine.Engine, Switches(odd=True, energy=True))
    world.run(*world.length_ms())


def _energy_storm(seed: int) -> None:
    World(seed, engine.Engine, Switches(energy=True), choice=Profile.STORM).run(STORM_MS, 0)


def _energy_quiet(seed: int) -> None:
    World(seed, engine.Engine, Switches(energy=True), choice=Profile.NONE).run(STORM_MS, 0)


def _energy_dead(seed: int) -> None:
    World(seed, engine.Engine, Switches(crashes=False, energy=True)).run_to_death(STORM_MS, DEAD_MS)


KINDS = (_drawn, _storm, _quiet, _hungry, _storm, _dead)
ODD_KINDS = (_odd, _odd_storm)
PHASED_KINDS = (_phased_quiet, _phased, _phased_storm, _phased_dead)
ENERGY_KINDS = (_energy, _energy_storm, _energy_quiet, _energy_dead, _energy_storm, _energy_dead)
WITH_ENERGY = (ENERGY_KINDS, "energy ")
FAMILIES = {
    "": ((KINDS, ""), (ODD_KINDS, "odd "), WITH_ENERGY),
    "phases": ((PHASED_KINDS, "phases "),),
    "energy": (WITH_ENERGY,),
}


if __name__ == "__main__":
    assert Path(engine.__file__).is_relative_to(Path.cwd()), "this is not the changed core"
    print(found_by(int(sys.argv[1]), *sys.argv[2:]))
