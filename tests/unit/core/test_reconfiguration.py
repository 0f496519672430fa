import pytest

from csms.core.commands import AbortConnection, ClearLimits, Trigger
from csms.core.events import ConnectorStatus, StartKey, StationConfigured, TagStatus, TransactionStarted
from csms.core.ids import ChargerId, RequestId, SessionId
from csms.core.station import Circuit, Control
from tests.unit.core.driving import Drive, charger, station

AVAILABLE, CHARGING, FINISHING = ConnectorStatus.AVAILABLE, ConnectorStatus.CHARGING, ConnectorStatus.FINISHING
A, B = charger("A", 100), charger("B", 100)


def charging(grid_kw: int = 200) -> tuple[Drive, int]:
    """Return A and B of 100 kW each, A's car charging at 100 kW, and its transaction."""
    drive = Drive(station(grid_kw, A, B))
    drive.bring_up("A", "B")
    transaction_id = drive.start("A")
    drive.status("A", 1, CHARGING)
    drive.accept()
    drive.wait(100)
    drive.take()
    return drive, transaction_id


def shown(drive: Drive) -> list[str]:
    return sorted(drive.engine.all_changes().chargers)


# --- removed while idle -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [AVAILABLE, FINISHING, ConnectorStatus.FAULTED])
def test_removed_while_idle_nothing_is_booked_at_once(status: ConnectorStatus) -> None:
    drive = Drive(station(200, A, B))
    drive.connect("A")
    drive.status("A", 1, status)
    assert drive.row_kw() == 200, "A was never provisioned, B never came"
    drive.wait(100)
    drive.take()
    drive.configure(station(200, B))
    assert drive.row_kw() == 100
    assert [c.charger_id for c in drive.take() if isinstance(c, AbortConnection)] == ["A"]


def test_a_start_that_came_with_the_removal_of_its_charger_stays_booked() -> None:
    drive = Drive(station(200, A, B))
    drive.bring_up("A")
    drive.wait(100)
    request, start = RequestId(drive.number()), RequestId(drive.number())
    key = StartKey(ChargerId("A"), 1, "TAG", drive.now.wall_ms, 0)
    drive.do(
        StationConfigured(station(200, B), request),
        TransactionStarted(key, TagStatus.ACCEPTED, SessionId("s"), request=start),
    )
    assert (len(drive.open_transactions()), shown(drive)) == (1, ["A", "B"])
    assert [c for c in drive.take() if isinstance(c, AbortConnection)] == [], "it is draining"
    drive.accept()
    assert drive.k_kw("A") == 100


@pytest.mark.parametrize("status", [AVAILABLE, FINISHING, ConnectorStatus.FAULTED])
def test_removed_while_idle_only_sends_younger_than_60_s_keep_it(status: ConnectorStatus) -> None:
    drive = Drive(station(200, A, B))
    drive.bring_up("A")
    drive.status("A", 1, status)
    drive.wait(10)
    drive.configure(station(200, B))
    drive.disconnect("A")
    drive.wait(49)
    assert shown(drive) == ["A", "B"], "its default was sent 59 s ago"
    drive.wait(1)
    assert shown(drive) == ["B"]
    assert drive.memory.chargers.keys() == {"B"}
    assert not drive.memory.sends


def test_a_young_send_stays_booked_under_what_is_left() -> None:
    drive, transaction_id = charging()
    drive.start("B")
    drive.time_out(drive.open_limit("B"))
    drive.stop("B", transaction_id + 1)
    drive.wait(5)
    assert drive.k_kw("B") == 100, "nobody knows whether it was executed"
    drive.configure(station(200, A))
    assert drive.row_kw() == 200
    drive.wait(54)
    assert drive.row_kw() == 200
    drive.wait(1)
    assert drive.row_kw() == 100, "60 s after it was sent"


# --- removed while charging -------------------------------------------------------------------------------------------


def test_removed_while_charging_it_drains() -> None:
    drive, transaction_id = charging()
    drive.configure(station(200, B))
    assert (drive.k_kw("A"), drive.row_kw()) == (100, 100)
    drive.wait(100)
    assert not [c for c in drive.take() if isinstance(c, AbortConnection)], "its connection stays"
    drive.stop("A", transaction_id)
    drive.status("A", 1, FINISHING)
    drive.wait(100)
    assert shown(drive) == ["A", "B"], "the car is still there"
    drive.status("A", 1, AVAILABLE)
    drive.wait(1)
    assert shown(drive) == ["B"]
    assert [type(c) for c in drive.take()] == [ClearLimits, AbortConnection]
    assert drive.record(transaction_id).meter_stop_wh == 1_000


