"""Servers as processes of their own, and what they cost there (Linux: read from /proc)."""

import asyncio
import json
import os
import resource
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def cpu_s(pid: int) -> float:
    """Return the CPU time that a process has used, s."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def resident_bytes(pid: int) -> int:
    """Return the memory of a process that is in RAM."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * PAGE_BYTES


def raise_open_files(count: int) -> None:
    """Let this process and those that it starts open `count` files; raise ValueError where that is forbidden."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, max(count, hard)))


async def with_process(
    arguments: list[str], port_of: Callable[[str], int | None], use: Callable[[int, int], Awaitable[T]]
) -> T:
    """Start a server, find its port in what it prints, use it (port, process id), stop it."""
    process = await asyncio.create_subprocess_exec(
        *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert process.stdout is not None
    try:
        port = None
        while port is None:
            line = (await process.stdout.readline()).decode()
            assert line, f"{arguments[1]} ended before it listened"
            port = port_of(line)
        return await use(port, process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()


def plain_port(line: str) -> int | None:
    """Return the port that a baseline prints."""
    return int(line)


def csms_port(line: str) -> int | None:
    """Return the OCPP port from what `csms serve` prints at start-up."""
    return int(line.split()[1].rpartition(":")[2]) if line.startswith("OCPP") else None


def csms_arguments(folder: str, station: dict[str, Any], program: tuple[str, ...] = ("-m", "csms")) -> list[str]:
    """Return how to start `csms serve` for a station, with a fresh database in `folder`."""
    config = Path(folder, "station.json")
    config.write_text(json.dumps(station), encoding="utf-8")
    serve = [sys.executable, *program, "serve", "--config", str(config), "--port", "0", "--ocpp-port", "0"]
    return [*serve, "--database", f"sqlite:///{folder}/bench.sqlite3", "--log-level", "error", "--ocpp-rate-per-s", "0"]
