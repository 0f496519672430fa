"""An event loop whose time stands still while anything can be done, and jumps to the next timer when nothing can.

Theory of operation. `asyncio` asks its selector to wait until a socket is ready or the next timer is due. The selector
here never waits: what is ready is handed over; when nothing is, and no byte is on its way between two sockets of this
process, the loop's time is moved to that timer. Threads would be work that the loop cannot see, so whatever is given to
an executor (the database, the validation of the simulators' frames) is done in the loop, and takes `WORK_MS` of virtual
time: a start, its answer and the first limit are as far apart as on a real charger, some tenths of a second. So a run
takes as long as its work, and two runs see the same events at the same times.

Sockets are real ones of the loopback interface. What is written to one is in its reader's buffer when the system call
returns; bytes that the kernel has not sent yet, because the reader's buffer is full, are waited for in real time.
"""

import asyncio
import fcntl
import math
import selectors
import struct
from collections import deque
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from csms.core.ids import Now

START_MS = 1_767_225_600_000
"""Where the wall clock begins: 2026-01-01T00:00:00Z."""

RESOLUTION_S = 1e-6
WORK_MS = 50
DELIVERY_S = 0.001
DELIVERY_TRIES = 50
"""A reader that has stopped reading may keep its writer's bytes for ever."""

SIOCOUTQNSD = 0x894B
"""Linux: bytes in the send queue that were not sent (include/uapi/linux/sockios.h)."""

T = TypeVar("T")


class DeadlockError(Exception):
    """Everybody waits, and for no time: nothing would ever happen again."""


class JumpingSelector(selectors.DefaultSelector):
    """Returns what is ready; moves the time on when nothing is."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready now, or nothing after a jump of `timeout` seconds."""
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        for _ in range(DELIVERY_TRIES):
            if not any(_unsent(key.fd) for key in self.get_map().values()):
                break
            ready = super().select(DELIVERY_S)
            if ready:
                return ready
        if timeout is None:
            raise DeadlockError
        self.now_ms += math.ceil(timeout * 1000 - RESOLUTION_S)
        return []


def _unsent(descriptor: int) -> int:
    """Return how many bytes of a socket the kernel still holds back."""
    try:
        (count,) = struct.unpack("i", fcntl.ioctl(descriptor, SIOCOUTQNSD, b"\0\0\0\0"))
    except OSError:
        return 0  # it listens, or is no TCP socket
    return int(count)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """The loop: see the module."""

    def __init__(self) -> None:
        self._jumping = JumpingSelector()
        super().__init__(self._jumping)
        self._clock_resolution = RESOLUTION_S  # timers are met to the millisecond, but for binary fractions
        self._work: deque[tuple[asyncio.Future[Any], Callable[[], Any]]] = deque()

    def time(self) -> float:
        """Return the virtual time, s."""
        return self._jumping.now_ms / 1000

    @property
    def now_ms(self) -> int:
        """Return the virtual time, ms."""
        return self._jumping.now_ms

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]  # noqa: ARG002
        """Do the work here, `WORK_MS` from now; `executor` is not asked."""
        done: asyncio.Future[T] = self.create_future()
        self._work.append((done, partial(func, *args)))
        self.call_later(WORK_MS / 1000, self._do_oldest)
        return done

    def _do_oldest(self) -> None:
        """Do the work that was given first: all of it takes equally long, and timers of one instant have no order."""
        done, work = self._work.popleft()
        if done.cancelled():
            return
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - it belongs to whoever waits
            done.set_exception(error)
        else:
            done.set_result(result)


class VirtualClock:
    """The loop's time, as the central system's clock and as the simulators'."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        self._loop = loop

    def now(self) -> Now:
        """Return the present instant to the central system."""
        return Now(self._loop.now_ms, self.now_ms())

    def now_ms(self) -> int:
        """Return the present instant to the simulators, ms UTC."""
        return START_MS + self._loop.now_ms

    async def sleep_until_ms(self, at_ms: int) -> None:
        """Sleep until `at_ms`, as the simulators count."""
        await asyncio.sleep(max(0, at_ms - self.now_ms()) / 1000)


def run_virtually(
    main: Callable[[VirtualClock], Coroutine[Any, Any, T]],
    make_loop: Callable[[], VirtualTimeLoop] = VirtualTimeLoop,
) -> T:
    """Run a program on virtual time, which begins at `START_MS`, and return what it returns."""
    with asyncio.Runner(loop_factory=make_loop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualTimeLoop), "made by our factory"
        return runner.run(main(VirtualClock(loop)))
