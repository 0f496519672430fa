"""`csms accept`: a real server, a simulated charger, and the command itself; reports as files."""

import json
from pathlib import Path

import jsonschema_rs
import pytest

from csms.cli.accepting.report import SCHEMA
from simulators.car import Car
from simulators.cars import flat_car
from tests.e2e.chargers import QUICK, simulated
from tests.e2e.programs import charger, program, run, serving, station

pytestmark = pytest.mark.e2e

STATION = station(100, charger("CP 001", 11.04, connectors=1, phases=3, control="ocpp"))
BY_HAND = ("network", "restart", "offline")


@pytest.mark.timeout(240)
async def test_a_charger_is_accepted_but_for_what_nobody_did(tmp_path: Path) -> None:
    skips = tuple(word for step in BY_HAND for word in ("--skip", step))
    async with serving(tmp_path, config=STATION) as server:
        unasked = await run(tmp_path, "csms", "accept", "CP 001", "--url", server.url)
        assert (unasked.status, "--yes" in unasked.err) == (2, True)
        misspelt = await run(tmp_path, "csms", "accept", "CP 001", "--yes", "--skip", "stairs", "--url", server.url)
        assert (misspelt.status, "staircase" in misspelt.err) == (2, True)
        unknown = await run(tmp_path, "csms", "accept", "CP009", "--yes", "--url", server.url)
        other = await run(tmp_path, "csms", "accept", "CP 001", "--yes", "--connector", "2", "--url", server.url)
        assert (other.status, "--connector 2: CP 001 has 1" in other.err) == (2, True)
        assert (unknown.status, "CP009 is no charger" in unknown.err) == (1, True)

        async with simulated(
            server.ocpp_url, "CP 001", max_w=11_040, connectors=1, phases=3, meter_interval_s=1
        ) as cars:
            await cars.provisioned()
            command = ("csms", "accept", "CP 001", "--yes", *skips, "--report", "here", "--url", server.url)
            async with program(tmp_path, *command) as test:
                await test.says("Plug the car in at connector 1")
                connector = cars.connector(1)
                cars.start(1, Car(flat_car(50_000), connector.supply, temper=QUICK))
                ended = await test.wait(timeout_s=200)
            assert ended.status == 1, "what is left out has not passed"
            assert "CP 001, connector 1: not done (10 passed, 3 not done)" in ended.out, ended.out + ended.err
            assert (await server.get("/chargers/CP 001"))["charger"]["caps"] == []
            again = await run(tmp_path, *command)
            assert (again.status, "--force" in again.err) == (2, True)
    document = json.loads((tmp_path / "here.json").read_text())
    jsonschema_rs.validator_for(SCHEMA).validate(document)
    by_step = {step["step"]: step for step in document["steps"]}
    assert [name for name, step in by_step.items() if step["verdict"] != "passed"] == list(BY_HAND)
    assert [stair["limitW"] for stair in by_step["staircase"]["facts"]["stairs"]][-1] == 4_140
    assert by_step["form"]["facts"]["purpose"] == "TxProfile"
    page = (tmp_path / "here.html").read_text()
    assert "<h1>Acceptance test: " in page
    assert ("://" in page, "src=" in page, "<script" in page) == (False, False, False), "it needs nothing else"
