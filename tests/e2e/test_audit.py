"""The audit over a real socket: what was asked for, and what of it is there after the server was killed at once."""

from pathlib import Path

import pytest

from tests.e2e.chargers import by_hand
from tests.e2e.programs import charger, serving, station

pytestmark = pytest.mark.e2e

SITE = station(400, charger("CP001", 100), charger("CP002", 50))
SMALLER = station(300, charger("CP001", 100))
TAG = "04A2B3C4D5E680"
RESET = "/chargers/CP001/commands/Reset"


async def test_every_act_is_there_after_a_kill(tmp_path: Path) -> None:
    async with serving(tmp_path, config=SITE) as server:
        assert (await server.get("/audit")) == {"audit": []}, "what a file says is no act over REST"
        async with by_hand(server.ocpp_url, "CP001", {"Reset": None}) as hand:
            await hand.boot()
            await hand.asked("SetChargingProfile")
            assert (await server.post(RESET, {"type": "Soft"})).status_code == 202
            command_id = (await server.get("/commands"))["commands"][0]["id"]
        assert (await server.post("/station/config", SMALLER)).status_code == 200
        assert (await server.post("/station/config", SMALLER | {"gridCapacity": "much"})).status_code == 422
        assert (await server.rest.put(f"/id-tags/{TAG}", json={"note": "Anna"})).status_code == 200
        assert (await server.rest.delete(f"/id-tags/{TAG}")).status_code == 204
        server.kill_now()
        await server.wait()
    async with serving(tmp_path, config=SITE) as server:
        assert (await server.post("/chargers/CP002/commands/Reset", {"type": "Hard"})).status_code == 404
        acts = (await server.get("/audit"))["audit"]
        assert [(act["operation"], act["resource"], act["outcome"], act["status"]) for act in reversed(acts)] == [
            ("POST /chargers/{chargerId}/commands/Reset", RESET, "accepted", 202),
            ("POST /station/config", "/station/config", "accepted", 200),
            ("POST /station/config", "/station/config", "refused", 422),
            ("PUT /id-tags/{idTag}", "/id-tags/04A2***", "accepted", 200),
            ("DELETE /id-tags/{idTag}", "/id-tags/04A2***", "accepted", 204),
            ("POST /chargers/{chargerId}/commands/Reset", "/chargers/CP002/commands/Reset", "refused", 404),
        ]
        refused, removed, listed, faulty, changed, reset = acts
        assert {act["by"]["address"] for act in acts} == {"127.0.0.1"}
        assert [act["id"] for act in acts] == [6, 5, 4, 3, 2, 1]
        assert all(act["at"] <= act["answeredAt"] for act in acts)
        assert (reset["chargerId"], reset["body"], reset["made"]) == (
            "CP001",
            {"type": "Soft"},
            {"commandId": command_id},
        )
        assert changed["changes"] == ["$.gridCapacity: 400 → 300", '$.chargers["CP002"]: removed']
        assert "$.gridCapacity" in faulty["reason"]
        assert (listed["body"], listed["changes"]) == ({"note": "Anna"}, ["not listed → listed"])
        assert removed["changes"] == ["listed → not listed"]
        assert "body" in refused
        first = await server.get("/audit?limit=4&charger=CP001")
        assert first["audit"] == [reset]
        page = await server.get("/audit?limit=4")
        rest = await server.get(f"/audit?limit=4&cursor={page['nextCursor']}")
        assert page["audit"] + rest["audit"] == acts
        found = await server.rest.get("/audit", params={"operation": "POST /station/config", "to": faulty["at"]})
        assert found.json()["audit"] == [changed]
