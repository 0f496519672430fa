"""Run every mutant and print what found it.

    python -m tests.mutants [NAME …] [--seeds 50] [--write]

Each runs in a process of its own on a copy of the package with the mistake in it, as many at a time as there are
processors. `--write` makes docs/mutants.md. The exit status is 1 when one survives.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from rich.progress import Progress

from tests.mutants.run import MOST_SEEDS, ROOT, source_of
from tests.mutants.table import MUTANTS, Mutant

PAGE = ROOT / "docs" / "mutants.md"
SURVIVED = "survived"


def fate_of(mutant: Mutant, seeds: int) -> str:
    """Return what found the mutant, `oracle<tab>seed`, or `survived`."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for package in ("csms", "tests"):
            shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
        changed = source_of(mutant, copy)
        changed.write_text(
            changed.read_text(encoding="utf-8").replace(mutant.written, mutant.instead), encoding="utf-8"
        )
        ran = subprocess.run(
            [sys.executable, "-m", "tests.mutants.run", str(seeds)],
            cwd=copy,
            env=os.environ | {"PYTHONPATH": folder},
            capture_output=True,
            text=True,
            check=False,
        )
    if ran.returncode:
        return f"{ran.stderr.strip().splitlines()[-1].split(':')[0]}\t0"
    return ran.stdout.strip()


def main() -> int:
    """Run from the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="parts of the names of the mutants to run; all without")
    parser.add_argument("--seeds", type=int, default=MOST_SEEDS, help="how many worlds may be tried")
    parser.add_argument("--write", action="store_true", help="write docs/mutants.md")
    options = parser.parse_args()
    chosen = [m for m in MUTANTS if not options.names or any(name in m.name for name in options.names)]
    fates: dict[str, str] = {}
    with Progress() as progress, ThreadPoolExecutor(os.cpu_count()) as pool:
        bar = progress.add_task("mutants", total=len(chosen))
        waiting = {pool.submit(fate_of, mutant, options.seeds): mutant for mutant in chosen}
        for done in as_completed(waiting):
            fates[waiting[done].name] = done.result()
            progress.advance(bar)
    text = table(chosen, fates)
    print(text)
    if options.write:
        PAGE.write_text(page(text), encoding="utf-8")
    return int(SURVIVED in fates.values())


def table(chosen: list[Mutant], fates: dict[str, str]) -> str:
    """Return the fates as a table."""
    lines = ["| mistake | in | breaks | found by | in world |", "|---|---|---|---|---|"]
    for mutant in chosen:
        oracle, _, seed = fates[mutant.name].partition("\t")
        lines.append(f"| {mutant.name} | `{mutant.module}` | {mutant.rule} | {oracle} | {seed} |")
    return "\n".join(lines)


def page(text: str) -> str:
    """Return docs/mutants.md."""
    return f"""# Mutants
<!-- made by `make mutants ARGS=--write`: change tests/mutants/table.py -->

Mistakes that a tired engineer could make in the core, each dangerous for the fuse, the money or the memory. Each is put
into a copy of the core, and the random worlds are run against it, at most {MOST_SEEDS}: one of them must break an
invariant of the [ledger](ledger.md) §5 (I1 to I10), or the core must notice by itself (InvariantError).

{text}
"""


if __name__ == "__main__":
    sys.exit(main())
