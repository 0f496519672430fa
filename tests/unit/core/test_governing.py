"""The capacity tariff over real limits: what cars that follow draw in 15 minutes stays within what is paid for."""

import random
from dataclasses import replace

import pytest

from csms.core.commands import SetLimit
from csms.core.engine import Engine
from csms.core.events import SiteMeterRead
from csms.core.governing import drawn_w
from csms.core.grid_terms import CapacityTariff
from csms.core.recovery import rebuild
from csms.core.site_meter import Measures, SiteMeter
from csms.core.station import GRID, Control, Station
from csms.core.tariff import Peak
from tests.unit.core.driving import KW, Drive, charger, station

QUARTER_S = 900
TARGET_KW = 60
TARIFF = CapacityTariff(TARGET_KW * KW)
SITE = replace(station(100, charger("A", 80), charger("B", 80)), capacity_tariff=TARIFF)


class Cars(Drive):
    """Two cars that follow their limits at once, and draw `greed` of what they want of them, second by second.

    T0 is the beginning of a window. Recovery is not tried at each step, which tests of the engine do.

    Attributes:
        drawn_kws: what was drawn since the beginning of the window.
        means_kw: of the windows that are over.
        told: when who was told what, kW.
    """

    def __init__(self, site: Station, wants_kw: float = 80) -> None:
        self.wants_kw = dict.fromkeys("AB", wants_kw)
        self.drawn_kws = 0.0
        self.means_kw: list[float] = []
        self.told: list[tuple[float, str, float]] = []
        self.is_up = False
        super().__init__(site)
        self.bring_up("A", "B")
        self.is_up = True
        self.start("A")
        self.start("B")
        self.accept()

    def _check(self) -> None:
        booked_w, cap_w = self.engine.node_booked_w(GRID), self.engine.node_capacity_w(GRID)
        assert cap_w is not None
        assert booked_w <= cap_w or not self.is_up

    def power_kw(self, charger_id: str) -> float:
        sessions = self.engine.all_changes().sessions.values()
        limit_w = next((v.allocated_w for v in sessions if v and v.charger_id == charger_id), 0)
        return min(limit_w / KW, self.wants_kw[charger_id])

    def go_on(self, seconds: int) -> None:
        """Let a while pass, metered each 10 s, with the static load at its maximum."""
        for _ in range(seconds):
            power_kw = sum(map(self.power_kw, "AB")) + self.engine.station.static_load_w / KW
            self.take()
            self.wait(1)
            self.drawn_kws += power_kw
            at_s = self.now_ms // 1_000
            if at_s % QUARTER_S == 0:
                self.means_kw.append(self.drawn_kws / QUARTER_S)
                self.drawn_kws = 0.0
            self.accept()
            if at_s % 10 == 0:
                for charger_id in "AB":
                    self.sample(charger_id, 1, int(self.power_kw(charger_id) * KW))
                self.accept()
            sent = [c for c in self.take() if isinstance(c, SetLimit) and c.idx == 1]
            self.told += [(at_s, c.charger_id, c.limit_w / KW) for c in sent]


def test_cars_that_take_all_they_may_are_held_at_the_target_without_being_thrown_about() -> None:
    cars = Cars(SITE)
    cars.go_on(3 * QUARTER_S)
    assert max(cars.means_kw) <= TARGET_KW
    assert min(cars.means_kw) >= 0.97 * TARGET_KW, "nor is much of it given away"
    settled = [each for each in cars.told if each[0] > 60]
    assert len(settled) <= 24, "a limit each four minutes and car"
    notices = cars.engine.all_changes().notices
    assert notices is not None
    assert "overbooked:grid" not in notices


def test_what_was_not_drawn_may_be_drawn_later_in_the_window_but_not_over_its_end() -> None:
    cars = Cars(SITE, wants_kw=10)
    cars.go_on(600)
    cars.wants_kw = {"A": 80, "B": 80}
    cars.go_on(150)
    assert sum(map(cars.power_kw, "AB")) == 100, "the fuse is what is left as a limit"
    cars.go_on(QUARTER_S - 750)
    assert cars.means_kw[0] <= TARGET_KW
    assert sum(map(cars.power_kw, "AB")) == pytest.approx(TARGET_KW, rel=0.03), "before the next one begins"


@pytest.mark.parametrize("seed", range(3))
def test_no_window_of_cars_that_follow_is_above_the_budget(seed: int) -> None:
    """Cars want more or less at any moment, and are metered each 10 s."""
    rng = random.Random(seed)
    cars = Cars(replace(SITE, static_load_w=rng.choice((0, 20)) * KW))
    while len(cars.means_kw) < 2:
        cars.wants_kw = {charger_id: rng.choice((15, 40, 80, 80)) for charger_id in "AB"}
        cars.go_on(rng.randint(5, 240))
    assert max(cars.means_kw) <= TARGET_KW


