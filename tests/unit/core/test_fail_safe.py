from dataclasses import replace

import pytest

from csms.core.commands import ClearLimits, Purpose, SetLimit
from csms.core.events import ConnectorStatus
from csms.core.station import Charger, FailSafe, Station
from tests.unit.core.driving import Drive, charger, station

AVAILABLE, CHARGING = ConnectorStatus.AVAILABLE, ConnectorStatus.CHARGING


def reserving(one: Charger, power_w: int = 10_000) -> Charger:
    return replace(one, fail_safe=FailSafe.RESERVE, fail_safe_power_w=power_w)


A, B = charger("A", 100), charger("B", 100)
CLOSED = station(100, A, B)
RESERVE = station(100, reserving(A), reserving(B))


def defaults(drive: Drive) -> list[tuple[str, int]]:
    """Return the fail-safe defaults said since last asked."""
    return [(c.charger_id, c.limit_w) for c in drive.take() if isinstance(c, SetLimit) and c.idx == 0]


def test_the_default_is_said_at_first_and_booked_where_no_car_is() -> None:
    drive = Drive(RESERVE)
    drive.bring_up("A", "B")
    assert defaults(drive) == [("A", 10_000), ("B", 10_000)]
    assert (drive.k_kw("A"), drive.k_kw("B"), drive.row_kw()) == (10, 10, 20)
    assert drive.notices() == set()


@pytest.mark.parametrize(
    ("phases", "unit", "power_w", "said_w"), [(3, "Current", 4_900, 4_830), (0, "Power", 777, 777)]
)
def test_it_is_rounded_down_to_what_can_be_told(phases: int, unit: str, power_w: int, said_w: int) -> None:
    keys = {"ChargingScheduleAllowedChargingRateUnit": unit}
    drive = Drive(station(100, reserving(charger("A", 22, phases=phases), power_w)), keys=keys)
    drive.bring_up("A")
    assert defaults(drive) == [("A", said_w)]


def test_a_session_has_what_others_do_not_need_for_their_fail_safe() -> None:
    drive = Drive(RESERVE)
    drive.bring_up("A", "B")
    transaction_id = drive.start("A")
    drive.accept()
    assert (drive.k_kw("A"), drive.row_kw()) == (90, 100)
    drive.stop("A", transaction_id)
    drive.wait(1)
    assert drive.k_kw("A") == 10, "it falls back to the default"


def test_no_session_is_cut_below_the_fail_safe_power() -> None:
    site = station(30, reserving(charger("A", 100, min_w=8_000)), reserving(charger("B", 100, min_w=8_000)))
    drive = Drive(site)
    drive.bring_up("A", "B")
    drive.start("A")
    drive.start("B")
    drive.accept()
    drive.configure(replace(site, grid_capacity_w=20_000))
    drive.accept()
    drive.wait(30)
    assert (drive.k_kw("A"), drive.k_kw("B")) == (10, 10)


def charging(site: Station) -> Drive:
    """Return both chargers connected, and a car at A that takes everything."""
    drive = Drive(site)
    drive.bring_up("A", "B")
    drive.start("A")
    drive.status("A", 1, CHARGING)
    drive.accept()
    drive.take()
    return drive


def test_a_change_to_reserve_waits_for_room_and_makes_it() -> None:
    drive = charging(CLOSED)
    assert drive.row_kw() == 100
    drive.configure(RESERVE)
    assert drive.notices() == {"fail_safe_waits:A", "fail_safe_waits:B"}
    cut = drive.open_limit("A")
    assert cut.limit_w == 90_000, "what B waits for is taken off"
    assert ("B", 10_000) not in defaults(drive)
    drive.answer(cut)
    drive.draws({("A", 1): 90}, 20)
    drive.accept()
    assert (drive.k_kw("A"), drive.k_kw("B"), drive.row_kw()) == (90, 10, 100)
    assert drive.notices() == set()


