from pathlib import Path

import pytest

from tests.bench.bench_pages import filled, pages, run


@pytest.mark.bench
async def test_every_page_is_measured(tmp_path: Path) -> None:
    table = await run(tmp_path, few=200, many=400, times=1)
    assert len(table.splitlines()) == 1 + 12


async def test_the_pages_are_full(tmp_path: Path) -> None:
    """Else their time would tell nothing."""
    store = await filled(tmp_path, 20_000)
    found = {name: await page() for name, page in pages(store, 20_000).items()}
    await store.close()
    lengths = {name: len(rows) for name, rows in found.items() if isinstance(rows, tuple)}
    assert lengths.pop("transactions that run") == lengths.pop("commands that wait") - 100 == 0
    assert lengths.pop("transactions of a card") == 10
    assert set(lengths.values()) == {100}
