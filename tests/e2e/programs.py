"""The project's programs as processes: started with ports of their own, watched through what they print, never left
behind.

A process is killed when its context ends, and on Linux also by the kernel when the test run itself is killed. Nothing
here sleeps for synchronisation: `until` polls something observable against a deadline.
"""

import asyncio
import contextlib
import ctypes
import itertools
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, overload

import httpx2

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE_CONFIG = ROOT / "examples" / "station_config.json"

DEADLINE_S = 60.0
POLL_S = 0.02
LINE_BYTES_MAX = 1 << 20
PR_SET_PDEATHSIG = 1
NUMBERS = itertools.count(1)
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None

Seen = TypeVar("Seen")


@overload
async def until(
    look: Callable[[], Coroutine[Any, Any, Seen]], what: str | Callable[[], str], timeout_s: float = ...
) -> Seen: ...
@overload
async def until(look: Callable[[], Seen], what: str | Callable[[], str], timeout_s: float = ...) -> Seen: ...
async def until(look: Callable[[], Any], what: str | Callable[[], str], timeout_s: float = DEADLINE_S) -> Any:
    """Return what `look` returns as soon as that is true; fail with `what` was waited for when the time is over."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    while True:
        found = look()
        seen = await found if isinstance(found, Coroutine) else found
        if seen:
            return seen
        if loop.time() > deadline:
            raise AssertionError(f"not within {timeout_s:g} s: {what if isinstance(what, str) else what()}")
        await asyncio.sleep(POLL_S)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended, and everything it printed."""

    status: int
    out: str
    err: str


class Program:
    """One running `python -m …`; `lines` grows with its standard output, standard error goes to a file."""

    def __init__(self, process: asyncio.subprocess.Process, errors: Path) -> None:
        self.lines: list[str] = []
        self._process = process
        self._errors = errors
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(
        cls, folder: Path, arguments: tuple[str, ...], variables: Mapping[str, str] | None = None
    ) -> "Program":
        """Start this very Python with `-m` and `arguments` in `folder`, with none of our settings but `variables`."""
        errors = folder / f"stderr-{next(NUMBERS)}.log"
        inherited = {name: value for name, value in os.environ.items() if not name.upper().startswith("CSMS_")}
        with errors.open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                *arguments,
                cwd=folder,
                env=inherited | {"COLUMNS": "200", "NO_COLOR": "1"} | dict(variables or {}),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                limit=LINE_BYTES_MAX,
                preexec_fn=_die_with_parent,
            )
        return cls(process, errors)

    async def _read(self) -> None:
        assert self._process.stdout is not None, "it was started with a pipe"
        async for line in self._process.stdout:
            self.lines.append(line.decode("utf-8", errors="replace").rstrip("\n"))

    @property
    def pid(self) -> int:
        """Return its process id."""
        return self._process.pid

    @property
    def out(self) -> str:
        """Return what it has printed so far."""
        return "".join(f"{line}\n" for line in self.lines)

    @property
    def err(self) -> str:
        """Return what it has written to standard error so far."""
        return self._errors.read_text("utf-8", errors="replace")

    def story(self) -> str:
        """Return everything that it has said, for the message of a failed assertion."""
        return f"{self.out}{self.err}"

    def log(self) -> list[dict[str, Any]]:
        """Return its structured log (`--log-format json`, which is what a file gets)."""
        return [json.loads(line) for line in self.err.splitlines() if line.startswith("{")]

    async def says(self, pattern: str, timeout_s: float = DEADLINE_S) -> re.Match[str]:
        """Return the first line of its output that matches; fail when it ends before or says it too late."""

        def look() -> re.Match[str] | None:
            found = next(filter(None, (re.search(pattern, line) for line in self.lines)), None)
            if found is None and self._reader.done():
                raise AssertionError(f"it ended before it said {pattern!r}:\n{self.story()}")
            return found

        found = await until(look, lambda: f"{pattern!r} in the output:\n{self.story()}", timeout_s)
        assert found is not None
        return found

    def type(self, line: str) -> None:
        """Write one line to its standard input."""
        assert self._process.stdin is not None, "it was started with a pipe"
        self._process.stdin.write(f"{line}\n".encode())

    def send_signal(self, signum: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(signum)

    def kill_now(self) -> None:
        """Kill it in this very instant (SIGKILL); it gets no chance to do anything more."""
        self._process.kill()

    async def wait(self, timeout_s: float = DEADLINE_S) -> Ended:
        """Return how it ended; fail when it goes on."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._reader
                status = await self._process.wait()
        except TimeoutError:
            raise AssertionError(f"it still runs after {timeout_s:g} s:\n{self.story()}") from None
        return Ended(status, self.out, self.err)

    async def stop(self, signum: signal.Signals = signal.SIGTERM) -> Ended:
        """Send a signal and return how it ended."""
        self.send_signal(signum)
        return await self.wait()

    async def end(self) -> None:
        """Make sure that it is gone, whatever the test did."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        await self._process.wait()
        await asyncio.gather(self._reader, return_exceptions=True)
        if self._process.stdin is not None:
            self._process.stdin.close()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                await self._process.stdin.wait_closed()


def _die_with_parent() -> None:
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


@contextlib.asynccontextmanager
async def program(folder: Path, *arguments: str, variables: Mapping[str, str] | None = None) -> AsyncIterator[Program]:
    """Run `python -m …` for as long as the context lasts."""
    running = await Program.start(folder, arguments, variables)
    try:
        yield running
    finally:
        await running.end()


async def run(
    folder: Path,
    *arguments: str,
    stdin: str = "",
    variables: Mapping[str, str] | None = None,
    timeout_s: float = DEADLINE_S,
) -> Ended:
    """Run `python -m …` to its end."""
    async with program(folder, *arguments, variables=variables) as running:
        assert running._process.stdin is not None
        running._process.stdin.write(stdin.encode())
        running._process.stdin.close()
        return await running.wait(timeout_s)


class Server(Program):
    """`csms serve`, ready: with the addresses that it printed and a client of its REST API."""

    url: str
    ocpp_url: str
    rest: httpx2.AsyncClient

    @property
    def ocpp_port(self) -> str:
        """Return the port on which chargers are listened for."""
        return self.ocpp_url.rpartition(":")[2]

    async def ready(self) -> None:
        """Wait until it says that it is ready, and read its addresses."""
        await self.says("^ready$")
        self.url = (await self.says(r"^REST +(http://\S+)"))[1]
        self.ocpp_url = (await self.says(r"^OCPP +(ws://\S+)"))[1]
        self.rest = httpx2.AsyncClient(base_url=self.url, timeout=DEADLINE_S, trust_env=False)

    async def get(self, path: str) -> Any:
        """Return the JSON of a call that succeeds."""
        answer = await self.rest.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, body: object = None, **query: str) -> httpx2.Response:
        """Post JSON, or nothing, and return the answer, whatever it is."""
        return (
            await self.rest.post(path, params=query, json=body)
            if body is not None
            else await self.rest.post(path, params=query)
        )

    async def sessions(self) -> dict[tuple[str, int], dict[str, Any]]:
        """Return the active sessions by charger and connector."""
        listed = (await self.get("/station/status"))["sessions"].values()
        return {(one["connectorId"]["chargerId"], one["connectorId"]["idx"]): one for one in listed}


