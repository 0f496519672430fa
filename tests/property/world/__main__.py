"""Run seeds by hand: `python -m tests.property.world FIRST [COUNT]` prints the story of each that fails."""

import sys
import time

from csms.core.engine import Engine
from tests.property.world.trace import ViolationError
from tests.property.world.world import World


def main(first: int, count: int) -> None:
    """Run `count` seeds from `first` and print each failure."""
    for seed in range(first, first + count):
        begun = time.perf_counter()
        world = World(seed, Engine)
        try:
            world.run(*world.length_ms())
        except ViolationError as violation:
            lines = str(violation).splitlines()
            print(f"seed {seed}: {lines[0]}" if count > 1 else violation)
        if count == 1:
            spent_s = time.perf_counter() - begun
            print(f"seed {seed}: {world.host.steps} steps, {world.around.clock.now_ms / 1000} s in {spent_s:.2f} s")


main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1)
