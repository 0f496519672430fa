"""`GET` and `PUT /station/meter`."""

from dataclasses import replace

import pytest

from api import examples
from api.problems import Kind
from csms.core.events import SiteMeterRead
from csms.core.ids import RequestId
from csms.core.replies import Refusal, Refused, SiteMeterShown
from csms.core.site_meter import Measures, SiteMeterView
from tests.contract.test_rest import World, assert_problem, faults_in, world
from tests.unit.runtime.tag_doubles import NOW_MS

__all__ = ["world"]

SHOWN = SiteMeterView(Measures.BASE_LOAD, 38_500, NOW_MS - 1_999, False, 40_000, 50_000, False, "")


async def test_the_meter_is_shown_with_the_age_of_its_reading(world: World) -> None:
    world.desk.view.site_meter = SHOWN
    answer = await world.client.get("/station/meter")
    assert answer.status_code == 200
    assert answer.json() == {"meter": examples.METER}


async def test_a_meter_that_was_never_read_has_no_power_and_no_age(world: World) -> None:
    view = replace(SHOWN, power_w=None, read_wall_ms=None, stale=True, counted_w=50_000, trouble="timed out")
    world.desk.view.site_meter = replace(view, measures=Measures.GRID, over_modbus=True)
    answer = await world.client.get("/station/meter")
    shown = {"measures": "grid", "source": "modbus", "stale": True, "baseLoad": 50, "staticLoad": 50}
    assert answer.json() == {"meter": shown | {"trouble": "timed out"}}


async def test_without_a_meter_there_is_nothing_to_show(world: World) -> None:
    assert_problem(await world.client.get("/station/meter"), Kind.NO_SITE_METER)


@pytest.mark.parametrize(
    ("body", "fact"),
    [
        ({"power": 38.5}, SiteMeterRead(38_500, 0, RequestId(0))),
        ({"power": 0}, SiteMeterRead(0, 0, RequestId(0))),
        ({"power": -20.125}, SiteMeterRead(-20_125, 0, RequestId(0))),
        ({"power": 38.5, "ageS": 1.25}, SiteMeterRead(38_500, 1_250, RequestId(0))),
    ],
)
async def test_a_reading_is_told_in_watts(world: World, body: object, fact: SiteMeterRead) -> None:
    world.tell(SiteMeterShown(SHOWN))
    answer = await world.client.put("/station/meter", json=body)
    assert (answer.status_code, answer.json()) == (200, {"meter": examples.METER})
    assert world.desk.facts == [fact]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{}", "$.power: is missing"),
        ('{"power": "38"}', "$.power: must be a number"),
        ('{"power": true}', "$.power: must be a number"),
        ('{"power": 1000000.001}', "$.power: must be from -1000000 to 1000000"),
        ('{"power": 1.0001}', "$.power: must have at most three decimals"),
        ('{"power": 1, "ageS": 301}', "$.ageS: must be from 0 to 300"),
        ('{"power": 1, "ageS": -1}', "$.ageS: must be from 0 to 300"),
        ('{"power": 1, "power_w": 1}', "$.power_w: unknown field"),
        ("[]", "$: must be an object"),
    ],
)
async def test_what_is_not_valid_is_refused(world: World, text: str, fault: str) -> None:
    answer = await world.client.put("/station/meter", content=text, headers={"Content-Type": "application/json"})
    assert faults_in(answer) == [fault]
    assert not world.desk.facts


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
async def test_what_is_no_number_is_refused(world: World, number: str) -> None:
    text = f'{{"power": {number}}}'
    answer = await world.client.put("/station/meter", content=text, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert not world.desk.facts


@pytest.mark.parametrize("refusal", [Refusal.NO_SITE_METER, Refusal.READING_REFUSED])
async def test_a_refusal_says_why(world: World, refusal: Refusal) -> None:
    world.tell(Refused(refusal, "power: a base load is not below 0"))
    answer = await world.client.put("/station/meter", json={"power": -1})
    assert assert_problem(answer, Kind[refusal.name])["error"] == "Power: a base load is not below 0."
