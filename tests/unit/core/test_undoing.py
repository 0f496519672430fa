"""What a release asks, and what the answers make of each trace: a table an engineer of the field can check by eye."""

import json
from dataclasses import replace

import pytest

from csms.core.certificates import Named
from csms.core.charger import ChargerState, new_charger
from csms.core.commands import LimitForm, Operate, Purpose, RateUnit, ReadConfiguration, ReadSchedule
from csms.core.events import CommandAnswered, ConfigurationRead, ScheduleRead
from csms.core.ids import ChargerId, ConnectionId, Token, TransactionId
from csms.core.limits import Send
from csms.core.records import SendState
from csms.core.release import Installed, Progress, Release, ReleaseStep, StepState, Trace
from csms.core.settings import Answer, Change
from csms.core.undoing import DETAIL_CHARS_MAX, Said, answered, asked, question, said_of, unanswered
from tests.certificates import INTERMEDIATE, OTHER_ROOT
from tests.unit.core.driving import charger
from tests.unit.core.test_certificates import KEY_256, NAME_256

UNDONE, UNVERIFIED, LEFT = StepState.UNDONE, StepState.UNVERIFIED, StepState.NOT_UNDONE
PROFILE = ReleaseStep(Trace.PROFILE, "2001")
LIMIT = ReleaseStep(Trace.LIMIT, "1")
RESERVATION = ReleaseStep(Trace.RESERVATION, "7")
LIST = ReleaseStep(Trace.LOCAL_LIST)
KEY = ReleaseStep(Trace.KEY, "MeterValueSampleInterval", "60")
CONNECTOR = ReleaseStep(Trace.CONNECTOR, "2")
USE = "CentralSystemRootCertificate"
ROOT, THERE = Named("SHA256", NAME_256, KEY_256, "F2"), Named("SHA256", NAME_256, KEY_256, "77")
CERTIFICATE = ReleaseStep(Trace.CERTIFICATE, f"{USE} f2", installed=Installed(USE, OTHER_ROOT, (THERE,)))


def state(phases: int = 0) -> ChargerState:
    return new_charger(charger("A", 100, 2, phases=phases))


def keys(value: str | None, *readonly: str) -> Said:
    values = {} if value is None else {"MeterValueSampleInterval": value}
    return Said(keys=ConfigurationRead(Token(1), values, readonly=readonly))


def watts(limit_w: int | None) -> Said:
    return Said(schedule=ScheduleRead(Token(1), None, limit_w))


def amperes(tenths: int) -> Said:
    return Said(schedule=ScheduleRead(Token(1), tenths))


# --- what is asked ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "stage", "told", "action", "payload"),
    [
        (PROFILE, 0, "", "ClearChargingProfile", {"id": 2001}),
        (PROFILE, 1, "", "ClearChargingProfile", {"id": 2001}),
        (RESERVATION, 0, "", "CancelReservation", {"reservationId": 7}),
        (LIST, 0, "", "GetLocalListVersion", {}),
        (LIST, 1, "4", "SendLocalList", {"listVersion": 5, "localAuthorizationList": [], "updateType": "Full"}),
        (LIST, 2, "4", "GetLocalListVersion", {}),
        (KEY, 1, "10", "ChangeConfiguration", {"key": "MeterValueSampleInterval", "value": "60"}),
        (CONNECTOR, 0, "", "ChangeAvailability", {"connectorId": 2, "type": "Operative"}),
        (CERTIFICATE, 0, "", "GetInstalledCertificateIds", {"certificateType": USE}),
        (CERTIFICATE, 1, '{"a":"b"}', "DeleteCertificate", {"certificateHashData": {"a": "b"}}),
        (CERTIFICATE, 2, '{"a":"b"}', "GetInstalledCertificateIds", {"certificateType": USE}),
    ],
)
def test_what_is_sent(step: ReleaseStep, stage: int, told: str, action: str, payload: dict[str, object]) -> None:
    of = state()
    said = question(of, step, asked(of, step, Progress(stage=stage, told=told)), Token(5), ConnectionId(3))
    assert isinstance(said, Operate)
    assert (said.token, said.connection, said.charger_id, said.action) == (5, 3, "A", action)
    assert json.loads(said.payload_json) == payload


