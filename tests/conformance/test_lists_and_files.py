"""Local lists, firmware and diagnostics, as an operator begins them."""

from typing import Any, Final

from tests.conformance.cases import scripted
from tests.conformance.charger import stamp
from tests.conformance.world import CHARGER, TAG, Place

LIST: Final = f"/chargers/{CHARGER}/local-list"
SENT_S: Final = 30
LATER_TAG: Final = "04C0FFEE00"


# --- local lists ------------------------------------------------------------------------------------------------------


@scripted
async def test_tc_042_1(at: Place) -> None:
    await at.boot()
    assert await version(at, -1) == "accepted"
    assert (await sent(at))["state"] == "not_supported"
    assert "SendLocalList" not in {action for action, _ in at.charger.heard}


@scripted
async def test_tc_042_2(at: Place) -> None:
    await at.boot()
    assert await version(at, 0) == "accepted"


async def version(at: Place, held: int) -> str:
    """Have the version of a charger's list asked for; return what became of that."""
    at.charger.answers["GetLocalListVersion"] = {"listVersion": held}
    told = await at.command("GetLocalListVersion")
    assert (told.asked, told.whole) == ({}, {"listVersion": held})
    return told.state


async def sent(at: Place) -> dict[str, Any]:
    """Have the charger hold the listed tags, and return what has come of that."""
    await at.ask("POST", LIST, status=202)
    await at.wait(SENT_S)
    found: dict[str, Any] = (await at.ask("GET", LIST))["localList"]
    return found


@scripted
async def test_tc_043_1(at: Place) -> None:
    await at.boot()
    at.charger.answers["GetLocalListVersion"] = {"listVersion": 0}
    at.charger.answers["SendLocalList"] = {"status": "NotSupported"}
    assert (await sent(at))["state"] == "not_supported"
    assert (await at.charger.asked("SendLocalList"))["updateType"] == "Full"
    await at.ask("POST", LIST, status=409)


@scripted
async def test_tc_043_3(at: Place) -> None:
    """What has changed is not taken in, so all of it is sent (§5.15); that is not taken in either."""
    await at.boot()
    taking_in(at)
    assert (await sent(at))["state"] == "held"
    at.charger.forget("SendLocalList")
    at.charger.answers["SendLocalList"] = {"status": "Failed"}
    await at.ask("PUT", f"/id-tags/{LATER_TAG}", {})
    assert (await sent(at))["state"] == "failed"
    assert (await at.charger.asked("SendLocalList"))["updateType"] == "Differential"
    assert (await at.charger.asked("SendLocalList"))["updateType"] == "Full"


@scripted
async def test_tc_043_4(at: Place) -> None:
    await at.boot()
    taking_in(at)
    found = await sent(at)
    assert (found["state"], found["current"], found["idTags"]) == ("held", True, 1)
    asked = await at.charger.asked("SendLocalList")
    assert asked["updateType"] == "Full"
    assert asked["listVersion"] == found["version"] > 0
    assert asked["localAuthorizationList"] == [{"idTag": TAG, "idTagInfo": {"status": "Accepted"}}]


@scripted
async def test_tc_043_5(at: Place) -> None:
    await at.boot()
    taking_in(at)
    first = (await sent(at))["version"]
    await at.charger.asked("SendLocalList")
    await at.ask("PUT", f"/id-tags/{LATER_TAG}", {})
    found = await sent(at)
    assert (found["state"], found["idTags"]) == ("held", 2)
    asked = await at.charger.asked("SendLocalList")
    assert asked["updateType"] == "Differential"
    assert asked["listVersion"] == found["version"] > first
    assert asked["localAuthorizationList"] == [{"idTag": LATER_TAG, "idTagInfo": {"status": "Accepted"}}]


def taking_in(at: Place) -> None:
    """Have the charger take lists in, and tell the version of the last."""
    held = {"listVersion": 0}

    def take_in(asked: dict[str, Any]) -> dict[str, str]:
        held["listVersion"] = asked["listVersion"]
        return {"status": "Accepted"}

    at.charger.answers["GetLocalListVersion"] = lambda _: dict(held)
    at.charger.answers["SendLocalList"] = take_in


# --- firmware ---------------------------------------------------------------------------------------------------------


async def firmware(at: Place, *statuses: str) -> str:
    """Have firmware updated, and the charger report these; return the id of the command."""
    at.charger.answers["UpdateFirmware"] = {}
    body = {"location": "https://files.example/fw.bin", "retrieveDate": stamp(at.clock.now_ms())}
    told = await at.command("UpdateFirmware", body)
    assert (told.asked, told.state) == (body, "accepted")
    assert await at.outcome(told) == ("installed", "awaited")
    for status in statuses:
        await report_firmware(at, status)
    return told.command_id


async def report_firmware(at: Place, status: str) -> None:
    await at.wait(10)
    assert await at.charger.call("FirmwareStatusNotification", {"status": status}) == {}


@scripted
async def test_tc_044_1(at: Place) -> None:
    await at.boot()
    command_id = await firmware(at, "Downloading", "Downloaded", "Installing")
    await at.charger.drop()
    await at.wait(120)
    await at.charger.connect()
    assert (await at.charger.boot("2.0"))["status"] == "Accepted"
    await report_firmware(at, "Installed")
    assert await at.ended(command_id) == "happened"
    assert (await at.ask("GET", f"/chargers/{CHARGER}"))["charger"]["boot"]["firmwareVersion"] == "2.0"


@scripted
async def test_tc_044_2(at: Place) -> None:
    await at.boot()
    assert await at.ended(await firmware(at, "Downloading", "DownloadFailed")) == "failed"


@scripted
async def test_tc_044_3(at: Place) -> None:
    await at.boot()
    command_id = await firmware(at, "Downloading", "Downloaded", "Installing")
    assert (await at.charger.boot())["status"] == "Accepted"
    await report_firmware(at, "InstallationFailed")
    assert await at.ended(command_id) == "failed"


# --- diagnostics ------------------------------------------------------------------------------------------------------


async def diagnostics(at: Place, *statuses: str) -> str:
    """Have diagnostics sent, and the charger report these; return how that has ended."""
    at.charger.answers["GetDiagnostics"] = {"fileName": "diagnostics.zip"}
    body = {"location": "ftp://files.example/diagnostics"}
    told = await at.command("GetDiagnostics", body)
    assert (told.asked, told.state) == (body, "accepted")
    assert await at.outcome(told) == ("uploaded", "awaited")
    for status in statuses:
        assert await at.charger.call("DiagnosticsStatusNotification", {"status": status}) == {}
    return await at.ended(told.command_id)


@scripted
async def test_tc_045_1(at: Place) -> None:
    await at.boot()
    assert await diagnostics(at, "Uploading", "Uploaded") == "happened"


@scripted
async def test_tc_045_2(at: Place) -> None:
    await at.boot()
    assert await diagnostics(at, "Uploading", "UploadFailed") == "failed"
