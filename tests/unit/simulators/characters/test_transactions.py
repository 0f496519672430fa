"""Characters of transactions: their messages, and what becomes of them."""

import pytest

from simulators.driven import DEFAULT_TAG
from tests.unit.simulators.characters.central import Bench, Central, bench


async def whole_transaction(b: Bench) -> None:
    await b.start()
    await b.run(20)
    b.charger.sessions.unplug(b.driven.connector())
    await b.driven.settle()


@pytest.mark.parametrize(
    ("character", "transaction_ids"),
    [
        ("int64_transaction_id", [9_223_372_036_854_775_807]),
        ("stops_minus_1", [-1]),
        ("stops_0", [0]),
        ("never_stops", []),
        ("starts_twice", [1]),
    ],
)
async def test_what_the_stop_names(character: str, transaction_ids: list[int]) -> None:
    async with bench(character) as b:
        await whole_transaction(b)
        assert [stop["transactionId"] for stop in b.central.of("StopTransaction")] == transaction_ids
        assert b.central.statuses(1)[-1] == "Available"
        assert {m["transactionId"] for m in b.central.of("MeterValues")} == {1}


@pytest.mark.parametrize(
    ("character", "action", "field"),
    [("stops_nameless", "StopTransaction", "transactionId"), ("no_meter_start", "StartTransaction", "meterStart")],
)
async def test_what_is_left_out(character: str, action: str, field: str) -> None:
    async with bench(character) as b:
        await whole_transaction(b)
        (told,) = b.central.of(action)
        assert field not in told
        assert b.central.statuses(1)[-1] == "Available"


async def test_available_comes_before_the_stop() -> None:
    async with bench("stops_late") as b:
        await whole_transaction(b)
        assert b.central.statuses(1)[-1] == "Available"
        await b.run(14.75)
        assert b.central.of("StopTransaction") == []
        await b.run(0.25)
        assert b.central.of("StopTransaction")[0]["timestamp"] == "2023-11-14T22:13:40.000Z"


async def test_a_start_is_repeated_after_an_outage() -> None:
    async with bench("repeats_start") as b:
        await b.start()
        await b.run(20)
        b.central.tag_status = "ConcurrentTx"
        await b.connected()
        first, again = b.central.of("StartTransaction")
        assert first == again
        assert len(set(b.central.ids)) == len(b.central.ids)
        await b.run(120)
        # Once in each transaction; the verdict on the repetition does not count.
        assert len(b.central.sockets) == 2
        assert b.power_w() == 150_000


@pytest.mark.parametrize(("status", "stops"), [("Accepted", []), ("ConcurrentTx", ["DeAuthorized"])])
async def test_a_repeated_start_that_is_refused_ends_the_transaction(status: str, stops: list[str]) -> None:
    async with bench("reauthorizes") as b:
        await b.start()
        await b.run(20)
        b.central.tag_status = status
        await b.connected()
        assert len(b.central.of("StartTransaction")) == 2
        assert [stop["reason"] for stop in b.central.of("StopTransaction")] == stops


async def test_a_start_comes_twice_at_once() -> None:
    async with bench("starts_twice") as b:
        await b.start()
        first, again = b.central.of("StartTransaction")
        assert first == again
        assert b.central.actions()[-2:] == ["StartTransaction", "StartTransaction"]
        assert len(set(b.central.ids)) == len(b.central.ids)
        await b.run(20)
        assert b.power_w() == 150_000
        assert b.central.actions()[-1] == "MeterValues"


async def test_of_a_session_that_began_offline_only_the_stop_comes() -> None:
    async with bench("only_stop_of_offline") as b:
        b.charger.drop(60_000)
        await b.driven.settle()
        await b.start()
        await b.run(30)
        b.charger.sessions.unplug(b.driven.connector())
        await b.connected()
        assert b.central.of("StartTransaction") == []
        assert b.central.of("MeterValues") == []
        assert [stop["transactionId"] for stop in b.central.of("StopTransaction")] == [-1]
        # One that begins online is told from its beginning.
        await whole_transaction(b)
        assert b.central.actions()[-1] == "StopTransaction"
        assert [len(b.central.of(name)) for name in ("StartTransaction", "MeterValues", "StopTransaction")] == [1, 2, 2]


@pytest.mark.parametrize(
    ("id_tag", "status"),
    [("5E450001", "Accepted"), ("5e45", "Accepted"), ("VIRTUAL", "Rejected"), ("5E-1", "Rejected")],
)
async def test_hexadecimal_tags_only(id_tag: str, status: str) -> None:
    async with bench("hex_tags_only") as b:
        assert await b.status("RemoteStartTransaction", {"idTag": id_tag, "connectorId": 1}) == status
        assert len(b.central.of("StartTransaction")) == (status == "Accepted")


async def test_long_tags() -> None:
    async with bench("long_tags", central=Central()) as b:
        await b.start()
        expected = f"CP 1-{DEFAULT_TAG}".ljust(26, "0")
        assert [m["idTag"] for m in (*b.central.of("Authorize"), *b.central.of("StartTransaction"))] == [expected] * 2
        # It still knows its own tag.
        await b.driven.swipe()
        assert b.central.of("StopTransaction")[0]["idTag"] == expected
