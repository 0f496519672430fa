"""How readings of a meter count as base load: tables of readings, each with what counts after it."""

import pytest

from csms.core.base_load import BaseLoad, Bounds, RecentMost, in_steps_w
from csms.core.site_meter import SiteMeter

METER = SiteMeter(max_age_s=10)


@pytest.mark.parametrize(
    ("power_w", "margin_w", "counts_w", "because"),
    [
        (0, 0, 0, "nothing is drawn"),
        (1, 0, 500, "100 kW in 200 steps, rounded up"),
        (30_000, 0, 30_000, "a whole number of steps"),
        (30_001, 0, 30_500, "and one watt more"),
        (30_000, 2_000, 32_000, "with its margin"),
        (49_000, 2_000, 50_000, "a margin ends at the configured maximum"),
        (49_900, 0, 50_000, "and so does rounding"),
        (50_000, 5_000, 50_000, "the maximum itself"),
        (50_001, 5_000, 50_500, "above the maximum it counts as measured, without a margin"),
        (-7_000, 0, 0, "fed in: nothing is drawn"),
        (-7_000, 3_000, 3_000, "and still its margin"),
    ],
)
def test_a_reading_counts_in_steps(power_w: int, margin_w: int, counts_w: int, because: str) -> None:
    assert in_steps_w(power_w, margin_w, static_load_w=50_000, grid_capacity_w=100_000) == counts_w, because


def test_the_steps_of_a_small_connection_are_single_watts() -> None:
    assert in_steps_w(77, 0, 100, grid_capacity_w=150) == 77


CASES = [
    ("a rise counts at once", [(0, 50, 50), (1, 60, 60), (2, 80, 80)]),
    ("a fall counts when it has lasted ten seconds", [(0, 30, 50), (9, 30, 50), (10, 30, 30)]),
    ("and then the highest of them", [(0, 30, 50), (4, 41, 50), (7, 20, 50), (10, 30, 41)]),
    ("the next fall is looked for anew", [(0, 30, 50), (10, 30, 30), (12, 20, 30), (21, 20, 30), (22, 20, 20)]),
    ("one reading at what counts ends it", [(0, 30, 50), (9, 50, 50), (10, 30, 50), (19, 30, 50), (20, 30, 30)]),
    ("a rise within it, too", [(0, 30, 50), (5, 55, 55), (10, 30, 55), (19, 30, 55), (20, 30, 30)]),
    ("steady readings change nothing", [(0, 50, 50), (60, 50, 50)]),
]


@pytest.mark.parametrize(("caption", "readings"), CASES, ids=[caption for caption, _ in CASES])
def test_what_counts_after_each_reading(caption: str, readings: list[tuple[int, int, int]]) -> None:
    base_load = BaseLoad(counted_w=50, waited_ms=0)
    counted = []
    for at_s, power_w, _ in readings:
        base_load.count(Bounds(power_w, power_w), at_s * 1_000, rise_ms=15_000, fall_ms=10_000)
        counted.append(base_load.counted_w)
    assert counted == [counts_w for _, _, counts_w in readings], caption


BOUNDED = [
    ("what is proven counts at once", [(0, 60, 60, 60)]),
    ("what is likely counts when it has lasted", [(0, 0, 60, 50), (14, 0, 60, 50), (15, 0, 60, 60)]),
    ("the lowest of it", [(0, 0, 60, 50), (8, 0, 55, 50), (15, 0, 70, 55)]),
    ("one reading between them ends it", [(0, 0, 60, 50), (8, 0, 50, 50), (15, 0, 60, 50), (30, 0, 60, 60)]),
    ("a fall is by what is likely, and takes longer", [(0, 0, 20, 50), (29, 0, 20, 50), (30, 0, 20, 20)]),
    ("what is proven is not fallen below", [(0, 40, 40, 50), (30, 40, 40, 40), (31, 45, 45, 45)]),
]


@pytest.mark.parametrize(("caption", "readings"), BOUNDED, ids=[caption for caption, _ in BOUNDED])
def test_what_counts_of_a_grid_meter(caption: str, readings: list[tuple[int, int, int, int]]) -> None:
    base_load = BaseLoad(counted_w=50, waited_ms=0)
    counted = []
    for at_s, proven_w, likely_w, _ in readings:
        base_load.count(Bounds(proven_w, likely_w), at_s * 1_000, rise_ms=15_000, fall_ms=30_000)
        counted.append(base_load.counted_w)
    assert counted == [counts_w for _, _, _, counts_w in readings], caption


def test_it_is_stale_from_its_greatest_age_on_and_before_its_first_reading() -> None:
    base_load = BaseLoad(counted_w=50, waited_ms=1_000)
    assert base_load.is_stale(METER, 1_000)
    assert base_load.stale_ms(METER) == 11_000
    base_load.read_w, base_load.read_ms = 30, 5_000
    assert not base_load.is_stale(METER, 14_999)
    assert base_load.is_stale(METER, 15_000)


@pytest.mark.parametrize(
    ("counted_w", "then_w"),
    [(30, 50), (50, 50), (70, 70)],
    ids=["the maximum counts", "the maximum did", "silence takes back no evidence"],
)
def test_what_counts_in_silence(counted_w: int, then_w: int) -> None:
    base_load = BaseLoad(counted_w, waited_ms=0)
    base_load.count(Bounds(10, 10), 0, rise_ms=15_000, fall_ms=10_000)
    base_load.fell_silent(50)
    assert base_load.counted_w == then_w
    base_load.count(Bounds(10, 10), 10_000, rise_ms=15_000, fall_ms=10_000)
    assert base_load.counted_w == then_w, "what was read before the silence does not count for a fall"


def test_the_most_of_the_last_seconds_is_remembered_for_one_window_at_least_and_two_at_most() -> None:
    most = RecentMost()
    noted = [(0, 9), (1, 5), (4, 7), (5, 3), (9, 3), (10, 3), (15, 2), (40, 1)]
    assert [most.note(power_w, at_s * 1_000, 5_000) for at_s, power_w in noted] == [9, 9, 9, 9, 9, 3, 3, 1]
