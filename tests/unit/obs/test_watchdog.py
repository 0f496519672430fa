import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from csms.obs.supervisor import Supervisor
from csms.obs.watchdog import STALLED, Hands, Patience, Watchdog, watched


class Process:
    """The world of one watchdog: time that passes when the test says so, and what was done."""

    def __init__(self, report_s: int = 10, end_s: int = 60, watchdog_us: str = "") -> None:
        self.now_s = 1_000.0
        self.done: list[str] = []
        self.timer_put_off = 0
        self.words: list[str] = []
        environment = {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": watchdog_us} if watchdog_us else {}
        supervisor = Supervisor(environment)
        supervisor.say = self.words.append  # type: ignore[assignment, method-assign]
        hands = Hands(
            report=lambda still_s: self.done.append(f"reported after {still_s:g} s"),
            relieved=lambda still_s: self.done.append(f"went on after {still_s:g} s"),
            put_off=self._put_off,
            end=lambda status: self.done.append(f"ended with {status}"),
            mono_s=lambda: self.now_s,
        )
        self.watchdog = Watchdog(Patience(report_s, end_s), supervisor, hands)

    def _put_off(self) -> None:
        self.timer_put_off += 1

    def look(self, times: int = 1, each_s: float = 1.0, *, beating: bool = False) -> list[str]:
        """Look so many times and return what has been done since the test began."""
        for _ in range(times):
            self.now_s += each_s
            if beating:
                self.watchdog.beat()
            self.watchdog.look()
        return self.done


def test_a_loop_that_turns_is_left_alone() -> None:
    process = Process()
    assert process.look(1_000, beating=True) == []
    assert process.words == ["WATCHDOG=1"] * 1_000
    assert process.timer_put_off == 1_000


def test_a_loop_that_stands_still_is_told_once_and_then_ended() -> None:
    process = Process(report_s=10, end_s=60)
    process.look(beating=True)
    assert process.look(9) == []
    assert process.look() == ["reported after 10 s"]
    assert process.look(49) == ["reported after 10 s"]
    assert process.look() == ["reported after 10 s", "ended with 4"]
    assert process.words == ["WATCHDOG=1"], "systemd hears nothing of a loop that stands still"


def test_one_that_goes_on_is_told_and_begins_anew() -> None:
    process = Process(report_s=10, end_s=60)
    process.look(30)
    assert process.look(beating=True) == ["reported after 10 s", "went on after 30 s"]
    assert process.look(59)[2:] == ["reported after 10 s"]
    assert process.look()[3:] == ["ended with 4"]


def test_a_short_stall_is_not_told() -> None:
    process = Process(report_s=10)
    process.look(9)
    assert process.look(beating=True) == []
    assert process.look(9) == []


@pytest.mark.parametrize(
    ("report_s", "end_s", "done"),
    [
        (0, 5, ["reported after 5 s", "ended with 4"]),
        (9, 5, ["reported after 5 s", "ended with 4"]),
        (5, 0, ["reported after 5 s"]),
        (0, 0, []),
    ],
)
def test_nothing_ends_untold_and_0_turns_either_off(report_s: int, end_s: int, done: list[str]) -> None:
    process = Process(report_s, end_s)
    for _ in range(5):
        process.look()
    assert process.done == done
    assert process.watchdog.is_wanted is bool(report_s or end_s)


def test_a_look_that_comes_late_counts_for_one_that_does_not() -> None:
    process = Process(report_s=10, end_s=60)
    assert process.look(each_s=3_600.0) == [], "a process that was stopped, a machine that slept"
    assert process.look(8) == []
    assert process.look() == ["reported after 10 s"]


def test_systemds_own_watchdog_alone_is_reason_enough_and_is_told_in_time() -> None:
    process = Process(report_s=0, end_s=0, watchdog_us="2000000")
    assert process.watchdog.is_wanted
    assert process.watchdog.look_s == 0.5
    process.look(3, each_s=0.5, beating=True)
    assert process.words == ["WATCHDOG=1"] * 3


async def test_the_thread_hears_the_loop_and_what_it_waits_for() -> None:
    moves, looks = True, asyncio.Semaphore(0)
    loop = asyncio.get_running_loop()
    process = Process(watchdog_us="40000")
    process.watchdog.look, look = lambda: (look(), loop.call_soon_threadsafe(looks.release))[0], process.watchdog.look  # type: ignore[method-assign]
    async with watched(process.watchdog, lambda: moves):
        async with asyncio.timeout(10):
            while len(process.words) < 3:
                await looks.acquire()
            moves = False
            for _ in range(4):
                await looks.acquire()
            heard = len(process.words)
            for _ in range(4):
                await looks.acquire()
        assert len(process.words) == heard, "the loop turns, but the disk takes nothing"
    assert [thread.name for thread in threading.enumerate() if thread.name == "watchdog"] == []


async def test_where_nothing_is_wanted_there_is_no_thread() -> None:
    async with watched(Process(0, 0).watchdog, lambda: True):
        assert [thread.name for thread in threading.enumerate() if thread.name == "watchdog"] == []


PROGRAM = """
import asyncio, os, re, sys, time
from csms.obs.logs import configure
from csms.obs.supervisor import Supervisor
from csms.obs.watchdog import Patience, Watchdog, watched
from csms.settings import LogFormat, LogLevel

async def blocked_in_sleep():
    while True:
        time.sleep(1)

async def blocked_in_a_log_nobody_reads():
    while True:
        os.write(2, b"x" * 65536)

async def keeps_the_interpreter_to_itself():
    re.match("(a+)+$", "a" * 64 + "b")

async def turns_until_it_is_told():
    told = asyncio.Event()
    asyncio.get_running_loop().add_reader(0, told.set)
    os.write(1, b"!")
    await told.wait()

async def main():
    watchdog = Watchdog(Patience(*map(int, sys.argv[2:])), Supervisor({}))
    watchdog.look_s = 0.1
    async with watched(watchdog, lambda: True):
        await asyncio.sleep(0)
        await globals()[sys.argv[1]]()

configure(LogLevel.INFO, LogFormat.JSON)
asyncio.run(main())
"""


@contextlib.contextmanager
def program(does: str, report_s: int = 1, end_s: int = 2) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program that is looked after; whatever becomes of the test, it is gone afterwards."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", PROGRAM, does, str(report_s), str(end_s)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("does", "status", "said"),
    [
        ("blocked_in_sleep", STALLED, ["blocked_in_sleep", "Thread", "loop.stalled"]),
        ("keeps_the_interpreter_to_itself", -signal.SIGPROF, ["keeps_the_interpreter_to_itself", "Thread"]),
    ],
)
def test_a_process_whose_loop_stands_still_ends_and_says_where(does: str, status: int, said: list[str]) -> None:
    with program(does) as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode == status
    assert all(word in err.decode() for word in said), err.decode()


def test_it_ends_although_its_log_takes_nothing_more() -> None:
    with program("blocked_in_a_log_nobody_reads") as process:
        assert process.wait(timeout=60) == STALLED


def test_a_process_that_was_stopped_for_long_goes_on() -> None:
    with contextlib.ExitStack() as stack:
        several = [stack.enter_context(program("turns_until_it_is_told", end_s=1)) for _ in range(3)]
        for process in several:
            assert process.stdout is not None
            assert process.stderr is not None
            assert process.stdout.read(1) == b"!", process.stderr.read().decode()
            process.send_signal(signal.SIGSTOP)
            assert os.WIFSTOPPED(os.waitpid(process.pid, os.WUNTRACED)[1])
        time.sleep(2.5)  # what is tested: longer than anything may stand still
        for process in several:
            process.send_signal(signal.SIGCONT)
        said = [process.communicate(b"end", timeout=60)[1] for process in several]
        assert [(process.returncode, words) for process, words in zip(several, said, strict=True)] == [(0, b"")] * 3
