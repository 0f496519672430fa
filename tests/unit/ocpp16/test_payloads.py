import json
from typing import Any

import msgspec
import pytest

from csms.ocpp16.frames import ErrorCode
from csms.ocpp16.payloads import REPAIRS, Decoded, PayloadFault, decode_hot

START = {"connectorId": 1, "idTag": "5E450001", "meterStart": 10, "timestamp": "2026-01-01T00:00:00Z"}
STOP = {"transactionId": 7, "meterStop": 20, "timestamp": "2026-01-01T00:00:00Z"}
STATUS = {"connectorId": 1, "status": "Available", "errorCode": "NoError"}


def decoded(action: str, payload: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    outcome = decode_hot(action, json.dumps(payload).encode())
    assert isinstance(outcome, Decoded), outcome
    return msgspec.structs.asdict(outcome.payload), bool(outcome.repaired)


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("Heartbeat", {}),
        ("Heartbeat", {"anything": 1}),
        ("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}),
        ("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M", "extra": [1]}),
        ("StatusNotification", STATUS),
        ("Authorize", {"idTag": "5E450001"}),
        ("StartTransaction", START),
        ("StartTransaction", START | {"reservationId": 3}),
        ("MeterValues", {"connectorId": 1, "meterValue": []}),
        ("StopTransaction", STOP),
        ("StopTransaction", STOP | {"transactionId": -1}),
        ("StopTransaction", STOP | {"transactionId": 2**63 - 1}),
    ],
)
def test_the_strict_lane_needs_no_repair(action: str, payload: dict[str, Any]) -> None:
    assert decoded(action, payload)[1] is False


@pytest.mark.parametrize(
    ("action", "payload", "name", "value"),
    [
        ("BootNotification", {}, "charge_point_vendor", ""),
        ("BootNotification", {"chargePointSerialNumber": "S" * 33}, "charge_point_serial_number", "S" * 25),
        ("BootNotification", {"firmwareVersion": 1.5}, "firmware_version", "1.5"),
        ("BootNotification", {"iccid": None}, "iccid", ""),
        ("BootNotification", {"imsi": {"a": 1}}, "imsi", ""),
        ("StatusNotification", STATUS | {"connectorId": "2"}, "connector_id", 2),
        ("StatusNotification", STATUS | {"connectorId": 2.0}, "connector_id", 2),
        ("StatusNotification", STATUS | {"status": "X" * 99}, "status", "X" * 50),
        ("StatusNotification", STATUS | {"timestamp": 5}, "timestamp", "5"),
        ("StatusNotification", STATUS | {"info": None}, "info", ""),
        ("Authorize", {"idTag": 12345678}, "id_tag", "12345678"),
        ("Authorize", {"idTag": "x" * 30}, "id_tag", "x" * 20),
        ("StartTransaction", START | {"meterStart": "10"}, "meter_start", 10),
        ("StartTransaction", START | {"meterStart": "10,9"}, "meter_start", 10),
        ("StartTransaction", START | {"meterStart": 10.9}, "meter_start", 10),
        ("StartTransaction", START | {"reservationId": ""}, "reservation_id", None),
        ("StartTransaction", START | {"timestamp": None}, "timestamp", ""),
        ("MeterValues", {"connectorId": 1, "transactionId": ""}, "transaction_id", None),
        ("MeterValues", {"connectorId": 1, "transactionId": None}, "transaction_id", None),
        ("StopTransaction", STOP | {"transactionId": "7"}, "transaction_id", 7),
        ("StopTransaction", STOP | {"transactionId": 2**64}, "transaction_id", 2**63 - 1),
        ("StopTransaction", STOP | {"idTag": None}, "id_tag", None),
        ("StopTransaction", STOP | {"reason": 5}, "reason", "5"),
    ],
)
def test_repaired(action: str, payload: dict[str, Any], name: str, value: object) -> None:
    assert decoded(action, payload)[0][name] == value


@pytest.mark.parametrize(
    ("action", "text", "code", "key"),
    [
        ("StatusNotification", '{"status":"Available"}', "OccurenceConstraintViolation", "connectorId"),
        ("StatusNotification", '{"connectorId":1}', "OccurenceConstraintViolation", "status"),
        ("StatusNotification", '{"connectorId":-1,"status":"Available"}', "PropertyConstraintViolation", "connectorId"),
        ("StatusNotification", '{"connectorId":[],"status":"Available"}', "TypeConstraintViolation", "connectorId"),
        ("Authorize", "{}", "OccurenceConstraintViolation", "idTag"),
        ("Authorize", '{"idTag":null}', "OccurenceConstraintViolation", "idTag"),
        ("Authorize", '{"idTag":["a"]}', "TypeConstraintViolation", "idTag"),
        ("Authorize", '{"idTag":"a","idTag":"b"}', "FormationViolation", "idTag"),
        ("StartTransaction", "{}", "OccurenceConstraintViolation", "connectorId"),
        ("MeterValues", "{}", "OccurenceConstraintViolation", "connectorId"),
        ("MeterValues", '{"connectorId":' + "9" * 5000 + "}", "TypeConstraintViolation", "connectorId"),
        ("StopTransaction", '{"meterStop":1}', "OccurenceConstraintViolation", "transactionId"),
        ("StopTransaction", '{"transactionId":"x","meterStop":1}', "TypeConstraintViolation", "transactionId"),
        ("StopTransaction", '{"transactionId":1,"transactionId":2}', "FormationViolation", "transactionId"),
    ],
)
def test_refused_when_a_needed_field_cannot_be_read(action: str, text: str, code: str, key: str) -> None:
    outcome = decode_hot(action, text.encode())
    assert isinstance(outcome, PayloadFault)
    assert outcome.code is ErrorCode(code)
    assert outcome.description.startswith(key)


def test_a_field_given_twice_with_one_value_is_one_field() -> None:
    outcome = decode_hot("StopTransaction", b'{"transactionId":1,"meterStop":2,"transactionId":1}')
    assert isinstance(outcome, Decoded)


def test_numbers_beyond_any_range_in_unknown_fields_do_no_harm() -> None:
    text = '{"connectorId":1,"status":"Available","x":' + "9" * 5000 + "}"
    assert isinstance(decode_hot("StatusNotification", text.encode()), Decoded)


@pytest.mark.parametrize("action", sorted(REPAIRS))
def test_every_field_of_a_payload_has_a_repair(action: str) -> None:
    shape = REPAIRS[action]
    fields = msgspec.structs.fields(shape.payload_type)
    assert {(row.name, row.key, row.needed) for row in shape.fields} == {
        (field.name, field.encode_name, field.required) for field in fields
    }
