"""`python -m tests.whole_day --seed N [--hours H] [--story FILE]`: one run, its counts, and the hash of its story."""

import argparse
import contextlib
import sys
import time
from pathlib import Path

from tests.whole_day.drawing import Options
from tests.whole_day.run import Outcome, run
from tests.whole_day.weather import MEANINGS, Kind

MS_PER_HOUR = 3_600_000


def main() -> int:
    """Run one day and print what came of it; return 0 when everything held, else 1."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.whole_day",
        description="One day of the whole central system over links that fail.",
        epilog="faults:\n" + "\n".join(f"  {kind:<16} {MEANINGS[kind]}" for kind in Kind),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, required=True, help="what every die is thrown from")
    parser.add_argument("--hours", type=float, default=24.0, help="with cars and faults (24)")
    parser.add_argument("--story", type=Path, help="write every frame and fact to this file")
    args = parser.parse_args()
    options = Options(args.seed, args.hours)
    began_s = time.process_time()
    with contextlib.ExitStack() as stack:
        file = None if args.story is None else stack.enter_context(args.story.open("w", encoding="utf-8"))
        outcome = run(options, file)
    took_s = time.process_time() - began_s
    speed = outcome.virtual_ms / 1000 / took_s
    print(f"{took_s:.1f} s of processor time, {speed:.0f} times as fast as real time", file=sys.stderr)
    print("\n".join(report(options, outcome)))
    return 1 if outcome.broken else 0


def report(options: Options, outcome: Outcome) -> list[str]:
    """Return what is printed of a run; the last line is its hash."""
    lines = [f"options --seed {options.seed} --hours {options.hours:g}"]
    lines += [f"drawn {line}" for line in outcome.drawn]
    lines.append(f"virtual time {outcome.virtual_ms / MS_PER_HOUR:.2f} h, lines of the story {outcome.lines}")
    lines += [f"fault {kind} {outcome.struck.get(kind, 0)}" for kind in Kind]
    lines.append(f"transactions {outcome.transactions}, {outcome.energy_wh} Wh")
    lines += [f"{row} was full to {ppm / 10_000:.2f} %" for row, ppm in outcome.fullest_ppm.items()]
    lines.append(f"looks at limits and power {outcome.looks}")
    if outcome.broken:
        lines += ["story, its end", outcome.story_end.rstrip(), *(f"BROKEN {what}" for what in outcome.broken)]
    else:
        lines.append("broken nothing")
    return [*lines, f"trace hash {outcome.story_hash}"]


if __name__ == "__main__":
    sys.exit(main())
