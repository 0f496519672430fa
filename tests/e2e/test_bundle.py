"""`csms bundle`: one file of what is known of a charger, and no secret in it."""

import json
import zipfile
from pathlib import Path

import pytest

from tests.e2e.chargers import simulated
from tests.e2e.programs import charger, run, serving, station

pytestmark = pytest.mark.e2e

CANARY = "CANARY0123456789"


async def test_all_that_is_known_and_no_secret(tmp_path: Path) -> None:
    async with serving(tmp_path, config=station(100, charger("CP 001", 50))) as server:
        unknown = await run(tmp_path, "csms", "bundle", "CP009", "--url", server.url)
        assert (unknown.status, "404" in unknown.err) == (1, True)
        async with simulated(server.ocpp_url, "CP 001") as car:
            await car.provisioned()
            car.start(1, tag=CANARY)
            await car.provisioned()
            key = {"key": "WifiPassword", "value": CANARY}
            asked = await server.post("/chargers/CP 001/commands/ChangeConfiguration", key, wait="30")
            assert asked.status_code == 200, asked.text
            made = await run(tmp_path, "csms", "bundle", "CP 001", "--url", server.url)
        assert (made.status, made.out.startswith("CP_001.zip: 8 files")) == (0, True), made.err
        again = await run(tmp_path, "csms", "bundle", "CP 001", "--url", server.url)
        assert (again.status, "--force" in again.err) == (2, True)
    with zipfile.ZipFile(tmp_path / "CP_001.zip") as bundle:
        texts = {name: bundle.read(name).decode() for name in bundle.namelist()}
    assert not [name for name, text in texts.items() if CANARY in text]
    found = {name: json.loads(text) for name, text in texts.items() if name.endswith(".json")}
    assert found["charger.json"]["charger"]["chargerId"] == "CP 001"
    assert [one["id"] for one in found["configuration.json"]["chargers"]] == ["CP 001"]
    assert found["messages.json"]["messages"]
    assert found["commands.json"]["commands"][0]["action"] == "ChangeConfiguration"
