"""`csms release`: adopted, charged, taken out again: a charger is as it was, or it is told what is not."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from simulators.car import Car
from simulators.cars import flat_car
from simulators.electrical import RateUnit
from simulators.profiles import Kind, Period, Profile, Purpose
from tests.certificates import CERTIFICATE, OTHER_ROOT
from tests.e2e.chargers import CALL, Frame, SimulatedCharger, simulated
from tests.e2e.programs import Ended, Server, charger, run, serving, station, until

pytestmark = pytest.mark.e2e

READS = {"GetConfiguration", "TriggerMessage"}
INTERVAL = "MeterValueSampleInterval"
USE = "CentralSystemRootCertificate"
SITE = station(1_000, *(charger(f"CP00{number}", 100) for number in range(1, 5))) | {"failSafe": "closed"}
FOREIGN = Profile(7, 1, Purpose.TX_DEFAULT, Kind.RELATIVE, RateUnit.W, (Period(0, 800_000),))
BEAT = ("--heartbeat-interval-s", "300")
"""The answer to each boot tells the interval of heartbeats (§4.2): here what the chargers have of themselves."""


def inside(car: SimulatedCharger) -> tuple[object, object]:
    """Return every key, every profile and every root of a charger."""
    return car.charger.configuration.read(None), (car.charger.profiles.installed, car.charger.roots.listed(USE))


def written(car: SimulatedCharger) -> list[str]:
    """Return what a charger was sent that is not read only."""
    return [f.action for f in car.frames if not f.is_sent and f.kind == CALL and f.action not in READS]


def adopted(*cars: SimulatedCharger) -> bool:
    """Return whether limits of ours and settings of ours are in all of them."""
    return all(car.charger.configuration.text(INTERVAL) == "10" and car.charger.profiles.installed for car in cars)


async def csms(server: Server, folder: Path, *arguments: str) -> Ended:
    ended = await run(folder, "csms", *arguments, "--url", server.url)
    assert "Traceback" not in ended.err
    return ended


async def shown(server: Server, charger_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await server.get(f"/chargers/{charger_id}"))["charger"]
    return found


async def charge(server: Server, car: SimulatedCharger, place: tuple[str, int]) -> None:
    """Let a car charge until the server knows of it."""
    car.start(place[1])

    async def seen() -> bool:
        return car.limit_w(place[1]) > 0 and place in await server.sessions()

    await until(seen, car.story)


async def leave(server: Server, car: SimulatedCharger, place: tuple[str, int]) -> None:
    car.stop(place[1])

    async def gone() -> bool:
        charges = any(one.get("status") == "Charging" for one in (await shown(server, place[0]))["connectors"])
        return not charges and place not in await server.sessions()

    await until(gone, car.story)


async def says_something(server: Server, car: SimulatedCharger, charger_id: str) -> None:
    """Wait until a charger is back and plug or unplug a car: before it has said a word it is asked nothing."""

    async def back() -> bool:
        return "connection" in await shown(server, charger_id)

    await until(back, car.story)
    connector = car.connector(2)
    if connector.car is None:
        car.charger.sessions.plug(connector, Car(flat_car(150_000), connector.supply))
    else:
        car.charger.sessions.unplug(connector)
    car.link.nudge()


async def released(server: Server, charger_id: str) -> dict[str, Any]:
    async def ended() -> dict[str, Any]:
        release: dict[str, Any] = (await server.get(f"/chargers/{charger_id}/release"))["release"]
        return release if release["state"] != "releasing" else {}

    return await until(ended, f"the release of {charger_id} has ended")


async def test_adopt_charge_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(tmp_path, config=SITE, arguments=BEAT) as server:
        url = server.ocpp_url
        async with (
            simulated(url, "CP001", meter_interval_s=61) as car,
            simulated(url, "CP002", meter_interval_s=61) as stubborn,
            simulated(url, "CP003", meter_interval_s=61) as third,
        ):
            assert car.charger.roots.install(USE, OTHER_ROOT)
            before, of_third = inside(car), inside(third)
            assert stubborn.charger.profiles.install(0, FOREIGN) is None
            async with simulated(url, "CP004") as gone:
                await gone.provisioned()
            await until(lambda: adopted(car, stubborn, third), lambda: f"all are adopted:\n{car.story()}")
            timeout = {"key": "ConnectionTimeOut", "value": "90"}
            said = await server.post("/chargers/CP001/commands/ChangeConfiguration", timeout, wait="20")
            assert said.json()["command"]["state"] == "accepted"
            await roots_are_installed(server, car)
            await it_is_as_it_was(server, tmp_path, car, before)
            await what_is_left_is_told(server, tmp_path, stubborn, monkeypatch)

            def kill(frame: Frame) -> None:
                if not frame.is_sent and (frame.kind, frame.action) == (CALL, "ChangeConfiguration"):
                    server.kill_now()

            third.on_frame = kill
            assert (await server.post("/chargers/CP003/release")).status_code == 202
            await server.wait()
            third.on_frame = lambda _: None
            await until(lambda: inside(third) == of_third, "it does as it was told, and nobody hears of that")
            async with serving(tmp_path, config=None, ocpp_port=server.ocpp_port, arguments=BEAT) as again:
                await says_something(again, third, "CP003")
                await says_something(again, stubborn, "CP002")
                release = await released(again, "CP003")
                assert (release["state"], inside(third)) == ("released", of_third), third.story()
                await it_is_taken_in_again(again, tmp_path, car)


async def roots_are_installed(server: Server, car: SimulatedCharger) -> None:
    """Have an operator install one that is there already, and a new one."""
    for pem, count in ((OTHER_ROOT, 1), (CERTIFICATE, 2)):
        body = {"certificateType": USE, "certificate": pem}
        said = await server.post("/chargers/CP001/commands/InstallCertificate", body, wait="20")
        assert said.json()["command"]["state"] == "accepted"
        assert len(car.charger.roots.listed(USE)) == count


async def it_is_as_it_was(server: Server, folder: Path, car: SimulatedCharger, before: tuple[object, object]) -> None:
    """Refused in mid-charge and where nobody is there; then not a letter and not a profile is left."""
    await charge(server, car, ("CP001", 1))
    refused = await server.post("/chargers/CP001/release")
    assert (refused.status_code, refused.json()["type"]) == (409, "/docs#problem-release-refused")
    assert "release" not in await shown(server, "CP001")
    await leave(server, car, ("CP001", 1))
    away = await csms(server, folder, "release", "CP004")
    assert (away.status, "503" in away.err, "offline" in away.err) == (1, True, True)

    ended = await csms(server, folder, "release", "CP001")
    assert (ended.status, ended.err) == (0, ""), f"{ended.out}{car.story()}"
    assert ended.out.startswith("CP001: released; nothing of this system is left in it")
    assert inside(car) == before, car.story()
    now = await shown(server, "CP001")
    assert (now["release"], now["bookedPower"], now["provisioned"]) == ("released", 100, False)
    told = {alarm["id"] for alarm in (await server.get("/alarms"))["alarms"]}
    assert ("released:CP001" in told, "release_incomplete:CP001" in told) == (True, False)

    count = len(written(car))
    await charge(server, car, ("CP001", 2))
    assert car.limit_w(2) == 200_000, "nothing limits it but its hardware"
    await leave(server, car, ("CP001", 2))
    late = await server.post("/chargers/CP001/commands/ChangeConfiguration", {"key": "LightIntensity", "value": "1"})
    assert late.status_code == 409
    assert (inside(car), len(written(car))) == (before, count), car.story()


async def what_is_left_is_told(
    server: Server, folder: Path, stubborn: SimulatedCharger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key has become read-only, every profile stays although its clearing is Accepted, and a foreign one is gone."""
    configuration = stubborn.charger.configuration
    locked = replace(configuration._keys[INTERVAL], accepts=None)
    monkeypatch.setitem(configuration._keys, INTERVAL, locked)
    monkeypatch.setattr(stubborn.charger.profiles, "clear", lambda **_: 1)
    ended = await csms(server, folder, "release", "CP002")
    assert (ended.status, ended.err) == (1, "")
    first, *lines = ended.out.splitlines()
    assert first == "CP002: released, but not everything could be undone"
    assert "  limit at connector 1: not undone: it says that 0 W are in force, which this system has told it" in lines
    assert f"  key {INTERVAL} (it was 61): not undone: it is read-only, and has another value" in lines
    assert sum("profile" in line and "not seen to be undone" in line for line in lines) == 5
    assert (await shown(server, "CP002"))["release"] == "incomplete"
    assert sum(line.startswith("  foreign profiles: not undone: default profiles of another") for line in lines) == 1
    assert (await released(server, "CP002"))["counts"] == {"unverified": 5, "not_undone": 4}


async def it_is_taken_in_again(server: Server, folder: Path, car: SimulatedCharger) -> None:
    """What was released stays so over the restart, until an operator takes it in again; then all are asked at once."""
    assert ((await shown(server, "CP001"))["release"], car.charger.profiles.installed) == ("released", ())
    back = await csms(server, folder, "release", "CP001", "--undo")
    assert (back.status, back.out.startswith("CP001: taken in again")) == (0, True)
    assert (await server.rest.get("/chargers/CP001/release")).status_code == 404

    async def steered() -> bool:
        return bool((await shown(server, "CP001"))["provisioned"]) and bool(car.charger.profiles.installed)

    await says_something(server, car, "CP001")
    await until(steered, car.story)
    every = await csms(server, folder, "release", "--all")
    assert every.status == 1, "one is offline"
    assert [line.partition(";")[0] for line in every.out.splitlines() if line.startswith("CP00")] == [
        "CP001: released",
        "CP002: released, but not everything could be undone",
        "CP003: released",
    ]
    assert every.err.startswith("csms release: CP004: ")
    assert car.charger.profiles.installed == ()
