from itertools import pairwise

import pytest

from csms.cli.demo.surroundings import PERIOD_S, base_load_w, is_metered, shown_w
from csms.core.site_meter import Measures, ModbusSource, SiteMeter
from csms.core.station import Station

METERED = Station("S", 400_000, (), static_load_w=120_000, site_meter=SiteMeter(margin_w=8_000))
LET_GO_S = 5
"""A cut is heard, told, answered and followed in less."""


def test_it_rises_and_falls_once_in_a_period_within_the_static_load() -> None:
    course = [base_load_w(METERED, second) for second in range(2 * PERIOD_S)]
    assert course[:PERIOD_S] == course[PERIOD_S:]
    assert (min(course), max(course), course.index(max(course))) == (30_000, 90_000, PERIOD_S // 2)
    steps = [after - before for before, after in pairwise(course)]
    assert max(map(abs, steps)) * LET_GO_S <= 8_000, "the margin covers what it rises by until cars have let go"


@pytest.mark.parametrize(
    ("meter", "metered"), [(None, False), (SiteMeter(modbus=ModbusSource("meter")), False), (SiteMeter(), True)]
)
def test_without_a_meter_of_its_own_the_static_load_is_drawn(meter: SiteMeter | None, metered: bool) -> None:  # noqa: FBT001  # a column of the table
    station = Station("S", 400_000, (), static_load_w=120_000, site_meter=meter)
    assert is_metered(station) is metered
    assert (base_load_w(station, 0) == 120_000) is not metered


@pytest.mark.parametrize(("measures", "power_w"), [(Measures.BASE_LOAD, 50_000), (Measures.GRID, 130_000)])
def test_a_meter_shows_what_is_behind_it(measures: Measures, power_w: int) -> None:
    station = Station("S", 400_000, (), static_load_w=120_000, site_meter=SiteMeter(measures=measures))
    assert shown_w(station, 50_000, 100_000, 20_000) == power_w
