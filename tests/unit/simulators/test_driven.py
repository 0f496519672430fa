"""Driving a charger by a clock that passes by itself, many times as fast as the real one."""

import pytest

from simulators.clock import TICK_MS, WallClock
from simulators.driven import DEFAULT_TAG, driven
from tests.unit.simulators.characters.central import CAR, DC, Central, serving


async def test_a_fast_clock_brings_a_transaction_to_its_end_by_itself() -> None:
    central = Central()
    clock = WallClock(speed=100)
    async with serving(central), driven("CP 1", DC, central.url, clock, characters=["kilo_units"]) as here:
        await here.until(central.connected())
        started_ms = clock.now_ms()
        here.plug(CAR, target_wh=500, stays_ms=0)
        here.charger.sessions.swipe(DEFAULT_TAG, here.connector())
        while here.connector().car is not None:
            await here.run(1)
        await here.settle()
        (stop,) = central.of("StopTransaction")
        assert stop["meterStop"] in {499, 500}  # within the last watt-hour, wherever a step ends
        # 3 s to wake up, 7.5 s in steps of 5 kW to 150 kW, 8.25 s at 150 kW for the rest.
        assert clock.now_ms() - started_ms > 18_000
        assert {value["unit"] for value in central.samples("Power.Active.Import")} == {"kW"}


async def test_an_unknown_character_is_a_mistake_of_the_program() -> None:
    with pytest.raises(AssertionError, match="no character is called 'brave'"):
        async with driven("CP 1", DC, "ws://127.0.0.1:1", WallClock(), characters=["brave"]):
            pass


async def test_the_fast_clock_sleeps_as_long_as_it_says() -> None:
    clock = WallClock(speed=50)
    wanted_ms = clock.now_ms() + 10 * TICK_MS
    await clock.sleep_until_ms(wanted_ms)
    assert clock.now_ms() >= wanted_ms
