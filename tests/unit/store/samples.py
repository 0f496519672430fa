"""Records to store: one plain example of each."""

from dataclasses import replace
from typing import Any

from csms.core.audit import ActOutcome, AuditEntry
from csms.core.certificates import Named
from csms.core.commands import LimitForm, Purpose, RateUnit
from csms.core.events import BootInfo, ConnectorStatus, StartKey, TagStatus
from csms.core.ids import CampaignId, ChargerId, CommandId, SessionId, Token, TransactionId
from csms.core.records import (
    CampaignState,
    CampaignStored,
    CertificateRequest,
    ChargerStored,
    CommandOutcome,
    CommandState,
    CommandStored,
    CountersStored,
    Driver,
    EventLogged,
    Expected,
    Place,
    PlaceState,
    SampleStored,
    SendState,
    SendStored,
    SessionStored,
)
from csms.core.release import Installed, Release, ReleaseState, ReleaseStep, StepState, Trace
from csms.core.station import Battery, Charger, Circuit, Configure, Control, FailSafe, Station

STATION = Station(
    station_id="ELECTRA_PARIS_15",
    grid_capacity_w=400_000,
    chargers=(
        Charger(ChargerId("CP001"), 200_000, 2),
        Charger(
            ChargerId("CP002"),
            22_000,
            1,
            control=Control.OCPP,
            circuit="garage",
            min_power_w=4_140,
            reserved_power_w=11_000,
            phases=3,
            assume_ocpp16=True,
            configure=Configure.NEVER,
            fail_safe=FailSafe.RESERVE,
            fail_safe_power_w=4_140,
        ),
    ),
    circuits=(Circuit("garage", None, 100_000), Circuit("corner", "garage", None)),
    static_load_w=5_000,
    battery=Battery(200_000, 100_000),
    fail_safe_chosen=True,
    time_zone="Europe/Paris",
    rest_session_timeout_s=3_600,
)

CHARGER = ChargerStored(
    charger_id=ChargerId("CP001"),
    max_booked_w=200_000,
    uncontrolled_booked_w=150_000,
    ever_connected=True,
    boot=BootInfo("Vendor", "Model", firmware_version="1.2"),
    provisioned=(True, False),
    configuration={"MeterValueSampleInterval": "10", "ChargeProfileMaxStackLevel": None},
    statuses={0: ConnectorStatus.AVAILABLE, 1: ConnectorStatus.SUSPENDED_EVSE},
    draining=Charger(ChargerId("CP001"), 200_000, 2, circuit="garage"),
    certificate_request=CertificateRequest("-----BEGIN CERTIFICATE REQUEST-----", 1_700_000_000_000),
    release=Release(
        "192.0.2.10",
        1_700_000_000_000,
        forced=True,
        steps=(
            ReleaseStep(Trace.PROFILE, "2000", state=StepState.UNDONE),
            ReleaseStep(Trace.KEY, "MeterValueSampleInterval", "60", StepState.NOT_UNDONE, "Rejected"),
            ReleaseStep(Trace.CERTIFICATE, "f2", installed=Installed("use", "PEM", (Named("SHA256", "a", "b", "f2"),))),
        ),
        state=ReleaseState.INCOMPLETE,
        unanswered=True,
        ended_ms=1_700_000_001_000,
    ),
    cleared_foreign=True,
)

W_FORM = LimitForm(RateUnit.W, phases=0, voltage_v=230)


def send(token: int, limit_w: int = 11_000, state: SendState = SendState.OPEN) -> SendStored:
    return SendStored(
        token=Token(token),
        charger_id=ChargerId("CP001"),
        idx=1,
        purpose=Purpose.TX,
        limit_w=limit_w,
        form=W_FORM,
        transaction_id=TransactionId(7),
        state=state,
        sent_wall_ms=1_700_000_000_000,
    )


