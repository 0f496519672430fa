import json
from typing import Any, get_args

import pytest

from csms.ocpp16 import enumerations, vendor
from csms.ocpp16.measurands import samples_of
from csms.ocpp16.meter_values import READ_MAX, VALUES_MAX
from csms.ocpp16.payloads import MeterValues, PayloadFault, StatusNotification
from csms.ocpp16.typed_lane import HOT_ACTIONS, Decoded, decode_hot

STAMP = "2026-01-01T00:00:00Z"
START = {"connectorId": 1, "idTag": "5E450001", "meterStart": 10, "timestamp": STAMP}
STOP = {"transactionId": 7, "meterStop": 20, "timestamp": STAMP}
STATUS = {"connectorId": 1, "status": "Available", "errorCode": "NoError"}
BOOT = {"chargePointVendor": "V", "chargePointModel": "M"}


def meter_values(*values: object, **fields: Any) -> dict[str, Any]:
    return {"connectorId": 1, "meterValue": [{"timestamp": STAMP, "sampledValue": list(values)}]} | fields


def decoded(action: str, payload: dict[str, Any]) -> Decoded:
    outcome = decode_hot(action, json.dumps(payload).encode())
    assert isinstance(outcome, Decoded), outcome
    return outcome


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("Heartbeat", {"anything": 1}),
        ("BootNotification", BOOT | {"extra": [1]}),
        ("StatusNotification", STATUS | {"timestamp": "yesterday", "info": "x" * 50}),
        ("StartTransaction", START | {"reservationId": 3}),
        ("StopTransaction", STOP | {"transactionId": -1, "reason": "EVDisconnected"}),
        ("StopTransaction", STOP | {"transactionId": 2**63 - 1, "transactionData": []}),
        ("MeterValues", meter_values({"value": "20", "unit": "Celcius"}, {"value": "20", "unit": "Celsius"})),
        ("MeterValues", meter_values({"value": "50", "measurand": "Frequency", "unit": "Hertz"}, transactionId=0)),
    ],
)
def test_conforms(action: str, payload: dict[str, Any]) -> None:
    assert decoded(action, payload).verdict == ""


@pytest.mark.parametrize(
    ("action", "payload", "where"),
    [
        ("BootNotification", {"chargePointVendor": "V"}, "chargePointModel"),
        ("BootNotification", BOOT | {"chargePointModel": "x" * 21}, "chargePointModel"),
        ("StatusNotification", STATUS | {"status": "Occupied"}, "status"),
        ("StatusNotification", STATUS | {"status": "available"}, "status"),
        ("StatusNotification", STATUS | {"errorCode": "Error"}, "errorCode"),
        ("StatusNotification", {"connectorId": 1, "status": "Available"}, "errorCode"),
        ("StatusNotification", STATUS | {"info": None}, "info"),
        ("StartTransaction", START | {"reservationId": None}, "reservationId"),
        ("StartTransaction", {key: START[key] for key in START if key != "timestamp"}, "timestamp"),
        ("StopTransaction", STOP | {"reason": "Sunset"}, "reason"),
        ("StopTransaction", STOP | {"idTag": None}, "idTag"),
        ("StopTransaction", STOP | {"transactionData": [{"timestamp": STAMP}]}, "sampledValue"),
        ("StopTransaction", STOP | {"transactionData": [{"timestamp": STAMP, "sampledValue": []}]}, "sampledValue"),
        ("MeterValues", {"connectorId": 1}, "meterValue"),
        ("MeterValues", {"connectorId": 1, "meterValue": []}, "meterValue"),
        ("MeterValues", {"connectorId": 1, "meterValue": [5]}, ""),
        ("MeterValues", meter_values(), "sampledValue"),
        ("MeterValues", meter_values({}), "value"),
        ("MeterValues", meter_values({"value": 5}), "value"),
        ("MeterValues", meter_values({"value": "5", "unit": "kw"}), "unit"),
        ("MeterValues", meter_values({"value": "5", "measurand": None}), "measurand"),
        ("MeterValues", meter_values({"value": "5"}, transactionId=None), "transactionId"),
        ("MeterValues", meter_values({"value": "5"}, meterValue={"timestamp": STAMP}), "meterValue"),
    ],
)
def test_answered_although_the_schema_has_something_against_it(
    action: str, payload: dict[str, Any], where: str
) -> None:
    verdict = decoded(action, payload).verdict
    assert verdict
    assert where in verdict


def test_what_was_written_is_kept_where_the_schema_minds() -> None:
    outcome = decoded("StatusNotification", STATUS | {"status": "Occupied"})
    assert outcome.payload == StatusNotification(connector_id=1, status="Occupied")


