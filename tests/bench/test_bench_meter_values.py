import asyncio

import pytest

from tests.bench.bench_meter_values import Load, run, table


@pytest.mark.bench
def test_all_four_servers_answer_everything_and_are_compared() -> None:
    results = asyncio.run(run(Load(connections=2, messages=200, warm_up_s=0.1)))

    assert [(r.name, r.messages) for r in results] == [
        ("echo", 200),
        ("csms", 200),
        ("ocpp", 200),
        ("kept", 200),
    ]
    assert len(table(results).splitlines()) == 5
