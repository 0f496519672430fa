"""The audit over REST: every call that changes something leaves an act, before it is done and with what came of it."""

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from api import auditing, examples
from api.access import READING
from api.app import create_app
from api.auditing import BODY_CHARS_MAX, CHANGES_MAX, UNAUDITED, AuditedRoute
from api.gate import UNGUARDED
from api.problems import Kind
from csms.core.alarms import Alarm
from csms.core.audit import ActOutcome, AuditEntry
from csms.core.events import Fact
from csms.core.ids import CampaignId, ChargerId, RequestId
from csms.core.learnt import Learnt, Make
from csms.core.records import CampaignState
from csms.core.replies import (
    CampaignShown,
    CommandShown,
    MakesShown,
    Outcome,
    Refusal,
    Refused,
    SessionEnded,
    SessionShown,
    StationShown,
)
from csms.ports import AuditFilter, AuditPosition
from tests.contract.test_rest import (
    NEW_ID,
    OLD_ID,
    World,
    assert_problem,
    charger_view,
    ocpp_session,
    rest_session,
    station_of,
    world,
)
from tests.contract.test_rest_openapi import OPENAPI, services
from tests.unit.runtime.tag_doubles import NOW_MS
from tests.unit.store import samples as stored

__all__ = ["world"]  # the fixture

CHANGING = [
    (method.upper(), path) for path, methods in OPENAPI["paths"].items() for method in methods if method != "get"
]
COMMAND = "/chargers/CP001/commands"


def the_act(world: World) -> AuditEntry:
    """Return the one act, as it is in the end."""
    (entry,) = world.audit.entries
    return entry


async def call(client: httpx2.AsyncClient, method: str, path: str) -> tuple[str, httpx2.Response]:
    """Send the documented example of an operation."""
    operation = OPENAPI["paths"][path][method.lower()]
    named = {"id": OLD_ID, "transactionId": "4711", "idTag": "04A2B3C4D5E680", "chargerId": "CP001", "idx": "2"}
    for name, value in named.items():
        path = path.replace(f"{{{name}}}", value)
    for media_type, content in operation.get("requestBody", {"content": {}})["content"].items():
        example = next(iter(content["examples"].values()))["value"]
        text = example if isinstance(example, str) else json.dumps(example)
        return path, await client.request(method, path, content=text, headers={"Content-Type": media_type})
    return path, await client.request(method, path)


# --- nothing is forgotten ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), CHANGING, ids=map(" ".join, CHANGING))
async def test_every_operation_that_is_documented_and_no_get_leaves_an_act(
    world: World, method: str, path: str
) -> None:
    have_chargers(world)
    resource, answer = await call(world.client, method, path)
    if f"{method} {path}" in UNAUDITED:
        assert world.audit.written == []
        return
    begun, ended = world.audit.written
    assert (begun.operation, begun.outcome, begun.status) == (f"{method} {path}", ActOutcome.UNKNOWN, None)
    assert begun.resource == resource.replace("04A2B3C4D5E680", "04A2***")
    assert (begun.asked_ms, begun.address) == (NOW_MS, "127.0.0.1")
    assert (ended.audit_id, ended.operation, ended.status) == (begun.audit_id, begun.operation, answer.status_code)
    assert ended.answered_ms == NOW_MS
    assert (begun.charger_id == "CP001") is ("{chargerId}" in path)
    assert answer.status_code not in {400, 413, 415, 422}, "the example is valid"


@pytest.mark.parametrize(("method", "path"), CHANGING, ids=map(" ".join, CHANGING))
async def test_decimals_in_a_body_are_no_trouble(world: World, method: str, path: str) -> None:
    """Every number of the documented example with a point, as a client in kilowatts may write it."""
    have_chargers(world)
    operation = OPENAPI["paths"][path][method.lower()]
    bodies = operation.get("requestBody", {"content": {}})["content"].get("application/json")
    if bodies is None or f"{method} {path}" in UNAUDITED:
        return
    text = json.dumps(next(iter(bodies["examples"].values()))["value"])
    for name, value in (("id", OLD_ID), ("transactionId", "4711"), ("idTag", "04A2B3C4D5E680"), ("chargerId", "CP001")):
        path = path.replace(f"{{{name}}}", value)
    written = re.sub(r"(?<=: )(\d+)(?=[,}\]])", r"\1.0", text)
    answer = await world.client.request(method, path, content=written, headers={"Content-Type": "application/json"})
    assert answer.status_code != 500
    assert the_act(world).status == answer.status_code


