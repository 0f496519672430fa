"""Run every mutant and print what found it: `make mutants`.

    python -m tests.mutants [PART_OF_A_NAME …] [--seeds 50] [--write]

Each runs in a process of its own on a copy of the package with the mistake in it, as many at a time as there are
processors. The core's own assertions (`csms.core.errors.check`) are off in it: an oracle outside the core has to find
the mistake. `--write` makes docs/mutants.md. The exit status is 1 when one survives, when what finds one is not an
oracle that should, or when the changed core does not even run. What is found much later than the page tells is said:
the oracles see less of it than they did, or the worlds show it less often.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from tests.mutants.table import MUTANTS, ROOT, SILENT, UNCHANGED, UNCHANGED_ON_PHASES, Mutant

PAGE = ROOT / "docs" / "mutants.md"
MOST_SEEDS = 50
SURVIVED = "survived"
CLEAN = (UNCHANGED, UNCHANGED_ON_PHASES)
ODD, ON_PHASES, ENERGY = "odd ", "phases ", "energy "
MUCH_LATER = 10
"""Worlds: any change of the core shifts what befalls whom, and with it the world in which a mistake shows."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a mutant: the oracle that found it, in which world; "survived", or the error of its process."""

    mutant: Mutant
    oracle: str
    seed: str

    @property
    def is_as_told(self) -> bool:
        """Return whether an oracle that should find the mutant did; nothing may find the unchanged core."""
        return self.oracle in (self.mutant.oracles.split() or [SURVIVED])

    @property
    def line(self) -> str:
        """Return it as a row of the table."""
        mutant = self.mutant
        found = self.oracle if self.is_as_told else f"**{self.oracle}**"
        where = f"`{mutant.package}/{mutant.module}`"
        return f"| {mutant.name} | {where} | {mutant.rule} | {mutant.oracles} | {found} | {self.seed} |"


def fate_of(mutant: Mutant, seeds: int) -> Fate:
    """Run the worlds against one mutant."""
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "csms"
        shutil.copytree(ROOT / "csms", package, ignore=shutil.ignore_patterns("__pycache__"))
        for changed in (SILENT, mutant):
            (Path(folder) / changed.path).write_text(changed.source(), encoding="utf-8")
        ran = subprocess.run(
            [sys.executable, "-m", "tests.mutants.run", str(seeds), mutant.worlds],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": os.pathsep.join((folder, str(ROOT)))},
            capture_output=True,
            text=True,
            check=False,
        )
    if ran.returncode:
        return Fate(mutant, ran.stderr.strip().splitlines()[-1], "")
    oracle, _, seed = ran.stdout.strip().partition("\t")
    return Fate(mutant, oracle, seed)


def fates_of(mutants: Sequence[Mutant], seeds: int) -> list[Fate]:
    """Run all, with a progress bar; what is not as the table tells is said at once."""
    fates: dict[str, Fate] = {}
    with Progress(console=Console(stderr=True)) as progress, ThreadPoolExecutor(os.cpu_count()) as pool:
        bar = progress.add_task("mutants", total=len(mutants))
        for done in as_completed(pool.submit(fate_of, mutant, seeds) for mutant in mutants):
            fate = done.result()
            fates[fate.mutant.name] = fate
            progress.advance(bar)
            if not fate.is_as_told:
                progress.console.print(f"{fate.mutant.name}: {fate.oracle} {fate.seed}")
    return [fates[mutant.name] for mutant in mutants]


def table(fates: Sequence[Fate]) -> str:
    """Return the fates as a table."""
    head = [
        "| mistake | in `csms` | breaks | should be found by | is found by | in world |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join(head + [fate.line for fate in fates])


def page(fates: Sequence[Fate], seeds: int) -> str:
    """Return docs/mutants.md."""
    mistakes = [fate for fate in fates if fate.mutant not in CLEAN]
    found = sum(fate.is_as_told for fate in mistakes)
    by = Counter(fate.oracle for fate in mistakes if fate.is_as_told)
    oracles = ", ".join(f"{oracle} {count}" for oracle, count in by.most_common())
    return f"""# Mutants
<!-- made by `make mutants ARGS=--write`: change tests/mutants/table.py -->

Mistakes that a tired engineer could make in the core, or in what waits for answers (`ocpp16/peer`), each dangerous for
the fuse, the money or the memory. Each is put into a copy whose core has its own assertions off, and the
[simulated worlds](simulation.md) 0 to {seeds - 1} are run against it until an oracle outside the core finds something.
Of each six worlds one is drawn, two are storms, one is a quiet day, in one cars need power to start with, and in one
the server dies and never returns. What survives them is put into as many worlds with odd things, drawn ones and storms
(`odd N`), and then with energy (`energy N`). Mistakes about phases are put into worlds whose fuses are limited on each
phase alone (`phases N`): of each four one is a quiet day, one is drawn, one is a storm, and in one the server never
returns; those about energy into worlds with energy alone. A crash is an error and finds nothing; so is an oracle that
should not have been the one. A run tells what it finds more than {MUCH_LATER} worlds later than this page.

**{found} of {len(mistakes)} are found** ({oracles}). The first two rows are the core as it is: it must survive
all {seeds}, as many odd ones, as many with energy, and as many on phases.

{table(fates)}
"""


def worlds_on_page(text: str) -> dict[str, str]:
    """Return in which world each mistake is found as the page tells, by its name."""
    rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:2] == "| ")
    return {cells[0]: cells[-1] for cells in rows if any(char.isdigit() for char in cells[-1])}


def tries(world: str, seeds: int) -> int:
    """Return how many worlds were tried before this one: those with odd things come last."""
    number = int(world.removeprefix(ODD).removeprefix(ON_PHASES).removeprefix(ENERGY))
    return number + seeds if world.startswith(ODD) else number


def later(fates: Sequence[Fate], before: Mapping[str, str], seeds: int) -> list[str]:
    """Return a line for each mistake that is found much later than it was."""
    return [
        f"{fate.mutant.name}: in world {fate.seed}, and before in {before[fate.mutant.name]}"
        for fate in fates
        if fate.seed
        and fate.mutant.name in before
        and tries(fate.seed, seeds) > tries(before[fate.mutant.name], seeds) + MUCH_LATER
    ]


def main() -> int:
    """Run from the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="parts of the names of the mutants to run; all without")
    parser.add_argument("--seeds", type=int, default=MOST_SEEDS, help="how many worlds may be tried")
    parser.add_argument("--write", action="store_true", help="write docs/mutants.md")
    options = parser.parse_args()
    if options.write and options.names:
        parser.error("the page is about all of them")
    chosen = [m for m in MUTANTS if not options.names or any(name in m.name for name in options.names)]
    clean = [each for each in CLEAN if any(mutant.worlds == each.worlds for mutant in chosen)]
    fates = fates_of([*clean, *chosen], options.seeds)
    print(table(fates))
    for line in later(fates, worlds_on_page(PAGE.read_text(encoding="utf-8")), options.seeds):
        print(f"much later: {line}")
    if options.write:
        PAGE.write_text(page(fates, options.seeds), encoding="utf-8")
    return int(not all(fate.is_as_told for fate in fates))


if __name__ == "__main__":
    sys.exit(main())
