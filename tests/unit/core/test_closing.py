"""A transaction that an operator gives up: what is freed, and what comes back with its charger."""

import pytest

from csms.core.events import ConnectorStatus
from csms.core.replies import Refusal, Refused, SessionEnded
from tests.unit.core.driving import Drive, charger, station

AVAILABLE, CHARGING, SUSPENDED = ConnectorStatus.AVAILABLE, ConnectorStatus.CHARGING, ConnectorStatus.SUSPENDED_EV


def gone(share_kw: int = 40) -> tuple[Drive, int]:
    """Return two chargers on 100 kW: A charges with `share_kw` and has lost its connection; its transaction."""
    drive = Drive(station(100, charger("A", share_kw), charger("B", 100)))
    drive.bring_up("A", "B")
    transaction_id = drive.start("A", meter_wh=500)
    drive.status("A", 1, CHARGING)
    drive.accept()
    drive.sample("A", 1, share_kw * 1_000, transaction_id=transaction_id, energy_wh=900)
    drive.wait(20)
    drive.accept()
    drive.disconnect("A")
    return drive, transaction_id


def alarms(drive: Drive) -> list[tuple[str, str]]:
    standing = drive.engine.all_changes().notices or {}
    return [(one.kind, one.cause) for one in standing.values() if one.kind == "uncommanded"]


def test_what_it_was_told_goes_to_others() -> None:
    drive, transaction_id = gone()
    drive.start("B")
    drive.status("B", 1, CHARGING)
    drive.accept()
    drive.draws({("B", 1): 60}, 60)
    assert (drive.k_kw("A"), drive.k_kw("B")) == (40, 60)
    assert drive.close(transaction_id) == SessionEnded()
    drive.accept()
    assert drive.k_kw("A") == 0
    drive.draws({("B", 1): 60}, 30)
    assert drive.k_kw("B") == 100
    record = drive.record(transaction_id)
    assert (record.end_reason, record.meter_stop_wh, record.flags) == ("ClosedByOperator", 900, ("no_stop_received",))


def test_what_was_sent_a_moment_ago_stays_booked_until_it_cannot_be_executed_any_more() -> None:
    drive = Drive(station(100, charger("A", 40)))
    drive.bring_up("A")
    transaction_id = drive.start("A")
    drive.disconnect("A")
    assert drive.close(transaction_id) == SessionEnded()
    assert drive.k_kw("A") == 40, "its limit was on the wire"
    drive.wait(60)
    assert drive.k_kw("A") == 0


@pytest.mark.parametrize("crash", [False, True])
def test_with_its_charger_what_it_was_told_comes_back_until_nothing_flows(crash: bool) -> None:  # noqa: FBT001 - a column
    drive, transaction_id = gone()
    drive.close(transaction_id)
    if crash:
        drive.recover()
    drive.connect("A", heard=False)
    assert drive.k_kw("A") == 40, "nobody has seen that its car stopped"
    drive.status("A", 1, SUSPENDED)
    drive.sample("A", 1, 0)
    assert drive.k_kw("A") == 40, "a car that pauses may go on"
    assert alarms(drive) == [
        ("uncommanded", f"transaction {transaction_id} was closed and may run on; 40000 W are booked for it")
    ]
    drive.status("A", 1, AVAILABLE)
    drive.accept()
    drive.wait(1)
    assert drive.k_kw("A") == 0
    assert alarms(drive) == []


def test_its_stop_is_its_true_end() -> None:
    drive, transaction_id = gone()
    drive.close(transaction_id, 1_200)
    assert drive.record(transaction_id).meter_stop_wh == 1_200
    drive.connect("A")
    drive.stop("A", transaction_id, 1_500)
    record = drive.record(transaction_id)
    assert (record.meter_stop_wh, record.end_reason) == (1_500, "Local")
    assert alarms(drive) == []
    drive.accept()
    assert drive.k_kw("A", 1) == 0


def test_a_start_of_now_tells_that_it_is_over_and_an_older_one_does_not() -> None:
    drive, transaction_id = gone()
    drive.close(transaction_id)
    drive.connect("A")
    drive.start("A", tag="OLD", ago_s=3_600)
    assert drive.k_kw("A", 1) == 40
    drive.start("A", tag="NEW")
    drive.status("A", 1, CHARGING)
    drive.accept()
    drive.sample("A", 1, 1_000)
    drive.start("B")
    drive.status("B", 1, CHARGING)
    drive.draws({("A", 1): 40, ("B", 1): 60}, 60)
    assert drive.k_kw("A", 1) == 40


def test_of_a_charger_that_is_there_none_is_closed() -> None:
    drive, transaction_id = gone()
    drive.connect("A")
    refused = drive.close(transaction_id)
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.CHARGER_CONNECTED
    assert drive.open_transactions() == [transaction_id]


def test_a_record_of_the_past_is_closed_though_its_charger_is_there() -> None:
    drive, present = gone()
    drive.connect("A")
    history = drive.start("A", tag="OLD", ago_s=3_600)
    assert drive.close(history) == SessionEnded()
    assert drive.open_transactions() == [present]
    assert drive.k_kw("A", 1) == 40


def test_what_cannot_be_closed() -> None:
    drive, transaction_id = gone()
    low = drive.close(transaction_id, 499)
    assert low == Refused(Refusal.METER_STOP_TOO_LOW, "it began at 500 Wh")
    drive.close(transaction_id)
    again = drive.close(transaction_id)
    assert isinstance(again, Refused)
    assert again.refusal is Refusal.TRANSACTION_ENDED


def test_a_register_below_the_last_reading_is_suspect() -> None:
    drive, transaction_id = gone()
    drive.close(transaction_id, 600)
    assert drive.record(transaction_id).flags == ("no_stop_received", "suspect")
