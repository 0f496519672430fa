"""The battery's formulas against what they are for: energy that is there, and a grid connection that is kept."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from csms.core.battery import available_w, chargeable_w, discharge_w, root_capacity_w, target_w
from csms.core.station import Battery

PPM = 1_000_000
powers_w = st.integers(0, 2_000_000) | st.integers(0, 50)
socs_ppm = st.integers(0, PPM)
batteries = st.builds(
    Battery,
    capacity_wh=powers_w,
    power_w=powers_w,
    charge_power_w=st.none() | powers_w,
    reserve_percent=st.integers(0, 100),
    full_percent=st.integers(0, 100),
    efficiency_charge_percent=st.integers(1, 100),
    efficiency_discharge_percent=st.integers(1, 100),
    horizon_s=st.integers(1, 7_200),
)


def kept_up_wh(battery: Battery, power_w: int) -> Fraction:
    """Return the energy of a power over the horizon."""
    return Fraction(power_w * battery.horizon_s, 3_600)


@given(batteries, socs_ppm)
def test_what_it_gives_for_its_horizon_never_goes_below_the_reserve(battery: Battery, soc_ppm: int) -> None:
    stored_wh = Fraction(battery.capacity_wh * max(0, soc_ppm - battery.reserve_percent * PPM // 100), PPM)
    given_wh = stored_wh * battery.efficiency_discharge_percent / 100
    power_w = available_w(battery, soc_ppm)
    assert 0 <= power_w <= battery.power_w
    assert kept_up_wh(battery, power_w) <= given_wh
    assert power_w == battery.power_w or kept_up_wh(battery, power_w + 1) > given_wh, "a watt is left"


@given(batteries, socs_ppm, socs_ppm)
def test_more_charge_never_gives_less(battery: Battery, one_ppm: int, other_ppm: int) -> None:
    low, high = sorted((one_ppm, other_ppm))
    assert available_w(battery, low) <= available_w(battery, high)
    assert target_w(battery, low) <= target_w(battery, high)
    assert chargeable_w(battery, low, 9_000_000) >= chargeable_w(battery, high, 9_000_000)


@given(batteries, socs_ppm)
def test_targets_take_few_steps_and_stay_below_what_is_there(battery: Battery, soc_ppm: int) -> None:
    power_w, steady_w = available_w(battery, soc_ppm), target_w(battery, soc_ppm)
    assert steady_w in {step * battery.power_w // 20 for step in range(21)}
    if power_w == battery.power_w:
        assert steady_w == power_w
    else:
        assert 10 * steady_w <= 9 * power_w
        assert steady_w + Fraction(battery.power_w, 20) + 2 > Fraction(9 * power_w, 10), "a whole step is left"


@given(batteries, socs_ppm, st.integers(-1_000, 3_000_000))
def test_what_it_takes_for_its_horizon_never_overfills_it(battery: Battery, soc_ppm: int, spare_w: int) -> None:
    room_wh = Fraction(battery.capacity_wh * max(0, battery.full_percent * PPM // 100 - soc_ppm), PPM)
    most_w = battery.power_w if battery.charge_power_w is None else battery.charge_power_w
    power_w = chargeable_w(battery, soc_ppm, spare_w)
    assert 0 <= power_w <= max(0, min(most_w, spare_w))
    assert kept_up_wh(battery, power_w) * battery.efficiency_charge_percent / 100 <= room_wh


@given(powers_w, powers_w, powers_w, st.data())
def test_the_grid_is_kept_while_the_cars_keep_the_root(
    grid_w: int, static_w: int, battery_w: int, data: st.DataObject
) -> None:
    root_w = root_capacity_w(grid_w, static_w, battery_w)
    cars_w = data.draw(st.integers(0, root_w))
    from_battery_w = discharge_w(grid_w, static_w, cars_w, battery_w)
    meter_w = cars_w + static_w - from_battery_w
    assert 0 <= from_battery_w <= battery_w
    assert meter_w <= max(grid_w, static_w - battery_w)
    assert from_battery_w == 0 or meter_w >= grid_w, "it gives nothing that the grid could give"
