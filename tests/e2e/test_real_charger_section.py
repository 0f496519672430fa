"""README's section on connecting a real charger, followed word by word as a new user would, with a bare WebSocket.

The URLs to type and the reasons of refusals are taken out of the section's text: what it promises is what is tried, and
a reason that it names but nobody tries fails the test.
"""

import contextlib
import re
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from tests.e2e.chargers import OCPP16, by_hand
from tests.e2e.programs import ROOT, Server, charger, serving, station, until

pytestmark = pytest.mark.e2e

SECTION = (ROOT / "README.md").read_text("utf-8").partition("## Connecting a real charger\n")[2].partition("\n## ")[0]
TYPED = re.findall(r"`(ws://HOST:9000/[^`]*)`", SECTION)
REASONS = {
    reason
    for row in SECTION.splitlines()
    if row.startswith("| `")
    for reason in re.findall(r"`(\w+)`", row.split("|")[1])
}


def typed(template: str, server: Server, charger_id: str) -> str:
    """Return what a user types, with the host and the port of a server that is not on port 9000."""
    return template.replace("ws://HOST:9000", server.ocpp_url).replace("CHARGER_ID", charger_id)


async def knocks(server: Server) -> list[tuple[str, str]]:
    """Return who was refused and why, the latest first."""
    return [(one["chargerId"], one["reason"]) for one in (await server.get("/chargers/knocking"))["knocking"]]


async def test_the_url_to_type(tmp_path: Path) -> None:
    """With the id, without it when the charger adds it itself, with any path in front, as the charger spells it."""
    assert TYPED == ["ws://HOST:9000/CHARGER_ID", "ws://HOST:9000/"]
    with_id, without_id = TYPED
    config = station(100, charger("CP001", 50), charger("Hall 3 links", 50))
    async with serving(tmp_path, config=config) as server:
        for url in (
            typed(with_id, server, "CP001"),
            typed(without_id, server, "") + "CP001",
            typed(with_id, server, "steve/websocket/CentralSystemService/CP001"),
            typed(with_id, server, "CP001") + "/",
            typed(with_id, server, "Hall%203%20links"),
        ):
            base, _, charger_id = url.partition(server.ocpp_url)[2].rpartition("/")
            async with by_hand(f"{server.ocpp_url}{base}", charger_id) as hand:
                await hand.boot(2)
        assert await knocks(server) == []


async def test_the_printed_url_is_the_one_to_type(tmp_path: Path) -> None:
    """Also for an id that a URL cannot hold as it stands."""
    async with serving(tmp_path, config=station(100, charger("Hall 3 links", 50))) as server:
        url = (await server.says(r"type into a charger: (\S+)"))[1]
        async with by_hand(url.rpartition("/")[0], url.rpartition("/")[2]) as hand:
            await hand.boot(2)


async def test_let_chargers_reach_the_server(tmp_path: Path) -> None:
    """By default this machine's own address alone; then nothing is logged and nothing is listed."""
    another = "ws://127.0.0.2:"
    everywhere = "0.0.0.0"  # noqa: S104  # what the section says
    assert f"`--ocpp-host {everywhere}`" in SECTION
    async with serving(tmp_path) as server:
        with pytest.raises(OSError, match="Connect call failed"):
            await connect(f"{another}{server.ocpp_port}/CP001", subprotocols=[OCPP16], proxy=None)
        assert await knocks(server) == []
        assert "127.0.0.2" not in server.err
        await server.stop()
    async with (
        serving(tmp_path, arguments=("--ocpp-host", everywhere)) as server,
        by_hand(f"{another}{server.ocpp_port}", "CP001") as hand,
    ):
        await hand.boot(2)


REFUSED = station(
    100,
    charger("CP001", 50),
    charger("CP002", 50, control="rest"),
    charger("CP003", 50, control="none"),
    charger("CP004", 50, assumeOcpp16=True),
)

NOT_FOUND: list[tuple[str, str, str]] = [
    ("CP999", "CP999", "unknown_charger"),
    ("cp001", "cp001", "unknown_charger"),
    ("CP002", "CP002", "not_over_ocpp"),
    ("CP003", "CP003", "not_over_ocpp"),
    ("", "", "no_charger_id"),
    ("%FF", "", "malformed_charger_id"),
]
"""What stands at the end of the URL, the id under which it is listed, and the reason."""

CLOSED: list[tuple[list[Subprotocol] | None, str]] = [
    (None, "no_subprotocol"),
    ([Subprotocol("ocpp2.0.1")], "no_common_version"),
]
"""The subprotocols that a charger offers, and why it is closed at once."""

