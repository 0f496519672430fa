import json

import pytest

from csms.core.configuration import notices
from csms.day.figures import document
from tests.examples.sites import EXAMPLES, SITES, figures_of, station_of, visits_of


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
