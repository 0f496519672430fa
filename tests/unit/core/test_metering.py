"""The site's meter and the engine: what the grid connection has for cars, and what is refused, shown and alarmed."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from csms.core.alarms import Alarm
from csms.core.events import (
    BatteryReported,
    ConnectorStatus,
    ExplainRequested,
    SiteMeterFailed,
    SiteMeterRead,
)
from csms.core.explanation import BaseLoadShare, Explanation, Known, Reason
from csms.core.ids import ChargerId, RequestId
from csms.core.replies import Explained, Refusal, Refused, SiteMeterShown
from csms.core.site_meter import Measures, ModbusSource, SiteMeter, SiteMeterView
from csms.core.station import GRID, Battery, Circuit, PhaseLimit, Station
from tests.unit.core.driving import KW, Drive, charger, station
from tests.unit.core.keeping import Keeping
from tests.unit.core.powering import Powered

BASE = SiteMeter()
AT_GRID = SiteMeter(Measures.GRID)


def site(meter: SiteMeter | None = BASE, grid_kw: int = 100, static_kw: int = 50, count: int = 2) -> Station:
    chargers = (charger(f"C{number}", 60) for number in range(1, count + 1))
    return replace(station(grid_kw, *chargers, static_kw=static_kw), site_meter=meter)


def charging(drive: Drive, *charger_ids: str) -> None:
    """Have a car at each charger that has taken what it was told, and draws that."""
    drive.bring_up(*charger_ids)
    for charger_id in charger_ids:
        drive.start(charger_id)
        drive.status(charger_id, 1, ConnectorStatus.CHARGING)
    drive.accept()


def shown(drive: Drive) -> SiteMeterView:
    view = drive.last.changes.site_meter
    assert view is not None
    return view


def reads(drive: Drive, power_kw: float, seconds: int = 1, every_s: int = 1) -> None:
    """Have the meter show a power for so long."""
    for _ in range(0, seconds, every_s):
        drive.do(SiteMeterRead(int(power_kw * KW)))
        drive.wait(every_s)


def live(drive: Drive, base_kw: float, cars: Mapping[str, float | None], seconds: int, *, adds: bool = False) -> None:
    """Have the meter show a base load each second (`adds`: and the cars), and each car a sample every five.

    A car draws as much as is given; None: what it was told last.
    """
    for second in range(seconds):
        views = drive.engine.all_changes().sessions.values()
        told = {v.charger_id: v.allocated_w / KW for v in views if v is not None}
        drawn = {name: told[ChargerId(name)] if kw is None else kw for name, kw in cars.items()}
        if second % 5 == 0:
            for name, kw in drawn.items():
                drive.sample(name, 1, int(kw * KW))
            drive.accept()
        reads(drive, base_kw + (sum(drawn.values()) if adds else 0))


def push(drive: Drive, power_w: int, age_ms: int = 0) -> object:
    request = RequestId(drive.number())
    drive.do(SiteMeterRead(power_w, age_ms, request))
    return drive.outcomes[request]


def explained(drive: Drive) -> Explanation:
    session_id = next(iter(drive.engine.all_changes().sessions))
    request = RequestId(drive.number())
    drive.do(ExplainRequested(request, session_id))
    outcome = drive.outcomes[request]
    assert isinstance(outcome, Explained)
    return outcome.explanation


def firm_kw(drive: Drive) -> float:
    """Return what the grid connection has for cars whatever is measured."""
    return (drive.engine.firm_bounds()[GRID].firm_w or 0) / KW


def capacity_kw(drive: Drive) -> float:
    return (drive.engine.node_capacity_w(GRID) or 0) / KW


def alarm(drive: Drive, name: str) -> Alarm:
    return (drive.engine.all_changes().notices or {})[name]


def test_more_than_the_configured_maximum_cuts_cars_at_once_and_falls_after_ten_seconds() -> None:
    drive = Drive(site())
    charging(drive, "C1", "C2")
    live(drive, 40, {"C1": 25, "C2": 25}, 30)
    assert drive.row_kw() == 50
    drive.take()
    reads(drive, 70)
    assert capacity_kw(drive) == 30
    assert sorted(drive.limits()) == [("C1", 1, 15_000), ("C2", 1, 15_000)], "cuts leave with the reading"
    live(drive, 40, {"C1": 15, "C2": 15}, 10)
    assert drive.row_kw() == 30
    assert capacity_kw(drive) == 30, "not yet"
    live(drive, 40, {"C1": None, "C2": None}, 30)
    assert (capacity_kw(drive), firm_kw(drive)) == (60, 50)
    assert drive.row_kw() == 50, "and cars are raised again, with what is firm: their limits would not expire"


def test_commands_never_book_more_than_the_connection_has_beside_what_is_measured() -> None:
    drive = Drive(site(count=3))
    cars = {"C1": 3.0, "C2": 3.0, "C3": 3.0}
    charging(drive, *cars)
    for power_kw in (45, 80, 52, 90, 10):
        before_kw = drive.row_kw()
        live(drive, power_kw, cars, 1)
        assert firm_kw(drive) <= 100 - max(50, power_kw)
        assert drive.row_kw() <= max(before_kw, capacity_kw(drive)), "nothing is raised beyond what there is"
        live(drive, power_kw, cars, 11)
        assert drive.row_kw() <= capacity_kw(drive), "and cuts are through"


def test_what_is_measured_below_the_maximum_goes_to_cars_and_is_not_firm() -> None:
    drive = Keeping(site())
    charging(drive, "C1", "C2")
    live(drive, 10, {"C1": None, "C2": None}, 150)
    assert (capacity_kw(drive), firm_kw(drive)) == (90, 50)
    assert drive.row_kw() == 90, "two cars of 60 kW"
    bound = drive.engine.firm_bounds()[GRID]
    assert (bound.possible_w, bound.expired_w, bound.holds) == (90 * KW, 50 * KW, True)
    drive.take()
    live(drive, 40, {"C1": None, "C2": None}, 1)
    assert sorted(drive.limits()) == [("C1", 1, 30_000), ("C2", 1, 30_000)], "cuts leave with the reading"
    live(drive, 40, {"C1": 30, "C2": 30}, 5)
    drive.take()
    drive.wait(10)
    assert sorted(drive.limits()) == [("C1", 1, 25_000), ("C2", 1, 25_000)], "and with the silence of the meter"


def test_a_charger_whose_limits_do_not_expire_gets_what_is_firm_alone() -> None:
    drive = Keeping(site())
    drive.keeps_expiry.discard(ChargerId("C2"))
    charging(drive, "C1", "C2")
    live(drive, 10, {"C1": None, "C2": None}, 150)
    assert (drive.k_kw("C1"), drive.k_kw("C2")) == (60, 25)


def test_what_is_not_firm_goes_to_cars_beneath_a_fuse_on_each_phase_too() -> None:
    """C2 cannot be told a limit that expires: it has what is firm, within its phases."""
    fuse = PhaseLimit((80_000,) * 3)
    below = tuple(replace(each, circuit="K") for each in site().chargers)
    drive = Keeping(replace(site(), chargers=below, circuits=(Circuit("K", None, fuse.power_w, fuse),)))
    drive.keeps_expiry.discard("C2")
    charging(drive, "C1", "C2")
    live(drive, 10, {"C1": None, "C2": None}, 150)
    assert (drive.k_kw("C1"), drive.k_kw("C2")) == (30.2, 25), "the 55.2 kW of K"


def test_who_gets_what_is_firm_alone_gets_its_least_whole_or_not_at_all() -> None:
    """C2 is to have a third of the 50 kW that are firm; C1 has given its part back, and C3 has not yet.

    Of C2 it is known that its limits do not expire.
    """
    chargers = tuple(replace(charger(f"C{n}", kw), min_power_w=15 * KW) for n, kw in ((1, 25), (2, 60), (3, 25)))
    drive = Keeping(replace(site(), chargers=chargers))
    drive.keeps_expiry = {ChargerId("C1"), ChargerId("C3")}
    drive.bring_up("C1", "C3")
    charging(drive, "C2")
    live(drive, 10, {"C2": None}, 30)
    drive.stop("C2", drive.open_transactions()[0])
    drive.status("C2", 1, ConnectorStatus.AVAILABLE)
    charging(drive, "C1", "C3")
    live(drive, 10, {"C1": None, "C3": None}, 150)
    drive.start("C2")
    drive.accept("C2")
    drive.accept("C1")
    for _ in range(4):
        drive.wait(1)
        drive.do(SiteMeterRead(10 * KW))
        drive.sample("C1", 1, 25 * KW)
        drive.sample("C3", 1, 25 * KW)
    assert drive.k_kw("C2") == 0
    drive.accept("C3")
    drive.sample("C3", 1, 25 * KW)
    assert drive.k_kw("C2") == pytest.approx(16.667, abs=0.01)


def test_what_a_battery_may_be_taking_that_is_not_heard_is_not_firm_for_cars() -> None:
    drive = Keeping(replace(site(), battery=Battery(100 * KW, 30 * KW)))
    charging(drive, "C1", "C2")
    live(drive, 10, {"C1": None, "C2": None}, 100)
    drive.is_recovered = False  # what batteries take is found again by reading them, not in the store
    drive.do(BatteryReported(None, drive.now.mono_ms))
    live(drive, 10, {"C1": None, "C2": None}, 40)
    bound = drive.engine.firm_bounds()[GRID]
    assert (bound.possible_w, bound.expired_w) == (90 * KW, 50 * KW), "30 kW of each are the battery's"


def test_in_safe_mode_nothing_rests_on_a_meter() -> None:
    drive = Drive(site())
    reads(drive, 10, seconds=12)
    drive.recover(safe=True)
    reads(drive, 10, seconds=12)
    assert capacity_kw(drive) == 50


def test_a_silent_meter_counts_as_the_maximum_and_is_alarmed() -> None:
    drive = Drive(site())
    assert "base_load_meter_stale" not in drive.notices(), "it has ten seconds for its first reading"
    assert shown(drive).stale
    reads(drive, 30, seconds=12)
    assert shown(drive).counted_w == 30 * KW
    assert not shown(drive).stale
    drive.wait(8.9)
    assert "base_load_meter_stale" not in drive.notices()
    drive.wait(0.1)
    assert shown(drive).stale
    assert shown(drive).counted_w == 50 * KW
    assert alarm(drive, "base_load_meter_stale").cause == "nothing was heard of it; 50000 W count as base load"
    reads(drive, 30)
    assert "base_load_meter_stale" not in drive.notices()
    assert shown(drive).counted_w == 50 * KW, "a fall has to last, also after a silence"
    assert [event.detail["power_w"] for event in drive.events("site_meter.heard")] == [30 * KW, 30 * KW]


def test_a_meter_that_was_never_heard_is_alarmed_after_its_greatest_age() -> None:
    drive = Drive(site())
    drive.wait(9.9)
    assert "base_load_meter_stale" not in drive.notices()
    drive.wait(0.1)
    assert "base_load_meter_stale" in drive.notices()


def test_silence_after_more_than_the_maximum_gives_nothing_back() -> None:
    drive = Drive(site())
    reads(drive, 70)
    drive.wait(3_600)
    assert capacity_kw(drive) == 30
    assert {"base_load_meter_stale", "base_load_above_maximum"} <= drive.notices()


def test_more_than_the_maximum_is_alarmed_as_long_as_it_counts() -> None:
    drive = Drive(site())
    reads(drive, 62.3)
    assert alarm(drive, "base_load_above_maximum").cause == "62500 W count as measured, staticLoad is 50000 W"
    reads(drive, 50, seconds=11)
    assert "base_load_above_maximum" not in drive.notices()


def test_an_explanation_says_what_the_rest_of_the_site_takes_where_that_binds() -> None:
    drive = Drive(site())
    charging(drive, "C1", "C2")
    assert explained(drive).base_load == BaseLoadShare(50 * KW, Known.SILENT)
    live(drive, 50, {"C1": 25, "C2": 25}, 12)
    assert explained(drive).base_load == BaseLoadShare(50 * KW, Known.MEASURED)
    live(drive, 70, {"C1": 15, "C2": 15}, 12)
    found = explained(drive)
    assert found.base_load == BaseLoadShare(70 * KW, Known.MEASURED)
    assert found.binding is not None
    assert (found.reason, found.binding.capacity_w) == (Reason.SHARE, 30 * KW)


def test_where_something_else_binds_the_rest_of_the_site_is_not_mentioned() -> None:
    drive = Drive(site(grid_kw=200))
    charging(drive, "C1", "C2")
    assert explained(drive).base_load is None


def test_after_a_restart_the_maximum_counts_until_the_meter_is_heard() -> None:
    drive = Drive(site())
    reads(drive, 10, seconds=20)
    drive.recover()
    assert shown(drive) == SiteMeterView(Measures.BASE_LOAD, None, None, True, 50 * KW, 50 * KW, False, "")
    assert capacity_kw(drive) == 50


@pytest.mark.parametrize(
    ("power_w", "age_ms", "why"),
    [
        (-1, 0, "power: a base load is not below 0"),
        (200_001, 0, "power: more than 2 times the grid connection is no reading; the unit may be wrong"),
        (10**12, 0, "power: more than 2 times the grid connection is no reading; the unit may be wrong"),
        (30_000, 10_000, "ageS: a reading older than 10 s counts for nothing"),
    ],
)
def test_what_no_meter_can_show_is_refused_and_changes_nothing(power_w: int, age_ms: int, why: str) -> None:
    drive = Drive(site())
    reads(drive, 30)
    assert push(drive, power_w, age_ms) == Refused(Refusal.READING_REFUSED, why)
    assert shown(drive).power_w == 30 * KW
    assert shown(drive).trouble == why
    drive.wait(10)
    assert why in alarm(drive, "base_load_meter_stale").cause, "who is called knows what it was"


def test_a_reading_that_was_overtaken_changes_nothing() -> None:
    drive = Drive(site())
    assert isinstance(push(drive, 30_000, 1_000), SiteMeterShown)
    answered = push(drive, 70_000, 2_000)
    assert isinstance(answered, SiteMeterShown)
    assert answered.meter.power_w == 30_000
    assert capacity_kw(drive) == 50


def test_an_old_reading_is_stale_the_sooner() -> None:
    drive = Drive(site())
    push(drive, 30_000, 6_000)
    drive.wait(3.9)
    assert not shown(drive).stale
    drive.wait(0.1)
    assert "base_load_meter_stale" in drive.notices()


def test_without_a_meter_nothing_is_taken_and_nothing_is_shown() -> None:
    drive = Drive(site(None))
    assert push(drive, 30_000) == Refused(Refusal.NO_SITE_METER, "the configuration has no siteMeter")
    drive.do(SiteMeterRead(90_000), SiteMeterFailed("nobody asked"))
    assert capacity_kw(drive) == 50
    assert drive.last.changes.site_meter is None
    assert not drive.last.records


def test_what_is_read_over_modbus_is_not_pushed() -> None:
    drive = Drive(site(SiteMeter(modbus=ModbusSource("192.0.2.10"))))
    outcome = push(drive, 30_000)
    assert isinstance(outcome, Refused)
    assert outcome.refusal is Refusal.NO_SITE_METER
    reads(drive, 30)
    assert shown(drive).power_w == 30 * KW


def test_what_is_wrong_is_logged_once_a_minute_at_the_most() -> None:
    drive = Drive(site())
    for why in ("refused", "refused", "timed out", "refused"):
        drive.do(SiteMeterFailed(why))
        drive.wait(1)
    assert [event.detail["why"] for event in drive.events("site_meter.failed")] == ["refused"]
    drive.wait(60)
    drive.do(SiteMeterFailed("timed out"))
    assert [event.detail["why"] for event in drive.events("site_meter.failed")] == ["refused", "timed out"]


def test_steady_readings_plan_nothing_and_write_nothing() -> None:
    drive = Drive(site())
    reads(drive, 50)
    for _ in range(5):
        assert not drive.do(SiteMeterRead(49_900)).records
        assert not drive.last.changes.chargers
        drive.wait(1)


def test_another_meter_has_to_be_heard_first_and_the_same_one_goes_on() -> None:
    drive = Drive(site())
    reads(drive, 70)
    drive.configure(replace(site(), rest_session_timeout_s=3_600))
    assert capacity_kw(drive) == 30
    drive.configure(site(replace(BASE, max_age_s=20)))
    assert shown(drive).power_w is None
    assert capacity_kw(drive) == 50
    drive.configure(site(None))
    assert drive.last.changes.site_meter is None


def test_the_capacity_holds_after_a_charger_was_removed() -> None:
    drive = Drive(site())
    reads(drive, 70)
    drive.configure(site(count=1))
    assert capacity_kw(drive) == 30


def test_a_client_that_asks_in_the_second_of_silence_is_answered_by_the_maximum() -> None:
    from csms.core.station import Control

    at_rest = replace(station(100, charger("R", 100, control=Control.REST), static_kw=50), site_meter=BASE)
    drive = Drive(at_rest)
    reads(drive, 80)
    assert drive.rest_start("R", 1, 100).allocated_w == 20 * KW


# --- a meter at the grid connection -----------------------------------------------------------------------------------


def test_a_grid_meter_that_shows_what_cars_draw_proves_nothing() -> None:
    drive = Drive(site(AT_GRID))
    charging(drive, "C1", "C2")
    live(drive, 40, {"C1": 25, "C2": 25}, 40, adds=True)
    assert firm_kw(drive) == drive.row_kw() == 50
    assert shown(drive).counted_w == 40 * KW


def test_what_exceeds_all_that_is_booked_is_not_ours_and_counts_at_once() -> None:
    drive = Drive(site(AT_GRID))
    charging(drive, "C1", "C2")
    live(drive, 40, {"C1": 25, "C2": 25}, 40, adds=True)
    drive.take()
    reads(drive, 112)
    assert shown(drive).counted_w == 62 * KW
    assert capacity_kw(drive) == 38
    assert drive.limits(), "cuts leave with the reading"


def test_cars_that_ramp_up_before_their_samples_come_are_not_taken_for_base_load() -> None:
    drive = Drive(site(AT_GRID))
    charging(drive, "C1", "C2")
    live(drive, 10, {"C1": 25, "C2": 25}, 40, adds=True)
    live(drive, 10, {"C1": 0, "C2": 0}, 3, adds=True)
    assert shown(drive).counted_w == 10 * KW
    reads(drive, 60, seconds=9)
    assert shown(drive).counted_w == 10 * KW, "50 may be theirs, and no sample has told yet"
    live(drive, 10, {"C1": 25, "C2": 25}, 15, adds=True)
    assert shown(drive).counted_w == 10 * KW


def test_a_base_load_that_rises_within_its_maximum_counts_when_samples_of_cars_speak_against_them() -> None:
    drive = Drive(site(AT_GRID))
    charging(drive, "C1", "C2")
    live(drive, 10, {"C1": 5, "C2": 5}, 36, adds=True)
    assert shown(drive).counted_w == 10 * KW
    live(drive, 30, {"C1": 5, "C2": 5}, 14, adds=True)
    assert shown(drive).counted_w == 10 * KW
    live(drive, 30, {"C1": 5, "C2": 5}, 3, adds=True)
    assert shown(drive).counted_w == 30 * KW


def test_what_is_only_likely_is_no_more_than_the_maximum() -> None:
    drive = Drive(site(AT_GRID))
    charging(drive, "C1", "C2")
    reads(drive, 95, seconds=40)
    assert shown(drive).counted_w == 50 * KW, "45 are proven, 95 are likely: no car was metered"


def test_a_cut_that_has_just_settled_is_not_taken_for_base_load() -> None:
    drive = Drive(site(AT_GRID))
    charging(drive, "C1", "C2")
    drive.draws({("C1", 1): 25, ("C2", 1): 25}, 60)
    drive.configure(replace(site(AT_GRID), grid_capacity_w=80 * KW))
    drive.accept()
    drive.sample("C1", 1, 15_000)
    drive.sample("C2", 1, 15_000)
    assert drive.row_kw() == 30
    reads(drive, 85)
    assert shown(drive).counted_w <= 50 * KW, "the reading is of before the cut"


def test_power_that_is_fed_in_is_a_reading_at_the_grid_connection() -> None:
    drive = Drive(site(AT_GRID))
    assert isinstance(push(drive, -20_000), SiteMeterShown)
    reads(drive, -20, seconds=31)
    assert shown(drive).counted_w == 0
    assert isinstance(push(drive, -200_001), Refused)


def test_what_rest_clients_consume_is_theirs() -> None:
    from csms.core.station import Control

    at_rest = replace(station(100, charger("R", 100, control=Control.REST), static_kw=50), site_meter=AT_GRID)
    drive = Drive(at_rest)
    session = drive.rest_start("R", 1, 100)
    for _ in range(40):
        drive.update(session.session_id, 50)
        reads(drive, 70)
    assert shown(drive).counted_w == 20 * KW


def powered(meter: SiteMeter = AT_GRID) -> Powered:
    """Return a station of 100 kW with a battery of 40 kW that is really read, and cars at both chargers."""
    drive = Powered(replace(site(meter), battery=Battery(100 * KW, 40 * KW)))
    drive.spoil = {"computed": False}
    drive.report()
    return drive


def on(drive: Powered, base_kw: float, seconds: int) -> None:
    """Let seconds pass, in each of which the battery and the meter of the grid connection are read."""
    for _ in range(seconds):
        drive.on(1)
        cars_w = sum(min(int(kw * KW), drive.said_ms[key][1].limit_w) for key, kw in drive.wants.items())
        drive.do(SiteMeterRead(int(base_kw * KW) + cars_w - int(drive.battery_kw * KW)))


def test_what_a_battery_gives_is_behind_a_grid_meter_too() -> None:
    drive = powered()
    charging(drive, "C1", "C2")
    drive.on(30)
    drive.wants = {("C1", 1): 60, ("C2", 1): 60}
    on(drive, 48, 120)
    assert drive.battery_kw > 30, "it gives what the connection does not have"
    assert shown(drive).counted_w == 48 * KW
    on(drive, 62, 3)
    assert shown(drive).counted_w > 55 * KW, "more than the maximum is proven although the battery hides it"


@pytest.mark.parametrize("spoil", [{"computed": True}, None], ids=["it is computed", "it is not heard"])
def test_where_the_flow_of_a_battery_is_not_known_the_maximum_is_likely(spoil: dict[str, int | None] | None) -> None:
    drive = powered()
    on(drive, 10, 40)
    assert shown(drive).counted_w == 10 * KW
    drive.spoil, drive.hears = spoil or {}, spoil is not None
    on(drive, 10, 30)
    assert shown(drive).counted_w == 50 * KW
