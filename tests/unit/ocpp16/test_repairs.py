"""Every field of every hot action, each kind of dirt in it: what is kept, or why there is no answer."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from csms.ocpp16 import vendor
from csms.ocpp16.frames import ErrorCode
from csms.ocpp16.payloads import PayloadFault
from csms.ocpp16.repairs import REPAIRS
from csms.ocpp16.typed_lane import HOT_ACTIONS, Decoded, decode_hot

STAMP = "2026-01-01T00:00:00Z"
ELEMENT = '{"timestamp":"2026-01-01T00:00:00Z","sampledValue":[{"value":"5"}]}'
FINE: Mapping[str, dict[str, Any]] = {
    "BootNotification": {"chargePointVendor": "V", "chargePointModel": "M"},
    "Heartbeat": {},
    "StatusNotification": {"connectorId": 1, "status": "Available", "errorCode": "NoError"},
    "Authorize": {"idTag": "5E450001"},
    "StartTransaction": {"connectorId": 1, "idTag": "5E450001", "meterStart": 10, "timestamp": STAMP},
    "MeterValues": {"connectorId": 1, "meterValue": [json.loads(ELEMENT)]},
    "StopTransaction": {"transactionId": 7, "meterStop": 20, "timestamp": STAMP},
}
ABSENT = ""
DIGITS = "9" * 5_000
OCCURRENCE = ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION
TYPE = ErrorCode.TYPE_CONSTRAINT_VIOLATION
PROPERTY = ErrorCode.PROPERTY_CONSTRAINT_VIOLATION

# What is written → what is kept of it, or the code of the CALLERROR when the answer needs the field.
AS_TEXT: Mapping[str, Any] = {
    '"Local"': "Local",
    "12345678": "12345678",
    "1.50": "1.50",
    "-0": "-0",
    "true": "true",
    '"' + "x" * 300 + '"': "x" * 300,
    '"' + "é" * 300 + '"': "é" * 300,
    '"\\ud83d\\ude00"': "😀",
    ABSENT: OCCURRENCE,
    "null": OCCURRENCE,
    "[]": TYPE,
    '["Local"]': TYPE,
    '{"Local":1}': TYPE,
    "1E400": TYPE,
    DIGITS: TYPE,
}
AS_INTEGER: dict[str, Any] = {
    "3": 3,
    '"3"': 3,
    '" 3 "': 3,
    '"+3"': 3,
    '"3.9"': 3,
    '"3,9"': 3,
    '"1,234"': TYPE,
    '"0,234"': 0,
    "3.0": 3,
    "3.9": 3,
    "3e2": 300,
    "2147483647": 2**31 - 1,
    ABSENT: OCCURRENCE,
    "null": OCCURRENCE,
    "true": TYPE,
    '""': TYPE,
    '"three"': TYPE,
    '"0x3"': TYPE,
    "[]": TYPE,
    "[3]": TYPE,
    "{}": TYPE,
    "1E400": TYPE,
    DIGITS: TYPE,
}
AS_ANY_INTEGER: Mapping[str, Any] = AS_INTEGER | {
    "-1": -1,
    "-3.9": -3,
    '"-3.9"': -3,
    "9223372036854775807": 2**63 - 1,
    "9223372036854775808": 2**63 - 1,
    "-18446744073709551616": -(2**63),
    "1e30": 2**63 - 1,
}
AS_CONNECTOR: Mapping[str, Any] = AS_INTEGER | {
    "0": 0,
    "-1": PROPERTY,
    '"-1"': PROPERTY,
    "2147483648": PROPERTY,
    "18446744073709551616": PROPERTY,
}
AS_ELEMENTS: Mapping[str, Any] = {
    f"[{ELEMENT}]": [ELEMENT],
    ELEMENT: [ELEMENT],
    f"[{ELEMENT},5]": [ELEMENT, "5"],
    "[]": [],
    "[[]]": ["[]"],
    ABSENT: [],
    "null": [],
    "5": [],
    '"5"': [],
    DIGITS: [],
}


@dataclass(frozen=True)
class Row:
    """A field, how it is read, and what stands in its place; `default` `NEEDED`: nothing does."""

    action: str
    key: str
    dirt: Mapping[str, Any]
    default: Any
    max_chars: int = 0


NEEDED = object()
ROWS = [
    Row("BootNotification", "chargePointVendor", AS_TEXT, "", 20),
    Row("BootNotification", "chargePointModel", AS_TEXT, "", 20),
    Row("BootNotification", "chargePointSerialNumber", AS_TEXT, "", 25),
    Row("BootNotification", "chargeBoxSerialNumber", AS_TEXT, "", 25),
    Row("BootNotification", "firmwareVersion", AS_TEXT, "", 50),
    Row("BootNotification", "iccid", AS_TEXT, "", 20),
    Row("BootNotification", "imsi", AS_TEXT, "", 20),
    Row("BootNotification", "meterType", AS_TEXT, "", 25),
    Row("BootNotification", "meterSerialNumber", AS_TEXT, "", 25),
    Row("StatusNotification", "connectorId", AS_CONNECTOR, NEEDED),
    Row("StatusNotification", "status", AS_TEXT, NEEDED, 50),
    Row("StatusNotification", "errorCode", AS_TEXT, "NoError", 50),
    Row("StatusNotification", "info", AS_TEXT, "", 50),
    Row("StatusNotification", "timestamp", AS_TEXT, "", 40),
    Row("StatusNotification", "vendorId", AS_TEXT, "", 255),
    Row("StatusNotification", "vendorErrorCode", AS_TEXT, "", 50),
    Row("Authorize", "idTag", AS_TEXT, NEEDED, 255),
    Row("StartTransaction", "connectorId", AS_CONNECTOR, 0),
    Row("StartTransaction", "idTag", AS_TEXT, "", 255),
    Row("StartTransaction", "meterStart", AS_ANY_INTEGER, None),
    Row("StartTransaction", "timestamp", AS_TEXT, "", 40),
    Row("StartTransaction", "reservationId", AS_ANY_INTEGER, None),
    Row("MeterValues", "connectorId", AS_CONNECTOR, None),
    Row("MeterValues", "transactionId", AS_ANY_INTEGER, None),
    Row("MeterValues", "meterValue", AS_ELEMENTS, []),
    Row("StopTransaction", "transactionId", AS_ANY_INTEGER, -1),
    Row("StopTransaction", "meterStop", AS_ANY_INTEGER, None),
    Row("StopTransaction", "timestamp", AS_TEXT, "", 40),
    Row("StopTransaction", "idTag", AS_TEXT, None, 255),
    Row("StopTransaction", "reason", AS_TEXT, "Local", 50),
    Row("StopTransaction", "transactionData", AS_ELEMENTS, []),
]


def payload_with(row: Row, written: str) -> bytes:
    """Return a fine payload but for one field."""
    fields = [f'"{key}":{json.dumps(value)}' for key, value in FINE[row.action].items() if key != row.key]
    if written:
        fields.append(f'"{row.key}":{written}')
    return ("{" + ",".join(fields) + "}").encode()


def kept_in(decoded: Decoded, action: str, key: str) -> Any:
    value = getattr(decoded.payload, next(row.name for row in REPAIRS[action] if row.key == key))
    return [bytes(raw).decode() for raw in value] if isinstance(value, list) else value


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.action}.{row.key}")
def test_dirt(row: Row) -> None:
    for written, kept in row.dirt.items():
        outcome = decode_hot(row.action, payload_with(row, written))
        if isinstance(kept, ErrorCode) and row.default is NEEDED:
            assert isinstance(outcome, PayloadFault), written
            assert (outcome.code, outcome.description.split()[0]) == (kept, row.key), written
            continue
        assert isinstance(outcome, Decoded), (written, outcome)
        expected = row.default if isinstance(kept, ErrorCode) else kept
        if isinstance(expected, str) and row.max_chars and outcome.verdict:
            expected = expected[: row.max_chars]
        assert kept_in(outcome, row.action, row.key) == expected, written
        for key in FINE[row.action].keys() - {row.key, "meterValue"}:
            assert kept_in(outcome, row.action, key) == FINE[row.action][key], "what was fine is kept as it is"


def test_every_field_of_the_schemas_has_its_row_and_nothing_else_is_read() -> None:
    read = {(action, row.key, row.needed) for action, rows in REPAIRS.items() for row in rows}
    assert {(row.action, row.key, row.default is NEEDED) for row in ROWS} == read
    assert {(action, key) for action in HOT_ACTIONS for key in vendor.load_schema(action)["properties"]} == {
        (action, key) for action, key, _ in read
    }


@pytest.mark.parametrize("action", sorted(HOT_ACTIONS))
@pytest.mark.parametrize(
    "extra", ['"x":' + DIGITS, '"x":1E400', '"":[{"deep":[[]]}]', '"x":null,"x":{}', '"x":"\\u0000"']
)
def test_fields_that_nobody_knows_do_no_harm(action: str, extra: str) -> None:
    fine = json.dumps(FINE[action])
    text = "{" + ",".join(filter(None, (fine[1:-1], extra))) + "}"
    outcome = decode_hot(action, text.encode())
    assert isinstance(outcome, Decoded)
    assert outcome.verdict == ""


@pytest.mark.parametrize("action", sorted(HOT_ACTIONS))
def test_a_fine_message_conforms(action: str) -> None:
    outcome = decode_hot(action, json.dumps(FINE[action]).encode())
    assert isinstance(outcome, Decoded)
    assert outcome.verdict == ""


@pytest.mark.parametrize(
    ("action", "text", "key"),
    [
        ("Authorize", '{"idTag":"a","idTag":"b"}', "idTag"),
        ("StartTransaction", '{"connectorId":1,"connectorId":2}', "connectorId"),
        ("StopTransaction", '{"transactionId":1,"meterStop":2,"transactionId":2}', "transactionId"),
        ("StopTransaction", '{"transactionId":1,"meterStop":2,"meterStop":"2"}', "meterStop"),
    ],
)
def test_a_needed_field_with_two_values_is_no_basis_for_an_answer(action: str, text: str, key: str) -> None:
    outcome = decode_hot(action, text.encode())
    assert isinstance(outcome, PayloadFault)
    assert (outcome.code, outcome.description.split()[0]) == (ErrorCode.FORMATION_VIOLATION, key)


@pytest.mark.parametrize(
    ("action", "text"),
    [
        ("StopTransaction", '{"transactionId":1,"meterStop":2,"transactionId":1}'),
        ("StopTransaction", '{"transactionId":1,"meterStop":2,"reason":"Local","reason":"Remote"}'),
        ("StopTransaction", '{"transactionId":1,"meterStop":2,"x":1,"x":2}'),
        ("StatusNotification", '{"connectorId":1,"status":"Available","status":"Charging"}'),
        ("MeterValues", '{"connectorId":1,"connectorId":2}'),
    ],
)
def test_other_repetitions_are_answered(action: str, text: str) -> None:
    assert isinstance(decode_hot(action, text.encode()), Decoded)
