"""`csms day`: a day of a station in virtual time, printed as figures and written as JSON."""

import json
from pathlib import Path

import typer

from csms.cli.checking import read_station
from csms.cli.source import name_of, read_source
from csms.cli.status import ExitStatus
from csms.core.configuration import load_document
from csms.core.faults import Fault
from csms.core.station import Station
from csms.day.document import Day, parse_day
from csms.day.figures import document, table
from csms.day.run import run as run_day


def run(station_file: str, day_file: str, figures_file: str | None) -> int:
    """Run the day and print its figures, or every fault of the two documents; return the exit status."""
    contents = []
    for file in (station_file, day_file):
        content = read_source(file)
        if isinstance(content, str):
            typer.echo(f"csms day: {content}", err=True)
            return ExitStatus.USAGE
        contents.append(content)
    station = read_station(contents[0])
    if not isinstance(station, Station):
        return _refuse(station_file, station)
    day = read_day(contents[1], station)
    if not isinstance(day, Day):
        return _refuse(day_file, day)
    figures = run_day(station, day)
    if figures_file is not None:
        try:
            Path(figures_file).write_text(json.dumps(document(figures), indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            typer.echo(f"csms day: --figures: {error}", err=True)
            return ExitStatus.USAGE
    typer.echo("\n".join(table(figures)))
    return ExitStatus.DONE if figures.kept else ExitStatus.NO


def read_day(content: bytes, station: Station) -> Day | tuple[Fault, ...]:
    """Return the day of a file, or everything that is wrong with it."""
    decoded = load_document(content)
    return decoded if isinstance(decoded, tuple) else parse_day(decoded, station)


def _refuse(file: str, faults: tuple[Fault, ...]) -> int:
    typer.echo(f"csms day: {name_of(file)}: {len(faults)} {'fault' if len(faults) == 1 else 'faults'}", err=True)
    for fault in faults:
        typer.echo(f"  {fault}", err=True)
    return ExitStatus.NO
