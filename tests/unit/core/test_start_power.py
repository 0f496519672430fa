"""Power to start with (LEDGER.md §7): raised on Preparing if it fits, booked, and put back when the car has gone."""

import json
from dataclasses import replace

import pytest

from csms.core.commands import Purpose, SetLimit
from csms.core.events import CommandRequested, ConnectorStatus
from csms.core.ids import ChargerId, CommandId, RequestId
from csms.core.replies import CommandShown
from csms.core.station import FailSafe, Station
from tests.unit.core.driving import Drive, charger, station

AVAILABLE, PREPARING, CHARGING = ConnectorStatus.AVAILABLE, ConnectorStatus.PREPARING, ConnectorStatus.CHARGING
FINISHING = ConnectorStatus.FINISHING
TX, DEFAULT = Purpose.TX, Purpose.DEFAULT


def site(grid_kw: int = 150) -> Drive:
    """Return a charger whose cars need power to start and one whose cars do not, 100 kW each."""
    first = replace(charger("A", 100), needs_start_power=True)
    drive = Drive(station(grid_kw, first, charger("B", 100)))
    drive.bring_up("A", "B")
    drive.take()
    return drive


def told(drive: Drive, charger_id: str = "A") -> list[tuple[Purpose, int, int]]:
    said = [c for c in drive.take() if isinstance(c, SetLimit) and c.charger_id == charger_id]
    return [(c.purpose, c.idx, c.limit_w // 1_000) for c in said]


def test_the_default_is_raised_when_a_car_is_plugged_in_and_booked_before_it_leaves() -> None:
    drive = site()
    drive.status("A", 1, PREPARING)
    assert (told(drive), drive.k_kw("A"), drive.last.at_once) == ([(DEFAULT, 1, 100)], 100, ())
    drive.accept()
    drive.wait(60)
    assert told(drive) == [], "once"


def test_a_charger_without_the_need_offers_nothing() -> None:
    drive = site()
    drive.status("B", 1, PREPARING)
    drive.wait(30)
    assert (told(drive, "B"), drive.k_kw("B")) == ([], 0)


def test_a_car_that_goes_without_having_charged_gives_it_back() -> None:
    drive = site()
    drive.status("A", 1, PREPARING)
    drive.accept()
    drive.take()
    drive.status("A", 1, AVAILABLE)
    assert told(drive) == [(DEFAULT, 1, 0)]
    assert drive.k_kw("A") == 100, "until that has settled"
    drive.accept()
    assert drive.k_kw("A") == 0
    drive.status("A", 1, PREPARING)
    assert told(drive) == [(DEFAULT, 1, 100)], "the next car"


def test_the_session_has_its_own_limit_and_the_default_is_put_back_after_the_stop() -> None:
    drive = site()
    drive.status("A", 1, PREPARING)
    drive.accept()
    drive.take()
    transaction_id = drive.start("A")
    drive.status("A", 1, CHARGING)
    assert told(drive) == [(TX, 1, 100)]
    drive.accept()
    drive.draws({("A", 1): 100}, 60)
    assert (told(drive), drive.k_kw("A")) == ([], 100)
    drive.stop("A", transaction_id)
    drive.status("A", 1, FINISHING)
    assert told(drive) == [(DEFAULT, 1, 0)]
    drive.accept()
    assert drive.k_kw("A") == 0


def started(grid_kw: int = 150) -> Drive:
    """Return a car at A that has begun under 100 kW, and has a limit of 100 kW of its own."""
    drive = site(grid_kw)
    drive.status("A", 1, PREPARING)
    drive.accept()
    drive.start("A")
    drive.status("A", 1, CHARGING)
    drive.accept()
    drive.draws({("A", 1): 100}, 30)
    drive.take()
    return drive


def test_it_is_put_back_when_others_need_their_share_of_it() -> None:
    drive = started()
    drive.start("B")
    drive.status("B", 1, CHARGING)
    assert told(drive) == [(TX, 1, 75), (DEFAULT, 1, 0)]
    assert drive.k_kw("A") == 100, "until both have settled"
    drive.accept()
    drive.draws({("A", 1): 75, ("B", 1): 50}, 15)
    assert (drive.k_kw("A"), drive.k_kw("B")) == (75, 75)


def test_it_is_put_back_when_a_row_is_overbooked() -> None:
    drive = started()
    drive.configure(replace(drive.engine.station, grid_capacity_w=40_000))
    drive.accept()
    drive.draws({("A", 1): 40}, 20)
    assert (drive.k_kw("A"), drive.row_kw()) == (40, 40)
    drive.draws({("A", 1): 40}, 60)
    assert [(purpose, limit) for purpose, _, limit in told(drive)].count((DEFAULT, 0)) == 1


def test_a_car_that_only_waits_gives_it_back_at_once_when_a_row_is_overbooked() -> None:
    drive = site()
    drive.status("A", 1, PREPARING)
    drive.accept()
    drive.take()
    drive.configure(station(50, replace(charger("A", 100), needs_start_power=True), charger("B", 100)))
    drive.wait(1)
    said = [c for c in drive.take() if isinstance(c, SetLimit) and c.charger_id == "A"]
    assert [(c.idx, c.limit_w, c.urgent) for c in said] == [(1, 0, True)]
    drive.accept()
    assert drive.k_kw("A") == 0


def test_a_word_that_was_refused_is_said_again_in_the_same_session() -> None:
    drive = started()
    drive.start("B")
    drive.status("B", 1, CHARGING)
    drive.answer(drive.open_limit("A"), "Rejected")
    assert drive.k_kw("A") == 100
    drive.draws({("A", 1): 75}, 20)
    assert told(drive) == [(TX, 1, 75), (DEFAULT, 1, 0), (DEFAULT, 1, 0)]
    assert drive.k_kw("A") == 75


def test_only_what_is_free_is_offered_and_no_more_than_its_share() -> None:
    drive = site()
    drive.start("B")
    drive.status("B", 1, CHARGING)
    drive.accept()
    drive.draws({("B", 1): 100}, 60)
    drive.take()
    drive.status("A", 1, PREPARING)
    assert told(drive) == [(DEFAULT, 1, 50)], "its share would be 75 kW: B is not cut for a car that has not started"
    assert drive.k_kw("B") == 100


def test_nothing_is_offered_while_nothing_is_free() -> None:
    drive = site(grid_kw=100)
    transaction_id = drive.start("B")
    drive.status("B", 1, CHARGING)
    drive.accept()
    drive.draws({("B", 1): 100}, 60)
    drive.take()
    drive.status("A", 1, PREPARING)
    drive.wait(30)
    assert told(drive) == []
    drive.stop("B", transaction_id)
    drive.status("B", 1, AVAILABLE)
    drive.accept()
    assert told(drive) == [(DEFAULT, 1, 100)], "as soon as it is"


def test_a_refusal_is_not_repeated_for_the_same_car() -> None:
    drive = site()
    drive.status("A", 1, PREPARING)
    drive.answer(drive.open_limit("A"), "Rejected")
    for _ in range(12):
        drive.accept()
        drive.wait(10)
    assert told(drive) == [(DEFAULT, 1, 100), (DEFAULT, 1, 0)]
    assert drive.k_kw("A") == 0


def cap(drive: Drive, limit_kw: float, idx: int = 1) -> None:
    """Have an operator cap a connector, or the charger (0)."""
    profile = {
        "chargingProfileId": 9,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile" if idx else "ChargePointMaxProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": {
            "chargingRateUnit": "W",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit_kw * 1_000}],
        },
    }
    body = {"connectorId": idx, "csChargingProfiles": profile}
    request = RequestId(drive.number())
    drive.do(
        CommandRequested(request, CommandId(f"c{request}"), ChargerId("A"), "SetChargingProfile", json.dumps(body), "")
    )
    assert isinstance(drive.outcomes[request], CommandShown)