@pytest.mark.parametrize("stage", [0, 2])
def test_a_key_is_read_under_the_name_that_its_charger_gives_it(stage: int) -> None:
    of = state()
    of.settings.told({"MeterValuesSampleInterval": "60"}, (), ())
    now_asked = asked(of, KEY, Progress(stage=stage))
    read = question(of, KEY, now_asked, Token(5), ConnectionId(3))
    assert read == ReadConfiguration(Token(5), ConnectionId(3), ChargerId("A"), ("MeterValuesSampleInterval",))
    assert now_asked.changes is False
    written = asked(of, KEY, Progress(stage=1))
    assert (written.payload["key"], written.changes) == ("MeterValuesSampleInterval", True)


@pytest.mark.parametrize("unit", RateUnit)
def test_a_schedule_is_read_in_the_unit_in_which_limits_were_told(unit: RateUnit) -> None:
    of = state(phases=3)
    of.defaults.sends.append(sent(0, LimitForm(unit, 3, 230)))
    read = question(of, LIMIT, asked(of, LIMIT, Progress()), Token(5), ConnectionId(3))
    assert read == ReadSchedule(Token(5), ConnectionId(3), ChargerId("A"), 1, unit)


# --- what the answers mean --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "stage", "said", "ends"),
    [
        (PROFILE, 0, Said("Unknown"), UNDONE),
        (PROFILE, 0, Said("Accepted"), None),
        (PROFILE, 0, Said("Rejected"), LEFT),
        (PROFILE, 0, Said("NotSupported"), LEFT),
        (PROFILE, 1, Said("Unknown"), UNDONE),
        (PROFILE, 1, Said("Accepted"), UNVERIFIED),
        (PROFILE, 1, Said("InternalError"), UNVERIFIED),
        (RESERVATION, 0, Said("Accepted"), UNDONE),
        (RESERVATION, 0, Said("Rejected"), UNDONE),
        (RESERVATION, 0, Said("NotSupported"), LEFT),
        (LIST, 0, Said(version=0), UNDONE),
        (LIST, 0, Said(version=-1), UNDONE),
        (LIST, 0, Said(version=4), None),
        (LIST, 0, Said("NotSupported"), LEFT),
        (LIST, 1, Said("Accepted"), None),
        (LIST, 1, Said("VersionMismatch"), LEFT),
        (LIST, 2, Said(version=5), UNDONE),
        (LIST, 2, Said(version=4), UNVERIFIED),
        (LIST, 2, Said("InternalError"), UNVERIFIED),
        (KEY, 0, keys("60"), UNDONE),
        (KEY, 0, keys("10"), None),
        (KEY, 0, keys("10", "MeterValueSampleInterval"), LEFT),
        (KEY, 0, keys(None), LEFT),
        (KEY, 0, Said("InternalError"), LEFT),
        (KEY, 1, Said("Accepted"), None),
        (KEY, 1, Said("RebootRequired"), None),
        (KEY, 1, Said("Rejected"), LEFT),
        (KEY, 1, Said("NotSupported"), LEFT),
        (KEY, 2, keys("60"), UNDONE),
        (KEY, 2, keys("10"), LEFT),
        (KEY, 2, keys(None), UNVERIFIED),
        (KEY, 2, Said("InternalError"), UNVERIFIED),
        (CONNECTOR, 0, Said("Accepted"), UNDONE),
        (CONNECTOR, 0, Said("Scheduled"), UNDONE),
        (CONNECTOR, 0, Said("Rejected"), LEFT),
        (CERTIFICATE, 0, Said("NotFound"), UNDONE),
        (CERTIFICATE, 0, Said("Accepted", named=(THERE,)), UNDONE),
        (CERTIFICATE, 0, Said("Accepted", named=(THERE, ROOT)), None),
        (CERTIFICATE, 0, Said("Accepted", named=(ROOT._replace(serial_number="78"),)), UNVERIFIED),
        (CERTIFICATE, 0, Said("Accepted"), LEFT),
        (CERTIFICATE, 0, Said("NotImplemented"), LEFT),
        (CERTIFICATE, 1, Said("Accepted"), None),
        (CERTIFICATE, 1, Said("NotFound"), None),
        (CERTIFICATE, 1, Said("Failed"), LEFT),
        (CERTIFICATE, 1, Said("NotSupported"), LEFT),
        (CERTIFICATE, 2, Said("NotFound"), UNDONE),
        (CERTIFICATE, 2, Said("Accepted", named=(THERE,)), UNDONE),
        (CERTIFICATE, 2, Said("Accepted", named=(THERE, ROOT)), LEFT),
        (CERTIFICATE, 2, Said("InternalError"), UNVERIFIED),
        (LIMIT, 0, watts(100_000), UNDONE),
        (LIMIT, 0, watts(None), UNVERIFIED),
        (LIMIT, 0, Said("NotImplemented"), UNVERIFIED),
    ],
)
def test_how_a_step_ends(step: ReleaseStep, stage: int, said: Said, ends: StepState | None) -> None:
    ended = answered(state(), step, Progress(stage=stage, told="4"), said)
    assert (None if ended is None else ended.state) == ends
    if ended is not None:
        assert (ended.trace, ended.name, ended.before) == (step.trace, step.name, step.before)
        assert ended.detail or ended.state is UNDONE, "what is left is told with its reason"


