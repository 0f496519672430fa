import pytest

from csms.core.events import ConnectorStatus
from tests.unit.core.driving import Drive, charger, station

AVAILABLE, CHARGING = ConnectorStatus.AVAILABLE, ConnectorStatus.CHARGING


def charging() -> tuple[Drive, int]:
    """Return a charger of 100 kW whose car has charged for 20 s, and its transaction."""
    drive = Drive(station(100, charger("A", 100)))
    drive.bring_up("A")
    transaction_id = drive.start("A")
    drive.status("A", 1, CHARGING)
    drive.accept()
    drive.wait(20)
    return drive, transaction_id


# --- transactions that nobody stops -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("after_s", "is_open"), [(59, True), (60, False)])
def test_available_for_60_s_closes_a_transaction(after_s: int, is_open: bool) -> None:  # noqa: FBT001 - a column
    drive, transaction_id = charging()
    drive.status("A", 1, AVAILABLE)
    drive.wait(after_s)
    assert (drive.open_transactions() == [transaction_id]) is is_open
    if not is_open:
        record = drive.record(transaction_id)
        assert (record.end_reason, record.flags) == ("NoStopReceived", ("no_stop_received",))
        assert drive.k_kw("A") == 0


def test_meter_flow_keeps_a_transaction_of_an_available_connector_open() -> None:
    drive, transaction_id = charging()
    drive.status("A", 1, AVAILABLE)
    for _ in range(12):
        drive.wait(10)
        drive.sample("A", 1, 5_000)
    assert drive.open_transactions() == [transaction_id]
    drive.sample("A", 1, 0)
    drive.wait(60)
    assert drive.open_transactions() == []


def test_what_samples_still_name_is_no_zombie() -> None:
    drive, transaction_id = charging()
    drive.status("A", 1, AVAILABLE)
    for _ in range(12):
        drive.wait(10)
        drive.sample("A", 1, 0, transaction_id=transaction_id)
    assert drive.open_transactions() == [transaction_id], "Available is an old word that came late"
    drive.wait(60)
    assert drive.open_transactions() == []


def test_a_start_on_a_connector_that_has_long_been_available_is_no_zombie() -> None:
    drive = Drive(station(100, charger("A", 100)))
    drive.bring_up("A")
    drive.wait(500)
    transaction_id = drive.start("A")
    drive.accept()
    drive.wait(3_600)
    assert drive.open_transactions() == [transaction_id], "Available was said before the start"
    drive.status("A", 1, AVAILABLE)
    drive.wait(60)
    assert drive.open_transactions() == []


def test_offline_nothing_is_closed() -> None:
    drive, transaction_id = charging()
    drive.status("A", 1, AVAILABLE)
    drive.wait(30)
    drive.disconnect("A")
    drive.wait(3_600)
    assert drive.open_transactions() == [transaction_id]


@pytest.mark.parametrize("restart", [False, True])
def test_the_60_s_begin_anew_with_a_status_on_the_new_connection(restart: bool) -> None:  # noqa: FBT001 - a column
    drive, transaction_id = charging()
    drive.status("A", 1, AVAILABLE)
    drive.wait(30)
    if restart:
        drive.recover()
    else:
        drive.disconnect("A")
    drive.wait(30)
    drive.connect("A")
    drive.accept()
    drive.wait(100)
    assert drive.open_transactions() == [transaction_id], "no status was said on this connection"
    drive.status("A", 1, AVAILABLE)
    drive.wait(59)
    assert drive.open_transactions() == [transaction_id]
    drive.wait(1)
    assert drive.open_transactions() == []


def test_what_is_remembered_was_not_said_on_a_connection_that_comes_in_the_same_moment() -> None:
    """After a write that failed the live connections announce themselves to the new core at once."""
    drive = Drive(station(100, charger("A", 100)))
    drive.bring_up("A")
    drive.status("A", 1, AVAILABLE)
    transaction_id = drive.start("A")
    drive.recover()
    drive.connect("A")
    drive.accept()
    drive.wait(100)
    assert drive.open_transactions() == [transaction_id]


def test_a_status_older_than_the_power_that_flows_makes_nothing_certain() -> None:
    drive = Drive(station(300, charger("A", 100), charger("B", 100)))
    drive.connect("A")
    drive.status("A", 1, AVAILABLE)
    drive.answer(drive.open_calls[0])
    drive.answer(drive.open_limit("A", 0))
    drive.wait(1)
    drive.sample("A", 1, 90_000)
    drive.accept("A")
    assert (drive.provisioned("A"), drive.k_kw("A")) == (False, 100), "its meter tells 90 kW under a default of 0"
    for _ in range(5):
        drive.wait(10)
        drive.sample("A", 1, 90_000)
    assert drive.k_kw("A") == 100
    drive.sample("A", 1, 0)
    assert drive.k_kw("A") == 0


def test_a_status_newer_than_the_power_that_flowed_is_believed() -> None:
    drive = Drive(station(300, charger("A", 100), charger("B", 100)))
    drive.connect("A")
    drive.status("A", 1, CHARGING)
    drive.answer(drive.open_calls[0])
    drive.answer(drive.open_limit("A", 0))
    drive.wait(1)
    drive.sample("A", 1, 90_000)
    drive.wait(1)
    drive.status("A", 1, AVAILABLE)
    drive.accept("A")
    assert drive.k_kw("A") == 0


def test_a_mean_over_a_time_settles_no_limit_that_was_accepted_within_it() -> None:
    drive = Drive(station(100, charger("A", 100), charger("B", 100)))
    drive.bring_up("A", "B")
    drive.start("A")
    drive.status("A", 1, ConnectorStatus.CHARGING)
    drive.accept()
    for energy_wh in (0, 100, 200):  # a meter that tells the register alone, and a car that draws 36 kW
        drive.wait(10)
        drive.sample("A", 1, None, energy_wh=energy_wh)
    drive.start("B")
    drive.wait(8)
    drive.answer(drive.open_limit("A"))
    assert drive.k_kw("A", 1) == 100
    drive.wait(2)
    drive.sample("A", 1, None, energy_wh=300)
    assert drive.k_kw("A", 1) == 100, "36 kW in the mean of ten seconds, eight of them before the cut"
    drive.wait(8)
    assert drive.k_kw("A", 1) == 50
