"""Every message that a charger may begin (OCPP 1.6 §4, §6; security whitepaper): its answer, and what is durable then.

Over a real socket against the whole central system, each message in its minimal form, with every field, and with the
dirt of the field. Every frame that comes back is held against its schema.
"""

import itertools
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import jsonschema_rs
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from csms.gateway.answers import KEPT
from csms.ocpp16 import vendor
from csms.ocpp16.typed_lane import HOT_ACTIONS
from tests.certificates import CSR
from tests.contract.central_system import PATIENCE_S, CentralSystem, central_system, hurried
from tests.contract.gateway_world import Client
from tests.e2e.chargers import by_hand

STAMP, STAMP_MS = "2026-01-01T00:00:00Z", 1_767_225_600_000
ACCEPTED = {"idTagInfo": {"status": "Accepted"}}
START = {"connectorId": 1, "idTag": "TAG", "meterStart": 5, "timestamp": STAMP}
SAMPLE = {"timestamp": STAMP, "sampledValue": [{"value": "7"}]}
FULL_VALUE = {
    "value": "7.5",
    "context": "Sample.Periodic",
    "format": "Raw",
    "measurand": "Power.Active.Import",
    "location": "Outlet",
    "unit": "kW",
}
FULL_SAMPLE = {"timestamp": STAMP, "sampledValue": [FULL_VALUE, FULL_VALUE | {"phase": "L1", "value": "2.5"}]}


class Row(NamedTuple):
    """One message.

    Attributes:
        answer: of a CALLRESULT its payload, except for times; of a CALLERROR its code.
        kept: by table, or by kind of event, what the last row of it holds at least.
    """

    action: str
    form: str
    payload: Any
    answer: dict[str, Any] | str
    kept: Mapping[str, dict[str, Any]] = MappingProxyType({})


def reported(action: str, form: str, payload: dict[str, Any], answer: dict[str, Any] | None = None) -> Row:
    """Return a message that steers nothing and is kept as it came."""
    kept = {"charger.reported": {"action": action, "payload": payload}}
    return Row(action, form, payload, {} if answer is None else answer, kept)


def refused(action: str, payload: dict[str, Any], code: str) -> Row:
    """Return a message that is refused and not kept."""
    return Row(action, "dirty", payload, code, {"charger.reported": {}})


BOOT = {"status": "Accepted", "interval": 60}
MINIMAL_BOOT = {"chargePointVendor": "V", "chargePointModel": "M"}
FULL_BOOT = MINIMAL_BOOT | {
    "chargePointSerialNumber": "S",
    "chargeBoxSerialNumber": "B",
    "firmwareVersion": "F",
    "iccid": "I",
    "imsi": "J",
    "meterType": "T",
    "meterSerialNumber": "N",
}
BOOT_KEYS = ("vendor", "model", "serial_number", "charge_box_serial_number", "firmware_version", "iccid", "imsi")
BOOT_KEPT = dict(zip((*BOOT_KEYS, "meter_type", "meter_serial_number"), "VMSBFIJTN", strict=True))
NO_BOOT = dict.fromkeys(BOOT_KEPT, "")
UNKNOWN_VENDOR = {"status": "UnknownVendorId"}
SECURITY = {"type": "FirmwareUpdated", "timestamp": STAMP}
STOP = {"transactionId": 1, "meterStop": 9, "timestamp": STAMP}
STOPPED = {"transaction_id": 1, "ended_ms": STAMP_MS, "meter_stop_wh": 9, "end_reason": "Local"}
STARTED = {"transaction_id": 1, "idx": 1, "id_tag": "TAG", "tag_status": "Accepted", "started_ms": STAMP_MS}

