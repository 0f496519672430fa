"""What systemd is told by the service that it started with `Type=notify` (sd_notify(3)): a word, sent as a datagram.

Where nobody asked to be told, nothing is sent. A word that cannot be sent is lost: systemd judges by what it hears, and
the next beat follows within seconds.
"""

import contextlib
import os
import socket
from collections.abc import Mapping

READY, STOPPING, ALIVE = "READY=1", "STOPPING=1", "WATCHDOG=1"
US_PER_S = 1_000_000


class Supervisor:
    """The one who started this process, as far as the environment tells of one."""

    def __init__(self, environment: Mapping[str, str], pid: int | None = None) -> None:
        given = environment.get("NOTIFY_SOCKET", "")
        # A name that begins with @ is in the abstract namespace, where names begin with a zero byte.
        self._address = "\0" + given[1:] if given.startswith("@") else given
        self.watchdog_s = _watchdog_s(environment, os.getpid() if pid is None else pid) if given else None

    def say(self, word: str) -> None:
        """Tell it a word; never blocks and never fails."""
        if not self._address:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.setblocking(False)
            line.sendto(word.encode("ascii"), self._address)


def _watchdog_s(environment: Mapping[str, str], pid: int) -> float | None:
    """Return after how long without a word systemd ends us (`WatchdogSec=`), or None: it does not, or means another."""
    meant, given_us = environment.get("WATCHDOG_PID", str(pid)), environment.get("WATCHDOG_USEC", "")
    if meant != str(pid) or not (given_us.isascii() and given_us.isdigit()) or int(given_us) == 0:
        return None
    return int(given_us) / US_PER_S
