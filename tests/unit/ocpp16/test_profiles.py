import json
from dataclasses import replace
from typing import Any, cast

import pytest

from csms.core.commands import ClearLimits, LimitForm, ProfileKind, Purpose, RateUnit, SetLimit
from csms.core.ids import ChargerId, ConnectionId, Token, TransactionId
from csms.ocpp16 import vendor
from csms.ocpp16.profiles import clear_charging_profile, set_charging_profile

T = 1_767_225_600_000
WATTS = LimitForm(RateUnit.W, 0, 230)
AMPS_3 = LimitForm(RateUnit.A, 3, 230)
AMPS_1 = LimitForm(RateUnit.A, 1, 230, stack_level=2)


def limit(limit_w: int, form: LimitForm, idx: int = 1, transaction_id: int | None = 7) -> SetLimit:
    return SetLimit(
        token=Token(1),
        connection=ConnectionId(1),
        charger_id=ChargerId("CP001"),
        idx=idx,
        purpose=Purpose.DEFAULT if transaction_id is None else Purpose.TX,
        limit_w=limit_w,
        form=form,
        transaction_id=None if transaction_id is None else TransactionId(transaction_id),
        urgent=False,
        cause="test",
    )


def test_a_transactions_limit_in_watts_to_the_letter() -> None:
    assert set_charging_profile(limit(150_000, WATTS, idx=2), T) == {
        "connectorId": 2,
        "csChargingProfiles": {
            "chargingProfileId": 3002,
            "transactionId": 7,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxProfile",
            "chargingProfileKind": "Relative",
            "chargingSchedule": {
                "chargingRateUnit": "W",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 150_000}],
            },
        },
    }


def test_the_default_limit_in_amperes_absolute_to_the_letter() -> None:
    form = LimitForm(RateUnit.A, 3, 230, ProfileKind.ABSOLUTE, stack_level=1)
    assert set_charging_profile(limit(4140, form, idx=0, transaction_id=None), T) == {
        "connectorId": 0,
        "csChargingProfiles": {
            "chargingProfileId": 2000,
            "stackLevel": 1,
            "chargingProfilePurpose": "TxDefaultProfile",
            "chargingProfileKind": "Absolute",
            "chargingSchedule": {
                "startSchedule": "2025-12-31T00:00:00Z",
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6, "numberPhases": 3}],
            },
        },
    }


@pytest.mark.parametrize(
    ("unit", "phases", "number_phases", "told"),
    [
        (RateUnit.W, 0, True, None),
        (RateUnit.W, 3, True, None),
        (RateUnit.W, 1, True, 1),
        (RateUnit.W, 1, False, None),
        (RateUnit.A, 3, True, 3),
        (RateUnit.A, 1, True, 1),
        (RateUnit.A, 1, False, None),
    ],
)
def test_phases_are_told_where_three_would_be_wrong(
    unit: RateUnit,
    phases: int,
    number_phases: bool,  # noqa: FBT001 - a table
    told: int | None,
) -> None:
    form = LimitForm(unit, phases, 230, number_phases=number_phases)
    profile = json.loads(json.dumps(set_charging_profile(limit(2_300, form), T)))["csChargingProfiles"]
    (period,) = profile["chargingSchedule"]["chargingSchedulePeriod"]
    assert period.get("numberPhases") == told


@pytest.mark.parametrize(
    ("limit_w", "form", "wire"),
    [
        (0, WATTS, "0"),
        (11_000, WATTS, "11000"),
        (0, AMPS_3, "0"),
        (11_040, AMPS_3, "16"),
        (11_000, AMPS_3, "15.9"),
        (11_039, AMPS_3, "15.9"),
        (3_680, AMPS_1, "16"),
        (1_380, AMPS_1, "6"),
        (1_402, AMPS_1, "6"),
        (1_403, AMPS_1, "6.1"),
    ],
)
def test_limits_have_at_most_one_decimal_and_never_exceed(limit_w: int, form: LimitForm, wire: str) -> None:
    text = json.dumps(set_charging_profile(limit(limit_w, form), T))
    assert f'"limit": {wire}' in text.replace("}", ",")
    assert f'"limit": {wire},' in text.replace("}", ",")


@pytest.mark.parametrize(
    ("idx", "stack_level", "expected"),
    [
        (None, 3, {"chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 3}),
        (2, 0, {"chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 0, "connectorId": 2}),
        (None, None, {"chargingProfilePurpose": "TxDefaultProfile"}),
    ],
)
def test_clearing(idx: int | None, stack_level: int | None, expected: dict[str, object]) -> None:
    command = ClearLimits(Token(1), ConnectionId(1), ChargerId("CP001"), idx, stack_level)
    payload = clear_charging_profile(command)
    assert payload == expected
    assert vendor.check_call("ClearChargingProfile", json.dumps(payload).encode()) is None


def test_programmers_errors_are_caught() -> None:
    with pytest.raises(AssertionError):
        set_charging_profile(limit(1000, WATTS, idx=0), T)
    with pytest.raises(AssertionError):
        set_charging_profile(limit(-1, WATTS), T)


@pytest.mark.parametrize(
    ("unit", "periods"),
    [
        (RateUnit.W, [{"startPeriod": 0, "limit": 11_040}, {"startPeriod": 86_700, "limit": 4_140}]),
        (
            RateUnit.A,
            [
                {"startPeriod": 0, "limit": 16, "numberPhases": 3},
                {"startPeriod": 86_700, "limit": 6, "numberPhases": 3},
            ],
        ),
    ],
)
def test_a_limit_that_expires_counts_from_a_moment_that_we_choose(
    unit: RateUnit, periods: list[dict[str, Any]]
) -> None:
    """§7.9: Relative counts from a moment that the charger chooses."""
    command = replace(limit(11_040, LimitForm(unit, 3, 230)), expires_to_w=4_140)
    payload = set_charging_profile(command, T)
    profile = cast("dict[str, Any]", payload["csChargingProfiles"])
    assert profile["chargingProfileKind"] == "Absolute"
    assert profile["chargingSchedule"]["chargingSchedulePeriod"] == periods
    assert profile["chargingSchedule"]["startSchedule"] == "2025-12-31T00:00:00Z"
    sooner = set_charging_profile(replace(command, expires_s=90), T)
    schedule = cast("dict[str, Any]", sooner["csChargingProfiles"])["chargingSchedule"]
    assert schedule["chargingSchedulePeriod"][1]["startPeriod"] == 86_490
