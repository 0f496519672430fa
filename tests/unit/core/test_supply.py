"""The battery in the control loop: what is granted, what is conditional, and what the battery is told."""

from dataclasses import replace

import pytest

from csms.core.events import ConnectorStatus, ExplainRequested
from csms.core.explanation import Explanation
from csms.core.grid_terms import CapacityWindow
from csms.core.ids import RequestId
from csms.core.replies import Explained
from csms.core.sentences import sentence
from csms.core.station import Battery, BatteryModbus, Control, Station
from tests.unit.core.driving import KW, charger, station
from tests.unit.core.powering import BATTERY, Powered, site

PLACES = (("A", 1), ("B", 1), ("A", 2), ("B", 2))


def full_station(soc_percent: int = 100, cars: int = 4, **spoil: int) -> Powered:
    """Return the documented station with cars that each want 150 kW, after all has come to rest."""
    drive = Powered(site(), soc_percent)
    drive.spoil = dict(spoil)
    drive.report()
    drive.bring_up("A", "B")
    for charger_id, idx in PLACES[:cars]:
        drive.plug_in(charger_id, idx)
        drive.on(5)
    drive.on(70)
    return drive


def shares_kw(drive: Powered) -> list[float]:
    return [drive.k_kw(*place) for place in PLACES]


def leave(drive: Powered, *places: tuple[str, int]) -> None:
    """Have cars go."""
    for charger_id, idx in places:
        views = drive.engine.all_changes().sessions.values()
        mine = next(v for v in views if v is not None and (v.charger_id, v.idx) == (charger_id, idx))
        assert mine.transaction_id is not None
        drive.stop(charger_id, mine.transaction_id)
        drive.status(charger_id, idx, ConnectorStatus.AVAILABLE)
        del drive.wants[charger_id, idx]
    drive.accept()


def firmly_kw(drive: Powered) -> tuple[float, float | None]:
    """Return what may be drawn now, and when all limits that expire have, kW."""
    bound = drive.engine.firm_bounds()["grid"]
    return bound.possible_w / KW, None if bound.expired_w is None else bound.expired_w / KW


# --- power above what is firm ----------------------------------------------------------------------------------------


def test_four_cars_share_grid_and_battery_and_fall_to_what_is_firm_without_the_server() -> None:
    drive = full_station()
    drive.on(100)  # every limit has been said again since the last car came
    assert shares_kw(drive) == [149.25] * 4
    assert drive.battery_kw == 200
    assert firmly_kw(drive) == (597, 397)


def test_who_does_not_let_limits_expire_gets_what_is_firm() -> None:
    drive = Powered(site())
    drive.keeps_expiry = False
    drive.report()
    drive.bring_up("A", "B")
    for place in PLACES:
        drive.plug_in(*place)
    drive.on(90)
    assert sum(shares_kw(drive)) == pytest.approx(397, abs=0.1)
    assert drive.battery_kw == 0
    assert firmly_kw(drive)[0] <= 397


def test_one_charger_of_two_lets_limits_expire() -> None:
    drive = full_station()
    drive.disconnect("B")
    drive.keeps_expiry = False
    drive.connect("B")
    drive.boot("B")
    drive.accept()
    drive.on(120)
    total_kw, expired_kw = firmly_kw(drive)
    assert total_kw <= 597
    assert expired_kw == pytest.approx(397, abs=0.1)
    assert drive.k_kw("B", 1) + drive.k_kw("B", 2) <= 200, "a firm share"
    assert drive.k_kw("A", 1) + drive.k_kw("A", 2) == 300, "the rest of them can use what is conditional"


# --- confirmation ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("caption", "spoil", "granted_kw"),
    [
        ("all of it", {}, 200),
        ("nothing is acknowledged: remote mode is off", {"permitted_w": 0}, 0),
        ("half of it is acknowledged", {"permitted_w": 100 * KW}, 100),
        ("the inverter itself can do less", {"available_discharge_w": 30 * KW}, 30),
        ("it takes power on its own", {"power_w": -20 * KW, "set_point_w": None}, 0),
    ],
)
def test_only_what_is_confirmed_is_granted(caption: str, spoil: dict[str, int | None], granted_kw: int) -> None:
    drive = Powered(site())
    drive.report()
    drive.spoil = spoil
    drive.report()
    assert drive.engine.node_capacity_w("grid") == (397 + granted_kw) * KW, caption


def test_nothing_is_granted_before_its_first_word_and_what_it_may_take_is_booked() -> None:
    drive = Powered(site())
    assert drive.engine.node_capacity_w("grid") == 397 * KW
    booked_kw = drive.row_kw()
    drive.say(None)
    assert (drive.row_kw(), drive.engine.node_capacity_w("grid")) == (booked_kw + 200, 397 * KW)
    drive.report()
    assert drive.row_kw() == booked_kw


