"""Child processes that are never left behind.

Each is started in a session of its own, so that Ctrl-C reaches the parent alone, which then stops them in order:
SIGTERM, and SIGKILL for one that does not end in time. On Linux the kernel ends them also when the parent is killed.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from csms.settings import ENV_PREFIX

STOP_TIMEOUT_S: Final = 10
LINE_BYTES_MAX: Final = 1 << 20
_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None) if sys.platform == "linux" else None


class Child:
    """One running child: its lines of standard output go to `on_line`, its standard error to a file.

    `is_stopping` tells an end that was asked for from one that was not.
    """

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self.log = log
        self.is_stopping = False
        self._process = process

    @classmethod
    async def start(cls, name: str, arguments: list[str], log: Path) -> "Child":
        """Start this very Python with `arguments` and none of our settings from the environment; errors go to `log`."""
        with log.open("wb") as errors:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *arguments,
                env={name: value for name, value in os.environ.items() if not name.upper().startswith(ENV_PREFIX)},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                limit=LINE_BYTES_MAX,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        return cls(name, process, log)

    async def follow(self, on_line: Callable[[str], None]) -> int:
        """Hand each line to `on_line` until the child ends; return its exit status."""
        assert self._process.stdout is not None, "it was started with a pipe"
        async for line in self._process.stdout:
            on_line(line.decode("utf-8", errors="replace").rstrip("\n"))
        return await self._process.wait()

    async def stop(self) -> None:
        """End the child, gently first; somebody must be following it, or its last lines block it."""
        self.is_stopping = True
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), STOP_TIMEOUT_S)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    def last_words(self, lines: int = 15) -> str:
        """Return the end of what it wrote to standard error."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def _die_with_parent() -> None:
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
