"""What the grid connection has for the chargers, read a second time: from what was told to the central system alone.

Written from ALLOCATOR.md §7, docs/ledger.md (I11) and docs/how-to, not from the core. It hears what the core hears and
sees what the battery is told. What it finds is what the core has to count with, to the watt; where the meter is at the
grid connection, what the chargers draw is in its readings, and only bounds of that can be told from here.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from csms.core.battery import BatteryReading
from csms.core.commands import SetBattery
from csms.core.events import (
    BatteryReported,
    CapacityEventSet,
    CapacityEventWithdrawn,
    Fact,
    GridOperatorHeard,
    SiteMeterRead,
    StationConfigured,
)
from csms.core.grid_terms import CapacityEvent
from csms.core.site_meter import Measures, SiteMeter
from csms.core.station import Battery, Station

DAY_MS = 86_400_000
MINUTE_MS = 60_000
LEAD_MS = 25_000
STALE_MS = 10_000
TURN_MS = 60_000
FALL_MS = 10_000
BACK_PPM = 50_000
WEAK_MS = 10_000
SHOWN_MS = 600_000
"""A battery that gives less than it is told for ten seconds counts with what it gives for ten minutes."""


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment: `now_ms` of the world, `wall_ms` by the server's clock."""

    now_ms: int
    wall_ms: int


@dataclass(slots=True)
class Terms:
    """What schedule, events and a grid operator's silence leave of the grid connection."""

    station: Station
    events: dict[str, CapacityEvent]
    heard_ms: int | None = None

    def in_force_w(self, at: Instant) -> int:
        """Return what holds now."""
        return min(self._told_w(at.wall_ms), self._in_silence_w(at))

    def counted_w(self, at: Instant) -> int:
        """Return what counts now: what is to hold within 25 s counts already, where that is known."""
        edges = (at.wall_ms, *(each for each in self._edges_ms(at.wall_ms) if 0 < each - at.wall_ms <= LEAD_MS))
        return min(self._in_silence_w(at), *(self._told_w(wall_ms) for wall_ms in edges), self._told_w(at.wall_ms))

    def lowest_w(self, at: Instant) -> int:
        """Return the lowest that may come without anything new being said (docs/adr/0044)."""
        operator = self.station.grid_operator
        windows = (window.capacity_w for window in self.station.capacity_schedule)
        told = (e.capacity_w for e in self.events.values() if e.to_ms is None or at.wall_ms < e.to_ms)
        silent = () if operator is None else (operator.fail_safe_capacity_w,)
        return min(self.station.grid_capacity_w, *windows, *told, *silent, self.station.grid_capacity_w)

    def falls_ms(self, at: Instant) -> int | None:
        """Return when less than counts now begins that is known already and does not count yet."""
        counted_w = self.counted_w(at)
        edges = (each for each in self._edges_ms(at.wall_ms) if each > at.wall_ms + LEAD_MS)
        return min((each for each in edges if self._told_w(each) < counted_w), default=None)

    def _edges_ms(self, wall_ms: int) -> Iterable[int]:
        midnight_ms = wall_ms // DAY_MS * DAY_MS
        for window in self.station.capacity_schedule:
            yield from (midnight_ms + day * DAY_MS + window.from_min * MINUTE_MS for day in (0, 1))
        yield from (event.from_ms for event in self.events.values())

    def _told_w(self, wall_ms: int) -> int:
        minute_ms = wall_ms % DAY_MS
        windows = (
            window.capacity_w
            for window in self.station.capacity_schedule
            if window.from_min * MINUTE_MS <= minute_ms < window.to_min * MINUTE_MS
        )
        told = (
            event.capacity_w
            for event in self.events.values()
            if event.from_ms <= wall_ms and (event.to_ms is None or wall_ms < event.to_ms)
        )
        return min(self.station.grid_capacity_w, *windows, *told, self.station.grid_capacity_w)

    def _in_silence_w(self, at: Instant) -> int:
        operator = self.station.grid_operator
        if operator is None:
            return self.station.grid_capacity_w
        is_heard = self.heard_ms is not None and at.now_ms - self.heard_ms < operator.silent_after_s * 1_000
        return self.station.grid_capacity_w if is_heard else operator.fail_safe_capacity_w