async def test_a_decimal_is_kept_as_it_was_asked_for(world: World) -> None:
    body = {"connectorId": {"chargerId": "CP001", "idx": 1}, "vehicleMaxPower": 7.4}
    await world.client.post("/sessions", json=body)
    assert json.loads(the_act(world).body_json or "") == body


def test_what_is_not_audited_is_an_operation_and_says_why() -> None:
    assert set(UNAUDITED) == {
        "POST /sessions/{id}/power-update",
        "POST /station/grid-operator/heartbeat",
        "POST /station/simulate",
        "PUT /station/battery",
        "PUT /station/meter",
    }
    assert {tuple(operation.split(" ")) for operation in UNAUDITED} <= set(CHANGING)


def test_no_route_that_changes_something_is_of_another_class() -> None:
    """Also one that is in no document."""

    def changes(route: BaseRoute) -> bool:
        return not set(getattr(route, "methods", None) or READING) <= READING

    routes = [route for route in create_app(services(), UNGUARDED).routes if changes(route)]
    assert len(routes) == len(CHANGING)
    assert [route for route in routes if not isinstance(route, AuditedRoute)] == []


@pytest.mark.parametrize("methods", [["PATCH"], ["DELETE", "PUT"], ["POST", "GET"]])
async def test_a_route_that_is_added_later_is_audited_whatever_it_does(world: World, methods: list[str]) -> None:
    app = _app_of(world)

    async def novelty(charger_id: str) -> Response:
        return Response(charger_id, status_code=299)

    app.add_api_route("/novelties/{charger_id}", novelty, methods=methods, include_in_schema=False)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://station") as client:
        assert (await client.request(methods[0], "/novelties/CP9")).status_code == 299
    assert (the_act(world).operation, the_act(world).status) == (f"{methods[0]} /novelties/{{charger_id}}", 299)


async def test_looking_leaves_no_act(world: World) -> None:
    for path, methods in OPENAPI["paths"].items():
        if "get" in methods:
            await call(world.client, "GET", path)
    assert world.audit.written == []


async def test_what_no_route_takes_leaves_no_act(world: World) -> None:
    assert (await world.client.post("/nowhere")).status_code == 404
    assert (await world.client.delete("/station/config")).status_code == 405
    assert world.audit.written == []


# --- durable before done ----------------------------------------------------------------------------------------------


async def test_what_cannot_be_written_down_is_not_done(world: World) -> None:
    world.audit.refuses_from = 0
    for method, path in CHANGING:
        if f"{method} {path}" not in UNAUDITED:
            assert_problem((await call(world.client, method, path))[1], Kind.STORE_UNAVAILABLE)
    assert (world.desk.facts, world.desk.safe_mode_ends) == ([], 0)
    assert (await world.client.get("/id-tags")).json() == {"idTags": []}


async def test_an_act_is_written_before_its_fact_is_handed_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    ask = world.desk.ask

    def look(make_fact: Callable[[RequestId], Fact]) -> "asyncio.Future[Outcome]":
        seen.append(len(world.audit.written))
        return ask(make_fact)

    monkeypatch.setattr(world.desk, "ask", look)
    await world.post(f"{COMMAND}/ClearCache", {})
    assert seen == [1]


async def test_what_was_done_is_answered_even_if_its_answer_cannot_be_written_down(world: World) -> None:
    world.audit.refuses_from = 1
    world.tell(SessionShown(rest_session()))
    assert (await world.post("/sessions", examples.SESSION_REQUEST)).status_code == 200
    assert (the_act(world).outcome, the_act(world).status) == (ActOutcome.UNKNOWN, None)


async def test_of_what_broke_nobody_knows_what_came(world: World) -> None:
    world.desk.broken = True
    assert (await world.post(f"{COMMAND}/ClearCache", {})).status_code == 500
    assert (the_act(world).outcome, the_act(world).status) == (ActOutcome.UNKNOWN, None)


# --- what is told -----------------------------------------------------------------------------------------------------


async def test_a_configuration_tells_what_changed(world: World) -> None:
    before, after = station_of(examples.STATION), station_of(examples.STATION | {"gridCapacity": 350, "chargers": []})
    world.tell(StationShown(after, before))
    await world.post("/station/config", examples.STATION | {"gridCapacity": 350, "chargers": []})
    act = the_act(world)
    assert (act.outcome, act.status, act.reason, act.body_json) == (ActOutcome.ACCEPTED, 200, None, None)
    assert act.changes[:2] == ("$.gridCapacity: 400 → 350", '$.chargers["CP001"]: removed')


