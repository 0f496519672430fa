"""Between OCPP 1.6 and the core's words: decoded payloads → facts, commands → CALLs, answers → facts.

Answers are read leniently: a status in the wrong case or padded is the status it means, extra fields are ignored. An
answer without a readable status is an error with the code "Unreadable", never a guess.
"""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import get_args

import msgspec

from csms.core.commands import (
    Call,
    ChangeAvailability,
    ChangeConfiguration,
    ClearLimits,
    Operate,
    ReadConfiguration,
    ReadSchedule,
    RemoteStart,
    RemoteStop,
    SetLimit,
    Trigger,
)
from csms.core.events import (
    BootInfo,
    CallAnswered,
    CallErrored,
    CommandAnswered,
    ConfigurationRead,
    ConnectorStatus,
    ScheduleRead,
    StartKey,
)
from csms.core.ids import ChargerId, Token
from csms.ocpp16 import payloads, profiles
from csms.ocpp16.enumerations import ChargePointErrorCode, Reason
from csms.ocpp16.half_pairs import mended
from csms.ocpp16.readers import read_any, read_elements, read_fields, read_text
from csms.ocpp16.times import parse_time_ms

UNREADABLE = "Unreadable"
"""Code of an answer that cannot be read."""

_MAX_STATUS_CHARS = 50
_PERIODS_MAX = 100
"""So many periods of a composite schedule are looked at."""

_MAX_CURRENT_A = 10_000
_MAX_POWER_W = 100_000_000
_ROUNDING = 1e-6
"""How far a decimal such as 9.7 may be from tenths when it has been through binary arithmetic."""
_MAX_STAMP_CHARS = 40
_ABSENT = msgspec.Raw(b"null")
_ANSWER_STATUSES = {
    name.lower(): name
    for name in (
        "Accepted",
        "Rejected",
        "NotSupported",
        "NotImplemented",
        "Unknown",
        "Scheduled",
        "RebootRequired",
        "Unlocked",
        "UnlockFailed",
        "AcceptedCanceled",
        "NotFound",
    )
}
_CONNECTOR_STATUSES = {status.value.lower(): status for status in ConnectorStatus} | {
    # OCPP 1.5: a car is there, and nobody says whether power flows. Not to know it would leave `Available` standing.
    "occupied": ConnectorStatus.CHARGING,
}
_ERROR_CODES: Mapping[str, str] = {name.lower(): name for name in get_args(ChargePointErrorCode)}
_STOP_REASONS: Mapping[str, str] = {name.lower(): name for name in get_args(Reason)}


# --- commands → CALLs ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Request:
    """A CALL of ours; limits and hard actions with the same `limit_key` replace each other while queued."""

    action: str
    payload: dict[str, object]
    limit_key: Hashable | None = None
    urgent: bool = False


def request_of(command: Call, wall_ms: int) -> Request:  # noqa: C901 - one table of all commands
    """Return the CALL that carries out `command` (OCPP 1.6 §5)."""
    match command:
        case SetLimit(idx=idx, purpose=purpose, urgent=urgent):
            payload = profiles.set_charging_profile(command, wall_ms)
            return Request("SetChargingProfile", payload, (purpose, idx), urgent)
        case ClearLimits(idx=idx, urgent=urgent):
            key = ("clear", idx) if urgent else None
            return Request("ClearChargingProfile", profiles.clear_charging_profile(command), key, urgent)
        case Trigger(requested=requested, idx=idx):
            where = {} if idx is None else {"connectorId": idx}
            return Request("TriggerMessage", {"requestedMessage": requested, **where})
        case ReadSchedule(idx=idx, unit=unit, duration_s=duration_s):
            return Request("GetCompositeSchedule", profiles.get_composite_schedule(idx, unit, duration_s))
        case ReadConfiguration(keys=keys):
            return Request("GetConfiguration", {"key": list(keys)})
        case ChangeConfiguration(name=name, value=value):
            return Request("ChangeConfiguration", {"key": name, "value": value})
        case RemoteStart(idx=idx, id_tag=id_tag):
            return Request("RemoteStartTransaction", {"connectorId": idx, "idTag": id_tag})
        case RemoteStop(transaction_id=transaction_id, urgent=urgent):
            key = ("stop", transaction_id) if urgent else None
            return Request("RemoteStopTransaction", {"transactionId": transaction_id}, key, urgent)
        case ChangeAvailability(idx=idx, operative=operative):
            kind = "Operative" if operative else "Inoperative"
            wanted = {"connectorId": idx, "type": kind}
            return Request("ChangeAvailability", wanted, ("availability", idx), urgent=not operative)
        case Operate(action=action, payload_json=payload_json):
            return Request(action, msgspec.json.decode(payload_json, type=dict[str, object]))


# --- answers → facts -------------------------------------------------------------------------------------------------


def fact_of_answer(
    token: Token, action: str, payload: bytes | None
) -> CallAnswered | ConfigurationRead | ScheduleRead | CallErrored:
    """Return what the CALLRESULT of our `action` says."""
    fields = None if payload is None else read_fields(payload)
    if fields is None:
        return CallErrored(token, UNREADABLE)
    if action == "GetConfiguration":
        return _configuration(token, fields)
    if action == "GetCompositeSchedule":
        return _schedule(token, fields)
    status = read_text(fields.get("status", _ABSENT))
    if not status:
        return CallErrored(token, UNREADABLE)
    return CallAnswered(token, _ANSWER_STATUSES.get(status.lower(), status[:_MAX_STATUS_CHARS]))


