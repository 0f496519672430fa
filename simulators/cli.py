"""What `python -m simulators` does with its command line."""

import argparse
import asyncio
import logging
import os
import ssl
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

from simulators.arrivals import Arrivals, Habits
from simulators.build import Wanted, build_charger
from simulators.car import Car
from simulators.characters import CHARACTERS, Unusable, traits_named
from simulators.characters.listing import as_json, as_text
from simulators.charger import Charger
from simulators.clock import WallClock
from simulators.link import Link
from simulators.options import parse
from simulators.report import report_line, write_line
from simulators.running import Unit, run_until, stop_on_signals
from simulators.station_file import ChargerEntry, Unreadable, read_station
from simulators.supervisor import supervise
from simulators.terminal import Terminal, drive
from simulators.traits import Traits
from simulators.trust import UnusableFile, tls_of

USAGE = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    args = parse(argv)
    if getattr(args, "frames", False):
        logging.basicConfig(stream=sys.stderr, format="%(message)s")
    commands: dict[str, Callable[[argparse.Namespace, Sequence[str]], int]] = {
        "charger": _charger,
        "station": _station,
        "characters": _characters,
        "scenarios": _scenarios,
    }
    try:
        return commands[args.command](args, sys.argv[1:] if argv is None else argv)
    except BrokenPipeError:
        # Nobody reads any more, which is a way of saying stop; the interpreter's last flush must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _charger(args: argparse.Namespace, _: Sequence[str]) -> int:
    tls = tls_of(args.url, args.ca, args.cert, args.cert_key)
    if isinstance(tls, UnusableFile):
        print(f"simulators: {tls.reason}", file=sys.stderr)
        return USAGE

    async def run() -> int:
        stop = stop_on_signals()
        clock = WallClock()
        wanted = Wanted(args.connectors, args.max_w, args.phases, units=args.unit, meter_interval_s=args.meter_interval)
        charger = build_charger(
            args.id,
            wanted,
            clock,
            tell=_teller(args),
            default_car=lambda c: Car(args.car, c.supply),
            traits=_traits(args.character),
        )
        if args.key is not None:
            charger.configuration.set("AuthorizationKey", args.key)
        link = Link(charger, args.url, clock, frames=args.frames, tls=tls)
        driving = asyncio.create_task(drive(Terminal(charger, args.car), _teller(args)))
        driving.add_done_callback(lambda _: stop.set())
        print("type `help` for the commands", file=sys.stderr)
        await run_until([Unit(charger, link, _reporter(args, charger))], clock, stop)
        driving.cancel()
        await asyncio.wait({driving})
        return 0 if driving.cancelled() else driving.result()

    return asyncio.run(run())


def _station(args: argparse.Namespace, argv: Sequence[str]) -> int:
    station = read_station(args.config)
    if isinstance(station, Unreadable):
        print(f"simulators: {station.reason}", file=sys.stderr)
        return USAGE
    by_id = {entry.charger_id: entry for entry in station}
    named = [*args.only, *(charger_id for charger_id, _ in args.character)]
    unknown = [charger_id for charger_id in named if charger_id not in by_id]
    if unknown:
        print(f"simulators: no charger {unknown[0]} in {args.config}; it has {', '.join(by_id)}", file=sys.stderr)
        return USAGE
    station = tuple(replace(entry, characters=_characters_of(entry, args)) for entry in station)
    by_id = {entry.charger_id: entry for entry in station}
    for entry in station:
        traits = traits_named(entry.characters)
        if isinstance(traits, Unusable):
            print(f"simulators: {entry.charger_id}: {traits.reason}", file=sys.stderr)
            return USAGE
    tls = tls_of(args.url, args.ca)
    if isinstance(tls, UnusableFile):
        print(f"simulators: {tls.reason}", file=sys.stderr)
        return USAGE
    if args.only:
        return asyncio.run(_station_here(args, [by_id[charger_id] for charger_id in args.only], tls))
    over_ocpp = [entry.charger_id for entry in station if entry.over_ocpp]
    if not over_ocpp:
        print(f"simulators: no charger of {args.config} connects over OCPP", file=sys.stderr)
        return USAGE
    return asyncio.run(supervise([[*argv, "--only", charger_id] for charger_id in over_ocpp]))


def _characters_of(entry: ChargerEntry, args: argparse.Namespace) -> tuple[str, ...]:
    """Return the characters that the file and the command line give a charger."""
    return (*entry.characters, *(name for charger_id, name in args.character if charger_id == entry.charger_id))


async def _station_here(args: argparse.Namespace, entries: Sequence[ChargerEntry], tls: ssl.SSLContext | None) -> int:
    stop = stop_on_signals()
    clock = WallClock()
    habits = Habits(args.arrival_seconds, args.min_wh, args.max_wh)
    units = []
    for entry in entries:
        wanted = Wanted(
            entry.connectors,
            entry.max_w,
            entry.phases,
            voltage_v=entry.voltage_v,
            units=args.unit,
            meter_interval_s=args.meter_interval,
        )
        charger = build_charger(entry.charger_id, wanted, clock, tell=_teller(args), traits=_traits(entry.characters))
        arrivals = Arrivals(charger, habits, args.seed)
        report = _reporter(args, charger)

        def each_tick(at_ms: int, arrivals: Arrivals = arrivals, report: Callable[[int], None] = report) -> None:
            arrivals.step()
            report(at_ms)

        link = Link(charger, args.url, clock, frames=args.frames, seed=args.seed, tls=tls)
        units.append(Unit(charger, link, each_tick))
    await run_until(units, clock, stop, None if args.minutes is None else args.minutes * 60)
    return 0


def _characters(args: argparse.Namespace, _: Sequence[str]) -> int:
    listed = [one for one in CHARACTERS if args.family in (None, one.family)]
    print(as_json(listed) if args.json else as_text(listed))
    return 0


def _traits(names: Sequence[str]) -> Traits:
    traits = traits_named(names)
    assert not isinstance(traits, Unusable), "checked when it was read"
    return traits


def _scenarios(args: argparse.Namespace, _: Sequence[str]) -> int:
    # Imported here: its HTTP client would slow down the start of every charger.
    from simulators.scenarios import run_scenario  # noqa: PLC0415 - see above

    return asyncio.run(run_scenario(args.scenario, args.url, args.over_ocpp))


def _teller(args: argparse.Namespace) -> Callable[[str], None]:
    out = sys.stderr if args.report == "json" else sys.stdout
    return lambda text: write_line(out, text)


def _reporter(args: argparse.Namespace, charger: Charger) -> Callable[[int], None]:
    def each_tick(at_ms: int) -> None:
        if args.report == "json" and at_ms % 1000 == 0:
            write_line(sys.stdout, report_line(charger, at_ms))

    return each_tick