def test_a_battery_that_is_not_heard_is_gone() -> None:
    drive = full_station()
    drive.hears = False
    drive.on(9)
    assert drive.engine.node_capacity_w("grid") == 597 * KW
    drive.on(3)
    assert drive.engine.node_capacity_w("grid") == 397 * KW
    drive.on(15)
    assert shares_kw(drive) == [99.25] * 4
    drive.hears = True
    drive.on(40)
    assert shares_kw(drive) == [149.25] * 4


def test_a_battery_that_acknowledges_and_does_not_follow_grants_nothing_for_ten_minutes() -> None:
    drive = full_station()
    drive.spoil = {"set_point_w": 0, "power_w": 0, "computed": False}
    drive.on(45)
    assert (drive.row_kw(), drive.engine.node_capacity_w("grid")) == (397, 397 * KW)
    assert battery_notices(drive) == {"battery_not_following"}
    drive.on(540)
    assert drive.row_kw() == 397, "nobody is raised, although it follows a set-point of 0 now"
    drive.spoil = {"computed": False}
    drive.on(60)
    assert drive.row_kw() == 597
    assert battery_notices(drive) == set()


def test_one_that_gave_less_and_is_asked_for_nothing_is_alarmed_no_longer_than_that_counts() -> None:
    drive = full_station()
    drive.spoil = {"power_w": 0, "computed": False}
    drive.on(20)
    assert battery_notices(drive) == {"battery_not_following"}
    leave(drive, *PLACES)
    drive.on(590)
    assert battery_notices(drive) == {"battery_not_following"}
    drive.on(20)
    assert battery_notices(drive) == set()


@pytest.mark.parametrize(
    "spoil",
    [
        {"set_point_w": None, "permitted_w": 0},
        {"set_point_w": 0, "available_discharge_w": 0},
        {"set_point_w": 0, "soc_ppm": 90_000},
        {"set_point_w": 199_000},
    ],
    ids=["somebody else has it", "a fault", "at its reserve", "some round"],
)
def test_one_that_cannot_or_need_not_follow_is_counted_on_as_soon_as_it_does(spoil: dict[str, int | None]) -> None:
    drive = full_station()
    drive.spoil = spoil
    drive.on(60)
    drive.spoil = {}
    drive.on(60)
    assert drive.row_kw() == 597


def test_a_battery_that_was_not_heard_for_a_while_is_given_time_to_follow() -> None:
    drive = full_station()
    drive.hears = False
    drive.on(60)
    drive.hears, drive.spoil = True, {"set_point_w": 0}
    drive.on(5)
    drive.spoil = {}
    drive.on(40)
    assert drive.row_kw() == 597


def test_safe_mode_grants_nothing_and_lets_the_battery_help_until_cars_have_followed() -> None:
    drive = full_station()
    drive.recover(safe=True)
    for charger_id in ("A", "B"):
        drive.connect(charger_id)
    assert drive.engine.node_capacity_w("grid") == 397 * KW
    drive.report()
    assert drive.told[-1][1].power_w == 200 * KW
    drive.on(120)
    assert drive.row_kw() <= 397
    assert drive.told[-1][1].power_w == 0


def test_safe_mode_leaves_room_for_what_a_battery_may_be_taking_that_is_not_heard() -> None:
    drive = full_station(soc_percent=50, cars=2)
    drive.recover(safe=True)
    for charger_id in ("A", "B"):
        drive.connect(charger_id)
    drive.hears = False
    drive.say(None)
    drive.on(75)
    assert 190 < sum(shares_kw(drive)) <= 197, "beside the 200 kW that it may be taking"


def test_a_battery_that_is_taken_out_of_the_configuration_gives_nothing() -> None:
    drive = full_station()
    drive.configure(site(None))
    assert drive.engine.node_capacity_w("grid") == 397 * KW
    drive.report()
    assert drive.engine.node_capacity_w("grid") == 397 * KW


def test_what_a_battery_has_acknowledged_is_nothing_that_another_one_has() -> None:
    drive = full_station()
    drive.configure(site(replace(BATTERY, modbus=BatteryModbus("192.0.2.20"))))
    assert drive.engine.node_capacity_w("grid") == 397 * KW
    assert not battery_notices(drive) - {"battery_computed"}
    drive.report()
    assert drive.engine.node_capacity_w("grid") == 597 * KW
    drive.configure(site(replace(BATTERY, modbus=BatteryModbus("192.0.2.20"), capacity_wh=300 * KW)))
    assert drive.engine.node_capacity_w("grid") == 597 * KW


# --- energy ----------------------------------------------------------------------------------------------------------