ROWS = (
    Row("Authorize", "minimal", {"idTag": "x"}, ACCEPTED),
    Row("Authorize", "full", {"idTag": "A" * 20}, ACCEPTED),
    Row("Authorize", "dirty", {"idTag": 12345, "extra": []}, ACCEPTED),
    Row("BootNotification", "minimal", MINIMAL_BOOT, BOOT, {"boot": NO_BOOT | {"vendor": "V", "model": "M"}}),
    Row("BootNotification", "full", FULL_BOOT, BOOT, {"boot": BOOT_KEPT}),
    Row(
        "BootNotification",
        "dirty",
        {"chargePointVendor": "v" * 99, "chargePointSerialNumber": "3" * 33, "imsi": None, "firmwareVersion": 1.5},
        BOOT,
        {"boot": NO_BOOT | {"vendor": "v" * 20, "serial_number": "3" * 25, "firmware_version": "1.5"}},
    ),
    reported("DataTransfer", "minimal", {"vendorId": "com.vendor"}, UNKNOWN_VENDOR),
    reported("DataTransfer", "full", {"vendorId": "com.vendor", "messageId": "m", "data": "{}"}, UNKNOWN_VENDOR),
    reported("DataTransfer", "unknown messageId", {"vendorId": "com.vendor", "messageId": "?"}, UNKNOWN_VENDOR),
    refused("DataTransfer", {"vendorId": "com.vendor", "data": {"not": "text"}}, "TypeConstraintViolation"),
    refused("DataTransfer", {"messageId": "m"}, "OccurenceConstraintViolation"),
    reported("DiagnosticsStatusNotification", "minimal", {"status": "Idle"}),
    reported("DiagnosticsStatusNotification", "full", {"status": "UploadFailed"}),
    reported("DiagnosticsStatusNotification", "dirty", {"status": "Uploaded", "fileName": "x"}),
    refused("DiagnosticsStatusNotification", {"status": "uploaded"}, "PropertyConstraintViolation"),
    reported("FirmwareStatusNotification", "minimal", {"status": "Idle"}),
    reported("FirmwareStatusNotification", "full", {"status": "InstallationFailed"}),
    reported("FirmwareStatusNotification", "dirty", {"status": "Installing", "progress": 50}),
    refused("FirmwareStatusNotification", {}, "OccurenceConstraintViolation"),
    Row("Heartbeat", "minimal", {}, {}),
    Row("Heartbeat", "full", {}, {}),
    Row("Heartbeat", "dirty", None, {}),
    Row(
        "MeterValues",
        "minimal",
        {"connectorId": 1, "meterValue": [SAMPLE]},
        {},
        {"meter_sample": {"idx": 1, "transaction_id": None, "at_ms": STAMP_MS, "energy_wh": 7, "power_w": None}},
    ),
    Row(
        "MeterValues",
        "full",
        {"connectorId": 1, "transactionId": 1, "meterValue": [SAMPLE, FULL_SAMPLE]},
        {},
        {"meter_sample": {"idx": 1, "transaction_id": 1, "energy_wh": None, "power_w": 7_500, "raw_json": FULL_SAMPLE}},
    ),
    Row(
        "MeterValues",
        "dirty",
        {"connectorId": "1", "transactionId": 0, "meterValue": {"sampledValue": {"value": 7, "unit": "Wh"}}},
        {},
        {"meter_sample": {"idx": 1, "energy_wh": 7, "power_w": None}},
    ),
    Row(
        "MeterValues",
        "dirty",
        {"transactionId": 1, "meterValue": [SAMPLE]},
        {},
        {"meter_sample": {"idx": 1, "transaction_id": 1, "energy_wh": 7}},
    ),
    Row(
        "MeterValues",
        "dirty",
        {"connectorId": "-1", "transactionId": 99, "meterValue": [SAMPLE]},
        {},
        {"meter_sample": {"idx": 0, "transaction_id": 99, "session_id": None, "energy_wh": 7}},
    ),
    Row("StartTransaction", "minimal", START | {"connectorId": 2}, ACCEPTED | {"transactionId": 2}),
    Row(
        "StartTransaction",
        "full",
        START | {"connectorId": 2, "reservationId": 3},
        ACCEPTED | {"transactionId": 2},
        {"session": STARTED | {"transaction_id": 2, "idx": 2, "meter_start_wh": 5, "reservation_id": 3}},
    ),
    Row(
        "StartTransaction",
        "dirty",
        {"connectorId": "2", "idTag": 77, "meterStart": "5.9", "timestamp": "2026-01-01T01:00:00+01"},
        ACCEPTED | {"transactionId": 2},
        {"session": STARTED | {"transaction_id": 2, "idx": 2, "id_tag": "77", "meter_start_wh": 5}},
    ),
    *(
        Row(
            "StartTransaction",
            "dirty" if connector_id is None else "no such connector",
            START | {"connectorId": connector_id},
            ACCEPTED | {"transactionId": 2},
            {"session": STARTED | {"transaction_id": 2, "idx": 0, "flags": '["unknown_connector","historic"]'}},
        )
        for connector_id in (-1, 2**31, None)
    ),
    *(
        Row(
            "StartTransaction",
            "dirty",
            START | {"connectorId": 2, "idTag": tag},
            {"transactionId": 2, "idTagInfo": {"status": "Invalid"}},
            {"session": STARTED | {"transaction_id": 2, "idx": 2, "id_tag": "", "tag_status": "Invalid"}},
        )
        for tag in (None, {"idToken": "x"})
    ),
    *(
        Row(
            "StartTransaction",
            "dirty",
            START | {"connectorId": 2, "meterStart": register},
            ACCEPTED | {"transactionId": 2},
            {
                "session": STARTED
                | {
                    "transaction_id": 2,
                    "idx": 2,
                    "meter_start_wh": 0,
                    "flags": '["no_meter_start","suspect","register_unknown","unproven"]',
                }
            },
        )
        for register in (None, "", "1 kWh", {"value": 5})
    ),
    Row(
        "StatusNotification",
        "minimal",
        {"connectorId": 1, "errorCode": "NoError", "status": "Preparing"},
        {},
        {"connector.status_changed": {"status": "Preparing", "error_code": "NoError", "info": "", "at_ms": None}},
    ),
    Row(
        "StatusNotification",
        "full",
        {
            "connectorId": 0,
            "errorCode": "GroundFailure",
            "status": "Faulted",
            "info": "wet",
            "timestamp": STAMP,
            "vendorId": "com.vendor",
            "vendorErrorCode": "E7",
        },
        {},
        {
            "connector.status_changed": {
                "status": "Faulted",
                "error_code": "GroundFailure",
                "info": "wet com.vendor E7",
                "at_ms": STAMP_MS,
            }
        },
    ),
    Row(
        "StatusNotification",
        "dirty",
        {"connectorId": "1", "errorCode": "Error", "status": "suspendedevse", "timestamp": "yesterday"},
        {},
        {
            "connector.status_changed": {
                "status": "SuspendedEVSE",
                "error_code": "OtherError",
                "info": "Error",
                "at_ms": None,
            }
        },
    ),
    reported("StatusNotification", "dirty", {"connectorId": 1, "errorCode": "NoError", "status": "Busy"}),
    Row("StopTransaction", "minimal", STOP, {}, {"session": STOPPED}),
    Row(
        "StopTransaction",
        "full",
        STOP | {"idTag": "tag", "reason": "EVDisconnected", "transactionData": [FULL_SAMPLE]},
        ACCEPTED,
        {
            "session": STOPPED | {"end_reason": "EVDisconnected"},
            "meter_sample": {"transaction_id": 1, "power_w": 7_500, "raw_json": FULL_SAMPLE},
        },
    ),
    Row(
        "StopTransaction",
        "dirty",
        {"transactionId": "1", "meterStop": "9.4", "timestamp": "2026-01-01 00:00:00", "reason": "bored", "idTag": ""},
        {},
        {"session": STOPPED | {"end_reason": "Other"}},
    ),
    *(
        Row(
            "StopTransaction",
            "dirty",
            STOP | {"meterStop": register},
            {},
            {"session": STOPPED | {"meter_stop_wh": 5, "flags": '["unproven","implausible_meter"]'}},
        )
        for register in (None, "", [9])
    ),
    *(
        Row(
            "StopTransaction",
            "dirty",
            STOP | {"transactionId": transaction_id, "transactionData": [FULL_SAMPLE]},
            {},
            {
                "session": {"transaction_id": None, "meter_stop_wh": 9, "ended_ms": STAMP_MS, "flags": '["orphan"]'},
                "transaction.orphan_stopped": {"transaction_id": "-1", "meter_stop_wh": 9},
                "meter_sample": {"transaction_id": -1, "raw_json": FULL_SAMPLE},
            },
        )
        for transaction_id in (None, "", "none", [1])
    ),
    reported("LogStatusNotification", "minimal", {"status": "Idle"}),
    reported("LogStatusNotification", "full", {"status": "UploadFailure", "requestId": 7}),
    reported("LogStatusNotification", "dirty", {"status": "Uploaded", "requestId": -1, "extra": {}}),
    refused("LogStatusNotification", {"status": "Uploaded", "requestId": "7"}, "TypeConstraintViolation"),
    reported("SecurityEventNotification", "minimal", SECURITY),
    reported("SecurityEventNotification", "full", SECURITY | {"techInfo": "x" * 255}),
    reported("SecurityEventNotification", "dirty", {"type": "made up", "timestamp": "now", "extra": 1}),
    refused("SecurityEventNotification", {"type": "x" * 51, "timestamp": STAMP}, "PropertyConstraintViolation"),
    reported("SignCertificate", "minimal", {"csr": "x"}, {"status": "Rejected"}),
    reported("SignCertificate", "full", {"csr": "x" * 5_500}, {"status": "Rejected"}),
    Row(
        "SignCertificate",
        "full",
        {"csr": CSR},
        {"status": "Accepted"},
        {"certificate_request": {"csr": CSR}, "certificate.requested": {}, "charger.reported": {}},
    ),
    reported("SignCertificate", "dirty", {"csr": "", "certificateType": "?"}, {"status": "Rejected"}),
    refused("SignCertificate", {"csr": 7}, "TypeConstraintViolation"),
    reported("SignedFirmwareStatusNotification", "minimal", {"status": "Idle"}),
    reported("SignedFirmwareStatusNotification", "full", {"status": "InvalidSignature", "requestId": 7}),
    reported("SignedFirmwareStatusNotification", "dirty", {"status": "Installed", "requestId": -1, "extra": {}}),
    refused("SignedFirmwareStatusNotification", {"status": "Done"}, "PropertyConstraintViolation"),
)
TO_THE_CHARGER = sorted(vendor.known_actions() - {row.action for row in ROWS})