def test_readings_stand_in_the_order_of_the_message_with_the_json_that_was_sent() -> None:
    first = '{"timestamp" : "b", "sampledValue":[{"value":"1"}]}'
    second = '{"timestamp":"a","sampledValue":[{"value":2}, "x", {"value":"3"}]}'
    outcome = decode_hot("MeterValues", f'{{"connectorId":1,"meterValue":[{first},5,{second}]}}'.encode())
    assert isinstance(outcome, Decoded)
    assert isinstance(outcome.payload, MeterValues)
    assert [bytes(reading.raw).decode() for reading in outcome.readings] == [first, second]
    assert [reading.element.timestamp for reading in outcome.readings] == ["b", "a"]
    assert [[sampled.value for sampled in reading.element.sampled_value] for reading in outcome.readings] == [
        ["1"],
        [2, "3"],
    ]


LIST = {
    "MeterValues": '{"connectorId":1,"meterValue":[%s]}',
    "StopTransaction": '{"transactionId":7,"meterStop":20,"timestamp":"a","transactionData":[%s]}',
}


def elements_of(action: str, elements: list[str]) -> Decoded:
    outcome = decode_hot(action, (LIST[action] % " ,".join(elements)).encode())
    assert isinstance(outcome, Decoded), outcome
    return outcome


@pytest.mark.parametrize("text", ["kWh", "half \\ud83d", "\\ud83d\\ude00"])
@pytest.mark.parametrize("action", LIST)
def test_of_too_many_elements_the_middle_is_kept_unread_byte_for_byte(action: str, text: str) -> None:
    elements = [
        f'{{"x":"{text}", "timestamp":"2026-01-01T00:00:00.{i:06}Z","sampledValue":[{{"value":"{i}"}}]}}'
        for i in range(READ_MAX + 3)
    ]
    decoded = elements_of(action, elements)
    half = READ_MAX // 2
    first, unread, last = decoded.readings[:half], decoded.readings[half], decoded.readings[half + 1 :]
    assert [bytes(one.raw).decode() for one in (*first, *last)] == elements[:half] + elements[-half:]
    assert bytes(unread.raw).decode() == "[" + ",".join(elements[half:-half]) + "]"
    samples = samples_of(decoded.readings, 5)
    assert len(samples) == READ_MAX + 1
    assert [sample.energy_wh for sample in samples if sample.energy_wh is not None] == [
        *range(half),
        *range(half + 3, READ_MAX + 3),
    ]
    row = samples[half]
    assert (row.at_ms, row.power_w, row.energy_wh) == (samples[half - 1].at_ms, None, None)


@pytest.mark.parametrize("action", LIST)
def test_as_many_elements_as_are_read_are_all_read(action: str) -> None:
    elements = [f'{{"timestamp":"{i}","sampledValue":[{{"value":"1"}}]}}' for i in range(READ_MAX)]
    assert [reading.element.timestamp for reading in elements_of(action, elements).readings] == [
        str(i) for i in range(READ_MAX)
    ]


@pytest.mark.parametrize("action", LIST)
def test_a_message_of_a_mebibyte_of_empty_elements_becomes_one_row(action: str) -> None:
    decoded = elements_of(action, ["{}"] * 340_000)
    (only,) = samples_of(decoded.readings, 5)
    assert json.loads(only.raw_json) == [{}] * (340_000 - READ_MAX)


@pytest.mark.parametrize(
    "element",
    [
        "{}",
        '{"timestamp":"a"}',
        '{"timestamp":"a","sampledValue":[]}',
        '{"sampledValue":[ \n]}',
        '{"sampledValue":null}',
        '{"sampledValue":[null]}',
    ],
)
@pytest.mark.parametrize("action", LIST)
def test_an_element_without_a_value_is_no_reading(action: str, element: str) -> None:
    decoded = elements_of(action, [element])
    assert decoded.readings == ()
    assert decoded.verdict


@pytest.mark.parametrize("told", ['[{"value":null}]', '"5"', "[5]", "[{}]", "7"])
def test_an_element_whose_values_cannot_be_read_is_kept_as_it_came(told: str) -> None:
    element = f'{{"timestamp":"a","sampledValue":{told}}}'
    (only,) = elements_of("MeterValues", [element]).readings
    assert bytes(only.raw).decode() == element


@pytest.mark.parametrize("action", sorted(HOT_ACTIONS))
@pytest.mark.parametrize("payload", [b'{"x":', b"{" * 5_000, b'{"x":' * 100_000])
def test_what_is_no_readable_object_is_malformed(action: str, payload: bytes) -> None:
    outcome = decode_hot(action, payload)
    assert isinstance(outcome, PayloadFault)
    assert outcome.code == "FormationViolation"


