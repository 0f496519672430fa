"""The battery under any loads and faults: what is granted can be given, the reserve is kept, its flow turns seldom."""

from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from csms.core.battery import PERCENT_PPM
from csms.core.charger import new_charger
from csms.core.commands import SetBattery
from csms.core.dispatch import dispatch
from csms.core.events import BatteryReported
from csms.core.grid_root import hold_grid
from csms.core.ids import ChargerId, Now
from csms.core.part import Alarm
from csms.core.planning import Plan
from csms.core.state import State
from csms.core.station import GRID, Battery, Charger, Control, Station
from csms.core.supply import take_reading
from csms.core.tree import build_tree
from csms.energy.modelled import ModelledBattery
from tests.unit.core.powering import at_once

KW = 1_000
FIRM_W = 97 * KW
LOADS = ChargerId("LOADS")


@dataclass
class Bench:
    """A grid connection of 100 kW with 3 kW of other load, a battery of 20 kWh, and a load that is booked as asked."""

    battery: Battery
    soc_percent: int
    now_ms: int = 0
    heard: bool = True
    spoil: dict[str, int | None] = field(default_factory=dict)
    turns_ms: list[int] = field(default_factory=list)
    direction: int = 0

    def __post_init__(self) -> None:
        config = Charger(LOADS, 1_000 * KW, 1, Control.NONE)
        self.charger = new_charger(config)
        self.charger.uncontrolled_booked_w = 0
        station = Station("S", 100 * KW, (config,), static_load_w=3 * KW, battery=self.battery)
        self.state = State(station, build_tree(station, [self.charger]), {LOADS: self.charger}, 1, 1, 1)
        self.model = ModelledBattery(self.battery, lambda: self.now_ms, self.soc_percent * PERCENT_PPM)

    @property
    def load_w(self) -> int:
        return self.charger.booked_w()

    @property
    def capacity_w(self) -> int:
        return self.state.tree.caps_w[GRID] or 0

    def step(self) -> None:
        """Have the battery read, and do what one step does about it."""
        now = Now(self.now_ms, self.now_ms)
        if self.heard:
            reading = replace(at_once(self.model.read()), **self.spoil)  # type: ignore[arg-type]
            take_reading(self.state, BatteryReported(reading, self.now_ms), now)
        hold_grid(self.state, now, Alarm())
        booked_w = self.state.tree.booked_w([self.charger])
        command = dispatch(self.state, Plan({}, booked_w, frozenset(), frozenset(), frozenset()), now, Alarm())
        if command is not None:
            self._told(command)

    def _told(self, command: SetBattery) -> None:
        power_w, reading = command.power_w, self.state.supply.reading
        assert reading is not None
        assert -self.battery.most_charge_w <= power_w <= self.battery.power_w
        if power_w > 0:
            assert reading.soc_ppm > self.battery.reserve_percent * PERCENT_PPM
        if power_w < 0:
            assert self.load_w - power_w <= FIRM_W
        direction = (power_w > 0) - (power_w < 0)
        if direction and direction != self.direction:
            self.turns_ms.append(self.now_ms)
            self.direction = direction
        if not self.spoil:
            at_once(self.model.write(command))

    def set_load(self, wanted_w: int) -> None:
        """Book a load: less at any time, more only as far as there is room."""
        room_w = self.capacity_w - self.state.tree.load_w
        self.charger.uncontrolled_booked_w = min(wanted_w, max(self.load_w, room_w))


FAULTS: tuple[dict[str, int | None], ...] = (
    {},
    {"permitted_w": 0, "set_point_w": None},
    {"available_discharge_w": 5 * KW},
    {"power_w": -10 * KW},
)


@settings(max_examples=150)
@given(
    soc_percent=st.integers(0, 100),
    eta=st.tuples(st.integers(60, 100), st.integers(60, 100)),
    steps=st.lists(
        st.tuples(
            st.sampled_from((200, 1_000, 5_000, 30_000, 61_000)),
            st.integers(0, 150),
            st.sampled_from(FAULTS),
            st.sampled_from((True, True, True, False)),
        ),
        max_size=30,
    ),
)
def test_whatever_comes(
    soc_percent: int, eta: tuple[int, int], steps: list[tuple[int, int, dict[str, int | None], bool]]
) -> None:
    battery = Battery(20 * KW, 40 * KW, efficiency_charge_percent=eta[0], efficiency_discharge_percent=eta[1])
    bench = Bench(battery, soc_percent)
    least_ppm = min(soc_percent, bench.battery.reserve_percent) * PERCENT_PPM
    for lasts_ms, load_kw, spoil, heard in steps:
        bench.spoil, bench.heard = spoil, heard
        for _ in range(2):  # what the battery is told shows in its next reading
            bench.now_ms += lasts_ms // 2
            bench.step()
        bench.set_load(load_kw * KW)
        granted_w = bench.capacity_w - FIRM_W
        bench.step()
        said, more_w = bench.state.supply.said, bench.load_w - FIRM_W
        if heard and 0 < more_w <= granted_w and bench.capacity_w - FIRM_W == granted_w:
            assert said is not None
            assert said.power_w == more_w, "what was granted is given"
        soc_ppm = at_once(bench.model.read()).soc_ppm
        assert soc_ppm >= least_ppm, "the reserve"
    pauses_ms = [later - earlier for earlier, later in zip(bench.turns_ms, bench.turns_ms[1:], strict=False)]
    assert all(pause_ms >= 60_000 for pause_ms in pauses_ms)