class Speaker(Client):
    """A charger made of bare frames that never answers what it is asked."""

    async def ask(self, action: str, payload: object) -> list[Any]:
        """Send a CALL and return its answer, whatever else comes before."""
        self._counter += 1
        message_id = f"charger-{self._counter}"
        await self.send(2, message_id, action, payload)
        while (frame := await self.receive())[1] != message_id:
            assert frame[0] == 2, frame
        return frame


@asynccontextmanager
async def speaking(folder: Path) -> AsyncIterator[tuple[CentralSystem, Speaker]]:
    """Connect a charger on whose first connector transaction 1 runs."""
    async with (
        central_system(folder / "csms.sqlite3") as csms,
        connect(f"{csms.url}/CP001", subprotocols=[Subprotocol("ocpp1.6")]) as socket,
    ):
        charger = Speaker(socket)
        assert (await charger.ask("StartTransaction", START))[2]["transactionId"] == 1
        yield csms, charger


def last(csms: CentralSystem, where: str) -> dict[str, Any]:
    """Return what is durable: the last row of a table, one of the charger's documents, or the last event of a kind."""
    if where in {"boot", "certificate_request"}:
        found: dict[str, Any] = json.loads(csms.rows("charger")[-1][where])
        return found
    if "." not in where:
        row = csms.rows(where)[-1]
        return row | ({"raw_json": json.loads(row["raw_json"])} if "raw_json" in row else {})
    events = csms.events(where)
    if not events:
        return {}
    return events[-1] | ({"payload": json.loads(events[-1]["payload"])} if "payload" in events[-1] else {})


