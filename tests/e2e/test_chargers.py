"""Chargers as `GET /chargers` shows them, over real sockets: never seen, charging, offline, after a restart."""

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.chargers import simulated
from tests.e2e.programs import Server, charger, serving, station, until

pytestmark = pytest.mark.e2e

STATION = station(100, charger("CP001", 50), charger("CP002", 50))


async def one(server: Server, charger_id: str = "CP001") -> dict[str, Any]:
    shown: dict[str, Any] = (await server.get(f"/chargers/{charger_id}"))["charger"]
    return shown


async def test_a_charger_from_its_first_connection_to_the_next_start_of_the_server(tmp_path: Path) -> None:
    async with serving(tmp_path, config=STATION) as server:
        assert not {"boot", "connection", "failSafePower"} & set(await one(server))
        async with simulated(server.ocpp_url, "CP001") as car:
            await car.provisioned()
            car.start(1)

            async def charges() -> dict[str, Any]:
                shown = await one(server)
                first = shown["connectors"][0]
                return shown if (first.get("status"), first.get("confirmedPower")) == ("Charging", 50) else {}

            shown = await until(charges, "a confirmed limit of 50 kW")
            first, second = shown["connectors"]
            assert first["session"]["transactionId"] == car.transaction_id(1)
            assert (first["bookedPower"], second["bookedPower"], shown["bookedPower"]) == (50, 0, 50)
            assert (shown["failSafePower"], shown["provisioned"], shown["connection"]["address"]) == (
                0,
                True,
                "127.0.0.1",
            )
            whole = await server.get("/chargers/CP001")
            assert whole["learnt"]["vendor"] == whole["charger"]["boot"]["vendor"]
            assert whole["settings"]["NumberOfConnectors"] == "2"
            assert whole["capabilities"]["connectors"] == 2

        async def offline() -> dict[str, Any]:
            shown = await one(server)
            return {} if "connection" in shown else shown

        gone = await until(offline, "offline")
        assert gone["bookedPower"] == 50, "it may still charge"
        listed = (await server.get("/chargers"))["chargers"]
        assert [shown["chargerId"] for shown in listed] == ["CP001", "CP002"]
        assert listed[0] == gone
        await server.stop()
    async with serving(tmp_path, config=STATION) as restarted:
        again = await one(restarted)
        assert (again["boot"], again["bookedPower"]) == (gone["boot"], 50)
        assert (again["connectors"][0]["status"], "statusSince" in again["connectors"][0]) == ("Charging", False)
