"""Operators' caps in the plan: what they lower, what they leave alone, when they end, what a restart knows of them."""

import json
from dataclasses import replace
from typing import Any

import pytest

from csms.core.capping import CAPS_MAX
from csms.core.caps import CapView
from csms.core.commands import Operate
from csms.core.events import CommandRequested, ConnectorStatus
from csms.core.ids import ChargerId, CommandId, RequestId
from csms.core.records import CommandOutcome, CommandState, CommandStored, Expected
from csms.core.replies import CommandShown, Refusal, Refused
from csms.core.session import Session
from csms.core.station import Charger, Control, FailSafe, Mode
from tests.unit.core.driving import KW, Drive, charger, station
from tests.unit.core.test_caps import profile, stamp

CP = ChargerId("CP001")
MAX: dict[str, Any] = {"chargingProfilePurpose": "ChargePointMaxProfile", "connector": 0}
TX: dict[str, Any] = {"chargingProfilePurpose": "TxProfile"}


def drive(*sites: Charger, grid_kw: int = 400) -> Drive:
    """One provisioned charger of 100 kW with two connectors."""
    made = Drive(station(grid_kw, *(sites or (charger("CP001", 100, 2),))))
    made.bring_up("CP001")
    made.take()
    return made


def ask(made: Drive, action: str, body: dict[str, Any]) -> CommandStored | Refused:
    request = RequestId(made.number())
    made.do(CommandRequested(request, CommandId(f"c{request}"), CP, action, json.dumps(body), "test"))
    outcome = made.outcomes[request]
    assert isinstance(outcome, CommandShown | Refused)
    return outcome.command if isinstance(outcome, CommandShown) else outcome


def cap(made: Drive, kw: float, kind: str = "Absolute", **fields: Any) -> CommandStored:
    stored = ask(made, "SetChargingProfile", profile(kind, ((0, kw * KW),), **fields))
    assert isinstance(stored, CommandStored), stored
    assert (stored.state, stored.answer, stored.is_final) == (CommandState.ACCEPTED, "Accepted", True)
    return stored


def clear(made: Drive, **body: Any) -> CommandStored:
    stored = ask(made, "ClearChargingProfile", body)
    assert isinstance(stored, CommandStored), stored
    return stored


def start(made: Drive, idx: int = 1) -> int:
    """Start a transaction whose car charges; return its id."""
    transaction_id = made.start("CP001", idx)
    made.status("CP001", idx, ConnectorStatus.CHARGING)
    return transaction_id


def session(made: Drive, idx: int = 1) -> Session:
    connector = made.engine._state.chargers[CP].connectors[idx]
    assert connector.session is not None
    return connector.session


def given_kw(made: Drive, idx: int = 1) -> float:
    """Let everything be answered and settle; return what is booked at a connector."""
    for _ in range(4):
        made.accept_limits()
        made.wait(40)
    return made.k_kw("CP001", idx)


def shown(made: Drive) -> tuple[CapView, ...]:
    view = made.published[CP]
    assert view is not None
    return view.caps


def limits_of(made: Drive) -> list[float | None]:
    return [None if c.limit_w is None else c.limit_w / KW for c in shown(made)]


def test_a_car_falls_to_the_cap_and_comes_back_and_the_charger_is_told_nothing_of_it() -> None:
    made = drive()
    start(made)
    assert given_kw(made) == 100
    made.take()
    stored = cap(made, 40)
    assert (session(made).target_w, session(made).limited_by) == (40 * KW, "operator_cap")
    assert made.k_kw("CP001", 1) == 100, "a cut frees nothing before it is confirmed"
    assert [shown(made)[0].command_id, *limits_of(made)] == [stored.command_id, 40]
    assert given_kw(made) == 40
    cleared = clear(made, id=1)
    assert (cleared.state, cleared.answer) == (CommandState.ACCEPTED, "Accepted")
    assert given_kw(made) == 100
    assert (session(made).limited_by, limits_of(made)) == ("vehicle", [])
    assert not any(isinstance(command, Operate) for command in made.commands)
    ended = made.memory.commands[stored.command_id]
    assert (ended.expects, ended.outcome) == (Expected.CAP_ENDED, CommandOutcome.CANCELLED)
    assert ended.ended_ms == made.memory.commands[cleared.command_id].answered_ms


def test_a_new_car_begins_at_the_cap() -> None:
    made = drive()
    cap(made, 40)
    start(made)
    assert made.k_kw("CP001", 1) == 40


