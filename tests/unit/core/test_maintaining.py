"""Maintenance: what is refused where it is done, what its charger is told, how it ends, and that it moves no watt."""

import json
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from csms.core.alarms import Severity
from csms.core.commands import ChangeAvailability, Command, Operate, RemoteStart
from csms.core.events import (
    CampaignRequested,
    CommandAnswered,
    CommandRequested,
    ConnectorStatus,
    MaintenanceEndRequested,
    MaintenanceRequested,
)
from csms.core.ids import CampaignId, ChargerId, CommandId, RequestId
from csms.core.maintaining import WAITS_MS
from csms.core.records import CommandState, EvidenceStored, Maintenance, PlaceState
from csms.core.replies import MaintenanceShown, Outcome, Refusal, Refused
from csms.core.restoring import new_epoch
from csms.core.station import Control
from tests.unit.core.driving import Drive, charger, station

CP = ChargerId("A")
UNDER = "under_maintenance"
NUMBERS = count(1_000_000)
"""Of requests about maintenance, so that all else is numbered as without them."""


def drive(*up: str, connectors: int = 2) -> Drive:
    """Charger A with two connectors and B, both provisioned unless told otherwise."""
    made = Drive(station(400, charger("A", 100, connectors), charger("B", 100)))
    made.bring_up(*(up or ("A", "B")))
    made.wait(1)
    made.take()
    return made


def put(
    made: Drive,
    idx: int = 0,
    reason: str = "new cable",
    *,
    until_s: float | None = None,
    inoperative: bool = False,
    charger_id: str = "A",
) -> Outcome:
    request = RequestId(next(NUMBERS))
    until_ms = None if until_s is None else made.now.wall_ms + int(until_s * 1_000)
    made.do(
        MaintenanceRequested(
            request, f"m{request}", ChargerId(charger_id), idx, reason, "192.0.2.1", until_ms, inoperative
        )
    )
    return made.outcomes[request]


def end(made: Drive, idx: int = 0, charger_id: str = "A") -> Outcome:
    request = RequestId(next(NUMBERS))
    made.do(MaintenanceEndRequested(request, ChargerId(charger_id), idx, "192.0.2.2"))
    return made.outcomes[request]


def told(made: Drive) -> list[tuple[int, str]]:
    """Return what chargers were told of their availability by operators since this was last looked at."""
    return [_said(each) for each in made.take() if isinstance(each, Operate)]


def _said(command: Operate) -> tuple[int, str]:
    assert command.action == "ChangeAvailability"
    body: dict[str, Any] = json.loads(command.payload_json)
    assert set(body) == {"connectorId", "type"}
    return body["connectorId"], body["type"]


def reply(made: Drive, status: str = "Accepted") -> None:
    """Have the charger answer the command that is out."""
    (call,) = [each for each in made.open_calls if isinstance(each, Operate)]
    made.open_calls.remove(call)
    made.do(CommandAnswered(call.token, status, json.dumps({"status": status})))


def at(made: Drive, idx: int = 0) -> Maintenance | None:
    """Return what is shown of a maintenance; what is stored says the same."""
    view = made.published[CP]
    assert view is not None
    shown = view.maintenance if idx == 0 else {each.idx: each for each in view.connectors}[idx].maintenance
    stored = made.memory.chargers[CP].maintenance if CP in made.memory.chargers else {}
    assert stored.get(idx) == shown
    return shown


def kinds(made: Drive) -> dict[str, Severity]:
    return {name: each.severity for name, each in (made.engine.all_changes().notices or {}).items()}


# --- begin and end ----------------------------------------------------------------------------------------------------


def test_it_is_shown_with_its_reason_until_it_is_taken_away() -> None:
    made = drive()
    outcome = put(made, 2, "new cable", until_s=3_600)
    marked = at(made, 2)
    assert outcome == MaintenanceShown(marked, None)
    assert marked is not None
    assert (marked.reason, marked.asked_by, marked.since_ms) == ("new cable", "192.0.2.1", made.now.wall_ms)
    assert marked.until_ms == made.now.wall_ms + 3_600_000
    assert at(made) is None
    assert kinds(made) == {f"{UNDER}:A#2": Severity.NOTICE}
    (notice,) = (made.engine.all_changes().notices or {}).values()
    assert notice.cause.startswith("new cable (until 2027-01-15T0")
    assert end(made, 2) == MaintenanceShown(None, marked)
    assert at(made, 2) is None
    assert kinds(made) == {}
    assert [event.kind for event in made.memory.events if event.kind.startswith("maintenance.")] == [
        "maintenance.begun",
        "maintenance.ended",
    ]


