"""What happens to a charger's connection (LEDGER.md §1 and §4; OCPP 1.6 §4.2, §4.9; OCPP-J §5.4)."""

import pytest

from csms.core.commands import SetLimit
from csms.core.events import (
    ChargerBooted,
    ChargerConnected,
    ChargerDisconnected,
    ChargerHeard,
    ConnectorStatus,
    Fact,
    StatusNotified,
)
from csms.core.ids import ChargerId, ConnectionId, RequestId
from csms.core.replies import Confirmed
from csms.core.station import Control
from tests.unit.core.driving import BOOT, T0_WALL_MS, Drive, charger, station

CHARGING, AVAILABLE = ConnectorStatus.CHARGING, ConnectorStatus.AVAILABLE
A = ChargerId("A")

CONTROLS = [
    # control, reserved kW | K never connected, connected, provisioned; maxPower 100
    (Control.AUTO, None, 0, 100, 0),
    (Control.AUTO, 20, 0, 20, 0),
    (Control.OCPP, None, 100, 100, 0),
    (Control.OCPP, 20, 20, 20, 0),
]


@pytest.mark.parametrize(("control", "reserved_kw", "never_kw", "connected_kw", "provisioned_kw"), CONTROLS)
def test_what_is_booked_of_an_idle_charger(
    control: Control, reserved_kw: int | None, never_kw: int, connected_kw: int, provisioned_kw: int
) -> None:
    drive = Drive(station(400, charger("A", 100, 2, control=control, reserved_kw=reserved_kw)))
    assert drive.k_kw("A") == never_kw
    drive.connect("A")
    assert drive.k_kw("A") == connected_kw
    drive.disconnect("A")
    assert drive.k_kw("A") == connected_kw, "it has been seen"
    drive.bring_up("A")
    assert drive.k_kw("A") == provisioned_kw
    drive.disconnect("A")
    drive.wait(86_400)
    assert drive.k_kw("A") == provisioned_kw, "offline it keeps its profiles (§3.13.6)"


def test_reserved_power_counts_no_less_than_a_client_was_told() -> None:
    drive = Drive(station(400, charger("A", 100, 2, control=Control.AUTO, reserved_kw=20)))
    drive.rest_start("A", 1, 50)
    drive.connect("A")
    assert drive.k_kw("A") == 50


@pytest.mark.parametrize(("control", "k_kw"), [(Control.REST, 0), (Control.NONE, 100)])
def test_what_is_booked_of_a_charger_that_never_connects(control: Control, k_kw: int) -> None:
    assert Drive(station(400, charger("A", 100, 2, control=control))).k_kw("A") == k_kw


def test_two_unprovisioned_connectors_count_once() -> None:
    drive = Drive(station(400, charger("A", 100, 2)))
    drive.connect("A")
    drive.status("A", 1, AVAILABLE)
    drive.accept()
    assert (drive.k_kw("A", 1), drive.k_kw("A", 2), drive.k_kw("A")) == (0, 100, 100)


@pytest.mark.parametrize("how", ["offline", "reconnected", "rebooted"])
def test_a_running_limit_stays_booked(how: str) -> None:
    drive = Drive(station(400, charger("A", 100)))
    drive.bring_up("A")
    drive.start("A")
    drive.status("A", 1, CHARGING)
    drive.accept()
    if how == "offline":
        drive.disconnect("A")
    elif how == "reconnected":
        drive.connect("A")
    else:
        drive.boot("A")
    drive.wait(10)
    assert drive.k_kw("A") == 100
    assert drive.open_transactions() == [1]


OLD_CONNECTION: list[tuple[str, list[Fact]]] = [
    ("its end", [ChargerDisconnected(A, ConnectionId(1))]),
    ("a frame", [ChargerHeard(A, ConnectionId(1))]),
    ("a boot", [ChargerBooted(A, ConnectionId(1), BOOT)]),
]


@pytest.mark.parametrize("facts", [row[1] for row in OLD_CONNECTION], ids=[row[0] for row in OLD_CONNECTION])
def test_an_old_connection_says_nothing_any_more(facts: list[Fact]) -> None:
    drive = Drive(station(400, charger("A", 100)))
    drive.connect("A", heard=False)
    assert drive.connect("A", heard=False) == 2
    step = drive.do(*facts)
    assert (step.after_commit, step.at_once) == ((), ())
    shown = drive.engine.all_changes().chargers[A]
    assert shown is not None
    assert shown.online


def test_nothing_is_said_before_the_first_frame() -> None:
    drive = Drive(station(400, charger("A", 100)))
    connection = drive.connect("A", heard=False)
    assert drive.take() == []
    drive.do(ChargerHeard(A, connection))
    assert len(drive.take()) == 1
    step = drive.do(ChargerHeard(A, connection))
    assert step.records == ()


@pytest.mark.parametrize(
    "fact",
    [
        ChargerBooted(ChargerId("GONE"), ConnectionId(9), BOOT, RequestId(7)),
        ChargerBooted(A, ConnectionId(9), BOOT, RequestId(7)),
        StatusNotified(ChargerId("GONE"), 1, CHARGING, request=RequestId(7)),
        StatusNotified(A, 0, ConnectorStatus.FAULTED, request=RequestId(7)),
        StatusNotified(A, 44, CHARGING, request=RequestId(7)),
    ],
)
def test_what_concerns_nobody_is_confirmed_all_the_same(fact: Fact) -> None:
    drive = Drive(station(400, charger("A", 100)))
    drive.bring_up("A")
    drive.do(fact)
    assert drive.outcomes[RequestId(7)] == Confirmed()
    drive.wait(100)
    assert drive.k_kw("A") == 0


