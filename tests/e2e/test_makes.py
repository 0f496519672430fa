"""`csms makes export` and `import` between two servers at work: what one has learnt, the other knows."""

import json
from pathlib import Path

import pytest

from tests.e2e.chargers import simulated
from tests.e2e.programs import charger, run, serving, station

pytestmark = pytest.mark.e2e

STATION = station(100, charger("CP001", 50))


async def test_what_one_server_has_learnt_another_is_taught(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    async with serving(first, config=STATION) as server, simulated(server.ocpp_url, "CP001") as car:
        await car.provisioned()
        exported = await run(first, "csms", "makes", "export", "makes.json", "--url", server.url)
        known = await server.get("/makes")
    assert (exported.status, exported.out) == (0, "makes.json: 1 make\n")
    assert json.loads((first / "makes.json").read_text()) == known
    async with serving(second, config=STATION) as server:
        assert await server.get("/makes") == {"makes": []}
        taught = await run(second, "csms", "makes", "import", str(first / "makes.json"), "--url", server.url)
        assert (taught.status, taught.out) == (0, "taught 1; the server now knows 1 make\n")
        assert await server.get("/makes") == known
