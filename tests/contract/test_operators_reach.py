"""What an operator over REST can make this system do at most: it fetches nothing, and what it gives out stays within.

The whole central system is in this process on virtual time.
"""

import asyncio
import json
import re
from typing import Any, Final

import pytest

from csms.core.ids import ChargerId
from csms.core.station import Charger, Control, Station
from csms.runtime.id_tags import TagBook
from tests.conformance.world import Place, standing
from tests.docs.console_blocks import ROOT
from tests.virtual.loop import VirtualClock, run_virtually
from tests.virtual.rest import rest_beside
from tests.virtual.site import serving

FETCHES: Final = re.compile(
    r"^\s*(?:import|from)\s+(?:aiohttp|ftplib|http\.client|httpx2?|requests|smtplib|urllib\.request|subprocess"
    r"|websockets(?:\.asyncio|\.sync)?\.client)\b|\b(?:open_connection|urlopen|urlretrieve)\b|\.create_connection\(",
    re.MULTILINE,
)
"""What a module has in it that asks another server, or another program to."""


# --- no address is fetched --------------------------------------------------------------------------------------------


def locations(url: str) -> dict[str, dict[str, Any]]:
    """Return commands that carry an address."""
    return {
        "GetDiagnostics": {"location": url},
        "UpdateFirmware": {"location": url, "retrieveDate": "2026-01-01T00:01:00Z"},
        "GetLog": {"logType": "SecurityLog", "requestId": 1, "log": {"remoteLocation": url}},
    }


async def everywhere(at: Place, url: str) -> None:
    """Put an address wherever one fits: into commands and a campaign, and have the charger tell it in what it says."""
    accepted = {"status": "Accepted"}
    at.charger.answers |= {"GetDiagnostics": {"fileName": url}, "UpdateFirmware": {}, "GetLog": accepted}
    await at.boot()
    for action, body in locations(url).items():
        told = await at.command(action, body)
        assert url in json.dumps(told.asked), "the charger is told where"
        assert told.state in {"accepted", "rejected"}
    campaign = {"location": url, "atATime": 1, "chargers": ["CP001"]}
    assert (await at.rest.post("/campaigns", json=campaign)).status_code in {200, 409}
    await at.charger.call("DataTransfer", {"vendorId": url, "data": url})
    about = {"chargePointVendor": url[:20], "chargePointModel": url[:20], "firmwareVersion": url[:50]}
    await at.charger.call("BootNotification", about)
    await at.wait(3_600)


@pytest.mark.parametrize("scheme", ["http", "ftp"])
def test_an_address_is_told_to_the_charger_and_never_asked_by_us(scheme: str) -> None:
    async def play(clock: VirtualClock) -> None:
        asked: list[object] = []

        def take(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append(writer.get_extra_info("peername"))
            writer.close()

        server = await asyncio.start_server(take, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, standing(clock) as at:
            await everywhere(at, f"{scheme}://127.0.0.1:{port}/fw.bin")
            assert asked == []
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.sleep(1)
            assert len(asked) == 1, "it does listen"
            writer.close()

    run_virtually(play)


def test_the_server_has_nothing_to_fetch_with() -> None:
    """Only commands at a terminal ask a server, the one that they are told."""
    files = [*(ROOT / "csms").rglob("*.py"), *(ROOT / "api").rglob("*.py")]
    found = {str(file.relative_to(ROOT)) for file in files if FETCHES.search(file.read_text("utf-8"))}
    assert {name for name in found if not name.startswith(("csms/cli/", "csms/simulation/"))} == set()
    assert "csms/cli/asking.py" in found, "it would be seen"


# --- many at once -----------------------------------------------------------------------------------------------------

CAPACITY_W: Final = 50_000
MANY: Final = Station(
    "MANY", CAPACITY_W, tuple(Charger(ChargerId(f"CP{n:03}"), 22_080, 2, control=Control.REST) for n in range(20))
)


def test_whatever_is_switched_on_at_once_stays_within_the_grid_connection() -> None:
    """Forty cars of 22 kW are begun in one moment at a connection of 50 kW, and each says that it wants everything."""

    async def play(clock: VirtualClock) -> None:
        async with serving(MANY, clock) as site:
            numbers = iter(range(1, 1_000))
            tags = TagBook(site.store, clock)
            async with rest_beside(site, clock, tags, lambda: f"00000000-0000-4000-8000-{next(numbers):012}") as rest:
                wanted = [(charger.charger_id, idx) for charger in MANY.chargers for idx in (1, 2)]
                begun = await asyncio.gather(
                    *(
                        rest.post(
                            "/sessions", json={"connectorId": {"chargerId": who, "idx": idx}, "vehicleMaxPower": 22}
                        )
                        for who, idx in wanted
                    )
                )
                assert {answer.status_code for answer in begun} == {200}
                for _ in range(3):
                    sessions = [answer.json()["session"]["sessionId"] for answer in begun]
                    await asyncio.gather(
                        *(rest.post(f"/sessions/{one}/power-update", json={"consumedPower": 22}) for one in sessions)
                    )
                    await asyncio.sleep(5)
                    status = (await rest.get("/station/status")).json()
                    given = [one["allocatedPower"] for one in status["sessions"].values()]
                    assert len(given) == len(wanted)
                    assert CAPACITY_W / 1_000 - len(given) <= sum(given) <= CAPACITY_W / 1_000, "whole kilowatts"
            assert site.errors == []

    run_virtually(play)
