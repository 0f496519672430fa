"""Releases: what is asked and when, what is booked meanwhile, what a crash leaves, and that nothing follows."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from csms.core.commands import (
    Call,
    ChangeAvailability,
    ChangeConfiguration,
    ClearLimits,
    Command,
    Operate,
    Purpose,
    ReadConfiguration,
    ReadSchedule,
    SetLimit,
    Trigger,
)
from csms.core.events import (
    CampaignRequested,
    CommandAnswered,
    CommandRequested,
    ConfigurationRead,
    ConnectorStatus,
    MaintenanceEndRequested,
    MaintenanceRequested,
    ReleaseRequested,
    ReleaseUndoRequested,
    ScheduleRead,
)
from csms.core.ids import CampaignId, ChargerId, CommandId, RequestId
from csms.core.leaving import certificates, counts, has_local_list, unanswered_reservations
from csms.core.records import EvidenceStored
from csms.core.release import Release, ReleaseState, StepState, Trace
from csms.core.releasing import TRIES
from csms.core.replies import CommandShown, Confirmed, Outcome, Refusal, Refused, ReleaseShown
from csms.core.restoring import NewEpoch, new_epoch
from csms.core.station import Charger, Control, Mode
from simulators.certificates import TrustStore
from tests.certificates import CERTIFICATE, OTHER_ROOT
from tests.unit.core.driving import Drive, charger, station

AVAILABLE, CHARGING = ConnectorStatus.AVAILABLE, ConnectorStatus.CHARGING
A, B = charger("A", 100), charger("B", 100)
KEYS = {
    "ChargingScheduleAllowedChargingRateUnit": "Power",
    "ChargeProfileMaxStackLevel": "1",
    "MeterValueSampleInterval": "60",
    "MeterValuesSampledData": "Energy.Active.Import.Register",
    "HeartbeatInterval": "300",
}
USE = "CentralSystemRootCertificate"
WORDS = {
    "hashAlgorithm": "hash_algorithm",
    "issuerNameHash": "issuer_name_hash",
    "issuerKeyHash": "issuer_key_hash",
    "serialNumber": "serial_number",
}
READS = (ReadConfiguration, Trigger)
WRITES = (SetLimit, ClearLimits, ChangeConfiguration, ChangeAvailability)


@dataclass
class Inside:
    """What is inside charger A, and what it answers where it does not do as it is told."""

    keys: dict[str, str] = field(default_factory=lambda: dict(KEYS))
    profiles: dict[int, int] = field(default_factory=dict)
    reservations: set[int] = field(default_factory=set)
    list_version: int = 0
    roots: TrustStore = field(default_factory=TrustStore)
    tells_0: bool = False
    answers: dict[str, str] = field(default_factory=dict)
    readonly: tuple[str, ...] = ()
    keeps: bool = False
    asked: list[str] = field(default_factory=list)

    def say(self, made: Drive, call: Call) -> None:
        """Answer one CALL."""
        made.open_calls.remove(call)
        match call:
            case ReadConfiguration():
                told = {key: self.keys[key] for key in call.keys if key in self.keys}
                made.do(ConfigurationRead(call.token, told, readonly=self.readonly))
            case ReadSchedule():
                made.do(ScheduleRead(call.token, None, self.profiles.get(2_000, 100_000)))
            case SetLimit():
                self.profiles[(2_000 if call.purpose is Purpose.DEFAULT else 3_000) + call.idx] = call.limit_w
                self._answer(made, call, "Accepted")
            case ClearLimits():
                self._answer(made, call, "Unknown")
            case ChangeConfiguration():
                self.keys[call.name] = call.value
                self._answer(made, call, "Accepted")
            case Operate():
                body = json.loads(call.payload_json)
                self.asked.append(f"{call.action} {'/'.join(str(value) for value in body.values())}".strip())
                made.do(self._done(call, body))
            case _:
                self._answer(made, call, "Accepted")

    @staticmethod
    def _answer(made: Drive, call: Call, word: str) -> None:
        made.open_calls.append(call)
        made.answer(call, word)

    def _done(self, call: Operate, body: Mapping[str, object]) -> CommandAnswered:
        word = self.answers.get(call.action)
        if word is None and call.action.endswith(("Certificate", "CertificateIds")):
            return self._of_certificates(call, body)
        if word is None:
            match call.action:
                case "ClearChargingProfile":
                    known = isinstance(body["id"], int) and body["id"] in self.profiles
                    word = "Accepted" if known else "Unknown"
                    if known and not self.keeps:
                        self.profiles.pop(int(str(body["id"])))
                case "ChangeConfiguration":
                    self.keys[str(body["key"])], word = str(body["value"]), "Accepted"
                case "CancelReservation":
                    self.reservations.discard(int(str(body["reservationId"])))
                case "SendLocalList":
                    self.list_version = 0 if self.tells_0 else int(str(body["listVersion"]))
                case _:
                    pass
        if call.action == "GetLocalListVersion":
            return CommandAnswered(call.token, None, json.dumps({"listVersion": self.list_version}))
        return CommandAnswered(call.token, word or "Accepted", "{}")

    def _of_certificates(self, call: Operate, body: Mapping[str, Any]) -> CommandAnswered:
        if call.action == "GetInstalledCertificateIds":
            data = [named_by(root) for root in self.roots.listed(body["certificateType"])]
            told = {"certificateHashData": data} if data else {}
            return CommandAnswered(call.token, "Accepted" if data else "NotFound", json.dumps(told))
        if call.action == "InstallCertificate":
            return CommandAnswered(
                call.token, "Accepted" if self.roots.install(USE, body["certificate"]) else "Rejected", "{}"
            )
        wanted = {WORDS[name]: value for name, value in body["certificateHashData"].items()}
        return CommandAnswered(call.token, "Accepted" if self.roots.delete(wanted) else "NotFound", "{}")

    def say_all(self, made: Drive) -> None:
        """Answer what is out, and what that brings, until nothing is out."""
        for _ in range(500):
            mine = [call for call in made.open_calls if call.charger_id == "A"]
            if not mine:
                return
            self.say(made, mine[0])
        raise AssertionError("there is no end to the CALLs")


def named_by(root: Mapping[str, str]) -> dict[str, str]:
    """Return what a charger calls a root, as OCPP has it."""
    return {name: root[word] for name, word in WORDS.items()}


def adopt(grid_kw: int = 400, a: Charger = A) -> tuple[Drive, Inside]:
    """A is adopted: a default of ours and settings of ours are in it; so is B."""
    made = Drive(station(grid_kw, a, B), keys=KEYS)
    inside = Inside()
    made.bring_up("B")
    made.connect("A")
    made.boot("A")
    made.status("A", 1, AVAILABLE)
    inside.say_all(made)
    for _ in range(10):
        made.wait(60)
        inside.say_all(made)
        made.accept("B")
    made.take()
    assert inside.profiles == {2_000: 0}
    assert inside.keys["MeterValueSampleInterval"] == "10"
    return made, inside


def release(
    made: Drive,
    *,
    forced: bool = False,
    charger_id: str = "A",
    keys: Mapping[str, str] | None = None,
    local_list: bool = False,
) -> Outcome:
    """Ask for a release, with what the ledger of commands says as the route has it."""
    request = RequestId(made.number())
    done = [each for each in made.memory.commands.values() if counts(each)]
    left_behind = unanswered_reservations(done), certificates(done)
    made.do(ReleaseRequested(request, ChargerId(charger_id), "test", forced, keys or {}, local_list, *left_behind))
    return made.outcomes[request]


def undo(made: Drive) -> Outcome:
    request = RequestId(made.number())
    made.do(ReleaseUndoRequested(request, ChargerId("A")))
    return made.outcomes[request]


def stored(made: Drive) -> Release:
    found = made.memory.chargers[ChargerId("A")].release
    assert found is not None
    return found


def left(made: Drive) -> list[tuple[str, str, str]]:
    """Return what was not undone, or not seen to be."""
    return [(s.trace.value, s.name, s.state.value) for s in stored(made).steps if s.state is not StepState.UNDONE]


def to_a(made: Drive) -> list[Command]:
    return [command for command in made.take() if command.charger_id == "A"]


def command(made: Drive, action: str, body: Mapping[str, object], queue_s: int | None = None) -> Outcome:
    request = RequestId(made.number())
    until_ms = None if queue_s is None else made.now.wall_ms + queue_s * 1_000
    name = CommandId(f"c{request}")
    made.do(CommandRequested(request, name, ChargerId("A"), action, json.dumps(body), "test", until_ms))
    return made.outcomes[request]


# --- everything is undone ---------------------------------------------------------------------------------------------


def test_adopt_charge_release_leaves_keys_and_profiles_as_they_were() -> None:
    made, inside = adopt()
    transaction_id = made.start("A")
    made.status("A", 1, CHARGING)
    inside.say_all(made)
    assert inside.profiles[3_001] == 100_000
    made.stop("A", transaction_id)
    made.status("A", 1, AVAILABLE)
    inside.say_all(made)
    made.take()
    assert isinstance(release(made), ReleaseShown)
    inside.say_all(made)
    assert (inside.keys, inside.profiles) == (KEYS, {})
    assert (stored(made).state, left(made)) == (ReleaseState.RELEASED, [])
    assert inside.asked == [
        "ClearChargingProfile 3001",
        "ClearChargingProfile 3001",
        "ClearChargingProfile 2001",
        "ClearChargingProfile 2000",
        "ClearChargingProfile 2000",
        "ChangeConfiguration MeterValueSampleInterval/60",
        "ChangeConfiguration MeterValuesSampledData/Energy.Active.Import.Register",
    ]
    assert {type(each) for each in to_a(made)} <= {Operate, ReadConfiguration, ReadSchedule}
    assert {"released:A"} <= made.notices()
    assert "release_incomplete:A" not in made.notices()


def test_the_maximum_is_booked_and_durable_before_anything_leaves() -> None:
    made, _ = adopt()
    assert made.k_kw("A") == 0
    made.hand_over = False
    release(made)
    step = made.last
    assert [type(c).__name__ for c in step.after_commit] == ["Operate"]
    assert made.k_kw("A") == 100
    assert stored(made).state is ReleaseState.RELEASING
    assert made.memory.chargers[ChargerId("A")].provisioned == (False,)
    assert not step.at_once


def test_it_stays_booked_when_all_is_done_and_over_a_restart() -> None:
    made, inside = adopt()
    release(made)
    inside.say_all(made)
    made.wait(3_600)
    assert (made.k_kw("A"), made.row_kw()) == (100, 100)
    made.recover()
    assert (made.k_kw("A"), made.row_kw()) == (100, 100)


def test_what_is_reserved_for_it_is_booked_where_that_is_said() -> None:
    made, inside = adopt(a=replace(A, reserved_power_w=40_000))
    release(made)
    inside.say_all(made)
    assert made.k_kw("A") == 40


def test_reservations_and_connectors_out_of_service_and_a_local_list_are_undone() -> None:
    made, inside = adopt()
    shown = command(
        made, "ReserveNow", {"connectorId": 1, "expiryDate": "2027-01-15T09:00:00Z", "idTag": "T", "reservationId": 5}
    )
    assert isinstance(shown, CommandShown)
    inside.reservations, inside.list_version = {5}, 3
    inside.say_all(made)
    release(made, local_list=True)
    inside.say_all(made)
    assert left(made) == []
    assert (inside.reservations, inside.list_version) == (set(), 4)
    assert made.memory.commands[shown.command.command_id].outcome == "cancelled"
    assert [step.detail for step in stored(made).steps if step.trace is Trace.LOCAL_LIST] == [
        "it was emptied; what was in it before this system's is not known"
    ]


def test_a_connector_that_this_system_took_out_of_service_is_given_back() -> None:
    made, inside = adopt()
    row = made.memory.chargers[ChargerId("A")]
    made.memory.chargers[ChargerId("A")] = replace(row, evidence={1: EvidenceStored(0, True, out_of_service=True)})
    made.recover()
    made.connect("A")
    made.status("A", 1, ConnectorStatus.UNAVAILABLE)
    made.hand_over = False
    assert isinstance(release(made), ReleaseShown)
    made.hand_over = True
    inside.say_all(made)
    made.wait(120)
    inside.say_all(made)
    assert "ChangeAvailability 1/Operative" in inside.asked
    assert made.memory.chargers[ChargerId("A")].evidence[1].out_of_service is False


@pytest.mark.parametrize(("told", "connectors"), [("2", 2), ("0", 1), ("1000000", 64)])
def test_profiles_are_looked_for_at_every_connector_that_it_says_it_has(told: str, connectors: int) -> None:
    made, inside = adopt()
    inside.keys["NumberOfConnectors"] = told
    made.boot("A")
    made.wait(60)
    inside.say_all(made)
    release(made)
    names = [step.name for step in stored(made).steps if step.trace is Trace.PROFILE]
    assert len(names) == 2 * connectors + 1
    assert names[:1] + names[-1:] == ["3001", "2000"]


def test_a_key_that_an_operator_has_changed_is_put_back_where_it_was_known() -> None:
    made, inside = adopt()
    command(made, "ChangeConfiguration", {"key": "HeartbeatInterval", "value": "30"})
    command(made, "ChangeConfiguration", {"key": "LightIntensity", "value": "10"})
    inside.say_all(made)
    assert (inside.keys["HeartbeatInterval"], inside.keys["LightIntensity"]) == ("30", "10")
    release(made, keys={"HeartbeatInterval": "30", "LightIntensity": "10"})
    inside.say_all(made)
    assert inside.keys["HeartbeatInterval"] == "300"
    assert left(made) == [("key", "LightIntensity", "not_undone")]
    assert stored(made).state is ReleaseState.INCOMPLETE
    assert "release_incomplete:A" in made.notices()
    made.wait(60)
    inside.say_all(made)
    release(made, keys={"HeartbeatInterval": "30", "LightIntensity": "10"})
    inside.say_all(made)
    assert left(made) == [("key", "LightIntensity", "not_undone")], "what was put back is not missed again"


def test_a_reservation_that_nobody_has_answered_is_cancelled_for_it_may_have_been_taken() -> None:
    made, inside = adopt()
    command(made, "ReserveNow", RESERVE)
    (call,) = [c for c in made.open_calls if isinstance(c, Operate)]
    made.time_out(call)
    made.open_calls.remove(call)
    inside.reservations = {5}
    made.wait(600)
    made.recover()
    made.connect("A")
    made.status("A", 1, AVAILABLE)
    inside.say_all(made)
    assert isinstance(release(made), ReleaseShown)
    inside.say_all(made)
    assert inside.reservations == set()
    assert "CancelReservation 5" in inside.asked
    assert (stored(made).state, left(made)) == (ReleaseState.RELEASED, [])


def test_a_reservation_that_is_over_is_not_asked_for() -> None:
    made, inside = adopt()
    command(made, "ReserveNow", RESERVE | {"expiryDate": "2027-01-15T08:10:00Z"})
    (call,) = [c for c in made.open_calls if isinstance(c, Operate)]
    made.time_out(call)
    made.open_calls.remove(call)
    made.wait(900)
    assert isinstance(release(made), ReleaseShown)
    inside.say_all(made)
    assert not any(step.trace is Trace.RESERVATION for step in stored(made).steps)


def trust(made: Drive, inside: Inside, pem: str) -> None:
    """Have an operator install a root."""
    assert isinstance(command(made, "InstallCertificate", {"certificateType": USE, "certificate": pem}), CommandShown)
    inside.say_all(made)
    made.take()


def test_a_certificate_that_was_installed_is_deleted_and_what_was_there_before_stays() -> None:
    made, inside = adopt()
    inside.roots.install(USE, CERTIFICATE)
    before = inside.roots.listed(USE)
    trust(made, inside, CERTIFICATE)
    trust(made, inside, OTHER_ROOT)
    assert len(inside.roots.listed(USE)) == 2
    made.recover()
    made.connect("A")
    made.status("A", 1, AVAILABLE)
    inside.say_all(made)
    inside.asked.clear()
    release(made)
    inside.say_all(made)
    assert inside.roots.listed(USE) == before
    assert (stored(made).state, left(made)) == (ReleaseState.RELEASED, [])
    assert [each.partition(" ")[0] for each in inside.asked[-3:]] == [
        "GetInstalledCertificateIds",
        "DeleteCertificate",
        "GetInstalledCertificateIds",
    ], "it is the last thing: without it a charger may not get back"


@pytest.mark.parametrize(
    ("answers", "detail"),
    [
        ({"DeleteCertificate": "Failed"}, "DeleteCertificate: Failed"),
        ({"DeleteCertificate": "Accepted"}, "DeleteCertificate: Accepted; it still has it"),
        ({"GetInstalledCertificateIds": "NotImplemented"}, "GetInstalledCertificateIds: NotImplemented"),
    ],
)
def test_a_certificate_that_stays_is_told_with_the_reason(answers: dict[str, str], detail: str) -> None:
    made, inside = adopt()
    trust(made, inside, OTHER_ROOT)
    inside.answers = answers
    release(made)
    inside.say_all(made)
    assert left(made) == [("certificate", f"{USE} f2", "not_undone")]
    assert stored(made).steps[-1].detail.startswith(detail)
    inside.answers = {}
    release(made)
    inside.say_all(made)
    assert (stored(made).state, inside.roots.listed(USE)) == (ReleaseState.RELEASED, [])


def test_what_a_release_has_taken_out_is_somebody_elses_when_it_is_there_again() -> None:
    made, inside = adopt()
    trust(made, inside, OTHER_ROOT)
    release(made, local_list=True)
    inside.list_version = 3
    inside.say_all(made)
    assert (stored(made).state, inside.roots.listed(USE)) == (ReleaseState.RELEASED, [])
    done = [each for each in made.memory.commands.values() if counts(each)]
    assert not has_local_list(done)
    assert [each.ended_ms for each in done if each.ended_ms is None] == []
    made.recover()
    made.connect("A")
    made.status("A", 1, AVAILABLE)
    inside.say_all(made)
    undo(made)
    inside.say_all(made)
    inside.roots.install(USE, OTHER_ROOT)
    before = inside.roots.listed(USE)
    release(made)
    inside.say_all(made)
    assert (stored(made).state, inside.roots.listed(USE)) == (ReleaseState.RELEASED, before)


@pytest.mark.parametrize("answers", range(3))
def test_a_crash_in_the_middle_of_deleting_a_certificate_leaves_it_going_on(answers: int) -> None:
    made, inside = adopt()
    trust(made, inside, OTHER_ROOT)
    release(made)
    while stored(made).steps[-2].state is StepState.OPEN:
        inside.say(made, next(call for call in made.open_calls if call.charger_id == "A"))
    for _ in range(answers):
        inside.say(made, next(call for call in made.open_calls if call.charger_id == "A"))
    made.recover()
    made.connect("A")
    made.status("A", 1, AVAILABLE)
    made.wait(61)
    inside.say_all(made)
    assert (stored(made).state, inside.roots.listed(USE)) == (ReleaseState.RELEASED, [])


# --- what is left -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "what_is_left"),
    [
        ({"ChangeConfiguration": "Rejected"}, {("key", "not_undone")}),
        ({"ClearChargingProfile": "NotSupported"}, {("profile", "not_undone"), ("limit", "not_undone")}),
        ({"ClearChargingProfile": "Accepted"}, {("profile", "unverified"), ("limit", "not_undone")}),
        ({"ClearChargingProfile": "Unknown"}, {("limit", "not_undone")}),
    ],
)
def test_what_a_charger_does_not_do_is_reported(answers: dict[str, str], what_is_left: set[tuple[str, str]]) -> None:
    made, inside = adopt()
    inside.answers = answers
    release(made)
    inside.say_all(made)
    assert stored(made).state is ReleaseState.INCOMPLETE
    assert {(trace, state) for trace, _, state in left(made)} == what_is_left
    inside.answers = {}
    assert isinstance(release(made), ReleaseShown)
    inside.say_all(made)
    assert (stored(made).state, inside.keys, inside.profiles) == (ReleaseState.RELEASED, KEYS, {})


def test_a_profile_that_stays_is_seen_in_what_is_in_force() -> None:
    made, inside = adopt()
    inside.keeps = True
    release(made)
    inside.say_all(made)
    assert left(made) == [("profile", "2000", "unverified"), ("limit", "1", "not_undone")]


def test_one_that_accepts_every_clearing_is_believed_where_nothing_is_in_force() -> None:
    made, inside = adopt()
    inside.answers = {"ClearChargingProfile": "Accepted"}
    inside.profiles.clear()
    release(made)
    inside.say_all(made)
    assert (stored(made).state, left(made)) == (ReleaseState.RELEASED, [])


def test_a_key_that_has_become_read_only_is_not_written() -> None:
    made, inside = adopt()
    inside.readonly = ("MeterValueSampleInterval",)
    release(made)
    inside.say_all(made)
    assert left(made) == [("key", "MeterValueSampleInterval", "not_undone")]
    assert not any("MeterValueSampleInterval" in each for each in inside.asked)


def test_one_that_does_not_answer_is_asked_three_times_and_what_was_sent_may_still_happen() -> None:
    made, inside = adopt()
    release(made)
    for number in range(TRIES):
        (call,) = [c for c in made.open_calls if isinstance(c, Operate)]
        made.time_out(call)
        made.open_calls.remove(call)
        if number == 1:  # two time-outs running: the connection is aborted
            made.disconnect("A")
            made.connect("A")
        refused = undo(made)
        assert isinstance(refused, Refused)
        assert refused.refusal is Refusal.RELEASE_REFUSED
        made.wait(30)
    inside.say_all(made)
    made.wait(60)
    inside.say_all(made)
    assert left(made) == [("profile", "3001", "not_undone")]
    assert stored(made).steps[0].detail == "no answer to ClearChargingProfile"
    assert stored(made).unanswered is True
    made.recover()
    assert isinstance(undo(made), Refused), "what was sent before the restart may come late"
    made.wait(60)
    assert undo(made) == Confirmed()


def test_a_late_answer_and_one_on_another_connection_count_for_nothing() -> None:
    made, inside = adopt()
    release(made)
    (first,) = [c for c in made.open_calls if isinstance(c, Operate)]
    made.time_out(first)
    (second,) = [c for c in made.open_calls if isinstance(c, Operate) and c is not first]
    made.answer(first, "Rejected")
    assert stored(made).steps[0].state is StepState.OPEN
    made.disconnect("A")
    made.connect("A")
    made.do(CommandAnswered(second.token, "Rejected", "{}"))
    assert stored(made).steps[0].state is StepState.OPEN
    made.wait(60)
    inside.say_all(made)
    assert left(made) == []


def test_a_call_that_never_left_is_put_again() -> None:
    made, inside = adopt()
    release(made)
    for _ in range(TRIES + 1):
        (call,) = [c for c in made.open_calls if isinstance(c, Operate)]
        made.unsent(call)
    inside.say_all(made)
    assert left(made) == []


def test_what_another_system_had_left_is_gone_and_told() -> None:
    made = Drive(station(400, A, B), keys=KEYS)
    inside = Inside()
    made.connect("A")
    made.boot("A")
    made.status("A", 1, AVAILABLE)
    while made.open_calls:
        call = made.open_calls[0]
        if isinstance(call, ClearLimits) and call.stack_level == 1:
            made.answer(call, "Accepted")
        else:
            inside.say(made, call)
    assert made.memory.chargers[ChargerId("A")].cleared_foreign is True
    made.recover()
    made.connect("A")
    made.status("A", 1, AVAILABLE)
    inside.say_all(made)
    release(made)
    inside.say_all(made)
    assert left(made) == [("foreign_profile", "", "not_undone")]


def test_a_default_of_ours_at_another_level_is_nothing_foreign() -> None:
    made, _ = adopt()
    assert made.memory.chargers[ChargerId("A")].cleared_foreign is False


# --- who is refused ---------------------------------------------------------------------------------------------------


def refused(made: Drive, *, forced: bool = False, charger_id: str = "A") -> Refusal:
    """Return why a release was refused; it has changed nothing."""
    before = dict(made.memory.chargers)
    booked_kw = made.row_kw()
    outcome = release(made, forced=forced, charger_id=charger_id)
    assert isinstance(outcome, Refused), outcome
    assert outcome.detail
    assert made.memory.chargers == before
    assert made.row_kw() == booked_kw
    assert to_a(made) == []
    return outcome.refusal


def test_one_that_is_not_there_is_refused() -> None:
    made, _ = adopt()
    assert refused(made, charger_id="Z") is Refusal.UNKNOWN_CHARGER
    made.disconnect("A")
    assert refused(made, forced=True) is Refusal.CHARGER_OFFLINE
    made.connect("A", heard=False)
    assert refused(made, forced=True) is Refusal.CHARGER_OFFLINE


@pytest.mark.parametrize("control", [Control.REST, Control.NONE])
def test_one_that_is_not_steered_over_ocpp_has_nothing_of_ours(control: Control) -> None:
    made = Drive(station(400, replace(A, control=control), B))
    assert refused(made, forced=True) is Refusal.NOT_CONTROLLED


def test_nothing_is_released_in_safe_mode() -> None:
    made, _ = adopt()
    made.recover(safe=True)
    made.connect("A")
    made.take()
    assert refused(made, forced=True) is Refusal.RELEASE_REFUSED


def test_nothing_is_released_in_the_middle_of_a_charge_unless_it_is_forced() -> None:
    made, inside = adopt()
    made.start("A")
    made.status("A", 1, CHARGING)
    inside.say_all(made)
    made.take()
    assert refused(made) is Refusal.RELEASE_REFUSED
    assert isinstance(release(made, forced=True), ReleaseShown)
    inside.say_all(made)
    assert (stored(made).state, inside.profiles, inside.keys) == (ReleaseState.RELEASED, {}, KEYS)
    assert made.k_kw("A") == 100
    assert len(made.open_transactions()) == 1


def test_a_car_that_nobody_has_told_of_counts() -> None:
    made, _ = adopt()
    made.status("A", 1, CHARGING)
    made.take()
    assert refused(made) is Refusal.RELEASE_REFUSED


def test_without_headroom_it_is_refused_and_forced_it_overbooks_and_others_are_cut() -> None:
    made, inside = adopt(150)
    made.start("B")
    made.status("B", 1, CHARGING)
    made.accept("B")
    made.draws({("B", 1): 100}, 60)
    assert made.k_kw("B") == 100
    made.take()
    assert refused(made) is Refusal.NO_HEADROOM
    assert isinstance(release(made, forced=True), ReleaseShown)
    assert made.row_kw() == 200
    cuts = [(c.charger_id, c.limit_w, c.urgent) for c in made.take() if isinstance(c, SetLimit)]
    assert cuts == [("B", 50_000, True)]
    inside.say_all(made)
    assert stored(made).state is ReleaseState.RELEASED


def test_it_waits_for_what_comes_of_a_command() -> None:
    made, inside = adopt()
    command(made, "ChangeConfiguration", {"key": "LightIntensity", "value": "10"})
    made.take()
    assert refused(made, forced=True) is Refusal.RELEASE_REFUSED
    inside.say_all(made)
    assert isinstance(release(made), ReleaseShown)


def test_it_waits_until_what_nobody_answered_can_no_longer_be_carried_out() -> None:
    made, _ = adopt()
    command(made, "ReserveNow", RESERVE)
    (call,) = [c for c in made.open_calls if isinstance(c, Operate)]
    made.time_out(call)
    made.wait(59)
    made.take()
    assert refused(made, forced=True) is Refusal.RELEASE_REFUSED
    made.wait(2)
    assert isinstance(release(made), ReleaseShown)


def maintain(made: Drive, *, ends: bool = False) -> None:
    request = RequestId(made.number())
    charger_id = ChargerId("A")
    if ends:
        made.do(MaintenanceEndRequested(request, charger_id, 1, "test"))
    else:
        made.do(MaintenanceRequested(request, f"m{request}", charger_id, 1, "cable", "test", None, inoperative=True))


def test_a_connector_that_a_maintenance_keeps_shut_is_not_given_back() -> None:
    """Somebody may be working there."""
    made, inside = adopt()
    maintain(made)
    inside.say_all(made)
    made.take()
    assert refused(made) is Refusal.RELEASE_REFUSED
    inside.asked.clear()
    release(made, forced=True)
    inside.say_all(made)
    assert ("connector", "1", "not_undone") in left(made)
    assert not any(each.startswith("ChangeAvailability") for each in inside.asked)
    made.do(MaintenanceEndRequested(RequestId(7_000), ChargerId("A"), 1, "test"))
    inside.say_all(made)
    assert not any(each.startswith("ChangeAvailability") for each in inside.asked), "it was released"
    made.wait(61)
    assert isinstance(undo(made), Confirmed)
    inside.say_all(made)
    assert "ChangeAvailability 1/Operative" in inside.asked, "it waited for that"


def test_a_maintenance_writes_nothing_to_a_released_charger() -> None:
    made, inside = adopt()
    release(made)
    inside.say_all(made)
    inside.asked.clear()
    maintain(made)
    made.wait(60)
    inside.say_all(made)
    maintain(made, ends=True)
    made.wait(60)
    inside.say_all(made)
    assert inside.asked == []


def test_one_that_is_added_again_while_it_drains_stays_released_and_that_is_said() -> None:
    """A configuration may come from a file that knows nothing of the release: an operator takes it in again."""
    made, inside = adopt()
    made.start("A")
    made.status("A", 1, CHARGING)
    inside.say_all(made)
    release(made, forced=True)
    inside.say_all(made)
    made.take()
    made.configure(station(400, B))
    assert "released:A" in made.notices()
    made.wait(60)
    made.recover()
    made.configure(station(400, A, B))
    again = [line for line in made.memory.events if line.kind == "charger.added_again"]
    assert [(line.charger_id, line.detail.get("release")) for line in again] == [("A", "released")]
    assert "released:A" in made.notices()
    made.connect("A")
    made.status("A", 1, CHARGING)
    made.wait(60)
    assert not [each for each in to_a(made) if isinstance(each, WRITES)]
    assert isinstance(undo(made), Confirmed)


def test_one_that_was_forgotten_and_is_added_is_steered() -> None:
    made, inside = adopt()
    release(made)
    inside.say_all(made)
    made.configure(station(400, B))
    made.wait(120)
    made.configure(station(400, A, B))
    assert "released:A" not in made.notices()
    assert not [line for line in made.memory.events if line.kind == "charger.added_again"]


def test_a_list_that_is_empty_may_be_of_version_0() -> None:
    """§5.10: 0 is the version of an empty list."""
    made, inside = adopt()
    inside.list_version = 3
    inside.tells_0 = True
    release(made, local_list=True)
    inside.say_all(made)
    assert left(made) == []


def test_what_waits_for_the_charger_expires() -> None:
    made, inside = adopt()
    waits = command(made, "UnlockConnector", {"connectorId": 1})
    queued = command(made, "ReserveNow", RESERVE, queue_s=60)
    assert isinstance(waits, CommandShown)
    assert isinstance(queued, CommandShown)
    made.take()
    assert refused(made) is Refusal.RELEASE_REFUSED, "one is out"
    (call,) = [c for c in made.open_calls if isinstance(c, Operate)]
    made.hand_over = False
    made.do(CommandAnswered(call.token, "Unlocked", "{}"), ReleaseRequested(RequestId(900), ChargerId("A"), "test"))
    made.open_calls.remove(call)
    made.hand_over = True
    assert isinstance(made.outcomes[RequestId(900)], ReleaseShown)
    inside.say_all(made)
    ended = made.memory.commands[queued.command.command_id]
    assert (ended.state, ended.reason) == ("expired", "the charger was released")
    assert not any(each.startswith("ReserveNow") for each in inside.asked)


RESERVE = {"connectorId": 1, "expiryDate": "2027-01-15T09:00:00Z", "idTag": "T", "reservationId": 5}


def test_a_release_that_is_under_way_goes_on_when_it_is_asked_for_again() -> None:
    made, _ = adopt()
    release(made)
    made.take()
    again = release(made)
    assert isinstance(again, ReleaseShown)
    assert again.release == stored(made)
    assert to_a(made) == []


# --- in the meantime --------------------------------------------------------------------------------------------------


def test_nothing_is_cleared_while_something_sent_before_may_still_be_executed() -> None:
    made, inside = adopt()
    made.start("A")
    made.status("A", 1, CHARGING)
    limit = made.open_limit("A")
    made.take()
    release(made, forced=True)
    assert to_a(made) == [], "a limit is out"
    made.time_out(limit)
    made.open_calls.remove(limit)
    made.wait(59)
    assert not [c for c in to_a(made) if isinstance(c, Operate)], "it may be executed for a minute"
    made.wait(1)
    assert [c for c in to_a(made) if isinstance(c, Operate)]
    inside.say_all(made)
    assert stored(made).state is ReleaseState.RELEASED


def test_a_key_that_was_written_and_not_answered_is_waited_for() -> None:
    made = Drive(station(400, A, B), keys=KEYS)
    inside = Inside()
    made.connect("A")
    made.boot("A")
    made.status("A", 1, AVAILABLE)
    for _ in range(500):
        mine = [c for c in made.open_calls if not isinstance(c, ChangeConfiguration)]
        if any(isinstance(c, ChangeConfiguration) for c in made.open_calls):
            break
        if mine:
            inside.say(made, mine[0])
        else:
            made.wait(10)
    (call,) = [c for c in made.open_calls if isinstance(c, ChangeConfiguration)]
    release(made)
    made.time_out(call)
    made.open_calls.remove(call)
    made.take()
    inside.say_all(made)
    made.wait(100)
    assert not [c for c in to_a(made) if isinstance(c, Operate)]
    made.wait(30)
    inside.say_all(made)
    assert stored(made).state is ReleaseState.RELEASED


def test_while_it_is_away_a_release_waits_and_then_goes_on() -> None:
    made, inside = adopt()
    release(made)
    made.disconnect("A")
    made.wait(3_600)
    assert stored(made).state is ReleaseState.RELEASING
    assert made.k_kw("A") == 100
    made.connect("A")
    made.boot("A")
    made.wait(10)
    inside.say_all(made)
    assert (stored(made).state, inside.profiles, inside.keys) == (ReleaseState.RELEASED, {}, KEYS)


@pytest.mark.parametrize("answers", range(16))
def test_a_crash_after_any_answer_leaves_it_going_on(answers: int) -> None:
    made, inside = adopt()
    release(made)
    for _ in range(answers):
        mine = [call for call in made.open_calls if call.charger_id == "A"]
        if mine:
            inside.say(made, mine[0])
    was = stored(made).state
    made.recover()
    assert made.k_kw("A") == 100
    made.connect("A")
    made.status("A", 1, AVAILABLE)
    inside.say_all(made)
    made.wait(10)
    inside.say_all(made)
    assert (stored(made).state, inside.profiles, inside.keys) == (ReleaseState.RELEASED, {}, KEYS)
    assert was is (ReleaseState.RELEASING if answers < 12 else ReleaseState.RELEASED)


# --- afterwards -------------------------------------------------------------------------------------------------------


def released() -> tuple[Drive, Inside]:
    made, inside = adopt()
    release(made)
    inside.say_all(made)
    made.take()
    return made, inside


def live_on(made: Drive, inside: Inside) -> None:
    """A boots, a car comes and goes, time passes."""
    made.connect("A")
    made.boot("A")
    made.status("A", 1, AVAILABLE)
    inside.say_all(made)
    transaction_id = made.start("A")
    made.status("A", 1, CHARGING)
    inside.say_all(made)
    for _ in range(20):
        made.wait(30)
        made.sample("A", 1, 90_000)
        inside.say_all(made)
    made.stop("A", transaction_id)
    made.status("A", 1, AVAILABLE)
    made.wait(600)
    inside.say_all(made)


def test_nothing_is_written_to_it_any_more_whatever_happens() -> None:
    made, inside = released()
    live_on(made, inside)
    made.configure(station(500, A, B))
    live_on(made, inside)
    made.recover()
    live_on(made, inside)
    assert {type(each) for each in to_a(made)} <= set(READS)
    assert (inside.keys, inside.profiles) == (KEYS, {})
    assert isinstance(made.outcomes[made.post("A", 1, 50)], Refused)


def test_not_either_when_its_control_is_changed_in_the_configuration() -> None:
    made, inside = released()
    transaction_id = made.start("A")
    made.status("A", 1, CHARGING)
    made.configure(station(500, replace(A, control=Control.REST), B))
    made.wait(60)
    made.sample("A", 1, 50_000)
    inside.say_all(made)
    made.stop("A", transaction_id)
    made.wait(60)
    assert not [each for each in to_a(made) if isinstance(each, WRITES)]


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("ChangeConfiguration", {"key": "LightIntensity", "value": "1"}),
        ("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"}),
        ("SendLocalList", {"listVersion": 1, "updateType": "Full"}),
        ("ReserveNow", RESERVE),
        ("UpdateFirmware", {"location": "ftp://x", "retrieveDate": "2027-01-15T08:00:00Z"}),
    ],
)
def test_a_command_that_would_leave_something_is_refused(action: str, body: dict[str, object]) -> None:
    made, _ = released()
    outcome = command(made, action, body)
    assert isinstance(outcome, Refused)
    assert outcome.refusal is Refusal.COMMAND_REFUSED
    assert to_a(made) == []


def test_a_command_that_only_asks_is_sent() -> None:
    made, _ = released()
    assert isinstance(command(made, "GetConfiguration", {}), CommandShown)
    assert [type(each) for each in to_a(made)] == [Operate]


def test_a_campaign_skips_it() -> None:
    made, _ = released()
    body = json.dumps({"location": "https://files.example/fw.bin"})
    made.do(CampaignRequested(RequestId(900), CampaignId("k"), "", "", (ChargerId("A"),), 1, body))
    (place,) = made.memory.campaigns[CampaignId("k")].places
    assert (place.state.value, place.reason) == ("skipped", "the charger was released")


def test_it_can_be_removed_and_is_another_one_when_it_comes_back() -> None:
    made, _ = released()
    made.configure(station(500, B))
    made.wait(60)
    assert ChargerId("A") not in made.memory.chargers
    made.configure(station(500, A, B))
    made.bring_up("A")


# --- taken in again ---------------------------------------------------------------------------------------------------


def test_taken_in_again_everything_is_said_anew() -> None:
    made, inside = released()
    assert undo(made) == Confirmed()
    assert made.k_kw("A") == 100, "until it is provisioned"
    inside.say_all(made)
    for _ in range(10):
        made.wait(60)
        inside.say_all(made)
    assert (inside.profiles, inside.keys["MeterValueSampleInterval"]) == ({2_000: 0}, "10")
    assert made.provisioned("A")
    assert made.k_kw("A") == 0
    assert made.memory.chargers[ChargerId("A")].release is None
    assert not {"released:A", "observed:A"} & made.notices()
    changed = made.memory.chargers[ChargerId("A")].configuration["MeterValueSampleInterval"]
    assert changed is not None
    assert not isinstance(changed, str)
    assert changed.change is not None
    assert changed.change.before == "60"
    assert isinstance(release(made), ReleaseShown)
    inside.say_all(made)
    assert (inside.keys, inside.profiles) == (KEYS, {})


def test_it_is_steered_again_also_after_a_restart() -> None:
    made, inside = released()
    undo(made)
    made.recover()
    made.connect("A")
    made.status("A", 1, AVAILABLE)
    inside.say_all(made)
    assert inside.profiles == {2_000: 0}


def test_one_that_was_observed_is_observed_again() -> None:
    made, inside = released()
    made.configure(station(400, replace(A, mode=Mode.OBSERVE), B))
    assert undo(made) == Confirmed()
    made.take()
    live_on(made, inside)
    assert {type(each) for each in to_a(made)} <= set(READS)
    assert "observed:A" in made.notices()
    assert isinstance(release(made), ReleaseShown), "what may be in it from before can be taken out"


def test_what_is_not_released_cannot_be_taken_in() -> None:
    made, _ = adopt()
    outcome = undo(made)
    assert isinstance(outcome, Refused)
    assert outcome.refusal is Refusal.NOT_RELEASED


def test_a_release_under_way_can_be_given_up_once_nothing_of_it_is_out() -> None:
    made, inside = adopt()
    release(made)
    assert isinstance(undo(made), Refused)
    made.disconnect("A")
    assert isinstance(undo(made), Refused), "what was lost may be executed"
    made.wait(60)
    assert undo(made) == Confirmed()
    made.connect("A")
    made.boot("A")
    made.status("A", 1, AVAILABLE)
    made.wait(60)
    inside.say_all(made)
    assert made.provisioned("A")
    assert inside.profiles == {2_000: 0}


# --- a backup ---------------------------------------------------------------------------------------------------------


def test_after_a_restore_a_release_that_was_under_way_has_ended_and_the_charger_stays_left_alone() -> None:
    made, inside = adopt()
    release(made)
    inside.say(made, next(c for c in made.open_calls if c.charger_id == "A"))
    at_ms = made.now.wall_ms
    epoch = new_epoch(made.memory.snapshot(), frozenset(), at_ms, at_ms + 60_000)
    assert isinstance(epoch, NewEpoch)
    made.memory.apply(epoch.records)
    halted = stored(made)
    assert halted.state is ReleaseState.INCOMPLETE
    assert [step.state for step in halted.steps[:2]] == [StepState.UNDONE, StepState.NOT_UNDONE]
    assert halted.count(StepState.NOT_UNDONE) == len(halted.steps) - 1
    made.recover()
    made.take()
    live_on(made, inside)
    assert {type(each) for each in to_a(made)} <= set(READS)


def test_one_that_is_removed_in_the_middle_is_forgotten_and_asked_nothing() -> None:
    made, inside = adopt()
    release(made)
    made.configure(station(400, B))
    made.wait(120)
    assert ChargerId("A") not in made.memory.chargers
    made.take()
    made.configure(station(400, A, B))
    made.connect("A")
    made.boot("A")
    made.status("A", 1, AVAILABLE)
    inside.say_all(made)
    assert made.provisioned("A")
    assert not any(isinstance(each, Operate) for each in to_a(made))
