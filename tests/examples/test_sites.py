import json
import struct
from pathlib import Path

import pytest

from csms.core.configuration import notices
from csms.day.figures import Moment, document
from examples.plot import EXAMPLES, TEXT, day_of, fingerprint, limits_w, station_of
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


NOTICES = {"company": ["more_only_with_expiry"], "hub": ["battery_computed"]}


@pytest.mark.parametrize("site", SITES)
def test_a_site_gives_the_figures_kept_beside_it_and_they_are_sound(site: str) -> None:
    figures, station = figures_of(site), station_of(site)
    expected = json.loads((EXAMPLES / site / "expected.json").read_text(encoding="utf-8"))
    assert document(figures) == expected
    assert [notice.kind for notice in notices(station)] == NOTICES.get(site, [])
    assert 0 < figures.grid_max_w <= station.grid_capacity_w
    for name, row in figures.rows.items():
        assert row.capacity_w is not None, name
        assert row.above_ms == 0, name
        assert 0 < row.drawn_max_w <= row.booked_max_w <= row.capacity_w, name
    chargers = {charger.charger_id for charger in station.chargers}
    assert any(row.full_ms for name, row in figures.rows.items() if name not in chargers), "no shared fuse is ever full"
    for visit in day_of(site).visits:
        car = figures.cars[visit.name]
        assert car.charged_ms is not None, visit.name
        assert car.energy_wh == visit.energy_wh, visit.name
        assert car.power_max_w <= visit.max_power_w, visit.name
    assert texts_of(IMAGES / f"day-{site}.png")[TEXT] == fingerprint(figures), "draw it again: make plots"


def test_the_limit_drawn_is_the_least_that_all_chargers_share() -> None:
    """635 kW from grid and battery pass a transformer of 630."""
    course = [Moment(0, {}, {}, limit_w=635_000, plain_w=485_000), Moment(1, {}, {}, limit_w=485_000, plain_w=485_000)]
    assert limits_w(station_of("hub"), course) == ([630_000, 485_000], [485_000, 485_000])
    assert limits_w(station_of("car_park"), course[:1]) == ([635_000], [485_000])


def test_the_hub_has_more_than_its_grid_connection_and_its_battery_is_full_again_before_the_evening() -> None:
    figures, station = figures_of("hub"), station_of("hub")
    without_w = station.grid_capacity_w - station.static_load_w
    assert figures.rows["grid"].drawn_max_w > without_w
    charge = {moment.at_ms // 60_000: moment.charge_ppm for moment in figures.course}
    assert (charge[13 * 60] or 0) < 300_000
    assert (charge[17 * 60] or 0) > 999_000
    assert any(moment.battery_w > 0 for moment in figures.course)
    assert any(moment.battery_w < 0 for moment in figures.course)


def test_the_company_draws_less_while_its_contract_allows_less() -> None:
    [window] = station_of("company").capacity_schedule
    left_w = window.capacity_w - station_of("company").static_load_w
    inside = [m for m in figures_of("company").course if window.from_min <= m.at_ms // 60_000 < window.to_min]
    assert [moment.limit_w for moment in inside] == [left_w] * len(inside)
    assert max(sum(moment.drawn_w.values()) for moment in inside) > left_w * 98 // 100


def test_cars_on_one_phase_at_chargers_that_are_wired_apart_have_it_each_to_themselves() -> None:
    cars = figures_of("car_park").cars
    assert [cars[name].power_max_w for name in ("Leaf", "Golf")] == [6_600, 7_200], "L1 and L2"
    assert cars["e-208"].power_max_w < 7_400, "L2 is shared with a car on all three"


def test_the_hotel_gives_cars_what_the_house_does_not_take() -> None:
    station = station_of("hotel")
    assert figures_of("hotel").rows["grid"].drawn_max_w > station.grid_capacity_w - station.static_load_w


@pytest.mark.parametrize("site", SITES)
def test_a_site_says_how_it_is_run_and_is_shown_with_its_picture(site: str) -> None:
    readme = (EXAMPLES / site / "README.md").read_text(encoding="utf-8")
    assert f"`csms day examples/{site}/station.json examples/{site}/day.json`" in readme
    assert f"(images/day-{site}.png)" in (IMAGES.parent / "examples.md").read_text(encoding="utf-8")
