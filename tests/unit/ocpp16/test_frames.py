import json

import pytest

from csms.ocpp16 import frames
from csms.ocpp16.frames import Call, CallError, CallResult, ErrorCode, Ignored, Malformed

DEEP = "[" * 100_000
DIGITS = "9" * 5_000
FORMATION = ErrorCode.FORMATION_VIOLATION


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ('[2,"a","Heartbeat",{}]', Call("a", "Heartbeat", b"{}")),
        (' [ 2 , "a" , "Heartbeat" , { "x" : 1 } ] ', Call("a", "Heartbeat", b'{ "x" : 1 }')),
        ('[2,"a","Heartbeat",null]', Call("a", "Heartbeat", b"{}")),
        ('[2,7,"Heartbeat",{}]', Call(7, "Heartbeat", b"{}")),
        ('[2,"","Heartbeat",{}]', Call("", "Heartbeat", b"{}")),
        ('\ufeff[2,"é","Heartbeat",{}]', Call("é", "Heartbeat", b"{}")),
        ('[2,"a","Heartbeat",{"n":' + DIGITS + "}]", Call("a", "Heartbeat", b'{"n":' + DIGITS.encode() + b"}")),
        ('[2,"é","X",{"a":"\\ud800"} ]', Call("é", "X", b'{"a":"\\ud800"}')),
        (
            '[2,"a","X",{"a":"\\ud800","{\\"a\\":":{"a":"\\ud800"}}]',
            Call("a", "X", b'{"a":"\\ud800","{\\"a\\":":{"a":"\\ud800"}}'),
        ),
        ('[3,"a",{"status":"\\uDC00"}]', CallResult("a", b'{"status":"\\ufffd"}')),
        ('[3,"a",{},"\\ud83d"]', CallResult("a", b"{}")),
        ('[4,"a","NotImplemented","x\\ud83d",{}]', CallError("a", "NotImplemented", "x\ufffd")),
        ('[4,"x","x","\\ud83d","\\ud83d",{"x":1}]', CallError("x", "x", "\ufffd")),
        ('[4,"a","NotImplemented","x",{"d":"\\ud83d"}]', CallError("a", "NotImplemented", "x")),
        ('[4,"a","Not\\ud83dImplemented","x",{}]', CallResult("a", None)),
        ('[3,"a",{"status":"Accepted"}]', CallResult("a", b'{"status":"Accepted"}')),
        ('[3,"a",null]', CallResult("a", b"{}")),
        ('[3,"a"]', CallResult("a", None)),
        ('[3,"a",[]]', CallResult("a", None)),
        ('[3,"a",{},1]', CallResult("a", b"{}")),
        ('[3,"a",{"x":]', CallResult("a", None)),
        ('[4,"a","NotSupported","no",{}]', CallError("a", "NotSupported", "no")),
        ('[4,"a","NotSupported"]', CallError("a", "NotSupported", "")),
        ('[4,"a"]', CallError("a", "", "")),
        ('[4,"a",5,[]]', CallError("a", "", "")),
    ],
)
def test_readable(text: str, frame: frames.Frame) -> None:
    assert frames.decode(text) == frame


@pytest.mark.parametrize(
    "text",
    [
        '[2,"a","Heartbeat"]',
        '[2,"a","Heartbeat",{},1]',
        '[2,"a","Heartbeat",[]]',
        '[2,"a","Heartbeat",5]',
        '[2,"a",{},{}]',
        '[2,"a",5,{}]',
        '[2,"a"]',
        '[2,"a","StopTransaction",{"transactionId":,}]',
        '[2,"a","MeterValues",{"value":NaN}]',
        '[2,"a","MeterValues",' + DEEP,
        '[2,"a","Data\\ud800",{}]',
        '[2,"a","DataTransfer",{"data":"\\ud800",}]',
        '[2,"a","DataTransfer",["\\ud800"]]',
        '[2,"a","DataTransfer",{},"\\ud800"]',
    ],
)
def test_a_call_with_an_id_and_a_wrong_shape_names_its_id(text: str) -> None:
    frame = frames.decode(text)
    assert isinstance(frame, Malformed)
    assert (frame.message_id, frame.code) == ("a", FORMATION)


@pytest.mark.parametrize("number", ["7", "-0", "-9223372036854775808", "9223372036854775807"])
def test_a_number_as_an_id_is_read_in_a_broken_call_too(number: str) -> None:
    frame = frames.decode(f'[2, {number} ,"Data\\ud800",{{}}]')
    assert isinstance(frame, Malformed)
    assert (frame.message_id, frame.code) == (int(number), FORMATION)


def test_a_very_long_id_is_refused_with_that_id() -> None:
    long_id = "x" * 300
    frame = frames.decode(json.dumps([2, long_id, "Heartbeat", {}]))
    assert isinstance(frame, Malformed)
    assert frame.message_id == long_id


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "{}",
        "5",
        '"text"',
        "[]",
        "[2]",
        "null",
        DEEP,
        DIGITS,
        '[2,null,"Heartbeat",{}]',
        '[2,true,"Heartbeat",{}]',
        '[2,1.5,"Heartbeat",{}]',
        "[2," + DIGITS + ',"Heartbeat",{}]',
        '[1,"a","Heartbeat",{}]',
        '[5,"a",{}]',
        '["2","a","Heartbeat",{}]',
        '[2,"\\ud800","Heartbeat",{}]',
        '[3,"\\ud800",{}]',
        '[4,"\\ud800","NotImplemented","",{}]',
        '[2,"a\ud800","Heartbeat",{}]',
        '[2,"' + "x" * 70_000,
        "[2,7",
        "[2,7.5," + DEEP,
        "[2,9223372036854775808," + DEEP,
    ],
)
def test_what_cannot_be_answered_is_ignored(text: str) -> None:
    assert isinstance(frames.decode(text), Ignored)


def test_encoded_to_the_letter() -> None:
    assert frames.encode_call("p1", "ClearCache", {}) == '[2,"p1","ClearCache",{}]'
    assert frames.encode_result("é", {"status": "Accepted"}) == '[3,"é",{"status":"Accepted"}]'
    assert frames.encode_error(7, FORMATION, "why") == '[4,7,"FormationViolation","why",{}]'
    assert len(json.loads(frames.encode_error("a", FORMATION, "x" * 999))[3]) == 255


def test_the_spellings_of_table_7() -> None:
    assert ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION.value == "OccurenceConstraintViolation"
    assert ErrorCode.FORMATION_VIOLATION.value == "FormationViolation"
