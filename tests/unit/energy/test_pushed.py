"""A battery whose own controller calls."""

from csms.core.battery import BatteryReading
from csms.core.commands import SetBattery
from csms.core.station import Battery, BatteryModbus
from csms.energy.ports import BatteryDriver, NothingNew, Unheard
from csms.energy.pushed import BatteryDoor, NotPushed, PushedBattery

READING = BatteryReading(635_000, 0, 200_000, 150_000, 0, None)
GIVE = SetBattery(50_000, 200_000)
PUSHED, COMPUTED = Battery(200_000, 200_000, pushed=True), Battery(200_000, 200_000)


def door() -> BatteryDoor:
    def others(battery: Battery, soc_ppm: int | None) -> BatteryDriver:
        del battery, soc_ppm
        return PushedBattery()

    return BatteryDoor(others)


async def test_each_reading_is_given_once() -> None:
    battery = PushedBattery()
    assert await battery.read() == Unheard("its controller has not called yet")
    battery.push(READING)
    assert [await battery.read(), await battery.read()] == [READING, NothingNew()]
    battery.push(READING)
    assert await battery.read() == READING


async def test_a_call_is_answered_with_the_newest_set_point() -> None:
    entrance = door()
    driver = entrance.make(PUSHED, None)
    assert entrance.push(READING) is None
    await driver.write(GIVE)
    assert entrance.push(READING) == GIVE
    await driver.close()
    assert entrance.push(READING) is None


async def test_another_configuration_has_another_battery_or_none() -> None:
    entrance = door()
    assert entrance.push(READING) == NotPushed()
    first = entrance.make(PUSHED, None)
    await first.write(GIVE)
    entrance.make(PUSHED, 500_000)
    assert entrance.push(READING) is None
    entrance.make(COMPUTED, None)
    assert entrance.push(READING) == NotPushed()


def test_what_is_computed() -> None:
    assert COMPUTED.is_computed
    assert not PUSHED.is_computed
    assert not Battery(1, 1, modbus=BatteryModbus("inverter")).is_computed