@contextlib.asynccontextmanager
async def serving(
    folder: Path,
    *,
    config: Path | Mapping[str, Any] | None = EXAMPLE_CONFIG,
    database: str | None = None,
    ocpp_port: str = "0",
    arguments: tuple[str, ...] = (),
    variables: Mapping[str, str] | None = None,
    launcher: tuple[str, ...] = ("csms",),
) -> AsyncIterator[Server]:
    """Run `csms serve` on free ports, by default with a database in `folder`; the context begins when it is ready."""
    database = database or f"sqlite:///{folder / 'csms.sqlite3'}"
    given = ["--port", "0", "--ocpp-port", ocpp_port, "--database", database]
    if isinstance(config, Path):
        given += ["--config", str(config)]
    elif config is not None:
        given += ["--config", str(write_json(folder / "station.json", config))]
    server = await Server.start(folder, (*launcher, "serve", *given, *arguments), variables)
    assert isinstance(server, Server)
    try:
        await server.ready()
        async with server.rest:
            yield server
    finally:
        await server.end()


def write_json(path: Path, document: object) -> Path:
    """Write a JSON file and return its path."""
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def station(grid_kw: float, *chargers: Mapping[str, Any]) -> dict[str, Any]:
    """Return a station's configuration."""
    return {"stationId": "E2E", "gridCapacity": grid_kw, "chargers": list(chargers)}


def charger(charger_id: str, max_kw: float, connectors: int = 2, **options: Any) -> dict[str, Any]:
    """Return one charger of a configuration."""
    return {"id": charger_id, "maxPower": max_kw, "connectors": connectors, **options}
