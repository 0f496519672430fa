"""`csms simulate`: one seed of the simulated world, what it drew, what happened in it, and the hash of its story."""

import time
from pathlib import Path

import typer

from csms.cli.status import ExitStatus
from csms.simulation.faults import Kind, read_choice, read_kinds
from csms.simulation.run import Options, Outcome, simulate

STORY_LINES = 150
"""So many lines of the story before a violation are printed."""


def run(
    seed: int,
    hours: float | None,
    chargers: int | None,
    faults: str,
    without: str | None,
    story: str | None,
    *,
    energy: bool = False,
    phases: bool = False,
) -> int:
    """Run one world and print its report, ending in the trace hash; return the exit status."""
    choice = read_choice(faults)
    if isinstance(choice, str):
        typer.echo(f"csms simulate: --faults: {choice}", err=True)
        return ExitStatus.USAGE
    left_out = frozenset[Kind]() if without is None else read_kinds(without)
    if isinstance(left_out, str):
        typer.echo(f"csms simulate: --without: {left_out}", err=True)
        return ExitStatus.USAGE
    options = Options(seed, hours, chargers, choice, left_out, energy=energy, phases=phases)
    if options.has_energy and options.has_phases:
        typer.echo("csms simulate: --phases: a site with energy has limits in watts; choose one of both", err=True)
        return ExitStatus.USAGE
    begun_s = time.monotonic()
    outcome = simulate(options)
    spent_s = max(time.monotonic() - begun_s, 0.001)
    if story is not None:
        try:
            Path(story).write_text("".join(f"{line}\n" for line in outcome.story), encoding="utf-8")
        except OSError as error:
            typer.echo(f"csms simulate: --story: {error}", err=True)
            return ExitStatus.USAGE
    typer.echo("\n".join(report(options, outcome)))
    typer.echo(f"{outcome.virtual_ms / 1000 / spent_s:.0f} × real time, with every oracle", err=True)
    return ExitStatus.DONE if outcome.violation is None else ExitStatus.NO


def report(options: Options, outcome: Outcome) -> list[str]:
    """Return what is printed of a run; the last line is its trace hash."""
    story = outcome.story
    lines = [f"options {options.text}", *(f"drawn {line}" for line in outcome.drawn)]
    lines.append(f"virtual time {outcome.virtual_ms / 1000:.3f} s")
    lines.append(f"events {outcome.events}, steps of the engine {outcome.steps}, lines of the story {len(story)}")
    lines += [f"fault {kind.value} {outcome.struck.get(kind, 0)}" for kind in Kind]
    lines += [f"overbooked {row} {time_ms / 1000:g} s" for row, time_ms in sorted(outcome.overbooked_ms.items())]
    if outcome.excess_ms:
        lines.append(f"longest excess {outcome.excess_ms / 1000:g} s")
    lines.append(f"grid meter: most {outcome.grid_w} W, the house most {outcome.house_w} W")
    if options.has_energy:
        given_s, above_s = outcome.boosted_ms / 1000, outcome.above_firm_ms / 1000
        lines.append(f"a battery gave for {given_s:g} s, cars drew more than what is firm for {above_s:g} s")
    if not outcome.overbooked_ms:
        lines.append("overbooked no row")
    lines += [f"limits above {row} for {over_ms / 1000:g} s" for row, over_ms in sorted(outcome.limits_over_ms.items())]
    lines += outcome.asked.lines()
    if outcome.violation is not None:
        lines += ["story, to the violation", *story[-STORY_LINES:], f"VIOLATION {outcome.violation}"]
    else:
        lines.append("violations none")
    return [*lines, f"trace hash {outcome.trace_hash}"]
