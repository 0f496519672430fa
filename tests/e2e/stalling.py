"""`csms` with an event loop that stands still when told to: `python -m tests.e2e.stalling serve …`, then SIGUSR1.

A handler of Python runs in the thread of the loop, between two of its callbacks, and this one does not come back.
"""

import signal
import sys
import time
from types import FrameType

from csms.cli import app


def stand_still(_signum: int, _frame: FrameType | None) -> None:
    """Hold the loop for ever."""
    while True:
        time.sleep(1)


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, stand_still)
    sys.exit(app())
