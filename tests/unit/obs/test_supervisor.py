import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from csms.obs.supervisor import ALIVE, READY, Supervisor


@pytest.fixture(params=["a path", "an abstract name"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    given = str(tmp_path / "notify") if request.param == "a path" else f"@csms-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind("\0" + given[1:] if given.startswith("@") else given)
        line.settimeout(10)
        yield given, line


def test_words_reach_whoever_asked_for_them(systemd: tuple[str, socket.socket]) -> None:
    address, line = systemd
    supervisor = Supervisor({"NOTIFY_SOCKET": address})
    supervisor.say(READY)
    supervisor.say(ALIVE)
    assert [line.recv(64), line.recv(64)] == [b"READY=1", b"WATCHDOG=1"]


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "/no/such/socket"}])
def test_where_nobody_listens_a_word_is_lost(environment: dict[str, str]) -> None:
    Supervisor(environment).say(READY)


def test_a_word_that_does_not_fit_in_is_lost_and_not_waited_for(systemd: tuple[str, socket.socket]) -> None:
    address, _ = systemd
    supervisor = Supervisor({"NOTIFY_SOCKET": address})
    for _ in range(5_000):
        supervisor.say(ALIVE)


@pytest.mark.parametrize(
    ("environment", "watchdog_s"),
    [
        ({"WATCHDOG_USEC": "60000000"}, None),
        ({"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "60000000"}, 60.0),
        ({"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "1500000", "WATCHDOG_PID": "7"}, 1.5),
        ({"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "8"}, None),
        ({"NOTIFY_SOCKET": "/s"}, None),
        ({"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "0"}, None),
        ({"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "soon"}, None),
        ({"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "²"}, None),
    ],
)
def test_its_watchdog_is_ours_when_it_means_this_process(environment: dict[str, str], watchdog_s: float | None) -> None:
    assert Supervisor(environment, pid=7).watchdog_s == watchdog_s
