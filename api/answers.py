"""The core's views, and stored transactions, as REST shows them: whole kilowatts down, camelCase."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel
from starlette.responses import Response

from api.schemas import (
    AlarmBody,
    ConnectorIdAnswer,
    KnockBody,
    SampleBody,
    SessionBody,
    SignedBody,
    TransactionBody,
)
from api.services import Knock
from csms.core.alarms import KINDS, Alarm
from csms.core.configuration import kilowatts
from csms.core.events import BootInfo
from csms.core.records import Driver, SessionStored
from csms.core.replies import SessionView
from csms.core.session import REGISTER_UNKNOWN
from csms.core.units import used_wh
from csms.ocpp16.merging import Value


def json_answer(body: BaseModel) -> Response:
    """Return 200 with a model as JSON, fields that are None left out."""
    return Response(_json(body), media_type="application/json")


def _json(body: BaseModel) -> str:
    return body.model_dump_json(by_alias=True, exclude_none=True)


def session_body(session: SessionView) -> SessionBody:
    """Return a session as documented; one over OCPP has further fields, in W."""
    is_ocpp = session.driver is Driver.OCPP
    return SessionBody(
        session_id=session.session_id,
        connector_id=ConnectorIdAnswer(charger_id=session.charger_id, idx=session.idx),
        allocated_power=session.allocated_w // 1000,
        vehicle_max_power=kilowatts(session.vehicle_max_w),
        allocated_power_w=session.allocated_w if is_ocpp else None,
        booked_power_w=session.booked_w if is_ocpp else None,
        consumed_power_w=session.consumed_w if is_ocpp else None,
        transaction_id=session.transaction_id if is_ocpp else None,
        limited_by=session.limited_by if is_ocpp else None,
    )


def transaction_body(session: SessionStored, view: SessionView | None) -> TransactionBody:
    """Return a transaction; of one that runs the view tells what was metered last."""
    assert session.transaction_id is not None, "it was found by it"
    is_known = REGISTER_UNKNOWN not in session.flags
    last_wh = session.last_energy_wh if session.meter_stop_wh is None else session.meter_stop_wh
    energy_wh = None if last_wh is None else used_wh(session.meter_start_wh, last_wh)
    if view is not None and session.ended_ms is None and view.energy_wh is not None:
        energy_wh = view.energy_wh
    return TransactionBody(
        transaction_id=session.transaction_id,
        session_id=session.session_id,
        connector_id=ConnectorIdAnswer(charger_id=session.charger_id, idx=session.idx),
        id_tag=valid_text(session.id_tag_raw),
        id_tag_status=session.tag_status.value,
        started_at=_iso(session.started_ms),
        stopped_at=None if session.ended_ms is None else _iso(session.ended_ms),
        meter_start_wh=session.meter_start_wh if is_known else None,
        meter_stop_wh=session.meter_stop_wh if is_known else None,
        energy_wh=energy_wh if is_known else None,
        end_reason=session.end_reason,
        flags=list(session.flags),
    )


def value_json(value: Value) -> str:
    """Return a meter value, signed or not, as JSON."""
    return _json(SignedBody(**_told(value)) if value.is_signed else SampleBody(**_told(value)))


def transaction_answer(
    transaction: TransactionBody, samples: Sequence[str], signed: Sequence[str], next_cursor: str | None
) -> Response:
    """Return 200 with a `TransactionAnswer` around values that are JSON already: there may be ten thousands of them."""
    fields = [
        f'"transaction":{_json(transaction)}',
        f'"samples":[{",".join(samples)}]',
        f'"signedData":[{",".join(signed)}]',
        *([] if next_cursor is None else [f'"nextCursor":"{next_cursor}"']),
    ]
    return Response(f"{{{','.join(fields)}}}", media_type="application/json")


def _told(value: Value) -> dict[str, Any]:
    return {
        "at": None if value.at_ms is None else _iso(value.at_ms),
        "measurand": value.measurand,
        "phase": value.phase or None,
        "context": value.context,
        "location": value.location,
        "unit": value.unit or None,
        "value": value.value,
    }


def knock_body(knock: Knock) -> KnockBody:
    """Return somebody who was not let in; the texts are a stranger's."""
    boot = BootInfo("", "") if knock.boot is None else knock.boot
    return KnockBody(
        charger_id=valid_text(knock.charger_id),
        remote=valid_text(knock.remote),
        path=valid_text(knock.path),
        reason=valid_text(knock.reason),
        first_seen=_iso(knock.first_ms),
        last_seen=_iso(knock.last_ms),
        count=knock.count,
        vendor=valid_text(boot.vendor) or None,
        model=valid_text(boot.model) or None,
        serial_number=valid_text(boot.serial_number or boot.charge_box_serial_number) or None,
        firmware_version=valid_text(boot.firmware_version) or None,
    )


def alarm_body(alarm: Alarm) -> AlarmBody:
    """Return an alarm with the words of its kind."""
    kind = KINDS[alarm.kind]
    return AlarmBody(
        id=alarm.alarm_id,
        kind=alarm.kind,
        severity=kind.severity.value,
        since=_iso(alarm.since_ms),
        charger_id=alarm.charger_id,
        connector=alarm.idx,
        subject=alarm.subject or None,
        cause=alarm.cause,
        meaning=kind.meaning,
        to_do=kind.to_do,
    )


def valid_text(text: str) -> str:
    """Return a stranger's text as valid Unicode: half a surrogate pair cannot be written in UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _iso(utc_ms: int) -> str:
    moment = datetime.fromtimestamp(utc_ms // 1000, UTC).replace(microsecond=utc_ms % 1000 * 1000)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
