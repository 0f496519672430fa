"""Firmware campaigns: who is asked and when, what halts one, what a crash leaves, what a backup leaves."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from csms.core.campaigning import DOUBTFUL, OPEN_MAX, TRIES_MAX
from csms.core.commands import Operate
from csms.core.events import (
    CallErrored,
    CallTimedOut,
    CallUnsent,
    CampaignRequested,
    CampaignResumeRequested,
    CampaignStopRequested,
    ChargerDisconnected,
    ChargerReported,
    CommandAnswered,
    CommandRequested,
    ConnectorStatus,
    StatusNotified,
)
from csms.core.ids import CampaignId, ChargerId, CommandId, RequestId
from csms.core.records import CampaignStored, CommandState, Place
from csms.core.replies import CampaignShown, Outcome, Refusal, Refused
from csms.core.restoring import new_epoch
from tests.unit.core.driving import Drive, charger, station

IDS = ("CP001", "CP002", "CP003")
BODY = {"location": "https://files.example/fw.bin"}


def drive(*up: str, grid_kw: int = 400) -> Drive:
    """Three chargers of 50 kW, of which some are connected and provisioned."""
    made = Drive(station(grid_kw, *(charger(name, 50) for name in IDS)))
    made.bring_up(*(up or IDS))
    made.wait(1)
    made.take()
    return made


def begin(
    made: Drive, at_a_time: int = 1, *, ids: tuple[str, ...] = IDS, name: str = "k1", retrieve_ms: int | None = None
) -> Outcome:
    request = RequestId(made.number())
    chargers = tuple(ChargerId(each) for each in ids)
    fact = CampaignRequested(
        request, CampaignId(name), "spring", "test", chargers, at_a_time, json.dumps(BODY), retrieve_ms
    )
    made.do(fact)
    return made.outcomes[request]


def stop(made: Drive, name: str = "k1") -> Outcome:
    request = RequestId(made.number())
    made.do(CampaignStopRequested(request, CampaignId(name)))
    return made.outcomes[request]


def resume(made: Drive, name: str = "k1") -> Outcome:
    request = RequestId(made.number())
    made.do(CampaignResumeRequested(request, CampaignId(name)))
    return made.outcomes[request]


def sent(made: Drive) -> list[str]:
    """Return who was asked since this was last looked at."""
    return [command.charger_id for command in made.take() if isinstance(command, Operate)]


def call_of(made: Drive, charger_id: str) -> Operate:
    (call,) = [c for c in made.open_calls if isinstance(c, Operate) and c.charger_id == charger_id]
    made.open_calls.remove(call)
    return call


def back(made: Drive, *ids: str) -> None:
    """Have chargers connected again, and all they say at it said."""
    for charger_id in ids:
        made.connect(charger_id)
        made.boot(charger_id)
        made.status(charger_id, 1, ConnectorStatus.AVAILABLE)
        made.accept(charger_id)


def accept(made: Drive, charger_id: str) -> None:
    """Answer UpdateFirmware, whose answer is empty (§6.56)."""
    made.do(CommandAnswered(call_of(made, charger_id).token, None, "{}"))


def report(made: Drive, charger_id: str, word: str) -> None:
    made.do(ChargerReported(ChargerId(charger_id), "FirmwareStatusNotification", json.dumps({"status": word})))


def update(made: Drive, charger_id: str, word: str = "Installed") -> None:
    accept(made, charger_id)
    report(made, charger_id, word)


def campaign(made: Drive, name: str = "k1") -> CampaignStored:
    return made.memory.campaigns[CampaignId(name)]


def places(made: Drive, name: str = "k1") -> list[str]:
    return [place.state.value for place in campaign(made, name).places]


def place(made: Drive, number: int) -> Place:
    return campaign(made).places[number - 1]


# --- how many at a time -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("at_a_time", "asked"), [(1, 1), (2, 2), (3, 3), (10, 3)])
def test_so_many_are_under_way_and_no_more(at_a_time: int, asked: int) -> None:
    made = drive()
    shown = begin(made, at_a_time)
    assert isinstance(shown, CampaignShown)
    assert sent(made) == list(IDS[:asked])
    assert places(made) == ["asked"] * asked + ["waiting"] * (3 - asked)
    made.wait(60)
    assert sent(made) == []


def test_each_that_has_installed_makes_place_for_the_next_until_all_are_done() -> None:
    made = drive()
    begin(made)
    for number, charger_id in enumerate(IDS, start=1):
        assert sent(made) == [charger_id]
        update(made, charger_id)
        assert places(made) == ["installed"] * number + ["asked"] * (number < 3) + ["waiting"] * (2 - number)
    assert (campaign(made).state, campaign(made).ended_ms) == ("done", made.now.wall_ms)
    assert [p.command_ids for p in campaign(made).places] == [("k1-1-1",), ("k1-2-1",), ("k1-3-1",)]
    assert made.memory.commands[CommandId("k1-1-1")].asked_by == "test"
    assert made.notices() == set()


def test_the_command_is_durable_with_its_place_and_leaves_after_that() -> None:
    made = drive()
    begin(made)
    (command,) = [c for c in made.last.after_commit if isinstance(c, Operate)]
    assert command not in made.last.at_once
    payload = json.loads(command.payload_json)
    told = datetime.fromtimestamp(made.now.wall_ms // 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert payload == BODY | {"retrieveDate": told}
    kinds = {type(record).__name__ for record in made.last.records}
    assert {"CampaignStored", "CommandStored"} <= kinds


def test_nobody_is_asked_before_its_time() -> None:
    made = drive()
    begin(made, retrieve_ms=made.now.wall_ms + 3_600_500)
    made.wait(3_600)
    assert sent(made) == []
    made.wait(1)
    assert sent(made) == ["CP001"]


# --- who is passed over -----------------------------------------------------------------------------------------------


def test_one_whose_car_has_gone_waits_for_its_turn() -> None:
    made = drive()
    transaction_id = made.start("CP001")
    made.accept()
    begin(made)
    assert places(made) == ["waiting_for_cars", "asked", "waiting"]
    made.stop("CP001", transaction_id)
    assert places(made) == ["waiting", "asked", "waiting"]


def test_one_that_charges_waits_for_its_car_and_holds_up_nobody() -> None:
    made = drive()
    transaction_id = made.start("CP001")
    made.accept()
    made.take()
    begin(made)
    assert sent(made) == ["CP002"]
    made.wait(60)
    assert (places(made)[0], place(made, 1).reason) == ("waiting_for_cars", "a car charges there")
    update(made, "CP002")
    assert sent(made) == ["CP003"]
    update(made, "CP003")
    assert sent(made) == []
    assert places(made) == ["waiting_for_cars", "installed", "installed"]
    made.stop("CP001", transaction_id)
    assert sent(made) == ["CP001"]


@pytest.mark.parametrize(
    ("status", "asked"),
    [
        (ConnectorStatus.CHARGING, False),
        (ConnectorStatus.SUSPENDED_EV, False),
        (ConnectorStatus.SUSPENDED_EVSE, False),
        (ConnectorStatus.AVAILABLE, True),
        (ConnectorStatus.FINISHING, True),
        (ConnectorStatus.UNAVAILABLE, True),
    ],
)
def test_a_transaction_that_nobody_told_us_of_shows_by_its_status(status: ConnectorStatus, *, asked: bool) -> None:
    made = drive("CP001")
    made.status("CP001", 1, status)
    made.take()
    begin(made)
    assert sent(made) == ["CP001"] * asked


def test_one_that_is_away_is_asked_when_it_is_back_and_has_told_its_statuses() -> None:
    made = drive("CP001")
    made.disconnect("CP001")
    begin(made)
    assert (sent(made), place(made, 1).reason) == ([], "the charger is offline")
    made.connect("CP001")
    assert sent(made) == []
    assert place(made, 1).reason == "its connectors have not told their status yet"
    made.status("CP001", 1, ConnectorStatus.AVAILABLE)
    assert sent(made) == ["CP001"]


def test_one_that_never_tells_a_status_is_asked_after_a_minute() -> None:
    made = drive("CP001")
    made.disconnect("CP001")
    made.connect("CP001")
    begin(made)
    made.wait(59)
    assert "CP001" not in sent(made)
    made.wait(2)
    assert "CP001" in sent(made)


def test_one_whose_maximum_has_no_room_waits() -> None:
    made = drive(grid_kw=60)
    transaction_id = made.start("CP003")
    made.accept()
    made.take()
    begin(made, ids=("CP001",))
    assert sent(made) == []
    assert "has no room on grid" in (place(made, 1).reason or "")
    made.stop("CP003", transaction_id)
    made.wait(5)
    assert sent(made) == ["CP001"]


def test_one_that_was_removed_is_skipped() -> None:
    made = drive("CP001", "CP002")
    begin(made)
    made.configure(station(400, charger("CP001", 50), charger("CP002", 50)))
    update(made, "CP001")
    update(made, "CP002")
    assert (places(made)[2], place(made, 3).reason) == ("skipped", "the charger was removed")
    assert campaign(made).state == "done"


def test_one_that_was_removed_under_way_is_skipped_and_halts_nothing() -> None:
    made = drive()
    begin(made)
    accept(made, "CP001")
    made.configure(station(400, charger("CP002", 50), charger("CP003", 50)))
    assert (places(made), place(made, 1).reason) == (["skipped", "asked", "waiting"], "the charger was removed")
    assert campaign(made).state == "running"


# --- on the way -------------------------------------------------------------------------------------------------------


def test_what_a_charger_reports_on_the_way_is_shown() -> None:
    made = drive()
    begin(made)
    accept(made, "CP001")
    seen = []
    for word in ("Idle", "Downloading", "Downloaded", "Idle", "Installing", "Downloading", "Installing", "Installed"):
        report(made, "CP001", word)
        seen.append(places(made)[0])
    assert seen == [
        "asked",
        "downloading",
        "downloading",
        "downloading",
        "installing",
        "downloading",
        "installing",
        "installed",
    ]


def test_installed_may_come_after_the_boot() -> None:
    made = drive("CP001")
    begin(made, ids=("CP001",))
    accept(made, "CP001")
    report(made, "CP001", "Installing")
    made.disconnect("CP001")
    made.connect("CP001")
    made.boot("CP001", "2.0")
    assert places(made) == ["installing"]
    report(made, "CP001", "Installed")
    assert places(made) == ["installed"]
    assert campaign(made).state == "done"


def test_a_report_of_a_charger_that_was_not_asked_changes_nothing() -> None:
    made = drive()
    begin(made)
    for word in ("Downloading", "Installed", "InstallationFailed"):
        report(made, "CP002", word)
    assert places(made) == ["asked", "waiting", "waiting"]


# --- the first failure ------------------------------------------------------------------------------------------------


def _lose(made: Drive) -> None:
    call_of(made, "CP001")
    made.disconnect("CP001")


def _silent(made: Drive) -> None:
    made.do(CallTimedOut(call_of(made, "CP001").token))


def _error(code: str) -> Any:
    return lambda made: made.do(CallErrored(call_of(made, "CP001").token, code))


def _never_installed(made: Drive) -> None:
    accept(made, "CP001")
    made.wait(2 * 3_600)


def _crash(made: Drive) -> None:
    made.open_calls.clear()
    made.recover()
    made.do()


@pytest.mark.parametrize(
    ("fail", "said"),
    [
        (lambda made: update(made, "CP001", "DownloadFailed"), "has failed"),
        (lambda made: update(made, "CP001", "InstallationFailed"), "has failed"),
        (_error("NotImplemented"), "does not know UpdateFirmware"),
        (_error("InternalError"), "with an error"),
        (_silent, "did not answer"),
        (_lose, "nobody knows"),
        (_never_installed, "did not report Installed in time"),
        (_crash, "nobody knows"),
    ],
    ids=["download", "installation", "not known", "error", "silent", "lost", "never installed", "crash"],
)
def test_the_first_failure_halts_it_and_names_the_charger(fail: Any, said: str) -> None:
    made = drive()
    begin(made)
    assert sent(made) == ["CP001"]
    fail(made)
    back(made, *IDS)
    made.wait(600)
    assert sent(made) == []
    assert places(made) == ["failed", "waiting", "waiting"]
    assert said in (place(made, 1).reason or "")
    assert (campaign(made).state, campaign(made).halted_by, campaign(made).ended_ms) == ("halted", "CP001", None)
    assert "campaign_halted:k1" in made.notices()
    (raised,) = [e for e in made.events("notice.raised") if e.detail["notice"] == "campaign_halted:k1"]
    assert (raised.charger_id, raised.detail["severity"]) == ("CP001", "alarm")
    cause = str(raised.detail["cause"])
    assert cause.startswith("CP001: ")
    assert said in cause
    assert cause.endswith("2 of 3 chargers were not begun")


def test_those_under_way_go_on_when_one_fails() -> None:
    made = drive()
    begin(made, 2)
    accept(made, "CP002")
    update(made, "CP001", "InstallationFailed")
    report(made, "CP002", "Installing")
    assert places(made) == ["failed", "installing", "waiting"]
    report(made, "CP002", "Installed")
    assert places(made) == ["failed", "installed", "waiting"]
    assert campaign(made).state == "halted"


def test_a_halted_campaign_goes_on_when_it_is_resumed_and_asks_nobody_again() -> None:
    made = drive()
    begin(made)
    update(made, "CP001", "InstallationFailed")
    made.take()
    assert isinstance(resume(made), CampaignShown)
    assert sent(made) == ["CP002"]
    assert "campaign_halted:k1" not in made.notices()
    update(made, "CP002")
    update(made, "CP003")
    assert (places(made), campaign(made).state) == (["failed", "installed", "installed"], "done")


def test_a_failure_of_the_last_one_stands_until_somebody_has_seen_it() -> None:
    made = drive("CP001")
    begin(made, ids=("CP001",))
    update(made, "CP001", "InstallationFailed")
    assert (campaign(made).state, campaign(made).ended_ms) == ("halted", None)
    stop(made)
    assert (campaign(made).state, campaign(made).ended_ms) == ("stopped", made.now.wall_ms)
    assert made.notices() == set()


def test_who_is_stopped_begins_with_nobody_else_for_good() -> None:
    made = drive()
    begin(made)
    accept(made, "CP001")
    shown = stop(made)
    assert isinstance(shown, CampaignShown)
    assert places(made) == ["asked", "skipped", "skipped"]
    refused = resume(made)
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.CAMPAIGN_ENDED
    report(made, "CP001", "Installed")
    assert places(made) == ["installed", "skipped", "skipped"]
    assert campaign(made).state == "stopped"
    assert isinstance(stop(made), Refused)
    assert isinstance(resume(made), Refused)
    made.take()
    made.wait(60)
    assert sent(made) == []


# --- what never left, and what a crash leaves -------------------------------------------------------------------------


def test_a_command_that_never_left_is_made_anew_a_few_times() -> None:
    made = drive("CP001")
    begin(made, ids=("CP001",))
    for number in range(1, TRIES_MAX + 1):
        assert place(made, 1).command_ids[-1] == f"k1-1-{number}"
        call = call_of(made, "CP001")
        gone = ChargerDisconnected(ChargerId("CP001"), made.connections.pop("CP001"))
        made.do(CallUnsent(call.token), gone)
        made.open_calls.clear()
        made.wait(1)
        made.connect("CP001")
        made.status("CP001", 1, ConnectorStatus.AVAILABLE)
        made.wait(1)
    assert places(made) == ["skipped"]
    assert (campaign(made).state, made.notices()) == ("done", set())


def test_after_a_crash_it_goes_on_and_asks_nobody_twice() -> None:
    made = drive()
    begin(made, 2)
    accept(made, "CP001")
    report(made, "CP001", "Downloading")
    accept(made, "CP002")
    made.open_calls.clear()
    made.recover()
    made.do()
    back(made, *IDS)
    assert places(made) == ["downloading", "asked", "waiting"]
    assert sent(made) == ["CP001", "CP002"]  # before the crash
    report(made, "CP001", "Installed")
    assert sent(made) == ["CP003"]
    report(made, "CP002", "Installed")
    update(made, "CP003")
    assert (places(made), campaign(made).state) == (["installed"] * 3, "done")


def test_a_backup_that_is_restored_halts_it_for_nobody_knows_who_was_asked_since() -> None:
    made = drive()
    begin(made, ids=("CP001", "CP002"))
    epoch = new_epoch(made.memory.snapshot(), frozenset(), made.now.wall_ms, made.now.wall_ms)
    assert not isinstance(epoch, str)
    made.memory.apply(epoch.records)
    made.open_calls.clear()
    made.recover()
    back(made, *IDS)
    made.take()
    made.wait(60)
    assert sent(made) == []
    assert campaign(made).state == "halted"
    assert places(made)[1] == "waiting"
    assert "campaign_halted:k1" in made.notices()


# --- what is refused, and what is booked ------------------------------------------------------------------------------


def test_what_is_refused_changes_nothing() -> None:
    made = drive("CP001")
    refused = begin(made, ids=("CP001", "CP009"))
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.UNKNOWN_CHARGER
    begin(made)
    refused = begin(made, ids=("CP003",), name="k2")
    assert isinstance(refused, Refused)
    assert (refused.refusal, refused.detail) == (
        Refusal.CAMPAIGN_REFUSED,
        "CP003 is in another campaign that has not ended",
    )
    assert list(made.memory.campaigns) == ["k1"]
    assert isinstance(stop(made, "k9"), Refused)
    assert isinstance(resume(made, "k9"), Refused)


def test_too_many_that_have_not_ended() -> None:
    ids = tuple(f"C{number}" for number in range(OPEN_MAX + 1))
    made = Drive(station(400, *(charger(each, 10) for each in ids)))
    for each in ids[:-1]:
        assert isinstance(begin(made, ids=(each,), name=f"k{each}"), CampaignShown)
    refused = begin(made, ids=ids[-1:], name="last")
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.CAMPAIGN_REFUSED


def test_another_update_that_an_operator_asked_for_is_awaited() -> None:
    made = drive("CP001")
    body = json.dumps(BODY | {"retrieveDate": "2027-01-15T08:00:00Z"})
    made.do(CommandRequested(RequestId(1_000), CommandId("own"), ChargerId("CP001"), "UpdateFirmware", body, "test"))
    accept(made, "CP001")
    made.take()
    begin(made, ids=("CP001",))
    assert (sent(made), place(made, 1).reason) == ([], "another update of its firmware is under way")
    report(made, "CP001", "Installed")
    assert sent(made) == ["CP001"]


@pytest.mark.parametrize("crash", [False, True])
def test_an_update_that_nobody_knows_of_halts_the_campaign_before_it_is_asked_again(*, crash: bool) -> None:
    """The charger may be installing: a person looks."""
    made = drive("CP001")
    body = json.dumps(BODY | {"retrieveDate": "2027-01-15T08:00:00Z"})
    made.do(CommandRequested(RequestId(1_000), CommandId("own"), ChargerId("CP001"), "UpdateFirmware", body, "test"))
    begin(made, ids=("CP001",))
    made.take()
    if crash:
        made.recover()
        back(made, "CP001")
    else:
        made.time_out(call_of(made, "CP001"))
    made.wait(300)
    assert sent(made) == []
    assert (campaign(made).state, place(made, 1).state) == ("halted", "failed")
    assert place(made, 1).reason == DOUBTFUL


def test_where_a_driver_was_told_to_plug_in_it_waits() -> None:
    made = drive("CP001")
    body = json.dumps({"connectorId": 1, "idTag": "TAG"})
    command = CommandRequested(
        RequestId(1_000), CommandId("go"), ChargerId("CP001"), "RemoteStartTransaction", body, "test"
    )
    made.do(command)
    made.do(CommandAnswered(call_of(made, "CP001").token, "Accepted", '{"status": "Accepted"}'))
    made.take()
    begin(made, ids=("CP001",))
    assert (sent(made), place(made, 1).reason) == ([], "a car is about to start there")
    made.wait(301)
    assert sent(made) == ["CP001"], "nobody came"


def test_a_command_that_did_not_leave_is_asked_anew_and_not_queued() -> None:
    made = drive("CP001")
    made.hand_over = False
    begin(made, ids=("CP001",))
    call = call_of(made, "CP001")
    made.do(
        CallUnsent(call.token),
        StatusNotified(ChargerId("CP001"), 1, ConnectorStatus.CHARGING),
    )
    assert (places(made), place(made, 1).reason) == (["waiting_for_cars"], "a car charges there")
    assert made.memory.commands[CommandId("k1-1-1")].state is CommandState.EXPIRED


def test_what_is_booked_is_the_commands_alone() -> None:
    made = drive()
    begin(made)
    assert (made.k_kw("CP001"), made.k_kw("CP002")) == (50, 0)
    accept(made, "CP001")
    report(made, "CP001", "Installed")
    assert made.k_kw("CP001") == 50
    made.boot("CP001")
    made.accept("CP001")
    made.wait(30)
    made.accept("CP001")
    assert made.k_kw("CP001") == 0
