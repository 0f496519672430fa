from pathlib import Path

import pytest

from tests.bench.bench_store import run


@pytest.mark.bench
async def test_every_way_of_writing_is_measured(tmp_path: Path) -> None:
    table = await run(tmp_path, count=2_000, transactions=1)
    assert len(table.splitlines()) == 1 + 4 + 1 + 1 + 3