def session(name: str, transaction_id: int | None = 1, **changed: Any) -> SessionStored:
    fields: dict[str, Any] = {
        "session_id": SessionId(name),
        "driver": Driver.OCPP,
        "charger_id": ChargerId("CP001"),
        "idx": 1,
        "transaction_id": None if transaction_id is None else TransactionId(transaction_id),
        "id_tag": "TAG1",
        "tag_status": TagStatus.ACCEPTED,
        "rank": transaction_id or 0,
        "created_ms": 1_700_000_000_500,
        "started_ms": 1_700_000_000_000,
        "meter_start_wh": 1_000,
        "declared_w": 150_000,
        "estimate_w": 150_000,
        "id_tag_raw": "tag1",
    }
    return SessionStored(**(fields | changed))


def ended(name: str, transaction_id: int | None = 1, **changed: Any) -> SessionStored:
    end = {"ended_ms": 1_700_000_600_000, "meter_stop_wh": 9_000, "end_reason": "Local", "last_energy_wh": 9_000}
    return session(name, transaction_id, **(end | changed))


def start_key(record: SessionStored) -> StartKey:
    """Return the key of the StartTransaction that opened a session."""
    return StartKey(record.charger_id, record.idx, record.id_tag_raw, record.started_ms, record.meter_start_wh)


def sample(at_ms: int = 1_700_000_010_000, **changed: Any) -> SampleStored:
    fields: dict[str, Any] = {
        "charger_id": ChargerId("CP001"),
        "idx": 1,
        "session_id": SessionId("s1"),
        "transaction_id": 1,
        "at_ms": at_ms,
        "received_ms": at_ms + 20,
        "power_w": 11_000,
        "energy_wh": 1_234,
        "raw_json": '{"sampledValue":[{"value":"11"}]}',
    }
    return SampleStored(**(fields | changed))


def logged(kind: str = "charger.booted") -> EventLogged:
    return EventLogged(1_700_000_000_000, kind, ChargerId("CP001"), 1, {"vendor": "é", "n": 1, "ok": True, "no": None})


def command(name: str = "c1", **changed: Any) -> CommandStored:
    fields: dict[str, Any] = {
        "command_id": CommandId(name),
        "charger_id": ChargerId("CP001"),
        "action": "Reset",
        "body_json": '{"type":"Soft"}',
        "asked_by": "127.0.0.1",
        "asked_ms": 1_700_000_000_000,
    }
    return CommandStored(**(fields | changed))


DONE_COMMAND = command(
    queue_until_ms=1_700_000_060_000,
    forced=True,
    state=CommandState.ACCEPTED,
    answer="Accepted",
    answer_json='{"status":"Accepted"}',
    reason="é",
    sent_ms=1_700_000_000_001,
    answered_ms=1_700_000_000_002,
    expects=Expected.BOOT,
    outcome=CommandOutcome.AWAITED,
    outcome_due_ms=1_700_000_300_000,
)

CAMPAIGN = CampaignStored(
    CampaignId("k1"),
    "spring",
    "127.0.0.1",
    1_700_000_000_000,
    2,
    '{"location":"https://files.example/fw.bin"}',
    None,
    (Place(ChargerId("CP001")), Place(ChargerId("CP002"))),
)
HALTED_CAMPAIGN = replace(
    CAMPAIGN,
    retrieve_ms=1_700_000_060_000,
    places=(
        Place(
            ChargerId("CP001"), PlaceState.FAILED, (CommandId("k1-1-1"), CommandId("k1-1-2")), "é", 1_700_000_000_001
        ),
        Place(ChargerId("CP002"), PlaceState.WAITING_FOR_CARS, (), "a car charges there", 1_700_000_000_002),
    ),
    state=CampaignState.HALTED,
    halted_by=ChargerId("CP001"),
    halted_why="CP001: é",
)

ACT = AuditEntry(
    1,
    1_700_000_000_000,
    "192.0.2.1",
    "PUT /id-tags/{idTag}",
    "/id-tags/04A2***",
)
ANSWERED_ACT = replace(
    ACT,
    charger_id=ChargerId("CP001"),
    idx=2,
    query={"force": "true"},
    body_json='{"note":"é"}',
    changes=("blocked: false → true", "note: changed"),
    made={"commandId": "c1"},
    outcome=ActOutcome.REFUSED,
    status=409,
    reason="é",
    answered_ms=1_700_000_000_001,
    key_name="anna",
)

COUNTERS = CountersStored(TransactionId(42), Token(17), 9)
