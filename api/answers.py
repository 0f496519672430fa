"""The core's views, and stored transactions, as REST shows them: whole kilowatts down, camelCase."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel
from pydantic.alias_generators import to_camel
from starlette.responses import Response

from api.capacity_schemas import CapacityEventBody
from api.schemas import (
    AlarmBody,
    AuditBody,
    AvailabilityBody,
    BatteryBody,
    BreakBody,
    CampaignBody,
    CampaignChargerBody,
    CapBody,
    CertificateRequestBody,
    ChangedSettingBody,
    ChargerAnswer,
    ChargerBody,
    ChargerBoot,
    ClientBody,
    CommandBody,
    ConnectionBody,
    ConnectorBody,
    ConnectorIdAnswer,
    ContinuityConnector,
    ExpectedBody,
    HaltedBody,
    IdTagBody,
    KnockBody,
    LocalListBody,
    MaintenanceBody,
    MessageBody,
    RegisterBody,
    ReleaseBody,
    ReleaseStepBody,
    SampleBody,
    SessionBody,
    SignedBody,
    TransactionBody,
)
from api.services import Knock
from csms.core.alarms import KINDS, Alarm
from csms.core.audit import AuditEntry
from csms.core.caps import CapView
from csms.core.configuration import kilowatts
from csms.core.continuity import Step
from csms.core.events import BootInfo, TagStatus
from csms.core.grid_terms import CapacityEvent
from csms.core.hiding import MASK, without_credentials
from csms.core.id_tags import IdTag
from csms.core.ids import ChargerId, SessionId
from csms.core.learnt import Learnt, Make
from csms.core.local_list import ListState, LocalListStored
from csms.core.makes_document import make_document
from csms.core.records import CampaignStored, CommandStored, Driver, Maintenance, Place, SessionStored
from csms.core.release import Release, ReleaseStep
from csms.core.replies import BatteryView, ChargerView, ConnectorView, SessionView
from csms.core.secret_names import is_secret_key
from csms.core.session import REGISTER_UNKNOWN
from csms.core.terms import USUAL
from csms.core.units import used_wh
from csms.obs.redaction import redacted
from csms.ocpp16.merging import Value
from csms.runtime.continuity import ConnectorDay
from csms.runtime.redaction import Shown

VALID_FOR_S = 60
"""A REST client that hears nothing for so long takes no more than what is firm."""


def json_answer(body: BaseModel, status: int = 200) -> Response:
    """Return an answer with a model as JSON, fields that are None left out."""
    return Response(_json(body), status_code=status, media_type="application/json")


def _json(body: BaseModel) -> str:
    return body.model_dump_json(by_alias=True, exclude_none=True)


def iso_time(utc_ms: int) -> str:
    """Return a time as all answers write it: ISO 8601, UTC, with milliseconds."""
    return _iso(utc_ms)


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
        weight=None if session.weight == USUAL.weight else session.weight,
        priority=None if session.priority == USUAL.priority else session.priority,
        mode="observe" if session.observed else None,
        firm_power=None if session.firm_w is None else session.firm_w // 1000,
        valid_for_s=None if session.firm_w is None else VALID_FOR_S,
    )


def battery_body(battery: BatteryView) -> BatteryBody:
    """Return the battery as it was last read."""
    return BatteryBody(
        state_of_charge=battery.soc_ppm // 1_000 / 10,
        power=kilowatts(battery.power_w),
        set_point=None if battery.set_point_w is None else kilowatts(battery.set_point_w),
        available_power=kilowatts(battery.granted_w),
        computed=battery.computed,
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


def _kilowatts(power_w: int | None) -> int | float | None:
    return None if power_w is None else kilowatts(power_w)


def charger_body(charger: ChargerView, max_w: int | None, sessions: Mapping[SessionId, SessionView]) -> ChargerBody:
    """Return a charger as it is now; `max_w` as configured, None: it is no more."""
    online = charger.connected_ms
    return ChargerBody(
        charger_id=charger.charger_id,
        max_power=_kilowatts(max_w),
        boot=None if charger.boot is None else _boot_body(charger.boot),
        connection=None if online is None else ConnectionBody(since=_iso(online), address=charger.address or None),
        connectors=[_connector_body(connector, sessions) for connector in charger.connectors],
        booked_power=kilowatts(charger.booked_w),
        fail_safe_power=_kilowatts(charger.fail_safe_w),
        provisioned=charger.provisioned,
        draining=charger.draining,
        identity_conflict=charger.identity_conflict,
        refusing=charger.refusing,
        caps=[_cap_body(cap) for cap in charger.caps],
        mode="observe" if charger.observed else "control",
        maintenance=None if charger.maintenance is None else maintenance_body(charger.maintenance),
        release=None if charger.release is None else charger.release.state.value,
    )


def maintenance_body(maintenance: Maintenance) -> MaintenanceBody:
    """Return what an operator has said of a charger or connector, and what its charger made of it."""
    told, availability = maintenance.told, None
    if told is not None:
        availability = AvailabilityBody(
            command_id=told.command_id,
            type="Operative" if told.operative else "Inoperative",
            state=told.state.value,
            outcome=None if told.outcome is None else told.outcome.value,
        )
    return MaintenanceBody(
        reason=maintenance.reason,
        asked_by=maintenance.asked_by or None,
        since=_iso(maintenance.since_ms),
        until=None if maintenance.until_ms is None else _iso(maintenance.until_ms),
        inoperative=maintenance.inoperative,
        availability=availability,
        ended_at=None if maintenance.ended_ms is None else _iso(maintenance.ended_ms),
    )


def capacity_event_body(event: CapacityEvent, now_ms: int) -> CapacityEventBody:
    """Return a limit of the grid connection that was told, as it stands at `now_ms` (UTC)."""
    return CapacityEventBody(
        id=event.event_id,
        from_=_iso(event.from_ms),
        to=None if event.to_ms is None else _iso(event.to_ms),
        capacity=kilowatts(event.capacity_w),
        source=event.source,
        heartbeat_s=event.heartbeat_s,
        state=event.phase_at(now_ms).value,
        set_by=event.set_by or None,
        set_at=_iso(event.set_ms),
    )


def release_body(charger_id: str, release: Release, *, online: bool) -> ReleaseBody:
    """Return the release of a charger, which may be offline."""
    waits = release.is_under_way and not online
    return ReleaseBody(
        charger_id=charger_id,
        asked_by=release.asked_by or None,
        asked_at=_iso(release.asked_ms),
        forced=release.forced,
        state=release.state.value,
        waits_for="the charger is offline" if waits else None,
        ended_at=None if release.ended_ms is None else _iso(release.ended_ms),
        counts=dict(Counter(step.state.value for step in release.steps)),
        steps=[_release_step_body(step) for step in release.steps],
    )


def _release_step_body(step: ReleaseStep) -> ReleaseStepBody:
    """Return one step; what is said of it may hold words of the charger, and what a key was a secret."""
    before = MASK if step.before is not None and is_secret_key(step.name) else step.before
    return ReleaseStepBody(
        what=step.trace.value,
        name=valid_text(step.name) or None,
        before=None if before is None else valid_text(without_credentials(before)),
        state=step.state.value,
        detail=valid_text(step.detail) or None,
    )


def _cap_body(cap: CapView) -> CapBody:
    return CapBody(
        command_id=cap.command_id,
        profile_id=cap.profile_id,
        connector=cap.idx,
        purpose=cap.purpose.value,
        stack_level=cap.stack_level,
        transaction_id=cap.transaction_id,
        limit=_kilowatts(cap.limit_w),
    )


def _boot_body(boot: BootInfo) -> ChargerBoot:
    """Return what a charger said of itself; the texts are a stranger's."""
    return ChargerBoot(
        vendor=valid_text(boot.vendor) or None,
        model=valid_text(boot.model) or None,
        serial_number=valid_text(boot.serial_number or boot.charge_box_serial_number) or None,
        firmware_version=valid_text(boot.firmware_version) or None,
        meter_type=valid_text(boot.meter_type) or None,
        meter_serial_number=valid_text(boot.meter_serial_number) or None,
    )


