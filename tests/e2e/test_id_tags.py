"""Who may charge: listed over REST, asked by a charger over its socket, and still so after a restart."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.chargers import HandCharger, by_hand
from tests.e2e.programs import Server, charger, serving, station
from tests.postgres import PostgresServer, empty_database

pytestmark = pytest.mark.e2e

STATION = station(100, charger("CP001", 50, 2), charger("CP002", 50, 1))
LONG_AGO = "2021-01-01T00:00:00Z"
LATER = "2099-01-01T00:00:00Z"
LIST = f"""\
idTag,parentIdTag,expiryDate,blocked,concurrent,note
04Anna,Fleet,{LATER},,,one car at a time
04Ben,Fleet,,true,,
04Carl,,{LONG_AGO},,,
04Pool,,,,true,"a pool, of three"
"""
TOLD = {
    "04ANNA": {"status": "Accepted", "parentIdTag": "Fleet", "expiryDate": LATER},
    "04ben": {"status": "Blocked", "parentIdTag": "Fleet"},
    "04Carl": {"status": "Expired", "expiryDate": LONG_AGO},
    "04pool": {"status": "Accepted"},
    "Fleet": {"status": "Invalid"},
    "stranger": {"status": "Invalid"},
    "5e450001": {"status": "Accepted"},
}
LISTED = ("--id-tags", "listed", "--log-format", "json")


def ago(seconds: int) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


async def start(hand: HandCharger, tag: str, idx: int = 1, timestamp: str | None = None) -> tuple[int, dict[str, Any]]:
    told = {"connectorId": idx, "idTag": tag, "meterStart": 1_000, "timestamp": timestamp or ago(0)}
    answer = await hand.call("StartTransaction", told)
    return answer["transactionId"], answer["idTagInfo"]


async def stop(hand: HandCharger, transaction_id: int, **told: Any) -> dict[str, Any]:
    stopped = {"transactionId": transaction_id, "meterStop": 2_000, "timestamp": ago(0)}
    return await hand.call("StopTransaction", stopped | told)


async def authorize(hand: HandCharger, tag: str) -> dict[str, Any]:
    info: dict[str, Any] = (await hand.call("Authorize", {"idTag": tag}))["idTagInfo"]
    return info


async def take_in(server: Server, text: str) -> dict[str, int]:
    answer = await server.rest.post("/id-tags/import", content=text, headers={"Content-Type": "text/csv"})
    assert answer.status_code == 200, answer.text
    became: dict[str, int] = answer.json()
    return became


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_a_list_is_imported_asked_for_and_kept_over_a_restart(
    database: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = None
    if database == "postgresql":
        server_of: PostgresServer = request.getfixturevalue("postgres")
        url = server_of.url(await empty_database(server_of))
    async with serving(tmp_path, config=STATION, database=url, arguments=LISTED) as server:
        assert await take_in(server, LIST) == {"added": 4, "changed": 0, "removed": 0, "unchanged": 0}
        async with by_hand(server.ocpp_url, "CP001") as hand:
            await hand.boot(2)
            for tag, info in TOLD.items():
                assert await authorize(hand, tag) == info
        exported = (await server.rest.get("/id-tags/export")).text
        server.kill_now()
        await server.wait()
    async with serving(tmp_path, config=STATION, database=url, arguments=LISTED) as server:
        assert (await server.rest.get("/id-tags/export")).text == exported
        async with by_hand(server.ocpp_url, "CP001") as hand:
            for tag, info in TOLD.items():
                assert await authorize(hand, tag) == info
            assert (await server.rest.delete("/id-tags/04ANNA")).status_code == 204
            assert await authorize(hand, "04Anna") == {"status": "Invalid"}, "from the next question on"
        await server.stop()
        assert "04Anna" not in server.err, "tags are masked in the log"
        removed = [line for line in server.log() if line["event"] == "id_tag.removed"]
        assert [line["id_tag"] for line in removed] == ["***"]


async def test_starts_are_judged_again_and_never_lost(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, config=STATION, arguments=LISTED) as server,
        by_hand(server.ocpp_url, "CP001") as hand,
        by_hand(server.ocpp_url, "CP002") as other,
    ):
        await take_in(server, LIST)
        await hand.boot(2)
        await other.boot(1)

        began_offline = ago(3_600)
        blocked_id, info = await start(hand, "04BEN", 1, began_offline)
        assert info == TOLD["04ben"]
        shown = (await server.get(f"/transactions/{blocked_id}"))["transaction"]
        assert (shown["idTag"], shown["idTagStatus"], "stoppedAt" in shown) == ("04BEN", "Blocked", False)
        assert await start(hand, "04BEN", 1, began_offline) == (blocked_id, info), "a replay opens nothing"
        assert await stop(hand, blocked_id) == {}
        assert (await server.get(f"/transactions/{blocked_id}"))["transaction"]["energyWh"] == 1_000

        expired_id, info = await start(hand, "04Carl")
        assert info == TOLD["04Carl"]
        await stop(hand, expired_id)

        anna_id, info = await start(hand, "04Anna")
        assert info == TOLD["04ANNA"]
        again_id, info = await start(other, "04anna")
        assert info == TOLD["04ANNA"] | {"status": "ConcurrentTx"}
        assert await authorize(other, "04Anna") == TOLD["04ANNA"], "only a start can be one too many"
        ben = {"idTag": "04Ben", "reason": "Local"}
        assert await stop(hand, anna_id, **ben) == {"idTagInfo": TOLD["04ben"]}, "the charger compares the parents"
        await stop(other, again_id)

        ids = [(await start(hand, "04Pool", 1)), await start(hand, "04pool", 2), await start(other, "04POOL")]
        assert [info for _, info in ids] == [{"status": "Accepted"}] * 3
        assert len({transaction_id for transaction_id, _ in ids}) == 3


async def test_open_lets_all_charge_but_those_that_are_listed_otherwise(tmp_path: Path) -> None:
    async with serving(tmp_path, config=STATION) as server, by_hand(server.ocpp_url, "CP001") as hand:
        await hand.boot(2)
        assert await authorize(hand, "LOST") == {"status": "Accepted"}
        answer = await server.rest.put("/id-tags/lost", json={"blocked": True})
        assert (answer.status_code, answer.json()["version"]) == (200, 1)
        assert await authorize(hand, "LOST") == {"status": "Blocked"}
        assert await authorize(hand, "OTHER") == {"status": "Accepted"}


async def test_what_is_listed_counts_before_a_file(tmp_path: Path) -> None:
    (tmp_path / "tags.txt").write_text("ANNA\nBEN\n", encoding="utf-8")
    arguments = ("--id-tags", "tags.txt")
    async with (
        serving(tmp_path, config=STATION, arguments=arguments) as server,
        by_hand(server.ocpp_url, "CP001") as hand,
    ):
        await server.rest.put("/id-tags/anna", json={"blocked": True})
        await server.rest.put("/id-tags/carl", json={})
        told = {tag: (await authorize(hand, tag))["status"] for tag in ("anna", "ben", "carl", "dora")}
        assert told == {"anna": "Blocked", "ben": "Accepted", "carl": "Accepted", "dora": "Invalid"}


async def test_a_hundred_thousand_tags_while_a_charger_asks(tmp_path: Path) -> None:
    rows = "".join(f"04A2B3C4{number:06X},Fleet,{LATER},,,number {number}\n" for number in range(100_000))
    async with (
        serving(tmp_path, config=STATION, arguments=LISTED) as server,
        by_hand(server.ocpp_url, "CP001") as hand,
    ):
        await hand.boot(2)
        assert (await take_in(server, "idTag,parentIdTag,expiryDate,blocked,concurrent,note\n" + rows))[
            "added"
        ] == 100_000
        assert (await authorize(hand, "04a2b3c401869f"))["status"] == "Accepted"
        bad = f"idTag\n{'x' * 21}\nok\n"
        answer = await server.rest.post("/id-tags/import", content=bad, headers={"Content-Type": "text/csv"})
        assert answer.status_code == 422
        assert json.loads(answer.text)["faults"][0]["path"] == "line 2, column idTag"
        assert await authorize(hand, "ok") == {"status": "Invalid"}
