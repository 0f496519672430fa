"""Maintenance over real sockets: what runs goes on, nobody new begins, the server is killed, and it ends as told.

The first charger is simulated, with a car; after the kill its place is taken by one that is played by hand.
"""

from pathlib import Path
from typing import Any

import pytest

from simulators.car import Car
from simulators.cars import flat_car
from tests.e2e.chargers import QUICK, TAG, by_hand, simulated
from tests.e2e.programs import Server, charger, run, serving, station, until

pytestmark = pytest.mark.e2e

SITE = station(400, charger("CP001", 100, connectors=2))
WHOLE = "/chargers/CP001/maintenance"
SECOND = "/chargers/CP001/connectors/2/maintenance"
REASON = "The cable is being replaced"
SESSION = {"connectorId": {"chargerId": "CP001", "idx": 2}, "vehicleMaxPower": 50}
ANSWERS: dict[str, Any] = {
    "ChangeAvailability": {"status": "Accepted"},
    "RemoteStartTransaction": {"status": "Accepted"},
    "SetChargingProfile": {"status": "Accepted"},
    "ClearChargingProfile": {"status": "Unknown"},
    "TriggerMessage": {"status": "Rejected"},
    "ChangeConfiguration": {"status": "Accepted"},
    "GetConfiguration": {"configurationKey": [], "unknownKey": []},
}


async def shown(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = (await server.get("/chargers/CP001"))["charger"]
    return found


async def refused(server: Server) -> str:
    answer = await server.post("/sessions", SESSION)
    assert answer.status_code == 409, answer.text
    error: str = answer.json()["error"]
    return error


async def test_it_is_in_force_over_a_kill_until_it_is_taken_away(tmp_path: Path) -> None:
    async with serving(tmp_path, config=SITE) as server:
        await _marks_it_while_a_car_charges(server)
        server.kill_now()
        await server.wait()
        logged = str(server.log())
        assert ("ftp://***@host/plan" in logged, "hunter2" in logged) == (True, False)
    async with serving(tmp_path) as server, by_hand(server.ocpp_url, "CP001", ANSWERS) as hand:
        marked = (await shown(server))["connectors"][1]["maintenance"]
        assert (marked["reason"], marked["availability"]["state"]) == (REASON, "accepted")
        assert await refused(server) == f"The charger is under maintenance: {REASON}."
        await hand.boot(2)
        await hand.status(2, "Unavailable")
        assert (await server.rest.delete(WHOLE)).status_code == 204
        assert await refused(server) == f"Connector 2 is under maintenance: {REASON}."
        assert (await server.rest.delete(SECOND)).status_code == 204
        assert (await hand.asked("ChangeAvailability")) == {"connectorId": 2, "type": "Operative"}

        async def is_over() -> bool:
            return "maintenance" not in (await shown(server))["connectors"][1]

        await until(is_over, "Operative was accepted")
        (told, *_) = (await server.get("/commands?charger=CP001"))["commands"]
        assert (told["action"], told["state"]) == ("ChangeAvailability", "accepted")
        started = await server.post("/chargers/CP001/commands/RemoteStartTransaction", {"connectorId": 2, "idTag": TAG})
        assert started.status_code in {200, 202}
        await _says_it_from_the_command_line(server, tmp_path)
        acts = (await server.get("/audit"))["audit"]
        about = [(act["operation"].split()[0], act.get("changes")) for act in acts if "maintenance" in act["operation"]]
        assert about[3:] == [
            ("DELETE", [f"maintenance: {REASON} → none"]),
            ("DELETE", [f"maintenance: {REASON} → none"]),
            ("PUT", [f"maintenance: none → {REASON}"]),
            ("PUT", [f"reason: see ftp://***@host/plan → {REASON}"]),
            ("PUT", ["maintenance: none → see ftp://***@host/plan"]),
        ]


async def _marks_it_while_a_car_charges(server: Server) -> None:
    async with simulated(server.ocpp_url, "CP001") as cars:
        await cars.provisioned()
        connector = cars.connector(1)
        cars.start(1, Car(flat_car(150_000), connector.supply, temper=QUICK))
        await until(lambda: connector.power_w > 80_000, cars.story)
        booked = (await shown(server))["bookedPower"]
        secret = {"reason": "see ftp://bob:hunter2@host/plan"}
        assert (await server.rest.put(WHOLE, json=secret)).status_code == 200
        assert (await server.rest.put(WHOLE, json={"reason": REASON})).status_code == 200
        marked = await server.rest.put(SECOND, json={"reason": REASON, "inoperative": True})
        assert marked.status_code == 200, marked.text
        await until(lambda: cars.received("ChangeAvailability"), cars.story)
        (told,) = cars.received("ChangeAvailability")
        assert told.payload == {"connectorId": 2, "type": "Inoperative"}

        async def is_shut() -> bool:
            second = (await shown(server))["connectors"][1]
            told = second["maintenance"]["availability"]["state"]
            return bool(second["status"] == "Unavailable" and told == "accepted")

        await until(is_shut, cars.story)
        assert await refused(server) == f"The charger is under maintenance: {REASON}."
        assert connector.power_w > 80_000, "what runs goes on"
        assert (await shown(server))["bookedPower"] == booked
        notices = {one["id"]: one for one in (await server.get("/alarms"))["alarms"]}
        assert notices["under_maintenance:CP001"]["cause"] == REASON
        assert notices["under_maintenance:CP001#2"]["severity"] == "notice"


async def _says_it_from_the_command_line(server: Server, folder: Path) -> None:
    command = ("csms", "chargers", "maintenance", "CP001")
    at = ("--connector", "1", "--url", server.url)
    marked = await run(folder, *command, *at, "--reason", "Door", "--until", "2098-11-27T16:00:00Z")
    said = "CP001 connector 1: under maintenance until 2098-11-27T16:00:00.000Z: Door\n"
    assert (marked.status, marked.out) == (0, said), marked.err
    listed = await run(folder, "csms", "chargers", "list", "--url", server.url)
    assert "1 Available (maintenance), 2 " in listed.out
    ended = await run(folder, *command, *at, "--end")
    assert (ended.status, ended.out) == (0, "CP001 connector 1: not under maintenance\n")
    unknown = await run(folder, *command, "--connector", "9", "--url", server.url, "--end")
    assert (unknown.status, "404" in unknown.err) == (1, True)