async def test_a_configuration_that_is_not_valid_tells_its_first_faults_and_not_what_was_sent(world: World) -> None:
    await world.post("/station/config", {"stationId": "S", "gridCapacity": "canary", "chargers": [1, 2, 3]})
    act = the_act(world)
    assert (act.outcome, act.status, act.body_json, act.changes) == (ActOutcome.REFUSED, 422, None, ())
    assert act.reason is not None
    assert act.reason.startswith("The request has 4 faults; nothing was changed. $.gridCapacity: must be a number")
    assert "$.chargers[1]" in act.reason
    assert "$.chargers[2]" not in act.reason
    assert "canary" not in repr(act)


async def test_a_command_tells_its_charger_its_body_its_query_and_its_id(world: World) -> None:
    world.tell(CommandShown(stored.command("c7")))
    answer = await world.client.post(f"{COMMAND}/UnlockConnector?force=true&surprise=canary", json={"connectorId": 2})
    assert answer.status_code == 202
    act = the_act(world)
    assert (act.operation, act.resource) == (
        "POST /chargers/{chargerId}/commands/UnlockConnector",
        "/chargers/CP001/commands/UnlockConnector",
    )
    assert (act.charger_id, act.idx, act.query) == ("CP001", 2, {"force": "true"})
    assert (act.body_json, act.made) == ('{"connectorId":2}', {"commandId": "c7"})
    assert (act.outcome, act.status) == (ActOutcome.ACCEPTED, 202)


async def test_a_refused_command_tells_why(world: World) -> None:
    world.tell(Refused(Refusal.COMMAND_REFUSED, "this system runs in safe mode"))
    await world.post(f"{COMMAND}/Reset", {"type": "Hard"})
    act = the_act(world)
    assert (act.outcome, act.status, act.reason) == (ActOutcome.REFUSED, 409, "This system runs in safe mode.")
    assert (act.body_json, act.made) == ('{"type":"Hard"}', None)


async def test_a_query_that_is_not_valid_is_told_by_its_fault_alone(world: World) -> None:
    answer = await world.client.post(f"{COMMAND}/ClearCache?wait=canary", json={})
    act = the_act(world)
    assert (answer.status_code, act.status, act.outcome) == (422, 422, ActOutcome.REFUSED)
    assert act.reason == "The request has 1 fault; nothing was changed. ?wait: must be a whole number from 0 to 60"
    assert (act.query, act.body_json) == (None, None)


async def test_a_wait_that_is_over_leaves_it_open(world: World) -> None:
    await world.post("/sessions", examples.SESSION_REQUEST)
    act = the_act(world)
    assert (act.outcome, act.status) == (ActOutcome.UNKNOWN, 504)
    assert act.reason == Kind.NOT_YET.meaning


async def test_a_session_tells_its_connector_and_its_id(world: World) -> None:
    world.tell(SessionShown(rest_session()), SessionEnded())
    await world.post("/sessions", examples.SESSION_REQUEST_WITH_TAG)
    act = the_act(world)
    assert (act.charger_id, act.idx, act.made) == ("CP001", 1, {"sessionId": NEW_ID})
    assert json.loads(act.body_json or "")["idTag"] == "04A2***"
    world.desk.view.sessions[OLD_ID] = ocpp_session()
    await world.post(f"/sessions/{OLD_ID}/stop")
    act = world.audit.entries[0]
    assert (act.operation, act.charger_id, act.idx, act.status) == ("POST /sessions/{id}/stop", "CP001", 1, 204)


async def test_a_closed_transaction_tells_its_end(world: World) -> None:
    world.store.transactions[7] = stored.ended("s7", 7, meter_stop_wh=350)
    world.tell(SessionEnded())
    await world.post("/transactions/7/close", {"reason": "stolen"})
    act = the_act(world)
    assert (act.charger_id, act.idx) == (stored.ended("s7", 7).charger_id, stored.ended("s7", 7).idx)
    assert act.changes == ("transaction 7: running → ended at 350 Wh",)
    assert act.body_json == '{"reason":"stolen"}'


