"""Chargers' local lists over real sockets: whole, what has changed, whole again; not supported; killed in between."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from simulators.local_list import LocalList
from tests.e2e.chargers import HandCharger, SimulatedCharger, by_hand, simulated
from tests.e2e.programs import Server, charger, serving, station, until

pytestmark = pytest.mark.e2e

STATION = station(400, *(charger(name, 50, connectors=1) for name in ("CP001", "CP002", "CP003")))
LATER = "2099-01-01T00:00:00Z"
MANY = [f"04A{number:03}" for number in range(43)]
CSV = "\n".join(
    [
        "idTag,parentIdTag,expiryDate,blocked",
        *(f"{tag},,," for tag in MANY),
        f"04Anna,Fleet,{LATER},",
        "04Ben,Fleet,,true",
        "04Carl,,2021-01-01T00:00:00Z,",
    ]
)


async def local_list(server: Server, name: str, *, status: int = 200, **query: str) -> dict[str, Any]:
    """Have a list sent, and return it, or the problem."""
    answer = await server.post(f"/chargers/{name}/local-list", None, **query)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    shown: dict[str, Any] = found.get("localList", found)
    return shown


async def shown(server: Server, name: str) -> dict[str, Any]:
    found: dict[str, Any] = (await server.get(f"/chargers/{name}/local-list"))["localList"]
    return found


def lists(cars: SimulatedCharger) -> list[tuple[int, str, int]]:
    """Return version, kind and length of every list that a charger was sent."""
    bodies = [frame.payload for frame in cars.received("SendLocalList")]
    return [(b["listVersion"], b["updateType"], len(b.get("localAuthorizationList", []))) for b in bodies]


async def test_a_list_is_sent_changed_and_taken_away(tmp_path: Path) -> None:
    async with serving(tmp_path, config=STATION) as server:
        answer = await server.rest.post("/id-tags/import", content=CSV, headers={"Content-Type": "text/csv"})
        assert answer.status_code == 200, answer.text
        assert await shown(server, "CP001") == {"chargerId": "CP001", "state": "off", "current": False}
        assert (await local_list(server, "CP001", status=503))["title"] == "Charger offline"
        assert (await local_list(server, "CP009", status=404))["title"] == "Unknown charger"
        assert (await shown(server, "CP001"))["state"] == "off", "nothing was changed"
        soon = (datetime.now(UTC) + timedelta(minutes=10)).isoformat()
        assert (await local_list(server, "CP001", status=202, queueUntil=soon))["state"] == "sending"
        async with simulated(server.ocpp_url, "CP001", connectors=1) as cars:
            await _is_sent_in_parts(server, cars)
            await _follows_in_what_has_changed(server, cars)
            await _is_sent_whole_to_who_has_lost_it(server, cars)
            await _is_taken_away(server, cars)
        await _is_told_by_who_has_none(server)
        name = await _is_under_way_when_the_server_is_killed(server)
    async with serving(tmp_path, config=None) as server:
        await _goes_on_after_a_kill(server, name)


async def _is_sent_in_parts(server: Server, cars: SimulatedCharger) -> None:
    """It was asked for while its charger was away; SendLocalListMaxLength of the charger is 20."""

    async def is_held() -> bool:
        return bool((await shown(server, "CP001"))["state"] == "held")

    await until(is_held, cars.story)
    found = await shown(server, "CP001")
    assert (found["version"], found["idTags"], found["current"]) == (3, 44, True)
    assert (found["sendLocalListMaxLength"], found["localAuthListMaxLength"]) == (20, 200)
    assert lists(cars) == [(1, "Full", 20), (2, "Differential", 20), (3, "Differential", 4)]
    assert cars.charger.local_list.tags.keys() == {*MANY, "04ANNA"}
    anna = cars.charger.local_list.tags["04ANNA"]
    assert anna == {"status": "Accepted", "parent_id_tag": "Fleet", "expiry_date": LATER}


async def _follows_in_what_has_changed(server: Server, cars: SimulatedCharger) -> None:
    put = await server.rest.put(f"/id-tags/{MANY[0]}", json={"blocked": True})
    assert put.status_code == 200, put.text
    assert (await shown(server, "CP001"))["current"] is False
    found = await local_list(server, "CP001", wait="30")
    assert (found["state"], found["version"], found["current"]) == ("held", 4, True)
    assert lists(cars)[3:] == [(4, "Differential", 1)]
    assert MANY[0] not in cars.charger.local_list.tags
    raw = {"listVersion": 9, "updateType": "Full"}
    refused = await server.post("/chargers/CP001/commands/SendLocalList", raw)
    assert (refused.status_code, refused.json()["title"]) == (409, "Command refused")
    assert (await local_list(server, "CP001", wait="30"))["version"] == 4
    assert len(lists(cars)) == 4, "it had it already"


async def _is_sent_whole_to_who_has_lost_it(server: Server, cars: SimulatedCharger) -> None:
    cars.charger.local_list = LocalList()
    found = await local_list(server, "CP001", wait="30")
    assert (found["state"], found["version"]) == ("held", 7)
    assert lists(cars)[4:] == [(5, "Full", 20), (6, "Differential", 20), (7, "Differential", 3)]
    assert cars.charger.local_list.tags.keys() == {*MANY[1:], "04ANNA"}


async def _is_taken_away(server: Server, cars: SimulatedCharger) -> None:
    answer = await server.rest.delete("/chargers/CP001/local-list?wait=30")
    assert (answer.status_code, answer.json()["localList"]["state"]) == (200, "off")
    assert cars.charger.local_list.tags == {}
    raw = {"listVersion": 9, "updateType": "Full"}
    allowed = await server.post("/chargers/CP001/commands/SendLocalList", raw, wait="30")
    assert allowed.json()["command"]["state"] == "accepted"
    listed = (await server.get("/commands?charger=CP001&limit=500"))["commands"]
    assert {one["action"] for one in listed} == {"GetLocalListVersion", "GetConfiguration", "SendLocalList"}


async def _is_told_by_who_has_none(server: Server) -> None:
    none = {"GetLocalListVersion": {"listVersion": -1}}
    async with by_hand(server.ocpp_url, "CP002", none) as hand:
        await hand.boot()
        assert (await local_list(server, "CP002", wait="30"))["state"] == "not_supported"
        assert (await local_list(server, "CP002", status=409))["title"] == "No local list"
        assert asked(hand, "GetLocalListVersion") == 1, "it is remembered"
        again = await local_list(server, "CP002", again="true", wait="30")
        assert (again["state"], asked(hand, "GetLocalListVersion")) == ("not_supported", 2)
        assert asked(hand, "SendLocalList") == 0


def asked(hand: HandCharger, action: str) -> int:
    return [name for name, _ in hand.received].count(action)


async def _is_under_way_when_the_server_is_killed(server: Server) -> str:
    silent: dict[str, Any] = {"GetLocalListVersion": {"listVersion": 6}, "SendLocalList": None}
    async with by_hand(server.ocpp_url, "CP003", silent) as hand:
        await hand.boot()
        assert (await local_list(server, "CP003", status=202))["state"] == "sending"
        sent = await hand.asked("SendLocalList")
        assert (sent["listVersion"], sent["updateType"], len(sent["localAuthorizationList"])) == (7, "Full", 20)
        server.kill_now()
        await server.wait()
    return "CP003"


async def _goes_on_after_a_kill(server: Server, name: str) -> None:
    """The charger tells that it has taken the first part in: only the rest follows."""
    answers: dict[str, Any] = {"GetLocalListVersion": {"listVersion": 7}, "SendLocalList": {"status": "Failed"}}
    assert (await shown(server, name))["state"] == "sending"
    async with by_hand(server.ocpp_url, name, answers) as hand:
        await hand.boot()
        sent = await hand.asked("SendLocalList")
        assert (sent["listVersion"], sent["updateType"]) == (8, "Differential")

        async def is_given_up() -> bool:
            return bool((await shown(server, name))["state"] == "failed")

        await until(is_given_up, lambda: f"{hand.received}")
        found = await shown(server, name)
        assert found["reason"] == "begun 3 times: it answered a Full SendLocalList with Failed"
        kinds = [body["updateType"] for action, body in hand.received if action == "SendLocalList"]
        assert kinds == ["Differential", "Full", "Full"], "the first Full was before the kill"
