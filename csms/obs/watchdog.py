"""A thread that looks after the event loop: a loop that stands still is told, and then its process is ended.

    the loop, twice between two looks:    beat       if it turns, and what it does for the disk goes on
    the thread, at each look:             no beat?   for `report_s`: the stacks of all threads, once, then a log line
                                                     for `end_s`: exit status 4, at once, whatever waits

Ending is safe and waiting is not: chargers go on with limits that were booked before (the bound for a server that is
gone), everything that was answered is on disk, and whoever supervises the process starts it again; while it stands
nobody cuts, and everybody waits. Nothing is tidied up on the way, because tidying up may be what hangs.

What the thread itself does can neither wait for the loop nor for a log that takes nothing more: lines and stacks are
written by threads of their own. Time counts only as far as the thread was looking: a process that was stopped, or a
machine that slept, has not stood still. Code that keeps the interpreter to itself keeps it from this thread, too; so a
timer outside of the interpreter, put off at each look, ends the process (SIGPROF, after the stacks) when it has
computed for twice `end_s`. That timer, too, goes on only while the process does: it counts processor time. Code that
keeps the interpreter and computes nothing meanwhile is left to systemd's watchdog, which hears nothing then.
"""

import asyncio
import contextlib
import faulthandler
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from tempfile import TemporaryFile

import structlog

from csms.obs.supervisor import ALIVE, Supervisor

STALLED = 4
"""Exit status of a process that was ended because its loop stood still."""

LOOK_S = 1.0
"""From one look to the next; shorter where systemd wants to hear more often."""

LAST_WORDS_S = 1.0
"""So long the end waits for stacks that are being written."""

STDERR = 2

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Patience:
    """After how long without a beat the stacks are written, and the process is ended; 0: never, s."""

    report_s: int
    end_s: int


@dataclass(frozen=True, slots=True)
class Hands:
    """What a watchdog does to the world: tell of a stall of so many seconds or of its end, put the timer off, exit."""

    report: Callable[[float], None]
    relieved: Callable[[float], None]
    put_off: Callable[[], None]
    end: Callable[[int], None]
    mono_s: Callable[[], float] = time.monotonic


class Watchdog:
    """Judges, look by look, whether the loop still turns."""

    def __init__(self, patience: Patience, supervisor: Supervisor, hands: Hands | None = None) -> None:
        self._patience = patience
        self._supervisor = supervisor
        self._hands = hands_of_this_process(patience) if hands is None else hands
        watched_s = supervisor.watchdog_s
        self.look_s = LOOK_S if watched_s is None else min(LOOK_S, watched_s / 4)
        self._beats = 0
        self._beats_seen = 0
        self._looked_s = self._hands.mono_s()
        self._still_s = 0.0
        self._reported = False

    @property
    def is_wanted(self) -> bool:
        """Return whether there is anything to look for."""
        return bool(self._patience.report_s or self._patience.end_s or self._supervisor.watchdog_s)

    def beat(self) -> None:
        """Take note that the loop turns; called in it."""
        self._beats += 1

    def begin(self) -> None:
        """Begin to look after a loop that turns now."""
        self._looked_s = self._hands.mono_s()
        self._hands.put_off()

    def look(self) -> None:
        """Look once; called by a thread that is not the loop's."""
        now_s, beats = self._hands.mono_s(), self._beats
        passed_s, self._looked_s = now_s - self._looked_s, now_s
        self._hands.put_off()
        if beats != self._beats_seen:
            self._beats_seen = beats
            self._turns_again()
            self._supervisor.say(ALIVE)
            return
        self._still_s += min(passed_s, self.look_s)  # what goes beyond is time in which this thread did not run either
        ends = 0 < self._patience.end_s <= self._still_s
        if not self._reported and (ends or 0 < self._patience.report_s <= self._still_s):
            self._reported = True
            self._hands.report(self._still_s)
        if ends:
            self._hands.end(STALLED)

    def _turns_again(self) -> None:
        if self._reported:
            self._hands.relieved(self._still_s)
        self._still_s, self._reported = 0.0, False


@contextlib.asynccontextmanager
async def watched(watchdog: Watchdog, goes_on: Callable[[], bool]) -> AsyncIterator[None]:
    """Have the running loop looked after; `goes_on` says whether what it waits for elsewhere still moves."""
    if not watchdog.is_wanted:
        yield
        return
    watchdog.begin()
    over = threading.Event()
    thread = threading.Thread(target=_look_until, args=(watchdog, over), name="watchdog", daemon=True)
    heart = asyncio.create_task(_beat_for_ever(watchdog, goes_on), name="watchdog beat")
    thread.start()
    try:
        yield
    finally:
        over.set()
        heart.cancel()
        await asyncio.gather(heart, return_exceptions=True)
        await asyncio.to_thread(thread.join)
        signal.setitimer(signal.ITIMER_PROF, 0)


async def _beat_for_ever(watchdog: Watchdog, goes_on: Callable[[], bool]) -> None:
    while True:
        if goes_on():
            watchdog.beat()
        await asyncio.sleep(watchdog.look_s / 2)


def _look_until(watchdog: Watchdog, over: threading.Event) -> None:
    while not over.wait(watchdog.look_s):
        watchdog.look()


def hands_of_this_process(patience: Patience) -> Hands:
    """Return what is done in earnest."""
    writing: list[threading.Thread] = []
    if patience.end_s:
        faulthandler.register(signal.SIGPROF, file=STDERR, all_threads=True, chain=True)  # stacks, then its own end

    def aside(work: Callable[[float], None], still_s: float) -> None:
        writing.append(threading.Thread(target=work, args=(still_s,), name="watchdog's words", daemon=True))
        writing[-1].start()

    def put_off() -> None:
        if patience.end_s:
            signal.setitimer(signal.ITIMER_PROF, 2 * patience.end_s)

    def end(status: int) -> None:
        if writing:
            writing[-1].join(LAST_WORDS_S)
        os._exit(status)

    return Hands(
        report=lambda still_s: aside(_tell_stacks, still_s),
        relieved=lambda still_s: aside(_tell_relief, still_s),
        put_off=put_off,
        end=end,
    )


def _tell_stacks(still_s: float) -> None:
    """Write the stacks first: they pass by the locks of the log, which the loop may hold."""
    with contextlib.suppress(OSError):
        os.write(STDERR, _stacks())
    _log.error("loop.stalled", still_s=round(still_s, 1), to_do="the stacks of all threads are above")


def _stacks() -> bytes:
    """Return the stacks of all threads: they are taken with the interpreter held, so not into a log that waits."""
    with os.fdopen(os.memfd_create("stacks"), "w+b") if sys.platform == "linux" else TemporaryFile() as file:
        faulthandler.dump_traceback(file=file, all_threads=True)
        file.seek(0)
        return file.read()


def _tell_relief(still_s: float) -> None:
    _log.warning("loop.went_on", still_s=round(still_s, 1))