def _connector_body(connector: ConnectorView, sessions: Mapping[SessionId, SessionView]) -> ConnectorBody:
    session = None if connector.session_id is None else sessions.get(connector.session_id)
    return ConnectorBody(
        idx=connector.idx,
        status=connector.status,
        status_since=None if connector.status_since_ms is None else _iso(connector.status_since_ms),
        session=None if session is None else session_body(session),
        booked_power=kilowatts(connector.booked_w),
        confirmed_power=_kilowatts(connector.confirmed_w),
        provisioned=connector.provisioned,
        not_obeying=connector.not_obeying,
        out_of_service=connector.out_of_service,
        maintenance=None if connector.maintenance is None else maintenance_body(connector.maintenance),
    )


def charger_answer(
    charger: ChargerView, body: ChargerBody, learnt: Learnt | None, alarms: list[Alarm]
) -> ChargerAnswer:
    """Return all that is known of a charger; names and values of keys are a stranger's texts."""
    make = None if charger.boot is None else charger.boot.make
    known = None if make is None or learnt is None else make_document(Make(*map(valid_text, make)), learnt)
    told = asdict(charger.capabilities)
    return ChargerAnswer(
        charger=body,
        capabilities={to_camel(name): _listed(value) for name, value in told.items() if value not in {None, ()}},
        settings={valid_text(key): valid_text(value or "") for key, value in charger.settings.items()},
        changed_settings={
            valid_text(key): ChangedSettingBody(
                before=valid_text(change.before), value=valid_text(change.value), answer=change.answer.value
            )
            for key, change in charger.changes.items()
        },
        learnt=known,
        alarms=[alarm_body(alarm) for alarm in alarms],
        certificate_request=None
        if charger.certificate_request is None
        else CertificateRequestBody(
            asked_at=_iso(charger.certificate_request.asked_ms), csr=charger.certificate_request.csr
        ),
    )


