"""What FIELD=VALUE says: the field decides what its value is. Every example of the documentation can be typed."""

import shlex
from typing import Any

import pytest

from api.command_schemas import EXAMPLES, ChangeConfiguration, GetConfiguration, Reset, SetChargingProfile
from api.security_schemas import CERTIFICATE
from csms.cli.payloads import ACTIONS, Malformed, Model, example, fields, meaning, nearest, payload

CS = "csChargingProfiles"


@pytest.mark.parametrize(
    ("action", "told", "body"),
    [
        ("Reset", ["type=Soft"], {"type": "Soft"}),
        ("RemoteStartTransaction", ["idTag=04112233", "connectorId=1"], {"idTag": "04112233", "connectorId": 1}),
        ("RemoteStartTransaction", ["idTag=true"], {"idTag": "true"}),
        ("ChangeConfiguration", ["key=A", "value=10"], {"key": "A", "value": "10"}),
        ("ChangeConfiguration", ["key=A", "value="], {"key": "A", "value": ""}),
        ("ChangeConfiguration", ["key=A", "value=a=b"], {"key": "A", "value": "a=b"}),
        ("DataTransfer", ["vendorId=V", 'data={"a": 1}'], {"vendorId": "V", "data": '{"a": 1}'}),
        ("GetConfiguration", ["key=A", "key=10"], {"key": ["A", "10"]}),
        ("GetConfiguration", ['key=["A", "B"]', "key=C"], {"key": ["A", "B", "C"]}),
        ("RemoteStopTransaction", ["transactionId=-5"], {"transactionId": -5}),
        ("CancelReservation", ["reservationId=three"], {"reservationId": "three"}),
        ("CancelReservation", ["reservationId=1.5"], {"reservationId": 1.5}),
        ("CancelReservation", ["reservationId=NaN"], {"reservationId": "NaN"}),
        ("CancelReservation", ["reservationId="], {"reservationId": ""}),
        ("CancelReservation", ["reservationId=-Infinity"], {"reservationId": "-Infinity"}),
        ("Reset", ["nonsense=1", "other=x"], {"nonsense": 1, "other": "x"}),
        ("Reset", ["type.deeper=1"], {"type": {"deeper": 1}}),
        (
            "SetChargingProfile",
            [f"{CS}.stackLevel=1", f'{CS}.chargingSchedule={{"duration": 5}}', f"{CS}.chargingSchedule.duration2=6"],
            {CS: {"stackLevel": 1, "chargingSchedule": {"duration": 5, "duration2": 6}}},
        ),
        (
            "SetChargingProfile",
            [f'{CS}.chargingSchedule.chargingSchedulePeriod={{"startPeriod": {second}}}' for second in (0, 60)],
            {CS: {"chargingSchedule": {"chargingSchedulePeriod": [{"startPeriod": 0}, {"startPeriod": 60}]}}},
        ),
        (
            "SendLocalList",
            ["listVersion=1", 'localAuthorizationList={"idTag": "04"}'],
            {"listVersion": 1, "localAuthorizationList": [{"idTag": "04"}]},
        ),
    ],
)
def test_what_fields_and_values_say(action: str, told: list[str], body: dict[str, Any]) -> None:
    assert payload(ACTIONS[action], told) == body


@pytest.mark.parametrize("model", EXAMPLES, ids=lambda model: str(model.__name__))
def test_the_example_of_every_action_can_be_typed(model: Model) -> None:
    name, *told = shlex.split(example(model))
    assert name == model.__name__
    said = [text.replace("$(cat FILE.pem)", CERTIFICATE) for text in told]
    assert payload(model, said) == EXAMPLES[model]


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (["Soft"], "'Soft': must be FIELD=VALUE, such as connectorId=1"),
        (["=Soft"], "'=Soft': must be FIELD=VALUE, such as connectorId=1"),
        (["a..b=1"], "'a..b=1': must be FIELD=VALUE, such as connectorId=1"),
        (["type=Soft", "type=Hard"], "type: is told twice"),
        (["type=Soft", "type.deeper=1"], "type.deeper: type was told already, and is no object"),
    ],
)
def test_what_says_nothing_is_refused(told: list[str], why: str) -> None:
    with pytest.raises(Malformed) as caught:
        payload(Reset, told)
    assert str(caught.value) == why


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("reset", "Reset"), ("getconfig", "GetConfiguration"), ("Unlock", "UnlockConnector"), ("zzz", None)],
)
def test_what_may_have_been_meant(typed: str, meant: str | None) -> None:
    assert nearest(typed) == meant


def test_each_action_says_what_it_does() -> None:
    assert meaning(Reset) == "boot again; Soft ends transactions first (§6.31)"
    told = [meaning(model) for model in ACTIONS.values()]
    assert all("(§" in line or "(Whitepaper §" in line for line in told)
    assert [line for line in told if line.startswith(" ")] == []


@pytest.mark.parametrize(
    ("model", "field"),
    [
        (Reset, ("type", "Hard|Soft", "needed")),
        (ChangeConfiguration, ("value", "text", "needed")),
        (GetConfiguration, ("key", "text; once for each", "")),
        (SetChargingProfile, (f"{CS}.validTo", "time", "")),
        (SetChargingProfile, (f"{CS}.stackLevel", "integer", "needed")),
        (
            SetChargingProfile,
            (
                f"{CS}.chargingSchedule.chargingSchedulePeriod",
                "JSON, {startPeriod, limit, numberPhases}; once for each",
                "needed",
            ),
        ),
    ],
)
def test_what_is_said_of_a_field(model: Model, field: tuple[str, ...]) -> None:
    assert field in fields(model)
