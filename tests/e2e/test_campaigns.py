"""A firmware campaign over real sockets: one at a time, never in mid-charge, on after a kill, and no further than the
first failure.

The chargers are played by hand: what the campaign looks at is what they say, in an order that a test chooses.
"""

import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.chargers import TAG, HandCharger, by_hand
from tests.e2e.programs import Server, charger, serving, station, until

pytestmark = pytest.mark.e2e

IDS = ("CP001", "CP002", "CP003")
STATION = station(400, *(charger(name, 50, connectors=1) for name in IDS))
BODY: dict[str, Any] = {
    "location": "https://files.example/fw.bin",
    "atATime": 1,
    "retries": 2,
    "chargers": list(IDS),
}
UPDATES: dict[str, Any] = {"UpdateFirmware": {}}
BEGAN = {"connectorId": 1, "idTag": TAG, "meterStart": 0, "timestamp": "2026-11-26T10:00:00Z"}


async def states(server: Server, name: str) -> list[str]:
    shown = (await server.get(f"/campaigns/{name}"))["campaign"]
    return [one["state"] for one in shown["chargers"]]


async def reach(server: Server, name: str, wanted: list[str]) -> None:
    async def look() -> bool:
        return await states(server, name) == wanted

    await until(look, f"{wanted}")


async def firmware(hand: HandCharger, *words: str) -> None:
    for word in words:
        await hand.call("FirmwareStatusNotification", {"status": word})


def updates(hand: HandCharger) -> list[dict[str, Any]]:
    return [payload for action, payload in hand.received if action == "UpdateFirmware"]


async def campaign(server: Server, name: str) -> dict[str, Any]:
    shown: dict[str, Any] = (await server.get(f"/campaigns/{name}"))["campaign"]
    return shown


async def halting(server: Server) -> list[dict[str, Any]]:
    """Return the alarms of campaigns that have halted."""
    return [one for one in (await server.get("/alarms"))["alarms"] if one["kind"] == "campaign_halted"]


@contextlib.asynccontextmanager
async def site(tmp_path: Path, config: Mapping[str, Any] | None) -> AsyncIterator[tuple[Server, list[HandCharger]]]:
    """Serve the station and have its chargers connected, who take every update in; kill the server at the end."""
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving(tmp_path, config=config))
        hands = [await stack.enter_async_context(by_hand(server.ocpp_url, name, UPDATES)) for name in IDS]
        for hand in hands:
            await hand.boot()
        yield server, hands
        server.kill_now()
        await server.wait()


async def test_one_at_a_time_never_in_mid_charge_and_no_further_than_the_first_failure(tmp_path: Path) -> None:
    async with site(tmp_path, STATION) as (server, hands):
        name = await _passes_over_who_charges(server, hands)
        await _halts_at_the_first_failure(server, hands, name)
        assert (await server.post("/campaigns", BODY | {"chargers": ["CP003"]})).status_code == 409
        assert (await server.post(f"/campaigns/{name}/resume")).status_code == 200
        await hands[2].asked("UpdateFirmware")
        await firmware(hands[2], "Downloading")
        await reach(server, name, ["failed", "installed", "downloading"])
    async with site(tmp_path, None) as (server, hands):
        await _goes_on_after_a_kill(server, hands, name)


