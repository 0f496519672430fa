"""The documented scenarios as an operator plays them: one after the other on one server, which is itself again after.

Each scenario alone, over REST and over OCPP, is `tests/interop/test_scenarios_against_csms.py`; here is what only a
server that lives on can show: chargers that were steered over OCPP, removed, and driven over REST the next time; a
scenario that is broken off; a station where somebody is charging.
"""

import signal
from pathlib import Path

import pytest

from tests.e2e.programs import Ended, Server, program, run, serving

pytestmark = pytest.mark.e2e

IN_USE, INTERRUPTED = 2, 130


async def play(server: Server, folder: Path, number: int, *arguments: str) -> Ended:
    """Play one scenario against a server."""
    words = ("scenarios", "--url", server.url, "--scenario", str(number))
    return await run(folder, "simulators", *words, *arguments, timeout_s=100)


async def test_one_after_the_other_and_over_both_ways(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        before = await server.get("/station/config")
        for number, over in ((1, ()), (1, ("--over-ocpp", server.ocpp_url)), (1, ()), (2, ())):
            ended = await play(server, tmp_path, number, *over)
            assert ended.status == 0, ended.out + ended.err
            assert ended.out.endswith(" right, 0 wrong\n")
            assert await server.get("/station/config") == before
            assert await server.sessions() == {}
        assert [line for line in server.log() if line["level"] == "error"] == []
        assert (await server.stop()).status == 0


async def test_broken_off_it_puts_everything_back(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        before = await server.get("/station/config")
        words = ("scenarios", "--url", server.url, "--scenario", "2", "--over-ocpp", server.ocpp_url)
        async with program(tmp_path, "simulators", *words) as playing:
            await playing.says("car 3 starts at SCENARIO-A#2 .* ok$")
            assert await server.get("/station/config") != before
            ended = await playing.stop(signal.SIGINT)
        assert ended.status == INTERRUPTED, ended.out + ended.err
        assert "Traceback" not in ended.err
        assert await server.get("/station/config") == before
        assert await server.sessions() == {}


async def test_a_station_where_somebody_charges_is_left_alone(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        before = await server.get("/station/config")
        body = {"connectorId": {"chargerId": "CP001", "idx": 1}, "vehicleMaxPower": 150}
        session = (await server.post("/sessions", body)).json()["session"]
        ended = await play(server, tmp_path, 1)
        assert ended.status == IN_USE
        assert "1 cars are charging" in ended.out
        assert await server.get("/station/config") == before
        assert await server.sessions() == {("CP001", 1): session}
