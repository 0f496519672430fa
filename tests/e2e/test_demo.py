"""`csms demo` as a process: the whole station really runs, is judged, and leaves nothing behind."""

import contextlib
import os
import re
import select
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "examples" / "demo.json"
END_TIMEOUT_S = 30

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


@contextlib.contextmanager
def demo(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Start a demo with ports of its own; end it at the latest when the test does."""
    command = [sys.executable, "-m", "csms", "demo", "--config", str(CONFIG), "--port", "0", "--ocpp-port", "0"]
    environment = os.environ | {"TMPDIR": str(folder), "COLUMNS": "100"}
    with (folder / "errors.log").open("wb") as errors:
        process = subprocess.Popen(
            [*command, *arguments], cwd=folder, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=END_TIMEOUT_S)


def read_until(process: subprocess.Popen[str], pattern: str) -> re.Match[str]:
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if found := re.search(pattern, line):
            return found
    raise AssertionError(f"the demo ended before it said {pattern!r}:\n{''.join(seen)}")


def children(process: subprocess.Popen[str]) -> list[int]:
    """Return the process ids of its children; Linux tells them."""
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text("utf-8")
    return [int(pid) for pid in listed.split()]


def wait_until_gone(pids: list[int]) -> None:
    """Return once no process of these ids runs any more; fail after a while."""
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            ended, _, _ = select.select([handle], [], [], END_TIMEOUT_S)
        finally:
            os.close(handle)
        assert ended, f"process {pid} was left behind"


def test_a_station_at_work(tmp_path: Path) -> None:
    with demo(tmp_path, "--minutes", "0.9") as process:
        url = read_until(process, r"central system: (http://\S+)")[1]
        read_until(process, r"CP\d+ #\d+:.* draws [1-9]")
        with urllib.request.urlopen(f"{url}/station/status", timeout=10) as answer:  # noqa: S310  # our own server
            assert b'"transactionId"' in answer.read()
        with urllib.request.urlopen(f"{url}/station/meter", timeout=10) as answer:  # noqa: S310  # our own server
            assert b'"stale":false' in answer.read()
        read_until(process, r"Σ cars [\d.]+ kW, base load [\d.]+ kW, battery 9\d % gives [1-9][\d.]+ kW; grid meter")
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, output + (tmp_path / "errors.log").read_text("utf-8")
    energy_kwh = re.search(r"([\d.]+) kWh delivered", output)
    assert energy_kwh is not None
    assert float(energy_kwh[1]) > 0
    rows = re.findall(r"^  (\S+) +([\d.]+) of +([\d.]+) kW  kept$", output, re.MULTILINE)
    assert [(name, float(capacity)) for name, _, capacity in rows] == [
        ("grid", 400.0),
        ("CP001", 200.0),
        ("CP002", 200.0),
        ("CP003", 300.0),
    ]
    assert all(0 < float(highest) <= float(capacity) for _, highest, capacity in rows)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_behind(signum: signal.Signals, tmp_path: Path) -> None:
    with demo(tmp_path) as process:
        read_until(process, "Σ .* plugged in")
        started = children(process)
        assert len(started) == 4, "the central system and three chargers"
        process.send_signal(signum)
        output, _ = process.communicate(timeout=END_TIMEOUT_S)
        wait_until_gone(started)
    if signum is signal.SIGKILL:
        return
    assert process.returncode == 0, output
    assert "Σ metered maximum" in output
    assert [path.name for path in tmp_path.iterdir()] == ["errors.log"], "the database was temporary"


def test_a_taken_port_is_explained(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with demo(tmp_path, "--minutes", "1", "--port", str(port)) as process:
            process.communicate(timeout=60)
            started_with = process.returncode
    errors = (tmp_path / "errors.log").read_text("utf-8")
    assert started_with == 1
    assert str(port) in errors
    assert "Traceback" not in errors
