"""Every CALL that a command can become, every IdTagInfo and every error, to the letter of the specification."""

import json
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from api.command_schemas import EXAMPLES
from csms.core.certificates import SERIAL_CHARS_MAX, Named
from csms.core.charger import new_charger
from csms.core.commands import (
    SETTINGS,
    VALUE_CHARS_MAX,
    Call,
    ChangeAvailability,
    ChangeConfiguration,
    ClearLimits,
    LimitForm,
    Operate,
    ProfileKind,
    Purpose,
    RateUnit,
    ReadConfiguration,
    ReadSchedule,
    RemoteStart,
    RemoteStop,
    SetLimit,
    Trigger,
)
from csms.core.errors import InvariantError
from csms.core.events import TagStatus
from csms.core.ids import ChargerId, ConnectionId, Token, TransactionId
from csms.core.release import Installed, Progress, ReleaseStep, Trace
from csms.core.station import Charger
from csms.core.undoing import asked, question
from csms.gateway.answers import _tag_info
from csms.gateway.id_tags import TagVerdict
from csms.ocpp16 import frames, translate
from csms.ocpp16.frames import ErrorCode
from csms.ocpp16.peer import Peer
from tests.contract.conformance import assert_conforms, assert_payload

WALL_MS = st.integers(1_577_836_800_000, 4_102_444_800_000)
WHERE = (Token(1), ConnectionId(1), ChargerId("CP001"))
CONNECTOR = st.integers(1, 99)
TRANSACTION = st.integers(1, 2**31 - 1).map(TransactionId)
TEXT = st.text(st.characters(codec="utf-8"), max_size=400)

forms = st.builds(
    LimitForm,
    unit=st.sampled_from(RateUnit),
    phases=st.sampled_from((1, 2, 3)),
    voltage_v=st.sampled_from((110, 120, 230, 240, 277)),
    kind=st.sampled_from(ProfileKind),
    stack_level=st.integers(0, 10),
    number_phases=st.booleans(),
    tenths=st.booleans(),
)
tx_limits = st.builds(
    lambda idx, limit_w, form, transaction_id, urgent: SetLimit(
        *WHERE, idx, Purpose.TX, limit_w, form, transaction_id, urgent=urgent, cause="c"
    ),
    CONNECTOR,
    st.integers(0, 1_000_000),
    forms,
    TRANSACTION,
    st.booleans(),
)
limits = (
    tx_limits
    | tx_limits.map(lambda limit: replace(limit, idx=0, purpose=Purpose.DEFAULT, transaction_id=None))
    | tx_limits.map(lambda limit: replace(limit, purpose=Purpose.DEFAULT))
    | tx_limits.filter(lambda limit: limit.limit_w >= 7 * limit.form.ampere_w).map(
        lambda limit: replace(limit, probing=True)
    )
)


NAMED = Named("SHA512", "ab" * 64, "CD" * 64, "F" * SERIAL_CHARS_MAX)


def _release_question(trace: Trace, stage: int, number: int, before: str) -> Call:
    """Return what a release asks of a charger at one stage of one step."""
    config = Charger(WHERE[2], 22_000, 2)
    told = json.dumps(NAMED.hash_data()) if trace is Trace.CERTIFICATE else str(number)
    charger, progress = new_charger(config), Progress(stage=stage, told=told)
    installed = Installed("CentralSystemRootCertificate", before)
    name = "MeterValueSampleInterval" if trace is Trace.KEY else str(number)
    step = ReleaseStep(trace, name, before, installed=installed)
    return question(charger, step, asked(charger, step, progress), WHERE[0], WHERE[1])


commands: st.SearchStrategy[Call] = st.one_of(
    limits,
    st.builds(
        ClearLimits,
        *map(st.just, WHERE),
        st.none() | st.integers(0, 99),
        st.none() | st.integers(0, 10),
        st.sampled_from(Purpose),
    ),
    st.builds(ReadSchedule, *map(st.just, WHERE), CONNECTOR, st.sampled_from(RateUnit)),
    st.builds(
        _release_question,
        st.sampled_from(Trace),
        st.integers(0, 2),
        CONNECTOR,
        st.text(max_size=VALUE_CHARS_MAX),
    ),
    st.builds(
        Trigger,
        *map(st.just, WHERE),
        st.sampled_from(("BootNotification", "Heartbeat", "MeterValues", "StatusNotification")),
        st.none() | CONNECTOR,
    ),
    st.builds(ReadConfiguration, *map(st.just, WHERE), st.lists(st.text(max_size=50), max_size=20).map(tuple)),
    st.builds(
        lambda key, value: ChangeConfiguration(*WHERE, key, key, value),
        st.sampled_from(sorted(SETTINGS)),
        st.text(max_size=VALUE_CHARS_MAX),
    ),
    st.builds(RemoteStart, *map(st.just, WHERE), CONNECTOR, st.text(max_size=20)),
    st.builds(RemoteStop, *map(st.just, WHERE), TRANSACTION, st.booleans()),
    st.builds(ChangeAvailability, *map(st.just, WHERE), CONNECTOR, st.booleans()),
    st.sampled_from([each for each in EXAMPLES.items() if each[0].__name__ != "SetChargingProfile"]).map(
        lambda asked: Operate(
            *WHERE,
            asked[0].__name__,
            asked[0].model_validate(asked[1]).model_dump_json(by_alias=True, exclude_unset=True),
        )
    ),
)


