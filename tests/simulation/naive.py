"""A naive controller and ours in the same worlds: `python -m tests.simulation.naive --seeds 200`.

Each world is run twice with each controller, to its first violation: once with all oracles, once with those alone that
look at what is true (what chargers obey, transactions, fuses) and at none of the law's words. Prints the table that
`docs/simulation.md` has.
"""

import argparse
import re
import sys
from collections import Counter

from csms.core.engine import Engine
from csms.simulation.faults import read_choice
from csms.simulation.host import MakeController
from csms.simulation.naive import naive
from csms.simulation.surroundings import Switches
from csms.simulation.trace import ViolationError
from csms.simulation.world import World

CONTROLLERS: dict[str, MakeController] = {"naive": naive, "ours": Engine}
ORACLES = {"all oracles": Switches(odd=True), "the truth alone": Switches(odd=True, mirror=False)}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.naive", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--faults", default="drawn", help="as in csms simulate")
    given = parser.parse_args()
    choice = read_choice(given.faults)
    if isinstance(choice, str):
        parser.error(choice)
    print(f"| | {' | '.join(ORACLES)} |\n|---|{'---|' * len(ORACLES)}")
    for name, make in CONTROLLERS.items():
        cells = []
        for switches in ORACLES.values():
            broken = Counter(
                oracle
                for seed in range(given.seeds)
                if (oracle := first_broken(World(seed, make, switches, choice=choice))) is not None
            )
            told = ", ".join(f"{oracle} {count}" for oracle, count in broken.most_common())
            cells.append(f"violated in {broken.total()}: {told}" if broken else "0")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    return 0


def first_broken(world: World) -> str | None:
    """Return the name of the first oracle that is broken, or None."""
    try:
        world.run(*world.length_ms())
    except ViolationError as violation:
        message = str(violation).removeprefix("ViolationError: ")
        named = re.match(r"(I\d+(/I\d+)?|[ACG]|fuse):", message)
        return "other" if named is None else named[1]
    return None


if __name__ == "__main__":
    sys.exit(main())