@pytest.mark.parametrize(("grid_kw", "left_kw"), [(30, 10), (29, 29)], ids=["it finds room", "it finds none"])
def test_nobody_is_cut_for_a_default_that_finds_no_room_even_so(grid_kw: int, left_kw: int) -> None:
    two = charger("B", 100, 2)
    drive = Drive(station(grid_kw, reserving(A), two))
    drive.bring_up("A", "B")
    drive.start("A")
    drive.status("A", 1, CHARGING)
    drive.accept()
    assert drive.k_kw("A") == grid_kw
    drive.configure(station(grid_kw, reserving(A), reserving(two)))
    drive.accept()
    drive.draws({("A", 1): left_kw}, 60)
    assert (drive.k_kw("A"), drive.k_kw("B")) == (left_kw, grid_kw - left_kw)
    assert "fail_safe_waits:B" in drive.notices() or left_kw == 10


def test_nor_for_one_that_its_own_waiting_car_would_need() -> None:
    other = charger("B", 100, min_w=8_000)
    drive = Drive(station(15, reserving(A), other))
    drive.bring_up("A", "B")
    drive.start("A")
    drive.start("B")
    drive.accept()
    drive.configure(station(15, reserving(A), reserving(other)))
    drive.accept()
    drive.draws({("A", 1): 15}, 60)
    assert (drive.k_kw("A"), drive.k_kw("B")) == (15, 0), "20 kW are not there, and B has to wait for its car's 8"
    assert "fail_safe_waits:B" in drive.notices()


def test_a_default_that_is_only_its_own_cars_already_is_said_at_once() -> None:
    drive = charging(CLOSED)
    drive.configure(RESERVE)
    assert ("A", 10_000) in defaults(drive), "100 kW are booked there already"


def test_under_an_overbooked_row_no_default_is_raised_even_where_it_is_booked_already() -> None:
    drive = charging(CLOSED)
    drive.configure(replace(RESERVE, grid_capacity_w=50_000))
    assert drive.row_kw() == 100
    assert defaults(drive) == []
    drive.draws({("A", 1): 40}, 30)
    assert defaults(drive) == [("A", 10_000), ("B", 10_000)]
    assert (drive.k_kw("A"), drive.k_kw("B"), drive.row_kw()) == (40, 10, 50)


def test_nothing_is_raised_while_the_default_waits() -> None:
    drive = Drive(station(60, A, B, charger("C", 100)))
    drive.bring_up("A", "B", "C")
    first = drive.start("A")
    drive.accept()
    drive.start("C")
    drive.accept()
    drive.draws({("A", 1): 30}, 20)
    drive.draws({("A", 1): 30, ("C", 1): 30}, 30)
    drive.accept()
    assert (drive.k_kw("A"), drive.k_kw("C")) == (30, 30)
    drive.configure(station(60, A, reserving(B, 40_000), charger("C", 100)))
    drive.stop("A", first)
    drive.accept()
    drive.status("A", 1, AVAILABLE)
    drive.accept()
    assert (drive.k_kw("A"), drive.k_kw("B")) == (0, 0), "C still has what B waits for"
    drive.draws({("C", 1): 10}, 10)
    assert (drive.k_kw("B"), drive.row_kw()) == (40, 60)
    drive.draws({("C", 1): 20}, 30)
    assert (drive.k_kw("B"), drive.k_kw("C")) == (40, 20), "what A gave back went to B first"


def test_a_change_to_closed_frees_when_it_has_settled() -> None:
    drive = Drive(RESERVE)
    drive.bring_up("A", "B")
    drive.take()
    drive.configure(CLOSED)
    assert defaults(drive) == [("A", 0), ("B", 0)]
    assert drive.row_kw() == 20
    drive.accept()
    assert drive.row_kw() == 0
    assert drive.notices() == set()


def test_a_car_that_has_only_the_default_is_waited_for() -> None:
    site = station(20, reserving(A), reserving(B))
    drive = Drive(site)
    drive.bring_up("A", "B")
    drive.start("A")
    drive.status("A", 1, CHARGING)
    assert drive.limits() == [], "its default is all that there is for it"
    drive.configure(station(20, A, B))
    cut = drive.open_limit("A", 0)
    drive.answer(cut)
    assert drive.k_kw("A") == 10, "it may draw its default still"
    drive.wait(10)
    drive.accept()
    assert [(c.charger_id, c.limit_w) for c in drive.take() if isinstance(c, SetLimit)][-1] == ("A", 10_000)
    drive.wait(20)
    drive.accept()
    assert (drive.k_kw("A"), drive.k_kw("B")) == (20, 0), "what B gave back has been given to it"