def _listed(value: object) -> object:
    """Return a capability as JSON has it."""
    return sorted(value) if isinstance(value, frozenset) else value


def continuity_connector(day: ConnectorDay) -> ContinuityConnector:
    """Return a connector's transactions of a day, and where they do not follow each other."""
    return ContinuityConnector(
        connector_id=ConnectorIdAnswer(charger_id=day.key.charger_id, idx=day.key.idx),
        transactions=len(day.sessions),
        breaks=[_break(step) for step in day.steps],
    )


def _break(step: Step) -> BreakBody:
    ended, begun = transaction_body(step.before, None), transaction_body(step.after, None)
    return BreakBody(
        kind=step.kind.value,
        difference_wh=step.difference_wh,
        before=RegisterBody(transaction_id=ended.transaction_id, at=ended.stopped_at, register_wh=ended.meter_stop_wh),
        after=RegisterBody(transaction_id=begun.transaction_id, at=begun.started_at, register_wh=begun.meter_start_wh),
    )


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


def message_body(frame: Shown) -> MessageBody:
    """Return a frame as an operator may see it."""
    return MessageBody(
        at=_iso(frame.wall_ms),
        direction=frame.direction,
        action=frame.action,
        message=frame.elements,
        text=None if frame.text is None else valid_text(frame.text),
        size_bytes=frame.size_bytes,
        cut=frame.cut,
    )


def alarm_body(alarm: Alarm) -> AlarmBody:
    """Return an alarm with the words of its kind."""
    kind = KINDS[alarm.kind]
    return AlarmBody(
        id=alarm.alarm_id,
        kind=alarm.kind,
        severity=alarm.severity.value,
        since=_iso(alarm.since_ms),
        charger_id=alarm.charger_id,
        connector=alarm.idx,
        subject=alarm.subject or None,
        cause=alarm.cause,
        maintenance=alarm.maintenance,
        meaning=kind.meaning,
        to_do=kind.to_do,
    )


def command_body(command: CommandStored, *, whole: bool) -> CommandBody:
    """Return an operator's command, with all that its charger answered or with the status alone."""
    expects = None
    if command.expects is not None and command.outcome is not None:
        until = None if command.outcome_due_ms is None else _iso(command.outcome_due_ms)
        expects = ExpectedBody(what=command.expects.value, state=command.outcome.value, until=until)
    return CommandBody(
        id=command.command_id,
        charger_id=command.charger_id,
        action=command.action,
        body=_shown_payload(command.body_json),
        asked_by=command.asked_by or None,
        asked_at=_iso(command.asked_ms),
        queue_until=None if command.queue_until_ms is None else _iso(command.queue_until_ms),
        forced=command.forced,
        state=command.state.value,
        answer=None if command.answer is None else valid_text(command.answer),
        answer_body=_shown_answer(command) if whole else None,
        reason=command.reason,
        sent_at=None if command.sent_ms is None else _iso(command.sent_ms),
        answered_at=None if command.answered_ms is None else _iso(command.answered_ms),
        outcome=expects,
    )