def test_a_draining_charger_is_still_cut_for_others() -> None:
    drive, _ = charging(100)
    drive.configure(station(100, B))
    drive.start("B")
    assert drive.limits() == [("A", 1, 50_000)]
    drive.accept()
    drive.wait(10)
    assert drive.limits() == [("B", 1, 50_000)]


def test_a_draining_charger_keeps_its_own_maximum_and_no_claim_above_it() -> None:
    drive = Drive(station(200, charger("A", 100, 2), B))
    drive.bring_up("A", "B")
    for charger_id, idx in (("A", 1), ("A", 2), ("B", 1)):
        drive.start(charger_id, idx)
        drive.status(charger_id, idx, CHARGING)
        drive.accept()
        drive.wait(11)
        drive.accept()
    drive.wait(30)
    drive.accept()
    drive.take()
    assert [drive.k_kw("A", 1), drive.k_kw("A", 2), drive.k_kw("B")] == [50, 50, 100]
    drive.configure(station(200, B))
    drive.wait(30)
    assert drive.limits() == []
    drive.stop("A", 1)
    drive.status("A", 1, AVAILABLE)
    assert drive.limits() == [("A", 2, 100_000)]


def test_a_draining_charger_survives_a_restart_and_may_come_back() -> None:
    drive, transaction_id = charging()
    drive.configure(station(200, B))
    drive.recover()
    assert (drive.k_kw("A"), drive.open_transactions()) == (100, [transaction_id])
    drive.connect("A")
    drive.configure(station(200, A, B))
    drive.stop("A", transaction_id)
    drive.status("A", 1, AVAILABLE)
    drive.accept()
    drive.wait(100)
    assert shown(drive) == ["A", "B"], "it is configured again"


CIRCUITS = (Circuit("X", None, 50_000), Circuit("Y", "X", 50_000))


