"""Fleets that draw a little more than they were told (LEDGER.md §6): the excess is taken off the targets."""

import pytest

from csms.core.events import ConnectorStatus
from csms.core.station import GRID
from csms.core.trim import Overdraw
from tests.unit.core.driving import KW, Drive, charger, station

PERIOD_S = 10


def fleet(drive: Drive, *charger_ids: str) -> dict[str, int]:
    """Start a car at each charger and return what each was told last, W; nobody draws yet."""
    drive.bring_up(*charger_ids)
    for charger_id in charger_ids:
        drive.start(charger_id)
        drive.status(charger_id, 1, ConnectorStatus.CHARGING)
    drive.accept()
    return dict.fromkeys(charger_ids, 0)


def run(drive: Drive, told_w: dict[str, int], permille: int, seconds: int, most_w: int = 10**9) -> list[int]:
    """Let every car draw its limit times `permille`/1000, at most `most_w`; return Σ measured at each round of samples.

    A charger accepts what it is told in the round in which it was told.
    """
    measured_w = []
    for _ in range(seconds // PERIOD_S):
        drive.wait(PERIOD_S)
        drawn_w = {c: min(most_w, limit_w * permille // 1_000) for c, limit_w in told_w.items()}
        measured_w.append(sum(drawn_w.values()))
        for charger_id, power_w in drawn_w.items():
            drive.sample(charger_id, 1, power_w)
        drive.accept()
        told_w |= {charger_id: limit_w for charger_id, _, limit_w in drive.limits()}
    return measured_w


def ten() -> tuple[Drive, dict[str, int]]:
    names = [f"C{i}" for i in range(10)]
    drive = Drive(station(300, *(charger(name, 100) for name in names)))
    told_w = fleet(drive, *names)
    told_w |= {charger_id: limit_w for charger_id, _, limit_w in drive.limits()}
    run(drive, told_w, 1_000, 120)
    assert drive.row_kw() == 300
    return drive, told_w


def test_ten_cars_that_draw_two_percent_more_than_told_are_trimmed_to_the_fuse() -> None:
    drive, told_w = ten()
    first = run(drive, told_w, 1_020, 10)
    assert first == [306_000], "above the fuse, and no car above its tolerance"
    then = run(drive, told_w, 1_020, 120)
    assert all(w <= 300 * KW for w in then[-6:]), then
    assert all(w >= 297 * KW for w in then[-6:]), "no more than is needed is taken off: a step of 0.5 %, and rounding"
    assert not any(name.startswith(("overbooked", "not_obeying")) for name in drive.notices())


def test_a_trimmed_fleet_is_left_alone() -> None:
    drive, told_w = ten()
    run(drive, told_w, 1_020, 120)
    before = dict(told_w)
    run(drive, told_w, 1_020, 300)
    assert told_w == before, "the excess stays, and so does what is taken off"


def test_what_was_taken_off_is_given_back_a_minute_after_the_excess_is_gone() -> None:
    drive, told_w = ten()
    run(drive, told_w, 1_020, 120)
    run(drive, told_w, 1_000, 50)
    assert drive.row_kw() < 297, "not yet"
    run(drive, told_w, 1_000, 90)
    assert drive.row_kw() == 300


def test_nothing_is_taken_off_what_is_booked() -> None:
    drive, told_w = ten()
    run(drive, told_w, 1_020, 10)
    assert drive.row_kw() == 300, "Σ K falls when the cuts have settled, not before"


def test_cars_that_draw_less_make_up_for_those_that_draw_more() -> None:
    drive = Drive(station(300, *(charger(name, 150) for name in ("A", "B"))))
    told_w = fleet(drive, "A", "B")
    told_w |= {charger_id: limit_w for charger_id, _, limit_w in drive.limits()}
    drive.wait(PERIOD_S)
    drive.sample("A", 1, 153_000)
    drive.sample("B", 1, 140_000)
    drive.accept()
    drive.wait(PERIOD_S)
    assert drive.engine.node_booked_w(GRID) == 300 * KW
    assert not [w for charger_id, _, w in drive.limits() if charger_id == "B"], "the grid connection carries 293 kW"


def test_a_meter_that_falls_silent_trims_nobody() -> None:
    drive, told_w = ten()
    run(drive, told_w, 1_020, 60)
    drive.wait(200)
    drive.accept()
    told_w |= {charger_id: limit_w for charger_id, _, limit_w in drive.limits()}
    assert sum(told_w.values()) == 300 * KW


@pytest.mark.parametrize(
    ("readings", "at_ms", "mean_w"),
    [
        ([], 10_000, 0),
        ([(0, 100)], 0, 0),
        ([(0, 100)], 5_000, 50),
        ([(0, 100)], 10_000, 100),
        ([(0, 100)], 60_000, 100),
        ([(0, 100), (5_000, 300)], 10_000, 200),
        ([(0, 100), (5_000, -300)], 10_000, -100),
        ([(0, 100), (20_000, 0)], 25_000, 50),
        ([(0, 1)], 1, 1),
    ],
)
def test_mean_over_ten_seconds(readings: list[tuple[int, int]], at_ms: int, mean_w: int) -> None:
    overdraw = Overdraw()
    for read_ms, over_w in readings:
        overdraw.read(over_w, read_ms)
    assert overdraw.mean_w(at_ms, 10_000) == mean_w


def test_only_the_first_reading_above_zero_calls_for_a_plan() -> None:
    overdraw = Overdraw()
    assert [overdraw.read(w, 0) for w in (-5, 3, 4, 0, 1)] == [False, True, False, False, True]
