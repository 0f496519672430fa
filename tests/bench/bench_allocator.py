"""How long an allocation takes, as multiples of `sorted()`. Run with `python -m tests.bench.bench_allocator`.

The baseline is `sorted()` of the same sessions' demands (a list of ints in random order): the least that any exact
max-min has to do, in the fastest code that Python has. Both are timed in turns in one run, in CPU time, and the median
of several repeats is shown. Demands are random, and the caps are such that most sessions are limited by a row: nothing
is cut short. Sessions hang four to a charger and twenty chargers to a circuit where there are such levels. With phases
there are limits in amperes on each of them instead, and at the chargers beside, and half of the sessions use one phase.
"""

import argparse
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from csms.core.allocator import Claim, Node, allocate, loads_of

SIZES = (100, 1_000, 10_000, 100_000)
STATION_SIZES = (3, 6, 12)
REPEATS = 7
SESSIONS_A_TIMING = 20_000
SEED = 1
LINES = ((1,), (2,), (3,), (1, 2, 3), (1, 2, 3), (1, 2, 3))
VOLTAGE_V = 230


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of station: how many levels of limits, and what its sessions ask for."""

    name: str
    levels: int
    min_w: int = 0
    weight_max: int = 1
    has_phases: bool = False


SHAPES = (
    Shape("flat: the grid connection alone", 1),
    Shape("two levels: chargers", 2),
    Shape("three levels: circuits and chargers", 3),
    Shape("three levels, minima of 4,140 W", 3, min_w=4_140),
    Shape("three levels, minima and weights 1 to 3", 3, min_w=4_140, weight_max=3),
    Shape("three levels, all with limits per phase", 3, has_phases=True),
)


@dataclass(frozen=True, slots=True)
class Timing:
    """One cell of the table: medians of CPU time per call, s."""

    allocate_s: float
    sorted_s: float

    @property
    def ratio(self) -> float:
        """Return how many times `sorted()` fits into the allocation."""
        return self.allocate_s / self.sorted_s


def station(shape: Shape, sessions: int) -> tuple[list[Node], list[Claim]]:
    """Return a station of that shape whose grid connection has 30 kW a session."""
    rng = random.Random(SEED)
    chargers, circuits = max(1, sessions // 4), max(1, sessions // 80)
    nodes = [Node("grid", None, 30_000 * sessions)]
    if shape.levels > 2:
        circuit_w = 40_000 * sessions // circuits
        nodes += [Node(f"circuit{i}", "grid", circuit_w) for i in range(circuits)]
    if shape.levels > 1:
        nodes += [
            Node(f"CP{i}", f"circuit{i % circuits}" if shape.levels > 2 else "grid", rng.choice([100_000, 200_000]))
            for i in range(chargers)
        ]
    claims = [
        Claim(
            session_id=f"s{i}",
            node=f"CP{i % chargers}" if shape.levels > 1 else "grid",
            min_w=shape.min_w,
            max_w=rng.randint(5_000, 150_000),
            weight=rng.randint(1, shape.weight_max),
            rank=i,
            loads=loads_of(rng.choice(LINES) if shape.has_phases else LINES[-1]),
        )
        for i in range(sessions)
    ]
    return [in_amperes(node) for node in nodes] if shape.has_phases else nodes, claims


def in_amperes(node: Node) -> Node:
    """Return a limit of the same power in amperes on each of three phases; a charger's also has its watts."""
    phase_ma = 1000 * (node.cap_w or 0) // (3 * VOLTAGE_V)
    if node.node_id.startswith("CP"):
        return Node(node.node_id, node.parent, node.cap_w, (2 * phase_ma, 2 * phase_ma, 2 * phase_ma), VOLTAGE_V)
    return Node(node.node_id, node.parent, None, (phase_ma, phase_ma, phase_ma), VOLTAGE_V)


def per_call_s(call: Callable[[], object], calls: int) -> float:
    """Return the CPU time of one of `calls` calls, s."""
    started_s = time.process_time()
    for _ in range(calls):
        call()
    return (time.process_time() - started_s) / calls


def measure(shape: Shape, sessions: int, repeats: int) -> Timing:
    """Return the medians of `repeats` timings, allocation and baseline in turns."""
    nodes, claims = station(shape, sessions)
    demands = [claim.max_w for claim in claims]
    calls = max(1, SESSIONS_A_TIMING // sessions)
    allocations, sorts = [], []
    for _ in range(repeats):
        sorts.append(per_call_s(lambda: sorted(demands), 10 * calls))
        allocations.append(per_call_s(lambda: allocate(nodes, claims), calls))
    return Timing(statistics.median(allocations), statistics.median(sorts))


def table(sizes: Sequence[int], repeats: int) -> list[str]:
    """Return the lines of the table: per shape and size, multiples of `sorted()` and the time of one allocation."""
    lines = ["allocate() as a multiple of sorted() of the sessions' demands, CPU time, median of " + str(repeats)]
    lines.append(f"{'':42}" + "".join(f"{size:>20,}" for size in sizes))
    for shape in SHAPES:
        timings = [measure(shape, size, repeats) for size in sizes]
        cells = [f"{t.ratio:.1f}× ({t.allocate_s * 1e3:,.2f} ms)" for t in timings]
        lines.append(f"{shape.name:42}" + "".join(f"{cell:>20}" for cell in cells))
    return lines


def small_table(sizes: Sequence[int], repeats: int) -> list[str]:
    """Return the lines for stations of a few cars, where a planner calls it often."""
    lines = ["one allocate() of a few sessions, µs"]
    lines.append(f"{'':42}" + "".join(f"{size:>20,}" for size in sizes))
    for shape in SHAPES:
        cells = [f"{measure(shape, size, repeats).allocate_s * 1e6:.0f} µs" for size in sizes]
        lines.append(f"{shape.name:42}" + "".join(f"{cell:>20}" for cell in cells))
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description="Times of the allocator as multiples of sorted().")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="SESSIONS")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    options = parser.parse_args(arguments)
    for line in [*table(options.sizes, options.repeats), "", *small_table(STATION_SIZES, options.repeats)]:
        print(line)


if __name__ == "__main__":
    main()