def test_no_password_of_a_reason_gets_into_the_event_log() -> None:
    made = drive()
    put(made, 2, "plan at ftp://bob:hunter2@host/x")
    end(made, 2)
    reasons = [event.detail["reason"] for event in made.memory.events if event.kind.startswith("maintenance.")]
    assert reasons == ["plan at ftp://***@host/x"] * 2


def test_it_can_be_said_again_and_began_when_it_began() -> None:
    made = drive()
    put(made, 0, "first")
    began_ms = made.now.wall_ms
    made.wait(10)
    put(made, 0, "second")
    marked = at(made)
    assert marked is not None
    assert (marked.reason, marked.since_ms) == ("second", began_ms)
    (notice,) = (made.engine.all_changes().notices or {}).values()
    assert (notice.cause, notice.since_ms) == ("second", began_ms), "the notice says what is said now"


def test_it_ends_by_itself_when_its_time_is_over() -> None:
    made = drive()
    put(made, until_s=7_200)
    made.wait(7_199)
    assert at(made) is not None
    made.wait(1)
    assert at(made) is None


def test_what_is_not_under_maintenance_is_not_ended() -> None:
    made = drive()
    assert end(made) == MaintenanceShown(None, None)
    assert made.memory.events == [each for each in made.memory.events if each.kind != "maintenance.ended"]


@pytest.mark.parametrize(
    ("charger_id", "idx", "until_s", "refusal"),
    [
        ("X", 0, None, Refusal.UNKNOWN_CHARGER),
        ("A", 3, None, Refusal.UNKNOWN_CONNECTOR),
        ("A", -1, None, Refusal.UNKNOWN_CONNECTOR),
        ("A", 0, 0, Refusal.MAINTENANCE_OVER),
        ("A", 1, -1, Refusal.MAINTENANCE_OVER),
    ],
)
def test_what_is_refused_changes_nothing(charger_id: str, idx: int, until_s: float | None, refusal: Refusal) -> None:
    made = drive()
    outcome = put(made, idx, until_s=until_s, charger_id=charger_id)
    assert isinstance(outcome, Refused)
    assert outcome.refusal is refusal
    assert (at(made), at(made, 1), kinds(made)) == (None, None, {})
    if refusal is not Refusal.MAINTENANCE_OVER:
        assert end(made, idx, charger_id) == outcome


def test_a_restart_and_a_restore_leave_it_in_force() -> None:
    made = drive()
    put(made, 0, until_s=3_600)
    put(made, 2, "door", inoperative=True)
    before = at(made), at(made, 2)
    made.recover()
    shown = at(made, 2)
    assert at(made) == before[0]
    assert shown is not None
    assert (shown.reason, shown.inoperative) == ("door", True)
    made.wait(3_600)
    assert at(made) is None
    epoch = new_epoch(made.memory.snapshot(), frozenset(), made.now.wall_ms, made.now.wall_ms)
    assert not isinstance(epoch, str)
    made.memory.apply(epoch.records)
    made.recover()
    assert at(made, 2) is not None


# --- no session is begun ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("marked", "asked", "why"),
    [
        (0, 1, "the charger is under maintenance: new cable"),
        (2, 2, "connector 2 is under maintenance: new cable"),
        (2, 1, None),
    ],
)
def test_no_session_is_begun_over_rest(marked: int, asked: int, why: str | None) -> None:
    made = drive()
    put(made, marked)
    request = made.post("A", asked, 50)
    if why is None:
        assert [each for each in made.take() if isinstance(each, RemoteStart)]
    else:
        assert made.outcomes[request] == Refused(Refusal.UNDER_MAINTENANCE, why)
        assert not [each for each in made.take() if isinstance(each, RemoteStart)]
        end(made, marked)
        made.post("A", asked, 50)
        assert [each for each in made.take() if isinstance(each, RemoteStart)]


