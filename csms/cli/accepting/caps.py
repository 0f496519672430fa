"""The limits of the acceptance test: an operator's caps on the running transaction (docs/adr/0030).

They go through the server's allocator and ledger like any other, only lower, end by themselves with the transaction,
and outlive a restart of the server. None is ever sent to the charger as such.
"""

from csms.cli.accepting.looks import Json, Look
from csms.cli.accepting.machine import Ask, Case, Looking

PROFILE_ID = 160_001
"""Of the test's cap; limits of the server's own have 2000 to 3999."""

PURPOSE = "TxProfile"


def cap(case: Case, look: Look, limit_w: int) -> Looking:
    """Cap the running transaction; return the next look, which has the reply."""
    path = f"{case.path}/commands/SetChargingProfile?wait=5"
    return (yield Ask("POST", path, _body(case, look.transaction_id, limit_w)))


def uncap(case: Case, look: Look) -> Looking:
    """Clear the cap if it stands; return the next look."""
    clear = clearing(case.path, look)
    return look if clear is None else (yield clear)


def clearing(path: str, look: Look) -> Ask | None:
    """Return the request that clears the test's cap, None when there is none: an unknown id would go to the charger."""
    stands = any(one["profileId"] == PROFILE_ID for one in look.charger.get("caps", ()))
    return Ask("POST", f"{path}/commands/ClearChargingProfile?wait=5", {"id": PROFILE_ID}) if stands else None


def foreign(look: Look) -> Json | None:
    """Return an operator's cap that ours would take the place of."""
    for one in look.charger.get("caps", ()):
        if one["purpose"] == PURPOSE and one["connector"] == look.idx and one["profileId"] != PROFILE_ID:
            found: Json = one
            return found
    return None


def _body(case: Case, transaction_id: int | None, limit_w: int) -> Json:
    """Return OCPP's SetChargingProfile; A in the tenths in which it is told, W for DC."""
    unit, limit = "W", float(limit_w)
    if not case.config.is_dc:
        unit, limit = "A", limit_w * 10 // (case.config.voltage_v * case.config.phases) / 10
    return {
        "connectorId": case.idx,
        "csChargingProfiles": {
            "chargingProfileId": PROFILE_ID,
            "transactionId": transaction_id,
            "stackLevel": 0,
            "chargingProfilePurpose": PURPOSE,
            "chargingProfileKind": "Relative",
            "chargingSchedule": {
                "chargingRateUnit": unit,
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
            },
        },
    }
