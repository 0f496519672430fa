"""The day of an example as a picture: `python -m examples.plot SITE --out FILE.png`, and `make plots` for all.

Needs matplotlib (extra `plots`).
Above: what each charger draws, stacked, under the limit that all of them share as it was at each moment; what comes
out of a battery is hatched, what goes into it is below 0. Below: what each car may draw, until it is charged; under
that the battery's charge, or the phases where the grid connection has fuses.
The picture carries the fingerprint of the course that it was drawn from, as a text of the PNG called `Course`: a test
compares it with the course that the site gives now, without matplotlib, so that no old picture stays in the docs.
"""

import argparse
import hashlib
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from csms.cli.checking import read_station
from csms.cli.day import read_day
from csms.core.station import GRID, PhaseLimit, Station
from csms.core.tree import circuit_path
from csms.day.document import HOUR_MS, Day
from csms.day.figures import Figures, Moment
from csms.day.run import run

if TYPE_CHECKING:
    from matplotlib.axes import Axes

EXAMPLES: Final = Path(__file__).resolve().parent
TEXT: Final = "Course"
DRAWING: Final = 2
"""Goes up when other things are drawn from the same course: old pictures are found by it."""
NAMED_MAX: Final = 12
"""More cars than this are not named beside the picture."""


def fingerprint(figures: Figures) -> str:
    """Return the SHA-256 of what is drawn: the course of the day and the limits above it."""
    capacities_w = {name: row.capacity_w for name, row in figures.rows.items()}
    drawn = [DRAWING, capacities_w, [asdict(moment) for moment in figures.course]]
    return hashlib.sha256(json.dumps(drawn, sort_keys=True).encode()).hexdigest()


def station_of(site: str) -> Station:
    """Return the station of one example; its documents are valid, which the tests show."""
    station = read_station((EXAMPLES / site / "station.json").read_bytes())
    assert isinstance(station, Station), station
    return station


def day_of(site: str) -> Day:
    """Return the day of one example."""
    day = read_day((EXAMPLES / site / "day.json").read_bytes(), station_of(site))
    assert isinstance(day, Day), day
    return day


def shared_w(station: Station) -> int | None:
    """Return the least capacity of the circuits that all chargers hang on, W; None: there is none."""
    paths = [circuit_path(station, charger.circuit) for charger in station.chargers]
    shared = set(paths[0]).intersection(*paths) - {GRID}
    capacities = (circuit.capacity_w for circuit in station.circuits if circuit.circuit_id in shared)
    return min((capacity_w for capacity_w in capacities if capacity_w is not None), default=None)


def limits_w(station: Station, course: list[Moment]) -> tuple[list[int], list[int]]:
    """Return what cars together may draw at each moment, W, and what that would be with the static load and no battery.

    Both are bounded by the circuits that all chargers hang on.
    """
    circuit_w = shared_w(station)
    both = [(moment.limit_w, moment.plain_w) for moment in course]
    bounded = [(a, b) if circuit_w is None else (min(a, circuit_w), min(b, circuit_w)) for a, b in both]
    return [limit for limit, _ in bounded], [plain for _, plain in bounded]


def draw(station: Station, figures: Figures, out: Path) -> None:
    """Write the picture; from an hour before anything is drawn to an hour after."""
    import matplotlib as mpl  # noqa: PLC0415  # an extra: only a new picture needs it

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415  # after the choice of what draws

    busy = [moment.at_ms for moment in figures.course if any(moment.drawn_w.values())]
    course = [moment for moment in figures.course if busy[0] - HOUR_MS <= moment.at_ms <= busy[-1] + HOUR_MS]
    hours = [moment.at_ms / HOUR_MS for moment in course]
    fuse = station.phase_limit
    below = [] if figures.battery is None and fuse is None else [0.4]
    picture, rows = plt.subplots(
        2 + len(below),
        1,
        figsize=(9, 7.6 if below else 6.4),
        sharex=True,
        constrained_layout=True,
        height_ratios=[1.15, 1.0, *below],
    )
    _draw_site(rows[0], hours, course, station, mpl.colormaps["tab20"].colors)
    _draw_cars(rows[1], hours, course, figures, mpl.colormaps["tab20"].colors)
    if fuse is not None:
        _draw_phases(rows[2], hours, course, fuse)
    elif figures.battery is not None:
        charge = [0.0 if moment.charge_ppm is None else moment.charge_ppm / 10_000 for moment in course]
        rows[2].fill_between(hours, charge, color="tab:green", alpha=0.4, linewidth=0)
        rows[2].set_ylim(0, 100)
        rows[2].set_ylabel("battery, %")
    for axes in rows:
        axes.grid(alpha=0.3)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="x-small", frameon=False)
    rows[-1].xaxis.set_major_locator(mpl.ticker.MaxNLocator(integer=True, steps=[1, 2, 3, 4, 6]))
    rows[-1].xaxis.set_major_formatter(lambda hour, _position: f"{int(hour) % 24:02}:00")
    rows[-1].set_xlim(hours[0], hours[-1])
    rows[0].set_title(figures.station_id)
    picture.savefig(out, dpi=90, metadata={TEXT: fingerprint(figures), "Software": None})
    plt.close(picture)