def test_no_session_driven_over_rest_is_begun_and_one_that_runs_goes_on() -> None:
    made = Drive(station(400, charger("A", 100, 2, control=Control.REST)))
    runs = made.rest_start("A", 1, 40)
    put(made)
    refused = made.outcomes[made.post("A", 2, 40)]
    assert refused == Refused(Refusal.UNDER_MAINTENANCE, "the charger is under maintenance: new cable")
    assert made.update(runs.session_id, 40).allocated_w == 40_000


def ask(made: Drive, action: str, body: dict[str, Any], *, wait_s: float | None = None) -> Outcome | None:
    request = RequestId(made.number())
    until_ms = None if wait_s is None else made.now.wall_ms + int(wait_s * 1_000)
    command_id = CommandId(f"c{request}")
    made.do(CommandRequested(request, command_id, CP, action, json.dumps(body), "test", until_ms))
    return made.outcomes.get(request)


START: dict[str, Any] = {"idTag": "TAG"}
RESERVE = {"idTag": "TAG", "expiryDate": "2030-01-01T00:00:00Z", "reservationId": 7}


@pytest.mark.parametrize(
    ("marked", "action", "body", "why"),
    [
        (0, "RemoteStartTransaction", START | {"connectorId": 1}, "the charger is under maintenance: new cable"),
        (0, "RemoteStartTransaction", START, "the charger is under maintenance: new cable"),
        (2, "RemoteStartTransaction", START | {"connectorId": 2}, "connector 2 is under maintenance: new cable"),
        (2, "RemoteStartTransaction", START | {"connectorId": 1}, None),
        (2, "RemoteStartTransaction", START, "name another connectorId: connector 2 is under maintenance: new cable"),
        (2, "ReserveNow", RESERVE | {"connectorId": 2}, "connector 2 is under maintenance: new cable"),
        (2, "ReserveNow", RESERVE | {"connectorId": 1}, None),
        (0, "UnlockConnector", {"connectorId": 1}, None),
        (0, "Reset", {"type": "Soft"}, None),
        (0, "RemoteStopTransaction", {"transactionId": 1}, None),
    ],
)
def test_commands_that_begin_a_session_are_refused_and_no_others(
    marked: int, action: str, body: dict[str, Any], why: str | None
) -> None:
    made = drive()
    put(made, marked)
    outcome = ask(made, action, body)
    sent = [each for each in made.take() if isinstance(each, Operate)]
    if why is None:
        assert len(sent) == 1
    else:
        assert (outcome, sent) == (Refused(Refusal.UNDER_MAINTENANCE, why), [])


def test_a_remote_start_that_waits_for_its_charger_does_not_leave_into_a_maintenance() -> None:
    made = drive("B")
    ask(made, "RemoteStartTransaction", START | {"connectorId": 1}, wait_s=600)
    put(made)
    made.bring_up("A")
    made.wait(10)
    assert not [each for each in made.take() if isinstance(each, Operate)]
    end(made)
    assert [each.action for each in made.take() if isinstance(each, Operate)] == ["RemoteStartTransaction"]


@pytest.mark.parametrize("idx", [0, 1])
def test_a_campaign_leaves_it_alone_and_goes_on_afterwards(idx: int) -> None:
    made = drive()
    put(made, idx)
    ids = (CP, ChargerId("B"))
    body = json.dumps({"location": "https://files.example/fw.bin"})
    made.do(CampaignRequested(RequestId(made.number()), CampaignId("k"), "", "test", ids, 2, body))
    assert [each.charger_id for each in made.take() if isinstance(each, Operate)] == ["B"]
    place = made.memory.campaigns[CampaignId("k")].places[0]
    assert (place.state, place.reason) == (PlaceState.WAITING, "it is under maintenance: new cable")
    end(made, idx)
    assert [each.charger_id for each in made.take() if isinstance(each, Operate)] == ["A"]


# --- what is an alarm there -------------------------------------------------------------------------------------------


def silent(made: Drive) -> None:
    """Have charger A connected and say nothing for longer than it may."""
    made.connect("A", heard=False)
    made.wait(181)