def test_a_lower_default_at_another_level_is_not_cleared_while_it_waits_for_its_cars() -> None:
    drive = Drive(station(100, reserving(A)))
    drive.connect("A")
    drive.status("A", 1, CHARGING)
    while not any(isinstance(call, ClearLimits) and call.stack_level == 0 for call in drive.open_calls):
        drive.answer(drive.open_calls[0])
    drive.disconnect("A")
    drive.configure(station(100, A))
    drive.connect("A")
    drive.start("A")
    lower = drive.open_limit("A", 0)
    assert (lower.limit_w, lower.form.stack_level) == (0, 1), "a clearing of level 0 may still be executed"
    drive.take()
    drive.answer(lower)
    cleared: list[int | None] = []
    while clearings := [call for call in drive.open_calls if isinstance(call, ClearLimits)]:
        cleared += [call.stack_level for call in clearings if call.idx is None]
        drive.answer(clearings[0])
    assert cleared[0] == 0, "where the one before stands"
    assert 1 not in cleared


def test_a_lower_power_is_said_also_when_it_crosses_the_answer_to_the_one_before() -> None:
    drive = Drive(RESERVE)
    drive.connect("A")
    drive.status("A", 1, AVAILABLE)
    drive.answer(drive.open_calls[0])
    said = drive.open_limit("A", 0)
    assert said.limit_w == 10_000
    drive.configure(CLOSED)
    drive.answer(said)
    assert drive.open_limit("A", 0).limit_w == 0
    drive.accept()
    assert drive.k_kw("A") == 0


def test_refused_it_gives_way_and_is_tried_again_in_ten_minutes() -> None:
    drive = Drive(station(200, A, B))
    drive.bring_up("A")
    drive.configure(station(200, reserving(A), reserving(B)))
    drive.answer(drive.open_limit("A", 0), "Rejected")
    for _ in range(8):
        drive.wait(31)
        for call in list(drive.open_calls):
            wrong = isinstance(call, SetLimit) and call.purpose is Purpose.DEFAULT and call.limit_w > 0
            drive.answer(call, "Rejected" if wrong else "Accepted")
    assert drive.notices() >= {"fail_safe_waits:A"}
    drive.take()
    drive.wait(601)
    assert ("A", 10_000) in defaults(drive)


def test_a_moment_without_an_offer_teaches_nothing_where_a_car_had_no_more_than_the_default() -> None:
    drive = Drive(station(20, reserving(A, 10_000), reserving(B, 10_000)))
    drive.bring_up("A", "B")
    for charger_id in ("A", "B"):
        drive.start(charger_id)
        drive.status(charger_id, 1, CHARGING)
    drive.draws({("A", 1): 10, ("B", 1): 10}, 300)
    drive.take()
    drive.status("A", 1, ConnectorStatus.SUSPENDED_EVSE)
    drive.draws({("A", 1): 0, ("B", 1): 10}, 20)
    assert drive.take() == []
    assert not [event for event in drive.events("make.learnt") if event.detail.get("pauses") is False]


def expiring(power_w: int = 10_000) -> Station:
    return station(100, replace(A, fail_safe=FailSafe.EXPIRE, fail_safe_power_w=power_w))


def told(drive: Drive) -> list[tuple[int, int | None]]:
    """Return the limits of transactions said since last asked, and where they fall."""
    return [(c.limit_w, c.expires_to_w) for c in drive.take() if isinstance(c, SetLimit) and c.idx > 0]


def test_limits_that_expire_are_said_again_every_hundred_seconds() -> None:
    drive = Drive(expiring())
    drive.bring_up("A")
    drive.start("A")
    drive.status("A", 1, CHARGING)
    drive.accept()
    assert told(drive) == [(100_000, 10_000)]
    for _ in range(3):
        drive.draws({("A", 1): 100}, 90)
        assert told(drive) == []
        drive.draws({("A", 1): 100}, 10)
        drive.accept()
        assert told(drive) == [(100_000, 10_000)]
    assert (drive.k_kw("A"), drive.notices()) == (100, set())


