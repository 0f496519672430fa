"""Readings of the site's meter, and what counts as base load by them: the grid connection carries that, too.

`csms.core.base_load` says how readings count. What is measured below `static_load_w` is not firm (LEDGER.md I11): it
may be drawn again while nobody is here to cut. Power that rests on it is conditional (`csms.core.grid_root`).

A battery is behind a meter of the grid connection, too. What it surely gives is added to what is proven: the lowest of
what it was read to give lately and was told to give. Where its flow is not known (it is not heard, or computed), the
configured maximum is likely.
"""

from csms.core.base_load import BaseLoad, Bounds, in_steps_w
from csms.core.events import SiteMeterFailed, SiteMeterRead
from csms.core.ids import Now
from csms.core.part import Alarm, Part
from csms.core.records import Driver
from csms.core.replies import Refusal, Refused, SiteMeterShown
from csms.core.site_meter import Measures, SiteMeter, SiteMeterView
from csms.core.state import State
from csms.core.station import GRID, Station
from csms.core.supply import is_heard
from csms.core.timings import Timings

POWER_MAX_W = 1_000_000_000
"""As everywhere: more is a slip of units, not a site."""

ABSURD_TIMES = 2
"""More than so many times the grid connection is one, too: no fuse carries that for long."""

LOG_AGAIN_MS = 60_000
"""What is wrong with a meter is logged so often at the most, however it flickers."""


class Metering(Part):
    """Intake of readings; lives for one step."""

    def read(self, fact: SiteMeterRead) -> None:
        """Take what the meter shows, or refuse what it cannot be."""
        meter = self.state.station.site_meter
        refused = self._why_refused(fact, meter)
        if refused is not None:
            if meter is not None and refused.refusal is Refusal.READING_REFUSED:
                self._note_trouble(refused.detail)
            self.journal.reply(fact.request, refused)
            return
        assert meter is not None, "without a meter every reading is refused"
        self._take(fact, meter)
        shown = site_meter_view(self.state, self.now.mono_ms)
        assert shown is not None, "there is a meter"
        self.journal.reply(fact.request, SiteMeterShown(shown))

    def failed(self, fact: SiteMeterFailed) -> None:
        """Take note of why the meter could not be read: it ages, and nothing else changes."""
        if self.state.station.site_meter is not None:
            self._note_trouble(fact.reason)

    def _why_refused(self, fact: SiteMeterRead, meter: SiteMeter | None) -> Refused | None:
        if meter is None:
            return Refused(Refusal.NO_SITE_METER, "the configuration has no siteMeter")
        if fact.request is not None and meter.modbus is not None:
            return Refused(Refusal.NO_SITE_METER, "the site meter is read over Modbus: nobody else tells what it shows")
        why = _why_impossible(fact, meter, self.state.station)
        return None if why is None else Refused(Refusal.READING_REFUSED, why)

    def _take(self, fact: SiteMeterRead, meter: SiteMeter) -> None:
        state, now_ms, timings = self.state, self.now.mono_ms, self.timings
        base_load, station = state.base_load, state.station
        read_ms = now_ms - fact.age_ms
        if base_load.read_w is not None and read_ms < base_load.read_ms:
            return  # it was overtaken by a newer one
        was_stale, counted_w = base_load.is_stale(meter, now_ms), base_load.counted_w
        if was_stale:
            base_load.fell_silent(station.static_load_w)
        base_load.read_w, base_load.read_ms = fact.power_w, read_ms
        base_load.read_wall_ms = self.now.wall_ms - fact.age_ms
        if base_load.trouble:
            base_load.trouble, base_load.logged_ms = "", None
        is_grid = meter.measures is Measures.GRID
        fall_ms = timings.grid_meter_fall_ms if is_grid else timings.meter_fall_ms
        base_load.count(self._bounds(fact.power_w, meter), now_ms, timings.grid_meter_rise_ms, fall_ms)
        if was_stale:
            self.journal.log("site_meter.heard", power_w=fact.power_w)
        self.journal.plan = self.journal.plan or was_stale or base_load.counted_w != counted_w

    def _bounds(self, power_w: int, meter: SiteMeter) -> Bounds:
        """Return what a reading says of the base load, in the steps in which it counts."""
        station = self.state.station
        static_w, grid_w = station.static_load_w, station.grid_capacity_w
        if meter.measures is Measures.BASE_LOAD:
            counts_w = in_steps_w(power_w, meter.margin_w, static_w, grid_w)
            return Bounds(counts_w, counts_w)
        booked_w, gives_w = note_flows(self.state, self.now, self.timings)
        proven_w = in_steps_w(power_w - booked_w + gives_w, 0, static_w, grid_w)
        flow_w = battery_flow_w(self.state, self.now)
        if flow_w is None:
            return Bounds(proven_w, max(proven_w, static_w))
        likely_w = power_w + flow_w - chargers_measured_w(self.state, self.now.mono_ms, self.timings)
        within_w = in_steps_w(min(likely_w, static_w), meter.margin_w, static_w, grid_w)
        return Bounds(proven_w, max(proven_w, within_w))

    def _note_trouble(self, why: str) -> None:
        base_load, now_ms = self.state.base_load, self.now.mono_ms
        is_told = base_load.logged_ms is not None and now_ms - base_load.logged_ms < LOG_AGAIN_MS
        if base_load.trouble != why and not is_told:
            self.journal.log("site_meter.failed", why=why)
            base_load.logged_ms = now_ms
        base_load.trouble = why