def test_the_peak_of_the_month_is_durable_and_raises_the_limit_after_a_restart() -> None:
    cars = Cars(SITE)
    cars.memory.apply([Peak("2027-01", 90 * KW)])
    cars.engine = Engine(cars.memory.snapshot(), cars.now)
    cars.connections.clear()
    cars.open_calls.clear()
    cars.bring_up("A", "B")
    cars.go_on(300)
    assert sum(map(cars.power_kw, "AB")) == 90
    state = rebuild(cars.memory.snapshot(), cars.now)
    assert state.governor.peak == Peak("2027-01", 90 * KW)


def test_a_mean_that_was_metered_is_written_down_as_peak_where_nothing_is_held_down() -> None:
    cars = Cars(replace(SITE, capacity_tariff=CapacityTariff()))
    cars.go_on(QUARTER_S)
    assert sum(map(cars.power_kw, "AB")) == 100
    assert cars.memory.peak == Peak("2027-01", cars.memory.peak.power_w)
    assert 0.95 * 100 * KW <= cars.memory.peak.power_w <= 100 * KW


def test_a_raised_target_or_none_lets_cars_have_the_rest() -> None:
    cars = Cars(SITE)
    cars.go_on(60)
    assert sum(map(cars.power_kw, "AB")) == TARGET_KW
    cars.configure(replace(SITE, capacity_tariff=None))
    cars.go_on(60)
    assert sum(map(cars.power_kw, "AB")) == 100


@pytest.mark.parametrize(
    ("what", "most_kw", "sure_kw"),
    [
        ("nothing", 5, 0),
        ("a charger that is not controlled", 25, 0),
        ("a session that is not metered", 45, 0),
        ("a metered session", 35, 30),
        ("a session over REST", 25, 20),
        ("offline, with a default of 0", 5, 0),
        ("never connected, and may be charging", 85, 0),
    ],
)
def test_what_is_drawn_where_nothing_measures_the_grid_connection(what: str, most_kw: int, sure_kw: int) -> None:
    """5 kW of static load, and one charger of 80 kW on 45 kW."""
    control = {"a charger that is not controlled": Control.NONE, "a session over REST": Control.REST}
    uncontrolled = what == "a charger that is not controlled"
    one = charger("A", 80, control=control.get(what, Control.OCPP), reserved_kw=20 if uncontrolled else None)
    drive = Drive(station(45, one, static_kw=5))
    if what == "a session over REST":
        drive.update(drive.rest_start("A", 1, 80).session_id, 20)
    elif not uncontrolled and "never" not in what:
        drive.bring_up("A")
    if what in {"a session that is not metered", "a metered session"}:
        drive.start("A")
        drive.accept()
    if what == "a metered session":
        drive.wait(10)
        drive.sample("A", 1, 30 * KW)
    if what.startswith("offline"):
        drive.disconnect("A")
    assert drawn_w(drive.engine._state, drive.now.mono_ms) == (most_kw * KW, sure_kw * KW)


@pytest.mark.parametrize(
    ("meter", "ago_s", "drawn_kw"),
    [
        (SiteMeter(Measures.GRID), 0, (12, 12)),
        (SiteMeter(Measures.GRID), 9, (12, 12)),
        (SiteMeter(Measures.GRID), 10, (35, 30)),  # it is not heard any more
        (SiteMeter(), 0, (42, 42)),
        (SiteMeter(), 10, (35, 30)),
    ],
)
def test_what_is_drawn_where_a_meter_of_the_site_shows_12_kw(
    meter: SiteMeter, ago_s: int, drawn_kw: tuple[int, int]
) -> None:
    """A car is metered at 30 kW, and `staticLoad` is 5 kW, which counts where the meter is not heard any more."""
    drive = Drive(replace(station(45, charger("A", 80), static_kw=5), site_meter=meter))
    drive.bring_up("A")
    drive.start("A")
    drive.accept()
    drive.wait(10)
    drive.sample("A", 1, 30 * KW)
    drive.do(SiteMeterRead(12 * KW))
    state = drive.engine._state
    state.base_load.counted_w = 5 * KW
    assert drawn_w(state, drive.now.mono_ms + ago_s * 1_000) == tuple(kw * KW for kw in drawn_kw)


def test_what_the_rest_of_the_site_does_not_draw_is_for_cars() -> None:
    """20 kW of static load, of which nothing is drawn: cars have the whole target, not 40 kW."""
    cars = Cars(replace(SITE, static_load_w=20 * KW, site_meter=SiteMeter()))
    for _ in range(60):
        cars.do(SiteMeterRead(0))
        cars.go_on(1)
    assert sum(map(cars.power_kw, "AB")) == TARGET_KW
