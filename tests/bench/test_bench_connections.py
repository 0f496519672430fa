import asyncio

import pytest

from tests.bench.bench_connections import run, table


@pytest.mark.bench
def test_both_servers_hold_their_chargers_and_are_compared() -> None:
    results = asyncio.run(run(chargers=4))

    assert [(r.name, r.connections) for r in results] == [("bare", 4), ("csms", 4)]
    assert len(table(results).splitlines()) == 3
