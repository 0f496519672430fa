import re
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, create_engine, update

from csms.store import ownership, schema
from csms.store.ownership import OwnershipLostError


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.connect() as opened:
        yield opened
    engine.dispose()


@pytest.fixture
def tables(connection: Connection) -> Connection:
    with connection.begin():
        schema.metadata.create_all(connection)
    return connection


def test_every_claim_raises_the_epoch_of_its_own_station(tables: Connection) -> None:
    with tables.begin():
        assert [ownership.claim(tables, station) for station in ("main", "main", "second", "main")] == [1, 2, 1, 3]


@pytest.mark.parametrize("until_the_end", [False, True])
def test_only_the_last_epoch_is_the_owners(tables: Connection, *, until_the_end: bool) -> None:
    with tables.begin():
        for _ in range(3):
            ownership.claim(tables, "main")
        ownership.confirm(tables, "main", 3, until_the_end=until_the_end)
        for other in (1, 2, 4):
            with pytest.raises(OwnershipLostError, match=re.escape(f"{ownership.this_process()} has taken over")):
                ownership.confirm(tables, "main", other, until_the_end=until_the_end)
        with pytest.raises(OwnershipLostError, match="another process has taken over"):
            ownership.confirm(tables, "nowhere", 1, until_the_end=until_the_end)


def test_who_is_known_to_be_the_owner(connection: Connection) -> None:
    assert ownership.holder(connection, "main") == "another process"
    with connection.begin():
        schema.metadata.create_all(connection)
    assert ownership.holder(connection, "main") == "another process"
    with connection.begin():
        ownership.claim(connection, "main")
    assert ownership.holder(connection, "main") == ownership.this_process()
    with connection.begin():
        connection.execute(update(schema.ownership).values(holder="process 7 on host8"))
    assert ownership.holder(connection, "main") == "process 7 on host8"