def _why_impossible(fact: SiteMeterRead, meter: SiteMeter, station: Station) -> str | None:
    """Return why a reading cannot be true, as a sentence that names its field."""
    if fact.age_ms >= meter.max_age_s * 1_000:
        return f"ageS: a reading older than {meter.max_age_s} s counts for nothing"
    if meter.measures is Measures.BASE_LOAD and fact.power_w < 0:
        return "power: a base load is not below 0"
    most_w = min(POWER_MAX_W, ABSURD_TIMES * station.grid_capacity_w)
    if abs(fact.power_w) > most_w:
        return f"power: more than {ABSURD_TIMES} times the grid connection is no reading; the unit may be wrong"
    return None


def new_base_load(station: Station, now: Now) -> BaseLoad:
    """Return what is known of the base load before anything was measured."""
    return BaseLoad(counted_w=station.static_load_w, waited_ms=now.mono_ms)


def reconfigured(state: State, old: Station, now: Now) -> None:
    """Take in another configuration: another meter has to be heard first."""
    if old.site_meter != state.station.site_meter:
        state.base_load = new_base_load(state.station, now)


def note_flows(state: State, now: Now, timings: Timings) -> tuple[int, int]:
    """Take note of what flows; return the most lately booked for chargers, and the least lately given to them, W."""
    base_load, window_ms = state.base_load, timings.grid_meter_skew_ms
    booked_w = state.tree.booked_w(state.chargers.values())[GRID]
    said, flow_w = state.supply.said, battery_flow_w(state, now) or 0
    gives_w = flow_w if said is None else min(flow_w, said.power_w)
    least_w = -base_load.not_given.note(-max(0, gives_w), now.mono_ms, window_ms)
    return base_load.booked.note(booked_w, now.mono_ms, window_ms), least_w


def battery_flow_w(state: State, now: Now) -> int | None:
    """Return what flows out of the battery as it was measured lately, W; 0 without one; None: it is not known."""
    supply = state.supply
    if state.station.battery is None:
        return 0
    if supply.reading is None or supply.reading.computed or not is_heard(state, now):
        return None
    return supply.reading.power_w


def chargers_measured_w(state: State, now_ms: int, timings: Timings) -> int:
    """Return what chargers have measured of themselves within the last 15 s, W; what is not known counts as 0."""
    total_w = 0
    for charger in state.chargers.values():
        for connector in charger.connectors.values():
            session = connector.session
            if session is not None and session.driver is Driver.REST:
                heard = now_ms - session.heard_ms <= timings.fresh_sample_ms
                total_w += (session.consumed_w or 0) if heard else 0
            else:
                total_w += connector.meter.fresh_w(now_ms, timings.fresh_sample_ms) or 0
    return total_w


def renew_base_load(state: State, now: Now, timings: Timings, alarm: Alarm) -> None:
    """Let what is known of the base load age, and wake when its meter will be silent."""
    station, base_load = state.station, state.base_load
    meter = station.site_meter
    if meter is None:
        return
    if alarm.reached(base_load.stale_ms(meter), now):
        base_load.fell_silent(station.static_load_w)
    if meter.measures is Measures.GRID:
        note_flows(state, now, timings)


def site_meter_view(state: State, now_ms: int) -> SiteMeterView | None:
    """Return what is shown of the meter; None where there is none."""
    meter, base_load = state.station.site_meter, state.base_load
    if meter is None:
        return None
    is_read = base_load.read_w is not None
    return SiteMeterView(
        measures=meter.measures,
        power_w=base_load.read_w,
        read_wall_ms=base_load.read_wall_ms if is_read else None,
        stale=base_load.is_stale(meter, now_ms),
        counted_w=base_load.counted_w,
        static_load_w=state.station.static_load_w,
        over_modbus=meter.modbus is not None,
        trouble=base_load.trouble,
    )
