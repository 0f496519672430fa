"""Operators' commands: what answers make of them, what follows, what is booked meanwhile, what a crash leaves."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from csms.core.actions import ACTIONS
from csms.core.commands import Operate
from csms.core.errors import InvariantError
from csms.core.events import (
    CallErrored,
    ChargerReported,
    CommandAnswered,
    CommandRequested,
    CommandWatched,
    ConnectorStatus,
    StartKey,
    TagStatus,
    TransactionStarted,
)
from csms.core.ids import ChargerId, CommandId, ConnectionId, RequestId, SessionId, Token
from csms.core.leaving import LISTS, USES
from csms.core.records import CommandOutcome, CommandState, CommandStored
from csms.core.replies import CommandShown, NothingAwaited, Refusal, Refused
from csms.core.station import Configure, Mode
from tests.unit.core.driving import KEYS, Drive, charger, station

BODIES: dict[str, dict[str, Any]] = {
    "Reset": {"type": "Soft"},
    "UnlockConnector": {"connectorId": 1},
    "ChangeAvailability": {"connectorId": 1, "type": "Inoperative"},
    "ClearCache": {},
    "TriggerMessage": {"requestedMessage": "MeterValues"},
    "GetConfiguration": {},
    "ChangeConfiguration": {"key": "HeartbeatInterval", "value": "60"},
    "DataTransfer": {"vendorId": "V"},
    "RemoteStartTransaction": {"idTag": "TAG", "connectorId": 1},
    "RemoteStopTransaction": {"transactionId": 1},
    "GetCompositeSchedule": {"connectorId": 1, "duration": 60},
    "GetDiagnostics": {"location": "ftp://x"},
    "UpdateFirmware": {"location": "ftp://x", "retrieveDate": "2027-01-15T08:00:00Z"},
    "GetLocalListVersion": {},
    "SendLocalList": {"listVersion": 1, "updateType": "Full"},
    "ReserveNow": {"connectorId": 1, "expiryDate": "2027-01-15T09:00:00Z", "idTag": "T", "reservationId": 1},
    "CancelReservation": {"reservationId": 1},
    "ClearChargingProfile": {"id": 7},
    "ExtendedTriggerMessage": {"requestedMessage": "SignChargePointCertificate"},
    "GetLog": {"logType": "SecurityLog", "requestId": 5, "log": {"remoteLocation": "ftp://x"}},
    "SignedUpdateFirmware": {
        "requestId": 5,
        "firmware": {
            "location": "ftp://x",
            "retrieveDateTime": "2027-01-15T08:00:00Z",
            "signingCertificate": "PEM",
            "signature": "AA==",
        },
    },
    "InstallCertificate": {"certificateType": "ManufacturerRootCertificate", "certificate": "PEM"},
    "GetInstalledCertificateIds": {"certificateType": "CentralSystemRootCertificate"},
    "DeleteCertificate": {"certificateHashData": {}},
    "CertificateSigned": {"certificateChain": "PEM"},
}
CP = ChargerId("CP001")
SAMPLED = "Power.Active.Import,Energy.Active.Import.Register"


def drive(grid_kw: int = 400) -> Drive:
    """One provisioned charger of 100 kW, and one of 50 that charges on what is left of the grid."""
    made = Drive(station(grid_kw, charger("CP001", 100), charger("CP002", 50)))
    made.bring_up("CP001", "CP002")
    made.take()
    return made


def ask(
    made: Drive, action: str, body: dict[str, Any] | None = None, *, queue_s: int | None = None, forced: bool = False
) -> CommandStored | Refused:
    """Ask for a command; return how it stands, or why it is refused."""
    request = RequestId(made.number())
    until_ms = None if queue_s is None else made.now.wall_ms + queue_s * 1_000
    text = json.dumps(BODIES[action] if body is None else body)
    made.do(CommandRequested(request, CommandId(f"c{request}"), CP, action, text, "test", until_ms, forced))
    outcome = made.outcomes[request]
    return outcome.command if isinstance(outcome, CommandShown) else _refused(outcome)


def _refused(outcome: object) -> Refused:
    assert isinstance(outcome, Refused), outcome
    return outcome


def sent(made: Drive) -> list[Operate]:
    return [command for command in made.take() if isinstance(command, Operate)]


def stored(made: Drive, number: int = -1) -> CommandStored:
    return list(made.memory.commands.values())[number]


def answer(made: Drive, status: str | None = "Accepted", **fields: Any) -> CommandStored:
    """Answer the command that is out."""
    (call,) = [call for call in made.open_calls if isinstance(call, Operate)]
    made.open_calls.remove(call)
    told = {"status": status} if status is not None else {}
    made.do(CommandAnswered(call.token, status, json.dumps(told | fields)))
    return stored(made)


def has_nothing(made: Drive) -> None:
    """Answer the questions that an InstallCertificate is preceded by."""
    for _ in USES:
        sent(made)
        answer(made, "NotFound")


def test_every_action_has_a_body_here() -> None:
    assert BODIES.keys() == ACTIONS.keys()


@pytest.mark.parametrize("action", ACTIONS)
def test_it_is_durable_as_sent_before_it_leaves(action: str) -> None:
    made = drive()
    shown = ask(made, action)
    assert isinstance(shown, CommandStored)
    if action == "InstallCertificate":
        has_nothing(made)
    assert stored(made).state is CommandState.SENT
    (command,) = sent(made)
    assert (command.action, json.loads(command.payload_json)) == (action, BODIES[action])
    assert command in made.last.after_commit or stored(made).state is CommandState.SENT
    assert command not in made.last.at_once


@pytest.mark.parametrize(
    ("action", "status", "state", "expects"),
    [
        ("Reset", "Accepted", "accepted", "boot"),
        ("Reset", "Rejected", "rejected", None),
        ("UnlockConnector", "Unlocked", "accepted", None),
        ("UnlockConnector", "UnlockFailed", "rejected", None),
        ("UnlockConnector", "NotSupported", "not_supported", None),
        ("ChangeAvailability", "Accepted", "accepted", None),
        ("ChangeAvailability", "Scheduled", "accepted", "status"),
        ("ClearCache", "Rejected", "rejected", None),
        ("TriggerMessage", "NotImplemented", "not_supported", None),
        ("GetConfiguration", None, "accepted", None),
        ("ChangeConfiguration", "RebootRequired", "accepted", None),
        ("ChangeConfiguration", "NotSupported", "not_supported", None),
        ("DataTransfer", "UnknownVendorId", "rejected", None),
        ("RemoteStartTransaction", "Accepted", "accepted", "transaction_started"),
        ("RemoteStartTransaction", "Rejected", "rejected", None),
        ("RemoteStopTransaction", "Accepted", "accepted", "transaction_ended"),
        ("GetCompositeSchedule", "Rejected", "rejected", None),
        ("GetDiagnostics", None, "accepted", None),
        ("UpdateFirmware", None, "accepted", "installed"),
        ("GetLocalListVersion", None, "accepted", None),
        ("SendLocalList", "VersionMismatch", "rejected", None),
        ("ReserveNow", "Occupied", "rejected", None),
        ("ReserveNow", "Accepted", "accepted", "reservation_used"),
        ("CancelReservation", "Accepted", "accepted", None),
        ("ClearChargingProfile", "Unknown", "rejected", None),
        ("ExtendedTriggerMessage", "Accepted", "accepted", None),
        ("ExtendedTriggerMessage", "Rejected", "rejected", None),
        ("ExtendedTriggerMessage", "NotImplemented", "not_supported", None),
        ("GetLog", "Accepted", "accepted", None),
        ("GetLog", "AcceptedCanceled", "accepted", None),
        ("GetLog", "Rejected", "rejected", None),
        ("SignedUpdateFirmware", "Accepted", "accepted", "installed"),
        ("SignedUpdateFirmware", "AcceptedCanceled", "accepted", "installed"),
        ("SignedUpdateFirmware", "Rejected", "rejected", None),
        ("SignedUpdateFirmware", "InvalidCertificate", "rejected", None),
        ("SignedUpdateFirmware", "RevokedCertificate", "rejected", None),
        ("InstallCertificate", "Accepted", "accepted", None),
        ("InstallCertificate", "Failed", "rejected", None),
        ("InstallCertificate", "Rejected", "rejected", None),
        ("GetInstalledCertificateIds", "Accepted", "accepted", None),
        ("GetInstalledCertificateIds", "NotFound", "accepted", None),
        ("DeleteCertificate", "Accepted", "accepted", None),
        ("DeleteCertificate", "Failed", "rejected", None),
        ("DeleteCertificate", "NotFound", "rejected", None),
        ("CertificateSigned", "Accepted", "accepted", None),
        ("CertificateSigned", "Rejected", "rejected", None),
    ],
)
def test_what_an_answer_means(action: str, status: str | None, state: str, expects: str | None) -> None:
    made = drive()
    ask(made, action)
    if action == "InstallCertificate":
        has_nothing(made)
    found = answer(made, status)
    assert (found.state, found.answer, found.expects) == (state, status, expects)
    assert (found.outcome is CommandOutcome.AWAITED) is (expects is not None)
    assert (found.ended_ms is None) is (expects is not None)


@pytest.mark.parametrize(
    ("code", "state"),
    [("NotImplemented", "not_supported"), ("NotSupported", "not_supported"), ("InternalError", "failed")],
)
def test_an_error_is_told_by_its_code(code: str, state: str) -> None:
    made = drive()
    ask(made, "ClearCache")
    made.error(made.open_calls[-1], code)
    assert (stored(made).state, stored(made).answer) == (state, code)


def test_silence_times_out_and_a_late_answer_counts_all_the_same() -> None:
    made = drive()
    ask(made, "ClearCache")
    made.time_out(made.open_calls[-1])
    assert stored(made).state is CommandState.TIMED_OUT
    assert answer(made).state is CommandState.ACCEPTED


def test_a_lost_connection_leaves_it_unknown() -> None:
    made = drive()
    ask(made, "ClearCache", queue_s=600)
    made.disconnect("CP001")
    assert stored(made).state is CommandState.UNKNOWN
    made.connect("CP001")
    assert sent(made)[1:] == []


# --- what was there before a certificate ------------------------------------------------------------------------------


def test_what_a_charger_has_is_read_before_a_certificate_is_installed() -> None:
    made = drive()
    shown = ask(made, "InstallCertificate")
    assert isinstance(shown, CommandStored)
    assert (shown.action, shown.state) == ("InstallCertificate", CommandState.QUEUED)
    for number, use in enumerate(USES):
        look = stored(made, number)
        assert (look.command_id, look.action, look.asked_by) == (
            f"{shown.command_id}-before-{number + 1}",
            LISTS,
            "test",
        )
        assert [(call.action, json.loads(call.payload_json)) for call in sent(made)] == [
            (LISTS, {"certificateType": use})
        ]
        answer(made, "Accepted", certificateHashData=[{"serialNumber": str(number)}])
        told = json.loads(stored(made, number).answer_json or "")
        assert told["certificateHashData"] == [{"serialNumber": str(number)}]
    assert [call.action for call in sent(made)] == ["InstallCertificate"]
    assert answer(made).state is CommandState.ACCEPTED


def test_a_charger_that_does_not_tell_what_it_has_gets_its_certificate_all_the_same() -> None:
    made = drive()
    ask(made, "InstallCertificate")
    for number, _ in enumerate(USES):
        made.error(made.open_calls[-1], "NotImplemented")
        assert stored(made, number).state is CommandState.NOT_SUPPORTED
    assert [call.action for call in sent(made)] == [LISTS, LISTS, "InstallCertificate"]
    assert answer(made).state is CommandState.ACCEPTED


def test_both_wait_for_a_charger_and_one_that_is_refused_leaves_nothing() -> None:
    made = drive()
    made.disconnect("CP001")
    assert isinstance(ask(made, "InstallCertificate"), Refused)
    assert made.memory.commands == {}
    ask(made, "InstallCertificate", queue_s=600)
    made.recover()
    made.connect("CP001")
    has_nothing(made)
    assert [call.action for call in sent(made)] == ["InstallCertificate"]
    made.disconnect("CP001")
    ask(made, "InstallCertificate", queue_s=60)
    made.wait(61)
    assert [each.state for each in made.memory.commands.values()][3:] == [CommandState.EXPIRED] * 3


# --- the queue --------------------------------------------------------------------------------------------------------


def test_offline_is_told_at_once_or_waited_for() -> None:
    made = drive()
    made.disconnect("CP001")
    refused = ask(made, "ClearCache")
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.CHARGER_OFFLINE
    assert made.memory.commands == {}
    waiting = ask(made, "ClearCache", queue_s=600)
    assert isinstance(waiting, CommandStored)
    assert waiting.state is CommandState.QUEUED
    made.recover()
    made.connect("CP001")
    assert [command.action for command in sent(made)] == ["ClearCache"]
    assert stored(made).state is CommandState.SENT


def test_its_time_may_pass() -> None:
    made = drive()
    made.disconnect("CP001")
    ask(made, "ClearCache", queue_s=60)
    made.wait(61)
    assert (stored(made).state, stored(made).reason) == (CommandState.EXPIRED, "the charger is offline")
    made.connect("CP001")
    assert sent(made) == []


def test_one_is_out_at_a_time_in_the_order_of_asking() -> None:
    made = drive()
    ask(made, "ClearCache")
    later = ask(made, "UnlockConnector")
    assert isinstance(later, CommandStored)
    assert later.state is CommandState.QUEUED
    assert [command.action for command in sent(made)] == ["ClearCache"]
    answer(made)
    assert [command.action for command in sent(made)] == ["UnlockConnector"]


def test_one_that_did_not_leave_waits_again_or_expires() -> None:
    made = drive()
    ask(made, "ClearCache", queue_s=600)
    made.unsent(made.open_calls[-1])
    assert stored(made).state is CommandState.SENT, "it is there, so it leaves again"
    made.unsent(made.open_calls[-1])
    made.disconnect("CP001")
    assert stored(made).state is CommandState.UNKNOWN


def test_fifty_commands_of_a_charger_are_enough() -> None:
    made = drive()
    for _ in range(50):
        ask(made, "ClearCache", queue_s=600)
    refused = ask(made, "ClearCache", queue_s=600)
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.COMMAND_REFUSED


# --- what really happens ----------------------------------------------------------------------------------------------


def test_who_waits_is_told_when_a_reset_has_booted() -> None:
    made = drive()
    shown = ask(made, "Reset")
    assert isinstance(shown, CommandStored)
    request = RequestId(made.number())
    made.do(CommandWatched(request, shown.command_id))
    answer(made)
    assert request not in made.outcomes
    made.disconnect("CP001")
    made.connect("CP001")
    made.boot("CP001")
    told = made.outcomes[request]
    assert isinstance(told, CommandShown)
    assert told.command.outcome is CommandOutcome.HAPPENED
    request = RequestId(made.number())
    made.do(CommandWatched(request, shown.command_id))
    assert made.outcomes[request] == NothingAwaited()


def test_a_boot_that_does_not_come_is_not_seen() -> None:
    made = drive()
    ask(made, "Reset")
    answer(made)
    made.wait(301)
    assert stored(made).outcome is CommandOutcome.NOT_SEEN


def test_a_start_is_its_own_and_no_replay() -> None:
    made = drive()
    ask(made, "RemoteStartTransaction")
    answer(made)
    made.start("CP002", tag="TAG")
    assert stored(made).outcome is CommandOutcome.AWAITED
    transaction_id = made.start("CP001", tag="tag")
    assert stored(made).outcome is CommandOutcome.HAPPENED
    made.accept()
    ask(made, "RemoteStopTransaction", {"transactionId": transaction_id})
    answer(made)
    assert stored(made).outcome is CommandOutcome.AWAITED
    made.stop("CP001", transaction_id)
    assert stored(made).outcome is CommandOutcome.HAPPENED


def test_a_scheduled_availability_comes_with_the_status() -> None:
    made = drive()
    ask(made, "ChangeAvailability")
    answer(made, "Scheduled")
    made.status("CP001", 1, ConnectorStatus.FINISHING)
    assert stored(made).outcome is CommandOutcome.AWAITED
    made.status("CP001", 1, ConnectorStatus.UNAVAILABLE)
    assert stored(made).outcome is CommandOutcome.HAPPENED


@pytest.mark.parametrize(
    ("action", "report", "word", "outcome"),
    [
        ("GetDiagnostics", "DiagnosticsStatusNotification", "Uploaded", "happened"),
        ("GetDiagnostics", "DiagnosticsStatusNotification", "UploadFailed", "failed"),
        ("GetDiagnostics", "DiagnosticsStatusNotification", "Uploading", "awaited"),
        ("GetDiagnostics", "DiagnosticsStatusNotification", "Idle", "awaited"),
        ("GetDiagnostics", "FirmwareStatusNotification", "Installed", "awaited"),
        ("UpdateFirmware", "FirmwareStatusNotification", "Installed", "happened"),
        ("UpdateFirmware", "FirmwareStatusNotification", "DownloadFailed", "failed"),
        ("UpdateFirmware", "FirmwareStatusNotification", "InstallationFailed", "failed"),
        ("UpdateFirmware", "FirmwareStatusNotification", "Downloading", "awaited"),
        ("UpdateFirmware", "FirmwareStatusNotification", "Downloaded", "awaited"),
        ("UpdateFirmware", "FirmwareStatusNotification", "Installing", "awaited"),
        ("UpdateFirmware", "FirmwareStatusNotification", "Idle", "awaited"),
    ],
)
def test_what_a_charger_reports_of_it(action: str, report: str, word: str, outcome: str) -> None:
    made = drive()
    ask(made, action)
    answer(made, None, fileName="log.zip")
    made.do(ChargerReported(CP, report, json.dumps({"status": word})))
    assert stored(made).outcome == outcome


def test_an_idle_status_that_was_triggered_leaves_what_is_awaited() -> None:
    """§4.4, §4.5: Idle comes only as the answer to a trigger; it says that nothing is going on, not how that ended."""
    made = drive()
    for action, report, end in (
        ("GetDiagnostics", "DiagnosticsStatusNotification", "Uploaded"),
        ("UpdateFirmware", "FirmwareStatusNotification", "Installed"),
    ):
        ask(made, action)
        waiting = answer(made, None, fileName="log.zip")
        ask(made, "TriggerMessage", {"requestedMessage": report})
        answer(made)
        made.do(ChargerReported(CP, report, '{"status":"Idle"}'))
        assert made.memory.commands[waiting.command_id].outcome is CommandOutcome.AWAITED
        made.do(ChargerReported(CP, report, json.dumps({"status": end})))
        assert made.memory.commands[waiting.command_id].outcome is CommandOutcome.HAPPENED


# --- those that carry the id of their request (security whitepaper) ---------------------------------------------------

LOG, SIGNED = "LogStatusNotification", "SignedFirmwareStatusNotification"


def told(made: Drive, report: str, word: str, **fields: Any) -> None:
    """Have the charger report something."""
    made.do(ChargerReported(CP, report, json.dumps({"status": word} | fields)))


@pytest.mark.parametrize(
    ("action", "report", "word", "outcome", "reason"),
    [
        ("GetLog", LOG, "Uploading", "awaited", None),
        ("GetLog", LOG, "Idle", "awaited", None),
        ("GetLog", LOG, "Uploaded", "happened", None),
        ("GetLog", LOG, "UploadFailure", "failed", "UploadFailure"),
        ("GetLog", LOG, "BadMessage", "failed", "BadMessage"),
        ("GetLog", LOG, "PermissionDenied", "failed", "PermissionDenied"),
        ("GetLog", LOG, "NotSupportedOperation", "failed", "NotSupportedOperation"),
        ("GetLog", "DiagnosticsStatusNotification", "Uploaded", "awaited", None),
        ("SignedUpdateFirmware", SIGNED, "DownloadScheduled", "awaited", None),
        ("SignedUpdateFirmware", SIGNED, "DownloadPaused", "awaited", None),
        ("SignedUpdateFirmware", SIGNED, "Downloading", "awaited", None),
        ("SignedUpdateFirmware", SIGNED, "Downloaded", "awaited", None),
        ("SignedUpdateFirmware", SIGNED, "SignatureVerified", "awaited", None),
        ("SignedUpdateFirmware", SIGNED, "InstallScheduled", "awaited", None),
        ("SignedUpdateFirmware", SIGNED, "InstallRebooting", "awaited", None),
        ("SignedUpdateFirmware", SIGNED, "Installing", "awaited", None),
        ("SignedUpdateFirmware", SIGNED, "Idle", "awaited", None),
        ("SignedUpdateFirmware", SIGNED, "Installed", "happened", None),
        ("SignedUpdateFirmware", SIGNED, "DownloadFailed", "failed", "DownloadFailed"),
        ("SignedUpdateFirmware", SIGNED, "InvalidSignature", "failed", "InvalidSignature"),
        ("SignedUpdateFirmware", SIGNED, "InstallVerificationFailed", "failed", "InstallVerificationFailed"),
        ("SignedUpdateFirmware", SIGNED, "InstallationFailed", "failed", "InstallationFailed"),
        ("SignedUpdateFirmware", "FirmwareStatusNotification", "Installed", "awaited", None),
    ],
)
def test_what_a_charger_reports_of_its_request(
    action: str, report: str, word: str, outcome: str, reason: str | None
) -> None:
    made = drive()
    ask(made, action)
    answer(made, filename="log.zip")
    told(made, report, word, requestId=6)
    assert stored(made).outcome is CommandOutcome.AWAITED, "of another request"
    told(made, report, word, requestId=5)
    assert (stored(made).outcome, stored(made).reason) == (outcome, reason)


@pytest.mark.parametrize(
    ("answered", "expects"),
    [({"filename": "a"}, "uploaded"), ({"fileName": "a"}, "uploaded"), ({"filename": ""}, None), ({"file": "a"}, None)],
)
@pytest.mark.parametrize("action", ["GetLog", "GetDiagnostics"])
def test_without_the_name_of_a_file_nothing_is_uploaded(
    action: str, answered: dict[str, str], expects: str | None
) -> None:
    made = drive()
    ask(made, action)
    assert answer(made, **answered).expects == expects


def test_a_report_without_the_id_is_of_the_only_request_that_it_can_be_of() -> None:
    made = drive()
    for number in (5, 6):
        ask(made, "GetLog", BODIES["GetLog"] | {"requestId": number})
        answer(made, filename="log.zip")
    told(made, LOG, "Uploaded")
    assert [each.outcome for each in made.memory.commands.values()] == ["awaited", "awaited"]
    told(made, LOG, "Uploaded", requestId=5)
    told(made, LOG, "UploadFailure")
    assert [each.outcome for each in made.memory.commands.values()] == ["happened", "failed"]


@pytest.mark.parametrize(("action", "report"), [("GetLog", LOG), ("SignedUpdateFirmware", SIGNED)])
def test_what_the_charger_cancels_for_it_is_cancelled(action: str, report: str) -> None:
    made = drive()
    first = ask(made, action)
    assert isinstance(first, CommandStored)
    answer(made, filename="log.zip")
    ask(made, action, BODIES[action] | {"requestId": 6}, forced=True)
    answer(made, "AcceptedCanceled", filename="log.zip")
    assert made.memory.commands[first.command_id].outcome is CommandOutcome.CANCELLED
    assert stored(made).outcome is CommandOutcome.AWAITED
    told(made, report, "Installed" if action == "SignedUpdateFirmware" else "Uploaded", requestId=6)
    assert stored(made).outcome is CommandOutcome.HAPPENED


def test_an_id_is_free_again_when_its_request_has_come_to_its_end() -> None:
    made = drive()
    ask(made, "GetLog")
    answer(made, filename="log.zip")
    refused = ask(made, "GetLog")
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.COMMAND_REFUSED
    assert "requestId" in refused.detail
    assert isinstance(ask(made, "SignedUpdateFirmware"), CommandStored), "another action counts for itself"
    answer(made)
    told(made, LOG, "Uploaded", requestId=5)
    assert isinstance(ask(made, "GetLog"), CommandStored)


@pytest.mark.parametrize(
    ("action", "times", "due_s"),
    [
        ("GetLog", {}, 3_600),
        ("UpdateFirmware", {"retrieveDate": 600}, 7_800),
        ("SignedUpdateFirmware", {"retrieveDateTime": -600}, 7_200),
        ("SignedUpdateFirmware", {"retrieveDateTime": 600}, 7_800),
        ("SignedUpdateFirmware", {"retrieveDateTime": 600, "installDateTime": 86_400}, 93_600),
    ],
)
def test_until_when_it_is_awaited(action: str, times: dict[str, int], due_s: int) -> None:
    made = drive()
    told_times = {
        name: datetime.fromtimestamp(made.now.wall_ms // 1_000 + after_s, UTC).isoformat()
        for name, after_s in times.items()
    }
    body = BODIES[action]
    is_signed = action == "SignedUpdateFirmware"
    ask(made, action, body | ({"firmware": body["firmware"] | told_times} if is_signed else told_times))
    asked_ms = made.now.wall_ms // 1_000 * 1_000
    found = answer(made, filename="log.zip")
    assert found.outcome_due_ms is not None
    assert found.outcome_due_ms // 1_000 * 1_000 == asked_ms + due_s * 1_000
    made.wait(due_s - 1)
    assert stored(made).outcome is CommandOutcome.AWAITED
    made.wait(2)
    assert stored(made).outcome is CommandOutcome.NOT_SEEN


def reserved(connector: int = 1, number: int = 7) -> Drive:
    """Return a charger of which a connector is reserved for an hour."""
    made = drive()
    ask(made, "ReserveNow", BODIES["ReserveNow"] | {"connectorId": connector, "reservationId": number})
    answer(made)
    assert stored(made).outcome is CommandOutcome.AWAITED
    return made


@pytest.mark.parametrize(
    ("charger_id", "reservation_id", "outcome"),
    [
        ("CP001", 7, CommandOutcome.HAPPENED),
        ("CP001", 0, CommandOutcome.AWAITED),
        ("CP001", 8, CommandOutcome.AWAITED),
        ("CP001", None, CommandOutcome.AWAITED),
        ("CP002", 7, CommandOutcome.AWAITED),
    ],
)
def test_a_reservation_ends_with_the_start_that_names_it(
    charger_id: str, reservation_id: int | None, outcome: CommandOutcome
) -> None:
    made = reserved()
    key = StartKey(ChargerId(charger_id), 1, "T", made.now.wall_ms, 0, None)
    started = TransactionStarted(key, TagStatus.ACCEPTED, SessionId("r"), request=RequestId(made.number()))
    made.do(replace(started, reservation_id=reservation_id))
    assert stored(made).outcome is outcome


@pytest.mark.parametrize(
    ("idx", "status", "outcome"),
    [
        (1, ConnectorStatus.FAULTED, CommandOutcome.FAILED),
        (1, ConnectorStatus.UNAVAILABLE, CommandOutcome.FAILED),
        (1, ConnectorStatus.RESERVED, CommandOutcome.AWAITED),
        (2, ConnectorStatus.FAULTED, CommandOutcome.AWAITED),
    ],
)
def test_a_connector_that_is_out_of_order_is_reserved_no_more(
    idx: int, status: ConnectorStatus, outcome: CommandOutcome
) -> None:
    made = reserved()
    made.status("CP001", idx, status)
    assert stored(made).outcome is outcome


def test_a_reservation_is_cancelled_replaced_or_expires() -> None:
    made = reserved()
    ask(made, "CancelReservation", {"reservationId": 8})
    answer(made)
    assert stored(made, -2).outcome is CommandOutcome.AWAITED, "that was another one"
    ask(made, "ReserveNow", BODIES["ReserveNow"] | {"reservationId": 7})
    answer(made)
    assert [stored(made, n).outcome for n in (-3, -1)] == [CommandOutcome.CANCELLED, CommandOutcome.AWAITED]
    ask(made, "CancelReservation", {"reservationId": 7})
    answer(made)
    assert stored(made, -2).outcome is CommandOutcome.CANCELLED
    made = reserved()
    made.recover()
    made.wait(3_601)
    assert stored(made).outcome is CommandOutcome.NOT_SEEN


# --- what is booked (LEDGER.md §4) ------------------------------------------------------------------------------------


def test_a_reset_books_the_maximum_until_it_is_provisioned_again() -> None:
    made = drive()
    assert made.k_kw("CP001") == 0
    ask(made, "Reset")
    assert made.k_kw("CP001") == 100
    answer(made)
    made.accept("CP001")
    assert made.k_kw("CP001") == 100, "its default may be gone with the boot that is yet to come"
    made.disconnect("CP001")
    made.connect("CP001")
    made.boot("CP001")
    made.status("CP001", 1, ConnectorStatus.AVAILABLE)
    made.wait(9)
    assert made.k_kw("CP001") == 100
    made.wait(2)
    made.accept("CP001")
    assert made.k_kw("CP001") == 0


@pytest.mark.parametrize("action", ["Reset", "UpdateFirmware", "SignedUpdateFirmware", "ChangeConfiguration"])
def test_without_headroom_it_is_refused_unless_forced(action: str) -> None:
    made = drive(grid_kw=100)
    made.start("CP002")
    made.accept()
    body = {"key": "VendorMagic", "value": "1"} if action == "ChangeConfiguration" else None
    refused = ask(made, action, body)
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.NO_HEADROOM
    assert made.memory.commands == {}
    forced = ask(made, action, body, forced=True)
    assert isinstance(forced, CommandStored)
    assert made.row_kw() == 150, "overbooked by the operator's act, and others are cut for it"
    assert ("CP002", 1, 0) in made.limits()


def test_it_may_wait_for_headroom() -> None:
    made = drive(grid_kw=100)
    transaction_id = made.start("CP002")
    made.accept()
    waiting = ask(made, "Reset", queue_s=3_600)
    assert isinstance(waiting, CommandStored)
    assert waiting.state is CommandState.QUEUED
    made.stop("CP002", transaction_id)
    made.wait(1)
    assert [command.action for command in sent(made)] == ["Reset"]


@pytest.mark.parametrize("action", sorted(ACTIONS.keys() - {"Reset", "UpdateFirmware", "SignedUpdateFirmware"}))
def test_other_commands_book_and_free_nothing(action: str) -> None:
    made = drive(grid_kw=100)
    made.start("CP002")
    made.accept()
    before = (made.k_kw("CP001"), made.k_kw("CP002"))
    assert isinstance(ask(made, action), CommandStored)
    answer(made, "Accepted")
    assert (made.k_kw("CP001"), made.k_kw("CP002")) == before


def test_an_unanswered_reset_holds_for_h() -> None:
    made = drive()
    ask(made, "Reset")
    made.time_out(made.open_calls.pop())
    made.wait(59)
    made.accept("CP001")
    assert made.k_kw("CP001") == 100
    made.wait(2)
    made.accept("CP001")
    assert made.k_kw("CP001") == 0


def test_an_unknown_key_that_needs_a_boot_holds_until_that() -> None:
    made = drive()
    ask(made, "ChangeConfiguration", {"key": "VendorMagic", "value": "1"})
    answer(made, "RebootRequired")
    made.wait(7_200)
    made.accept("CP001")
    assert (made.k_kw("CP001"), stored(made).outcome) == (100, CommandOutcome.AWAITED)
    made.boot("CP001")
    made.accept("CP001")
    assert made.k_kw("CP001") == 0


@pytest.mark.parametrize("action", ["UpdateFirmware", "SignedUpdateFirmware"])
def test_firmware_is_not_updated_while_a_car_charges(action: str) -> None:
    made = drive()
    made.start("CP001")
    made.accept()
    refused = ask(made, action)
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.COMMAND_REFUSED
    assert isinstance(ask(made, action, forced=True), CommandStored)


def test_new_firmware_holds_what_it_may_draw_until_the_boot_behind_it() -> None:
    made = drive()
    ask(made, "SignedUpdateFirmware")
    answer(made)
    made.accept("CP001")
    assert made.k_kw("CP001") == 100
    told(made, "SignedFirmwareStatusNotification", "Installed", requestId=5)
    assert stored(made).outcome is CommandOutcome.HAPPENED
    made.accept("CP001")
    assert made.k_kw("CP001") == 100, "it is yet to boot"
    made.boot("CP001")
    made.status("CP001", 1, ConnectorStatus.AVAILABLE)
    made.wait(11)
    made.accept("CP001")
    assert made.k_kw("CP001") == 0


# --- what is refused whatever the moment ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("ChangeConfiguration", {"key": "StopTxnSampledData", "value": ""}),
        ("ChangeConfiguration", {"key": "stoptxnVendorThing", "value": ""}),
        ("ChangeConfiguration", {"key": "AuthorizationKey", "value": "00"}),
        ("ChangeConfiguration", {"key": "MeterValueSampleInterval", "value": "0"}),
        ("TriggerMessage", {"requestedMessage": "BootNotification"}),
        ("ExtendedTriggerMessage", {"requestedMessage": "BootNotification"}),
        ("ClearChargingProfile", {"id": 2000}),
        ("ClearChargingProfile", {"id": 3001}),
    ],
)
def test_what_access_billing_and_control_rest_on_is_not_touched(action: str, body: dict[str, Any]) -> None:
    made = drive()
    refused = ask(made, action, body, forced=True)
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.COMMAND_REFUSED
    assert sent(made) == []


@pytest.mark.parametrize("key", ["MeterValueSampleInterval", "MeterValuesSampledData", "WebSocketPingInterval"])
@pytest.mark.parametrize(
    "changes",
    [{"configure": Configure.SUGGEST}, {"configure": Configure.NEVER}, {"mode": Mode.OBSERVE}],
    ids=["suggest", "never", "observe"],
)
def test_where_this_system_sets_no_keys_an_operator_may(changes: dict[str, Any], key: str) -> None:
    made = Drive(station(400, replace(charger("CP001", 100), **changes)), keys=KEYS | {key: "0"})
    made.connect("CP001")
    made.boot("CP001")
    made.accept()
    made.take()
    body = {"key": key, "value": "10"}
    assert isinstance(ask(made, "ChangeConfiguration", body), CommandStored)
    (told,) = sent(made)
    assert json.loads(told.payload_json) == body
    refused = ask(made, "ChangeConfiguration", {"key": "StopTxnSampledData", "value": ""})
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.COMMAND_REFUSED


def test_what_was_suggested_and_an_operator_has_done_is_suggested_no_more() -> None:
    keys = KEYS | {"MeterValueSampleInterval": "0", "MeterValuesSampledData": SAMPLED}
    made = Drive(station(400, replace(charger("CP001", 100), configure=Configure.SUGGEST)), keys=keys)
    made.bring_up("CP001")
    assert "configuration_suggested:CP001" in made.notices()
    ask(made, "ChangeConfiguration", {"key": "MeterValueSampleInterval", "value": "10"})
    made.keys["MeterValueSampleInterval"] = "10"
    answer(made)
    made.accept()
    assert "configuration_suggested:CP001" not in made.notices()
    assert made.provisioned("CP001")


def test_a_limit_of_an_operators_is_no_command() -> None:
    with pytest.raises(InvariantError):
        Operate(Token(1), ConnectionId(1), CP, "SetChargingProfile", "{}")


def test_unknown_chargers_and_connectors() -> None:
    made = drive()
    refused = ask(made, "UnlockConnector", {"connectorId": 2})
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.UNKNOWN_CONNECTOR
    request = RequestId(made.number())
    made.do(CommandRequested(request, CommandId("x"), ChargerId("CP009"), "ClearCache", "{}", "test"))
    assert _refused(made.outcomes[request]).refusal is Refusal.UNKNOWN_CHARGER


# --- a crash in between -----------------------------------------------------------------------------------------------


def test_a_crash_after_it_was_sent_leaves_it_unknown_and_books_what_it_may_do() -> None:
    made = drive()
    ask(made, "Reset", queue_s=3_600)
    (reset,) = sent(made)
    made.recover()
    assert stored(made).state is CommandState.UNKNOWN
    assert made.k_kw("CP001") == 100
    made.connect("CP001")
    made.status("CP001", 1, ConnectorStatus.AVAILABLE)
    made.accept("CP001")
    assert sent(made) == [], "it is never carried out twice"
    assert made.k_kw("CP001") == 100
    made.do(CallErrored(reset.token, "InternalError"))
    made.wait(61)
    made.accept("CP001")
    assert made.k_kw("CP001") == 0
    assert stored(made).ended_ms is not None


def test_a_crash_while_a_boot_is_awaited_waits_on() -> None:
    made = drive()
    ask(made, "Reset")
    answer(made)
    made.recover()
    made.connect("CP001")
    made.status("CP001", 1, ConnectorStatus.AVAILABLE)
    made.accept("CP001")
    assert made.k_kw("CP001") == 100
    made.boot("CP001")
    made.accept("CP001")
    assert (made.k_kw("CP001"), stored(made).outcome) == (0, CommandOutcome.HAPPENED)


def test_in_safe_mode_nothing_is_commanded() -> None:
    made = drive()
    ask(made, "ClearCache", queue_s=600)
    answer(made)
    made.recover(safe=True)
    made.connect("CP001")
    refused = ask(made, "ClearCache")
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.COMMAND_REFUSED


@pytest.mark.parametrize("action", ["UpdateFirmware", "Reset"])
def test_firmware_that_is_being_installed_is_not_disturbed_unless_it_is_forced(action: str) -> None:
    made = drive()
    ask(made, "UpdateFirmware")
    answer(made, None)
    refused = ask(made, action)
    assert isinstance(refused, Refused)
    assert refused.detail == "firmware is being installed there"
    assert isinstance(ask(made, action, forced=True), CommandStored)