@pytest.mark.parametrize(
    ("marked", "severity"), [(None, Severity.ALARM), (1, Severity.ALARM), (0, Severity.NOTICE)], ids=str
)
def test_a_silent_charger_is_no_alarm_while_it_is_under_maintenance(marked: int | None, severity: Severity) -> None:
    made = drive()
    if marked is not None:
        put(made, marked)
    silent(made)
    assert kinds(made)["silent:A"] is severity


def test_what_stands_is_excused_and_accused_again_as_the_same_alarm() -> None:
    made = drive()
    silent(made)
    before = (made.engine.all_changes().notices or {})["silent:A"]
    put(made)
    excused = (made.engine.all_changes().notices or {})["silent:A"]
    assert (excused.severity, excused.maintenance, excused.since_ms) == (
        Severity.NOTICE,
        "new cable",
        before.since_ms,
    )
    assert made.last.changes.notices is not None, "it is published"
    end(made)
    assert (made.engine.all_changes().notices or {})["silent:A"].severity is Severity.ALARM
    told = [e.kind for e in made.memory.events if e.detail.get("notice") == "silent:A"]
    assert told == ["notice.raised", "notice.excused", "notice.raised"]


@pytest.mark.parametrize("idx", [0, 1])
def test_a_meter_that_tells_nothing_is_no_alarm_either(idx: int) -> None:
    made = drive()
    made.start("A", 1)
    made.accept()
    made.wait(90)
    assert kinds(made)["meter_silent:A#1"] is Severity.ALARM
    put(made, idx)
    assert kinds(made)["meter_silent:A#1"] is Severity.NOTICE


def test_power_without_a_transaction_and_an_overbooked_row_stay_alarms() -> None:
    made = Drive(station(55, charger("A", 50, 2), charger("B", 50, control=Control.NONE)))
    made.bring_up("A")
    put(made)
    put(made, 1)
    for _ in range(3):
        made.sample("A", 1, 60_000)
        made.wait(15)
    found = kinds(made)
    assert found["uncommanded:A#1"] is Severity.ALARM
    assert found["max_power_wrong:A"] is Severity.ALARM
    assert found["overbooked:grid"] is Severity.ALARM


def test_what_does_not_obey_stays_an_alarm_and_is_contained() -> None:
    made = drive()
    put(made)
    transaction_id = made.start("A", 1)
    made.accept()
    for _ in range(4):
        made.wait(10)
        made.sample("A", 1, 110_000, transaction_id=transaction_id)
    assert kinds(made)["not_obeying:A#1"] is Severity.ALARM


# --- inoperative ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("idx", [0, 2])
def test_a_charger_is_told_inoperative_and_operative_again(idx: int) -> None:
    made = drive()
    put(made, idx, inoperative=True)
    assert told(made) == [(idx, "Inoperative")]
    marked = at(made, idx)
    assert marked is not None
    assert marked.told is not None
    assert (marked.told.operative, marked.told.state) == (False, CommandState.SENT)
    reply(made)
    marked = at(made, idx)
    assert marked is not None
    assert marked.told is not None
    assert marked.told.state is CommandState.ACCEPTED
    end(made, idx)
    assert told(made) == [(idx, "Operative")]
    assert made.memory.commands[CommandId(f"{marked.maintenance_id}-2")].asked_by == "192.0.2.2"
    ended = at(made, idx)
    assert ended is not None
    assert ended.ended_ms == made.now.wall_ms
    reply(made)
    assert at(made, idx) is None


def test_what_has_ended_takes_sessions_though_it_is_not_seen_back_yet() -> None:
    made = drive()
    put(made, 1, inoperative=True)
    reply(made)
    end(made, 1)
    made.take()
    made.post("A", 1, 50)
    assert [each for each in made.take() if isinstance(each, RemoteStart)]
    assert f"{UNDER}:A#1" not in kinds(made)


@pytest.mark.parametrize(
    ("answer", "told_again"),
    [("Accepted", True), ("Scheduled", True), ("Rejected", False), (None, True)],
)
def test_operative_follows_unless_inoperative_certainly_had_no_effect(answer: str | None, *, told_again: bool) -> None:
    made = drive()
    put(made, 1, inoperative=True)
    made.take()
    if answer is not None:
        reply(made, answer)
    else:
        (call,) = [each for each in made.open_calls if isinstance(each, Operate)]
        made.time_out(call)
    end(made, 1)
    assert told(made) == ([(1, "Operative")] if told_again else [])
    if not told_again:
        assert at(made, 1) is None


