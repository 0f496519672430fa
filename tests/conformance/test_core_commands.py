"""Core, as an operator begins it: remote starts and stops, resets, cables that are let go, and configuration keys."""

from tests.conformance.cases import scripted
from tests.conformance.charger import KEYS, configuration
from tests.conformance.world import COMMANDS, TAG, Place

ACCEPTED = {"status": "Accepted"}
REJECTED = {"status": "Rejected"}
START = {"idTag": TAG, "connectorId": 1}
START_WAIT_S = 360
"""After that a remote start that led to nothing is given up."""


# --- remote starts and stops ------------------------------------------------------------------------------------------


@scripted
async def test_tc_010(at: Place) -> None:
    await at.boot()
    at.charger.answers["RemoteStartTransaction"] = ACCEPTED
    await at.charger.status(1, "Preparing")
    told = await at.command("RemoteStartTransaction", START)
    assert (told.asked, told.state) == (START, "accepted")
    assert await at.outcome(told) == ("transaction_started", "awaited")
    assert await at.charger.authorize(TAG) == "Accepted"
    await at.started()
    assert await at.outcome(told) == ("transaction_started", "happened")


@scripted
async def test_tc_011_1(at: Place) -> None:
    await at.boot()
    at.charger.answers["RemoteStartTransaction"] = ACCEPTED
    told = await at.command("RemoteStartTransaction", START)
    assert (told.asked, told.state) == (START, "accepted")
    assert await at.charger.authorize(TAG) == "Accepted"
    await at.charger.status(1, "Preparing")
    await at.wait(20)
    await at.started()
    assert await at.outcome(told) == ("transaction_started", "happened")


@scripted
async def test_tc_011_2(at: Place) -> None:
    await at.boot()
    at.charger.answers["RemoteStartTransaction"] = ACCEPTED
    told = await at.command("RemoteStartTransaction", START)
    assert told.state == "accepted"
    assert await at.charger.authorize(TAG) == "Accepted"
    await at.charger.status(1, "Preparing")
    await at.wait(60)
    await at.charger.status(1, "Available")
    await at.wait(START_WAIT_S)
    assert await at.outcome(told) == ("transaction_started", "not_seen")
    assert await at.transactions() == []


@scripted
async def test_tc_012(at: Place) -> None:
    await at.boot()
    transaction_id = await at.charging()
    at.charger.answers["RemoteStopTransaction"] = ACCEPTED
    told = await at.command("RemoteStopTransaction", {"transactionId": transaction_id})
    assert (told.asked, told.state) == ({"transactionId": transaction_id}, "accepted")
    assert await at.outcome(told) == ("transaction_ended", "awaited")
    await at.charger.status(1, "Finishing")
    await at.charger.stop(transaction_id, "Remote")
    await at.charger.status(1, "Available")
    assert await at.outcome(told) == ("transaction_ended", "happened")
    assert (await at.transaction(transaction_id))["endReason"] == "Remote"


@scripted
async def test_tc_026(at: Place) -> None:
    await at.boot()
    at.charger.answers["RemoteStartTransaction"] = REJECTED
    told = await at.command("RemoteStartTransaction", START)
    assert (told.asked, told.state, told.answer) == (START, "rejected", "Rejected")


@scripted
async def test_tc_028(at: Place) -> None:
    await at.boot()
    transaction_id = await at.charging()
    at.charger.answers["RemoteStopTransaction"] = REJECTED
    told = await at.command("RemoteStopTransaction", {"transactionId": transaction_id})
    assert (told.state, told.answer) == ("rejected", "Rejected")
    assert (await at.connector())["session"]["transactionId"] == transaction_id


# --- resets -----------------------------------------------------------------------------------------------------------


@scripted
async def test_tc_013(at: Place) -> None:
    await at.boot()
    at.charger.answers["Reset"] = ACCEPTED
    told = await at.command("Reset", {"type": "Hard"})
    assert (told.asked, told.state) == ({"type": "Hard"}, "accepted")
    await at.charger.drop()
    await at.wait(30)
    await at.boot()
    assert await at.outcome(told) == ("boot", "happened")


