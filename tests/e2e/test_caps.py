"""An operator's SetChargingProfile over real sockets: a car falls to it and comes back; the server ends in between."""

from pathlib import Path
from typing import Any

import pytest

from simulators.car import Car
from simulators.cars import flat_car
from tests.e2e.chargers import QUICK, simulated
from tests.e2e.programs import Server, charger, serving, station, until

pytestmark = pytest.mark.e2e

STATION = station(400, charger("CP001", 100))
CAP_W, TOLERANCE_W = 40_000, 2_000
PROFILE = {
    "connectorId": 1,
    "csChargingProfiles": {
        "chargingProfileId": 42,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": {
            "chargingRateUnit": "W",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": CAP_W}],
        },
    },
}


async def command(server: Server, action: str, body: object) -> dict[str, Any]:
    answer = await server.post(f"/chargers/CP001/commands/{action}", body)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()["command"]
    return shown


async def test_a_car_falls_to_the_cap_and_comes_back_when_it_is_cleared(tmp_path: Path) -> None:
    async with serving(tmp_path, config=STATION) as server, simulated(server.ocpp_url, "CP001") as cars:
        await cars.provisioned()
        connector = cars.connector(1)
        cars.start(1, Car(flat_car(150_000), connector.supply, temper=QUICK))
        await until(lambda: connector.power_w > 100_000 - TOLERANCE_W, cars.story)

        set_one = await command(server, "SetChargingProfile", PROFILE)
        assert (set_one["state"], set_one["answer"]) == ("accepted", "Accepted")
        await until(lambda: 0 < connector.power_w <= CAP_W + TOLERANCE_W, cars.story)
        assert cars.limit_w(1) == CAP_W
        (session,) = (await server.sessions()).values()
        assert session["limitedBy"] == "operator_cap"
        shown = (await server.get("/chargers/CP001"))["charger"]
        assert shown["caps"] == [
            {
                "commandId": set_one["id"],
                "profileId": 42,
                "connector": 1,
                "purpose": "TxDefaultProfile",
                "stackLevel": 0,
                "limit": 40,
            }
        ]
        sent = [frame.payload["csChargingProfiles"] for frame in cars.received("SetChargingProfile")]
        assert all(profile["chargingProfileId"] != 42 for profile in sent), "its charger is told limits of ours alone"

        cleared = await command(server, "ClearChargingProfile", {"id": 42})
        assert (cleared["state"], cleared["answer"]) == ("accepted", "Accepted")
        await until(lambda: connector.power_w > 100_000 - TOLERANCE_W, cars.story)
        assert (await server.get("/chargers/CP001"))["charger"]["caps"] == []
        ended = (await server.get(f"/commands/{set_one['id']}"))["command"]
        assert ended["outcome"] == {"what": "cap_ended", "state": "cancelled"}

        again = await command(server, "SetChargingProfile", PROFILE)
    async with serving(tmp_path) as server:
        caps = (await server.get("/chargers/CP001"))["charger"]["caps"]
        assert [(cap["commandId"], cap["limit"]) for cap in caps] == [(again["id"], 40)]
