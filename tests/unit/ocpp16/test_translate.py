import json
from typing import Any

import jsonschema_rs
import pytest

from csms.core.commands import (
    Call,
    ChangeAvailability,
    ChangeConfiguration,
    ClearLimits,
    LimitForm,
    Purpose,
    RateUnit,
    ReadConfiguration,
    RemoteStart,
    RemoteStop,
    SetLimit,
    Trigger,
)
from csms.core.events import CallAnswered, CallErrored, CommandAnswered, ConfigurationRead, ConnectorStatus, StartKey
from csms.core.ids import ChargerId, ConnectionId, Token, TransactionId
from csms.ocpp16 import translate, vendor
from csms.ocpp16.payloads import StartTransaction

T = 1_767_225_600_000
TOKEN, CONNECTION, CP = Token(9), ConnectionId(1), ChargerId("CP001")
WATTS = LimitForm(RateUnit.W, 0, 230)
AMPS = LimitForm(RateUnit.A, 3, 230)


def tx_limit(form: LimitForm) -> SetLimit:
    return SetLimit(TOKEN, CONNECTION, CP, 2, Purpose.TX, 11_040, form, TransactionId(7), urgent=True, cause="c")


@pytest.mark.parametrize(
    ("command", "action", "key", "urgent"),
    [
        (tx_limit(WATTS), "SetChargingProfile", (Purpose.TX, 2), True),
        (tx_limit(AMPS), "SetChargingProfile", (Purpose.TX, 2), True),
        (ClearLimits(TOKEN, CONNECTION, CP, None, 3), "ClearChargingProfile", None, False),
        (
            ClearLimits(TOKEN, CONNECTION, CP, 2, None, Purpose.TX, urgent=True),
            "ClearChargingProfile",
            ("clear", 2),
            True,
        ),
        (Trigger(TOKEN, CONNECTION, CP, "MeterValues", 1), "TriggerMessage", None, False),
        (Trigger(TOKEN, CONNECTION, CP, "BootNotification", None), "TriggerMessage", None, False),
        (ReadConfiguration(TOKEN, CONNECTION, CP, ("A", "B")), "GetConfiguration", None, False),
        (
            ChangeConfiguration(TOKEN, CONNECTION, CP, "WebSocketPingInterval", "WebSocketPingInterval", "30"),
            "ChangeConfiguration",
            None,
            False,
        ),
        (RemoteStart(TOKEN, CONNECTION, CP, 1, "5E450001"), "RemoteStartTransaction", None, False),
        (RemoteStop(TOKEN, CONNECTION, CP, TransactionId(7)), "RemoteStopTransaction", None, False),
        (
            RemoteStop(TOKEN, CONNECTION, CP, TransactionId(7), urgent=True),
            "RemoteStopTransaction",
            ("stop", 7),
            True,
        ),
        (
            ChangeAvailability(TOKEN, CONNECTION, CP, 2, operative=False),
            "ChangeAvailability",
            ("availability", 2),
            True,
        ),
        (
            ChangeAvailability(TOKEN, CONNECTION, CP, 2, operative=True),
            "ChangeAvailability",
            ("availability", 2),
            False,
        ),
    ],
)
def test_what_we_send_passes_the_strict_schema(command: Call, action: str, key: object, *, urgent: bool) -> None:
    request = translate.request_of(command, T)
    assert (request.action, request.limit_key, request.urgent) == (action, key, urgent)
    schema = vendor.load_schema(action)
    assert jsonschema_rs.Draft4Validator(schema, validate_formats=True).is_valid(request.payload)


@pytest.mark.parametrize(
    ("payload", "fact"),
    [
        (b'{"status":"Accepted"}', CallAnswered(TOKEN, "Accepted")),
        (b'{"status":" accepted "}', CallAnswered(TOKEN, "Accepted")),
        (b'{"status":"REJECTED","extra":[{}]}', CallAnswered(TOKEN, "Rejected")),
        (b'{"status":"Maybe"}', CallAnswered(TOKEN, "Maybe")),
        (b'{"status":""}', CallErrored(TOKEN, "Unreadable")),
        (b'{"status":[]}', CallErrored(TOKEN, "Unreadable")),
        (b"{}", CallErrored(TOKEN, "Unreadable")),
        (None, CallErrored(TOKEN, "Unreadable")),
    ],
)
def test_answers(payload: bytes | None, fact: object) -> None:
    assert translate.fact_of_answer(TOKEN, "SetChargingProfile", payload) == fact