def _draw_site(axes: "Axes", hours: list[float], course: list[Moment], station: Station, colours: Any) -> None:
    """Draw what the chargers draw, under what they may, and what the battery gives and takes."""
    chargers = list(course[0].drawn_w)
    stack = [[moment.drawn_w[charger] / 1000 for moment in course] for charger in chargers]
    axes.stackplot(hours, stack, labels=chargers, colors=colours, step="post", linewidth=0)
    limit, plain = limits_w(station, course)
    if station.battery is not None or station.site_meter is not None:
        axes.step(hours, _kw(plain), where="post", color="grey", linestyle=":", label=_plain_word(station))
    axes.step(hours, _kw(limit), where="post", color="black", linestyle="--", label="limit")
    axes.set_ylabel("drawn, kW")
    given = [moment.battery_w / 1000 for moment in course]
    if any(given):
        top = [sum(each) for each in zip(*stack, strict=True)]
        under = [max(0.0, drawn - max(0.0, gives)) for drawn, gives in zip(top, given, strict=True)]
        hatched: dict[str, Any] = {"step": "post", "facecolor": "none", "linewidth": 0}
        axes.fill_between(hours, under, top, hatch="////", edgecolor="black", label="out of the battery", **hatched)
        taken = [min(0.0, gives) for gives in given]
        axes.fill_between(
            hours, taken, step="post", color="tab:green", alpha=0.4, linewidth=0, label="into the battery"
        )
        axes.axhline(0, color="black", linewidth=0.6)
        axes.set_ylim(bottom=min(taken) * 1.1)
    else:
        axes.set_ylim(bottom=0)


def _draw_cars(axes: "Axes", hours: list[float], course: list[Moment], figures: Figures, colours: Any) -> None:
    """Draw what each car is allowed, until it has what it came for."""
    axes.set_ylabel("allowed to each car, kW")
    for number, name in enumerate(figures.cars):
        charged_ms = figures.cars[name].charged_ms
        until_ms = course[-1].at_ms if charged_ms is None else charged_ms
        allowed = [
            moment.allowed_w.get(name, float("nan")) / 1000 if moment.at_ms <= until_ms else float("nan")
            for moment in course
        ]
        label = name if len(figures.cars) <= NAMED_MAX else None
        axes.step(hours, allowed, where="post", label=label, color=colours[number % len(colours)], linewidth=1.4)
    axes.set_ylim(bottom=0)


def _draw_phases(axes: "Axes", hours: list[float], course: list[Moment], fuse: PhaseLimit) -> None:
    """Draw what cars draw from each phase of the grid connection, under its fuse."""
    for line, style in zip((0, 1, 2), ("-", "--", ":"), strict=True):
        amperes = [0 if moment.phases_w is None else moment.phases_w[line] / fuse.voltage_v for moment in course]
        axes.step(hours, amperes, where="post", linestyle=style, linewidth=1.6, label=f"L{line + 1}")
    axes.axhline(max(fuse.current_ma) / 1000, color="black", linestyle="--", linewidth=1)
    axes.set_ylabel("drawn, A")
    axes.set_ylim(bottom=0)


def _plain_word(station: Station) -> str:
    """Return what the limit would be without what moves it."""
    return "without battery" if station.site_meter is None else "with static load"


def _kw(powers_w: list[int]) -> list[float]:
    return [power_w / 1000 for power_w in powers_w]


def main() -> int:
    """Draw one site."""
    parser = argparse.ArgumentParser(prog="python -m examples.plot", description="The day of an example as a picture.")
    parser.add_argument("site", help="a folder of examples/")
    parser.add_argument("--out", type=Path, required=True, help="the PNG to write")
    args = parser.parse_args()
    station = station_of(args.site)
    draw(station, run(station, day_of(args.site)), args.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