def test_one_whose_answer_is_still_out_is_told_operative_behind_it() -> None:
    made = drive()
    put(made, 1, inoperative=True)
    end(made, 1)
    assert told(made) == [(1, "Inoperative")], "one command of a charger is out at a time"
    reply(made)
    assert told(made) == [(1, "Operative")]
    reply(made)
    assert at(made, 1) is None


def test_a_charger_that_is_away_is_told_when_it_comes() -> None:
    made = drive("B")
    put(made, 1, inoperative=True)
    assert told(made) == []
    made.recover()
    made.bring_up("A")
    assert told(made) == [(1, "Inoperative")]


def test_a_charger_that_was_away_all_the_time_is_told_nothing() -> None:
    made = drive("B")
    put(made, 1, inoperative=True)
    end(made, 1)
    assert at(made, 1) is None
    (command,) = made.memory.commands.values()
    assert (command.state, command.reason) == (
        CommandState.EXPIRED,
        "the maintenance that it was for is over or was changed",
    )
    made.bring_up("A")
    assert told(made) == []


def test_nobody_is_waited_for_beyond_the_end_of_the_maintenance() -> None:
    made = drive("B")
    put(made, 1, until_s=100, inoperative=True)
    put(made, 2, inoperative=True)
    until = {each.body_json[15]: each.queue_until_ms for each in made.memory.commands.values()}
    assert until == {"1": made.now.wall_ms + 100_000, "2": made.now.wall_ms + WAITS_MS}
    made.wait(101)
    assert at(made, 1) is None


def test_it_can_be_made_inoperative_and_operative_while_it_lasts() -> None:
    made = drive()
    put(made, 1)
    assert told(made) == []
    put(made, 1, inoperative=True)
    reply(made)
    put(made, 1, inoperative=True)
    assert told(made) == [(1, "Inoperative")], "it is so already"
    put(made, 1)
    assert told(made) == [(1, "Operative")]
    reply(made)
    end(made, 1)
    assert (told(made), at(made, 1)) == ([], None)


def test_a_refused_inoperative_is_asked_again_by_the_same_put() -> None:
    made = drive()
    put(made, 1, inoperative=True)
    reply(made, "Rejected")
    made.take()
    put(made, 1, inoperative=True)
    assert told(made) == [(1, "Inoperative")]


def test_one_that_is_not_back_is_shown_until_it_is() -> None:
    made = drive()
    put(made, 1, inoperative=True)
    reply(made)
    made.status("A", 1, ConnectorStatus.UNAVAILABLE)
    end(made, 1)
    assert kinds(made) == {}
    reply(made, "Rejected")
    assert kinds(made) == {"still_inoperative:A#1": Severity.NOTICE}
    made.take()
    end(made, 1)
    assert told(made) == [(1, "Operative")], "an operator has it told again"
    reply(made, "Rejected")
    assert "still_inoperative:A#1" in kinds(made)
    made.recover()
    assert "still_inoperative:A#1" in kinds(made)
    made.bring_up("A")
    assert (kinds(made), at(made, 1)) == ({}, None)


def test_a_connector_keeps_its_own_when_that_of_its_charger_ends() -> None:
    made = drive()
    put(made, 1, inoperative=True)
    reply(made)
    put(made, 0, inoperative=True)
    reply(made)
    made.take()
    end(made, 0)
    reply(made)
    assert told(made) == [(0, "Operative"), (1, "Inoperative")], "Operative of 0 is that of each connector (§5.2)"
    reply(made)
    assert at(made) is None
    end(made, 1)
    assert told(made) == [(1, "Operative")]


def test_a_connector_stays_shut_while_its_charger_is() -> None:
    made = drive()
    put(made, 0, inoperative=True)
    reply(made)
    put(made, 1, inoperative=True)
    reply(made)
    made.take()
    end(made, 1)
    assert (told(made), at(made, 1)) == ([], None)
    end(made, 0)
    assert told(made) == [(0, "Operative")]


