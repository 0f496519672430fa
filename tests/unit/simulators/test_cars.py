from itertools import pairwise

import pytest

from simulators.cars import PPM, CarModel, NoSuchCar, catalogue, find_car, flat_car, parse_catalogue

HEADER = "car,battery_kwh,ac_max_kw,ac_phases,soc_percent,power_kw\n"


def test_the_packaged_curves_parse_and_rise_in_charge() -> None:
    cars = catalogue()
    assert len(cars) == 111
    assert len({car.name for car in cars}) == 111
    for car in cars:
        socs = [soc_ppm for soc_ppm, _ in car.curve]
        assert all(a < b for a, b in pairwise(socs)), car.name
        assert (socs[0], socs[-1]) == (0, PPM), car.name
        assert all(power_w >= 0 for _, power_w in car.curve), car.name
        assert 5_000 <= car.battery_wh <= 110_000, car.name
        assert 20_000 <= car.dc_max_w <= 300_000, car.name
        assert car.ac_phases in {1, 2, 3}, car.name


@pytest.mark.parametrize(
    ("soc_percent", "power_w"),
    [(0, 137_000), (35, 146_000), (70, 155_000), (75, 135_000), (100, 50_000), (120, 50_000)],
)
def test_a_known_curve(soc_percent: int, power_w: int) -> None:
    car = find_car("audi e-tron 55 (2019)")
    assert isinstance(car, CarModel)
    assert (car.battery_wh, car.ac_max_w, car.ac_phases) == (86_500, 11_000, 3)
    assert car.dc_power_w(soc_percent * 10_000) == power_w


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Hyundai IONIQ 5", "Hyundai Ioniq 5 (2021)"),
        ("  polestar   2 ", "Polestar 2 (2020)"),
        ("flat 150", "flat 150 kW"),
        ("Flat 50 kW", "flat 50 kW"),
    ],
)
def test_a_car_is_found_by_part_of_its_name(text: str, name: str) -> None:
    car = find_car(text)
    assert isinstance(car, CarModel)
    assert car.name == name


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("trabant", "no car is called 'trabant'"),
        ("model x", "fits"),
        ("flat", "whole kilowatts"),
        ("flat -3", "whole kilowatts"),
        ("flat 0", "whole kilowatts"),
    ],
)
def test_what_is_no_car_is_said(text: str, reason: str) -> None:
    car = find_car(text)
    assert isinstance(car, NoSuchCar)
    assert reason in car.reason


def test_a_flat_car_takes_the_same_at_any_charge() -> None:
    assert {flat_car(150_000).dc_power_w(soc_ppm) for soc_ppm in range(0, PPM + 1, 50_000)} == {150_000}


@pytest.mark.parametrize(
    "rows", ["A,50,11,3,0\n", "A,fifty,11,3,0,50\nA,50,11,3,100,5\n", "A,50,11,three,0,50\nA,50,11,3,100,5\n"]
)
def test_a_wrong_table_names_its_line(rows: str) -> None:
    with pytest.raises(ValueError, match=r"line [23] of the table of cars"):
        parse_catalogue(HEADER + rows)