async def test_an_id_tag_tells_what_changed_and_is_shortened_everywhere(world: World) -> None:
    tag = "/id-tags/04A2B3C4D5E680"
    await world.client.put(tag, json={"parentIdTag": "PARENT-OF-MANY"})
    await world.client.put(tag, json={"parentIdTag": "PARENT-OF-NONE", "blocked": True, "note": "lost"})
    await world.client.put(tag, json={"blocked": True, "version": 9})
    await world.client.delete(tag)
    await world.client.delete(tag)
    acts = list(reversed(world.audit.entries))
    assert [(act.status, act.changes) for act in acts] == [
        (200, ("not listed → listed",)),
        (200, ("blocked: false → true", 'note: "" → "lost"', "group: changed")),
        (409, ()),
        (204, ("listed → not listed",)),
        (404, ()),
    ]
    assert {act.resource for act in acts} == {"/id-tags/04A2***"}
    assert json.loads(acts[1].body_json or "") == {"parentIdTag": "PARE***", "blocked": True, "note": "lost"}
    for secret in ("B3C4D5E680", "NT-OF-"):
        assert secret not in repr(world.audit.written)


async def test_a_list_of_tags_tells_how_many(world: World) -> None:
    headers = {"Content-Type": "text/csv"}
    await world.client.post("/id-tags/import?replace=true", content="idTag\nA1\nA2\n", headers=headers)
    act = the_act(world)
    assert (act.query, act.changes) == ({"replace": "true"}, ("2 added, 0 changed, 0 removed",))
    assert act.body_json is None


async def test_a_campaign_tells_its_id_then_its_state(world: World) -> None:
    world.store.campaigns[CampaignId("k1")] = stored.HALTED_CAMPAIGN
    have_chargers(world)
    world.tell(CampaignShown(stored.CAMPAIGN), CampaignShown(replace(stored.CAMPAIGN, state=CampaignState.STOPPED)))
    body = {"location": "ftp://user:canary@files.example/x", "atATime": 1, "chargers": ["CP001"]}
    assert (await world.post("/campaigns", body)).status_code == 200
    assert (await world.post("/campaigns/k1/stop")).status_code == 200
    stopped, begun = world.audit.entries
    assert begun.made == {"campaignId": "k1"}
    assert "canary" not in (begun.body_json or "canary")
    assert stopped.changes == ("state: halted → stopped",)


async def test_makes_tell_what_was_known_and_is(world: World) -> None:
    make = Make(*(examples.MAKES["makes"][0][key] for key in ("vendor", "model", "firmwareVersion")))
    world.tell(MakesShown({make: Learnt(tenths=True)}))
    assert (await world.post("/makes", examples.MAKES)).status_code == 200
    first = the_act(world).changes[0]
    assert first.startswith(f"{' '.join(make)}: unknown → {{")


@pytest.mark.parametrize(("on", "changes"), [(True, ("safe mode: on → off",)), (False, ())])
async def test_the_end_of_safe_mode_tells_whether_there_was_one(
    world: World, changes: tuple[str, ...], *, on: bool
) -> None:
    if on:
        world.desk.view.notices = {"safe_mode": Alarm("safe_mode", "", "broken", 1)}
    await world.post("/station/safe-mode/end")
    assert (the_act(world).changes, the_act(world).status) == (changes, 204)


# --- secrets and bounds -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("ChangeConfiguration", {"key": "AuthorizationKey", "value": "canary"}),
        ("ChangeConfiguration", {"key": "VendorPassword", "value": "canary"}),
        ("DataTransfer", {"vendorId": "V", "data": "canary"}),
        ("GetDiagnostics", {"location": "ftp://user:canary@host/"}),
        ("RemoteStartTransaction", {"idTag": "1234canary"}),
        ("ReserveNow", {"connectorId": 1, "expiryDate": "2030-01-01T00:00:00Z", "idTag": "1234canary",
                        "parentIdTag": "1234canary", "reservationId": 1}),
        ("SendLocalList", {"listVersion": 1, "updateType": "Full",
                           "localAuthorizationList": [{"idTag": "1234canary"}]}),
    ],
)  # fmt: skip
async def test_secrets_are_not_in_it(world: World, action: str, body: dict[str, Any]) -> None:
    world.tell(Refused(Refusal.COMMAND_REFUSED, "no"))
    answer = await world.post(f"{COMMAND}/{action}", body)
    assert answer.status_code == 409, answer.text
    assert the_act(world).body_json is not None
    assert "canary" not in repr(world.audit.written)


