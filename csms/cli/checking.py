"""`csms config check`: every fault of a station configuration by its JSON path, or what is worth knowing about it."""

from zoneinfo import available_timezones

import typer

from csms.cli.source import name_of, read_source
from csms.cli.status import ExitStatus
from csms.core.configuration import (
    battery_text,
    explain_fail_safe,
    kilowatts,
    load_document,
    notices,
    parse_station,
    site_meter_text,
)
from csms.core.faults import Fault
from csms.core.station import Station


def run(file: str) -> int:
    """Check one file and print the outcome; return the exit status."""
    content = read_source(file)
    if isinstance(content, str):
        typer.echo(f"csms config check: {content}", err=True)
        return ExitStatus.USAGE
    name = name_of(file)
    station = read_station(content)
    if not isinstance(station, Station):
        typer.echo(f"{name}: {len(station)} {'fault' if len(station) == 1 else 'faults'}")
        for fault in station:
            typer.echo(f"  {fault}")
        return ExitStatus.NO
    typer.echo(f"{name}: valid: {summary(station)}")
    for line in (*explain_fail_safe(station), *battery_text(station), *site_meter_text(station)):
        typer.echo(f"  {line}")
    for notice in notices(station):
        typer.echo(f"  notice: {notice}")
    return ExitStatus.DONE


def read_station(content: bytes) -> Station | tuple[Fault, ...]:
    """Return the station that a configuration file describes, or everything that is wrong with it."""
    document = load_document(content)
    if isinstance(document, tuple):
        return document
    return parse_station(document, available_timezones())


def summary(station: Station) -> str:
    """Return a station in one line: its name, its grid connection (kW), and what hangs on it."""
    chargers = len(station.chargers)
    connectors = sum(charger.connectors for charger in station.chargers)
    return (
        f"station {station.station_id}, {kilowatts(station.grid_capacity_w)} kW, "
        f"{chargers} charger{'' if chargers == 1 else 's'}, {connectors} connector{'' if connectors == 1 else 's'}"
    )
