"""One timer for each connection: time-outs of our CALLs, a ping after silence, the end after too much of it.

Any frame is a sign of life (many chargers never answer a ping), and the patience is three heartbeats: a limit equal to
the heartbeat interval would close healthy connections. The timer is only ever moved nearer; when it fires too early it
is set anew, which costs less than moving it with every frame.
"""

import asyncio
from collections.abc import Callable
from enum import Enum, auto

from csms.gateway.connection import ChargerConnection

PING_INTERVAL_MS = 30_000
"""Silence after which a ping is sent."""


class Life(Enum):
    """What a connection's silence means."""

    ALIVE = auto()
    QUIET = auto()
    """A ping is due."""
    SILENT = auto()
    """It counts as dead."""


class Pulse:
    """When `check` has to be called for one connection, and what it finds."""

    __slots__ = ("_connection", "_fire", "_mono_ms", "_patience_ms", "_pinged_ms", "_timer", "_timer_ms")

    def __init__(
        self,
        connection: ChargerConnection,
        heartbeat_interval_s: int,
        mono_ms: Callable[[], int],
        fire: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._patience_ms = 3 * max(1000 * heartbeat_interval_s, PING_INTERVAL_MS)
        self._mono_ms = mono_ms
        self._fire = fire
        self._pinged_ms = 0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ms = 0

    def check(self) -> Life:
        """Return what the time since the last frame means; a ping that is due counts as sent."""
        now_ms = self._mono_ms()
        silent_ms = now_ms - self._connection.last_frame_ms
        if silent_ms >= self._patience_ms:
            return Life.SILENT
        if silent_ms >= PING_INTERVAL_MS and now_ms - self._pinged_ms >= PING_INTERVAL_MS:
            self._pinged_ms = now_ms
            return Life.QUIET
        return Life.ALIVE

    def arm(self, call_deadline_ms: int | None) -> None:
        """See to it that `fire` is called in time for the silence and for the CALL that waits for its answer.

        Needed only where a deadline may have come nearer: frames only ever put it off.
        """
        heard_ms = self._connection.last_frame_ms
        deadline_ms = min(max(heard_ms, self._pinged_ms) + PING_INTERVAL_MS, heard_ms + self._patience_ms)
        if call_deadline_ms is not None:
            deadline_ms = min(deadline_ms, call_deadline_ms)
        if self._timer is not None and self._timer_ms <= deadline_ms:
            return
        self.stop()
        self._timer_ms = deadline_ms
        delay_s = max(0, deadline_ms - self._mono_ms()) / 1000
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._on_timer)

    def stop(self) -> None:
        """Take the timer back."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_timer(self) -> None:
        self._timer = None
        self._fire()
