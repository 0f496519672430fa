"""The last rungs of the ladder (LEDGER.md §6): a connector that ignores every limit is stopped and taken out."""

import pytest

from csms.core.commands import ChangeAvailability, RemoteStop
from csms.core.events import ConnectorStatus
from csms.core.learnt import Make
from csms.core.station import Station
from tests.unit.core.driving import BOOT, Drive, charger, station

AVAILABLE, CHARGING, UNAVAILABLE = ConnectorStatus.AVAILABLE, ConnectorStatus.CHARGING, ConnectorStatus.UNAVAILABLE
MAKE = Make(BOOT.vendor, BOOT.model, BOOT.firmware_version)
Hard = RemoteStop | ChangeAvailability


def site(grid_kw: int) -> Station:
    return station(grid_kw, charger("A", 100, phases=3), charger("B", 100, phases=3))


def liar(grid_kw: int = 80) -> tuple[Drive, int]:
    """Return two chargers with a car at each; that at A draws 70 kW whatever it is told, and is convicted of it."""
    drive = Drive(site(grid_kw))
    drive.bring_up("A", "B")
    transaction_id = drive.start("A")
    drive.status("A", 1, CHARGING)
    drive.start("B")
    drive.status("B", 1, CHARGING)
    drive.accept()
    drive.draws({("A", 1): 40, ("B", 1): 40}, 60)
    for _ in range(3):
        drive.sample("A", 1, 70_000)
        drive.wait(1)
    assert "not_obeying:A#1" in drive.notices()
    return drive, transaction_id


def goes_on(drive: Drive, seconds: int, power_w: int | None = 70_000) -> list[Hard]:
    """Let A draw on and accept whatever it is told; return the hard actions that it was told."""
    told: list[Hard] = []
    for _ in range(seconds // 10):
        drive.wait(10)
        if power_w is not None:
            drive.sample("A", 1, power_w)
        drive.accept()
        told += [c for c in drive.take() if isinstance(c, Hard)]
    return told


def asked(drive: Drive) -> RemoteStop:
    """Let A draw on until it is told to stop, which it does not answer."""
    for _ in range(60):
        drive.wait(10)
        drive.sample("A", 1, 70_000)
        while calls := [c for c in drive.open_calls if not isinstance(c, Hard)]:
            drive.answer(calls[0])
        for call in drive.open_calls:
            assert isinstance(call, RemoteStop)
            drive.take()
            return call
    raise AssertionError("it is not told to stop")


def said(hard: list[Hard]) -> list[object]:
    return ["stop" if isinstance(c, RemoteStop) else c.operative for c in hard]


def walked(grid_kw: int = 80) -> tuple[Drive, int]:
    """Return the same when every way to say a limit was ignored and the transaction was to be stopped."""
    drive, transaction_id = liar(grid_kw)
    (stop,) = goes_on(drive, 340)
    assert isinstance(stop, RemoteStop)
    assert (stop.charger_id, stop.transaction_id, stop.urgent) == ("A", transaction_id, True)
    return drive, transaction_id


def test_it_is_stopped_when_every_way_was_ignored() -> None:
    drive, _ = liar()
    assert goes_on(drive, 330) == [], "the other ways first"
    assert said(goes_on(drive, 10)) == ["stop"]


def test_nothing_is_done_while_none_of_its_rows_is_overbooked() -> None:
    drive, _ = liar(grid_kw=100)
    assert drive.k_kw("A") == 100
    assert goes_on(drive, 1_200) == [], "others were cut for it, and that was enough"


def test_a_stop_that_works_is_learnt_and_the_next_car_is_kept_away() -> None:
    drive, transaction_id = walked()
    drive.stop("A", transaction_id)
    drive.status("A", 1, AVAILABLE)
    assert goes_on(drive, 20, None) == [], "the row has 30 s"
    assert drive.memory.makes[MAKE].learnt.stops is True
    assert "stopped:A#1" in drive.notices()
    assert said(goes_on(drive, 30, None)) == [False]
    drive.status("A", 1, UNAVAILABLE)
    assert goes_on(drive, 1_200, None) == []
    assert drive.memory.makes[MAKE].learnt.leaves_service is True
    assert {"stopped:A#1", "out_of_service:A#1"} <= drive.notices()
    assert "not_contained:A#1" not in drive.notices()
    assert drive.k_kw("A") == 100, "nothing of this frees power"


def test_who_ignores_a_stop_is_taken_out_of_service_and_who_ignores_that_too_is_told_again() -> None:
    drive, _ = walked()
    assert said(goes_on(drive, 40)) == [False]
    assert drive.memory.makes[MAKE].learnt.stops is False
    assert "not_contained:A#1" not in drive.notices()
    assert goes_on(drive, 40) == []
    assert drive.memory.makes[MAKE].learnt.leaves_service is False
    assert "not_contained:A#1" in drive.notices()
    assert goes_on(drive, 550) == []
    assert said(goes_on(drive, 40)) == [False], "ten minutes later, without the stop that its make ignores"


@pytest.mark.parametrize("status", ["Accepted", "Scheduled"])
def test_it_is_given_back_when_there_is_room_for_its_maximum(status: str) -> None:
    drive, transaction_id = walked()
    drive.stop("A", transaction_id)
    drive.status("A", 1, AVAILABLE)
    goes_on(drive, 50, None)
    drive.status("A", 1, UNAVAILABLE)
    drive.configure(site(100))
    (back,) = [c for c in drive.take() if isinstance(c, Hard)]
    assert isinstance(back, ChangeAvailability)
    assert back.operative
    assert "out_of_service:A#1" in drive.notices()
    drive.answer(back, status)
    assert "out_of_service:A#1" not in drive.notices()
    assert "not_obeying:A#1" in drive.notices(), "booked as before"
    assert goes_on(drive, 600, None) == []


def test_a_refused_giving_back_is_told_again_after_ten_minutes() -> None:
    drive, transaction_id = walked()
    drive.stop("A", transaction_id)
    drive.status("A", 1, AVAILABLE)
    goes_on(drive, 50, None)
    drive.status("A", 1, UNAVAILABLE)
    drive.configure(site(100))
    (back,) = [c for c in drive.open_calls if isinstance(c, ChangeAvailability)]
    drive.error(back)
    drive.take()
    assert goes_on(drive, 590, None) == []
    assert said(goes_on(drive, 20, None)) == [True]


def test_what_was_taken_out_is_given_back_after_a_crash_too() -> None:
    drive, transaction_id = walked()
    drive.stop("A", transaction_id)
    drive.status("A", 1, AVAILABLE)
    goes_on(drive, 50, None)
    drive.status("A", 1, UNAVAILABLE)
    drive.recover()
    assert "out_of_service:A#1" in drive.notices()
    drive.configure(site(100))
    drive.connect("A")
    assert said([c for c in drive.take() if isinstance(c, Hard)]) == [True]


def test_a_hard_action_without_an_answer_proves_nothing_and_is_taken_again() -> None:
    drive, _ = liar()
    drive.time_out(asked(drive))
    assert drive.memory.makes[MAKE].learnt.stops is None
    assert said(goes_on(drive, 20)) == []
    assert said(goes_on(drive, 20)) == ["stop"]


def test_a_lost_connection_ends_what_was_asked_on_it() -> None:
    drive, _ = liar()
    asked(drive)
    drive.disconnect("A")
    drive.take()
    drive.wait(60)
    assert [c for c in drive.take() if isinstance(c, Hard)] == [], "offline, nothing can be told"
    drive.connect("A")
    assert said(goes_on(drive, 20)) == ["stop"]