@pytest.mark.parametrize(
    ("caps", "targets_kw"),
    [
        ([(30, {})], (30, 70)),
        ([(30, {"connector": 0})], (30, 30)),
        ([(60, MAX)], (30, 30)),
        ([(60, MAX), (10, {"chargingProfileId": 2})], (10, 50)),
        ([(30, TX)], (30, 70)),
        ([(30, TX), (20, {"chargingProfileId": 2})], (20, 80)),
        ([(30, TX), (20, {"chargingProfileId": 2, "connector": 0})], (20, 20)),
        ([(30, {}), (40, {"chargingProfileId": 2, "stackLevel": 1})], (40, 60)),
        ([(400, MAX), (400, {"chargingProfileId": 2})], (50, 50)),
        ([(0, {})], (0, 100)),
    ],
)
def test_the_lowest_holds_and_the_highest_level_leads(
    caps: list[tuple[float, dict[str, Any]]], targets_kw: tuple[float, float]
) -> None:
    made = drive()
    start(made)
    start(made, 2)
    given_kw(made, 2)
    for kw, fields in caps:
        cap(made, kw, **fields)
    assert tuple(session(made, idx).target_w / KW for idx in (1, 2)) == targets_kw
    assert tuple(given_kw(made, idx) for idx in (1, 2)) == targets_kw


def test_a_schedule_is_followed_in_time() -> None:
    made = drive()
    start(made)
    given_kw(made)
    body = profile(periods=((0, 50 * KW), (600, 20 * KW)), duration=1_200)
    stored = ask(made, "SetChargingProfile", body)
    assert isinstance(stored, CommandStored)
    seen: list[float] = []
    for _ in range(3):
        seen.append(session(made).target_w / KW)
        made.accept_limits()
        made.wait(600)
    made.do()
    assert [*seen, session(made).target_w / KW] == [50, 20, 100, 100]
    assert made.memory.commands[stored.command_id].outcome is CommandOutcome.HAPPENED


def test_one_for_each_session_begins_with_each() -> None:
    made = drive()
    body = profile("Relative", ((0, 50 * KW), (600, 20 * KW)))
    ask(made, "SetChargingProfile", body)
    assert limits_of(made) == [None]
    made.wait(3_000)
    start(made)
    assert session(made).target_w == 50 * KW
    made.accept_limits()
    made.wait(601)
    assert session(made).target_w == 20 * KW


def test_one_of_a_transaction_ends_with_it() -> None:
    made = drive()
    transaction_id = start(made)
    stored = cap(made, 30, **TX)
    assert json.loads(stored.body_json)["csChargingProfiles"]["transactionId"] == transaction_id
    made.stop("CP001", transaction_id)
    assert made.memory.commands[stored.command_id].outcome is CommandOutcome.HAPPENED
    made.wait(10)
    start(made)
    assert session(made).target_w == 100 * KW


def test_another_takes_its_place() -> None:
    made = drive()
    first, second = cap(made, 30), cap(made, 50)
    assert made.memory.commands[first.command_id].outcome is CommandOutcome.CANCELLED
    assert made.memory.commands[second.command_id].ended_ms is None
    assert limits_of(made) == [50]


def test_it_survives_a_restart() -> None:
    made = drive()
    transaction_id = start(made)
    given_kw(made)
    cap(made, 30)
    cap(made, 60, **MAX | {"chargingProfileId": 2})
    cap(made, 20, **TX | {"chargingProfileId": 3})
    made.recover()
    assert limits_of(made) == [30, 60, 20]
    made.bring_up("CP001")
    assert session(made).target_w == 20 * KW
    made.stop("CP001", transaction_id)
    assert limits_of(made) == [30, 60]


def test_it_takes_nothing_from_the_fail_safe_power() -> None:
    made = drive(replace(charger("CP001", 100), fail_safe=FailSafe.RESERVE, fail_safe_power_w=10 * KW))
    start(made)
    given_kw(made)
    cap(made, 5)
    assert session(made).target_w == 10 * KW
    assert given_kw(made) == 10


def test_below_the_minimum_it_pauses() -> None:
    made = drive(replace(charger("CP001", 100), min_power_w=10 * KW))
    start(made)
    given_kw(made)
    cap(made, 5)
    assert (session(made).target_w, session(made).limited_by) == (0, "operator_cap")


def test_a_session_driven_over_rest_is_capped() -> None:
    made = Drive(station(400, charger("CP001", 100, control=Control.REST)))
    view = made.rest_start("CP001", 1, 80)
    assert view.allocated_w == 80 * KW
    cap(made, 33)
    assert made.update(view.session_id, 80).allocated_w == 33 * KW
    clear(made, chargingProfilePurpose="TxDefaultProfile")
    assert made.update(view.session_id, 33).allocated_w == 80 * KW
    cap(made, 20, **MAX)
    assert made.update(view.session_id, 80).limited_by == "operator_cap"