@pytest.mark.parametrize("idx", [0, 1])
@pytest.mark.parametrize(("cap_kw", "lowered_kw"), [(30, 30), (100, None), (0, 0)])
def test_a_cap_that_is_set_while_a_car_waits_lowers_it(idx: int, cap_kw: int, lowered_kw: int | None) -> None:
    drive = site()
    drive.status("A", 1, PREPARING)
    drive.accept()
    drive.take()
    cap(drive, cap_kw, idx)
    assert told(drive) == ([] if lowered_kw is None else [(DEFAULT, 1, lowered_kw)])
    assert drive.k_kw("A") == 100, "until that has settled"
    drive.accept()
    assert drive.k_kw("A") == (100 if lowered_kw is None else lowered_kw)
    drive.wait(120)
    assert told(drive) == [], "once"
    drive.start("A")
    drive.status("A", 1, CHARGING)
    drive.accept()
    assert drive.k_kw("A") <= cap_kw


def test_a_cap_that_is_set_while_the_offer_is_out_lowers_it_when_it_is_answered() -> None:
    drive = site()
    drive.status("A", 1, PREPARING)
    cap(drive, 30)
    assert told(drive) == [(DEFAULT, 1, 100)]
    drive.accept()
    drive.wait(1)
    assert told(drive) == [(DEFAULT, 1, 30)]


