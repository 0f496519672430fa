import pytest

from simulators.car import Car, Temper
from simulators.cars import PPM, CarModel, flat_car
from simulators.electrical import Supply

DC, ONE, THREE = Supply(0), Supply(1), Supply(3)
TAPER = CarModel("taper", 60_000, 11_000, 3, ((0, 100_000), (500_000, 100_000), (PPM, 20_000)))
PROMPT = Temper(wake_up_ms=0, ramp_up_w_per_s=10**9, ramp_down_w_per_s=10**9)


def test_it_wakes_up_rises_and_falls_by_its_ramps() -> None:
    car = Car(flat_car(100_000), DC, temper=Temper(2_000, 20_000, 50_000))
    offers_w = [100_000] * 9 + [10_000] * 3 + [0, 100_000, 100_000, 100_000]
    powers_kw = [car.step(1_000, offer_w) // 1000 for offer_w in offers_w]
    assert powers_kw == [0, 0, 20, 40, 60, 80, 100, 100, 100, 50, 10, 10, 0, 0, 0, 20]


@pytest.mark.parametrize(
    ("soc_percent", "offered_w", "power_w"),
    [
        (0, 200_000, 100_000),
        (50, 200_000, 100_000),
        (75, 200_000, 60_000),
        (90, 200_000, 36_000),
        (75, 50_000, 50_000),
        (75, 1, 1),
        (75, 0, 0),
        (75, -1, 0),
        (100, 200_000, 0),
    ],
)
def test_it_takes_the_least_of_offer_and_curve(soc_percent: int, offered_w: int, power_w: int) -> None:
    assert Car(TAPER, DC, soc_percent=soc_percent, temper=PROMPT).step(1, offered_w) == power_w


@pytest.mark.parametrize(
    ("supply", "car_phases", "ac_max_w", "offered_w", "power_w"),
    [
        (THREE, 3, 11_000, 22_000, 11_000),
        (THREE, 3, 11_000, 6_900, 6_900),
        (THREE, 3, 11_000, 4_140, 4_140),
        (THREE, 3, 11_000, 4_139, 0),  # below 6 A on three phases
        (THREE, 2, 7_200, 22_000, 7_200),
        (THREE, 1, 7_400, 22_000, 7_400),
        (THREE, 1, 7_400, 1_380, 1_380),
        (THREE, 1, 7_400, 1_379, 0),
        (ONE, 3, 11_000, 7_400, 3_666),  # one third of a three-phase on-board charger
        (ONE, 3, 11_000, 1_400, 1_400),
    ],
)
def test_alternating_current(supply: Supply, car_phases: int, ac_max_w: int, offered_w: int, power_w: int) -> None:
    model = CarModel("ac", 60_000, ac_max_w, car_phases, ((0, 100_000), (PPM, 100_000)))
    assert Car(model, supply, temper=PROMPT).step(1_000, offered_w) == power_w


@pytest.mark.parametrize(("target_wh", "soc_percent"), [(1_000, 20), (1, 20), (2_500, 90), (None, 95)])
def test_it_leaves_with_what_it_came_for_or_full(target_wh: int | None, soc_percent: int) -> None:
    car = Car(TAPER, DC, soc_percent=soc_percent, target_wh=target_wh)
    seconds = 0
    while not car.satisfied:
        car.step(250, 200_000)
        seconds += 1
        assert seconds < 100_000
    if target_wh is not None:
        assert car.taken_wh in {target_wh - 1, target_wh}
    else:
        assert car.soc_percent == 99
    car.step(10_000, 200_000)
    car.step(10_000, 200_000)
    assert car.power_w == 0


def test_energy_adds_up_exactly() -> None:
    car = Car(flat_car(33_333), DC, temper=PROMPT)
    total_mj = sum(car.step(dt_ms, 200_000) * dt_ms for dt_ms in (1, 7, 250, 999, 1_000) * 100)
    assert car.taken_mj == total_mj == 33_333 * 225_700


def test_an_opened_contactor_ends_the_flow_and_lets_it_sleep() -> None:
    car = Car(flat_car(50_000), DC, temper=Temper(1_000, 10**9, 10**9))
    assert [car.step(1_000, 50_000) for _ in range(2)] == [0, 50_000]
    car.cut_off()
    assert car.power_w == 0
    assert [car.step(1_000, 50_000) for _ in range(2)] == [0, 50_000]
