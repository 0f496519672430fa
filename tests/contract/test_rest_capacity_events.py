"""Limits of the grid connection over REST: what is handed on, answered, listed, refused, audited."""

from typing import Any

import pytest

from csms.core.events import CapacityEventSet, CapacityEventWithdrawn, GridOperatorHeard
from csms.core.grid_terms import CapacityEvent
from csms.core.replies import CapacityEventShown, Confirmed, Refusal, Refused
from tests.contract.test_rest import World, world
from tests.unit.runtime.tag_doubles import NOW_MS

__all__ = ["world"]  # the fixture

PATH = "/station/capacity-events/dso-1"
BODY: dict[str, Any] = {"from": "2023-11-14T22:13:20Z", "capacity": 250.5, "source": "DSO"}
FROM_MS = 1_700_000_000_000
PLAIN = CapacityEvent("dso-1", FROM_MS, None, 250_500, "DSO", None, "127.0.0.1", NOW_MS)
WHOLE = CapacityEvent("dso-1", FROM_MS, FROM_MS + 3_600_000, 250_500, "DSO", 60, "127.0.0.1", NOW_MS)


async def test_an_event_is_handed_on_and_shown(world: World) -> None:
    world.tell(CapacityEventShown(WHOLE, None))
    answer = await world.client.put(PATH, json=BODY | {"to": "2023-11-15T00:13:20+01:00", "heartbeatS": 60})
    shown = {
        "id": "dso-1",
        "from": "2023-11-14T22:13:20.000Z",
        "to": "2023-11-14T23:13:20.000Z",
        "capacity": 250.5,
        "source": "DSO",
        "heartbeatS": 60,
        "setBy": "127.0.0.1",
    }
    assert answer.status_code == 200
    assert answer.json()["event"].items() >= shown.items()
    (fact,) = world.desk.facts
    assert isinstance(fact, CapacityEventSet)
    assert fact.event == WHOLE
    entry = world.audit.entries[-1]
    told = "250.5 kW from 2023-11-14T22:13:20.000Z until 2023-11-14T23:13:20.000Z, says DSO, heard each 60 s"
    assert entry.changes == (f"capacity event: none → {told}",)


async def test_the_least_that_can_be_told(world: World) -> None:
    world.tell(CapacityEventShown(PLAIN, PLAIN))
    answer = await world.client.put(PATH, json=BODY)
    assert answer.json()["event"].keys() == {"id", "from", "capacity", "source", "state", "setBy", "setAt"}
    (fact,) = world.desk.facts
    assert isinstance(fact, CapacityEventSet)
    assert fact.event == PLAIN


@pytest.mark.parametrize(
    ("body", "path", "error"),
    [
        ({"capacity": 1, "source": "x"}, "$.from", "is missing"),
        (BODY | {"from": "now"}, "$.from", "must be an ISO 8601 time from 2020 to 2099"),
        (BODY | {"to": 5}, "$.to", "must be an ISO 8601 time from 2020 to 2099"),
        (BODY | {"to": BODY["from"]}, "$.to", "must be after from"),
        (BODY | {"capacity": -1}, "$.capacity", "must be from 0 to 1000000"),
        (BODY | {"source": ""}, "$.source", "must have 1 to 200 characters"),
        (BODY | {"heartbeatS": 9}, "$.heartbeatS", "must be a whole number from 10 to 86400"),
        (BODY | {"id": "x"}, "$.id", "unknown field"),
    ],
)
async def test_what_is_not_valid_is_told_by_its_path(world: World, body: object, path: str, error: str) -> None:
    answer = await world.client.put(PATH, json=body)
    assert (answer.status_code, answer.json()["faults"]) == (422, [{"path": path, "error": error}])
    assert world.desk.facts == []


@pytest.mark.parametrize("name", ["-a", "a%20b", "a" * 65, "%C3%A9", "a%0A"])
async def test_names_that_cannot_be(world: World, name: str) -> None:
    for answer in (
        await world.client.put(f"/station/capacity-events/{name}", json=BODY),
        await world.client.delete(f"/station/capacity-events/{name}"),
    ):
        assert answer.status_code == 422
        assert answer.json()["faults"][0]["path"] == "{id}"
    assert world.desk.facts == []


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (Refusal.CAPACITY_EVENT_OVER, 422),
        (Refusal.TOO_MANY_CAPACITY_EVENTS, 409),
        (Refusal.NO_GRID_OPERATOR, 409),
        (Refusal.UNKNOWN_CAPACITY_EVENT, 404),
    ],
)
async def test_refusals(world: World, refusal: Refusal, status: int) -> None:
    world.tell(*[Refused(refusal, "for a reason")] * 3)
    for answer in (
        await world.client.put(PATH, json=BODY),
        await world.client.delete(PATH),
        await world.client.post("/station/grid-operator/heartbeat"),
    ):
        assert (answer.status_code, answer.json()["error"]) == (status, "For a reason.")


async def test_an_event_is_withdrawn(world: World) -> None:
    world.tell(CapacityEventShown(None, PLAIN))
    answer = await world.client.delete(PATH)
    assert (answer.status_code, answer.content) == (204, b"")
    (fact,) = world.desk.facts
    assert isinstance(fact, CapacityEventWithdrawn)
    assert (fact.event_id, fact.asked_by) == ("dso-1", "127.0.0.1")
    entry = world.audit.entries[-1]
    assert entry.changes == (
        "capacity event: 250.5 kW from 2023-11-14T22:13:20.000Z until it is withdrawn, says DSO → none",
    )


async def test_a_heartbeat_is_handed_on_and_not_audited(world: World) -> None:
    world.tell(Confirmed())
    answer = await world.client.post("/station/grid-operator/heartbeat")
    assert (answer.status_code, answer.content) == (204, b"")
    (fact,) = world.desk.facts
    assert isinstance(fact, GridOperatorHeard)
    assert not world.audit.entries


async def test_all_are_listed_by_their_begin_with_their_state(world: World) -> None:
    hour_ms = 3_600_000
    for event in (
        CapacityEvent("c", NOW_MS + hour_ms, None, 3_000, "DSO"),
        CapacityEvent("b", NOW_MS - hour_ms, NOW_MS + 1, 2_000, "DSO"),
        CapacityEvent("a", NOW_MS - 2 * hour_ms, NOW_MS, 1_000, "DSO"),
    ):
        world.desk.view.capacity_events[event.event_id] = event
    answer = await world.client.get("/station/capacity-events")
    assert [(each["id"], each["state"], each["capacity"]) for each in answer.json()["events"]] == [
        ("a", "over", 1),
        ("b", "in_force", 2),
        ("c", "coming", 3),
    ]