def test_a_lower_one_that_is_refused_takes_it_back_altogether() -> None:
    drive = site()
    drive.status("A", 1, PREPARING)
    drive.accept()
    cap(drive, 30)
    drive.answer(drive.open_limit("A"), "Rejected")
    for _ in range(12):
        drive.accept()
        drive.wait(10)
    assert told(drive) == [(DEFAULT, 1, 100), (DEFAULT, 1, 30), (DEFAULT, 1, 0)]
    assert drive.k_kw("A") == 0


def test_a_cap_below_the_fail_safe_power_leaves_that() -> None:
    drive = Drive(reserving())
    drive.bring_up("A", "B")
    drive.status("A", 1, PREPARING)
    drive.accept()
    drive.take()
    cap(drive, 5)
    assert told(drive) == [(DEFAULT, 1, 10)]


def reserving(grid_kw: int = 150) -> Station:
    """Return the same site in mode `reserve`, 10 kW a connector."""
    return station(
        grid_kw,
        *(
            replace(one, fail_safe=FailSafe.RESERVE, fail_safe_power_w=10_000)
            for one in (replace(charger("A", 100), needs_start_power=True), charger("B", 100))
        ),
    )


def test_it_comes_above_the_fail_safe_power_that_is_booked_already() -> None:
    drive = Drive(reserving())
    drive.bring_up("A", "B")
    drive.start("B")
    drive.status("B", 1, CHARGING)
    drive.accept()
    drive.draws({("B", 1): 100}, 60)
    drive.take()
    assert (drive.k_kw("A"), drive.k_kw("B")) == (10, 100)
    drive.status("A", 1, PREPARING)
    assert (told(drive), drive.k_kw("A")) == ([(DEFAULT, 1, 50)], 50), "its own 10 kW and the 40 kW that are free"


def test_nothing_is_offered_where_the_fail_safe_power_is_all_that_there_is() -> None:
    drive = Drive(reserving(100))
    drive.bring_up("A", "B")
    drive.start("B")
    drive.status("B", 1, CHARGING)
    drive.accept()
    drive.draws({("B", 1): 90}, 60)
    drive.take()
    drive.status("A", 1, PREPARING)
    drive.wait(30)
    assert (told(drive), drive.k_kw("A")) == ([], 10)


def test_a_fail_safe_power_that_is_configured_later_is_said_to_the_connector_too() -> None:
    drive = site()
    drive.status("A", 1, PREPARING)
    drive.accept()
    drive.status("A", 1, AVAILABLE)
    drive.accept()
    drive.take()
    drive.configure(reserving())
    drive.accept()
    assert told(drive) == [(DEFAULT, 0, 10), (DEFAULT, 1, 10)], "its own default of 0 W would prevail"
    assert drive.k_kw("A") == 10


def test_fail_safe_power_that_waits_for_room_comes_first() -> None:
    drive = site(grid_kw=115)
    drive.start("B")
    drive.status("B", 1, CHARGING)
    drive.accept()
    drive.draws({("B", 1): 100}, 60)
    drive.take()
    drive.configure(reserving(109))
    drive.status("A", 1, PREPARING)
    assert (told(drive), drive.k_kw("A")) == ([], 0), "9 kW are free, 10 kW are wanted"
    drive.accept()
    drive.draws({("B", 1): 99}, 60)
    assert drive.k_kw("A") >= 10
