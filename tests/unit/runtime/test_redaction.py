"""What is shown of a frame: all that helps, and no secret, however the frame is broken."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.core.access import key_text
from csms.core.hiding import MASK
from csms.core.secret_names import is_secret_key, is_secret_name
from csms.obs.redaction import WITHHELD, redacted, redacted_text
from csms.runtime.messages import Direction, Frame
from csms.runtime.redaction import Shown, shown

SECRET = "S3cr3tValue-0123456789"  # noqa: S105 - a made-up one
SECRETS = [
    {"idTag": SECRET},
    {"idTagInfo": {"parentIdTag": SECRET}},
    {"key": "AuthorizationKey", "value": SECRET},
    {"key": "WifiPassword", "readonly": False, "value": SECRET},
    {"SimPin": SECRET},
    {"certificateChain": SECRET},
    {"csr": SECRET},
    {"data": {"inner": SECRET}},
    {"location": f"ftp://user:{SECRET}@host/"},
]


def frame(text: str, direction: Direction = "received", *, cut: bool = False) -> Frame:
    return Frame(0, direction, text, len(text), len(text), cut)


def one(text: str, *, cut: bool = False) -> Shown:
    return shown([frame(text, cut=cut)])[0]


@given(wrap=st.integers(0, 4), payload=st.sampled_from(SECRETS), action=st.sampled_from(["DataTransfer", ""]))
def test_no_secret_survives_in_a_frame_that_can_be_read(wrap: int, payload: object, action: str) -> None:
    for _ in range(wrap):
        payload = {"inner": [payload]}
    assert SECRET not in str(one(json.dumps([2, "1", action, payload])))


@given(
    payload=st.sampled_from(SECRETS),
    drop=st.integers(1, 40),
    space=st.sampled_from(["", " "]),
    quote=st.sampled_from("\"'"),
)
def test_no_secret_survives_in_a_frame_that_was_cut(payload: object, drop: int, space: str, quote: str) -> None:
    text = json.dumps([2, "1", "Any", payload, "the rest"], separators=(f",{space}", f":{space}")).replace('"', quote)[
        :-drop
    ]
    assert SECRET[:8] not in str(one(text, cut=True).text)


@pytest.mark.parametrize("text", ["", "{", "{}", "[" * 100_000, "nul", '{"not": "a frame"', "[1,2"])
def test_dirt_is_shown_as_it_came(text: str) -> None:
    found = one(text)
    assert found.elements is None
    assert found.text == text


def test_dirt_with_escaped_letters_is_withheld() -> None:
    assert redacted_text('{"\\u0069dTag":"4711"') == WITHHELD


def test_meter_values_that_were_cut_are_shown() -> None:
    text = '[2,"1","MeterValues",{"meterValue":[{"sampledValue":[{"value":"4711"},{"value":'
    assert one(text, cut=True).text == text


def test_what_is_deep_or_no_text_is_shown_as_json() -> None:
    found = one('[2,"1","A",' + '{"a":' * 300 + '"\\ud800"' + "}" * 300 + "]")
    assert MASK in json.dumps(found.elements)
    assert one('[2,"\\ud800","A",{"\\ud800":1}]').elements == [2, "?", "A", {"?": 1}]


def test_an_answer_belongs_to_its_call_of_the_other_side() -> None:
    frames = [
        frame('[2,"1","Heartbeat",{}]'),
        frame('[2,"1","DataTransfer",{"vendorId":"acme"}]', "sent"),
        frame('[3,"1",{"status":"Accepted","data":"4711"}]'),
        frame('[3,"1",{"currentTime":"now"}]', "sent"),
        frame('[3,"9",{"data":"4711"}]'),
    ]
    assert [each.action for each in shown(frames)] == ["Heartbeat", "DataTransfer", "DataTransfer", "Heartbeat", None]
    assert shown(frames)[2].elements == [3, "1", {"status": "Accepted", "data": MASK}]
    assert shown(frames)[4].elements == [3, "9", {"data": MASK}]


def test_an_id_tag_is_shown_only_by_its_beginning() -> None:
    assert one('[2,"1","A",{"idTag":"ABCD12345678"}]').elements == [2, "1", "A", {"idTag": f"ABCD{MASK}"}]
    assert one('[2,"1","A",{"idTag":"ABCD1"}]').elements == [2, "1", "A", {"idTag": MASK}]


@pytest.mark.parametrize("name", ["AuthorizationKey", "wifi_password", "SIMPin", "PSK"])
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["WebSocketPingInterval", "MeterValueSampleInterval", "spinning", "key", 7, None])
def test_names_of_no_secrets(name: object) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    "key", ["WifiPass", "HMACKey", "SecurityKey", "WPAPassphrase", "AuthorizationKey", "CPBasicAuth", "BasicAuthUser"]
)
def test_what_a_secret_key_is_set_to_is_masked(key: str) -> None:
    assert is_secret_key(key)
    assert redacted({"key": key, "value": "hunter2"}) == {"key": key, "value": MASK}
    assert redacted({"Value": "hunter2", "KEY": key}) == {"Value": MASK, "KEY": key}


@pytest.mark.parametrize(
    "key",
    [
        "GetConfigurationMaxKeys",
        "HeartbeatInterval",
        "LocalAuthListEnabled",
        "AuthorizationCacheEnabled",
        "Keyboard",
        7,
        None,
    ],
)
def test_what_any_other_key_is_set_to_is_shown(key: object) -> None:
    assert redacted({"key": key, "value": "60"}) == {"key": key, "value": "60"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ftp://bob:hunter3@host/x", "ftp://***@host/x"),
        ("see https://bob@host and @home", "see https://***@host and @home"),
        ("ws://host:9000/CP001", "ws://host:9000/CP001"),
    ],
)
def test_who_a_url_names_is_masked_wherever_it_stands(text: str, shown: str) -> None:
    assert redacted({"info": text}) == {"info": shown}
    assert redacted_text(f"[3,{text}") == f"[3,{shown}"


KEY = key_text("1f0a5c77d2e9", "6b" * 32)


@given(
    payload=st.recursive(
        st.sampled_from([KEY, f"see {KEY}", f"{KEY}{KEY}", f"https://host/?key={KEY}", KEY.upper(), KEY[:50]]),
        lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(st.just(KEY), inner, min_size=1),
        max_leaves=5,
    ),
    cut=st.booleans(),
)
def test_no_key_of_rest_survives_wherever_it_stands(payload: object, *, cut: bool) -> None:
    """Even where somebody has typed one into a charger."""
    found = str(one(json.dumps([2, "1", "Any", payload]), cut=cut))
    assert "6b6b" not in found.lower()
    assert "6b6b" not in json.dumps(redacted(payload)).lower()
