"""The seeds that are kept for ever: `kept_seeds.txt`, one run a line as it is typed to `csms simulate`."""

import argparse
import shlex
from collections.abc import Iterator
from pathlib import Path

from csms.simulation.faults import Kind, read_choice, read_kinds
from csms.simulation.run import Options

KEPT = Path(__file__).parent / "kept_seeds.txt"


def kept_options() -> Iterator[Options]:
    """Return the options of every kept run."""
    for line in KEPT.read_text(encoding="utf-8").splitlines():
        words = shlex.split(line, comments=True)
        if words:
            yield parse_options(words)


def parse_options(words: list[str]) -> Options:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--hours", type=float)
    parser.add_argument("--chargers", type=int)
    parser.add_argument("--faults", default="drawn")
    parser.add_argument("--without")
    parser.add_argument("--energy", action="store_true")
    parser.add_argument("--phases", action="store_true")
    given = parser.parse_args(words)
    choice = read_choice(given.faults)
    without = frozenset[Kind]() if given.without is None else read_kinds(given.without)
    assert not isinstance(choice, str), choice
    assert not isinstance(without, str), without
    return Options(given.seed, given.hours, given.chargers, choice, without, energy=given.energy, phases=given.phases)


def keep(options: Options, why: str) -> None:
    """Add a run, unless it is kept already."""
    if options in kept_options():
        return
    with KEPT.open("a", encoding="utf-8") as file:
        file.write(f"{options.text}  # {why}\n")
