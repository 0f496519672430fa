"""Run the simulated worlds against one mutant, in this process: told by the environment, before the core is imported.

The core with the mistake in it is a copy of the package in a folder of its own, first on the path.
"""

import sys
from pathlib import Path

from tests.mutants.table import MUTANTS, Mutant

MOST_SEEDS = 50
ROOT = Path(__file__).resolve().parents[2]


def source_of(mutant: Mutant, root: Path = ROOT) -> Path:
    """Return the file that a mutant changes."""
    return root / "csms" / "core" / f"{mutant.module}.py"


def killed_by(seeds: int) -> tuple[str, int] | None:
    """Return the oracle that finds something first in worlds of this process's core, and the seed; None: nothing."""
    from csms.core.engine import Engine
    from csms.simulation.trace import ViolationError
    from tests.property.test_ledger import run

    for seed in range(seeds):
        try:
            run(seed, Engine)
        except ViolationError as violation:
            return str(violation).removeprefix("ViolationError: ").split(":")[0], seed
    return None


def main() -> None:
    """Print what killed the core of this process."""
    found = killed_by(int(sys.argv[1]))
    print("survived" if found is None else f"{found[0]}\t{found[1]}")


if __name__ == "__main__":
    assert MUTANTS
    main()
