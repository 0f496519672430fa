"""What a battery gives and takes, in numbers that can be checked by eye."""

import pytest

from csms.core.battery import available_w, chargeable_w, discharge_w, root_capacity_w, target_w
from csms.core.station import Battery

PLAIN = Battery(200_000, 200_000)
SLOW = Battery(100_000, 50_000, charge_power_w=20_000, reserve_percent=20, full_percent=90)
LOSSY = Battery(100_000, 400_000, efficiency_charge_percent=80, efficiency_discharge_percent=90)
HOUR = Battery(200_000, 200_000, horizon_s=3_600)
NOTHING = Battery(0, 0)


@pytest.mark.parametrize(
    ("battery", "soc_percent", "given_w", "for_targets_w"),
    [
        (PLAIN, 100, 200_000, 200_000),
        (PLAIN, 35, 200_000, 200_000),  # 25 % of 200 kWh are 50 kWh, and 200 kW for a quarter of an hour
        (PLAIN, 34, 192_000, 170_000),  # 0.9 · 192 = 172.8 kW, in steps of 10 kW
        (PLAIN, 20, 80_000, 70_000),
        (PLAIN, 11, 8_000, 0),
        (PLAIN, 10, 0, 0),
        (PLAIN, 0, 0, 0),
        (SLOW, 100, 50_000, 50_000),
        (SLOW, 25, 20_000, 17_500),  # 0.9 · 20 = 18 kW, in steps of 2.5 kW
        (SLOW, 20, 0, 0),
        (LOSSY, 50, 144_000, 120_000),  # 40 kWh · 0.9 in a quarter of an hour; 129.6 kW in steps of 20 kW
        (HOUR, 50, 80_000, 70_000),
        (NOTHING, 100, 0, 0),
    ],
)
def test_what_it_gives(battery: Battery, soc_percent: int, given_w: int, for_targets_w: int) -> None:
    assert available_w(battery, soc_percent * 10_000) == given_w
    assert target_w(battery, soc_percent * 10_000) == for_targets_w


@pytest.mark.parametrize(
    ("battery", "soc_percent", "spare_w", "taken_w"),
    [
        (PLAIN, 50, 70_000, 70_000),
        (PLAIN, 50, 900_000, 200_000),
        (PLAIN, 99, 900_000, 8_000),  # 2 kWh in a quarter of an hour
        (PLAIN, 100, 900_000, 0),
        (PLAIN, 50, -5, 0),
        (SLOW, 50, 900_000, 20_000),
        (SLOW, 89, 900_000, 4_000),
        (SLOW, 95, 900_000, 0),
        (LOSSY, 90, 900_000, 50_000),  # 10 kWh of room take 12.5 kWh
    ],
)
def test_what_it_takes(battery: Battery, soc_percent: int, spare_w: int, taken_w: int) -> None:
    assert chargeable_w(battery, soc_percent * 10_000, spare_w) == taken_w


@pytest.mark.parametrize(
    ("grid_w", "static_w", "battery_w", "root_w"),
    [(400_000, 3_000, 200_000, 597_000), (400_000, 3_000, 0, 397_000), (10, 50, 30, 0), (10, 50, 60, 20)],
)
def test_what_the_chargers_may_draw(grid_w: int, static_w: int, battery_w: int, root_w: int) -> None:
    assert root_capacity_w(grid_w, static_w, battery_w) == root_w


@pytest.mark.parametrize(
    ("static_w", "cars_w", "given_w"),
    [(3, 600, 200), (3, 450, 53), (3, 397, 0), (3, 0, 0), (450, 0, 50), (0, 700, 200)],
)
def test_it_gives_only_what_the_grid_cannot(static_w: int, cars_w: int, given_w: int) -> None:
    assert discharge_w(400, static_w, cars_w, 200) == given_w
