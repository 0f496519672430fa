"""The governor of a capacity tariff, in figures that can be checked by hand: 15 minutes of 100 kW are 25 kWh."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from csms.core.grid_terms import CapacityTariff
from csms.core.ids import Now
from csms.core.tariff import BURST, Governor, Peak, allowed_w, limit_w, metered, steady_w

PARIS = ZoneInfo("Europe/Paris")
TARIFF = CapacityTariff(100_000)
T0_MS = int(datetime(2026, 6, 10, 10, tzinfo=UTC).timestamp() * 1_000)
"""A window begins."""
CAPACITY_W = 400_000


def at(seconds: float, wall_s: float | None = None) -> Now:
    return Now(int(seconds * 1_000) + 5_000, T0_MS + int((seconds if wall_s is None else wall_s) * 1_000))


def told(*powers: tuple[float, int], governor: Governor | None = None, tariff: CapacityTariff = TARIFF) -> Governor:
    """Return a governor after powers, kW, each at its second."""
    found = Governor() if governor is None else governor
    for seconds, kw in powers:
        found = metered(found, tariff, kw * 1_000, at(seconds), PARIS)
    return found


def test_before_anything_was_told_the_capacity_holds() -> None:
    assert allowed_w(Governor(), TARIFF, CAPACITY_W) == CAPACITY_W


def test_without_a_target_nothing_is_held_down_and_peaks_are_remembered() -> None:
    free = CapacityTariff(None)
    governor = told((0, 0), (900, 250), tariff=free)
    assert limit_w(governor, free) is None
    assert allowed_w(governor, free, CAPACITY_W) == CAPACITY_W
    assert governor.peak == Peak("2026-06", 250_000)


@pytest.mark.parametrize(
    ("powers", "kw"),
    [
        ([(0, 0)], 100),  # the whole budget, over the whole window
        ([(0, 0), (450, 0)], 200),  # half of it is over, nothing was drawn
        ([(0, 0), (450, 50)], 150),
        ([(0, 0), (450, 100)], 100),
        ([(0, 0), (300, 0)], 150),
        ([(0, 0), (600, 0)], 200),  # 300 would fit: twice the limit is the most
        ([(0, 0), (450, 120)], 80),
        ([(0, 0), (450, 200)], 0),  # the budget is used up
        ([(0, 0), (450, 400)], 0),
        ([(0, 0), (890, 100)], 100),
        ([(0, 0), (890, 120)], 0),
        ([(0, 0), (900, 100)], 100),  # the next one has begun
        ([(450, 0)], 100),  # of the first half nothing is known: its share is gone
        ([(450, 0), (675, 0)], 200),
        ([(0, -50), (450, -50)], 200),  # what is fed back is no budget
    ],
)
def test_what_is_left_of_the_budget(powers: list[tuple[float, int]], kw: float) -> None:
    assert allowed_w(told(*powers), TARIFF, CAPACITY_W) == int(kw * 1_000)


def test_never_above_the_grid_capacity() -> None:
    assert allowed_w(told((0, 0), (450, 0)), TARIFF, 42_000) == 42_000


def test_the_peak_of_the_month_is_paid_for_already() -> None:
    governor = told((0, 0), (900, 130), (950, 0))
    assert governor.peak == Peak("2026-06", 130_000)
    assert limit_w(governor, TARIFF) == 130_000
    assert told((0, 0), (900, 80), (950, 0)).peak == Peak("2026-06", 80_000)
    assert limit_w(told((0, 0), (900, 80), (950, 0)), TARIFF) == 100_000
    later = told((900, 50), (1_800, 60), (1_810, 60), governor=Governor(Peak("2026-06", 130_000)))
    assert later.peak == Peak("2026-06", 130_000)


def test_a_power_over_the_end_of_a_window_is_shared_out() -> None:
    governor = told((0, 0), (840, 100), (960, 50))
    assert governor.peak == Peak("2026-06", (840 * 100_000 + 60 * 50_000) // 900)
    assert governor.window is not None
    assert governor.window.used_w_ms == 60_000 * 50_000


def test_a_stored_peak_of_another_month_counts_no_more() -> None:
    assert told((0, 0), governor=Governor(Peak("2026-05", 300_000))).peak == Peak("2026-06", 0)
    assert told((0, 0), governor=Governor(Peak("2026-06", 300_000))).peak == Peak("2026-06", 300_000)


def test_a_clock_that_is_set_into_the_next_month_and_back_forgets_no_peak() -> None:
    governor = Governor(Peak("2026-06", 130_000))
    for seconds, wall_s in ((10, 10), (20, 40 * 86_400), (30, 30)):
        governor = metered(governor, TARIFF, 50_000, at(seconds, wall_s), UTC)
    assert governor.peak == Peak("2026-06", 130_000)


def test_months_turn_by_the_station_s_clock() -> None:
    """The 1st of July in Paris begins at 22:00 UTC."""
    june = Governor(Peak("2026-06", 300_000))
    turn_ms = int(datetime(2026, 6, 30, 22, tzinfo=UTC).timestamp() * 1_000)
    before = metered(june, TARIFF, 0, Now(0, turn_ms - 1), PARIS)
    assert before.peak == Peak("2026-06", 300_000)
    assert metered(before, TARIFF, 0, Now(1, turn_ms), PARIS).peak == Peak("2026-07", 0)


@pytest.mark.parametrize(
    ("day", "hours"),
    [(datetime(2026, 3, 29, tzinfo=PARIS), 23), (datetime(2026, 10, 25, tzinfo=PARIS), 25)],
)
@pytest.mark.parametrize("window_min", [15, 30, 60])
def test_windows_of_days_with_23_and_25_hours(day: datetime, hours: int, window_min: int) -> None:
    tariff = CapacityTariff(100_000, window_min)
    begin_ms = int(day.timestamp() * 1_000)
    governor, begins = Governor(), set()
    for minute in range(hours * 60):
        governor = metered(governor, tariff, 0, Now(minute * 60_000, begin_ms + minute * 60_000), PARIS)
        assert governor.window is not None
        assert governor.window.unknown_ms == 0
        begins.add(governor.window.begin_ms)
    assert sorted(begins) == [begin_ms + n * window_min * 60_000 for n in range(hours * 60 // window_min)]


@pytest.mark.parametrize("wall_s", [460 + 3_600, 460 - 3_600, 460 - 200, 460 + 400, 0, -1])
def test_a_clock_that_is_set_breaks_nothing(wall_s: float) -> None:
    governor = told((0, 0), (450, 100))
    governor = metered(governor, TARIFF, 100_000, at(460, wall_s), PARIS)
    assert governor.window is not None
    assert governor.window.begin_ms <= at(460, wall_s).wall_ms < governor.window.end_ms
    assert 0 <= governor.window.unknown_ms <= 900_000
    assert governor.window.used_w_ms >= 0
    assert 0 <= allowed_w(governor, TARIFF, CAPACITY_W) <= CAPACITY_W
    assert governor.peak.power_w <= 100_000


def test_of_a_time_in_which_nothing_was_known_no_peak_is_made() -> None:
    governor = told((600, 300), (900, 90), (910, 90))
    assert governor.peak == Peak("2026-06", 30_000)


@pytest.mark.parametrize(
    ("seconds", "kw"),
    [(870, 200), (874, 200), (875, 100), (890, 100), (899, 100)],
)
def test_in_the_last_25_s_no_more_than_the_limit(seconds: float, kw: int) -> None:
    assert allowed_w(told((0, 0), (seconds, 0)), TARIFF, CAPACITY_W) == kw * 1_000


def test_what_is_not_sure_is_used_up_and_makes_no_peak() -> None:
    governor = metered(told((0, 0)), TARIFF, 120_000, at(450), PARIS, 70_000)
    assert allowed_w(governor, TARIFF, CAPACITY_W) == 80_000
    governor = metered(governor, TARIFF, 60_000, at(900), PARIS, 90_000)  # no more is sure than was drawn
    assert governor.peak == Peak("2026-06", 65_000)


@pytest.mark.parametrize(
    ("before_kw", "allowed_kw", "kw"),
    [
        (None, 100, 100),  # the limit
        (None, 99.9, 97.5),  # a step of 2.5 kW below it
        (None, 199, 197.5),
        (None, 200, 200),
        (100, 102.4, 100),  # less than a step more
        (100, 102.5, 102.5),
        (100, 99.999, 97.5),
        (97.5, 99.999, 97.5),
        (97.5, 100, 100),
        (100, 2.5, 2.5),
        (100, 1.2, 1.2),  # all of it
        (1.2, 0, 0),
        (200, 100, 100),
        (1, 3, 1),
        (1, 3.5, 2.5),
    ],
)
def test_what_is_gone_by_changes_in_steps(before_kw: float | None, allowed_kw: float, kw: float) -> None:
    before_w = None if before_kw is None else int(before_kw * 1_000)
    assert steady_w(before_w, int(allowed_kw * 1_000), 100_000) == int(kw * 1_000)


@pytest.mark.parametrize("limit_w", [0, 1, 39, 41, 12_345])
def test_what_is_gone_by_is_never_more_than_is_allowed(limit_w: int) -> None:
    for allowed in range(0, BURST * limit_w + 1, max(1, limit_w // 97)):
        for before_w in (None, 0, limit_w // 2, limit_w, BURST * limit_w):
            assert 0 <= steady_w(before_w, allowed, limit_w) <= allowed