def schema_enumerations(schema: Any, name: str = "") -> dict[str, set[str]]:
    if not isinstance(schema, dict):
        return {}
    found = {name: set(schema["enum"])} if "enum" in schema else {}
    for key, inner in schema.items():
        found |= schema_enumerations(inner, name if key == "items" else key)
    return found


def test_the_enumerations_are_those_of_the_schemas() -> None:
    ours = {
        "status": enumerations.ChargePointStatus,
        "errorCode": enumerations.ChargePointErrorCode,
        "context": enumerations.ReadingContext,
        "format": enumerations.ValueFormat,
        "measurand": enumerations.Measurand,
        "phase": enumerations.Phase,
        "location": enumerations.Location,
        "unit": enumerations.UnitOfMeasure,
    }
    theirs = schema_enumerations(vendor.load_schema("StatusNotification"))
    theirs |= schema_enumerations(vendor.load_schema("MeterValues"))
    assert {name: set(get_args(of)) for name, of in ours.items()} == theirs
    stop = schema_enumerations(vendor.load_schema("StopTransaction"))
    assert set(get_args(enumerations.Reason)) == stop["reason"]
    assert theirs["unit"] - stop["unit"] == {"Hertz"}


HALF = "\ud83d"
"""Half a surrogate pair: `json.dumps` writes it as an escape."""


@pytest.mark.parametrize(
    ("action", "payload", "read"),
    [
        ("BootNotification", BOOT | {"chargePointVendor": f"V{HALF}"}, {"charge_point_vendor": "V\ufffd"}),
        ("StatusNotification", STATUS | {"info": HALF}, {"status": "Available", "info": "\ufffd"}),
        ("Authorize", {"idTag": f"A{HALF}"}, {"id_tag": "A\ufffd"}),
        ("StartTransaction", START | {"idTag": f"A{HALF}B"}, {"id_tag": "A\ufffdB", "meter_start": 10}),
        ("StopTransaction", STOP | {"idTag": f"{HALF}B"}, {"id_tag": "\ufffdB", "meter_stop": 20}),
        ("StopTransaction", STOP | {"reason": HALF}, {"reason": "\ufffd", "transaction_id": 7}),
        ("StopTransaction", STOP | {"vendor": {HALF: [HALF]}}, {"transaction_id": 7, "timestamp": STAMP}),
        ("MeterValues", meter_values({"value": "1"}, vendor=HALF), {"connector_id": 1}),
    ],
)
def test_half_a_surrogate_pair_spoils_no_message(action: str, payload: dict[str, Any], read: dict[str, Any]) -> None:
    found = decoded(action, payload)
    assert found.verdict, "the schema's verdict is another matter"
    assert {name: getattr(found.payload, name) for name in read} == read


def test_values_with_half_a_surrogate_pair_are_read_and_kept_as_they_came() -> None:
    values = [
        {"timestamp": STAMP, "sampledValue": [{"value": "12"}]},
        {
            "timestamp": STAMP,
            "vendor": HALF,
            "sampledValue": [{"value": HALF, "format": "SignedData"}, {"value": "13"}],
        },
        {"timestamp": STAMP, "sampledValue": [{"value": "\ufffd"}, {"value": "14"}]},
    ]
    found = decoded("StopTransaction", STOP | {"idTag": HALF, "transactionData": values})
    assert [bytes(reading.raw).decode() for reading in found.readings] == [json.dumps(value) for value in values]
    assert [reading.element.sampled_value[-1].value for reading in found.readings] == ["12", "13", "14"]


@pytest.mark.parametrize("char", [HALF, "\0"])
def test_a_rare_action_with_what_is_no_character_is_judged_by_the_rest(char: str) -> None:
    assert vendor.check_call("DataTransfer", json.dumps({"vendorId": "V", "data": char}).encode()) is None
    assert vendor.check_call("DataTransfer", json.dumps({"vendorId": 7, "data": char}).encode()) is not None


@pytest.mark.parametrize("bad", ["", '{"value":[]},'])
@pytest.mark.parametrize("action", LIST)
def test_of_too_many_values_the_first_are_read_and_all_are_kept_byte_for_byte(action: str, bad: str) -> None:
    values = ",".join(f'{{"value":"{i}","measurand":"Power.Active.Import"}}' for i in range(10_000))
    element = f'{{"timestamp":"2026-01-01T00:00:00Z","sampledValue":[{bad}{values}]}}'
    decoded = elements_of(action, [element, '{"timestamp":"2026-01-01T00:01:00Z","sampledValue":[{"value":"7"}]}'])
    first, second = samples_of(decoded.readings, 5)
    assert first.power_w == VALUES_MAX - (2 if bad else 1), "the greatest of those that are read"
    assert first.raw_json == element
    assert second.energy_wh == 7
    assert len(decoded.readings[0].element.sampled_value) <= VALUES_MAX
