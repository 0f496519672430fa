"""The day of an example as a picture: `python -m examples.plot SITE --out FILE.png`, and `make plots` for all.

Needs matplotlib (extra `plots`).
Above: what each charger draws, stacked, under the limit that all of them share. Below: what each car may draw.
The picture carries the fingerprint of the course that it was drawn from, as a text of the PNG called `Course`: a test
compares it with the course that the site gives now, without matplotlib, so that no old picture stays in the docs.
"""

import argparse
import hashlib
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Final

from csms.cli.checking import read_station
from csms.cli.day import read_day
from csms.core.station import Station
from csms.core.tree import circuit_path
from csms.day.document import HOUR_MS, Visit
from csms.day.figures import Figures
from csms.day.run import run

EXAMPLES: Final = Path(__file__).resolve().parent
TEXT: Final = "Course"
NAMED_MAX: Final = 12
"""More cars than this are not named beside the picture."""


def fingerprint(figures: Figures) -> str:
    """Return the SHA-256 of what is drawn: the course of the day and the limits above it."""
    capacities_w = {name: row.capacity_w for name, row in figures.rows.items()}
    drawn = [capacities_w, [asdict(moment) for moment in figures.course]]
    return hashlib.sha256(json.dumps(drawn, sort_keys=True).encode()).hexdigest()


def station_of(site: str) -> Station:
    """Return the station of one example; its documents are valid, which the tests show."""
    station = read_station((EXAMPLES / site / "station.json").read_bytes())
    assert isinstance(station, Station), station
    return station


def visits_of(site: str) -> tuple[Visit, ...]:
    """Return the cars of one example."""
    read = read_day((EXAMPLES / site / "day.json").read_bytes(), station_of(site))
    visits = tuple(each for each in read if isinstance(each, Visit))
    assert len(visits) == len(read), read
    return visits


def limit_w(station: Station, figures: Figures) -> int:
    """Return the least capacity of those rows that all chargers hang on, W for cars."""
    paths = [circuit_path(station, charger.circuit) for charger in station.chargers]
    shared = set(paths[0]).intersection(*paths)
    return min(row.capacity_w for name, row in figures.rows.items() if name in shared and row.capacity_w is not None)


def draw(station: Station, figures: Figures, out: Path) -> None:
    """Write the picture; from the first hour with a car to the last."""
    import matplotlib as mpl  # noqa: PLC0415  # an extra: only a new picture needs it

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415  # after the choice of what draws

    busy = [moment.at_ms for moment in figures.course if moment.allowed_w]
    course = [moment for moment in figures.course if busy[0] - HOUR_MS <= moment.at_ms <= busy[-1] + HOUR_MS]
    hours = [moment.at_ms / HOUR_MS for moment in course]
    picture, (above, below) = plt.subplots(2, 1, figsize=(9, 6.4), sharex=True, constrained_layout=True)
    chargers = list(course[0].drawn_w)
    colours = mpl.colormaps["tab20"].colors
    stack = [[moment.drawn_w[charger] / 1000 for moment in course] for charger in chargers]
    above.stackplot(hours, stack, labels=chargers, colors=colours, step="post", linewidth=0)
    above.axhline(limit_w(station, figures) / 1000, color="black", linestyle="--", label="limit")
    above.set_ylabel("drawn, kW")
    for number, name in enumerate(figures.cars):
        allowed = [_kw(moment.allowed_w.get(name)) for moment in course]
        label = name if len(figures.cars) <= NAMED_MAX else None
        below.step(hours, allowed, where="post", label=label, color=colours[number % len(colours)], linewidth=1.4)
    below.set_ylabel("allowed to each car, kW")
    for axes in (above, below):
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="x-small", frameon=False)
    below.xaxis.set_major_locator(mpl.ticker.MaxNLocator(integer=True, steps=[1, 2, 3, 4, 6]))
    below.xaxis.set_major_formatter(lambda hour, _position: f"{int(hour) % 24:02}:00")
    below.set_xlim(hours[0], hours[-1])
    above.set_title(figures.station_id)
    picture.savefig(out, dpi=90, metadata={TEXT: fingerprint(figures), "Software": None})
    plt.close(picture)


def _kw(power_w: int | None) -> float:
    return float("nan") if power_w is None else power_w / 1000


def main() -> int:
    """Draw one site."""
    parser = argparse.ArgumentParser(prog="python -m examples.plot", description="The day of an example as a picture.")
    parser.add_argument("site", help="a folder of examples/")
    parser.add_argument("--out", type=Path, required=True, help="the PNG to write")
    args = parser.parse_args()
    station = station_of(args.site)
    draw(station, run(station, visits_of(args.site)), args.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
