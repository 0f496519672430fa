"""A battery that gives less than it is told: for ten seconds its word counts, then what it gives."""

import pytest

from csms.core.battery import BatteryReading
from csms.core.giving import Giving, weigh
from tests.unit.core.driving import KW
from tests.unit.core.powering import Powered
from tests.unit.core.test_supply import battery_notices, full_station

WEAK = {"computed": False, "power_w": 50 * KW}
FIRM_KW = 397


def reading(power_kw: int, *, computed: bool = False) -> BatteryReading:
    return BatteryReading(800_000, power_kw * KW, 200 * KW, 200 * KW, 200 * KW, 100 * KW, computed)


def root_kw(drive: Powered) -> float:
    return (drive.engine.node_capacity_w("grid") or 0) / KW


def test_cars_are_cut_to_what_it_gives_after_ten_seconds_of_less() -> None:
    drive = full_station()
    drive.spoil = dict(WEAK)
    drive.on(10)
    assert root_kw(drive) == FIRM_KW + 200, "it may just follow later"
    drive.on(1)
    assert root_kw(drive) == FIRM_KW + 50
    assert "battery_not_following" in battery_notices(drive)
    drive.on(25)
    assert drive.row_kw() <= FIRM_KW + 50


def test_one_that_gives_what_it_is_told_after_all_counts_as_before() -> None:
    drive = full_station()
    drive.spoil = dict(WEAK)
    drive.on(12)
    assert drive.told[-1][1].power_w > 51 * KW, "cars have not let go yet"
    drive.spoil = {"computed": False, "power_w": 200 * KW}
    drive.on(1)
    assert root_kw(drive) == FIRM_KW + 200


def test_its_word_is_taken_again_after_ten_minutes() -> None:
    drive = full_station()
    drive.spoil = dict(WEAK)
    drive.on(40)
    assert root_kw(drive) == FIRM_KW + 50
    drive.spoil = {"computed": False, "soc_ppm": 1_000_000}
    drive.on(540)
    assert root_kw(drive) == FIRM_KW + 50
    drive.on(60)
    assert root_kw(drive) == FIRM_KW + 200


@pytest.mark.parametrize(
    ("caption", "told_kw", "readings", "proven_kw"),
    [
        ("it gives nothing", 100, (0,) * 11, 0),
        ("the most that it gave counts", 100, (0, 10, 60, 20, 20, 20, 20, 20, 20, 20, 20), 60),
        ("ten seconds are not over", 100, (0,) * 10, None),
        ("once it gave all", 100, (0, 0, 0, 99, 0, 0, 0, 0, 0, 0, 0), None),
        ("within 2 %", 100, (98,) * 11, None),
        ("it is told nothing", 0, (0,) * 11, None),
        ("it takes although it is told to give nothing", 0, (-50,) * 11, None),
        ("it gives as much as it was seen to: no more was asked", 30, (30,) * 11, None),
    ],
)
def test_what_is_proven(caption: str, told_kw: int, readings: tuple[int, ...], proven_kw: int | None) -> None:
    giving = Giving()
    for second, power_kw in enumerate(readings):
        weigh(giving, reading(power_kw), told_kw * KW, second * 1_000)
    assert giving.proven_w == (None if proven_kw is None else proven_kw * KW), caption


def test_only_clearly_more_than_was_proven_proves_more() -> None:
    giving = Giving(proven_w=50 * KW)
    weigh(giving, reading(50), 50 * KW, 0)
    assert giving.proven_w == 50 * KW
    weigh(giving, reading(80), 80 * KW, 1_000)
    assert giving.proven_w is None


def test_one_that_is_computed_gives_what_it_is_told() -> None:
    giving = Giving()
    for second in range(20):
        weigh(giving, reading(0, computed=True), 100 * KW, second * 1_000)
    assert giving.proven_w is None
