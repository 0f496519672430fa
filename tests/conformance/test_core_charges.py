"""Core, as chargers begin it: boots, charges from the first swipe to the last word, tags, and what happens offline."""

from typing import Final

from tests.conformance.cases import scripted
from tests.conformance.world import BEAT_S, CHARGER, TAG, UNKNOWN_TAG, Place

OVER: Final = "2025-12-31T00:00:00Z"


@scripted
async def test_tc_001(at: Place) -> None:
    await at.charger.connect()
    booted = await at.charger.boot()
    assert booted == {"status": "Accepted", "interval": BEAT_S, "currentTime": at.charger.now()}
    await at.wait(booted["interval"])
    assert (await at.charger.call("Heartbeat", {}))["currentTime"] == at.charger.now()
    shown = (await at.ask("GET", f"/chargers/{CHARGER}"))["charger"]
    assert shown["boot"]["model"] == "Script"
    assert [connector["status"] for connector in shown["connectors"]] == ["Available"] * 2


@scripted
async def test_tc_003(at: Place) -> None:
    await at.boot()
    await at.charger.status(1, "Preparing")
    assert await at.charger.authorize(TAG) == "Accepted"
    transaction_id = await at.started()
    shown = await at.connector()
    assert (shown["status"], shown["session"]["transactionId"]) == ("Charging", transaction_id)
    stopped = await at.charger.stop(transaction_id, "Local", tag=TAG)
    assert stopped["idTagInfo"]["status"] == "Accepted"
    await at.left()
    shown = await at.transaction(transaction_id)
    assert (shown["energyWh"], shown["endReason"], shown["flags"]) == (500, "Local", [])
    assert "session" not in await at.connector()


@scripted
async def test_tc_004_1(at: Place) -> None:
    await at.boot()
    assert await at.charger.authorize(TAG) == "Accepted"
    await at.charger.status(1, "Preparing")
    transaction_id = await at.started()
    assert (await at.connector())["session"]["transactionId"] == transaction_id


@scripted
async def test_tc_004_2(at: Place) -> None:
    await at.boot()
    assert await at.charger.authorize(TAG) == "Accepted"
    await at.charger.status(1, "Preparing")
    await at.wait(60)
    await at.charger.status(1, "Available")
    assert (await at.connector())["status"] == "Available"
    assert await at.transactions() == []


@scripted
async def test_tc_005_1(at: Place) -> None:
    await at.boot()
    transaction_id = await at.charging()
    await at.charger.status(1, "SuspendedEV")
    stopped = await at.charger.stop(transaction_id, "EVDisconnected", tag=TAG)
    assert stopped["idTagInfo"]["status"] == "Accepted"
    await at.left()
    assert (await at.transaction(transaction_id))["endReason"] == "EVDisconnected"
    assert (await at.connector())["status"] == "Available"


@scripted
async def test_tc_007(at: Place) -> None:
    await at.boot()
    await at.charger.status(1, "Preparing")
    transaction_id = await at.started(TAG.lower())
    assert (await at.transaction(transaction_id))["idTagStatus"] == "Accepted"


async def refused(at: Place, tag: str, status: str) -> None:
    """Swipe a tag that may not charge; a start with it is refused too (§4.8), and recorded."""
    await at.boot()
    assert await at.charger.authorize(tag) == status
    await at.charger.status(1, "Preparing")
    started = await at.charger.start(tag)
    assert started["idTagInfo"]["status"] == status
    assert (await at.transaction(started["transactionId"]))["idTagStatus"] == status


@scripted
async def test_tc_023_1(at: Place) -> None:
    await refused(at, UNKNOWN_TAG, "Invalid")


@scripted
async def test_tc_023_2(at: Place) -> None:
    await at.ask("PUT", "/id-tags/04EE", {"expiryDate": OVER})
    await refused(at, "04EE", "Expired")


@scripted
async def test_tc_023_3(at: Place) -> None:
    await at.ask("PUT", "/id-tags/04BB", {"blocked": True})
    await refused(at, "04BB", "Blocked")


@scripted
async def test_tc_024(at: Place) -> None:
    await at.boot()
    assert await at.charger.authorize(TAG) == "Accepted"
    await at.charger.status(1, "Preparing")
    await at.charger.status(1, "Faulted", "ConnectorLockFailure")
    assert (await at.connector())["status"] == "Faulted"
    assert await at.transactions() == []


@scripted
async def test_tc_032_1(at: Place) -> None:
    await at.boot()
    transaction_id = await at.charging()
    await at.charger.drop()
    await at.wait(90)
    await at.charger.connect()
    assert (await at.charger.boot())["status"] == "Accepted"
    await at.charger.status(1, "Finishing")
    stopped = await at.charger.stop(transaction_id, "PowerLoss", tag=TAG)
    assert stopped["idTagInfo"]["status"] == "Accepted"
    await at.charger.status(1, "Available")
    assert (await at.transaction(transaction_id))["endReason"] == "PowerLoss"


@scripted
async def test_tc_037_1(at: Place) -> None:
    await at.boot()
    await at.charger.drop()
    began = at.charger.now()
    await at.wait(120)
    await at.charger.connect()
    started = await at.charger.start(TAG, at=began)
    assert started["idTagInfo"]["status"] == "Accepted"
    await at.charger.status(1, "Charging")
    shown = await at.transaction(started["transactionId"])
    assert shown["startedAt"].removesuffix(".000Z") == began.removesuffix("Z")
    profile = await at.limit_of(started["transactionId"])
    assert profile["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"] > 0


@scripted
async def test_tc_037_3(at: Place) -> None:
    await at.boot()
    await at.charger.drop()
    began = at.charger.now()
    await at.wait(120)
    await at.charger.connect()
    started = await at.charger.start(UNKNOWN_TAG, at=began)
    assert started["idTagInfo"]["status"] == "Invalid"
    assert started["transactionId"] > 0
    await at.charger.status(1, "Charging")
    await at.charger.stop(started["transactionId"], "DeAuthorized")
    await at.left()
    shown = await at.transaction(started["transactionId"])
    assert (shown["idTagStatus"], shown["endReason"], shown["energyWh"]) == ("Invalid", "DeAuthorized", 500)


@scripted
async def test_tc_039(at: Place) -> None:
    await at.boot()
    await at.charger.drop()
    began = at.charger.now()
    await at.wait(600)
    ended = at.charger.now()
    await at.wait(600)
    await at.charger.connect()
    started = await at.charger.start(TAG, at=began)
    assert started["idTagInfo"]["status"] == "Accepted"
    stopped = await at.charger.stop(started["transactionId"], "Local", at=ended, tag=TAG)
    assert stopped["idTagInfo"]["status"] == "Accepted"
    shown = await at.transaction(started["transactionId"])
    assert shown["stoppedAt"].removesuffix(".000Z") == ended.removesuffix("Z")
    assert shown["energyWh"] == 500


@scripted
async def test_tc_064(at: Place) -> None:
    await at.boot()
    data = {"vendorId": "com.example.nobody", "messageId": "hello", "data": "42"}
    assert await at.charger.call("DataTransfer", data) == {"status": "UnknownVendorId"}