@pytest.mark.parametrize(
    ("value", "ends", "detail"),
    [
        ("60", UNDONE, "it counts from its next boot on"),
        ("10", UNVERIFIED, "RebootRequired: to be seen after its next boot"),
        (None, UNVERIFIED, "RebootRequired: to be seen after its next boot"),
    ],
)
def test_a_key_that_counts_from_the_next_boot_on(value: str | None, ends: StepState, detail: str) -> None:
    progress = Progress(stage=1, told="10")
    assert answered(state(), KEY, progress, Said("RebootRequired")) is None
    progress.stage = 2
    ended = answered(state(), KEY, progress, keys(value))
    assert ended is not None
    assert (ended.state, ended.detail) == (ends, detail)


def test_a_refused_key_is_told_without_its_value_which_may_be_a_secret() -> None:
    progress = Progress()
    assert answered(state(), KEY, progress, keys("10")) is None
    progress.stage = 1
    ended = answered(state(), KEY, progress, Said("Rejected"))
    assert ended is not None
    assert ended.detail == "ChangeConfiguration: Rejected"


def test_a_certificate_is_deleted_by_what_its_charger_calls_it() -> None:
    progress = Progress()
    told = [THERE.hash_data(), {"serialNumber": 5}, ROOT.hash_data()]
    said = said_of(CommandAnswered(Token(1), "Accepted", json.dumps({"certificateHashData": told})))
    assert answered(state(), CERTIFICATE, progress, said) is None
    progress.stage = 1
    assert asked(state(), CERTIFICATE, progress).payload == {"certificateHashData": ROOT.hash_data()}
    assert asked(state(), CERTIFICATE, progress).changes is True
    refused = answered(state(), CERTIFICATE, progress, Said("Failed"))
    assert refused is not None
    assert refused.detail == "DeleteCertificate: Failed"


def test_what_another_command_has_installed_is_nothing_strange() -> None:
    of = state()
    other = replace(CERTIFICATE, installed=Installed(USE, INTERMEDIATE))
    of.release = Release("", 0, forced=False, steps=(CERTIFICATE, other))
    beside = Said("Accepted", named=(ROOT._replace(serial_number="0B"),))
    ended = answered(of, CERTIFICATE, Progress(), beside)
    assert ended is not None
    assert (ended.state, ended.detail) == (UNDONE, "it was not there")


def test_a_list_is_put_back_as_it_was_and_may_be_told_in_another_order() -> None:
    step = ReleaseStep(Trace.KEY, "MeterValuesSampledData", "Voltage,SoC")
    of, other = state(), ConfigurationRead(Token(1), {"MeterValuesSampledData": "SoC,Voltage"})
    assert answered(of, step, Progress(), Said(keys=other)) is None, "it is written: not a letter is to differ"
    ended = answered(of, step, Progress(stage=2), Said(keys=other))
    assert ended is not None
    assert ended.state is UNDONE


@pytest.mark.parametrize(
    ("step", "stage", "ends"),
    [
        (PROFILE, 0, LEFT),
        (PROFILE, 1, UNVERIFIED),
        (LIMIT, 0, UNVERIFIED),
        (LIST, 0, LEFT),
        (LIST, 1, LEFT),
        (LIST, 2, UNVERIFIED),
        (KEY, 0, LEFT),
        (KEY, 1, LEFT),
        (KEY, 2, UNVERIFIED),
        (RESERVATION, 0, LEFT),
        (CONNECTOR, 0, LEFT),
    ],
)
def test_how_a_step_ends_that_is_not_answered(step: ReleaseStep, stage: int, ends: StepState) -> None:
    ended = unanswered(step, Progress(stage=stage), "X")
    assert (ended.state, ended.detail) == (ends, "no answer to X")


