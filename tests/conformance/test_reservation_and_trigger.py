"""Reservations, and messages that a charger is asked for."""

from typing import Any, Final

from tests.conformance.cases import scripted
from tests.conformance.charger import stamp
from tests.conformance.world import COMMANDS, TAG, Place, Told

KEPT_S: Final = 600
NUMBER: Final = 7
GROUP: Final = "04GROUP"
MEMBER_TAG: Final = "04C0FFEE01"


# --- reservations -----------------------------------------------------------------------------------------------------


async def reserve(at: Place, status: str, *, idx: int = 1, **more: str) -> Told:
    """Have a connector reserved, which is answered with that status."""
    at.charger.answers["ReserveNow"] = {"status": status}
    expiry = stamp(at.clock.now_ms() + KEPT_S * 1_000)
    body = {"connectorId": idx, "expiryDate": expiry, "idTag": TAG, "reservationId": NUMBER, **more}
    told = await at.command("ReserveNow", body)
    assert (told.asked, told.answer) == (body, status)
    return told


async def reserved(at: Place, **more: Any) -> Told:
    """Have a connector reserved, and the charger say so."""
    told = await reserve(at, "Accepted", **more)
    assert told.state == "accepted"
    await at.charger.status(told.asked["connectorId"], "Reserved")
    assert [each["reservationId"] for each in await at.reservations()] == [NUMBER]
    return told


async def used(at: Place, told: Told, tag: str = TAG) -> None:
    """Have the reservation used at the first connector."""
    assert await at.charger.authorize(tag) == "Accepted"
    await at.charger.status(1, "Preparing")
    await at.started(tag, reservation=NUMBER)
    assert await at.outcome(told) == ("reservation_used", "happened")
    assert await at.reservations() == []


@scripted
async def test_tc_046(at: Place) -> None:
    await at.boot()
    await used(at, await reserved(at))


@scripted
async def test_tc_047(at: Place) -> None:
    await at.boot()
    told = await reserved(at)
    await at.wait(KEPT_S)
    await at.charger.status(1, "Available")
    assert await at.outcome(told) == ("reservation_used", "not_seen")
    assert await at.reservations() == []
    assert (await at.connector())["status"] == "Available"


async def not_reserved(at: Place, status: str) -> None:
    """Have a reservation refused with that status."""
    assert (await reserve(at, status)).state == "rejected"
    assert await at.reservations() == []


@scripted
async def test_tc_048_1(at: Place) -> None:
    await at.boot()
    await at.charger.status(1, "Faulted", "GroundFailure")
    await not_reserved(at, "Faulted")


@scripted
async def test_tc_048_2(at: Place) -> None:
    await at.boot()
    await at.charger.status(1, "Preparing")
    await not_reserved(at, "Occupied")


@scripted
async def test_tc_048_3(at: Place) -> None:
    await at.boot()
    at.charger.answers["ChangeAvailability"] = {"status": "Accepted"}
    body = {"connectorId": 1, "type": "Inoperative"}
    told = await at.command("ChangeAvailability", body)
    assert (told.asked, told.state) == (body, "accepted")
    await at.charger.status(1, "Unavailable")
    await not_reserved(at, "Unavailable")


@scripted
async def test_tc_048_4(at: Place) -> None:
    await at.boot()
    await not_reserved(at, "Rejected")


@scripted
async def test_tc_049(at: Place) -> None:
    await at.boot()
    await used(at, await reserved(at, idx=0))


async def cancel(at: Place, status: str) -> str:
    """Have the reservation cancelled, which is answered with that status; return what became of it."""
    at.charger.answers["CancelReservation"] = {"status": status}
    told = await at.command("CancelReservation", {"reservationId": NUMBER})
    assert (told.asked, told.answer) == ({"reservationId": NUMBER}, status)
    return told.state


@scripted
async def test_tc_051(at: Place) -> None:
    await at.boot()
    told = await reserved(at)
    assert await cancel(at, "Accepted") == "accepted"
    await at.charger.status(1, "Available")
    assert await at.outcome(told) == ("reservation_used", "cancelled")
    assert await at.reservations() == []


@scripted
async def test_tc_052(at: Place) -> None:
    await at.boot()
    assert await cancel(at, "Rejected") == "rejected"


@scripted
async def test_tc_053(at: Place) -> None:
    await at.boot()
    for tag in (TAG, MEMBER_TAG):
        await at.ask("PUT", f"/id-tags/{tag}", {"parentIdTag": GROUP})
    told = await reserved(at, parentIdTag=GROUP)
    info = (await at.charger.call("Authorize", {"idTag": MEMBER_TAG}))["idTagInfo"]
    assert info == {"status": "Accepted", "parentIdTag": GROUP}
    await used(at, told, MEMBER_TAG)


# --- messages that are asked for --------------------------------------------------------------------------------------


@scripted
async def test_tc_054(at: Place) -> None:
    await at.boot()
    transaction_id = await at.charging()
    for message in ("MeterValues", "StatusNotification"):
        await triggered(at, {"requestedMessage": message, "connectorId": 1})
        await (at.charger.sample(transaction_id, 0) if message == "MeterValues" else at.charger.status(1, "Charging"))
    await triggered(at, {"requestedMessage": "Heartbeat"})
    assert (await at.charger.call("Heartbeat", {}))["currentTime"] == at.charger.now()
    for action in ("DiagnosticsStatusNotification", "FirmwareStatusNotification"):
        await triggered(at, {"requestedMessage": action})
        assert await at.charger.call(action, {"status": "Idle"}) == {}
    again = {"requestedMessage": "BootNotification"}
    await at.ask("POST", f"{COMMANDS}/TriggerMessage", again, status=409)


async def triggered(at: Place, body: dict[str, Any], status: str = "Accepted") -> None:
    """Have the charger asked for a message, which is answered with that status."""
    at.charger.answers["TriggerMessage"] = {"status": status}
    told = await at.command("TriggerMessage", body)
    assert (told.asked, told.state, told.answer) == (body, status.lower(), status)


@scripted
async def test_tc_055(at: Place) -> None:
    await at.boot()
    await triggered(at, {"requestedMessage": "MeterValues"}, "Rejected")
