"""Any course of a base load, with silences, restarts and nonsense between the readings: what counts is what an oracle
with the whole history says, and no command of ours ever books more than that leaves of the grid connection."""

import random
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csms.core.engine import Engine
from csms.core.events import ConnectorStatus, SiteMeterFailed, SiteMeterRead
from csms.core.ids import Now
from csms.core.site_meter import SiteMeter
from csms.core.station import GRID
from tests.unit.core.driving import KW, Drive, charger, station
from tests.unit.core.memory import Memory

GRID_W, STATIC_W, STEP_W, MARGIN_W = 100 * KW, 50 * KW, 500, 2 * KW
MAX_AGE_S, FALL_S = 10, 10
SITE = replace(station(100, static_kw=50), site_meter=SiteMeter(max_age_s=MAX_AGE_S, margin_w=MARGIN_W))
CARS = replace(SITE, chargers=(charger("A", 60), charger("B", 60)))

READINGS = st.one_of(st.integers(0, 120_000), st.sampled_from([0, 48_000, 49_999, 50_000, 50_001, 100_000]))
COURSES = st.lists(
    st.tuples(
        st.sampled_from([1, 1, 1, 2, 5, 9, 10, 11, 30]),
        st.one_of(READINGS, st.sampled_from(["nonsense", "nothing", "restart"])),
    ),
    min_size=4,
    max_size=16,
)


@dataclass
class Oracle:
    """What counts, from all that was read: (when, s; as it counts, W), since the last restart."""

    now_s: int = 0
    history: list[tuple[int, int]] = field(default_factory=list)

    def read(self, power_w: int) -> None:
        in_steps_w = -(-power_w // STEP_W) * STEP_W
        with_margin_w = min(STATIC_W, -(-(power_w + MARGIN_W) // STEP_W) * STEP_W)
        self.history.append((self.now_s, in_steps_w if power_w > STATIC_W else with_margin_w))

    @property
    def counted_w(self) -> int:
        counted_w, lower = STATIC_W, list[tuple[int, int]]()
        heard_s: int | None = None
        for at_s, power_w in self.history:
            if heard_s is None or at_s - heard_s >= MAX_AGE_S:
                counted_w, lower = max(counted_w, STATIC_W), []
            heard_s = at_s
            lower = [*lower, (at_s, power_w)] if power_w < counted_w else []
            counted_w = max(counted_w, power_w)
            if lower and at_s - lower[0][0] >= FALL_S:
                counted_w, lower = max(w for _, w in lower), []
        silent = heard_s is None or self.now_s - heard_s >= MAX_AGE_S
        return max(counted_w, STATIC_W) if silent else counted_w


@settings(max_examples=80)
@given(COURSES)
def test_what_counts_is_what_was_read(course: list[tuple[int, int | str]]) -> None:
    memory, oracle = Memory(SITE), Oracle()
    engine = Engine(memory.snapshot(), Now(0, 0))
    for pause_s, happens in course:
        oracle.now_s += pause_s
        now = Now(oracle.now_s * 1_000, 0)
        if isinstance(happens, int):
            oracle.read(happens)
            engine.step([SiteMeterRead(happens)], now)
        elif happens == "nonsense":
            engine.step([SiteMeterRead(-1), SiteMeterRead(3 * GRID_W), SiteMeterFailed("garbage")], now)
        elif happens == "restart":
            oracle.history.clear()
            engine = Engine(memory.snapshot(), now)
        engine.step([], now)
        view = engine.all_changes().site_meter
        assert view is not None
        assert view.counted_w == oracle.counted_w
        assert engine.node_capacity_w(GRID) == max(0, GRID_W - oracle.counted_w)
        assert engine.firm_bounds()[GRID].firm_w == max(0, GRID_W - max(STATIC_W, oracle.counted_w))


@pytest.mark.parametrize("seed", range(4))
def test_no_command_books_more_than_that_leaves(seed: int) -> None:
    rng, oracle, drive = random.Random(seed), Oracle(), Drive(CARS)
    drive.bring_up("A", "B")
    for name in ("A", "B"):
        drive.start(name)
        drive.status(name, 1, ConnectorStatus.CHARGING)
    obey(drive)
    before_w = after_w = 0
    for _ in range(12):
        pause_s = rng.choice((1, 2, 5, 11))
        drive.wait(pause_s)
        oracle.now_s += pause_s
        read_w = rng.choice((rng.randint(0, 48_000), rng.randint(51_000, 100_000)))
        oracle.read(read_w)
        before_w = drive.engine.node_booked_w(GRID)
        drive.do(SiteMeterRead(read_w))
        capacity_w = max(0, GRID_W - oracle.counted_w)
        obey(drive)
        after_w = drive.engine.node_booked_w(GRID)
        assert after_w <= capacity_w, f"cars obey, and {after_w} W are booked of {capacity_w} W, {before_w} W before"


def obey(drive: Drive) -> None:
    """Have each charger accept, and each car draw no more than it was told last, and say so."""
    drive.accept()
    for transaction_id in drive.open_transactions():
        told = drive.view(transaction_id)
        drive.sample(told.charger_id, 1, told.allocated_w)
    drive.accept()
