"""From limits to charging profiles, to the letter of OCPP 1.6 §3.13, §5.16, §6.43 and §7.8–7.14.

One profile has one period from 0, no duration and no validity: it is in force whatever the charger's clock says. Kind
Relative carries no startSchedule; kind Absolute starts 24 h in the past. A limit that expires is Absolute, because
Relative counts from a moment that the charger chooses (§7.9), and has a second period. Ids are fixed per purpose and
connector, so that a new profile always replaces the old one (§5.16.3): 2000 + connector for TxDefaultProfile, 3000 +
connector for TxProfile. Limits are rounded down to one decimal.
"""

from csms.core.commands import PROBE_TENTHS, ClearLimits, LimitForm, ProfileKind, Purpose, RateUnit, SetLimit
from csms.ocpp16.times import format_time

Payload = dict[str, object]

_FIRST_ID = {Purpose.DEFAULT: 2000, Purpose.TX: 3000}
_WIRE_PURPOSE = {Purpose.DEFAULT: "TxDefaultProfile", Purpose.TX: "TxProfile"}
_DAY_S = 86_400


def set_charging_profile(command: SetLimit, wall_ms: int) -> Payload:
    """Return SetChargingProfile.req (§6.43); `wall_ms` (UTC) is used for kind Absolute only."""
    form = command.form
    kind = form.kind if command.expires_to_w is None else ProfileKind.ABSOLUTE
    periods = [_period(form, 0, _limit(form, command.limit_w, PROBE_TENTHS if command.probing else 0))]
    if command.expires_to_w is not None:
        periods.append(_period(form, _DAY_S + command.expires_s, _limit(form, command.expires_to_w)))
    schedule: Payload = {"chargingRateUnit": form.unit.value, "chargingSchedulePeriod": periods}
    if kind is ProfileKind.ABSOLUTE:
        schedule["startSchedule"] = format_time(wall_ms - _DAY_S * 1_000)
    profile: Payload = {
        "chargingProfileId": _FIRST_ID[command.purpose] + command.idx,
        "stackLevel": form.stack_level,
        "chargingProfilePurpose": _WIRE_PURPOSE[command.purpose],
        "chargingProfileKind": kind.value,
        "chargingSchedule": schedule,
    }
    if command.purpose is Purpose.TX:
        assert command.transaction_id is not None, "§5.16: a TxProfile names its transaction"
        assert command.idx > 0, "§3.13.1: a TxProfile is for one connector"
        profile["transactionId"] = command.transaction_id
    return {"connectorId": command.idx, "csChargingProfiles": profile}


def _period(form: LimitForm, start_s: int, limit: float) -> Payload:
    period: Payload = {"startPeriod": start_s, "limit": limit}
    if form.number_phases and (form.unit is RateUnit.A or form.phases == 1):
        # A total in watts is shared by three phases where no number is told (§7.14, errata 3.68): by one, if it is one.
        period["numberPhases"] = form.phases
    return period


def _limit(form: LimitForm, limit_w: int, less_tenths: int = 0) -> int | float:
    """Return the limit in the form's unit, rounded down to tenths (§7.14: at most one decimal)."""
    assert limit_w >= 0, "a limit is not negative"
    if form.unit is RateUnit.W:
        return limit_w
    assert form.phases > 0, "an ampere limit counts phases"
    tenths = limit_w * 10 // form.ampere_w - less_tenths
    return tenths // 10 if tenths % 10 == 0 else tenths / 10


def get_composite_schedule(idx: int, unit: RateUnit, duration_s: int) -> Payload:
    """Return GetCompositeSchedule.req (§6.23) for what is in force at a connector from now on."""
    return {"connectorId": idx, "duration": duration_s, "chargingRateUnit": unit.value}


def clear_charging_profile(command: ClearLimits) -> Payload:
    """Return ClearChargingProfile.req (§6.13): the given fields must all match."""
    payload: Payload = {"chargingProfilePurpose": _WIRE_PURPOSE[command.purpose]}
    if command.idx is not None:
        payload["connectorId"] = command.idx
    if command.stack_level is not None:
        payload["stackLevel"] = command.stack_level
    return payload
