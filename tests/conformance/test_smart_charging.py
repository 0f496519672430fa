"""Limits: what this system says by itself, what an operator may ask for, and the three cases that it does not meet."""

from typing import Any, Final

from tests.conformance.cases import scripted
from tests.conformance.charger import Json, stamp
from tests.conformance.world import COMMANDS, OK, TAG, Place, standing
from tests.virtual.loop import VirtualClock, run_virtually

AMPERE_W: Final = 3 * 230
CAP_W: Final = 11 * AMPERE_W


def profile(purpose: str, number: int, level: int = 0) -> Json:
    """Return a profile of an operator's without an end."""
    return {
        "chargingProfileId": number,
        "stackLevel": level,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Relative" if purpose == "TxProfile" else "Absolute",
        "chargingSchedule": {
            "chargingRateUnit": "W",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": CAP_W}],
        },
    }


def limits(told: Json) -> list[tuple[int, float]]:
    """Return the periods of a profile that was told: from which second on, and how much."""
    return [(each["startPeriod"], each["limit"]) for each in told["chargingSchedule"]["chargingSchedulePeriod"]]


def fits_together(told: Json) -> bool:
    """Return whether a profile's optional fields are those that its kind has (§7.8, §7.13, E3.56)."""
    is_recurring = "recurrencyKind" in told
    has_start = "startSchedule" in told["chargingSchedule"]
    return {
        "Absolute": not is_recurring and has_start,
        "Recurring": is_recurring and has_start,
        "Relative": not is_recurring and not has_start,
    }[told["chargingProfileKind"]]


async def told_as_is(at: Place, idx: int, wanted: Json) -> None:
    """Have an operator set a profile, and the charger be told exactly that."""
    at.charger.forget("SetChargingProfile")
    body = {"connectorId": idx, "csChargingProfiles": wanted}
    assert (await at.rest.post(f"{COMMANDS}/SetChargingProfile", json=body)).status_code in OK
    while await at.charger.asked("SetChargingProfile") != body:
        pass  # what this system says by itself


@scripted
async def test_tc_056(at: Place) -> None:
    await at.boot()
    now_ms = at.clock.now_ms()
    wanted = profile("TxDefaultProfile", 42) | {
        "validFrom": stamp(now_ms),
        "validTo": stamp(now_ms + 3_600_000),
    }
    wanted["chargingSchedule"] |= {"startSchedule": stamp(now_ms), "duration": 3_600}
    await told_as_is(at, 1, wanted)


def test_the_default_of_a_charger_is_said_after_its_boot() -> None:
    async def look(clock: VirtualClock) -> None:
        async with standing(clock) as at:
            await at.boot()
            asked = await at.charger.asked("SetChargingProfile")
            told = asked["csChargingProfiles"]
            assert (asked["connectorId"], told["chargingProfilePurpose"]) == (0, "TxDefaultProfile")
            assert (told["chargingProfileKind"], fits_together(told)) == ("Relative", True)
            assert not {"transactionId", "validFrom", "validTo"} & told.keys()
            assert "duration" not in told["chargingSchedule"]
            assert limits(told) == [(0, 0)]

    run_virtually(look)


@scripted
async def test_tc_057(at: Place) -> None:
    await at.boot()
    transaction_id = await at.charging()
    told = await at.limit_of(transaction_id)
    assert told["chargingProfilePurpose"] == "TxProfile"
    assert fits_together(told)
    ((start_s, first),) = limits(told)
    assert start_s == 0
    body = {"connectorId": 1, "csChargingProfiles": profile("TxProfile", 42)}
    await at.ask("POST", f"{COMMANDS}/SetChargingProfile", body)
    capped = await at.limit_of(transaction_id)
    assert capped["chargingProfileId"] == told["chargingProfileId"], "it takes the place of the one before (§5.16.3)"
    assert limits(capped) == [(0, CAP_W / AMPERE_W)]
    assert first > CAP_W / AMPERE_W


@scripted
async def test_tc_059(at: Place) -> None:
    await at.boot()
    at.charger.answers["RemoteStartTransaction"] = {"status": "Accepted"}
    body = {"idTag": TAG, "connectorId": 1, "chargingProfile": profile("TxProfile", 42)}
    await at.rest.post(f"{COMMANDS}/RemoteStartTransaction", json=body)
    asked = await at.charger.asked("RemoteStartTransaction")
    assert asked["chargingProfile"]["chargingProfilePurpose"] == "TxProfile"
    assert "transactionId" not in asked["chargingProfile"]
    await at.charging()


@scripted
async def test_tc_066(at: Place) -> None:
    await at.boot()
    at.charger.answers["GetCompositeSchedule"] = {
        "status": "Accepted",
        "connectorId": 1,
        "scheduleStart": stamp(at.clock.now_ms()),
        "chargingSchedule": {
            "duration": 300,
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 0}],
        },
    }
    body = {"connectorId": 1, "duration": 300, "chargingRateUnit": "A"}
    told = await at.command("GetCompositeSchedule", body)
    assert (told.asked, told.state) == (body, "accepted")
    assert told.whole == at.charger.answers["GetCompositeSchedule"]


@scripted
async def test_tc_067(at: Place) -> None:
    await at.boot()
    await at.charging()
    at.charger.answers["ClearChargingProfile"] = {"status": "Accepted"}
    purposes = {"ChargePointMaxProfile": 0, "TxDefaultProfile": 1, "TxProfile": 1}
    for number, (purpose, idx) in enumerate(purposes.items(), start=41):
        await told_as_is(at, idx, profile(purpose, number, level=1))
    named: list[dict[str, Any]] = [
        {"id": 41},
        {"connectorId": 1, "chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 1},
        {},
    ]
    for body in named:
        assert await at.cleared(body) == body
