"""The documented scenarios against the real central system, each program a process of its own."""

from pathlib import Path

import pytest

from tests.e2e.programs import EXAMPLE_CONFIG, program, run, serving

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

SETTLED_S = 250
"""The runner has a deadline of its own for each step; this one only catches a runner that hangs."""


@pytest.mark.parametrize(("number", "rows"), [(1, 7), (2, 21), (3, 18)])
async def test_over_rest(tmp_path: Path, number: int, rows: int) -> None:
    async with serving(tmp_path) as csms:
        before = await csms.get("/station/config")
        ended = await run(tmp_path, "simulators", "scenarios", "--scenario", str(number), "--url", csms.url)
        assert ended.status == 0, ended.out
        assert ended.out.endswith(f"{rows} right, 0 wrong\n")
        assert await csms.get("/station/config") == before
        assert await csms.sessions() == {}


@pytest.mark.parametrize("number", [2, 3])
async def test_the_end_figures_over_ocpp(tmp_path: Path, number: int) -> None:
    async with serving(tmp_path) as csms:
        before = await csms.get("/station/config")
        words = ("scenarios", "--scenario", str(number), "--url", csms.url, "--over-ocpp", csms.ocpp_url)
        ended = await run(tmp_path, "simulators", *words, timeout_s=SETTLED_S)
        assert ended.status == 0, ended.out
        assert "WRONG" not in ended.out
        assert await csms.get("/station/config") == before


async def test_a_charger_driven_by_a_script(tmp_path: Path) -> None:
    async with serving(tmp_path) as csms:
        words = ("simulators", "charger", "--id", "CP001", "--url", csms.ocpp_url, "--car", "flat 150")
        async with program(tmp_path, *words) as charger:
            await charger.says("CP001: accepted by the central system")
            for line in ("plug 1 polestar 2", "swipe 04A1B2C3"):
                charger.type(line)
            await charger.says("connector 1: transaction 1, tag Accepted")
            await charger.says("connector 1: Charging")
            charger.type("drop 1")
            await charger.says("CP001: disconnected")
            charger.type("quit")
            ended = await charger.wait()
        assert ended.status == 0
        assert "connector 1: transaction stopped (EVDisconnected)" in ended.out


async def test_a_station_of_processes_reports_and_ends_cleanly(tmp_path: Path) -> None:
    async with serving(tmp_path) as csms:
        words = ("simulators", "station", "--config", str(EXAMPLE_CONFIG), "--url", csms.ocpp_url, "--report", "json")
        async with program(tmp_path, *words, "--arrival-seconds", "1") as station:
            for charger_id in ("CP001", "CP002", "CP003"):
                await station.says(f'"charger_id":"{charger_id}","online":true.*"transaction_id":[0-9]')
            ended = await station.stop()
        assert ended.status == 0, ended.err
        assert [line for line in ended.out.splitlines() if not line.startswith('{"at_ms":')] == []
        # Every car was unplugged and every transaction stopped.
        assert await csms.sessions() == {}
