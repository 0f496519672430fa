"""Write docs/chargers.md from what is observed now, or (`--check`) say whether it is what the code does.

    python -m tests.characters.report [--check]

Takes about a second of work for each run, in as many processes as there are processors.
"""

import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from simulators.characters import CHARACTERS
from tests.characters.cases import Case
from tests.characters.day import observe
from tests.characters.page import cases_of, page, row
from tests.characters.verdict import Verdict, judge
from tests.virtual.loop import run_virtually

PAGE = Path(__file__).resolve().parents[2] / "docs" / "chargers.md"


def verdict_on(case: Case) -> Verdict:
    """Return the verdict on one case."""
    return judge(
        run_virtually(
            lambda clock: observe(clock, [case.character.name], case.ground, assume_ocpp16=case.assume_ocpp16)
        )
    )


def _row(name: str) -> str:
    """Return the row of one character."""
    character = next(one for one in CHARACTERS if one.name == name)
    return row(character, {case.name: verdict_on(case) for case in cases_of(character)})


def main() -> int:
    """Write or check the page; return the exit status."""
    names = [character.name for character in CHARACTERS]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        text = page(dict(zip(names, pool.map(_row, names), strict=True)))
    if sys.argv[1:] != ["--check"]:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        print("docs/chargers.md is not what was observed; run: python -m tests.characters.report", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
