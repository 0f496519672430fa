import json
import struct
from pathlib import Path

import pytest

from csms.core.configuration import notices
from csms.day.figures import Figures, RowFigures, document
from examples.plot import EXAMPLES, TEXT, fingerprint, limit_w, station_of, visits_of
from tests.examples.sites import SITES, figures_of

IMAGES = EXAMPLES.parent / "docs" / "images"


def texts_of(png: Path) -> dict[str, str]:
    """Return the tEXt chunks of a PNG (RFC 2083, 3.2 and 4.2.7)."""
    data, at, texts = png.read_bytes(), 8, {}
    assert data[:at] == b"\x89PNG\r\n\x1a\n"
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        if data[at + 4 : at + 8] == b"tEXt":
            name, _, text = data[at + 8 : at + 8 + length].partition(b"\0")
            texts[name.decode("latin-1")] = text.decode("latin-1")
        at += 12 + length
    return texts


def test_there_are_five_sites() -> None:
    assert SITES == ["car_park", "company", "depot", "hotel", "hub"]


@pytest.mark.parametrize("site", SITES)
def test_a_site_gives_the_figures_kept_beside_it_and_they_are_sound(site: str) -> None:
    figures, station = figures_of(site), station_of(site)
    expected = json.loads((EXAMPLES / site / "expected.json").read_text(encoding="utf-8"))
    assert document(figures) == expected
    assert notices(station) == ()
    for name, row in figures.rows.items():
        assert row.capacity_w is not None, name
        assert row.above_ms == 0, name
        assert 0 < row.drawn_max_w <= row.booked_max_w <= row.capacity_w, name
    chargers = {charger.charger_id for charger in station.chargers}
    assert any(row.full_ms for name, row in figures.rows.items() if name not in chargers), "no shared fuse is ever full"
    for visit in visits_of(site):
        car = figures.cars[visit.name]
        assert car.charged_ms is not None, visit.name
        assert car.energy_wh == visit.energy_wh, visit.name
        assert car.power_max_w <= visit.max_power_w, visit.name
    assert texts_of(IMAGES / f"day-{site}.png")[TEXT] == fingerprint(figures), "draw it again: make plots"


def test_the_limit_drawn_is_the_least_that_all_chargers_share() -> None:
    rows = {name: RowFigures(capacity_w) for name, capacity_w in CAPACITIES_W.items()}
    assert limit_w(station_of("hub"), Figures("HUB", rows=rows)) == 630_000


CAPACITIES_W = {"grid": 785_000, "transformer": 630_000, "west": 400_000, "east": 400_000, "W1": 300_000}


@pytest.mark.parametrize("site", SITES)
def test_a_site_says_how_it_is_run_and_is_shown_with_its_picture(site: str) -> None:
    readme = (EXAMPLES / site / "README.md").read_text(encoding="utf-8")
    assert f"`csms day examples/{site}/station.json examples/{site}/day.json`" in readme
    assert f"(images/day-{site}.png)" in (IMAGES.parent / "examples.md").read_text(encoding="utf-8")
