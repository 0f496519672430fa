"""Lists of transactions over REST: filters, pages and CSV."""

import csv
import io
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from api.app import create_app
from api.gate import UNGUARDED
from api.problems import Kind
from api.services import Services
from csms.ports import TransactionFilter, TransactionPosition
from csms.runtime.messages import Messages
from tests.contract.test_rest import FakeDesk, FakeStore, assert_problem
from tests.unit.runtime.audit_doubles import audit_book
from tests.unit.store import samples as stored

T0_MS = 1_772_352_000_000


class World:
    def __init__(self, store: FakeStore, client: httpx2.AsyncClient) -> None:
        self.store = store
        self.client = client

    def hold(self, count: int, **changed: Any) -> None:
        for number in range(1, count + 1):
            fields = {"started_ms": T0_MS + number, "meter_start_wh": 100, "meter_stop_wh": 350} | changed
            self.store.transactions[number] = stored.ended(f"s{number}", number, **fields)

    async def get(self, query: str = "") -> httpx2.Response:
        return await self.client.get(f"/transactions{query}")


@pytest.fixture
async def world() -> AsyncIterator[World]:
    nobody: Any = None
    store = FakeStore()
    services = Services(
        FakeDesk(), store, tuple, nobody, nobody, "TAG", (), nobody, Messages(), audit_book(), *[nobody] * 4
    )
    transport = httpx2.ASGITransport(create_app(services, UNGUARDED))
    async with httpx2.AsyncClient(transport=transport, base_url="http://station") as client:
        yield World(store, client)


async def test_a_list_goes_on_at_its_cursor(world: World) -> None:
    world.hold(5)
    ids: list[int] = []
    query = "?limit=2"
    for _ in range(3):
        page = (await world.get(query)).json()
        ids += [each["transactionId"] for each in page["transactions"]]
        query = f"?limit=2&cursor={page.get('nextCursor')}"
    assert ids == [5, 4, 3, 2, 1]
    assert "nextCursor" not in page
    assert world.store.wanted[1] == (TransactionFilter(), TransactionPosition(T0_MS + 4, 4), 2)


async def test_a_transaction_is_listed_as_it_is_shown(world: World) -> None:
    world.hold(1)
    (listed,) = (await world.get()).json()["transactions"]
    assert (listed["transactionId"], listed["meterStartWh"], listed["energyWh"]) == (1, 100, 250)
    assert listed["startedAt"] == "2026-03-01T08:00:00.001Z"
    assert world.store.wanted == [(TransactionFilter(), None, 100)]


async def test_filters_reach_the_store(world: World) -> None:
    query = "?charger=CP001&idTag=anna&from=2026-03-01T09:00:00%2B01:00&to=2026-03-01T08:00:01Z&state=ended"
    assert (await world.get(query)).json() == {"transactions": []}
    assert (await world.get("/export" + query)).status_code == 200
    assert (await world.get("?state=open")).json() == {"transactions": []}
    all_told = TransactionFilter("CP001", "ANNA", T0_MS, T0_MS + 1_000, ended=True)  # type: ignore[arg-type]
    assert [wanted for wanted, _, _ in world.store.wanted] == [all_told, all_told, TransactionFilter(ended=False)]


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=501", "limit=x", "cursor=7", "cursor=1-x", "state=running", "from=2026-03-01", "to=yesterday"],
)
async def test_what_cannot_be_read_is_a_fault(world: World, query: str) -> None:
    assert_problem(await world.get(f"?{query}"), Kind.INVALID)
    assert world.store.wanted == []


async def test_csv_holds_all_pages_and_no_formula(world: World) -> None:
    world.hold(1_201, id_tag_raw="=1+1", flags=("suspect", "superseded"))
    answer = await world.get("/export")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="transactions.csv"'
    head, *rows = csv.reader(io.StringIO(answer.text))
    assert [row[0] for row in rows] == [str(number) for number in range(1_201, 0, -1)]
    first = dict(zip(head, rows[0], strict=True))
    assert first["idTag"] == "'=1+1"
    assert (first["chargerId"], first["energyWh"], first["flags"]) == ("CP001", "250", "suspect superseded")
    assert [limit for _, _, limit in world.store.wanted] == [500, 500, 500]


async def test_csv_of_nothing_is_its_header(world: World) -> None:
    (head,) = csv.reader(io.StringIO((await world.get("/export")).text))
    assert head[:2] == ["transactionId", "sessionId"]


@pytest.mark.parametrize("path", ["", "/export"])
async def test_a_store_that_cannot_be_read_is_told(world: World, path: str) -> None:
    world.store.broken = True
    assert_problem(await world.get(path), Kind.STORE_UNAVAILABLE)