@pytest.mark.parametrize(
    ("body", "answer", "left"),
    [
        ({"id": 1}, "Accepted", [2]),
        ({"connectorId": 0}, "Accepted", [1]),
        ({"connectorId": 1, "stackLevel": 0}, "Accepted", [2]),
        ({"stackLevel": 0}, "Accepted", []),
        ({"stackLevel": 5}, "Unknown", [1, 2]),
        ({"connectorId": 1, "chargingProfilePurpose": "ChargePointMaxProfile"}, "Unknown", [1, 2]),
    ],
)
def test_what_clears_which(body: dict[str, Any], answer: str, left: list[int]) -> None:
    made = drive()
    cap(made, 30)
    cap(made, 60, **MAX | {"chargingProfileId": 2})
    stored = clear(made, **body)
    assert stored.answer == answer
    assert stored.state is (CommandState.ACCEPTED if answer == "Accepted" else CommandState.REJECTED)
    assert [each.profile_id for each in shown(made)] == left


def test_a_foreign_profile_is_cleared_at_the_charger() -> None:
    made = drive()
    cap(made, 30)
    stored = clear(made, id=7)
    assert stored.state is CommandState.SENT
    (sent,) = [command for command in made.take() if isinstance(command, Operate)]
    assert json.loads(sent.payload_json) == {"id": 7}


def test_one_is_set_and_cleared_while_its_charger_is_away() -> None:
    made = drive()
    made.disconnect("CP001")
    cap(made, 30)
    assert clear(made, id=1).state is CommandState.ACCEPTED


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (profile(chargingProfileId=2_000), "chargingProfileId"),
        (profile(validTo=stamp(0)), "validTo"),
        (profile(unit="A"), "chargingRateUnit"),
        (profile(**TX), "connectorId"),
        (profile(**TX, transactionId=99), "connectorId"),
        (profile(**TX, transactionId=99, connector=2), "transactionId"),
    ],
)
def test_what_cannot_be_a_cap(body: dict[str, Any], word: str) -> None:
    made = drive()
    start(made, 2)
    refused = ask(made, "SetChargingProfile", body)
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.COMMAND_REFUSED
    assert refused.detail.startswith(word)
    assert made.memory.commands == {}


def test_there_are_not_more_than_can_be_looked_at() -> None:
    made = drive()
    for number in range(CAPS_MAX):
        cap(made, 30, chargingProfileId=number, stackLevel=number)
    refused = ask(made, "SetChargingProfile", profile(chargingProfileId=900, stackLevel=900))
    assert isinstance(refused, Refused)
    assert cap(made, 30, chargingProfileId=3, stackLevel=3).state is CommandState.ACCEPTED


def test_they_go_with_their_charger() -> None:
    made = drive(charger("CP001", 100), charger("CP002", 50))
    stored = cap(made, 30)
    made.disconnect("CP001")
    made.configure(station(400, charger("CP002", 50)))
    made.wait(3_600)
    assert made.memory.commands[stored.command_id].outcome is CommandOutcome.HAPPENED


def test_a_second_car_under_a_charger_cap_waits_until_the_first_has_let_go() -> None:
    made = drive()
    cap(made, 50, **MAX)
    start(made)
    assert given_kw(made) == 50
    made.draws({("CP001", 1): 50}, 30)
    start(made, 2)
    assert (made.k_kw("CP001", 1), made.k_kw("CP001", 2)) == (50, 0), "its cut is not confirmed yet"
    made.wait(60)
    assert made.k_kw("CP001") == 50, "nor is it ever taken for granted"
    made.accept_limits()
    made.draws({("CP001", 1): 25}, 20)
    made.accept_limits()
    assert (made.k_kw("CP001", 1), made.k_kw("CP001", 2)) == (25, 25)


def test_two_rest_clients_are_told_no_more_than_a_charger_cap_together() -> None:
    made = Drive(station(400, charger("CP001", 100, 2, control=Control.REST)))
    cap(made, 50, **MAX)
    first = made.shown(made.post("CP001", 1, 100))
    second = made.shown(made.post("CP001", 2, 100))
    assert (first.allocated_w, second.allocated_w) == (50_000, 0)


def test_an_observed_session_says_that_it_would_be_capped() -> None:
    made = Drive(station(400, charger("CP001", 100, mode=Mode.OBSERVE)))
    made.connect("CP001")
    cap(made, 50)
    start(made)
    made.wait(1)
    assert (session(made).target_w, session(made).limited_by) == (50_000, "operator_cap")