def test_what_is_too_long_for_a_message_is_not_written() -> None:
    step = ReleaseStep(Trace.KEY, "MeterValueSampleInterval", "x" * 501)
    ended = answered(state(), step, Progress(), keys("10"))
    assert ended is not None
    assert (ended.state, "500 characters" in ended.detail) == (LEFT, True)


def test_the_words_of_a_charger_are_cut() -> None:
    ended = answered(state(), KEY, Progress(stage=1), Said("x" * 500))
    assert ended is not None
    assert len(ended.detail) == DETAIL_CHARS_MAX + 1


@pytest.mark.parametrize(
    ("payload", "version"),
    [('{"listVersion":3}', 3), ("{}", None), ('{"listVersion":true}', None), ('{"listVersion":"3"}', None)],
)
def test_a_version_is_a_whole_number(payload: str, version: int | None) -> None:
    assert said_of(CommandAnswered(Token(1), None, payload)).version == version


# --- what is in force -------------------------------------------------------------------------------------------------


def sent(limit_w: int, form: LimitForm, state: SendState = SendState.SETTLED, idx: int = 0) -> Send:
    purpose, transaction_id = (Purpose.TX, TransactionId(1)) if idx else (Purpose.DEFAULT, None)
    return Send(
        Token(1), ChargerId("A"), idx, purpose, limit_w, form, transaction_id, transaction_id, None, 0, 0, state
    )


@pytest.mark.parametrize(
    ("told_w", "shown", "ends"),
    [
        (0, watts(0), LEFT),
        (0, watts(1), UNDONE),
        (30_000, watts(30_000), LEFT),
        (30_000, watts(29_800), LEFT),
        (30_000, watts(50_000), UNDONE),
        (30_000, watts(0), UNDONE),
        (100_000, watts(100_000), UNDONE),  # it is the charger's maximum
        (0, amperes(0), LEFT),
        (6_900, amperes(100), LEFT),  # 10 A on three phases
        (6_900, amperes(99), LEFT),
        (6_900, amperes(160), UNDONE),
    ],
)
def test_a_limit_that_it_was_told_is_not_gone(told_w: int, shown: Said, ends: StepState) -> None:
    of = state(phases=3)
    of.defaults.sends.append(sent(told_w, LimitForm(RateUnit.A, 3, 230)))
    ended = answered(of, LIMIT, Progress(), shown)
    assert ended is not None
    assert ended.state is ends
    assert ("this system has told it" in ended.detail) is (ends is LEFT)


def test_what_another_connector_was_told_or_what_was_refused_does_not_count() -> None:
    of = state()
    of.connectors[2].limits.sends.append(sent(30_000, LimitForm(RateUnit.W, 0, 230), idx=2))
    of.connectors[1].limits.sends.append(sent(30_000, LimitForm(RateUnit.W, 0, 230), SendState.REFUSED, idx=1))
    ended = answered(of, LIMIT, Progress(), watts(30_000))
    assert ended is not None
    assert ended.state is UNDONE
    there = answered(of, ReleaseStep(Trace.LIMIT, "2"), Progress(), watts(30_000))
    assert there is not None
    assert there.state is LEFT


def test_an_operators_change_is_kept_with_what_was_there_before() -> None:
    settings = state().settings
    settings.told({"HeartbeatInterval": "300"}, (), ())
    assert settings.operated("heartbeatinterval", "60") is True
    assert settings.changes["HeartbeatInterval"] == Change("300", "60", Answer.OPEN)
    assert settings.operation_answered("heartbeatinterval", "60", "Accepted") == "HeartbeatInterval"
    assert settings.operated("HeartbeatInterval", "30") is True
    assert settings.operation_answered("HeartbeatInterval", "30", "RebootRequired") == "HeartbeatInterval"
    assert settings.changes["HeartbeatInterval"] == Change("300", "30", Answer.REBOOT_REQUIRED)
    assert settings.operation_answered("HeartbeatInterval", "30", "Rejected") == "HeartbeatInterval"
    assert settings.changes["HeartbeatInterval"].answer is Answer.REFUSED
    settings.put_back({"HeartbeatInterval"})
    assert not settings.changes


@pytest.mark.parametrize("name", ["VendorKey", "ConnectionTimeOut"])
def test_of_a_key_that_was_never_read_nothing_is_kept(name: str) -> None:
    settings = state().settings
    assert settings.operated(name, "1") is False
    assert settings.operation_answered(name, "1", "Accepted") is None
    assert not settings.changes
