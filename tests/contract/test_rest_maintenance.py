"""Maintenance over REST: what is refused before anybody is asked, what is handed on, what is answered and shown."""

import json
from dataclasses import replace
from typing import Any

import pytest

from csms.core.alarms import Alarm
from csms.core.events import MaintenanceEndRequested, MaintenanceRequested
from csms.core.ids import ChargerId, CommandId
from csms.core.records import CommandOutcome, CommandState, Maintenance, Told
from csms.core.replies import ConnectorView, MaintenanceShown, Refusal, Refused
from tests.contract.test_rest import NEW_ID, World, charger_view, world

__all__ = ["world"]  # the fixture

CHARGER = "/chargers/CP001/maintenance"
CONNECTOR = "/chargers/CP001/connectors/2/maintenance"
BODY: dict[str, Any] = {"reason": "new cable"}
SINCE_MS = 1_700_000_000_000
PLAIN = Maintenance("m1", "new cable", "192.0.2.1", SINCE_MS)
TOLD = replace(PLAIN, inoperative=True, commands=1, told=Told(CommandId("m1-1"), operative=False))
PLAIN_BODY = {"reason": "new cable", "askedBy": "192.0.2.1", "since": "2023-11-14T22:13:20.000Z", "inoperative": False}
TOLD_BODY = PLAIN_BODY | {
    "inoperative": True,
    "availability": {"commandId": "m1-1", "type": "Inoperative", "state": "queued"},
}


async def put(world: World, path: str, body: object) -> Any:
    return await world.client.put(path, json=body)


@pytest.mark.parametrize(("path", "idx"), [(CHARGER, 0), (CONNECTOR, 2)])
async def test_what_is_said_is_handed_on_and_shown(world: World, path: str, idx: int) -> None:
    world.tell(MaintenanceShown(TOLD, None))
    answer = await put(world, path, BODY | {"until": "2026-11-27T17:00:00+01:00", "inoperative": True})
    assert (answer.status_code, answer.json()) == (200, {"maintenance": TOLD_BODY})
    (fact,) = world.desk.facts
    assert isinstance(fact, MaintenanceRequested)
    assert (fact.charger_id, fact.idx, fact.maintenance_id) == ("CP001", idx, NEW_ID)
    assert (fact.reason, fact.asked_by) == ("new cable", "127.0.0.1")
    assert (fact.until_ms, fact.inoperative) == (1_795_795_200_000, True)


async def test_the_least_that_can_be_said(world: World) -> None:
    world.tell(MaintenanceShown(PLAIN, None))
    answer = await put(world, CHARGER, BODY)
    assert answer.json() == {"maintenance": PLAIN_BODY}
    (fact,) = world.desk.facts
    assert isinstance(fact, MaintenanceRequested)
    assert (fact.until_ms, fact.inoperative) == (None, False)


@pytest.mark.parametrize(("path", "idx"), [(CHARGER, 0), (CONNECTOR, 2)])
@pytest.mark.parametrize("left", [None, replace(TOLD, ended_ms=SINCE_MS)], ids=["gone", "ended"])
async def test_its_end_is_handed_on(world: World, path: str, idx: int, left: Maintenance | None) -> None:
    world.tell(MaintenanceShown(left, TOLD))
    answer = await world.client.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    (fact,) = world.desk.facts
    assert isinstance(fact, MaintenanceEndRequested)
    assert (fact.charger_id, fact.idx, fact.asked_by) == ("CP001", idx, "127.0.0.1")


@pytest.mark.parametrize(
    ("body", "path", "error"),
    [
        ({}, "$.reason", "is missing"),
        ({"reason": ""}, "$.reason", "must have 1 to 200 characters"),
        ({"reason": "x" * 201}, "$.reason", "must have 1 to 200 characters"),
        ({"reason": " x"}, "$.reason", "must be printable text without spaces at its ends"),
        ({"reason": "a\nb"}, "$.reason", "must be printable text without spaces at its ends"),
        ({"reason": 7}, "$.reason", "must be text"),
        (BODY | {"until": "tomorrow"}, "$.until", "must be an ISO 8601 time from 2020 to 2099"),
        (BODY | {"until": 1}, "$.until", "must be an ISO 8601 time from 2020 to 2099"),
        (BODY | {"inoperative": "yes"}, "$.inoperative", None),
        (BODY | {"untill": "2026-11-27T17:00:00Z"}, "$.untill", None),
        ([], "$", None),
    ],
)
@pytest.mark.parametrize("at", [CHARGER, CONNECTOR])
async def test_what_is_not_valid_is_told_by_its_path(
    world: World, at: str, body: object, path: str, error: str | None
) -> None:
    answer = await put(world, at, body)
    assert answer.status_code == 422
    (fault,) = answer.json()["faults"]
    assert fault["path"] == path
    assert error is None or fault["error"] == error
    assert world.desk.facts == []


@pytest.mark.parametrize(
    ("number", "status", "error"),
    [
        ("0", 404, "The station has no such charger, or the charger no such connector."),
        ("one", 422, "The request has 1 fault; nothing was changed."),
        ("1.0", 422, "The request has 1 fault; nothing was changed."),
    ],
)
async def test_a_connector_that_cannot_be(world: World, number: str, status: int, error: str) -> None:
    path = f"/chargers/CP001/connectors/{number}/maintenance"
    for answer in (await put(world, path, BODY), await world.client.delete(path)):
        assert (answer.status_code, answer.json()["error"]) == (status, error)
        if status == 422:
            assert answer.json()["faults"] == [{"path": "{idx}", "error": "must be a whole number"}]
    assert world.desk.facts == []


