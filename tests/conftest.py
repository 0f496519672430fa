"""What tests of several kinds need: the real PostgreSQL that they share, and a log whose tracebacks cost nothing."""

import gc
import re
from collections.abc import Iterator

import pytest
import structlog

from tests.postgres import PostgresServer, empty_database, running_postgres


def pytest_runtest_setup() -> None:
    """Have tracebacks of what is meant to fail printed plainly, after tests of the log too: a table costs a second."""
    if structlog.is_configured():
        return
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have the day of a minute and a half begun first: at the end the other processes would wait for it."""
    items.sort(key=lambda item: "whole_day" not in item.nodeid)


def pytest_collection_finish() -> None:
    """Have garbage looked for seldom, and not among the tests themselves: it took up to a sixth of their time."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 1_000)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which of the clients that others have written were played: without Node.js most are not."""
    played = {
        name
        for report in terminalreporter.getreports("passed")
        if report.when == "call" and (name := client_of(report.nodeid)) is not None
    }
    left_out = {name for report in terminalreporter.getreports("skipped") if (name := client_of(report.nodeid))}
    if played or left_out:
        said = f"{len(played)} of {len(played | left_out)} independent clients were played"
        missing = f"; make interop-clients, with Node.js, brings {', '.join(sorted(left_out))}" if left_out else ""
        terminalreporter.write_line(f"{said}: {', '.join(sorted(played))}{missing}", yellow=bool(left_out))


def client_of(nodeid: str) -> str | None:
    """Return the client that a test is played with, if it is one of those."""
    found = re.search(r"test_independent_clients\.py::test_others_charge\w+\[(.+)\]$", nodeid)
    return None if found is None else found[1]


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Return a PostgreSQL server that runs for the whole session; nobody stops it."""
    with running_postgres() as server:
        yield server


@pytest.fixture
async def postgres_database(postgres: PostgresServer) -> str:
    """Return the name of an empty database on it."""
    return await empty_database(postgres)
