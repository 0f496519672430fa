"""The oracles of worlds with energy: what the root has, what the battery is told, what flows, and what is left (I11).

I1        the root's capacity is what a second reading makes of what was told (`csms.simulation.root`)
battery   it is told nothing that it is not to be told, and what was granted of it is asked of it; its energy is
          what has flowed
flow      what flows at the grid connection, in truth (`csms.simulation.flow`)
G, I11    without a server, when all that expires has: the firm capacity alone
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from csms.core.commands import EXPIRY_S, SetBattery, SetLimit
from csms.core.events import ChargerBooted, Fact
from csms.core.firm import RowBound
from csms.core.ids import ChargerId, ConnectorKey, Token
from csms.core.records import EventLogged, Record
from csms.core.station import GRID
from csms.simulation.energy import Energy
from csms.simulation.flow import Flow, Known
from csms.simulation.host import Controller, StepLike
from csms.simulation.mirror import Mirror
from csms.simulation.root import WEAK_MS, HeardBattery, Instant, Meter, Root, Terms
from csms.simulation.store import Store
from csms.simulation.surroundings import Surroundings
from csms.simulation.trace import demand

EXPIRED_MS = (EXPIRY_S + 15 + 10) * 1_000
"""Limits expire 300 s after they were said, by clocks up to 15 s behind; the slowest car has let go soon after."""

TICK_MS = 1_000
"""Between two looks."""

LITTLE = 100
"""A hundredth of a capacity is a little."""

FROZEN_MS = 60_000
"""So long after a meter at the grid connection has moved again, what it had hidden counts."""


@dataclass(slots=True)
class Supplies:
    """The judge of one site.

    Attributes:
        root: what the central system has to count with; None before its first process.
        flow: what flows.
        died_ms: when the process died that was the last one; died_firm_w: what was firm then.
        keeping: the chargers that were seen to let limits expire since they booted.
        limit_w: what cars may have, W, as the oracles of rows take it.
        moved_ms: when what they may have, or what is firm of it, was last seen to have changed by more than a little.
        boosted_ms: for how long the battery gave; above_firm_ms: for how long cars drew more than is firm.
    """

    around: Surroundings
    energy: Energy
    flow: Flow = field(default_factory=Flow)
    root: Root | None = None
    died_ms: int = 0
    died_firm_w: int = 0
    keeping: set[ChargerId] = field(default_factory=set)
    limit_w: int = 0
    moved_ms: int = 0
    boosted_ms: int = 0
    above_firm_ms: int = 0
    _left_w: dict[Token, int] = field(default_factory=dict)
    _frozen_ms: int = -FROZEN_MS
    _weak_ms: int | None = None
    _rested_w: tuple[int, int] = (0, 0)

    @property
    def now(self) -> Instant:
        """Return this moment."""
        around = self.around
        return Instant(around.clock.now_ms, around.wall_ms() + around.server_ahead_ms)

    def recovered(self, store: Store, started_ms: int) -> None:
        """Begin to listen to a new process."""
        station, now_ms = store.station, self.around.clock.now_ms
        meter = station.site_meter
        self.root = Root(
            station,
            Terms(station, dict(store.capacity_events)),
            None if meter is None else Meter(meter, now_ms, station.static_load_w),
            None if station.battery is None else HeardBattery(station.battery),
            started_ms,
        )
        self.flow.restart()
        self.keeping.clear()

    def stepped(self, engine: Controller, facts: Sequence[Fact], step: StepLike) -> None:
        """Judge one step of a process."""
        root, at = self.root, self.now
        assert root is not None, "it runs"
        root.hear(facts, at)
        self._see_who_keeps(facts, step.records)
        if root.battery is not None and step.battery is not None:
            self._told(root.battery, step.battery, at, engine)
            root.battery.told(step.battery, at.now_ms)
        self._judge_root(engine, root, at)
        if root.battery is not None:
            self._asked(root, root.battery, engine, at)

    def _see_who_keeps(self, facts: Sequence[Fact], records: Sequence[Record]) -> None:
        """See who has shown that it lets limits expire, and who has to show it again."""
        self.keeping -= {fact.charger_id for fact in facts if isinstance(fact, ChargerBooted)}
        for record in records:
            if isinstance(record, EventLogged) and record.kind == "charger.expiry_seen" and record.charger_id:
                change = self.keeping.add if record.detail["kept"] else self.keeping.discard
                change(record.charger_id)

    def _judge_root(self, engine: Controller, root: Root, at: Instant) -> None:
        has_w, capacity_w = engine.node_capacity_w(GRID), root.capacity_w(at)
        assert has_w is not None, "the grid connection has a capacity"
        fits = has_w == capacity_w if root.is_exact else has_w <= capacity_w
        demand(fits, "I1: the grid connection counts with {} W, by what was told it is {} W", has_w, capacity_w)
        self.limit_w = max(0, has_w - root.taking_w)
        now_w = (has_w, root.firm_w(at))
        if any(abs(now - before) > before // LITTLE for now, before in zip(now_w, self._rested_w, strict=True)):
            self._rested_w, self.moved_ms = now_w, at.now_ms

    def raised(self, engine: Controller, step: StepLike, before_w: Mapping[ConnectorKey, int], mirror: Mirror) -> None:
        """Judge raises: what is left of them when they expire fits into what is firm; `before_w`: what was booked.

        It may be as much as is left of what may be in force already, or of the default of its charger.
        """
        root = self.root
        assert root is not None, "it runs"
        bound, firm_w = engine.firm_bounds()[GRID], root.firm_w(self.now)
        for command in (*step.at_once, *step.after_commit):
            if not isinstance(command, SetLimit) or command.transaction_id is None:
                continue
            key = ConnectorKey(command.charger_id, command.idx)
            left_w = command.limit_w if command.expires_to_w is None else command.expires_to_w
            self._left_w[command.token] = left_w
            lasts_ms, falls_ms = self.now.wall_ms + 1_000 * command.expires_s, root.terms.falls_ms(self.now)
            ends = (
                command.expires_to_w is None or falls_ms is None or lasts_ms <= max(falls_ms, self.now.wall_ms + 1_000)
            )
            demand(
                ends, "I11: {} has {} W until {}, there is less from {} on", key, command.limit_w, lasts_ms, falls_ms
            )
            charger = mirror.chargers[command.charger_id]
            told = [each for each in charger.connectors[command.idx].sends if each.token != command.token]
            lefts_w = [self._left_w.get(each.token, each.limit_w) for each in told]
            was_left_w = max((0, *lefts_w, *(send.limit_w for send in charger.defaults)))
            is_raise = command.limit_w >= engine.booked_w(key) > before_w.get(key, 0)
            carried_w = bound.possible_w if bound.expired_w is None else bound.expired_w
            fits = not is_raise or left_w <= was_left_w or carried_w <= firm_w
            demand(fits, "I11: {} is told {} W for good, {} of {} W firmly", key, left_w, carried_w, firm_w)

    def _told(self, battery: HeardBattery, command: SetBattery, at: Instant, engine: Controller) -> None:
        """Judge what the battery is told."""
        power_w, limits = command.power_w, battery.battery
        demand(-limits.most_charge_w <= power_w <= limits.power_w, "battery: told {} W", power_w)
        demand(battery.is_heard(at.now_ms), "battery: told {} W although it is not heard", power_w)
        demand(power_w <= battery.able_w(at.now_ms), "battery: told {} of {} W", power_w, battery.able_w(at.now_ms))
        direction = (power_w > 0) - (power_w < 0)
        turns = direction == -battery.direction != 0
        pause_ms = at.now_ms - battery.turned_ms
        demand(not turns or pause_ms >= 60_000, "battery: turned after {} ms", pause_ms)
        if -power_w > battery.taking_w:
            booked_w, root_w = engine.node_booked_w(GRID), engine.node_capacity_w(GRID) or 0
            demand(booked_w <= root_w, "I1: the battery takes {} W, {} of {} W are booked", -power_w, booked_w, root_w)

    def _asked(self, root: Root, battery: HeardBattery, engine: Controller, at: Instant) -> None:
        """Judge whether the battery gives what is booked beyond the grid connection, as far as it was granted."""
        if battery.reading is None or not battery.is_heard(at.now_ms):
            return
        said_w = 0 if battery.said is None else battery.said.power_w
        able_w = battery.able_w(at.now_ms)
        demand(said_w <= able_w, "battery: it is to give {} W, and can give {} W", said_w, able_w)
        own_w = (engine.node_capacity_w(GRID) or 0) - root.granted_w(at)
        wanted_w = engine.node_booked_w(GRID) - root.taking_w - own_w
        asked_w = min(wanted_w, root.granted_w(at))
        demand(said_w >= asked_w, "battery: it is to give {} W, {} W are booked beyond the grid", said_w, asked_w)

    # --- as time goes by ---------------------------------------------------------------------------------------------

    def tick(self, cars_w: int, house_w: int) -> int | None:
        """Look at what flows; return what cars may have where they have had more for too long."""
        root, at, energy = self.root, self.now, self.energy
        assert root is not None, "it runs"
        if energy.is_meter_frozen:
            self._frozen_ms = at.now_ms
        self._count_energy()
        self.boosted_ms += TICK_MS * (energy.battery_w > 0)
        self.above_firm_ms += TICK_MS * (cars_w > root.firm_w(at))
        if at.now_ms < self.around.faults.stalled_until_ms:
            self.flow.restart()
            return None
        flows_w, fuse_w = cars_w + house_w - energy.battery_w, root.terms.in_force_w(at)
        self.flow.over_ms += TICK_MS * (flows_w > fuse_w + fuse_w // 50)
        house_w = self._house_w(root, house_w, at)
        self.flow.note(Known(at.now_ms, root.terms.counted_w(at), self._battery_w(root, at) - house_w))
        fuse_w = root.station.grid_capacity_w
        return self.flow.is_over(cars_w, root.terms.in_force_w(at), fuse_w, at.now_ms, shows_late=not root.is_exact)

    def _count_energy(self) -> None:
        if self.energy.battery is not None:
            more, rounded = self.energy.battery.unaccounted()
            demand(abs(more) <= rounded, "battery: its energy is {} W·ms from what has flowed", more)

    def _house_w(self, root: Root, house_w: int, at: Instant) -> int:
        """Return what of the base load could be known, W."""
        static_w, meter = root.station.static_load_w, root.meter
        if meter is None:
            return min(house_w, static_w)
        if not root.is_exact and at.now_ms - self._frozen_ms < FROZEN_MS:
            return 0
        if meter.is_stale(at.now_ms) or meter.read_w is None:
            return min(house_w, max(static_w, meter.counted_w) if root.is_exact else static_w)
        if not root.is_exact:
            return house_w
        return min(house_w, meter.read_w)

    def _battery_w(self, root: Root, at: Instant) -> int:
        """Return what the battery gives as far as could be known, W; below 0: takes.

        For ten seconds that is what it is told, as far as it says that it can: it may just follow later.
        """
        battery, flows_w = root.battery, self.energy.battery_w
        if battery is None or battery.reading is None or not battery.is_heard(at.now_ms):
            self._weak_ms = None
            return flows_w
        said_w = 0 if battery.said is None else battery.said.power_w
        told_w = min(said_w, battery.reading.permitted_w, battery.reading.available_discharge_w)
        if flows_w >= told_w - max(1_000, told_w // 50):
            self._weak_ms = None
        elif self._weak_ms is None:
            self._weak_ms = at.now_ms
        is_weak = self._weak_ms is not None and at.now_ms - self._weak_ms > WEAK_MS
        return max(flows_w, battery.reading.power_w, flows_w if is_weak else told_w)

    # --- without a server --------------------------------------------------------------------------------------------

    def died(self) -> None:
        """Take that the process has died."""
        self.flow.restart()
        if self.root is not None:
            at = self.now
            self.died_ms, self.died_firm_w = at.now_ms, self.root.firm_w(at)

    @property
    def is_expired(self) -> bool:
        """Return whether all limits that expire have, since the process died."""
        return self.around.clock.now_ms >= self.died_ms + EXPIRED_MS

    def left(self, bounds: Mapping[str, RowBound]) -> dict[str, RowBound]:
        """Return what every row may carry when all that expires has."""
        bound = bounds[GRID]
        possible_w = bound.possible_w if bound.expired_w is None else bound.expired_w
        return {**bounds, GRID: RowBound(possible_w, self.died_firm_w)}
