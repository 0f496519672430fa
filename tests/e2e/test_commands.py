"""Operators' commands over real sockets: every outcome that one can have, and the server killed in between.

The simulated charger answers honestly; what no honest charger does, one played by hand does.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api.command_schemas import EXAMPLES
from api.security_schemas import EXAMPLES as SECURITY_EXAMPLES
from simulators.car import Car
from simulators.cars import flat_car
from tests.e2e.chargers import QUICK, TAG, HandCharger, by_hand, simulated
from tests.e2e.programs import Server, charger, serving, station, until

pytestmark = pytest.mark.e2e

STATION = station(400, charger("CP001", 100))
ONE = station(400, charger("CP001", 100, connectors=1))


async def command(
    server: Server, action: str, body: object = None, *, status: int = 200, wait: int = 30, **query: str
) -> dict[str, Any]:
    """Ask for a command and return it, or the problem."""
    payload = {} if body is None else body
    answer = await server.post(f"/chargers/CP001/commands/{action}", payload, wait=str(wait), **query)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    shown: dict[str, Any] = found.get("command", found)
    return shown


async def heard(hand: HandCharger) -> None:
    """Have the charger accepted, and everything that the server wants of it first asked for."""
    await hand.boot()
    await hand.asked("SetChargingProfile")


ANSWERS = {
    "UnlockConnector": "not_supported",
    "ChangeAvailability": "accepted",
    "ClearCache": "rejected",
    "TriggerMessage": "accepted",
    "GetConfiguration": "accepted",
    "ChangeConfiguration": "accepted",
    "DataTransfer": "rejected",
    "RemoteStopTransaction": "rejected",
    "GetCompositeSchedule": "accepted",
    "GetDiagnostics": "not_supported",
    "GetLocalListVersion": "accepted",
    "SendLocalList": "accepted",
    "ReserveNow": "rejected",
    "CancelReservation": "rejected",
    "ClearChargingProfile": "rejected",
}
"""What the simulated charger says to the example of each action."""
ELSEWHERE = {"Reset", "RemoteStartTransaction", "SetChargingProfile", "UpdateFirmware"}
"""What further tests ask for; so are the actions of the security whitepaper (`test_security_commands`)."""


async def test_every_action_reaches_a_charger_and_is_answered(tmp_path: Path) -> None:
    async with serving(tmp_path, config=STATION) as server, simulated(server.ocpp_url, "CP001") as cars:
        await cars.provisioned()
        examples = {model.__name__: body for model, body in EXAMPLES.items() if model.__name__ in ANSWERS}
        assert {model.__name__ for model in EXAMPLES.keys() - SECURITY_EXAMPLES.keys()} - ANSWERS.keys() == ELSEWHERE
        examples["GetCompositeSchedule"] = {"connectorId": 1, "duration": 60}
        for action, body in examples.items():
            shown = await command(server, action, body)
            assert shown["state"] == ANSWERS[action], f"{shown}\n{cars.story()}"
            assert cars.received(action)[-1].payload == body
        listed = (await server.get("/commands?charger=CP001&limit=500"))["commands"]
        assert [one["action"] for one in reversed(listed)] == list(examples)
        assert (await server.get(f"/commands/{listed[0]['id']}"))["command"]["answerBody"] == {"status": "Unknown"}


async def test_what_really_came_of_it_is_waited_for(tmp_path: Path) -> None:
    async with serving(tmp_path, config=STATION) as server, simulated(server.ocpp_url, "CP001") as cars:
        await cars.provisioned()
        connector = cars.connector(1)
        cars.charger.sessions.plug(connector, Car(flat_car(150_000), connector.supply, temper=QUICK))
        started = await command(server, "RemoteStartTransaction", {"idTag": TAG, "connectorId": 1})
        assert (started["outcome"]["what"], started["outcome"]["state"]) == ("transaction_started", "happened")
        transaction_id = await until(lambda: cars.transaction_id(1), cars.story)
        later = await command(
            server, "ChangeAvailability", {"connectorId": 1, "type": "Inoperative"}, status=202, wait=0
        )
        await until(lambda: cars.received("ChangeAvailability"), cars.story)
        stopped = await command(server, "RemoteStopTransaction", {"transactionId": transaction_id})
        assert stopped["outcome"]["state"] == "happened"
        cars.charger.sessions.unplug(connector)
        cars.link.nudge()
        boots = len(cars.sent("BootNotification"))
        reset = await command(server, "Reset", {"type": "Hard"})
        assert (reset["outcome"]["what"], reset["outcome"]["state"]) == ("boot", "happened")
        assert len(cars.sent("BootNotification")) == boots + 1

        async def is_out_of_service() -> bool:
            found = (await server.get(f"/commands/{later['id']}"))["command"]
            return bool(found["answer"] == "Scheduled" and found["outcome"]["state"] == "happened")

        await until(is_out_of_service, cars.story)


async def test_an_error_is_told_by_its_code(tmp_path: Path) -> None:
    answers = {"ClearCache": "InternalError", "UnlockConnector": "NotImplemented"}
    async with serving(tmp_path, config=ONE) as server, by_hand(server.ocpp_url, "CP001", answers) as hand:
        await heard(hand)
        failed = await command(server, "ClearCache")
        assert (failed["state"], failed["answer"]) == ("failed", "InternalError")
        unsupported = await command(server, "UnlockConnector", {"connectorId": 1})
        assert (unsupported["state"], unsupported["answer"]) == ("not_supported", "NotImplemented")


async def test_silence_and_a_connection_that_ends_and_a_charger_that_is_away(tmp_path: Path) -> None:
    async with serving(tmp_path, config=ONE) as server:
        offline = await command(server, "ClearCache", status=503)
        assert offline["title"] == "Charger offline"
        until_time = (datetime.now(UTC) + timedelta(minutes=10)).isoformat()
        queued = await command(server, "ClearCache", status=202, wait=0, queueUntil=until_time)
        assert queued["state"] == "queued"
        async with by_hand(
            server.ocpp_url, "CP001", {"ClearCache": {"status": "Accepted"}, "UnlockConnector": None}
        ) as hand:
            await heard(hand)
            await hand.asked("ClearCache")
            silent = await command(server, "UnlockConnector", {"connectorId": 1})
            assert silent["state"] == "timed_out"
        async with by_hand(server.ocpp_url, "CP001", {"Reset": None}) as hand:
            await heard(hand)
            left = await command(server, "Reset", {"type": "Soft"}, status=202, wait=0)
            await hand.asked("Reset")

        async def state(name: str) -> str:
            return str((await server.get(f"/commands/{name}"))["command"]["state"])

        async def is_unknown() -> bool:
            return await state(left["id"]) == "unknown"

        await until(is_unknown, "the command on the connection that ended is unknown")
        assert await state(queued["id"]) == "accepted"


async def test_a_server_that_is_killed_never_says_it_twice(tmp_path: Path) -> None:
    until_time = (datetime.now(UTC) + timedelta(minutes=10)).isoformat()
    async with serving(tmp_path, config=ONE) as server, by_hand(server.ocpp_url, "CP001", {"Reset": None}) as hand:
        await heard(hand)
        reset = await command(server, "Reset", {"type": "Soft"}, status=202, wait=0, queueUntil=until_time)
        behind = await command(server, "ClearCache", status=202, wait=0, queueUntil=until_time)
        await hand.asked("Reset")
        server.kill_now()
        await server.wait()
    answers = {"Reset": None, "ClearCache": {"status": "Accepted"}}
    async with serving(tmp_path, config=None) as server, by_hand(server.ocpp_url, "CP001", answers) as hand:
        await heard(hand)
        await hand.asked("ClearCache")
        states = {one["id"]: one["state"] for one in (await server.get("/commands"))["commands"]}
        assert states[reset["id"]] == "unknown"
        assert behind["id"] in states
        assert [name for name, _ in hand.received if name == "Reset"] == []