@pytest.mark.parametrize(
    ("refusal", "status"),
    [(Refusal.UNKNOWN_CHARGER, 404), (Refusal.UNKNOWN_CONNECTOR, 404), (Refusal.MAINTENANCE_OVER, 422)],
)
async def test_refusals(world: World, refusal: Refusal, status: int) -> None:
    world.tell(*[Refused(refusal, "until: that time is over; nothing was changed")] * 2)
    answer = await put(world, CONNECTOR, BODY)
    assert answer.status_code == status
    if refusal is Refusal.MAINTENANCE_OVER:
        assert answer.json()["error"] == "Until: that time is over; nothing was changed."
    assert (await world.client.delete(CONNECTOR)).status_code == status


async def test_a_session_that_is_refused_is_told_the_whole_reason(world: World) -> None:
    reason = "r" * 200
    world.tell(Refused(Refusal.UNDER_MAINTENANCE, f"the charger is under maintenance: {reason}"))
    body = {"connectorId": {"chargerId": "CP001", "idx": 1}, "vehicleMaxPower": 150}
    answer = await world.post("/sessions", body)
    assert answer.status_code == 409
    assert answer.json()["type"] == "/docs#problem-under-maintenance"
    assert answer.json()["error"] == f"The charger is under maintenance: {reason}."


async def test_a_remote_start_that_is_refused_likewise(world: World) -> None:
    world.tell(Refused(Refusal.UNDER_MAINTENANCE, "connector 2 is under maintenance: new cable"))
    answer = await world.post("/chargers/CP001/commands/RemoteStartTransaction", {"connectorId": 2, "idTag": "TAG"})
    assert (answer.status_code, answer.json()["error"]) == (409, "Connector 2 is under maintenance: new cable.")


async def test_it_is_shown_at_its_charger_and_at_its_connector(world: World) -> None:
    done = Told(CommandId("m1-2"), operative=True, state=CommandState.ACCEPTED, outcome=CommandOutcome.NOT_SEEN)
    ended = replace(TOLD, until_ms=SINCE_MS + 1_000, told=done, ended_ms=SINCE_MS + 2_000)
    one = ConnectorView(
        1, None, None, None, 0, None, provisioned=True, not_obeying=False, out_of_service=False, maintenance=ended
    )
    world.desk.view.chargers[ChargerId("CP001")] = charger_view("CP001", maintenance=PLAIN, connectors=(one,))
    world.desk.view.chargers[ChargerId("CP002")] = charger_view("CP002")
    first, second = (await world.client.get("/chargers")).json()["chargers"]
    assert first["maintenance"] == PLAIN_BODY
    assert "maintenance" not in second
    (connector,) = first["connectors"]
    assert connector["maintenance"] == PLAIN_BODY | {
        "inoperative": True,
        "until": "2023-11-14T22:13:21.000Z",
        "endedAt": "2023-11-14T22:13:22.000Z",
        "availability": {
            "commandId": "m1-2",
            "type": "Operative",
            "state": "accepted",
            "outcome": "not_seen",
        },
    }
    assert (await world.client.get("/chargers/CP001")).json()["charger"] == first


async def test_an_alarm_that_it_excuses_is_a_notice_behind_the_alarms_and_says_why(world: World) -> None:
    silent = Alarm("silent", "CP001", "1 W", 7, ChargerId("CP001"), maintenance="new cable")
    world.desk.view.notices["silent:CP001"] = silent
    world.desk.view.notices["silent:CP002"] = Alarm("silent", "CP002", "1 W", 8, ChargerId("CP002"))
    first, second = (await world.client.get("/alarms")).json()["alarms"]
    assert (first["id"], first["severity"], "maintenance" in first) == ("silent:CP002", "alarm", False)
    assert (second["id"], second["severity"], second["maintenance"]) == ("silent:CP001", "notice", "new cable")


CHANGES: list[tuple[Maintenance | None, Maintenance | None, list[str]]] = [
    (None, PLAIN, ["maintenance: none → new cable"]),
    (PLAIN, None, ["maintenance: new cable → none"]),
    (PLAIN, replace(PLAIN, ended_ms=1), ["maintenance: new cable → none"]),
    (None, None, []),
    (PLAIN, PLAIN, []),
    (
        PLAIN,
        replace(PLAIN, reason="door", until_ms=SINCE_MS, inoperative=True),
        ["reason: new cable → door", "until: none → 2023-11-14T22:13:20.000Z", "inoperative: false → true"],
    ),
]


@pytest.mark.parametrize(("before", "now", "changes"), CHANGES)
async def test_what_changed_is_audited(
    world: World, before: Maintenance | None, now: Maintenance | None, changes: list[str]
) -> None:
    world.tell(MaintenanceShown(now, before))
    if now is None or now.ended_ms is not None:
        await world.client.delete(CONNECTOR)
    else:
        await put(world, CONNECTOR, BODY)
    (entry,) = world.audit.entries
    assert entry.operation.endswith("/chargers/{chargerId}/connectors/{idx}/maintenance")
    assert (entry.charger_id, entry.idx, list(entry.changes), entry.made) == ("CP001", 2, changes, None)


async def test_the_command_that_was_made_is_audited_with_the_body(world: World) -> None:
    world.tell(MaintenanceShown(TOLD, PLAIN))
    await put(world, CHARGER, BODY | {"inoperative": True})
    (entry,) = world.audit.entries
    assert (entry.charger_id, entry.idx, entry.made) == ("CP001", None, {"commandId": "m1-1"})
    assert json.loads(entry.body_json or "") == BODY | {"inoperative": True}
