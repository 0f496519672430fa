import asyncio

import pytest

from tests.bench.bench_limits import run, table


@pytest.mark.bench
def test_every_fact_leads_to_the_limits_that_follow_from_it() -> None:
    results = asyncio.run(run(chargers=4, stops=1, turns=1))

    assert [(r.name, r.limits, len(r.taken_ms)) for r in results] == [
        ("bare", 4, 1),
        ("sample", 1, 1),
        ("stop", 1, 1),
        ("cut", 4, 1),
        ("raise", 4, 1),
    ]
    assert len(table(results).splitlines()) == 6