@pytest.mark.parametrize(
    ("payload", "values", "unknown", "readonly"),
    [
        ({}, {}, (), ()),
        ({"status": "Rejected"}, {}, (), ()),
        ({"configurationKey": None, "unknownKey": None}, {}, (), ()),
        ({"configurationKey": [{"key": "A", "readonly": True, "value": "W"}]}, {"A": "W"}, (), ("A",)),
        ({"configurationKey": [{"key": "A", "readonly": " True", "value": "W"}]}, {"A": "W"}, (), ("A",)),
        ({"configurationKey": [{"key": "A", "readonly": False, "value": "W"}]}, {"A": "W"}, (), ()),
        ({"configurationKey": [{"key": "A", "readonly": "no"}]}, {"A": None}, (), ()),
        (
            {"configurationKey": [{"key": "A", "value": 5}, {"key": "B", "value": True}]},
            {"A": "5", "B": "true"},
            (),
            (),
        ),
        ({"configurationKey": {"key": "A", "value": "x"}}, {"A": "x"}, (), ()),
        ({"configurationKey": [5, {}, {"key": ""}]}, {}, (), ()),
        ({"unknownKey": ["C", 5, None]}, {}, ("C", "5"), ()),
    ],
)
def test_configuration(
    payload: dict[str, Any], values: dict[str, str | None], unknown: tuple[str, ...], readonly: tuple[str, ...]
) -> None:
    fact = translate.fact_of_answer(TOKEN, "GetConfiguration", json.dumps(payload).encode())
    assert fact == ConfigurationRead(TOKEN, values, unknown, readonly)


@pytest.mark.parametrize(("code", "fact"), [("NotSupported", "NotSupported"), ("", "Unreadable"), ("x" * 99, "x" * 50)])
def test_errors(code: str, fact: str) -> None:
    assert translate.fact_of_error(TOKEN, code) == CallErrored(TOKEN, fact)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("SuspendedEVSE", ConnectorStatus.SUSPENDED_EVSE),
        (" suspendedevse ", ConnectorStatus.SUSPENDED_EVSE),
        ("Occupied", ConnectorStatus.CHARGING),
        ("Busy", None),
        ("", None),
    ],
)
def test_statuses(text: str, status: ConnectorStatus | None) -> None:
    assert translate.connector_status(text) is status


def test_enums_out_of_the_list() -> None:
    assert translate.error_code("Error") == "OtherError"
    assert translate.error_code("noerror") == "NoError"
    assert translate.stop_reason("Sunset") == "Other"
    assert translate.stop_reason(" ") == "Local"
    assert translate.stop_reason("evdisconnected") == "EVDisconnected"


@pytest.mark.parametrize(
    ("timestamp", "started_ms", "words"),
    [
        ("2026-01-01T00:00:00Z", T, None),
        ("", T + 99, ""),
        ("1970-01-01T00:00:00Z", T + 99, "1970-01-01T00:00:00Z"),
        ("x" * 1_000, T + 99, "x" * 40),
    ],
)
def test_a_start_without_a_usable_time_is_known_by_its_words(
    timestamp: str, started_ms: int, words: str | None
) -> None:
    payload = StartTransaction(connector_id=1, id_tag="tag", meter_start=5, timestamp=timestamp)
    key = translate.start_key(CP, payload, T + 99)
    assert key == StartKey(CP, 1, "tag", started_ms, 5, words)
    later = translate.start_key(CP, payload, T + 60_000)
    assert later.identity == key.identity, "whenever it is said again"


@pytest.mark.parametrize(
    ("payload", "word"),
    [
        (b'{"status":"Accepted"}', "Accepted"),
        (b'{"status":"ACCEPTED"}', "Accepted"),
        (b'{"status":"acceptedCanceled","filename":"a"}', "AcceptedCanceled"),
        (b'{"status":"notfound"}', "NotFound"),
        (b'{"status":"InvalidCertificate"}', "InvalidCertificate"),
        (b"{}", None),
    ],
)
def test_the_word_of_an_answer_to_an_operators_command(payload: bytes, word: str | None) -> None:
    fact = translate.fact_of_operated(TOKEN, payload)
    assert isinstance(fact, CommandAnswered)
    assert (fact.status, json.loads(fact.payload_json)) == (word, json.loads(payload))


@pytest.mark.parametrize("payload", [None, b"[]", b"null", b"{", b'{"status":""}', b'{"status":null}'])
def test_an_answer_to_an_operators_command_that_cannot_be_read(payload: bytes | None) -> None:
    assert translate.fact_of_operated(TOKEN, payload) == CallErrored(TOKEN, "Unreadable")