def fact_of_operated(token: Token, payload: bytes | None) -> CommandAnswered | CallErrored:
    """Return what the CALLRESULT of an operator's command says, with all of it but secrets."""
    found = None if payload is None else read_any(mended(payload))
    if payload is None or not isinstance(found, dict):
        return CallErrored(token, UNREADABLE)
    word = None
    if "status" in found:
        status = read_text((read_fields(payload) or {})["status"])
        if not status:
            return CallErrored(token, UNREADABLE)
        word = _ANSWER_STATUSES.get(status.lower(), status[:_MAX_STATUS_CHARS])
    _redact(found)
    return CommandAnswered(token, word, msgspec.json.encode(found).decode())


def _redact(answer: dict[str, object]) -> None:
    """Take out of a GetConfiguration.conf what nobody may read (security whitepaper: it is write-only)."""
    rows = answer.get("configurationKey")
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict) and str(row.get("key")).strip().lower() == "authorizationkey":
            row.pop("value", None)


def fact_of_error(token: Token, code: str) -> CallErrored:
    """Return what a CALLERROR says; an unreadable code is "Unreadable"."""
    return CallErrored(token, code[:_MAX_STATUS_CHARS] or UNREADABLE)


def _schedule(token: Token, fields: dict[str, msgspec.Raw]) -> ScheduleRead:
    """Return the first limit of a composite schedule, and the first other one, as far as they can be ones."""
    schedule = read_fields(fields.get("chargingSchedule", _ABSENT)) or {}
    unit = (read_text(schedule.get("chargingRateUnit", _ABSENT)) or "").upper()
    periods = read_elements(schedule.get("chargingSchedulePeriod", _ABSENT))
    if not periods:
        return ScheduleRead(token, None)
    first = _limit_of(read_fields(periods[0]) or {}, unit)
    for raw in periods[1:_PERIODS_MAX]:
        period = read_fields(raw) or {}
        start_s, limit = read_any(period.get("startPeriod", _ABSENT)), _limit_of(period, unit)
        if isinstance(start_s, bool) or not isinstance(start_s, int) or limit == (None, None):
            break
        if limit != first:
            return ScheduleRead(token, *first, start_s, *limit)
    return ScheduleRead(token, *first)


def _limit_of(period: dict[str, msgspec.Raw], unit: str) -> tuple[int | None, int | None]:
    """Return the limit of a period in tenths of an ampere or in watts, whichever is told; None where none can be."""
    limit = read_any(period.get("limit", _ABSENT))
    if isinstance(limit, bool) or not isinstance(limit, int | float) or not limit >= 0:
        return None, None
    tenths_a = _tenths(limit) if unit == "A" and limit <= _MAX_CURRENT_A else None
    return tenths_a, math.floor(limit) if unit == "W" and limit <= _MAX_POWER_W else None


def _tenths(limit: float) -> int:
    return round(limit * 10) if abs(limit * 10 - round(limit * 10)) < _ROUNDING else math.floor(limit * 10)


def _configuration(token: Token, fields: dict[str, msgspec.Raw]) -> ConfigurationRead:
    values: dict[str, str | None] = {}
    readonly: list[str] = []
    for raw in read_elements(fields.get("configurationKey", _ABSENT)):
        entry = read_fields(raw) or {}
        key = read_text(entry.get("key", _ABSENT))
        if key:
            values[key] = read_text(entry.get("value", _ABSENT))
            if (read_text(entry.get("readonly", _ABSENT)) or "").lower() == "true":
                readonly.append(key)
    unknown = (read_text(raw) for raw in read_elements(fields.get("unknownKey", _ABSENT)))
    return ConfigurationRead(token, values, tuple(key for key in unknown if key), tuple(readonly))


# --- decoded payloads → parts of facts -------------------------------------------------------------------------------


def boot_info(payload: payloads.BootNotification) -> BootInfo:
    """Return what the charger says of itself (§6.3)."""
    return BootInfo(
        vendor=payload.charge_point_vendor,
        model=payload.charge_point_model,
        serial_number=payload.charge_point_serial_number,
        charge_box_serial_number=payload.charge_box_serial_number,
        firmware_version=payload.firmware_version,
        iccid=payload.iccid,
        imsi=payload.imsi,
        meter_type=payload.meter_type,
        meter_serial_number=payload.meter_serial_number,
    )


def connector_status(text: str) -> ConnectorStatus | None:
    """Return the status (§7.7) in any case and padding, or None for one that neither OCPP 1.6 nor 1.5 has."""
    return _CONNECTOR_STATUSES.get(text.strip().lower())


def error_code(text: str) -> str:
    """Return the ChargePointErrorCode (§7.6); anything else is OtherError."""
    return _ERROR_CODES.get(text.strip().lower(), "OtherError")


def stop_reason(text: str) -> str:
    """Return the Reason (§7.36); anything else is Other, and nothing is Local (§4.10)."""
    text = text.strip()
    return _STOP_REASONS.get(text.lower(), "Other") if text else "Local"


def start_key(charger_id: ChargerId, payload: payloads.StartTransaction, received_ms: int) -> StartKey:
    """Return the identity of a start; one with an odd time stamp, or none, is known by its words.

    `received_ms` (UTC) is its time then.
    """
    at_ms = parse_time_ms(payload.timestamp)
    return StartKey(
        charger_id=charger_id,
        idx=payload.connector_id,
        id_tag=payload.id_tag,
        started_ms=received_ms if at_ms is None else at_ms,
        meter_start_wh=payload.meter_start,
        words=payload.timestamp[:_MAX_STAMP_CHARS] if at_ms is None else None,
    )