@dataclass(slots=True)
class Meter:
    """What counts as base load by a meter behind which there are no chargers."""

    meter: SiteMeter
    waited_ms: int
    counted_w: int
    read_w: int | None = None
    low_since_ms: int | None = None
    low_w: int = 0

    def is_stale(self, now_ms: int) -> bool:
        """Return whether no reading is young enough."""
        return now_ms >= self.waited_ms + self.meter.max_age_s * 1_000 or self.read_w is None

    def age(self, static_w: int, now_ms: int) -> None:
        """Let time pass."""
        if self.is_stale(now_ms):
            self.counted_w, self.low_since_ms = max(self.counted_w, static_w), None

    def read(self, fact: SiteMeterRead, station: Station, now_ms: int) -> None:
        """Take a reading, unless it cannot be one."""
        read_ms, is_old = now_ms - fact.age_ms, fact.age_ms >= self.meter.max_age_s * 1_000
        is_absurd = abs(fact.power_w) > 2 * station.grid_capacity_w
        if is_old or is_absurd or (fact.power_w < 0 and self.meter.measures is Measures.BASE_LOAD):
            return
        if self.read_w is not None and read_ms < self.waited_ms:
            return
        self.age(station.static_load_w, now_ms)
        self.read_w, self.waited_ms = fact.power_w, read_ms
        self._count(self._in_steps_w(fact.power_w, station), now_ms)

    def _count(self, power_w: int, now_ms: int) -> None:
        if power_w >= self.counted_w:
            self.counted_w, self.low_since_ms = power_w, None
        elif self.low_since_ms is None:
            self.low_since_ms, self.low_w = now_ms, power_w
        else:
            self.low_w = max(self.low_w, power_w)
            if now_ms - self.low_since_ms >= FALL_MS:
                self.counted_w, self.low_since_ms = self.low_w, None

    def _in_steps_w(self, power_w: int, station: Station) -> int:
        step_w, static_w = max(1, station.grid_capacity_w // 200), station.static_load_w
        if power_w > static_w:
            return -(-power_w // step_w) * step_w
        return min(static_w, -(-(max(0, power_w) + self.meter.margin_w) // step_w) * step_w)


@dataclass(slots=True)
class HeardBattery:
    """What is known of the battery.

    Attributes:
        said: what it was told; taking_w: the most of it that it may be taking.
        direction: of its last flow, 1 out of it; turned_ms: since when.
        empty: it was at its reserve, and is not 5 % above.
        weak: what it has given at the most, and since when, while it was told to give more.
        shown: what it was found to give at the most, and when; None: its word is taken.
    """

    battery: Battery
    is_driven: bool = False
    reading: BatteryReading | None = None
    heard_ms: int = 0
    said: SetBattery | None = None
    told_to_take_w: int = 0
    direction: int = 0
    turned_ms: int = 0
    empty: bool = False
    weak: tuple[int, int] | None = None
    shown: tuple[int, int] | None = None

    def hear(self, reading: BatteryReading | None, read_ms: int) -> None:
        """Take its word; None: its driver hears nothing."""
        self.is_driven = True
        if reading is None:
            return
        if self.reading is None:
            flow_w = reading.power_w if reading.set_point_w is None else reading.set_point_w
            if flow_w:
                self.direction, self.turned_ms = (1 if flow_w > 0 else -1), read_ms
        self.reading, self.heard_ms = reading, max(self.heard_ms, read_ms)
        self._compare(0 if self.said is None else self.said.power_w, reading.power_w, read_ms)
        if self.said is not None and reading.set_point_w == self.said.power_w:
            self.told_to_take_w = max(0, -self.said.power_w)
        above_ppm = reading.soc_ppm - self.battery.reserve_percent * 10_000
        self.empty = above_ppm <= 0 or (self.empty and above_ppm < BACK_PPM)

    def _compare(self, told_w: int, gives_w: int, read_ms: int) -> None:
        """Compare what it gives with what it is told to give: ten seconds of less are the most that it can."""
        margin_w = max(1_000, told_w // 50)
        if told_w > 0 and gives_w < told_w - margin_w:
            most_w, since_ms = (0, read_ms) if self.weak is None else self.weak
            self.weak = max(most_w, gives_w), since_ms
            if read_ms - since_ms >= WEAK_MS:
                self.shown = self.weak[0], read_ms
            return
        self.weak = None
        if self.shown is not None and told_w > self.shown[0] + margin_w:
            self.shown = None

    def told(self, command: SetBattery, now_ms: int) -> None:
        """See what it is told."""
        self.said = command
        self.told_to_take_w = max(self.told_to_take_w, -command.power_w)
        direction = (command.power_w > 0) - (command.power_w < 0)
        if direction not in {0, self.direction}:
            self.direction, self.turned_ms = direction, now_ms

    def is_heard(self, now_ms: int) -> bool:
        """Return whether its word is 10 s old at most."""
        return self.reading is not None and now_ms - self.heard_ms <= STALE_MS

    def able_w(self, now_ms: int) -> int:
        """Return what it could give for its horizon (ALLOCATOR.md §7)."""
        if self.reading is None or self.empty or not self.is_heard(now_ms):
            return 0
        battery, reading = self.battery, self.reading
        above_ppm = max(0, reading.soc_ppm - battery.reserve_percent * 10_000)
        wh_e8 = above_ppm * battery.capacity_wh * battery.efficiency_discharge_percent
        return max(0, min(battery.power_w, wh_e8 * 3_600 // battery.horizon_s // 10**8, reading.available_discharge_w))

    @property
    def taking_w(self) -> int:
        """Return the most that it may be taking from the grid connection."""
        if not self.is_driven:
            return 0
        if self.reading is None:
            return self.battery.most_charge_w
        return max(self.told_to_take_w, -self.reading.power_w, -(self.reading.set_point_w or 0))

    def may_give(self, now_ms: int) -> bool:
        """Return whether its flow may go out of it: not while it takes, nor within a minute after it began to."""
        return self.taking_w == 0 and (self.direction != -1 or now_ms >= self.turned_ms + TURN_MS)

    def granted_w(self, now_ms: int) -> int:
        """Return what is certain of it now."""
        if self.reading is None or not self.may_give(now_ms):
            return 0
        is_shown = self.shown is not None and now_ms < self.shown[1] + SHOWN_MS
        most_w = self.shown[0] if self.shown is not None and is_shown else self.battery.power_w
        return min(self.able_w(now_ms), self.reading.permitted_w, most_w)


@dataclass(slots=True)
class Root:
    """The grid connection as the central system has to count with it."""

    station: Station
    terms: Terms
    meter: Meter | None
    battery: HeardBattery | None
    started_ms: int = field(default=0)

    def hear(self, facts: Iterable[Fact], at: Instant) -> None:
        """Take the facts of one step."""
        for fact in facts:
            match fact:
                case StationConfigured():
                    self.station = self.terms.station = fact.station
                case CapacityEventSet() if fact.event.to_ms is None or fact.event.to_ms > at.wall_ms:
                    self.terms.events[fact.event.event_id] = fact.event
                case CapacityEventWithdrawn():
                    self.terms.events.pop(fact.event_id, None)
                case GridOperatorHeard():
                    self.terms.heard_ms = at.now_ms
                case SiteMeterRead() if self.meter is not None:
                    self.meter.read(fact, self.station, at.now_ms)
                case BatteryReported() if self.battery is not None:
                    self.battery.hear(fact.reading, fact.read_ms + self.started_ms)
                case _:
                    pass
        if self.meter is not None:
            self.meter.age(self.station.static_load_w, at.now_ms)

    @property
    def is_exact(self) -> bool:
        """Return whether what counts as base load is known to the watt."""
        return self.meter is None or self.meter.meter.measures is Measures.BASE_LOAD

    @property
    def granted_from_ms(self) -> int:
        """Return since when a battery was heard last, ms of the world."""
        return 0 if self.battery is None else self.battery.heard_ms

    def granted_w(self, at: Instant) -> int:
        """Return what is the battery's of what cars may have."""
        return 0 if self.battery is None else self.battery.granted_w(at.now_ms)

    @property
    def taking_w(self) -> int:
        """Return what the battery may be taking."""
        return 0 if self.battery is None else self.battery.taking_w

    def firm_w(self, at: Instant) -> int:
        """Return what is left at the worst hour when the battery is gone, and the base load is at its maximum (I11)."""
        return max(0, self.terms.lowest_w(at) - self._most_base_w())

    def _most_base_w(self) -> int:
        static_w = self.station.static_load_w
        return static_w if self.meter is None or not self.is_exact else max(static_w, self.meter.counted_w)

    def capacity_w(self, at: Instant) -> int:
        """Return what cars may have now; the most that it may be, where that is not exact."""
        base_w = self.station.static_load_w
        if self.meter is not None:
            is_unknown = not self.is_exact and not self.meter.is_stale(at.now_ms)
            base_w = 0 if is_unknown else self.meter.counted_w if self.is_exact else base_w
        return max(0, self.terms.counted_w(at) - base_w) + self.granted_w(at)
