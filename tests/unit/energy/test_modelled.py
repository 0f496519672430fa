"""The computed battery: it follows its set-point as far as it can, and its energy is exact."""

import asyncio

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from csms.core.battery import BatteryReading
from csms.core.commands import SetBattery
from csms.core.station import Battery
from csms.energy.modelled import BatteryModel, ModelledBattery, full_ppm

BATTERY = Battery(100_000, 50_000)  # 100 kWh, 50 kW, reserve 10 %
HOUR_MS = 3_600_000


class Clock:
    """A time that a test moves."""

    def __init__(self) -> None:
        self.now_ms = 0

    def __call__(self) -> int:
        return self.now_ms


def after(battery: Battery, soc_ppm: int, *steps: tuple[int, int]) -> BatteryReading:
    """Return the reading of a battery that was given set-points, W, each for so many ms."""
    clock = Clock()
    modelled = ModelledBattery(battery, clock, soc_ppm)

    async def play() -> BatteryReading:
        for power_w, lasts_ms in steps:
            await modelled.write(SetBattery(power_w, 0))
            clock.now_ms += lasts_ms
        return await modelled.read()

    return asyncio.run(play())


@pytest.mark.parametrize(
    ("caption", "soc_percent", "steps", "soc_after", "power_w"),
    [
        ("untouched", 60, (), 60, 0),
        ("an hour at 20 kW", 60, ((20_000, HOUR_MS),), 40, 20_000),
        ("more than its power is not given", 90, ((80_000, HOUR_MS),), 40, 50_000),
        ("at the reserve it ends", 20, ((20_000, HOUR_MS),), 10, 0),
        ("below the reserve nothing flows", 5, ((20_000, HOUR_MS),), 5, 0),
        ("it takes", 60, ((-20_000, HOUR_MS),), 80, -20_000),
        ("full it ends", 90, ((-20_000, HOUR_MS),), 100, 0),
        ("there and back", 60, ((20_000, HOUR_MS), (-10_000, HOUR_MS)), 50, -10_000),
    ],
)
def test_it_follows_its_set_point_as_far_as_it_can(
    caption: str, soc_percent: int, steps: tuple[tuple[int, int], ...], soc_after: int, power_w: int
) -> None:
    reading = after(BATTERY, soc_percent * 10_000, *steps)
    assert (reading.soc_ppm, reading.power_w) == (soc_after * 10_000, power_w), caption


def test_it_says_what_it_could_do_and_what_it_has_acknowledged() -> None:
    async def play() -> tuple[BatteryReading, BatteryReading]:
        modelled = ModelledBattery(BATTERY, Clock(), full_ppm(BATTERY))
        before = await modelled.read()
        await modelled.write(SetBattery(10_000, 70_000))
        return before, await modelled.read()

    before, after_ = asyncio.run(play())
    assert (before.available_discharge_w, before.available_charge_w) == (50_000, 0)
    assert (before.permitted_w, before.set_point_w) == (0, None)
    assert (after_.permitted_w, after_.set_point_w, after_.power_w) == (50_000, 10_000, 10_000)


@settings(max_examples=50)
@given(
    eta=st.tuples(st.integers(50, 100), st.integers(50, 100)),
    soc_percent=st.integers(0, 100),
    steps=st.lists(st.tuples(st.integers(-80_000, 80_000), st.integers(0, HOUR_MS)), max_size=12),
)
def test_what_comes_out_was_in_it(eta: tuple[int, int], soc_percent: int, steps: list[tuple[int, int]]) -> None:
    """What is stored changes by what flows, within its losses, and never leaves the room between reserve and full."""
    battery = Battery(100_000, 50_000, efficiency_charge_percent=eta[0], efficiency_discharge_percent=eta[1])
    clock = Clock()
    modelled = ModelledBattery(battery, clock, soc_percent * 10_000)

    async def play() -> None:
        stored_ppm = (await modelled.read()).soc_ppm
        for power_w, lasts_ms in steps:
            await modelled.write(SetBattery(power_w, 0))
            began_w = (await modelled.read()).power_w
            clock.now_ms += lasts_ms
            reading = await modelled.read()
            flowed_wh = abs(began_w) * lasts_ms / HOUR_MS
            moved_wh = (stored_ppm - reading.soc_ppm) * 0.1 * (1 if began_w >= 0 else -1)
            share = 100 / eta[1] if began_w >= 0 else eta[0] / 100
            assert -0.2 <= moved_wh <= flowed_wh * share + 0.2
            if reading.power_w == began_w:  # it did not end on the way
                assert moved_wh == pytest.approx(flowed_wh * share, abs=0.2)
            assert reading.soc_ppm >= min(stored_ppm, 100_000)
            stored_ppm = reading.soc_ppm

    asyncio.run(play())


@settings(max_examples=100)
@given(
    eta=st.tuples(st.integers(50, 100), st.integers(50, 100)),
    soc_ppm=st.integers(100_001, 999_999),
    power_w=st.integers(-50_000, 50_000).filter(bool),
)
@example(eta=(50, 50), soc_ppm=100_001, power_w=-1)
def test_it_knows_to_the_millisecond_when_its_power_ends(eta: tuple[int, int], soc_ppm: int, power_w: int) -> None:
    battery = Battery(1_000, 50_000, efficiency_charge_percent=eta[0], efficiency_discharge_percent=eta[1])
    model = BatteryModel(battery, 0, soc_ppm)
    assert model.ends_ms() is None
    model.follow(SetBattery(power_w, 0), 0)
    ends_ms = model.ends_ms()
    assert ends_ms is not None
    assert model.power_w(ends_ms - 1) == power_w
    assert (model.power_w(ends_ms), model.ends_ms()) == (0, None)
    assert model.soc_ppm(ends_ms) == (100_000 if power_w > 0 else 1_000_000)
