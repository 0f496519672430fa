from dataclasses import replace

import pytest

from csms.core.commands import ClearLimits, Purpose, SetLimit
from csms.core.engine import Engine
from csms.core.errors import InvariantError
from csms.core.events import ConnectorStatus
from csms.core.ids import Now
from csms.core.records import Snapshot
from csms.core.station import Control
from tests.unit.core.driving import Drive, charger, station

CHARGING = ConnectorStatus.CHARGING


def running(*, accept: bool = True) -> tuple[Drive, int]:
    """Return A and B on 100 kW, A charging at 100 kW."""
    drive = Drive(station(100, charger("A", 100), charger("B", 100)))
    drive.bring_up("A", "B")
    transaction_id = drive.start("A")
    drive.status("A", 1, CHARGING)
    if accept:
        drive.accept()
        drive.wait(20)
    drive.take()
    return drive, transaction_id


def test_a_fresh_store_needs_a_configuration() -> None:
    with pytest.raises(InvariantError):
        Engine(Snapshot(), Now(0, 0))


def test_transactions_limits_and_counters_come_back() -> None:
    drive, transaction_id = running()
    before = drive.record(transaction_id)
    token = drive.engine.next_token
    drive.recover()
    assert drive.open_transactions() == [transaction_id]
    assert (drive.k_kw("A"), drive.row_kw(), drive.provisioned("A")) == (100, 100, True)
    assert drive.engine.next_token == token
    assert drive.record(transaction_id) == before
    assert drive.start("B") == transaction_id + 1
    assert drive.k_kw("B") == 0


def test_after_a_restart_the_limits_that_run_are_said_again() -> None:
    drive, _ = running()
    drive.recover()
    drive.connect("A")
    assert drive.limits() == [("A", 1, 100_000)]


CUTS = [
    # what became of the cut to 50 kW | K of A right after the restart, 59 s later, and 60 s later with it said again
    ("never left", 100, 100, 50),
    ("open", 100, 100, 50),
    ("Accepted", 100, 100, 50),
    ("settled", 50, 50, 50),
]


@pytest.mark.parametrize(("fate", "at_once_kw", "at_59_s_kw", "at_60_s_kw"), CUTS, ids=[row[0] for row in CUTS])
def test_a_cut_before_the_crash_frees_nothing_after_it_until_60_s(
    fate: str, at_once_kw: int, at_59_s_kw: int, at_60_s_kw: int
) -> None:
    drive, _ = running()
    if fate == "never left":
        drive.recover()
        drive.start("B")
    else:
        drive.start("B")
        if fate != "open":
            drive.answer(drive.open_limit("A"))
        if fate == "settled":
            drive.sample("A", 1, 50_000)
            assert drive.k_kw("A") == 50
        drive.recover()
    assert drive.k_kw("A") == at_once_kw
    drive.connect("A")
    drive.connect("B")
    drive.status("B", 1, CHARGING)
    drive.draws({("A", 1): 50}, 50)
    drive.wait(9)
    assert drive.k_kw("A") == at_59_s_kw
    drive.draws({("A", 1): 50}, 20)
    assert drive.k_kw("A") == at_60_s_kw


def test_a_first_limit_that_was_open_is_booked() -> None:
    drive, _ = running(accept=False)
    drive.recover()
    assert drive.k_kw("A") == 100


def test_an_answer_on_a_connection_before_the_crash_does_not_count() -> None:
    drive, _ = running(accept=False)
    call = drive.open_limit("A")
    drive.recover()
    drive.connect("A")
    again = drive.open_limit("A")
    assert again.token > call.token
    drive.open_calls.append(call)
    drive.answer(call)
    drive.wait(100)
    assert drive.memory.sends[call.token].state == "open", "as it was stored before the crash"


def test_a_boot_just_before_the_crash_is_not_forgotten() -> None:
    drive = Drive(station(100, charger("A", 100)))
    drive.bring_up("A")
    drive.boot("A")
    drive.recover()
    drive.take()
    drive.connect("A")
    said = drive.take()
    assert [(c.purpose, c.limit_w) for c in said if isinstance(c, SetLimit)] == [(Purpose.DEFAULT, 0)]
    drive.accept()
    assert [c for c in drive.take() if isinstance(c, ClearLimits)] == [], "what was cleared stays cleared"
    assert drive.k_kw("A") == 0


def test_a_charger_that_refuses_0_is_told_the_same_default_again() -> None:
    drive = Drive(station(100, charger("A", 22, phases=3)), keys={"ChargeProfileMaxStackLevel": "0"})
    drive.connect("A")
    drive.status("A", 1, ConnectorStatus.AVAILABLE)
    drive.answer(drive.open_calls[0])
    drive.answer(drive.open_limit("A", 0), "Rejected")
    drive.accept()
    assert drive.k_kw("A") == 4.14
    drive.recover()
    drive.take()
    drive.connect("A")
    assert [c.limit_w for c in drive.take() if isinstance(c, SetLimit)] == [4_140]


def test_a_refused_default_at_a_higher_stack_level_is_cleared_when_it_can_no_longer_be_executed() -> None:
    drive = Drive(station(100, charger("A", 22, phases=3)))
    drive.connect("A")
    drive.status("A", 1, ConnectorStatus.AVAILABLE)
    drive.answer(drive.open_calls[0])
    while drive.open_limit("A", 0).form.stack_level == 0:
        drive.answer(drive.open_limit("A", 0), "Rejected")
        drive.wait(601)
        for call in [c for c in drive.open_calls if not isinstance(c, SetLimit)]:
            drive.answer(call)
    drive.answer(drive.open_limit("A", 0), "Rejected")
    drive.recover()
    drive.connect("A")
    drive.accept()
    drive.status("A", 1, ConnectorStatus.AVAILABLE)
    drive.accept()
    assert drive.k_kw("A") > 0, "what was refused may have been executed just before the restart, or after it"
    drive.wait(60)
    drive.accept()
    assert drive.k_kw("A") == 0


def test_a_rest_session_comes_back_with_what_its_client_may_obey() -> None:
    drive = Drive(station(100, charger("A", 100, control=Control.REST)))
    session_id = drive.rest_start("A", 1, 80).session_id
    drive.recover()
    assert drive.k_kw("A") == 80
    assert drive.update(session_id, 80).allocated_w == 80_000
    drive.wait(61)
    drive.recover()
    assert drive.update(session_id, 30).allocated_w == 30_000
    assert drive.k_kw("A") == 30


def test_a_lowered_maximum_stays_booked_over_a_restart() -> None:
    drive, _ = running()
    drive.configure(station(100, charger("A", 40), charger("B", 100)))
    drive.recover()
    assert drive.k_kw("A") == 100


def test_the_start_of_an_open_transaction_is_known_again() -> None:
    drive, transaction_id = running()
    row = drive.record(transaction_id)
    drive.recover()
    known = drive.memory.find_transaction(transaction_id)
    assert known is not None
    key = next(iter(drive.engine._state.starts))
    assert drive.start_again(key).transaction_id == transaction_id
    assert drive.start_again(replace(key, started_ms=row.started_ms + 1)).transaction_id == transaction_id + 1