@scripted
async def test_tc_014(at: Place) -> None:
    await at.boot()
    transaction_id = await at.charging()
    at.charger.answers["Reset"] = ACCEPTED
    told = await at.command("Reset", {"type": "Soft"})
    assert (told.asked, told.state) == ({"type": "Soft"}, "accepted")
    await at.charger.status(1, "Finishing")
    await at.charger.stop(transaction_id, "SoftReset")
    assert (await at.charger.boot())["status"] == "Accepted"
    assert await at.outcome(told) == ("boot", "happened")
    assert (await at.transaction(transaction_id))["endReason"] == "SoftReset"


# --- cables -----------------------------------------------------------------------------------------------------------


async def unlocked(at: Place, idx: int, status: str) -> str:
    """Have a connector unlocked, which is answered with that status; return what became of it."""
    at.charger.answers["UnlockConnector"] = {"status": status}
    told = await at.command("UnlockConnector", {"connectorId": idx})
    assert (told.asked, told.answer) == ({"connectorId": idx}, status)
    return told.state


@scripted
async def test_tc_017_1(at: Place) -> None:
    await at.boot()
    assert await unlocked(at, 1, "Unlocked") == "accepted"


@scripted
async def test_tc_017_2(at: Place) -> None:
    await at.boot()
    assert await unlocked(at, 1, "NotSupported") == "not_supported"


@scripted
async def test_tc_018_1(at: Place) -> None:
    await at.boot()
    transaction_id = await at.charging()
    assert await unlocked(at, 1, "Unlocked") == "accepted"
    await at.charger.status(1, "Finishing")
    await at.charger.stop(transaction_id, "UnlockCommand")
    await at.charger.status(1, "Available")
    assert (await at.transaction(transaction_id))["endReason"] == "UnlockCommand"


@scripted
async def test_tc_030(at: Place) -> None:
    await at.boot()
    assert await unlocked(at, 1, "UnlockFailed") == "rejected"


@scripted
async def test_tc_031(at: Place) -> None:
    """The second connector is configured, and the charger does not have it; one that is not is not even asked for."""
    await at.boot()
    assert await unlocked(at, 2, "NotSupported") == "not_supported"
    await at.ask("POST", f"{COMMANDS}/UnlockConnector", {"connectorId": 3}, status=404)


# --- configuration and cache ------------------------------------------------------------------------------------------


@scripted
async def test_tc_019_1(at: Place) -> None:
    await at.boot()
    told = await at.command("GetConfiguration")
    assert (told.asked, told.state) == ({}, "accepted")
    assert {key["key"] for key in told.whole["configurationKey"]} == KEYS.keys()


@scripted
async def test_tc_019_2(at: Place) -> None:
    await at.boot()
    told = await at.command("GetConfiguration", {"key": ["SupportedFeatureProfiles"]})
    assert (told.asked, told.state) == ({"key": ["SupportedFeatureProfiles"]}, "accepted")
    assert told.whole == configuration(told.asked)


async def changed(at: Place, key: str, value: str, status: str) -> str:
    """Have a key changed, which is answered with that status; return what became of it."""
    at.charger.answers["ChangeConfiguration"] = {"status": status}
    told = await at.command("ChangeConfiguration", {"key": key, "value": value})
    assert (told.asked, told.answer) == ({"key": key, "value": value}, status)
    return told.state


@scripted
async def test_tc_021(at: Place) -> None:
    await at.configure("suggest")
    await at.boot()
    assert await changed(at, "MeterValueSampleInterval", "60", "Accepted") == "accepted"


@scripted
async def test_tc_040_1(at: Place) -> None:
    await at.boot()
    assert await changed(at, "NoSuchKey", "1", "NotSupported") == "not_supported"


@scripted
async def test_tc_040_2(at: Place) -> None:
    await at.configure("suggest")
    await at.boot()
    assert await changed(at, "MeterValueSampleInterval", "-1", "Rejected") == "rejected"


@scripted
async def test_tc_061(at: Place) -> None:
    await at.boot()
    at.charger.answers["ClearCache"] = ACCEPTED
    told = await at.command("ClearCache")
    assert (told.asked, told.state) == ({}, "accepted")