def test_while_it_runs_empty_cars_are_told_before_its_power_is_gone() -> None:
    drive = full_station(soc_percent=20)
    highest_kw, limits = 0.0, len(drive.commands)
    for _ in range(150):
        drive.on(1)
        highest_kw = max(highest_kw, sum(shares_kw(drive)) + 3 - drive.battery_kw)
        assert drive.row_kw() * KW <= (drive.engine.node_capacity_w("grid") or 0)
    assert highest_kw <= 400
    assert len(drive.commands) - limits <= 30, "in steps, not with every reading"


def test_at_its_reserve_it_gives_nothing_until_it_is_well_above() -> None:
    drive = Powered(site(), soc_percent=11)
    drive.report()
    drive.report()
    assert (drive.engine.node_capacity_w("grid") or 0) == (397 + 8) * KW
    for soc_percent, granted_kw in ((10, 0), (14, 0), (15, 40), (14, 32)):
        drive.spoil = {"soc_ppm": soc_percent * 10_000}
        drive.report()
        assert drive.engine.node_capacity_w("grid") == (397 + granted_kw) * KW, soc_percent


# --- charging --------------------------------------------------------------------------------------------------------


def test_it_takes_what_no_car_has_needed_for_a_minute_and_gives_way_to_a_car_at_once() -> None:
    drive = full_station(soc_percent=50, cars=2)
    drive.on(60)  # what the cars take has been learnt after half of that
    spare_kw = 397 - sum(shares_kw(drive))
    assert drive.battery_kw == pytest.approx(-spare_kw, abs=1)
    assert drive.row_kw() <= 397
    drive.plug_in("A", 2)
    drive.on(2)
    assert drive.battery_kw == 0
    before = len(drive.told)
    assert min(shares_kw(drive)[:2]) >= 150, "no car is cut for it: what they draw stays theirs"
    drive.on(70)
    assert drive.k_kw("A", 2) >= 142
    turned = [(at_s, told.power_w) for at_s, told in drive.told[before - 2 :]]
    last_take_s = max(at_s for at_s, power_w in turned if power_w < 0)
    assert all(at_s - last_take_s >= 60 for at_s, power_w in turned if power_w > 0)


def test_what_it_takes_stays_booked_until_it_is_seen_to_have_stopped() -> None:
    drive = full_station(soc_percent=50, cars=1)
    drive.on(70)
    takes_kw = -drive.battery_kw
    booked_kw = drive.row_kw()
    drive.follows = False
    drive.plug_in("B", 1)
    drive.on(8)
    assert drive.told[-1][1].power_w == 0
    assert drive.row_kw() >= booked_kw
    assert drive.row_kw() <= 397
    drive.hears = False
    drive.on(30)
    assert sum(shares_kw(drive)) <= 397 - takes_kw, "nobody can end it now"


@pytest.mark.parametrize(("soc_percent", "takes"), [(100, False), (50, True)])
def test_a_full_battery_takes_nothing(soc_percent: int, takes: bool) -> None:  # noqa: FBT001 - a parameter
    drive = Powered(site(replace(BATTERY, charge_power_w=50 * KW)), soc_percent)
    drive.report()
    drive.bring_up("A", "B")
    drive.on(130)
    assert drive.battery_kw == (-50 if takes else 0)


@pytest.mark.parametrize(
    ("caption", "grid_kw", "spare_w", "takes_w"),
    [
        ("5 kW is too little", 400, 5_000, 0),
        ("more than 5 kW is enough", 400, 5_100, 5_100),
        ("1 % of a great connection is too little", 1_000, 10_000, 0),
        ("more than 1 % of it is enough", 1_000, 10_100, 10_100),
    ],
)
def test_it_takes_spare_power_above_5_kw_and_above_1_percent(
    caption: str, grid_kw: int, spare_w: int, takes_w: int
) -> None:
    drive = Powered(replace(site(grid_kw=grid_kw), static_load_w=grid_kw * KW - spare_w), soc_percent=50)
    drive.report()
    drive.bring_up("A", "B")
    drive.on(70)
    assert -drive.battery_kw * KW == pytest.approx(takes_w), caption


def test_a_battery_without_power_changes_nothing() -> None:
    drive = Powered(site(Battery(200 * KW, 0)))
    drive.report()
    assert drive.engine.node_capacity_w("grid") == 397 * KW


# --- over REST -------------------------------------------------------------------------------------------------------


def rest_site() -> Station:
    """Return the documented station, driven over REST."""
    chargers = (charger("A", 300, 2, control=Control.REST), charger("B", 300, 2, control=Control.REST))
    return replace(station(400, *chargers, static_kw=3), battery=BATTERY)


