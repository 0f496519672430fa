import pytest

from csms.core.commands import RemoteStart, RemoteStop, SetLimit
from csms.core.events import ConnectorStatus, TagStatus
from csms.core.ids import RequestId, SessionId
from csms.core.replies import Refusal, Refused, SessionEnded
from csms.core.station import Control
from tests.unit.core.driving import Drive, charger, station

REST = Control.REST


def rest_site(grid_kw: int = 400, **kwargs: int) -> Drive:
    return Drive(
        station(
            grid_kw,
            charger("A", 200, 2, control=REST),
            charger("B", 300, 2, control=REST),
            charger("C", 300, 2, control=REST),
            rest_timeout_s=kwargs.get("timeout_s", 86_400),
        )
    )


def refused(drive: Drive, request: int) -> Refusal:
    outcome = drive.outcomes[request]  # type: ignore[index]
    assert isinstance(outcome, Refused), outcome
    return outcome.refusal


# --- the documented scenarios -----------------------------------------------------------------------------------------


def test_scenario_1_two_cars_on_one_charger() -> None:
    drive = Drive(station(400, charger("A", 200, 2, control=REST)))
    one, two = drive.rest_start("A", 1, 150), drive.rest_start("A", 2, 150)
    assert (one.allocated_w, two.allocated_w) == (150_000, 50_000)
    assert drive.update(one.session_id, 150).allocated_w == 100_000
    assert drive.update(two.session_id, 50).allocated_w == 100_000
    assert drive.row_kw() == 200


