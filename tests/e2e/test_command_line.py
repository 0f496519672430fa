"""`csms command`, `commands` and `campaigns`: asked from the command line, answered by a charger, told to the end."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from simulators.car import Car
from simulators.cars import flat_car
from tests.e2e.chargers import QUICK, SimulatedCharger, by_hand, simulated
from tests.e2e.programs import Ended, Server, charger, program, run, serving, station, until

pytestmark = pytest.mark.e2e

STATION = station(400, charger("CP001", 100), charger("CP002", 50, connectors=1), charger("CP003", 50, connectors=1))
FIRMWARE = ("--location", "https://files.example/fw-2.2.bin")


async def csms(server: Server, folder: Path, *arguments: str, stdin: str = "") -> Ended:
    ended = await run(folder, "csms", *arguments, "--url", server.url, stdin=stdin)
    assert "Traceback" not in ended.err
    return ended


def words(ended: Ended) -> list[str]:
    """Return the last words of each line that says how far a command has come."""
    return [line.partition(": ")[2] for line in ended.out.splitlines() if line.startswith("CP00")][1:]


async def test_a_command_is_followed_to_its_end_and_a_campaign_charger_by_charger(tmp_path: Path) -> None:
    async with serving(tmp_path, config=STATION) as server:
        await nothing_is_sent_that_cannot_be(server, tmp_path)
        later = (datetime.now(UTC) + timedelta(minutes=10)).isoformat()
        arguments = ("command", "CP001", "GetConfiguration", "key=HeartbeatInterval", "key=Nonsense")
        async with program(tmp_path, "csms", *arguments, "--queue-until", later, "--url", server.url) as waiting:
            await waiting.says("CP001 GetConfiguration: queued")
            async with simulated(server.ocpp_url, "CP001") as cars:
                await it_was_queued_until_its_charger_came(await waiting.wait(), cars)
                await cars.provisioned()
                await every_end(server, tmp_path, cars)
                await what_was_asked(server, tmp_path)
                await campaigns(server, tmp_path)


async def nothing_is_sent_that_cannot_be(server: Server, folder: Path) -> None:
    """Be told what is wrong, and what to do about it; the server has no command of it."""
    offline = await csms(server, folder, "command", "CP001", "ClearCache")
    assert (offline.status, "503" in offline.err, "add --queue-until 20" in offline.err) == (1, True, True)
    missing = await csms(server, folder, "command", "CP001", "Reset")
    assert (missing.status, missing.out) == (1, "")
    assert "$.type: is missing" in missing.err
    assert "for example: csms command CP001 Reset type=Soft" in missing.err
    nobody = await csms(server, folder, "command", "CP009", "ClearCache")
    assert (nobody.status, "csms chargers list" in nobody.err) == (1, True)
    mistyped = await csms(server, folder, "command", "CP001", "reset", "type=Soft")
    assert (mistyped.status, "did you mean Reset?" in mistyped.err) == (2, True)
    listed = await csms(server, folder, "command", "CP001")
    assert (listed.status, listed.out.count("\nReset ")) == (0, 1)
    assert (await server.get("/commands"))["commands"] == []


async def it_was_queued_until_its_charger_came(ended: Ended, cars: SimulatedCharger) -> None:
    assert (ended.status, ended.err) == (0, ""), f"{ended.out}{cars.story()}"
    assert (words(ended)[0], words(ended)[-1]) == ("queued; it has not left yet", "accepted")
    assert "  key                value  read only\n  HeartbeatInterval  " in ended.out
    assert "  it does not know: Nonsense\n" in ended.out


async def every_end(server: Server, folder: Path, cars: SimulatedCharger) -> None:
    """Be told yes, no and that it is not known, and wait for what an acceptance has promised."""
    changed = await csms(
        server, folder, "command", "CP001", "ChangeConfiguration", "key=HeartbeatInterval", "value=300"
    )
    assert (changed.status, words(changed)[-1]) == (0, "accepted")
    assert cars.received("ChangeConfiguration")[-1].payload == {"key": "HeartbeatInterval", "value": "300"}

    rejected = await csms(server, folder, "command", "CP001", "ClearCache")
    assert (rejected.status, words(rejected)[-1]) == (1, "rejected")
    unknown = await csms(server, folder, "command", "CP001", "UnlockConnector", "connectorId=1")
    assert (unknown.status, words(unknown)[-1]) == (1, "not supported")
    assert "csms command CP001 GetConfiguration" in unknown.err

    document = json.dumps({"connectorId": 1, "duration": 60})
    schedule = await csms(server, folder, "command", "CP001", "GetCompositeSchedule", "--body", "-", stdin=document)
    assert (schedule.status, words(schedule)[-1]) == (0, "accepted")
    assert "\n  from s  limit W  phases\n  0       0" in schedule.out

    connector = cars.connector(1)
    cars.charger.sessions.plug(connector, Car(flat_car(150_000), connector.supply, temper=QUICK))
    start = ("RemoteStartTransaction", "idTag=04112233", "connectorId=1")
    started = await csms(server, folder, "command", "CP001", *start)
    assert (started.status, words(started)[-1]) == (0, "accepted, and a transaction has started"), cars.story()
    assert cars.received(start[0])[-1].payload == {"idTag": "04112233", "connectorId": 1}
    named = f"transactionId={await until(lambda: cars.transaction_id(1), cars.story)}"
    stopped = await csms(server, folder, "command", "CP001", "RemoteStopTransaction", named)
    assert (stopped.status, words(stopped)[-1]) == (0, "accepted, and the transaction has ended")
    cars.charger.sessions.unplug(connector)
    cars.link.nudge()

    left = await csms(server, folder, "command", "CP001", "Reset", "type=Hard", "--wait", "0")
    assert (left.status, "the wait is over, and it goes on" in left.err) == (1, True)
    name = left.err.split()[-1]

    async def booted() -> bool:
        told = await csms(server, folder, "commands", name)
        assert told.status == 0
        return told.out.startswith("CP001 Reset: accepted, and it has booted\n")

    await until(booted, cars.story)


async def what_was_asked(server: Server, folder: Path) -> None:
    """See the commands, the newest first; and one, with its payload and its answer."""
    listed = await csms(server, folder, "commands", "--charger", "CP001", "--limit", "3")
    rows = [line.split() for line in listed.out.splitlines()]
    assert (listed.status, [row[3] for row in rows[1:]]) == (
        0,
        ["Reset", "RemoteStopTransaction", "RemoteStartTransaction"],
    )
    assert "more with --limit" in listed.err
    only = await csms(server, folder, "commands", "--state", "rejected")
    assert [line.split()[3:5] for line in only.out.splitlines()[1:]] == [["ClearCache", "rejected"]]
    one = await csms(server, folder, "commands", rows[-1][0])
    assert (one.status, "\npayload\n  idTag: 04112233\n  connectorId: 1\n" in one.out) == (0, True)
    none = await csms(server, folder, "commands", "nonsense")
    assert (none.status, "404" in none.err) == (1, True)


async def campaigns(server: Server, folder: Path) -> None:
    """Have one charger install; have the next fail, which halts it, and skip the third."""
    async with (
        by_hand(server.ocpp_url, "CP002", {"UpdateFirmware": "InternalError"}) as failing,
        by_hand(server.ocpp_url, "CP003", {"UpdateFirmware": {}}) as third,
    ):
        await failing.boot()
        await third.boot()
        everybody = ("campaigns", "start", "CP001", "CP002", "CP003", *FIRMWARE, "--name", "2.2", "--follow")
        halted = await csms(server, folder, *everybody)
        assert halted.status == 1, halted.out
        assert "  CP001: installed\n" in halted.out
        assert "  CP002: failed: " in halted.out
        assert "\n  csms campaigns resume " in halted.err
        name = halted.err.split()[-1]
        shown = await csms(server, folder, "campaigns", "show", name)
        states = [line.split()[:2] for line in shown.out.splitlines() if line.startswith("CP00")]
        assert (shown.status, states) == (0, [["CP001", "installed"], ["CP002", "failed"], ["CP003", "waiting"]])
        stopped = await csms(server, folder, "campaigns", "stop", name)
        assert (stopped.status, "1 skipped" in stopped.out) == (0, True)
        assert (await csms(server, folder, "campaigns", "resume", name)).status == 1
        listed = await csms(server, folder, "campaigns", "list")
        assert (listed.status, f"{name}  " in listed.out, "  2.2   stopped  " in listed.out) == (0, True, True)
        assert all(action != "UpdateFirmware" for action, _ in third.received)