def test_statuses_are_kept_with_what_the_charger_said_of_them() -> None:
    drive = Drive(station(400, charger("A", 100)))
    drive.do(StatusNotified(A, 1, ConnectorStatus.FAULTED, "GroundFailure", "L2", 123))
    [event] = drive.events("connector.status_changed")
    assert event.detail == {"status": "Faulted", "error_code": "GroundFailure", "info": "L2", "at_ms": 123}
    assert drive.memory.chargers[A].statuses == {1: ConnectorStatus.FAULTED}


ORDER: list[tuple[str, list[tuple[float, ConnectorStatus, float | None]], ConnectorStatus]] = [
    # caption, statuses (received at s, status, stamped s) | the state
    ("in order", [(0, AVAILABLE, 0), (1, CHARGING, 1)], CHARGING),
    ("an older one later: history", [(5, CHARGING, 5), (6, AVAILABLE, 4)], CHARGING),
    ("from an old queue, behind the present one", [(5, CHARGING, 5), (6, AVAILABLE, -9_000)], CHARGING),
    ("the same second: as they came", [(5, CHARGING, 5), (5.1, AVAILABLE, 5)], AVAILABLE),
    ("no stamp: as they came", [(5, CHARGING, 5), (6, AVAILABLE, None)], AVAILABLE),
    ("a clock set back shows after 2 min", [(0, CHARGING, 0), (120, AVAILABLE, -3_000)], AVAILABLE),
    ("and not before", [(0, CHARGING, 0), (119.9, AVAILABLE, -3_000)], CHARGING),
    ("of tomorrow: it hides nothing", [(5, CHARGING, 86_400), (6, AVAILABLE, 6)], AVAILABLE),
]


@pytest.mark.parametrize(("statuses", "state"), [row[1:] for row in ORDER], ids=[row[0] for row in ORDER])
def test_an_older_status_is_kept_and_changes_nothing(
    statuses: list[tuple[float, ConnectorStatus, float | None]], state: ConnectorStatus
) -> None:
    drive = Drive(station(400, charger("A", 100)))
    drive.connect("A")
    for received_s, status, stamped_s in statuses:
        drive.wait(received_s - drive.now_ms / 1_000)
        at_ms = None if stamped_s is None else T0_WALL_MS + int(stamped_s * 1_000)
        drive.do(StatusNotified(A, 1, status, at_ms=at_ms))
    assert drive.memory.chargers[A].statuses[1] is state
    assert len(drive.events("connector.status_changed")) == len(statuses)


def test_a_status_set_aside_stays_so_when_our_clock_has_stepped() -> None:
    drive, step_ms = Drive(station(400, charger("A", 100))), 3_600_000
    drive.connect("A")
    drive.do(StatusNotified(A, 1, CHARGING, at_ms=T0_WALL_MS))
    drive.do(StatusNotified(A, 1, AVAILABLE, at_ms=T0_WALL_MS - step_ms))
    drive.clock_ms = step_ms
    drive.wait(10)
    drive.sample("A", 1, 1, ago_s=step_ms / 1_000)
    assert drive.memory.chargers[A].statuses[1] is CHARGING, "its clock was not set back: ours was set"


@pytest.mark.parametrize("how", ["reconnected", "rebooted"])
def test_a_new_connection_or_boot_may_have_another_clock(how: str) -> None:
    drive = Drive(station(400, charger("A", 100)))
    drive.connect("A")
    drive.do(StatusNotified(A, 1, CHARGING, at_ms=T0_WALL_MS + 5))
    if how == "reconnected":
        drive.connect("A")
    else:
        drive.boot("A")
    drive.do(StatusNotified(A, 1, AVAILABLE, at_ms=T0_WALL_MS))
    assert drive.memory.chargers[A].statuses[1] is AVAILABLE


def test_what_was_not_answered_on_the_old_connection_is_lost_and_stays_booked() -> None:
    drive = Drive(station(100, charger("A", 100), charger("B", 100)))
    drive.bring_up("A", "B")
    drive.start("A")
    drive.status("A", 1, CHARGING)
    drive.accept()
    drive.sample("A", 1, 90_000)
    drive.start("B")
    drive.status("B", 1, CHARGING)
    cut = drive.open_limit("A")
    drive.connect("A")
    assert drive.memory.sends[cut.token].state == "lost"
    again = [c for c in drive.take() if isinstance(c, SetLimit) and c.charger_id == "A"][-1]
    assert (again.limit_w, again.token > cut.token) == (50_000, True)
    drive.accept("A")
    drive.sample("A", 1, 50_000)
    assert drive.k_kw("A") == 50, "both limits before it were answered or below it"


def test_an_unknown_charger_that_connects_is_no_concern() -> None:
    drive = Drive(station(400, charger("A", 100)))
    step = drive.do(
        ChargerConnected(ChargerId("GONE"), ConnectionId(3)), ChargerDisconnected(ChargerId("GONE"), ConnectionId(3))
    )
    assert step.records == ()


@pytest.mark.parametrize(("status", "plans"), [(ConnectorStatus.AVAILABLE, False), (ConnectorStatus.PREPARING, True)])
def test_a_status_that_says_nothing_new_has_the_station_not_planned_again(
    status: ConnectorStatus,
    plans: bool,  # noqa: FBT001 - a column
) -> None:
    drive = Drive(station(100, charger("A", 100)))
    drive.bring_up("A")
    before = drive.engine._plan
    drive.status("A", 1, status)
    assert (drive.engine._plan is not before) is plans