def test_scenario_2_four_cars_on_two_chargers() -> None:
    drive = Drive(station(400, charger("A", 300, 2, control=REST), charger("B", 300, 2, control=REST)))
    cars = [drive.rest_start("A", 1, 150), drive.rest_start("A", 2, 150)]
    assert [c.allocated_w for c in cars] == [150_000, 150_000]
    cars.append(drive.rest_start("B", 1, 150))
    assert cars[2].allocated_w == 100_000

    def update_all(*used_kw: int) -> list[int]:
        return [drive.update(c.session_id, kw).allocated_w // 1_000 for c, kw in zip(cars, used_kw, strict=True)]

    assert update_all(150, 150, 100) == [133, 133, 133]
    cars.append(drive.rest_start("B", 2, 150))
    assert cars[3].allocated_w == 1_000, "400 − 3 · 133"
    assert update_all(133, 133, 133, 1) == [100, 100, 100, 100]
    drive.rest_stop(cars[0].session_id)
    del cars[0]
    assert update_all(100, 100, 100) == [133, 133, 133]
    assert drive.row_kw() == 399


# --- the rule of power-update -----------------------------------------------------------------------------------------

UPDATES: list[tuple[str, list[tuple[int, int]], list[tuple[int, int]]]] = [
    # caption, updates (seconds waited before, consumed kW) | (vehicleMaxPower, allocatedPower) after each, kW
    ("uses all of it", [(1, 150)], [(150, 150)]),
    ("uses less: that is its maximum at once", [(1, 40)], [(40, 40)]),
    ("uses nothing", [(1, 0)], [(0, 0)]),
    ("uses more than it may", [(1, 170)], [(150, 150)]),
    ("probed from 60 s after", [(1, 40), (59, 40), (1, 40), (1, 45)], [(40, 40), (40, 40), (45, 45), (50, 50)]),
]


@pytest.mark.parametrize(("updates", "shown"), [row[1:] for row in UPDATES], ids=[row[0] for row in UPDATES])
def test_power_update(updates: list[tuple[int, int]], shown: list[tuple[int, int]]) -> None:
    drive = rest_site()
    session_id = drive.rest_start("A", 1, 150).session_id
    seen = []
    for wait_s, consumed_kw in updates:
        drive.wait(wait_s)
        view = drive.update(session_id, consumed_kw)
        seen.append((view.vehicle_max_w // 1_000, view.allocated_w // 1_000))
        assert drive.k_kw("A") == view.allocated_w / 1_000, "exactly what was answered is booked"
    assert seen == shown


def test_a_fraction_of_a_kilowatt_is_rounded_down_and_not_booked() -> None:
    drive = rest_site()
    view = drive.rest_start("A", 1, 40.9)
    assert (view.vehicle_max_w, view.allocated_w, view.booked_w) == (40_900, 40_000, 40_000)


ECHOES: list[tuple[str, list[tuple[int, int | None]], list[int], int]] = [
    # caption, updates of the first car (consumed, echo) | answers kW, booked kW at the end
    ("no echo: booked falls with the answer", [(200, None)], [100], 100),
    ("echoes what it obeys: not yet", [(200, 200)], [100], 200),
    ("echoes the cut: now", [(200, 200), (100, 100)], [100, 100], 100),
    ("echoes the old one again", [(200, 200), (200, 200)], [100, 100], 200),
    ("echoed once, then silent about it", [(200, 200), (100, None)], [100, 100], 200),
]


@pytest.mark.parametrize(("updates", "answers_kw", "booked_kw"), [r[1:] for r in ECHOES], ids=[r[0] for r in ECHOES])
def test_where_a_client_echoes_booked_power_falls_only_on_the_echo(
    updates: list[tuple[int, int | None]], answers_kw: list[int], booked_kw: int
) -> None:
    drive = rest_site(200)
    one = drive.rest_start("A", 1, 200)
    two = drive.rest_start("B", 1, 200)
    assert (one.allocated_w, two.allocated_w) == (200_000, 0)
    told = []
    for consumed_kw, echo_kw in updates:
        drive.wait(1)
        told.append(drive.update(one.session_id, consumed_kw, echo_kw).allocated_w // 1_000)
    assert told == answers_kw
    assert drive.k_kw("A") == booked_kw
    assert drive.update(two.session_id, 200).allocated_w == (200 - booked_kw) * 1_000, "the other one gets the rest"


def test_an_echo_of_something_never_told_is_booked_as_far_as_the_charger_can_draw_it() -> None:
    drive = rest_site()
    session_id = drive.rest_start("A", 1, 50).session_id
    drive.update(session_id, 50, 900)
    assert drive.k_kw("A") == 200


# --- clients that fall silent -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("silent_s", "target_kw"), [(60, 125), (61, 50)])
def test_a_client_silent_for_60_s_is_a_load_that_cannot_be_cut(silent_s: int, target_kw: int) -> None:
    drive = rest_site(250)
    drive.rest_start("A", 1, 200)
    drive.wait(silent_s)
    other = drive.rest_start("B", 1, 200)
    assert (other.target_w, other.allocated_w) == (target_kw * 1_000, 50_000)


def test_a_client_silent_for_15_minutes_raises_an_alarm_and_a_call_clears_it() -> None:
    drive = rest_site()
    session_id = drive.rest_start("A", 1, 50).session_id
    drive.wait(899)
    assert drive.notices() == set()
    drive.wait(1)
    assert drive.notices() == {f"silent_client:{session_id}"}
    drive.update(session_id, 50)
    assert drive.notices() == set()
    assert drive.k_kw("A") == 50


def test_a_client_silent_for_the_configured_time_is_ended() -> None:
    drive = rest_site(timeout_s=3_600)
    session_id = drive.rest_start("A", 1, 50).session_id
    drive.wait(3_599)
    assert drive.k_kw("A") == 50
    drive.wait(1)
    assert drive.k_kw("A") == 0
    assert drive.memory.sessions[session_id].end_reason == "SilentClient"
    assert drive.outcomes[drive.rest_stop(session_id)] == SessionEnded(), "a stop after that is done already"


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("charger_id", "idx", "refusal"),
    [
        ("X", 1, Refusal.UNKNOWN_CONNECTOR),
        ("A", 0, Refusal.UNKNOWN_CONNECTOR),
        ("A", -1, Refusal.UNKNOWN_CONNECTOR),
        ("A", 3, Refusal.UNKNOWN_CONNECTOR),
        ("A", 1, Refusal.CONNECTOR_IN_USE),
        ("N", 1, Refusal.NOT_CONTROLLED),
        ("O", 1, Refusal.CHARGER_OFFLINE),
    ],
)
def test_sessions_that_cannot_be_started(charger_id: str, idx: int, refusal: Refusal) -> None:
    chargers = (
        charger("A", 50, 2, control=REST),
        charger("N", 50, control=Control.NONE),
        charger("O", 50, control=Control.OCPP),
    )
    drive = Drive(station(400, *chargers))
    drive.rest_start("A", 1, 50)
    before_kw = drive.row_kw()
    assert refused(drive, drive.post(charger_id, idx, 50)) is refusal
    assert drive.row_kw() == before_kw


def test_stop_once_twice_and_of_nothing() -> None:
    drive = rest_site()
    session_id = drive.rest_start("A", 1, 50).session_id
    assert drive.outcomes[drive.rest_stop(session_id)] == SessionEnded()
    assert drive.k_kw("A") == 0
    assert drive.outcomes[drive.rest_stop(session_id)] == SessionEnded()
    assert refused(drive, drive.rest_stop("nobody")) is Refusal.UNKNOWN_SESSION
    assert drive.outcomes[drive.rest_stop("older", ended_before=True)] == SessionEnded(), "the store knew it"
    assert drive.memory.sessions[session_id].end_reason == "Remote"


def test_update_of_nothing() -> None:
    drive = rest_site()
    session_id = drive.rest_start("A", 1, 50).session_id
    drive.rest_stop(session_id)
    with pytest.raises(AssertionError, match="unknown_session"):
        drive.update(session_id, 50)


# --- over OCPP --------------------------------------------------------------------------------------------------------


def ocpp_site() -> Drive:
    drive = Drive(station(100, charger("A", 100, 2), charger("B", 100)))
    drive.bring_up("A", "B")
    drive.take()
    return drive


def test_a_remote_start_is_answered_with_the_first_limit() -> None:
    drive = ocpp_site()
    request = drive.post("A", 1, 60, "MYTAG")
    [command] = drive.take()
    assert isinstance(command, RemoteStart)
    assert (command.charger_id, command.idx, command.id_tag) == ("A", 1, "MYTAG")
    drive.answer(command)
    assert request not in drive.outcomes, "Accepted is not yet a start"
    transaction_id = drive.start("A", 1, tag="mytag")
    view = drive.shown(request)
    assert (view.transaction_id, view.allocated_w, view.vehicle_max_w) == (transaction_id, 60_000, 60_000)


def test_a_remote_start_of_a_charger_whose_clock_is_behind_is_answered_with_its_first_limit() -> None:
    drive = ocpp_site()
    request = drive.post("A", 1, 60, "MYTAG")
    drive.accept()
    drive.start("A", 1, tag="MYTAG", ago_s=3_600)
    assert request not in drive.outcomes, "it may be an old start: it is not steered before the queue is quiet"
    drive.wait(2)
    assert drive.shown(request).allocated_w == 60_000


def test_a_start_out_of_an_offline_queue_does_not_answer_a_remote_start() -> None:
    drive = ocpp_site()
    request = drive.post("A", 1, 60, "MYTAG")
    drive.accept()
    drive.stop("A", drive.start("A", 1, tag="MYTAG", ago_s=3_600), ago_s=1_800)
    drive.wait(10)
    assert request not in drive.outcomes
    running = drive.start("A", 1, tag="MYTAG")
    assert drive.shown(request).transaction_id == running


def test_a_remote_start_without_room_is_answered_as_paused() -> None:
    drive = Drive(station(10, charger("A", 11, min_w=4_140, phases=3), charger("B", 11, min_w=6_000, phases=3)))
    drive.bring_up("A", "B")
    drive.start("A")
    request = drive.post("B", 1, 11, "MYTAG")
    drive.accept()
    drive.start("B", tag="MYTAG")
    view = drive.shown(request)
    assert (view.allocated_w, view.limited_by) == (0, "no_room")


@pytest.mark.parametrize(
    ("fate", "refusal"),
    [
        ("Rejected", Refusal.CHARGER_REFUSED),
        ("error", Refusal.CHARGER_REFUSED),
        ("time-out", Refusal.CHARGER_SILENT),
        ("unsent", Refusal.CHARGER_OFFLINE),
        ("gone", Refusal.CHARGER_OFFLINE),
        ("replaced", Refusal.CHARGER_OFFLINE),
    ],
)
@pytest.mark.parametrize("stopping", [False, True])
def test_remote_calls_that_come_to_nothing(fate: str, refusal: Refusal, stopping: bool) -> None:  # noqa: FBT001 - a column
    drive = ocpp_site()
    if stopping:
        view = drive.view(drive.start("A", 1))
        drive.accept()
        drive.take()
        request = drive.rest_stop(view.session_id)
    else:
        request = drive.post("A", 1, 60)
    [command] = drive.take()
    assert isinstance(command, RemoteStart | RemoteStop)
    if fate == "Rejected":
        drive.answer(command, "Rejected")
    elif fate == "error":
        drive.error(command)
    elif fate == "time-out":
        drive.time_out(command)
    elif fate == "unsent":
        drive.unsent(command)
    elif fate == "gone":
        drive.disconnect("A")
    else:
        drive.connect("A")
    assert refused(drive, request) is refusal
    if not stopping and "A" in drive.connections:
        drive.post("A", 1, 60)
        assert isinstance(drive.take()[-1], RemoteStart), "the connector is free for another try"


def test_a_remote_start_with_a_tag_that_is_refused_at_the_start() -> None:
    drive = ocpp_site()
    request = drive.post("A", 1, 60, "MYTAG")
    drive.accept()
    drive.start("A", 1, tag="MYTAG", verdict=TagStatus.BLOCKED)
    assert refused(drive, request) is Refusal.CHARGER_REFUSED


def test_a_connector_is_not_asked_twice_at_once() -> None:
    drive = ocpp_site()
    drive.post("A", 1, 60)
    assert refused(drive, drive.post("A", 1, 60)) is Refusal.CONNECTOR_IN_USE
    drive.start("A", 2, tag="OTHER")
    assert refused(drive, drive.post("A", 2, 60)) is Refusal.CONNECTOR_IN_USE


def test_a_remote_start_that_nobody_plugs_in_for_is_given_up() -> None:
    drive = ocpp_site()
    request = drive.post("A", 1, 60)
    drive.accept()
    drive.wait(299)
    assert request not in drive.outcomes
    drive.wait(1)
    assert refused(drive, request) is Refusal.CHARGER_SILENT
    drive.take()
    drive.post("A", 1, 60)
    assert [type(c) for c in drive.take()] == [RemoteStart]


def test_another_tag_ends_a_remote_start_and_keeps_its_own_demand() -> None:
    drive = ocpp_site()
    request = drive.post("A", 1, 60, "MYTAG")
    drive.accept()
    transaction_id = drive.start("A", 1, tag="OTHER")
    assert refusal(drive, request) is Refusal.CONNECTOR_IN_USE
    assert drive.view(transaction_id).vehicle_max_w == 100_000


def test_a_remote_stop_is_done_when_it_is_accepted_and_frees_nothing_by_itself() -> None:
    drive = ocpp_site()
    transaction_id = drive.start("A", 1)
    drive.accept()
    drive.take()
    request = drive.rest_stop(drive.view(transaction_id).session_id)
    [command] = drive.take()
    assert isinstance(command, RemoteStop)
    assert command.transaction_id == transaction_id
    drive.answer(command)
    assert drive.outcomes[request] == SessionEnded()
    assert (drive.k_kw("A"), drive.open_transactions()) == (100, [transaction_id])
    drive.stop("A", transaction_id)
    assert drive.k_kw("A") == 0


def test_power_update_of_an_ocpp_session_is_one_more_sample() -> None:
    drive = ocpp_site()
    transaction_id = drive.start("A", 1)
    drive.status("A", 1, ConnectorStatus.CHARGING)
    drive.accept()
    session_id = drive.view(transaction_id).session_id
    for _ in range(6):
        drive.wait(10)
        view = drive.update(session_id, 40)
    assert (view.consumed_w, view.vehicle_max_w) == (40_000, 44_000)


@pytest.mark.parametrize("idx", [0, 9])
def test_power_update_of_a_session_on_an_unknown_connector_changes_nothing(idx: int) -> None:
    drive = ocpp_site()
    before = drive.number() + 1
    transaction_id = drive.start("A", idx)
    drive.update(SessionId(f"s{before}"), 40)
    assert drive.row_kw() == 0
    drive.stop("A", transaction_id)
    assert drive.record(transaction_id).meter_stop_wh == 1_000


# --- a charger that connects under a REST-driven session --------------------------------------------------------------


def test_a_rest_session_stays_so_to_its_end_and_the_charger_books_its_maximum() -> None:
    drive = Drive(station(400, charger("A", 200, 2, control=Control.AUTO)))
    session_id = drive.rest_start("A", 1, 150).session_id
    assert drive.k_kw("A") == 150
    drive.connect("A")
    drive.boot("A")
    for idx in (1, 2):
        drive.status("A", idx, ConnectorStatus.AVAILABLE)
    drive.accept()
    assert drive.k_kw("A") == 200
    assert drive.update(session_id, 150).session_id == session_id
    assert [c for c in drive.take() if isinstance(c, SetLimit) and c.idx] == []
    drive.rest_stop(session_id)
    assert drive.k_kw("A") == 0, "now it can be provisioned"
    assert refused(drive, drive.post("A", 5, 10)) is Refusal.UNKNOWN_CONNECTOR
    drive.take()
    drive.post("A", 1, 10)
    assert [type(c) for c in drive.take()] == [RemoteStart]


@pytest.mark.parametrize(("after_s", "first"), [(29, None), (30, Refusal.CHARGER_SILENT)])
def test_a_remote_start_that_led_to_nothing_gives_way(after_s: int, first: Refusal | None) -> None:
    drive = ocpp_site()
    one = drive.post("A", 1, 60, "MYTAG")
    drive.accept()
    drive.wait(after_s)
    two = drive.post("A", 1, 60, "MYTAG")
    assert (refusal(drive, one), refusal(drive, two)) == (first, None if first else Refusal.CONNECTOR_IN_USE)


def refusal(drive: Drive, request: int) -> Refusal | None:
    outcome = drive.outcomes.get(RequestId(request))
    assert outcome is None or isinstance(outcome, Refused)
    return None if outcome is None else outcome.refusal
