"""`csms doctor` where nothing runs yet, where something is in the way, and beside a server at work."""

import os
import socket
from pathlib import Path

import pytest

from tests.e2e.chargers import simulated
from tests.e2e.programs import Ended, charger, run, serving, station, write_json

pytestmark = pytest.mark.e2e

STATION = station(100, charger("CP001", 50), charger("CP002", 50)) | {"failSafe": "closed"}


async def doctor(folder: Path, *arguments: str) -> Ended:
    ended = await run(folder, "csms", "doctor", *arguments, timeout_s=60)
    assert "Traceback" not in ended.err
    return ended


async def test_before_the_first_start(tmp_path: Path) -> None:
    config = write_json(tmp_path / "station.json", STATION)
    ended = await doctor(tmp_path, "--config", str(config), "--port", "0", "--ocpp-port", "0")
    assert (ended.status, ended.out.splitlines()[-1].endswith("0 at fault")) == (0, True), ended.out
    assert "holds nothing yet" in ended.out
    assert "valid: station E2E, 100 kW, 2 chargers" in ended.out
    assert not [name for name in os.listdir(tmp_path) if "sqlite" in name], "it changes nothing"  # noqa: PTH208


async def test_what_is_in_the_way_is_told_with_what_to_do(tmp_path: Path) -> None:
    config = write_json(tmp_path / "station.json", STATION | {"gridCapacity": -1})
    (tmp_path / "text").write_text("no database, long enough to have a header of its own")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = await doctor(
            tmp_path, "--config", str(config), "--port", "0", "--ocpp-port", port, "--database", "sqlite:///text"
        )
    faults = [line.split()[1] for line in ended.out.splitlines() if line.startswith("FAULT")]
    assert (ended.status, faults) == (1, ["database", "OCPP", "configuration"]), ended.out
    assert "$.gridCapacity" in ended.out
    assert "is not an SQLite database" in ended.out


async def test_beside_a_server_at_work(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'csms.sqlite3'}"
    async with serving(tmp_path, config=STATION) as server, simulated(server.ocpp_url, "CP001") as car:
        await car.provisioned()
        port = server.url.rpartition(":")[2]
        ended = await doctor(tmp_path, "--port", port, "--database", database)
    assert ended.status == 0, ended.out
    told = {line.split()[1]: line for line in ended.out.splitlines()[:-1]}
    assert told["database"].endswith("in use")
    assert "gets no power until the server is back; any card is accepted" in told["CP001"]
    assert "it has never connected" in told["CP002"]


async def test_a_bad_setting(tmp_path: Path) -> None:
    ended = await doctor(tmp_path, "--port", "many")
    assert (ended.status, ended.err.startswith("csms doctor: --port: ")) == (2, True)
