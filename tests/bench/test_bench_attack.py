import asyncio

import pytest

from tests.bench.bench_attack import Sides, run, table


@pytest.mark.bench
def test_honest_chargers_are_answered_and_stay_while_others_attack() -> None:
    sides = Sides(honest=10, slow=5, guessing=3, hostile=2, rounds=1, seconds=3, each_s=0.5)
    results, done = asyncio.run(run(sides))

    assert [(r.name, r.disconnected) for r in results] == [("calm", 0), ("attacked", 0)]
    assert all(r.reactions_ms for r in results)
    assert done["slow connections"] >= 5
    assert done["wrong keys answered 401"] > 0
    assert done["valid messages answered"] > 0
    assert "HONEST" not in table(results, done)
