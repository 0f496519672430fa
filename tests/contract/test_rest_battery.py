"""`PUT /station/battery`."""

import pytest

from api import examples
from api.battery_schemas import BatteryStands, told_body
from api.problems import Kind
from csms.core.battery import BatteryReading
from csms.core.commands import SetBattery
from tests.contract.test_rest import World, assert_problem, faults_in, world

__all__ = ["world"]


def test_what_is_told_becomes_a_reading_in_watts() -> None:
    following = BatteryStands.model_validate(examples.BATTERY_STANDS).reading()
    assert following == BatteryReading(635_000, 53_200, 200_000, 150_000, 200_000, 53_250)
    first = BatteryStands.model_validate(examples.BATTERY_STANDS_FIRST | {"permitted": 200}).reading()
    assert first == BatteryReading(635_000, 0, 200_000, 150_000, 0, None), "it does not follow us, whatever it permits"


def test_what_it_is_to_do_in_kilowatts() -> None:
    assert told_body(SetBattery(53_250, 200_000)).model_dump(by_alias=True) == examples.BATTERY_TOLD
    assert told_body(SetBattery(-20_000, 0)).model_dump(by_alias=True)["setPoint"]["power"] == -20
    assert told_body(None).model_dump(exclude_none=True) == {}


async def test_without_such_a_battery_nobody_has_to_call(world: World) -> None:
    assert_problem(await world.client.put("/station/battery", json=examples.BATTERY_STANDS), Kind.NO_PUSHED_BATTERY)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"stateOfCharge": 100.001}, "$.stateOfCharge: must be from 0 to 100"),
        ({"stateOfCharge": -1}, "$.stateOfCharge: must be from 0 to 100"),
        ({"stateOfCharge": True}, "$.stateOfCharge: must be a number"),
        ({"power": "53"}, "$.power: must be a number"),
        ({"availableDischarge": -1}, "$.availableDischarge: must be from 0 to 1000000"),
        ({"ageS": 2.5}, "$.ageS: must be from 0 to 2"),
        ({"soc": 5}, "$.soc: unknown field"),
    ],
)
async def test_what_is_not_valid_is_refused(world: World, changes: dict[str, object], fault: str) -> None:
    answer = await world.client.put("/station/battery", json=examples.BATTERY_STANDS | changes)
    assert faults_in(answer) == [fault]
