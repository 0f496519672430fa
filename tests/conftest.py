"""What tests of several kinds need: the real PostgreSQL that they share."""

from collections.abc import Iterator

import pytest

from tests.postgres import PostgresServer, empty_database, running_postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Return a PostgreSQL server that runs for the whole session; nobody stops it."""
    with running_postgres() as server:
        yield server


@pytest.fixture
async def postgres_database(postgres: PostgresServer) -> str:
    """Return the name of an empty database on it."""
    return await empty_database(postgres)