GUESTS = {"pending", "rejected", "too_many_guests"}
GUESTS_MAX = 128


async def test_what_is_seen_when_a_charger_is_refused(tmp_path: Path) -> None:
    assert {reason for _, _, reason in NOT_FOUND} | {reason for _, reason in CLOSED} | GUESTS == REASONS
    async with serving(tmp_path, config=REFUSED) as server:
        expected: list[tuple[str, str]] = []
        for segment, charger_id, reason in NOT_FOUND:
            with pytest.raises(InvalidStatus) as refused:
                await connect(typed(TYPED[0], server, segment), subprotocols=[OCPP16], proxy=None)
            assert refused.value.response.status_code == 404
            expected.insert(0, (charger_id, reason))
        for offered, reason in CLOSED:
            async with connect(typed(TYPED[0], server, "CP001"), subprotocols=offered, proxy=None) as socket:
                with pytest.raises(ConnectionClosed) as closed:
                    await socket.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1002
            expected.insert(0, ("CP001", reason))
        assert await knocks(server) == expected
        logged = [line for line in server.log() if line["event"] == "handshake.refused"]
        assert [(line["charger_id"], line["reason"]) for line in reversed(logged)] == expected
        assert await server.sessions() == {}


@pytest.mark.parametrize(("policy", "reason"), [("pending", "pending"), ("reject", "rejected")])
async def test_what_is_seen_when_chargers_that_are_not_configured_may_connect(
    tmp_path: Path, policy: str, reason: str
) -> None:
    assert "`--unknown-chargers`" in SECTION
    assert f"{GUESTS_MAX} chargers that are not configured" in SECTION
    boot = {"chargePointVendor": "V", "chargePointModel": "M"}
    async with serving(tmp_path, config=REFUSED, arguments=("--unknown-chargers", policy)) as server:
        async with by_hand(server.ocpp_url, "CP999") as stranger:
            assert (await stranger.call("BootNotification", boot))["status"].lower() == reason
        (knock,) = (await server.get("/chargers/knocking"))["knocking"]
        assert (knock["reason"], knock["vendor"], knock["model"]) == (reason, "V", "M")
        async with contextlib.AsyncExitStack() as guests:
            for n in range(GUESTS_MAX):
                await guests.enter_async_context(by_hand(server.ocpp_url, f"GUEST{n}"))
            with pytest.raises(InvalidStatus) as refused:
                await connect(typed(TYPED[0], server, "ONE_MORE"), subprotocols=[OCPP16], proxy=None)
            assert refused.value.response.status_code == 404
        assert (await knocks(server))[0] == ("ONE_MORE", "too_many_guests")


async def test_a_charger_without_a_choice_of_version_may_be_let_in(tmp_path: Path) -> None:
    assert '`"assumeOcpp16": true`' in SECTION
    async with (
        serving(tmp_path, config=REFUSED) as server,
        connect(typed(TYPED[0], server, "CP004"), proxy=None) as socket,
    ):
        await socket.send('[2,"1","Heartbeat",{}]')
        assert str(await socket.recv()).startswith('[3,"1",{"currentTime":')
        assert await knocks(server) == []


async def test_without_smart_charging_its_full_power_stays_booked_and_a_car_elsewhere_gets_less(tmp_path: Path) -> None:
    """And `limitedBy` says what holds a car back that is connected and does not charge."""
    assert "`limitedBy` says what holds it back" in SECTION
    config = station(80, charger("CP001", 50, 1), charger("CP002", 80, 1), charger("CP003", 80, 1))
    no: dict[str, dict[str, Any] | None] = {"SetChargingProfile": {"status": "NotSupported"}}
    async with serving(tmp_path, config=config) as server, by_hand(server.ocpp_url, "CP001", no) as hand:
        await hand.boot()
        await hand.asked("SetChargingProfile")
        body = {"connectorId": {"chargerId": "CP002", "idx": 1}, "vehicleMaxPower": 80}
        first = (await server.post("/sessions", body)).json()["session"]
        assert first["allocatedPower"] == 30, "80 kW less the 50 kW of the charger that takes no limits"
        async with by_hand(server.ocpp_url, "CP003") as other:
            await other.boot()
            start = {"connectorId": 1, "idTag": "TAG", "meterStart": 0, "timestamp": "2026-05-04T10:00:00Z"}
            await other.status(1, "Preparing")
            await other.call("StartTransaction", start)

            async def held_back() -> bool:
                waiting = (await server.sessions())["CP003", 1]
                return (waiting["allocatedPower"], waiting["limitedBy"]) == (0, "grid")

            await until(held_back, server.story)
