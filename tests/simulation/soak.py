"""Simulate fresh seeds for as long as asked: `make soak ARGS='--minutes 60 --hours 1 --faults storm'`.

Seeds count up from the wall clock's second, so that no two soaks run the same ones. A failing seed is told at once and
added to `kept_seeds.txt`. The last lines count what was run and every fault that was injected; exit status 1 when a
seed failed.
"""

import argparse
import itertools
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

from csms.simulation.asked import Asked
from csms.simulation.faults import Kind, read_choice
from csms.simulation.run import Options, Outcome, simulate
from tests.simulation.kept import keep

HOUR_MS = 3_600_000
PHASES_EVERY = 5
"""One world in so many has fuses that are limited on each phase."""


@dataclass(slots=True)
class Tally:
    runs: int = 0
    failed: int = 0
    events: int = 0
    virtual_ms: int = 0
    charger_ms: int = 0
    overbooked_ms: int = 0
    excess_ms: int = 0
    asked: Asked = field(default_factory=Asked)
    struck: Counter[Kind] = field(default_factory=Counter)

    def add(self, outcome: Outcome) -> None:
        self.runs += 1
        self.failed += outcome.violation is not None
        self.events += outcome.events
        self.virtual_ms += outcome.virtual_ms
        self.charger_ms += outcome.virtual_ms * outcome.chargers
        self.overbooked_ms += sum(outcome.overbooked_ms.values())
        self.excess_ms = max(self.excess_ms, outcome.excess_ms)
        self.asked.add(outcome.asked)
        self.struck += Counter(outcome.struck)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak", description="Simulate fresh seeds for as long as asked.")
    parser.add_argument("--minutes", type=float, default=10, help="real minutes to go on for")
    parser.add_argument("--first", type=int, default=int(time.time()), help="first seed")
    parser.add_argument("--hours", type=float, help="virtual hours of a run; default: drawn by its seed")
    parser.add_argument("--chargers", type=int, help="chargers of a run; default: drawn by its seed")
    parser.add_argument("--faults", default="drawn", help="as in csms simulate")
    parser.add_argument("--phases", action="store_true", help="every world has fuses limited on each phase")
    parser.add_argument("--energy", action="store_true", help="every world has a battery, a meter, a schedule …")
    given = parser.parse_args()
    choice = read_choice(given.faults)
    if isinstance(choice, str):
        parser.error(choice)
    tally, begun = Tally(), time.monotonic()
    for seed in itertools.count(given.first):
        spent_s = time.monotonic() - begun
        if spent_s >= given.minutes * 60:
            break
        phases = not given.energy and (given.phases or seed % PHASES_EVERY == 0)
        options = Options(seed, given.hours, given.chargers, choice, phases=phases, energy=given.energy)
        outcome = simulate(options)
        tally.add(outcome)
        if outcome.violation is not None:
            print(f"{options.text}: {outcome.violation}", flush=True)
            keep(options, outcome.violation)
    print(
        f"{tally.runs} runs, {tally.failed} failed, {tally.events} events, "
        f"{tally.charger_ms / HOUR_MS:.1f} charger-hours"
    )
    print(f"{tally.virtual_ms / 1000 / spent_s:.0f} × real time")
    print(f"rows overbooked {tally.overbooked_ms / HOUR_MS:.2f} h, longest excess {tally.excess_ms / 1000:g} s")
    print("\n".join(tally.asked.lines()))
    for kind in Kind:
        print(f"fault {kind.value} {tally.struck[kind]}")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
