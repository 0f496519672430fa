"""What readings say of a limit, as a table; readings are (s after it was told, W)."""

from dataclasses import replace

import pytest

from csms.cli.accepting.judging import Broken, Kept, Target, judge, judge_resume, phases_used, stairs_w
from csms.cli.accepting.looks import Reading
from csms.core.ids import ChargerId
from csms.core.station import Charger

TOLD_MS = 1_000_000
TARGET = Target(TOLD_MS, limit_w=6_900, least_w=5_175, tolerance_w=345, period_ms=10_000)
AC = Charger(ChargerId("CP001"), 22_080, connectors=1, min_power_w=4_140, phases=3)
DC = Charger(ChargerId("CP002"), 100_000, connectors=1, min_power_w=10_000, phases=0)


def read(*pairs: tuple[int, int]) -> list[Reading]:
    return [Reading(TOLD_MS + second * 1_000, power_w) for second, power_w in pairs]


@pytest.mark.parametrize(
    ("readings", "verdict"),
    [
        ([], None),
        ([(-5, 6_900)], None),
        ([(5, 22_000), (15, 6_900), (25, 6_900), (35, 6_900)], None),
        ([(5, 22_000), (15, 6_900), (25, 6_900), (35, 6_900), (45, 6_900)], Kept(15_000, 6_900)),
        ([(5, 7_245), (15, 7_245), (25, 7_245), (35, 7_245)], Kept(5_000, 7_245)),
        ([(5, 300), (15, 6_900), (25, 6_850), (35, 6_880)], Kept(5_000, 6_900)),
        ([(5, 7_246), (15, 7_246), (45, 7_246)], None),
        ([(5, 7_246), (51, 7_246)], Broken("draws 7246 W 51 s after it was told 6900 W")),
        ([(5, 6_900), (15, 22_000)], Broken("kept to 6900 W and drew 22000 W again")),
        ([(10 * n, 4_000) for n in range(1, 8)], None),
        (
            [(10 * n, 4_000) for n in range(1, 9)],
            Broken("draws 4000 W where it was told 6900 W: something else holds it back"),
        ),
        (
            [(10 * n, 6_900 - 2_000 * (n % 2)) for n in range(1, 9)],
            Broken("wanders from 4900 to 6900 W where it was told 6900 W"),
        ),
    ],
)
def test_a_limit_is_kept_or_not(readings: list[tuple[int, int]], verdict: Kept | Broken | None) -> None:
    assert judge(read(*readings), TARGET) == verdict


def test_a_slow_meter_is_given_two_periods_more() -> None:
    slow = replace(TARGET, period_ms=60_000)
    assert judge(read((100, 22_000)), slow) is None
    assert isinstance(judge(read((151, 22_000)), slow), Broken)


@pytest.mark.parametrize(
    ("readings", "verdict"),
    [
        ([], None),
        ([(5, 0), (15, 5_174)], None),
        ([(5, 0), (15, 5_175)], Kept(15_000, 5_175)),
        ([(-5, 6_000), (5, 0)], None),
        ([(5, 7_246)], Broken("draws 7246 W where it was told 6900 W")),
    ],
)
def test_power_flows_again_or_not(readings: list[tuple[int, int]], verdict: Kept | Broken | None) -> None:
    assert judge_resume(read(*readings), TARGET) == verdict


@pytest.mark.parametrize(
    ("config", "drawn_w", "phases", "stairs"),
    [
        (AC, 22_080, 3, ["24 A", "16 A", "13.1 A", "10 A", "8 A", "6 A"]),
        (AC, 11_040, 3, ["13.1 A", "10 A", "8 A", "6 A"]),
        (AC, 7_360, 1, ["24 A", "16 A", "13.1 A", "10 A", "8 A", "6 A"]),
        (AC, 4_900, 3, ["6 A"]),
        (AC, 4_140, 3, []),
        (replace(AC, fail_safe_power_w=6_900), 11_040, 3, ["13.1 A", "10 A"]),
        (
            replace(AC, phases=1, min_power_w=1_380, max_power_w=7_360),
            7_360,
            1,
            ["24 A", "16 A", "13.1 A", "10 A", "8 A", "6 A"],
        ),
        (DC, 100_000, 1, ["75 kW", "50 kW", "25 kW", "10 kW"]),
        (DC, 30_000, 1, ["22 kW", "15 kW", "10 kW"]),
        (DC, 11_000, 1, []),
    ],
)
def test_stairs_are_below_what_the_car_draws_and_not_below_the_least(
    config: Charger, drawn_w: int, phases: int, stairs: list[str]
) -> None:
    found = stairs_w(config, drawn_w, phases)
    assert [words for _, words in found] == stairs
    assert all(limit_w >= max(config.min_power_w, config.fail_safe_power_w) for limit_w, _ in found)


@pytest.mark.parametrize(
    ("power_w", "phases"), [(6_900, 3), (5_000, 3), (4_600, 2), (2_300, 1), (2_415, 1), (2_416, 2), (0, 1)]
)
def test_how_many_phases_a_car_uses_shows_in_its_power(power_w: int, phases: int) -> None:
    assert phases_used(AC, 6_900, power_w, 345) == phases