def audit_body(entry: AuditEntry) -> AuditBody:
    """Return what somebody has asked for, and what came of it."""
    return AuditBody(
        id=entry.audit_id,
        at=_iso(entry.asked_ms),
        by=ClientBody(address=entry.address or None, key=entry.key_name),
        operation=entry.operation,
        resource=entry.resource,
        charger_id=entry.charger_id,
        idx=entry.idx,
        query=entry.query,
        body=None if entry.body_json is None else json.loads(entry.body_json),
        changes=list(entry.changes) or None,
        made=entry.made,
        outcome=entry.outcome.value,
        status=entry.status,
        reason=entry.reason,
        answered_at=None if entry.answered_ms is None else _iso(entry.answered_ms),
    )


def local_list_body(charger_id: ChargerId, stored: LocalListStored | None, *, is_current: bool) -> LocalListBody:
    """Return what is known of a charger's local list; the tags themselves are told by `GET /id-tags`."""
    if stored is None:
        return LocalListBody.model_validate({"charger_id": charger_id, "state": "off", "current": False})
    is_off = not stored.is_on and stored.state is ListState.HELD
    is_open = stored.state is ListState.SENDING
    held = stored.held
    return LocalListBody(
        charger_id=charger_id,
        state="off" if is_off else stored.state.value,
        reason=stored.reason,
        current=is_current,
        version=None if held is None else held.version,
        id_tags=None if held is None else len(held.entries),
        wanted_id_tags=len(stored.wanted),
        asked_by=stored.asked_by or None,
        asked_at=_iso(stored.asked_ms),
        until=_iso(stored.until_ms) if is_open else None,
        settled_at=None if is_open else _iso(stored.changed_ms),
        send_local_list_max_length=stored.chunk_max,
        local_auth_list_max_length=stored.entries_max,
        local_auth_list_enabled=stored.enabled,
    )


def campaign_body(campaign: CampaignStored, *, whole: bool) -> CampaignBody:
    """Return a firmware campaign, with each of its chargers or with their counts alone."""
    halted = None
    if campaign.halted_why is not None:
        halted = HaltedBody(charger_id=campaign.halted_by, reason=campaign.halted_why)
    return CampaignBody(
        id=campaign.campaign_id,
        name=campaign.name or None,
        asked_by=campaign.asked_by or None,
        asked_at=_iso(campaign.asked_ms),
        state=campaign.state.value,
        at_a_time=campaign.at_a_time,
        body=_shown_payload(campaign.body_json),
        retrieve_date=None if campaign.retrieve_ms is None else _iso(campaign.retrieve_ms),
        ended_at=None if campaign.ended_ms is None else _iso(campaign.ended_ms),
        halted=halted,
        counts=dict(Counter(place.state.value for place in campaign.places)),
        chargers=[_place_body(place) for place in campaign.places] if whole else None,
    )


def _place_body(place: Place) -> CampaignChargerBody:
    return CampaignChargerBody(
        charger_id=place.charger_id,
        state=place.state.value,
        reason=place.reason,
        changed_at=_iso(place.changed_ms),
        command_ids=list(place.command_ids),
    )


def _shown_answer(command: CommandStored) -> dict[str, Any] | None:
    """Return the whole answer; what keys are set to, a charger tells whoever asks, passwords too."""
    answered = None if command.answer_json is None else json.loads(command.answer_json)
    return None if answered is None else dict(redacted(answered, command.action))


def _shown_payload(body_json: str) -> dict[str, Any]:
    """Return the payload that was sent; any address in it, or what a key was set to, may hold a password."""
    payload: dict[str, Any] = json.loads(without_credentials(body_json))
    if is_secret_key(payload.get("key")) and "value" in payload:
        payload["value"] = MASK
    return payload


def id_tag_body(tag: IdTag, status: TagStatus) -> IdTagBody:
    """Return a listed tag with what is said of it now."""
    return IdTagBody(
        id_tag=tag.id_tag_raw,
        status=status.value,
        parent_id_tag=tag.parent,
        expiry_date=None if tag.expires_ms is None else _iso(tag.expires_ms),
        blocked=tag.blocked,
        concurrent=tag.concurrent,
        note=tag.note,
        weight=tag.weight,
        priority=tag.priority,
        version=tag.version,
    )


def valid_text(text: str) -> str:
    """Return a stranger's text as valid Unicode: half a surrogate pair cannot be written in UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _iso(utc_ms: int) -> str:
    moment = datetime.fromtimestamp(utc_ms // 1000, UTC).replace(microsecond=utc_ms % 1000 * 1000)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
