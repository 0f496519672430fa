import pytest

from simulators.electrical import RateUnit, Supply, share_out

A, W = RateUnit.A, RateUnit.W
DC, ONE, THREE = Supply(0), Supply(1), Supply(3)


@pytest.mark.parametrize(
    ("supply", "limit_tenths", "unit", "number_phases", "phases_used", "power_w"),
    [
        # Watts are the total; on AC they become amperes over numberPhases (3 when absent, §7.12).
        (DC, 500_005, W, None, 0, 50_000),
        (DC, 500_000, W, 3, 0, 50_000),
        (THREE, 110_000, W, 3, 3, 11_000),
        (THREE, 110_000, W, None, 3, 11_000),
        (THREE, 110_000, W, None, 1, 3_666),
        (THREE, 36_800, W, 1, 1, 3_680),
        (ONE, 36_800, W, 1, 1, 3_680),
        (ONE, 36_800, W, None, 1, 1_226),
        # Amperes are per phase; more phases than used keep the current (errata 3.34).
        (THREE, 160, A, 3, 3, 11_040),
        (THREE, 160, A, None, 3, 11_040),
        (THREE, 160, A, 3, 1, 3_680),
        (THREE, 160, A, 3, 2, 7_360),
        (THREE, 160, A, 1, 3, 3_680),
        (ONE, 65, A, None, 1, 1_495),
        (DC, 1_000, A, None, 0, 69_000),
        (DC, 0, A, None, 0, 0),
    ],
)
def test_a_limit_in_watts(
    supply: Supply, limit_tenths: int, unit: RateUnit, number_phases: int | None, phases_used: int, power_w: int
) -> None:
    assert supply.limit_to_w(limit_tenths, unit, number_phases, phases_used) == power_w


@pytest.mark.parametrize(
    ("supply", "power_w", "unit", "phases_used", "limit_tenths"),
    [
        (THREE, 11040, A, 3, 160),
        (THREE, 11039, A, 3, 159),
        (ONE, 3680, A, 1, 160),
        (DC, 69000, A, 0, 1000),
        (DC, 33333, W, 0, 333330),
    ],
)
def test_watts_as_a_limit(supply: Supply, power_w: int, unit: RateUnit, phases_used: int, limit_tenths: int) -> None:
    assert supply.w_to_limit_tenths(power_w, unit, phases_used) == limit_tenths


@pytest.mark.parametrize(
    ("capacity_w", "wants_w", "floors_w", "shares_w"),
    [
        (200, [150, 150], [0, 0], [100, 100]),
        (200, [150, 20], [0, 0], [150, 20]),
        (200, [150, 60], [0, 0], [140, 60]),
        (100, [80, 80, 80], [0, 0, 0], [34, 33, 33]),
        (500, [150, 150], [0, 0], [150, 150]),
        (0, [150, 150], [0, 0], [0, 0]),
        (-5, [150], [0], [0]),
        (200, [0, 150], [0, 0], [0, 150]),
        # Below its floor nobody runs: the last one waits.
        (7_000, [11_000, 11_000], [4_140, 4_140], [7_000, 0]),
        (9_000, [11_000, 11_000], [4_140, 4_140], [4_500, 4_500]),
        (4_000, [11_000, 11_000], [4_140, 4_140], [0, 0]),
        (9_000, [4_000, 11_000], [4_140, 4_140], [0, 9_000]),
        (100, [], [], []),
    ],
)
def test_sharing(capacity_w: int, wants_w: list[int], floors_w: list[int], shares_w: list[int]) -> None:
    assert share_out(capacity_w, wants_w, floors_w) == shares_w