async def _passes_over_who_charges(server: Server, hands: list[HandCharger]) -> str:
    """The first has a car: the second is asked instead; its car goes, and it is next, when the second has installed."""
    charging, second, _ = hands
    started = await charging.call("StartTransaction", BEGAN)
    begun = await server.post("/campaigns", BODY)
    assert begun.status_code == 200, begun.text
    name = str(begun.json()["campaign"]["id"])
    asked = await second.asked("UpdateFirmware")
    assert (asked["location"], asked["retries"], "retrieveDate" in asked) == (BODY["location"], 2, True)
    await reach(server, name, ["waiting_for_cars", "asked", "waiting"])
    for words, state in ((["Downloading"], "downloading"), (["Downloaded", "Installing"], "installing")):
        await firmware(second, *words)
        await reach(server, name, ["waiting_for_cars", state, "waiting"])
    stop = {"transactionId": started["transactionId"], "meterStop": 900, "timestamp": "2026-11-26T10:30:00Z"}
    await charging.call("StopTransaction", stop)
    await charging.status(1, "Available")
    await reach(server, name, ["waiting", "installing", "waiting"])
    assert updates(charging) == []
    await firmware(second, "Installed")
    await charging.asked("UpdateFirmware")
    await reach(server, name, ["asked", "installed", "waiting"])
    return name


async def _halts_at_the_first_failure(server: Server, hands: list[HandCharger], name: str) -> None:
    """The first fails to install: the campaign says so, an alarm names it, and the third is not begun."""
    await firmware(hands[0], "Downloading", "Downloaded", "Installing", "InstallationFailed")
    await reach(server, name, ["failed", "installed", "waiting"])
    shown = await campaign(server, name)
    assert (shown["state"], shown["halted"]["chargerId"]) == ("halted", "CP001")
    (alarm,) = await halting(server)
    assert (alarm["chargerId"], alarm["severity"]) == ("CP001", "alarm")
    assert "1 of 3 chargers were not begun" in alarm["cause"]
    commands = [one["commandIds"] for one in shown["chargers"]]
    assert [len(ids) for ids in commands] == [1, 1, 0]
    failed = (await server.get(f"/commands/{commands[0][0]}"))["command"]
    assert (failed["action"], failed["outcome"]["state"]) == ("UpdateFirmware", "failed")
    await hands[2].status(1, "Available")
    assert [len(updates(hand)) for hand in hands] == [1, 1, 0]


async def _goes_on_after_a_kill(server: Server, hands: list[HandCharger], name: str) -> None:
    """Nobody is asked twice, and what the third says after its boot is its outcome."""
    assert await states(server, name) == ["failed", "installed", "downloading"]
    await firmware(hands[2], "Installed")
    await reach(server, name, ["failed", "installed", "installed"])
    shown = (await server.get("/campaigns"))["campaigns"]
    assert [(one["id"], one["state"]) for one in shown] == [(name, "done")]
    assert [updates(hand) for hand in hands] == [[], [], []]
    assert await halting(server) == []
    assert (await server.post(f"/campaigns/{name}/stop")).status_code == 409


async def test_a_charger_that_may_have_been_told_when_the_server_ended_is_not_told_again(tmp_path: Path) -> None:
    silent: dict[str, Any] = {"UpdateFirmware": None}
    async with (
        serving(tmp_path, config=STATION) as server,
        by_hand(server.ocpp_url, "CP001", silent) as first,
        by_hand(server.ocpp_url, "CP002", silent) as second,
    ):
        await first.boot()
        await second.boot()
        begun = await server.post("/campaigns", BODY | {"chargers": ["CP001", "CP002"]})
        name = begun.json()["campaign"]["id"]
        await first.asked("UpdateFirmware")
        server.kill_now()
        await server.wait()
    async with (
        serving(tmp_path, config=None) as server,
        by_hand(server.ocpp_url, "CP001", UPDATES) as first,
        by_hand(server.ocpp_url, "CP002", UPDATES) as second,
    ):
        await first.boot()
        await second.boot()
        await reach(server, name, ["failed", "waiting"])
        shown = await campaign(server, name)
        assert (shown["state"], shown["halted"]["chargerId"]) == ("halted", "CP001")
        assert "nobody knows whether it was told" in shown["halted"]["reason"]
        assert len(await halting(server)) == 1
        assert (updates(first), updates(second)) == ([], [])
        stopped = await server.post(f"/campaigns/{name}/stop")
        assert [one["state"] for one in stopped.json()["campaign"]["chargers"]] == ["failed", "skipped"]
