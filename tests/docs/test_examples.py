"""Every example of the documentation is executed, page by page, against a server of the page's own.

A page's commands run in one shell, so that it can keep a session's id in a variable. The documented ports, 3000 and
9000, are replaced by those that the server really took; the shell starts in an empty folder that has the repository's
`examples`.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.console_blocks import ROOT, Command, blocks, documents, pattern

END = "=== end of output ==="
PAGES = [page for page in documents() if any(block.reason is None for block in blocks(page.read_text("utf-8")))]

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(900),  # a page may simulate whole days; nothing here waits for anything
    pytest.mark.skipif(shutil.which("bash") is None or shutil.which("curl") is None, reason="needs bash and curl"),
]


class Shell:
    """One bash that runs commands one after the other."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],  # noqa: S607  # whichever bash the machine has
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment,
            text=True,
        )

    def run(self, command: str) -> tuple[str, int]:
        """Run one command; return what it printed, ending with a newline unless empty, and its exit status."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{{ {command}\n}} </dev/null\nprintf '\\n%s %s\\n' '{END}' $?\n")
        self._process.stdin.flush()
        printed: list[str] = []
        for line in self._process.stdout:
            if line.startswith(END):
                output = "".join(printed).removesuffix("\n")
                return (output if not output or output.endswith("\n") else output + "\n"), int(line.split()[-1])
            printed.append(line)
        raise AssertionError(f"the shell ended: {''.join(printed)}")

    def close(self) -> None:
        """End the shell."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Start a server with the example station; yield the documented ports and those it took."""
    arguments = ["serve", "--config", str(ROOT / "examples" / "station_config.json"), "--port", "0", "--ocpp-port", "0"]
    arguments += ["--database", f"sqlite:///{tmp_path / 'server.sqlite3'}"]
    with (tmp_path / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "csms", *arguments], cwd=tmp_path, stdout=subprocess.PIPE, stderr=log, text=True
        )
    with server:
        try:
            found = _ports_of(server)
            assert len(found) == 2, (tmp_path / "server.log").read_text(encoding="utf-8")
            yield found
            server.terminate()
            server.communicate(timeout=30)
        finally:
            server.kill()


def _ports_of(server: "subprocess.Popen[str]") -> dict[str, str]:
    """Return the ports that a server has taken, by those that are documented, or fewer when it ends before."""
    assert server.stdout is not None
    found: dict[str, str] = {}
    for line in server.stdout:
        for documented, url in (("3000", r"http://[^\s/]+:(\d+)"), ("9000", r"ws://[^\s/]+:(\d+)")):
            if (port := re.search(url, line)) and documented not in found:
                found[documented] = port[1]
        if len(found) == 2:
            break
    return found


@pytest.fixture
def shell(tmp_path: Path, ports: dict[str, str]) -> Iterator[Shell]:
    """Yield a shell in a folder with the examples, in which `csms` and `python` are the ones under test."""
    del ports  # the server runs before the shell starts
    folder = tmp_path / "work"
    folder.mkdir()
    shutil.copytree(ROOT / "examples", folder / "examples")
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    opened = Shell(folder, os.environ | {"PATH": path, "COLUMNS": "100", "NO_COLOR": "1"})
    yield opened
    opened.close()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_examples(page: Path, shell: Shell, ports: dict[str, str]) -> None:
    wait_until_healthy(shell, ports)
    for block in blocks(page.read_text("utf-8")):
        if block.reason is None:
            for command in block.commands:
                run_example(page, command, shell, ports)


def wait_until_healthy(shell: Shell, ports: dict[str, str]) -> None:
    output, status = shell.run(
        f"curl -sS --retry 20 --retry-connrefused --retry-delay 1 -o /dev/null localhost:{ports['3000']}/health"
    )
    assert status == 0, output


def run_example(page: Path, command: Command, shell: Shell, ports: dict[str, str]) -> None:
    text = re.sub(r"(?<=:)(3000|9000)\b", lambda port: ports[port[1]], command.text)
    output, status = shell.run(text)
    for documented, real in ports.items():
        output = re.sub(rf"(?<=:){real}\b", documented, output)
    where = f"{page.relative_to(ROOT)}:{command.line}: {command.text}"
    assert status == command.status, f"{where}\n{output}"
    if command.shown is not None:
        shown = "\n".join(command.shown)
        assert pattern(command.shown).fullmatch(output), f"{where}\nshown:\n{shown}\nprinted:\n{output}"
