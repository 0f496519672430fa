"""Safe mode: equal shares, said until they are settled, and no raise whatever happens."""

import pytest

from csms.core.events import ConnectorStatus
from csms.core.station import Control
from tests.unit.core.driving import Drive, charger, station

AVAILABLE, CHARGING = ConnectorStatus.AVAILABLE, ConnectorStatus.CHARGING


def two_cars(*, min_w: int = 0) -> Drive:
    """Return a station of 100 kW in which A got 80 kW as its car wants, B the rest, and safe mode has begun."""
    drive = Drive(station(100, charger("A", 80, min_w=min_w), charger("B", 100), charger("C", 100)))
    drive.bring_up("A", "B", "C")
    drive.start("A")
    drive.accept()
    drive.status("A", 1, CHARGING)
    assert drive.k_kw("A") == 80
    return drive


def begin(drive: Drive) -> None:
    """Begin safe mode, with every charger connected as before."""
    drive.recover(safe=True)
    for charger_id in ("A", "B", "C"):
        drive.connect(charger_id)
    drive.status("A", 1, CHARGING)
    if drive.open_transactions() == [1, 2]:
        drive.status("B", 1, CHARGING)
    drive.accept()
    drive.take()


def settle(drive: Drive) -> None:
    """Accept what is said, let the cars let go, and let what was lost with the process become harmless."""
    for _ in range(8):
        drive.accept()
        drive.wait(11)


def test_every_car_is_cut_to_an_equal_share_and_the_share_of_who_leaves_is_nobodys() -> None:
    drive = two_cars()
    second = drive.start("B")
    drive.status("B", 1, CHARGING)
    settle(drive)
    assert (drive.k_kw("A"), drive.k_kw("B")) == (50, 50)
    begin(drive)
    drive.configure(station(60, charger("A", 80), charger("B", 100), charger("C", 100)))
    settle(drive)
    assert (drive.k_kw("A"), drive.k_kw("B")) == (30, 30)
    drive.stop("B", second)
    drive.status("B", 1, AVAILABLE)
    settle(drive)
    assert (drive.k_kw("A"), drive.row_kw()) == (30, 30)
    assert drive.notices() >= {"safe_mode"}


def test_a_new_car_waits_and_costs_the_others_their_share() -> None:
    drive = two_cars()
    begin(drive)
    drive.start("B")
    settle(drive)
    assert (drive.k_kw("A"), drive.k_kw("B")) == (50, 0)


def test_a_share_that_no_car_can_charge_with_is_nothing() -> None:
    drive = two_cars(min_w=60_000)
    begin(drive)
    drive.start("B")
    settle(drive)
    assert drive.k_kw("A") == 0


def test_a_cut_is_said_again_until_it_is_settled() -> None:
    drive = two_cars()
    begin(drive)
    drive.start("B")
    drive.wait(1)
    for _ in range(3):
        drive.time_out(drive.open_limit("A"))
        drive.wait(31)
        assert drive.open_limit("A").limit_w == 50_000
        assert drive.k_kw("A") == 80, "silence frees nothing"
    settle(drive)
    assert drive.k_kw("A") == 50


def test_clients_over_rest_get_no_more_than_they_had() -> None:
    drive = Drive(station(100, charger("A", 80, control=Control.REST), charger("B", 100, control=Control.REST)))
    first = drive.rest_start("A", 1, 80)
    assert first.allocated_w == 80_000
    drive.recover(safe=True)
    second = drive.rest_start("B", 1, 80)
    assert second.allocated_w == 0
    assert drive.update(first.session_id, 80).allocated_w == 50_000
    assert drive.update(second.session_id, 0).allocated_w == 0
    drive.rest_stop(first.session_id)
    assert drive.update(second.session_id, 0).allocated_w == 0


@pytest.mark.parametrize("reserved_kw", [10, 50])
def test_a_charger_that_is_not_provisioned_is_told_no_more_than_is_booked_for_it(reserved_kw: int) -> None:
    drive = Drive(station(100, charger("A", 80, 2, reserved_kw=reserved_kw)))
    drive.recover(safe=True)
    drive.connect("A")
    drive.status("A", 1, CHARGING)
    drive.start("A")
    drive.wait(1)
    drive.accept()
    assert drive.row_kw() == reserved_kw
