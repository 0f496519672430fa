"""Every site of `examples/`, and its day run once for all tests of it."""

from functools import cache
from pathlib import Path

from csms.cli.checking import read_station
from csms.cli.day import read_day
from csms.core.station import Station
from csms.day.document import Visit
from csms.day.figures import Figures
from csms.day.run import run

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SITES = sorted(path.parent.name for path in EXAMPLES.glob("*/day.json"))


def station_of(site: str) -> Station:
    station = read_station((EXAMPLES / site / "station.json").read_bytes())
    assert isinstance(station, Station), station
    return station


def visits_of(site: str) -> tuple[Visit, ...]:
    read = read_day((EXAMPLES / site / "day.json").read_bytes(), station_of(site))
    visits = tuple(each for each in read if isinstance(each, Visit))
    assert len(visits) == len(read), read
    return visits


@cache
def figures_of(site: str) -> Figures:
    return run(station_of(site), visits_of(site))