def profile(limit: float, **extra: object) -> dict[str, object]:
    schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}]}
    fields = {"chargingProfileId": 1, "stackLevel": 0, "chargingProfilePurpose": "TxProfile"}
    kind = {"chargingProfileKind": "Relative", "chargingSchedule": schedule}
    return {"connectorId": 1, "csChargingProfiles": fields | kind | extra}


@pytest.mark.parametrize(
    "frame",
    [
        [2, "x" * 37, "ClearCache", {}],
        [2, "", "ClearCache", {}],
        [2, 7, "ClearCache", {}],
        [2, "id", "ClearCache", {"more": 1}],
        [2, "id", "ClearCache"],
        [2, "id", "SetChargingProfile", profile(6.05)],
        [2, "id", "SetChargingProfile", profile(6, more=1)],
        [3, "beat", None],
        [3, "beat", {}, {}],
        [3, "beat", {"currentTime": "2026-01-01T00:00:00.5Z"}],
        [3, "beat", {"currentTime": "2026-01-01T00:00:00+00:00"}],
        [3, "beat", {"currentTime": "yesterday"}],
        [3, "beat", {"currentTime": "2026-01-01T00:00:00Z", "more": 1}],
        [4, "id", "FormatViolation", "", {}],
        [4, "id", "OccurrenceConstraintViolation", "", {}],
        [4, "id", "GenericError", "x" * 256, {}],
        [4, "id", "GenericError", ""],
        [4, "id", "GenericError", "", {"more": 1}],
    ],
)
def test_the_check_finds_what_does_not_conform(frame: list[object]) -> None:
    with pytest.raises(AssertionError):
        assert_conforms(frame, {"beat": "Heartbeat"})


def test_the_check_takes_what_conforms() -> None:
    assert_conforms([2, "id", "SetChargingProfile", profile(6.1)], {})
    assert_conforms([3, "beat", {"currentTime": "2026-01-01T00:00:00Z"}], {"beat": "Heartbeat"})


@settings(max_examples=500, deadline=None)
@given(commands, WALL_MS, st.integers(0, 10**12 - 2))
def test_calls(command: Call, wall_ms: int, sent_before: int) -> None:
    peer = Peer("x" * 24)
    peer._counter = sent_before
    request = translate.request_of(command, wall_ms)
    peer.call(command.token, request.action, request.payload, limit_key=request.limit_key, urgent=request.urgent)
    peer.poll(0)
    (out,) = peer.data_to_send()
    assert_conforms(json.loads(out.text), {})


@settings(max_examples=300, deadline=None)
@given(limits, WALL_MS)
def test_a_limit_is_of_one_connector_and_never_one_that_all_of_them_share(limit: SetLimit, wall_ms: int) -> None:
    """What a ChargePointMaxProfile would mean to several connectors is never asked (docs/reference/acceptance.md)."""
    told = translate.request_of(limit, wall_ms)
    profile = told.payload["csChargingProfiles"]
    assert isinstance(profile, dict)
    assert profile["chargingProfilePurpose"] in {"TxProfile", "TxDefaultProfile"}


def test_nor_does_an_operators_command_tell_one() -> None:
    with pytest.raises(InvariantError):
        Operate(*WHERE, "SetChargingProfile", "{}")


def test_all_commands_are_among_them() -> None:
    made = {SetLimit, ClearLimits, Trigger, ReadSchedule, ReadConfiguration, ChangeConfiguration}
    assert made | {RemoteStart, RemoteStop, ChangeAvailability, Operate} == set(get_args(Call))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(TagStatus), st.none() | WALL_MS, st.none() | st.text(max_size=20))
def test_tag_info(status: TagStatus, expiry_ms: int | None, parent: str | None) -> None:
    info = _tag_info(TagVerdict(status, expiry_ms, parent))
    assert_payload("AuthorizeResponse", {"idTagInfo": info})
    assert_payload("StartTransactionResponse", {"idTagInfo": info, "transactionId": 1})
    assert_payload("StopTransactionResponse", {"idTagInfo": info})


@settings(max_examples=300, deadline=None)
@given(TEXT | st.integers(-(2**63), 2**63 - 1), st.sampled_from(ErrorCode), TEXT)
@example("\x00", ErrorCode.FORMATION_VIOLATION, "\x00\u2028" * 200)
def test_errors_and_results(message_id: Any, code: ErrorCode, description: str) -> None:
    error = json.loads(frames.encode_error(message_id, code, description))
    assert_conforms(error, {})
    assert error[1:4] == [message_id, code.value, description[:255]]
    result = json.loads(frames.encode_result(message_id, {"currentTime": "2026-01-01T00:00:00Z"}))
    assert_conforms(result, {message_id: "Heartbeat"})
    assert result[1] == message_id
