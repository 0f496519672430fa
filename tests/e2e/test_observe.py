"""A charger in `mode: observe` over real sockets: it is as it was, and is shown what it would get."""

from pathlib import Path
from typing import Any

import pytest

from simulators.electrical import RateUnit
from simulators.profiles import Kind, Period, Profile, Purpose
from tests.e2e.chargers import SimulatedCharger, simulated
from tests.e2e.programs import Server, charger, serving, station, until

pytestmark = pytest.mark.e2e

READS = {"GetConfiguration", "TriggerMessage"}
STEERED = station(150, charger("CP001", 100), charger("CP002", 100)) | {"failSafe": "closed"}
OBSERVED = station(150, charger("CP001", 100, mode="observe"), charger("CP002", 100)) | {"failSafe": "closed"}
FOREIGN = Profile(7, 1, Purpose.TX_DEFAULT, Kind.RELATIVE, RateUnit.W, (Period(0, 800_000),))
CP001, CP002 = ("CP001", 1), ("CP002", 1)


def inside(car: SimulatedCharger) -> tuple[object, object]:
    """Return every key and every profile of a charger."""
    return car.charger.configuration.read(None), car.charger.profiles.installed


def written(car: SimulatedCharger) -> list[str]:
    """Return what a charger was sent that is not read only."""
    return [f.action for f in car.frames if not f.is_sent and f.kind == 2 and f.action not in READS]


async def allocated(server: Server, place: tuple[str, int], kw: int) -> dict[str, Any]:
    """Wait until a session is shown with an allocation."""

    async def look() -> dict[str, Any]:
        session = (await server.sessions()).get(place, {})
        return session if session.get("allocatedPower") == kw else {}

    return await until(look, f"{kw} kW at {place}")


async def test_it_is_left_as_it_is_and_shown_what_it_would_get(tmp_path: Path) -> None:
    async with serving(tmp_path, config=OBSERVED) as server:
        async with (
            simulated(server.ocpp_url, "CP001", meter_interval_s=61) as car,
            simulated(server.ocpp_url, "CP002") as other,
        ):
            assert car.charger.profiles.install(0, FOREIGN) is None
            # The answer to a BootNotification tells the interval of heartbeats, to every charger (§4.2).
            car.charger.configuration.set("HeartbeatInterval", "60")
            before = inside(car)
            await other.provisioned()

            async def suggested() -> bool:
                alarms = (await server.get("/alarms"))["alarms"]
                return {"observed:CP001", "configuration_suggested:CP001"} <= {alarm["id"] for alarm in alarms}

            await until(suggested, "its keys were read, and one should be another")
            car.start(1)
            assert (await allocated(server, CP001, 100))["mode"] == "observe"
            other.start(1)
            steered = await allocated(server, CP002, 50)
            would_get = await allocated(server, CP001, 75)
            assert "mode" not in steered
            assert (would_get["allocatedPowerW"], would_get["limitedBy"]) == (75_000, "grid")
            shown = (await server.get("/chargers/CP001"))["charger"]
            assert (shown["mode"], shown["bookedPower"], shown["provisioned"]) == ("observe", 100, False)
            assert shown["connectors"][0]["session"]["mode"] == "observe"
            assert "confirmedPower" not in shown["connectors"][0]
            start = {"connectorId": {"chargerId": "CP001", "idx": 2}, "vehicleMaxPower": 50}
            assert (await server.post("/sessions", start)).status_code == 409
            assert (inside(car), written(car)) == (before, []), car.story()

            assert (await server.post("/station/config", STEERED)).status_code == 200

            async def confirmed() -> bool:
                first = (await server.get("/chargers/CP001"))["charger"]["connectors"][0]
                return (first.get("confirmedPower"), first["provisioned"]) == (75, True)

            await until(confirmed, "CP001 is steered")
            assert car.charger.profiles.installed != before[1]
            taken_over = len(written(car))
            assert (await server.post("/station/config", OBSERVED)).status_code == 200
            await allocated(server, CP002, 50)
            other.stop(1)
            await allocated(server, CP001, 100)
            assert len(written(car)) == taken_over, car.story()
        await server.stop()
    async with serving(tmp_path, config=None) as restarted:
        assert (await restarted.get("/station/config"))["chargers"][0]["mode"] == "observe"
        again = (await restarted.get("/chargers/CP001"))["charger"]
        assert (again["mode"], again["bookedPower"]) == ("observe", 100)
