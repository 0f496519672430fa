"""What tests of several kinds need: the real PostgreSQL that they share, and a log whose tracebacks cost nothing."""

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


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Return a PostgreSQL server that runs for the whole session; nobody stops it."""
    with running_postgres() as server:
        yield server


@pytest.fixture
async def postgres_database(postgres: PostgresServer) -> str:
    """Return the name of an empty database on it."""
    return await empty_database(postgres)
