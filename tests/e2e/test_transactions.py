"""One transaction, from what a charger says of it to what `GET /transactions/{transactionId}` shows of it."""

from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.chargers import HandCharger, by_hand
from tests.e2e.programs import charger, serving, station, until
from tests.postgres import PostgresServer, empty_database

pytestmark = pytest.mark.e2e

STATION = station(100, charger("CP001", 50, 1))
REGISTER_WH = 1_234_567
SIGNED = ' OCMF|{"FV":"1.0","\u00e9":"\\"\\/","RV":1.50}|{"SD":"3045\u20ac"}\n'


class Day:
    """The time stamps of a charger whose transaction began 50 s before the first of them was asked for."""

    @cached_property
    def _began(self) -> datetime:
        return datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=50)

    def stamp(self, seconds: int) -> str:
        return (self._began + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def shown(self, seconds: int) -> str:
        return self.stamp(seconds).replace("Z", ".000Z")

    def moment(self, seconds: int, *values: dict[str, Any]) -> dict[str, Any]:
        return {"timestamp": self.stamp(seconds), "sampledValue": list(values)}

    def register(self, seconds: int, energy_wh: int) -> dict[str, Any]:
        return self.moment(seconds, {"value": str(energy_wh), "unit": "Wh"})


async def start(hand: HandCharger, timestamp: str, **changed: Any) -> dict[str, Any]:
    told = {"connectorId": 1, "idTag": "TAG", "meterStart": REGISTER_WH, "timestamp": timestamp} | changed
    return await hand.call("StartTransaction", {key: value for key, value in told.items() if value != "left out"})


async def sample(hand: HandCharger, transaction_id: int, *moments: dict[str, Any]) -> None:
    told = {"connectorId": 1, "transactionId": transaction_id, "meterValue": list(moments)}
    assert await hand.call("MeterValues", told) == {}


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_every_value_once_and_signed_data_to_the_byte(
    database: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    day, url = Day(), None
    if database == "postgresql":
        server_of: PostgresServer = request.getfixturevalue("postgres")
        url = server_of.url(await empty_database(server_of))
    power = {"value": "49.5", "measurand": "Power.Active.Import", "unit": "kW"}
    first, second = day.moment(10, {"value": "1234667"}, power), day.register(20, REGISTER_WH + 200)
    signed = day.moment(40, {"value": SIGNED, "format": "SignedData", "context": "Transaction.End"})
    async with serving(tmp_path, config=STATION, database=url) as server, by_hand(server.ocpp_url, "CP001") as hand:
        await hand.boot()
        one = (await start(hand, day.stamp(0)))["transactionId"]
        await sample(hand, one, first)
        await sample(hand, one, first, second)
        running = (await server.get(f"/transactions/{one}"))["transaction"]
        assert (running["energyWh"], "stoppedAt" in running, running["flags"]) == (200, False, [])
        stop = {
            "transactionId": one,
            "meterStop": REGISTER_WH + 400,
            "timestamp": day.stamp(40),
            "reason": "EVDisconnected",
        }
        again = dict(reversed(second.items()))  # other bytes, the same value
        data = [again, first, signed, day.register(40, REGISTER_WH + 400)]
        for _ in range(2):
            assert await hand.call("StopTransaction", stop | {"transactionData": data}) == {}
        shown = await server.get(f"/transactions/{one}")
        outlet = {"context": "Sample.Periodic", "location": "Outlet"}
        energy = {"measurand": "Energy.Active.Import.Register", **outlet}
        assert shown == {
            "transaction": {
                "transactionId": one,
                "sessionId": running["sessionId"],
                "connectorId": {"chargerId": "CP001", "idx": 1},
                "idTag": "TAG",
                "idTagStatus": "Accepted",
                "startedAt": day.shown(0),
                "stoppedAt": day.shown(40),
                "meterStartWh": REGISTER_WH,
                "meterStopWh": REGISTER_WH + 400,
                "energyWh": 400,
                "endReason": "EVDisconnected",
                "flags": [],
            },
            "samples": [
                {"at": day.shown(10), **energy, "value": "1234667"},
                {"at": day.shown(10), **outlet, "measurand": "Power.Active.Import", "unit": "kW", "value": "49.5"},
                {"at": day.shown(20), **energy, "unit": "Wh", "value": "1234767"},
                {"at": day.shown(40), **energy, "unit": "Wh", "value": "1234967"},
            ],
            "signedData": [{"at": day.shown(40), **energy, "context": "Transaction.End", "value": SIGNED}],
        }
        pages: dict[str, list[Any]] = {"samples": [], "signedData": []}
        page, cursor = await server.get(f"/transactions/{one}?limit=2"), ""
        while True:
            for name, values in pages.items():
                values.extend(page[name])
            assert page.get("nextCursor") != cursor
            cursor = page.get("nextCursor")
            if cursor is None:
                break
            page = await server.get(f"/transactions/{one}?limit=2&cursor={cursor}")
        assert pages == {name: shown[name] for name in pages}
        assert (await server.rest.get("/transactions/99")).status_code == 404
        assert (await server.rest.get("/transactions/one")).status_code == 422


async def test_a_transaction_is_given_up_when_its_charger_is_gone_and_its_stop_still_counts(tmp_path: Path) -> None:
    day = Day()
    async with serving(tmp_path, config=STATION) as server:
        async with by_hand(server.ocpp_url, "CP001") as hand:
            await hand.boot()
            one = (await start(hand, day.stamp(0)))["transactionId"]
            await sample(hand, one, day.register(10, REGISTER_WH + 100))
            path, why = f"/transactions/{one}/close", {"reason": "stolen, says the landlord"}
            assert (await server.post(path, why)).status_code == 409, "its charger is there"

        async def is_away() -> bool:
            return "connection" not in (await server.get("/chargers/CP001"))["charger"]

        await until(is_away, "its charger is away")
        assert (await server.post(path, {"reason": ""})).status_code == 422
        assert (await server.post(path, why | {"meterStopWh": 7})).status_code == 422
        assert (await server.post("/transactions/99/close", why)).status_code == 404
        closed = (await server.post(path, why)).json()["transaction"]
        assert (closed["endReason"], closed["energyWh"]) == ("ClosedByOperator", 100)
        assert closed["flags"] == ["no_stop_received"]
        assert (await server.post(path, why)).status_code == 409, "it has ended"
        async with by_hand(server.ocpp_url, "CP001") as hand:
            stop = {"transactionId": one, "meterStop": REGISTER_WH + 300, "timestamp": day.stamp(40)}
            assert await hand.call("StopTransaction", stop) == {}
            shown = (await server.get(f"/transactions/{one}"))["transaction"]
        assert (shown["endReason"], shown["energyWh"]) == ("Local", 300)


@pytest.mark.parametrize("meter_start", ["left out", None, "", "n/a", {}], ids=repr)
async def test_a_start_without_a_register_is_kept_and_counted_from_its_first_reading(
    meter_start: object, tmp_path: Path
) -> None:
    day = Day()
    async with serving(tmp_path, config=STATION) as server:
        async with by_hand(server.ocpp_url, "CP001") as hand:
            await hand.boot()
            started = await start(hand, day.stamp(0), meterStart=meter_start)
            one = started["transactionId"]
            assert (one, started["idTagInfo"]["status"]) == (1, "Accepted")
            assert await start(hand, day.stamp(0), meterStart=meter_start) == started, "said again"
            shown = (await server.get("/transactions/1"))["transaction"]
            assert not {"meterStartWh", "meterStopWh", "energyWh"} & set(shown)
            await sample(hand, one, day.register(10, REGISTER_WH))
        await server.stop()
        async with (
            serving(tmp_path, config=STATION) as restarted,
            by_hand(restarted.ocpp_url, "CP001") as hand,
        ):
            assert await start(hand, day.stamp(0), meterStart=meter_start) == started, "said again after a restart"
            stop = {"transactionId": one, "meterStop": REGISTER_WH + 300, "timestamp": day.stamp(40)}
            assert await hand.call("StopTransaction", stop) == {}
            assert await start(hand, day.stamp(0), meterStart=meter_start) == started, "said again after its end"
            shown = (await restarted.get("/transactions/1"))["transaction"]
            told = shown["meterStartWh"], shown["meterStopWh"], shown["energyWh"]
            assert told == (REGISTER_WH, REGISTER_WH + 300, 300)
            assert {"no_meter_start", "suspect"} <= set(shown["flags"])
            assert (await start(hand, day.stamp(45), meterStart=meter_start))["transactionId"] == 2
            stop = {"transactionId": 2, "meterStop": REGISTER_WH + 350, "timestamp": day.stamp(48)}
            assert await hand.call("StopTransaction", stop) == {}
            assert (await restarted.get("/transactions/2"))["transaction"]["energyWh"] == 50


@pytest.mark.parametrize("told", [{}, {"transactionId": None}, {"transactionId": "?"}, {"transactionId": {}}], ids=repr)
async def test_a_stop_without_an_id_is_confirmed_and_ends_the_start_that_it_can_mean(
    told: dict[str, Any], tmp_path: Path
) -> None:
    day = Day()
    async with serving(tmp_path, config=STATION) as server, by_hand(server.ocpp_url, "CP001") as hand:
        await hand.boot()
        refused = await start(hand, day.stamp(0), idTag="")
        assert refused["idTagInfo"]["status"] == "Invalid"
        stop = {"meterStop": REGISTER_WH + 10, "timestamp": day.stamp(20)} | told
        for _ in range(2):
            assert await hand.call("StopTransaction", stop) == {}
        shown = (await server.get("/transactions/1"))["transaction"]
        assert (shown["energyWh"], shown["endReason"]) == (10, "Local")
        two = (await start(hand, day.stamp(25)))["transactionId"]
        stop = {"meterStop": REGISTER_WH + 30, "timestamp": day.stamp(30)} | told
        assert await hand.call("StopTransaction", stop) == {}
        assert "stoppedAt" not in (await server.get(f"/transactions/{two}"))["transaction"], "accepted: it has an id"
