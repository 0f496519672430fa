"""The process's clock: the only place where time is read."""

import time

from csms.core.ids import Now

NS_PER_MS = 1_000_000


class SystemClock:
    """Monotonic and wall time of this machine."""

    def now(self) -> Now:
        """Return the present instant, ms."""
        return Now(time.monotonic_ns() // NS_PER_MS, time.time_ns() // NS_PER_MS)