def test_a_secret_in_a_configuration_is_not_in_its_changes() -> None:
    request = Request({"type": "http", "headers": []})
    auditing.act_of(request).changed(['$.x: {"AuthorizationKey":"canary"} → {"AuthorizationKey":"canary"}'])
    shown = auditing._shown_changes(auditing.act_of(request).changes)
    assert shown == ('$.x: {"AuthorizationKey":"***"} → {"AuthorizationKey":"***"}',)


async def test_a_long_body_is_left_out_and_many_changes_are_cut(world: World) -> None:
    world.tell(Refused(Refusal.COMMAND_REFUSED, "no"))
    tags = [{"idTag": f"TAG{number:017}"} for number in range(BODY_CHARS_MAX // 20)]
    body = {"listVersion": 1, "updateType": "Full", "localAuthorizationList": tags}
    assert (await world.post(f"{COMMAND}/SendLocalList", body)).status_code == 409
    assert the_act(world).body_json is None
    lines = auditing._shown_changes(["x" * 9_000] * (CHANGES_MAX + 2))
    assert (len(lines), len(lines[0]), lines[-1]) == (CHANGES_MAX + 1, auditing.TEXT_CHARS_MAX, "… and 2 more")


async def test_a_very_long_path_is_cut(world: World) -> None:
    assert (await world.client.post(f"/sessions/{'x' * 9_000}/stop")).status_code == 404
    assert len(the_act(world).resource) == auditing.TEXT_CHARS_MAX


# --- looking at it ----------------------------------------------------------------------------------------------------


async def test_acts_are_shown(world: World) -> None:
    world.tell(Refused(Refusal.COMMAND_REFUSED, "no"))
    await world.client.post(f"{COMMAND}/ClearCache?force=true", json={})
    await world.client.delete("/id-tags/04A2B3C4D5E680")
    at = "2026-01-01T00:00:00.000Z"
    assert (await world.client.get("/audit")).json() == {
        "audit": [
            {
                "id": 2,
                "at": at,
                "by": {"address": "127.0.0.1"},
                "operation": "DELETE /id-tags/{idTag}",
                "resource": "/id-tags/04A2***",
                "outcome": "refused",
                "status": 404,
                "reason": "This id tag is not listed.",
                "answeredAt": at,
            },
            {
                "id": 1,
                "at": at,
                "by": {"address": "127.0.0.1"},
                "operation": "POST /chargers/{chargerId}/commands/ClearCache",
                "resource": "/chargers/CP001/commands/ClearCache",
                "chargerId": "CP001",
                "query": {"force": "true"},
                "body": {},
                "outcome": "refused",
                "status": 409,
                "reason": "No.",
                "answeredAt": at,
            },
        ]
    }


async def test_lists_are_paged_and_filtered(world: World) -> None:
    for _ in range(3):
        await world.client.delete("/id-tags/X")
    wanted = {
        "from": "2026-01-01T00:00:00Z",
        "to": "2026-01-01T01:00:00+01:00",
        "charger": "CP001",
        "operation": "DELETE /id-tags/{idTag}",
        "limit": "2",
        "cursor": f"{NOW_MS}-9",
    }
    answer = await world.client.get("/audit", params=wanted)
    assert answer.status_code == 200, answer.text
    assert world.audit.asked == [
        (AuditFilter(ChargerId("CP001"), "DELETE /id-tags/{idTag}", NOW_MS, NOW_MS), AuditPosition(NOW_MS, 9), 2)
    ]
    assert answer.json()["nextCursor"] == f"{NOW_MS}-2"
    assert "nextCursor" not in (await world.client.get("/audit?limit=4")).json()


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=501",
        "cursor=7",
        "cursor=x-1",
        "from=yesterday",
        "to=",
        "operation=Reset",
        "operation=GET /audit",
    ],
)
async def test_lists_refuse_what_they_do_not_know(world: World, query: str) -> None:
    answer = await world.client.get(f"/audit?{query}")
    faults = assert_problem(answer, Kind.INVALID)["faults"]
    assert [fault["path"] for fault in faults] == [f"?{query.partition('=')[0]}"]


async def test_an_audit_that_cannot_be_read(world: World) -> None:
    world.audit.refuses_from = 0
    assert_problem(await world.client.get("/audit"), Kind.STORE_UNAVAILABLE)


def have_chargers(world: World) -> None:
    for name in ("CP001", "CP002", "CP003"):
        world.desk.view.chargers[ChargerId(name)] = charger_view(name)


def _app_of(world: World) -> FastAPI:
    transport = world.client._transport
    assert isinstance(transport, httpx2.ASGITransport)
    assert isinstance(transport.app, FastAPI)
    return transport.app