def test_a_rest_client_is_told_what_is_left_to_it_when_it_hears_nothing() -> None:
    drive = Powered(rest_site())
    drive.report()
    drive.report()
    sessions = [drive.rest_start(charger_id, idx, 150) for charger_id, idx in PLACES]
    assert [(one.allocated_w // KW, one.firm_w) for one in sessions] == [
        (150, None),
        (150, None),
        (150, 97 * KW),
        (147, 0),
    ]
    again = [drive.update(one.session_id, one.allocated_w / KW) for one in sessions]
    assert [one.allocated_w // KW for one in again] == [149] * 4
    assert [one.firm_w for one in again] == [99 * KW] * 4
    assert drive.battery_kw == 199
    assert firmly_kw(drive) == (596, 396)


def test_what_a_client_may_have_missed_is_left_of_the_answer_that_it_obeys() -> None:
    drive = Powered(rest_site())
    drive.report()
    drive.report()
    first = drive.rest_start("A", 1, 150)
    drive.update(first.session_id, 150, 150)  # it echoes from now on
    for charger_id, idx in PLACES[1:]:
        drive.rest_start(charger_id, idx, 150)
    told = drive.update(first.session_id, 150, 150)
    assert (told.allocated_w, told.firm_w) == (149 * KW, 99 * KW)
    assert firmly_kw(drive)[1] == 150 + 150 + 97, "it may not have heard that"
    drive.update(first.session_id, 149, 149)
    assert firmly_kw(drive)[1] == 99 + 150 + 97


# --- what operators see ----------------------------------------------------------------------------------------------


def battery_notices(drive: Powered) -> set[str]:
    return {notice for notice in drive.notices() if notice.startswith("battery")}


def test_what_keeps_it_from_giving_is_told() -> None:
    drive = Powered(site(), soc_percent=11)
    assert battery_notices(drive) == {"battery_not_used"}
    drive.on(2)
    assert battery_notices(drive) == {"battery_computed"}
    drive.spoil = {"soc_ppm": 100_000}
    drive.on(1)
    assert battery_notices(drive) == {"battery_computed", "battery_empty"}
    drive.spoil = {"permitted_w": 0}
    drive.on(12)
    assert battery_notices(drive) == {"battery_computed", "battery_empty", "battery_not_following"}
    drive.hears = False
    drive.on(12)
    assert battery_notices(drive) == {"battery_silent"}
    drive.spoil, drive.hears = {"computed": False, "soc_ppm": 900_000}, True
    drive.on(2)
    assert battery_notices(drive) == set()


def test_it_is_shown_as_it_was_last_read() -> None:
    drive = full_station(soc_percent=50, cars=4)
    shown = drive.engine.all_changes().battery
    assert shown is not None
    assert (shown.power_w, shown.set_point_w, shown.granted_w, shown.booked_w) == (200 * KW, 200 * KW, 200 * KW, 0)
    assert shown.computed
    assert 400_000 < shown.soc_ppm < 500_000
    drive.configure(site(None))
    assert drive.engine.all_changes().battery is None


def explained(drive: Powered, charger_id: str, idx: int) -> Explanation:
    """Return why a car has what it has."""
    views = drive.engine.all_changes().sessions.values()
    session_id = next(v.session_id for v in views if v is not None and (v.charger_id, v.idx) == (charger_id, idx))
    request = RequestId(drive.number())
    drive.do(ExplainRequested(request, session_id))
    outcome = drive.outcomes[request]
    assert isinstance(outcome, Explained)
    return outcome.explanation


def test_an_explanation_says_what_of_it_is_the_battery_s() -> None:
    found = explained(full_station(), "A", 1)
    assert found.binding is not None
    assert (found.binding.capacity_w, found.binding.battery_w) == (597 * KW, 200 * KW)
    assert sentence(found) == (
        "The car at connector 1 of A may take 149.2 kW, because the grid connection, with 200 kW from the battery,"
        " has 597 kW for 4 cars, which share it fairly."
    )


def test_who_gets_what_is_firm_alone_is_limited_by_the_grid_connection() -> None:
    drive = Powered(site())
    drive.keeps_expiry = False
    drive.report()
    drive.bring_up("A", "B")
    for place in PLACES:
        drive.plug_in(*place)
    drive.on(60)
    assert explained(drive, "A", 1).limited_by == "grid"


def test_it_takes_power_of_the_hour_only_as_far_as_that_is_firm() -> None:
    """What it takes does not expire: of 397 kW it may have the 40 kW that hold in the evening, less what cars have."""
    evening = (CapacityWindow(20 * 60, 21 * 60, 43 * KW),)
    drive = Powered(replace(site(), capacity_schedule=evening), soc_percent=50)
    drive.report()
    drive.bring_up("A", "B")
    drive.on(80)
    assert drive.battery_kw == -40
    drive.plug_in("A", 1, 30)
    drive.on(200)
    assert drive.k_kw("A", 1) == 300, "nobody is short of what it does not draw"
    assert -10 <= drive.battery_kw <= 0, "the car has its firm share before it"
    _, expired_kw = firmly_kw(drive)
    assert expired_kw is not None
    assert expired_kw <= 40
