"""Every site of `examples/`, and its day run once for all tests of it."""

from functools import cache

from csms.day.figures import Figures
from csms.day.run import run
from examples.plot import EXAMPLES, day_of, station_of

SITES = sorted(path.parent.name for path in EXAMPLES.glob("*/day.json"))


@cache
def figures_of(site: str) -> Figures:
    return run(station_of(site), day_of(site))
