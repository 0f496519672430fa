from pathlib import Path

import pytest

from tests.bench.bench_store import run
from tests.postgres import PostgresServer


@pytest.mark.bench
async def test_every_way_of_writing_is_measured(tmp_path: Path, postgres: PostgresServer) -> None:
    table = await run(tmp_path, postgres, count=2_000, transactions=1)
    assert len(table.splitlines()) == 2 * (1 + 4 + 1) + 1 + 3