def test_a_charger_that_is_away_has_one_command_of_each_place_waiting_however_often_it_is_changed() -> None:
    made = drive()
    for idx in (0, 1, 2):
        put(made, idx, inoperative=True)
        reply(made)
    made.disconnect("A")
    for _ in range(5):
        end(made, 0)
        put(made, 0, inoperative=True)
    end(made, 0)
    waiting = [each for each in made.memory.commands.values() if each.state is CommandState.QUEUED]
    assert sorted(json.loads(each.body_json)["connectorId"] for each in waiting) == [0, 1, 2]


def test_a_connector_that_goes_with_a_configuration_takes_its_maintenance_along() -> None:
    made = drive()
    put(made, 2)
    made.configure(station(400, charger("A", 100, 1), charger("B", 100)))
    made.configure(station(400, charger("A", 100, 2), charger("B", 100)))
    assert at(made, 2) is None


def test_a_charger_that_is_removed_and_added_again_is_not_under_maintenance() -> None:
    made = drive("B")
    put(made)
    made.configure(station(400, charger("B", 100)))
    made.wait(3_600)
    made.configure(station(400, charger("A", 100, 2), charger("B", 100)))
    assert at(made) is None


# --- not a watt -------------------------------------------------------------------------------------------------------


def _day(made: Drive, *, marked: bool) -> tuple[list[int], list[Command]]:
    """Let cars come and go at A and B; return what was booked on the grid and at each charger, and all commands."""
    booked: list[int] = []

    def look() -> None:
        booked.extend(made.engine.rows_booked_w().values())

    first = made.start("A", 1)
    made.accept()
    made.draws({("A", 1): 60}, 60)
    look()
    if marked:
        put(made, 0)
        put(made, 1)
    look()
    second = made.start("B", 1)
    third = made.start("A", 2)
    made.accept()
    made.draws({("A", 1): 50, ("A", 2): 40, ("B", 1): 80}, 120)
    look()
    made.stop("A", first)
    made.accept()
    made.status("A", 1, ConnectorStatus.AVAILABLE)
    made.draws({("A", 2): 90, ("B", 1): 80}, 120)
    look()
    made.disconnect("A")
    made.wait(300)
    look()
    made.recover()
    look()
    if marked:
        end(made, 0)
        end(made, 1)
    for name in ("B", "A"):
        made.connect(name)
        made.accept()
    made.draws({("B", 1): 80}, 120)
    look()
    made.stop("B", second)
    made.stop("A", third)
    made.accept()
    made.draws({}, 60)
    look()
    return booked, made.commands


def test_it_changes_nothing_of_what_is_booked_or_said_to_anybody() -> None:
    without = _day(_pair(), marked=False)
    marked = _day(_pair(), marked=True)
    assert marked == without
    assert len(without[1]) > 10


def _pair() -> Drive:
    made = Drive(station(150, charger("A", 100, 2), charger("B", 100)))
    made.bring_up("A", "B")
    return made


def test_nothing_is_given_to_others_when_a_charger_is_made_inoperative() -> None:
    made = drive()
    made.start("A", 1)
    made.accept()
    before_w = dict(made.engine.rows_booked_w())
    assert before_w["A"] == 100_000
    put(made, inoperative=True)
    reply(made, "Scheduled")
    made.status("A", 2, ConnectorStatus.UNAVAILABLE)
    made.wait(30)
    assert made.engine.rows_booked_w() == before_w
    made.disconnect("A")
    made.wait(600)
    assert all(made.engine.rows_booked_w()[node] >= before_w[node] for node in before_w)


def test_a_contained_connector_is_given_back_by_neither_as_long_as_the_other_keeps_it() -> None:
    made = drive()
    put(made, 1, inoperative=True)
    reply(made)
    evidence = {1: EvidenceStored(0, not_obeying=False, out_of_service=True)}
    made.memory.chargers[CP] = replace(made.memory.chargers[CP], evidence=evidence)
    made.recover()
    made.take()
    made.bring_up("A")
    assert not [each for each in made.take() if isinstance(each, ChangeAvailability)], "a maintenance keeps it shut"
    end(made, 1)
    commands = made.take()
    assert not [each for each in commands if isinstance(each, Operate)]
    assert [each.operative for each in commands if isinstance(each, ChangeAvailability)] == [True]