def held(row: Mapping[str, Any], least: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a row that is asked for; nothing asked for means that nothing may be there."""
    return {key: row.get(key) for key in least} if least else dict(row)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.action}-{row.form}")
async def test_answered_and_kept(tmp_path: Path, row: Row) -> None:
    async with speaking(tmp_path) as (csms, charger):
        answer = await charger.ask(row.action, row.payload)
        if isinstance(row.answer, str):
            assert (answer[0], answer[2]) == (4, row.answer)
        else:
            assert answer[0] == 3, answer
            assert {key: value for key, value in answer[2].items() if key != "currentTime"} == row.answer
        assert {where: held(last(csms, where), least) for where, least in row.kept.items()} == row.kept
        assert (await charger.ask("Heartbeat", {}))[0] == 3


UNTEXT = "\ud83d\0"
"""Half a surrogate pair and a NUL: no database takes them as text."""
READ = "\ufffd\0"
WRITTEN = "\ufffd?"


@pytest.mark.parametrize(
    ("action", "payload", "answer", "where", "kept"),
    [
        ("BootNotification", MINIMAL_BOOT | {"iccid": UNTEXT}, BOOT, "boot", {"vendor": "V", "iccid": READ}),
        (
            "StatusNotification",
            {"connectorId": 1, "errorCode": "NoError", "status": "Finishing", "info": UNTEXT},
            {},
            "connector.status_changed",
            {"status": "Finishing", "info": READ},
        ),
        (
            "StartTransaction",
            START | {"connectorId": 2, "idTag": f"a{UNTEXT}"},
            ACCEPTED | {"transactionId": 2},
            "session",
            {"transaction_id": 2, "id_tag": f"A{WRITTEN}", "id_tag_raw": f"a{WRITTEN}"},
        ),
        (
            "MeterValues",
            {"connectorId": 1, "meterValue": [FULL_SAMPLE | {"vendor": UNTEXT}]},
            {},
            "meter_sample",
            {"power_w": 7_500, "raw_json": FULL_SAMPLE | {"vendor": UNTEXT}},
        ),
        (
            "StopTransaction",
            STOP | {"idTag": UNTEXT, "reason": UNTEXT, "transactionData": [FULL_SAMPLE | {"vendor": UNTEXT}]},
            ACCEPTED,
            "session",
            STOPPED | {"end_reason": "Other"},
        ),
        (
            "DataTransfer",
            {"vendorId": "V", "data": UNTEXT},
            UNKNOWN_VENDOR,
            "charger.reported",
            {"action": "DataTransfer"},
        ),
    ],
)
async def test_what_is_no_text_spoils_no_message(
    tmp_path: Path, action: str, payload: Any, answer: dict[str, Any], where: str, kept: dict[str, Any]
) -> None:
    async with speaking(tmp_path) as (csms, charger):
        said = await charger.ask(action, payload)
        assert said[0] == 3, said
        assert {key: value for key, value in said[2].items() if key != "currentTime"} == answer
        assert held(last(csms, where), kept) == kept
    async with central_system(tmp_path / "csms.sqlite3") as csms:
        assert held(last(csms, where), kept) == kept, "it can be read at the next start"


def test_every_message_has_its_rows() -> None:
    assert {row.action for row in ROWS} == {*HOT_ACTIONS, *KEPT}
    for action in {*HOT_ACTIONS, *KEPT}:
        assert {row.form for row in ROWS if row.action == action} >= {"minimal", "full", "dirty"}, action
    for row in ROWS:
        errors = list(vendor_errors(row.action, row.payload or {}))
        assert (errors == []) is (row.form != "dirty" or row.payload is None), (row, errors)


def vendor_errors(action: str, payload: dict[str, Any]) -> list[str]:
    """Return what the schema itself, to the letter, has against a payload."""
    schema = jsonschema_rs.Draft4Validator(vendor.load_schema(action), validate_formats=True)
    return [error.message for error in schema.iter_errors(payload)]


async def test_what_is_not_for_a_charger_to_ask_is_refused_and_kept_nowhere(tmp_path: Path) -> None:
    async with speaking(tmp_path) as (csms, charger):
        for action in TO_THE_CHARGER:
            for payload in ({}, {"status": "Accepted", "type": "Soft"}):
                assert (await charger.ask(action, payload))[::2][:2] == [4, "NotSupported"], action
        for action in ("TransactionEvent", "heartbeat", "BootNotificationResponse", "", "x" * 500):
            assert (await charger.ask(action, {}))[::2][:2] == [4, "NotImplemented"], action
        assert csms.events("charger.reported") == []
    assert len(TO_THE_CHARGER) == 25


# --- several boots on one socket --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "second",
    [
        {},
        {"firmwareVersion": "2.0"},
        {"chargePointVendor": "Other", "chargePointModel": "Else"},
        {"chargePointSerialNumber": "S2", "meterType": "T2"},
    ],
    ids=["same make", "other firmware", "other vendor", "other serial"],
)
def test_a_second_boot_on_one_socket_is_confirmed_updates_and_provisions_again(
    tmp_path: Path, second: dict[str, str]
) -> None:
    async def test() -> None:
        async with (
            central_system(tmp_path / "csms.sqlite3") as csms,
            by_hand(csms.url, "CP001", patience_s=PATIENCE_S) as charger,
        ):

            def asked(action: str) -> int:
                return sum(name == action for name, _ in charger.received)

            # The very same message id each time: some chargers count them anew from each boot.
            charger.ids = itertools.repeat(1)
            first = MINIMAL_BOOT | {"firmwareVersion": "1.0"}
            for boots, payload in enumerate((first, first | second), start=1):
                booted = await charger.call("BootNotification", payload)
                assert (booted["status"], booted["interval"]) == ("Accepted", 60)
                assert len(csms.events("charger.booted")) == boots
                for idx in (1, 2):
                    await charger.status(idx, "Available")
                for action in ("SetChargingProfile", "GetConfiguration"):
                    await csms.until(lambda: asked(action) >= boots, action)  # noqa: B023
                await csms.provisioned()
            kept = last(csms, "boot")
            assert (kept["vendor"], kept["model"]) == (
                second.get("chargePointVendor", "V"),
                second.get("chargePointModel", "M"),
            )
            assert kept["firmware_version"] == second.get("firmwareVersion", "1.0")
            assert kept["serial_number"] == second.get("chargePointSerialNumber", "")
            assert kept["meter_type"] == second.get("meterType", "")
            assert len(csms.events("charger.connected")) == 1

    hurried(test())
