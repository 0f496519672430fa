"""The budget of profiles that a charger keeps in flash memory: raises wait for it, nothing else does."""

from dataclasses import replace

import pytest

from csms.core.commands import Purpose, SetLimit
from csms.core.events import ConnectorStatus
from csms.core.timings import LAW
from csms.core.wear import Wear
from tests.unit.core.driving import Drive, charger, station

DAY_MS, PART_MS = 86_400_000, 600_000
SMALL = replace(LAW, wear_day_ms=400_000, wear_writes=4)
"""Four writes in 400 s: one in 100 s."""
NOTICE = "flash_budget_used:A"


@pytest.mark.parametrize(
    ("writes", "at_ms", "free_in_ms"),
    [
        (0, 0, PART_MS - DAY_MS),
        (143, 0, 0),
        (144, 0, PART_MS),
        (146, 0, 3 * PART_MS),
        (1_000, 0, DAY_MS + PART_MS),
    ],
)
def test_budget_of_a_day(writes: int, at_ms: int, free_in_ms: int) -> None:
    wear = Wear()
    for _ in range(writes):
        wear.written(at_ms, LAW)
    assert wear.free_ms(LAW) - at_ms == free_in_ms


def test_one_in_ten_minutes_goes_on_for_ever() -> None:
    wear = Wear()
    for number in range(1_000):
        assert wear.free_ms(LAW) <= number * PART_MS
        wear.written(number * PART_MS, LAW)


def by_default(purpose: Purpose) -> Drive:
    """Return two chargers behind 100 kW; A takes TxDefaultProfile alone, or both; a car draws its 100 kW there."""
    drive = Drive(station(100, charger("A", 100), charger("B", 100)), SMALL)
    drive.bring_up("A", "B")
    drive.start("A")
    drive.status("A", 1, ConnectorStatus.CHARGING)
    for _ in range(20):
        calls = [c for c in drive.open_calls if c.charger_id == "A"]
        if not calls:
            drive.wait(10)
            continue
        tx = isinstance(calls[0], SetLimit) and calls[0].purpose is Purpose.TX
        drive.answer(calls[0], "Rejected" if tx and purpose is Purpose.DEFAULT else "Accepted")
    drive.draws({("A", 1): 100}, 600)
    assert (drive.k_kw("A", 1), NOTICE in drive.notices()) == (100, False)
    drive.take()
    return drive


def told(drive: Drive) -> list[int]:
    """Return what A was told since the last time, kW."""
    return [c.limit_w // 1_000 for c in drive.take() if isinstance(c, SetLimit) and c.charger_id == "A"]


def visits(drive: Drive, count: int) -> list[int]:
    """Let cars come to B for a minute, one after another: A gives way, and is raised again; return what it was told."""
    said: list[int] = []
    for _ in range(count):
        transaction_id = drive.start("B")
        drive.accept()
        drive.draws({("A", 1): 50, ("B", 1): 50}, 30)
        drive.stop("B", transaction_id)
        drive.draws({("A", 1): 50}, 30)
        said += told(drive)
    return said


def test_cuts_are_never_held_back_and_a_raise_waits_and_is_told_once() -> None:
    drive = by_default(Purpose.DEFAULT)
    assert visits(drive, 2) == [50, 100, 50, 100]
    assert NOTICE not in drive.notices(), "saved up before"
    assert visits(drive, 1) == [50], "the cut is told, what would follow is not"
    assert NOTICE in drive.notices()
    drive.draws({("A", 1): 50}, 200)
    assert told(drive) == [100], "once, when there is budget for it"


def test_what_is_told_as_tx_profile_needs_no_budget() -> None:
    drive = by_default(Purpose.TX)
    assert visits(drive, 5) == [50, 100] * 5
    assert NOTICE not in drive.notices()


def test_first_power_is_not_held_back() -> None:
    drive = by_default(Purpose.DEFAULT)
    visits(drive, 3)
    assert NOTICE in drive.notices()
    drive.stop("A", drive.open_transactions()[0])
    drive.accept()
    drive.start("A")
    drive.accept()
    assert told(drive) == [0, 100], "the fail-safe of the end, and the first limit of the next car"
