"""The frames of the simulated chargers of this process, out of the log that they write of them."""

import contextlib
import logging
from collections.abc import Iterator
from typing import Protocol


class See(Protocol):
    """Who looks at frames."""

    def __call__(self, charger_id: str, text: str, *, sent: bool) -> None:
        """Look at one frame as it is on the wire."""
        ...


class _Tap(logging.Handler):
    def __init__(self, see: See) -> None:
        super().__init__()
        self._see = see

    def emit(self, record: logging.LogRecord) -> None:
        match record.args:
            case (str(charger_id), str(text)):
                self._see(charger_id, text, sent="send" in record.msg)
            case _:
                pass  # the package's words about a frame


@contextlib.contextmanager
def frames_tapped(see: See) -> Iterator[None]:
    """Show every frame of links that were made with `frames`, and print none."""
    frames_log = logging.getLogger("simulators.frames")
    tap = _Tap(see)
    frames_log.addHandler(tap)
    propagates, frames_log.propagate = frames_log.propagate, False
    try:
        yield
    finally:
        frames_log.removeHandler(tap)
        frames_log.propagate = propagates
