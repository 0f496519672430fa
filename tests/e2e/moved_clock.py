"""`csms` with a clock that a test can set: `python -m tests.e2e.moved_clock FILE serve …`.

Nobody may set a machine's clock in a test. FILE holds two signed numbers of 64 bits, ms: how far the wall clock and the
monotonic clock of this process are ahead of the machine's. Everything that the control loop, the gateway and REST know
of time comes from `SystemClock`, so setting the first is what setting the machine's clock is to them, and moving the
second on is time that has passed.
"""

import mmap
import struct
import sys
from pathlib import Path
from typing import Final

from csms.cli import app
from csms.core.ids import Now
from csms.runtime.clock import SystemClock

AHEAD: Final = struct.Struct("<qq")


class MovedClock:
    """The file through which a test sets the clock of a server that it has started with it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._wall_ms = self._mono_ms = 0
        self._write()

    def set_wall(self, ahead_ms: int) -> None:
        """Set the server's wall clock so far ahead of the machine's; negative: behind."""
        self._wall_ms = ahead_ms
        self._write()

    def pass_time(self, by_ms: int) -> None:
        """Let time pass for the server: on both of its clocks."""
        self._wall_ms += by_ms
        self._mono_ms += by_ms
        self._write()

    def _write(self) -> None:
        with self.path.open("r+b" if self.path.exists() else "wb") as file:
            file.write(AHEAD.pack(self._wall_ms, self._mono_ms))


def main() -> None:
    """Run `csms` on the moved clock."""
    with Path(sys.argv.pop(1)).open("rb") as file:
        ahead = mmap.mmap(file.fileno(), AHEAD.size, access=mmap.ACCESS_READ)
    true_now = SystemClock.now

    def now(self: SystemClock) -> Now:
        at = true_now(self)
        wall_ms, mono_ms = AHEAD.unpack_from(ahead)
        return Now(at.mono_ms + mono_ms, at.wall_ms + wall_ms)

    SystemClock.now = now  # type: ignore[method-assign]
    app()


if __name__ == "__main__":
    main()
