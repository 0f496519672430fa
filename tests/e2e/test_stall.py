"""An event loop that stands still: told with stacks, told to systemd by silence, and ended."""

import signal
import socket
from pathlib import Path

import pytest

from csms.obs.watchdog import STALLED
from tests.e2e.programs import ROOT, serving

pytestmark = pytest.mark.e2e


async def test_a_loop_that_stands_still_ends_the_process_and_says_where(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        address = tmp_path / "notify"
        systemd.bind(str(address))
        systemd.settimeout(30)
        variables = {"PYTHONPATH": str(ROOT), "NOTIFY_SOCKET": str(address), "WATCHDOG_USEC": "2000000"}
        launcher = ("tests.e2e.stalling",)
        arguments = ("--stall-report-s", "1", "--stall-exit-s", "3")
        async with serving(tmp_path, launcher=launcher, variables=variables, arguments=arguments) as server:
            words = {systemd.recv(64) for _ in range(4)}
            assert words == {b"READY=1", b"WATCHDOG=1"}
            assert await server.get("/health") == {"status": "ok"}
            server.send_signal(signal.SIGUSR1)
            ended = await server.wait()
    assert ended.status == STALLED
    assert "in stand_still" in ended.err
    assert [line["event"] for line in server.log() if line["event"].startswith("loop.")] == ["loop.stalled"]


async def test_asked_to_stop_it_tells_systemd(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        address = tmp_path / "notify"
        systemd.bind(str(address))
        systemd.settimeout(30)
        async with serving(tmp_path, variables={"NOTIFY_SOCKET": str(address)}) as server:
            assert (await server.stop()).status == 0
        words = []
        while b"STOPPING=1" not in words:
            words.append(systemd.recv(64))
    assert [word for word in words if word != b"WATCHDOG=1"] == [b"READY=1", b"STOPPING=1"]