@pytest.mark.parametrize(
    ("circuits", "x_kw", "y_kw"),
    [(CIRCUITS, 50, 50), (CIRCUITS[:1], 50, 0), ((), 0, 0)],
    ids=["both stay", "Y goes: under X", "both go: under the grid"],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_what_drains_hangs_under_the_nearest_circuit_that_is_left(
    circuits: tuple[Circuit, ...],
    x_kw: int,
    y_kw: int,
    at_once: bool,  # noqa: FBT001 - a column
) -> None:
    inner = charger("A", 50, circuit="Y")
    drive = Drive(station(100, inner, charger("B", 50), circuits=CIRCUITS))
    drive.bring_up("A")
    drive.start("A")
    drive.accept()
    if not at_once:
        drive.configure(station(100, charger("B", 50), circuits=CIRCUITS))
    drive.configure(station(100, charger("B", 50), circuits=circuits))
    assert (drive.row_kw("X"), drive.row_kw("Y"), drive.k_kw("A")) == (x_kw, y_kw, 50)


def test_a_charger_may_be_removed_while_it_has_a_transaction_from_the_past() -> None:
    drive, transaction_id = charging()
    old_id = drive.start("A", ago_s=3_600)
    drive.stop("A", transaction_id)
    drive.status("A", 1, AVAILABLE)
    drive.wait(100)
    drive.configure(station(200, B))
    drive.start("B")
    drive.accept()
    assert (shown(drive), drive.row_kw()) == (["B"], 100)
    drive.recover()
    drive.stop("A", old_id, known=drive.memory.find_transaction(old_id))
    assert drive.record(old_id).meter_stop_wh == 1_000


# --- values that change -----------------------------------------------------------------------------------------------


def test_a_lowered_max_power_frees_nothing_until_the_limit_was_cut() -> None:
    drive, _ = charging()
    drive.configure(station(200, charger("A", 60), B))
    assert drive.k_kw("A") == 100
    assert drive.limits() == [("A", 1, 60_000)]
    drive.accept()
    assert drive.k_kw("A") == 100, "Accepted, and the car has not let go yet"
    drive.sample("A", 1, 60_000)
    assert drive.k_kw("A") == 60


def test_a_lowered_max_power_of_an_unprovisioned_charger_frees_nothing() -> None:
    drive = Drive(station(200, A, B))
    drive.connect("A")
    drive.configure(station(200, charger("A", 60), B))
    drive.wait(100)
    assert drive.k_kw("A") == 100
    drive.recover()
    assert drive.k_kw("A") == 100
    drive.connect("A")
    drive.status("A", 1, AVAILABLE)
    drive.accept()
    assert drive.k_kw("A") == 0, "provisioned: what it falls back to is known"


def test_a_lowered_max_power_frees_nothing_either_when_a_boot_leaves_nothing_certain() -> None:
    drive, _ = charging()
    drive.configure(station(200, charger("A", 60), B))
    cut = drive.open_limit("A")
    drive.boot("A")
    drive.wait(16)
    assert not drive.provisioned("A"), "its profiles were not asserted in time"
    drive.answer(cut)
    drive.sample("A", 1, 60_000)
    drive.wait(11)
    assert drive.k_kw("A") == 100, "the cut to 60 kW is settled, but the default may be lost: M is 100 kW still"
    drive.recover()
    assert drive.k_kw("A") == 100


def test_a_raised_max_power_is_booked_at_once_where_nothing_is_known() -> None:
    drive = Drive(station(300, A, B))
    drive.connect("A")
    drive.configure(station(300, charger("A", 150), B))
    assert drive.k_kw("A") == 150


def test_a_raised_max_power_is_used_by_a_running_session_only_as_far_as_declared() -> None:
    drive, _ = charging(300)
    drive.configure(station(300, charger("A", 150), B))
    drive.wait(30)
    assert (drive.k_kw("A"), drive.limits()) == (100, [])


@pytest.mark.parametrize(
    ("reserved_kw", "then_kw", "k_kw"),
    [(20, 20, 20), (20, 40, 40), (20, 10, 20), (None, 10, 100), (20, None, 100)],
    ids=[
        "as it was",
        "raised",
        "lowered: frees nothing",
        "set later: frees nothing",
        "left out: maxPower",
    ],
)
def test_reserved_power_of_an_unprovisioned_charger(reserved_kw: int | None, then_kw: int | None, k_kw: int) -> None:
    drive = Drive(station(300, charger("A", 100, reserved_kw=reserved_kw)))
    drive.connect("A")
    drive.configure(station(300, charger("A", 100, reserved_kw=then_kw)))
    assert drive.k_kw("A") == k_kw
    drive.status("A", 1, AVAILABLE)
    drive.accept()
    assert drive.k_kw("A") == 0


def test_a_lowered_grid_capacity_cuts_at_once_and_is_overbooked_until_then() -> None:
    drive, _ = charging()
    drive.configure(station(60, A, B))
    assert drive.limits() == [("A", 1, 60_000)]
    assert drive.row_kw() == 100
    drive.accept()
    drive.sample("A", 1, 61_000)
    assert drive.row_kw() == 60


def test_a_running_session_goes_on_through_a_configuration() -> None:
    drive, transaction_id = charging()
    drive.configure(station(250, B, A))
    assert drive.open_transactions() == [transaction_id]
    assert drive.limits() == []


# --- connectors and control -------------------------------------------------------------------------------------------


def test_a_connector_that_is_added_is_cleared_and_asked_for_its_status() -> None:
    drive = Drive(station(200, A))
    drive.bring_up("A")
    drive.take()
    drive.configure(station(200, charger("A", 100, 2)))
    assert drive.k_kw("A") == 100, "the new one may draw anything"
    drive.accept()
    drive.wait(5)
    asked = drive.take()
    assert [(c.idx, c.stack_level) for c in asked if isinstance(c, ClearLimits)] == [(1, 0), (2, 0), (None, 1)]
    assert [c.requested for c in asked if isinstance(c, Trigger)] == ["StatusNotification"]
    drive.status("A", 2, AVAILABLE)
    assert drive.k_kw("A") == 0


def test_a_connector_that_goes_with_a_session_keeps_it() -> None:
    drive = Drive(station(200, charger("A", 100, 4)))
    drive.bring_up("A")
    transaction_id = drive.start("A", 4)
    drive.accept()
    drive.configure(station(200, A))
    assert drive.open_transactions() == [transaction_id]
    assert (drive.k_kw("A", 4), drive.k_kw("A", 2)) == (100, 0)
    drive.recover()
    assert drive.open_transactions() == [transaction_id]
    drive.connect("A")
    drive.accept()
    drive.stop("A", transaction_id)
    drive.wait(61)
    assert (drive.k_kw("A"), drive.provisioned("A")) == (0, True)


def test_control_auto_until_it_connects_and_ocpp_from_then_on() -> None:
    drive = Drive(station(200, charger("A", 100, control=Control.AUTO), B))
    assert drive.k_kw("A") == 0, "never seen"
    assert drive.rest_start("A", 1, 50).allocated_w == 50_000
    drive.connect("A")
    assert drive.k_kw("A") == 100, "it may draw anything, whatever the client was told"


def test_control_becomes_rest_and_the_connection_is_closed() -> None:
    drive = Drive(station(200, A, B))
    drive.bring_up("A")
    drive.take()
    drive.configure(station(200, charger("A", 100, control=Control.REST), B))
    assert [type(c) for c in drive.take()] == [AbortConnection]
    drive.disconnect("A")
    assert drive.rest_start("A", 1, 50).allocated_w == 50_000
    assert drive.k_kw("A") == 50