def test_a_limit_that_expires_is_cleared_beneath_the_default_that_is_told_in_its_place() -> None:
    """A TxProfile overrules every TxDefaultProfile (OCPP 1.6 §3.13.3): the car would fall to 10 kW after 5 minutes."""
    both = replace(charger("A", 100, connectors=2), fail_safe=FailSafe.EXPIRE, fail_safe_power_w=10_000)
    drive = Drive(station(200, both), keys={"ChargingScheduleAllowedChargingRateUnit": "Power"})
    drive.bring_up("A")
    for idx in (1, 2):
        drive.start("A", idx)
        drive.status("A", idx, CHARGING)
        drive.accept()
    cleared: set[int | None] = set()
    for _ in range(29):
        drive.wait(10)
        for idx in (1, 2):
            drive.sample("A", idx, 50_000)
        for call in list(drive.open_calls):
            if isinstance(call, ClearLimits):
                cleared.add(call.idx)
            refuses = isinstance(call, SetLimit) and (call.idx, call.purpose) == (1, Purpose.TX)
            drive.answer(call, "Rejected" if refuses else "Accepted")
    assert 2 in cleared, "its TxProfile was never refused, and is what it is told by its default"


def test_expiry_frees_nothing() -> None:
    drive = Drive(expiring())
    drive.bring_up("A")
    drive.start("A")
    drive.accept()
    drive.disconnect("A")
    drive.wait(1_000)
    assert drive.k_kw("A") == 100


def test_a_charger_that_refuses_two_periods_is_told_one() -> None:
    drive = Drive(expiring())
    drive.bring_up("A")
    drive.start("A")
    drive.status("A", 1, CHARGING)
    for _ in range(2):
        drive.wait(31)
        drive.answer(drive.open_limit("A"), "Rejected")
    drive.wait(31)
    drive.accept()
    assert told(drive) == [(100_000, 10_000), (100_000, 10_000), (100_000, None)]
    assert "does_not_expire:A" in drive.notices()
    drive.boot("A")
    drive.wait(1)
    drive.accept()
    assert told(drive)[-1] == (100_000, 10_000), "its firmware may be another"


def test_a_charger_that_knows_one_period_alone_is_told_one() -> None:
    keys = {"ChargingScheduleAllowedChargingRateUnit": "Power", "ChargingScheduleMaxPeriods": "1"}
    drive = Drive(expiring(), keys=keys)
    drive.bring_up("A")
    drive.start("A")
    drive.accept()
    assert told(drive) == [(100_000, None)]


def test_a_charger_whose_clock_is_far_ahead_is_told_one_period() -> None:
    drive = Drive(expiring())
    drive.bring_up("A")
    drive.start("A")
    drive.status("A", 1, CHARGING)
    drive.accept()
    for _ in range(3):
        drive.wait(10)
        drive.sample("A", 1, 99_000, ago_s=-250)
    drive.take()
    for _ in range(10):
        drive.wait(10)
        drive.sample("A", 1, 99_000, ago_s=-250)
        drive.accept()
    assert told(drive) == [(100_000, None)], "said again before the last one would expire"
    assert "does_not_expire:A" in drive.notices()


def test_a_limit_that_has_expired_at_once_is_said_without_expiry() -> None:
    drive = Drive(expiring())
    drive.bring_up("A")
    drive.start("A")
    drive.accept()
    drive.status("A", 1, CHARGING)
    drive.take()
    drive.draws({("A", 1): 10}, 50)
    assert [falls_to_w for _, falls_to_w in told(drive)] == [None]


@pytest.mark.parametrize(
    ("drawn_kw", "next_purpose"), [(10, Purpose.DEFAULT), (10.5, Purpose.DEFAULT), (6, None), (40, None)]
)
def test_a_car_that_stays_at_the_default_is_told_in_the_other_purpose(
    drawn_kw: float, next_purpose: Purpose | None
) -> None:
    drive = Drive(RESERVE)
    drive.bring_up("A", "B")
    drive.start("A")
    drive.accept()
    drive.status("A", 1, CHARGING)
    drive.take()
    drive.draws({("A", 1): drawn_kw}, 50)
    told = {(c.purpose, c.idx) for c in drive.take() if isinstance(c, SetLimit) and c.purpose is Purpose.DEFAULT}
    assert told == (set() if next_purpose is None else {(next_purpose, 1)})
