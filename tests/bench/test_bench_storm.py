import asyncio

import pytest

from tests.bench.bench_storm import run, table


@pytest.mark.bench
def test_everybody_comes_back_to_both_servers() -> None:
    results = asyncio.run(run(chargers=20))

    assert [(r.name, r.chargers, r.lost) for r in results] == [("bare", 20, 0), ("csms", 20, 0)]
    assert len(table(results).splitlines()) == 3
