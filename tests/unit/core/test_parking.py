"""Cars that take nothing (ALLOCATOR.md §5 points 4 and 6): DC chargers that need 10 kW, as a rule with room for one."""

from dataclasses import replace

import pytest

from csms.core.events import ConnectorStatus
from csms.core.explanation import Cause
from csms.core.ids import ChargerId
from csms.core.learnt import Learnt
from csms.core.station import Charger
from tests.unit.core.driving import KW, Drive, charger, station
from tests.unit.core.test_explaining import explain

EV, EVSE, CHARGING = ConnectorStatus.SUSPENDED_EV, ConnectorStatus.SUSPENDED_EVSE, ConnectorStatus.CHARGING


def site(grid_kw: int = 15, first: Charger | None = None) -> Drive:
    """Return two chargers with a car each, of which the first one takes nothing from now on."""
    first = charger("A", 50, min_w=10 * KW) if first is None else first
    drive = Drive(station(grid_kw, first, charger("B", 50, min_w=10 * KW)))
    drive.bring_up("A", "B")
    for each in ("A", "B"):
        drive.start(each)
        drive.accept()
        drive.status(each, 1, CHARGING)
    drive.draws({("A", 1): 10, ("B", 1): 0}, 30)
    drive.sample("A", 1, 0)
    drive.status("A", 1, EV)
    return drive


def idle(drive: Drive, seconds: int, b_kw: float = 0) -> None:
    drive.draws({("A", 1): 0, ("B", 1): b_kw}, seconds)


def told(drive: Drive) -> tuple[float, float]:
    return drive.k_kw("A", 1), drive.k_kw("B", 1)


def test_its_least_is_held_for_two_minutes_and_then_another_gets_it() -> None:
    drive = site()
    idle(drive, 110)
    assert told(drive)[0] >= 10
    assert told(drive)[1] == 0
    idle(drive, 30)
    assert told(drive) == (0, 15)


def test_it_is_offered_its_least_again_after_1_2_4_8_and_15_minutes() -> None:
    drive = site(grid_kw=30)
    drive.is_recovered = False
    idle(drive, 120)
    begin_ms = drive.now.wall_ms
    idle(drive, 60 * 60)
    offered_s = [round((event.at_ms - begin_ms) / 1_000) for event in drive.events("session.offered_again")]
    assert offered_s == [60, 210, 480, 990, 1_920, 2_850]
    pauses_s = [(event.at_ms - begin_ms) // 1_000 for event in drive.events("session.parked")]
    assert pauses_s == [0, 90, 240, 510, 1_020, 1_950, 2_880]


def test_a_car_that_takes_what_it_is_offered_again_is_a_car_like_others() -> None:
    drive = site(grid_kw=30)
    idle(drive, 130)
    assert explain(drive, "A").cause is Cause.PARKED
    idle(drive, 65, b_kw=20)
    assert told(drive) == (10, 20)
    drive.draws({("A", 1): 10, ("B", 1): 20}, 20)
    assert len(drive.events("session.unparked")) == 1
    drive.status("A", 1, CHARGING)
    drive.draws({("A", 1): 10, ("B", 1): 15}, 30)
    drive.draws({("A", 1): 15, ("B", 1): 15}, 60)
    assert told(drive) == (15, 15)
    assert explain(drive, "A").cause is Cause.AT_LIMIT


def test_one_sample_of_power_wakes_nobody() -> None:
    """It stops the clock of the offer, and the next one tells (§5 point 7)."""
    drive = site(grid_kw=30)
    idle(drive, 130)
    drive.draws({("A", 1): 10, ("B", 1): 0}, 10)
    idle(drive, 50)
    assert len(drive.events("session.offered_again")) == 1
    drive.draws({("A", 1): 10}, 10)
    drive.draws({("B", 1): 0}, 60)
    assert len(drive.events("session.parked")) == 1
    assert not drive.events("session.unparked")
    idle(drive, 40)
    assert len(drive.events("session.parked")) == 2


def test_a_charger_that_says_charging_has_a_car_that_takes_power() -> None:
    drive = site(grid_kw=30)
    idle(drive, 130)
    drive.status("A", 1, CHARGING)
    assert len(drive.events("session.unparked")) == 1


def test_nobody_is_cut_who_is_parked_while_nobody_is_short() -> None:
    """Lazy reclaim (§5 point 6): what is offered beyond what it takes stays until another one needs it."""
    drive = site(grid_kw=100)
    idle(drive, 150, b_kw=50)
    assert (drive.view(drive.open_transactions()[0]).target_w, told(drive)) == (0, (50, 50))
    third = charger("C", 50, min_w=10 * KW)
    drive.configure(station(100, *drive.engine.station.chargers, third))
    drive.bring_up("C")
    drive.start("C")
    idle(drive, 30, b_kw=50)
    assert (told(drive), drive.k_kw("C", 1)) == ((0, 50), 50)


def test_nobody_is_cut_for_what_a_parked_car_can_be_asked_with_of_what_is_free() -> None:
    drive = site(grid_kw=100)
    drive.configure(station(100, *drive.engine.station.chargers, charger("C", 50, min_w=10 * KW)))
    drive.bring_up("C")
    idle(drive, 240, b_kw=50)
    drive.start("C")
    idle(drive, 30, b_kw=50)
    assert (told(drive), drive.k_kw("C", 1)) == ((0, 50), 50)
    drive.stop("C", drive.open_transactions()[2], 1_000)
    idle(drive, 90, b_kw=10)
    assert len(drive.events("session.offered_again")) == 2
    assert (told(drive), drive.view(drive.open_transactions()[1]).target_w) == ((10, 50), 14_000)


@pytest.mark.parametrize("status", [EVSE, CHARGING])
def test_only_a_car_that_is_said_to_wait_is_parked(status: ConnectorStatus) -> None:
    drive = site()
    drive.status("A", 1, status)
    idle(drive, 100)
    assert not drive.events("session.parked")


def test_a_paused_car_is_not_parked() -> None:
    """What it takes of 0 W says nothing of it."""
    drive = site()
    drive.status("B", 1, EV)
    drive.draws({("A", 1): 10, ("B", 1): 0}, 300)
    assert not [event for event in drive.events("session.parked") if event.charger_id == "B"]


def test_an_offer_lasts_until_the_charger_says_that_it_was_made() -> None:
    drive = site(grid_kw=30)
    idle(drive, 120)
    drive.status("A", 1, EVSE)
    idle(drive, 60)
    assert len(drive.events("session.offered_again")) == 1
    idle(drive, 60)
    assert len(drive.events("session.parked")) == 1
    drive.status("A", 1, EV)
    idle(drive, 40)
    assert len(drive.events("session.parked")) == 2


@pytest.mark.parametrize("why", ["needs_start_power", "pauses"])
def test_what_could_not_be_woken_keeps_its_least(why: str) -> None:
    config = replace(charger("A", 50, min_w=10 * KW), needs_start_power=why == "needs_start_power")
    drive = site(first=config)
    if why == "pauses":
        drive.engine._state.chargers[ChargerId("A")].learnt = Learnt(pauses=False)
    idle(drive, 400)
    assert not drive.events("session.parked")
    assert told(drive)[0] >= 10


def test_a_restart_begins_anew() -> None:
    drive = site()
    idle(drive, 140)
    assert drive.view(drive.open_transactions()[0]).vehicle_max_w == 0
    drive.recover()
    assert drive.view(drive.open_transactions()[0]).vehicle_max_w > 0
