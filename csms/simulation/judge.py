"""The oracles: what must hold after every step, every effect and every commit (LEDGER.md §5).

I1/I3 raises, I1 rows added up anew, I2 truth against K, I4 cuts alone leave before the commit, none above what a
recovery would book, and the store holds what is in force, I5 K against the mirror, I6 transactions (`registry`), I7
repetition and recovery, I11 what may be drawn without this process, the form of limits. The limits in force on every
row (A, G) and the fuses themselves (C) are in `limits` and `fuses`; who is convicted (§6) in `verdicts`, for how long
an answer is waited for (§3) in `waits`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from csms.core.commands import AbortConnection, Command, RateUnit, SetLimit
from csms.core.events import (
    ChargerConnected,
    Fact,
    PowerUpdated,
    SessionRequested,
    StationConfigured,
)
from csms.core.firm import RowBound
from csms.core.ids import ChargerId, ConnectorKey, Token, TransactionId
from csms.core.records import ChargerStored, Driver, SendForgotten, SendStored, SessionStored
from csms.core.replies import Reply, SessionShown
from csms.core.station import GRID, Control
from csms.simulation.asked import Asked
from csms.simulation.charger import ChargerModel
from csms.simulation.client import RestClient
from csms.simulation.fuses import Fuses
from csms.simulation.host import Controller, StepLike
from csms.simulation.limits import Limits
from csms.simulation.mirror import Mirror
from csms.simulation.registry import Registry
from csms.simulation.store import Store
from csms.simulation.supplies import Supplies
from csms.simulation.surroundings import Surroundings
from csms.simulation.trace import demand
from csms.simulation.trouble import Trouble
from csms.simulation.truth import Obeyed, Truth, booked_on
from csms.simulation.turns import Turns
from csms.simulation.verdicts import Verdicts
from csms.simulation.waits import Waits
from csms.simulation.workoff import WORK_OFF_MS, WorkOff

LEAST_CURRENT_A = 6
"""IEC 61851-1: a car cannot be told less, but for 0."""


RENEWED_MS = 120_000
"""Limits that expire were said within this time before the process died: they are renewed after 100 s."""


class Change(NamedTuple):
    """A limit that was given to a connector; `transaction_id` None for power to start with."""

    at_ms: int
    key: ConnectorKey
    limit_w: int
    transaction_id: TransactionId | None


@dataclass(slots=True)
class Judge:
    """Watches one world."""

    around: Surroundings
    store: Store
    chargers: dict[ChargerId, ChargerModel]
    clients: list[RestClient] = field(default_factory=list)
    engine: Controller | None = None
    truth: Truth = field(init=False)
    asked: Asked = field(default_factory=Asked)
    workoff: WorkOff = field(init=False)
    limits: Limits = field(init=False)
    fuses: Fuses = field(init=False)
    changes: list[Change] = field(default_factory=list)
    raises_checked: int = 0
    registry: Registry = field(default_factory=Registry)
    verdicts: Verdicts = field(default_factory=Verdicts)
    waits: Waits = field(default_factory=Waits)
    turns: Turns = field(default_factory=Turns)
    supplies: Supplies | None = None
    configured: Callable[[StationConfigured], None] = lambda _fact: None
    started_ms: Callable[[], int] = lambda: 0
    _in_force: dict[int, frozenset[tuple[Token, int]]] = field(default_factory=dict)
    _serial: int = 0
    overbooked_ms: dict[str, int] = field(default_factory=dict)
    _left: set[Token] = field(default_factory=set)
    _is_moved: bool = True
    _judged: Obeyed = field(default_factory=dict)
    _overbooked: tuple[str, ...] = ()
    _is_left: bool = False
    _bounds: Mapping[str, RowBound] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.truth = Truth(self.around, self.chargers, self.clients, Mirror(self.store, 0))
        self.truth.is_convicted = self._is_convicted
        self.truth.is_measured = self._is_measured
        self.workoff = WorkOff(self.truth)
        self.limits = Limits(self.truth, self.workoff, self.asked)
        self.fuses = Fuses(self.truth, self.workoff, self.asked)

    def _is_convicted(self, key: ConnectorKey) -> bool:
        row = self.store.chargers.get(key.charger_id)
        found = None if row is None else row.evidence.get(key.idx)
        return found is not None and found.not_obeying

    def _is_measured(self, charger_id: ChargerId) -> bool:
        row = self.store.chargers.get(charger_id)
        return row is not None and any(found.not_obeying or found.measured_w for found in row.evidence.values())

    @property
    def mirror(self) -> Mirror:
        """Return what somebody knows who listens."""
        return self.truth.mirror

    @property
    def live(self) -> set[ChargerId]:
        """Return the chargers that have ever connected."""
        return self.truth.live

    @property
    def liars(self) -> dict[ChargerId, int]:
        """Return who lies for its whole life, each with its longest time between two samples, ms."""
        return self.truth.liars

    @property
    def trouble(self) -> Trouble:
        """Return who may count as refusing."""
        return self.truth.trouble

    @property
    def _before(self) -> dict[ConnectorKey, int]:
        return self.truth.booked_w

    # --- after each step -----------------------------------------------------------------------------------------

    def stepped(self, engine: Controller, facts: Sequence[Fact], step: StepLike, now_ms: int) -> None:
        """Judge one step."""
        self._serial += 1
        self._is_moved = True
        mirror = self.mirror
        mirror.hear(facts, now_ms)
        self.waits.hear(facts, now_ms)
        self.verdicts.hear(facts, mirror)
        after_facts = {key: mirror.booked_w(key) for key in self._keys()}
        mirror.read(step.records)
        phases_after_facts, phases_before = self._on_phases(), self.truth.phases_booked
        mirror.see((*step.at_once, *step.after_commit))
        self._in_force[self._serial] = mirror.sends_in_force()
        for fact in facts:
            if isinstance(fact, ChargerConnected):
                self.live.add(fact.charger_id)
            elif isinstance(fact, StationConfigured):
                self.configured(fact)
        self.truth.live &= {charger_id for charger_id, known in mirror.chargers.items() if not known.is_let_go}
        self.trouble.stepped(facts, (*step.at_once, *step.after_commit), now_ms)
        self.verdicts.see(step.records, now_ms)
        self.turns.see(step.records, now_ms)
        self._i4_commands(step, after_facts)
        self._i1_i3(engine, facts, step, after_facts)
        self._i5(engine)
        if self.supplies is not None:
            self.supplies.stepped(engine, facts, step)
            self.supplies.raised(engine, step, self._before, self.mirror)
            self._hold_root(self.supplies.limit_w)
        self._i1_on_phases(phases_before, phases_after_facts)
        self._tree(engine)
        self.registry.stepped(facts, step.records)
        self.asked.compared["D"] += sum(isinstance(record, SessionStored) for record in step.records)
        self.truth.stepped(engine)
        self._judged = {}
        self.workoff.decided(step.after_commit)
        self.obeys(engine)
        self._i11(engine)

    def _hold_root(self, power_w: int) -> None:
        """Have the root of the rows carry what there is now; where that is less, its row is opened."""
        if self.truth.hold_root(power_w):
            self.workoff.fell(GRID)

    def repeated(self, engine: Controller, facts: Sequence[Fact], step: StepLike) -> None:
        """Judge a step of facts that were all taken before (I7)."""
        before = self._before
        known = self.registry.known()
        self.stepped(engine, facts, step, self.mirror.now_ms)
        for key, booked_w in self._before.items():
            demand(
                booked_w == before.get(key, 0), "I7: {} booked {} → {} by repetition", key, before.get(key), booked_w
            )
        commands = (*step.at_once, *step.after_commit)
        demand(not commands, "I7: repetition made commands: {}", commands)
        made = {record.session_id for record in step.records if isinstance(record, SessionStored)} - known
        demand(not made, "I7: repetition made sessions {}", made)

    def recovered(self, engine: Controller, store: Store, now_ms: int) -> None:
        """Judge what a fresh process knows (I7): the same or more than the rows say."""
        self.truth.up_since_ms = now_ms
        self.engine = engine
        self._is_left = False
        self._is_moved = True
        self.truth.mirror = Mirror(store, now_ms)
        self.registry.recovered(store)
        self._in_force.clear()
        self.waits.recovered()
        self.verdicts.recovered(store)
        self.turns.recovered(store.sessions)
        self._left.clear()  # a token is an identity within one process; message ids are the gateway's
        self.truth.live = {row.charger_id for row in store.chargers.values() if row.ever_connected}
        self.truth.stepped(engine)
        if self.supplies is not None:
            self.supplies.recovered(store, self.started_ms())
            self._hold_root(engine.node_capacity_w(GRID) or 0)
        self.workoff.recovered(engine, self._bounds)
        self._judged = {}
        self.asked.compared["E"] += len(self._before)
        self._i5(engine)
        self.obeys(engine)
        self._i11(engine)

    def committed(self, serial: int, store: Store) -> None:
        """Judge what is durable (I4): every send in force after that step has its row."""
        del serial
        if not self._in_force or not self.around.switches.mirror:
            return
        oldest = min(self._in_force)
        for token, limit_w in self._in_force.pop(oldest):
            row = store.sends.get(token)
            demand(
                row is not None and row.limit_w == limit_w,
                "I4: send {} of {} W in force, row is {}",
                token,
                limit_w,
                row,
            )

    def replied(self, reply: Reply) -> None:
        """Judge one reply as it leaves."""
        self.registry.replied(reply)

    def left(self, command: Command) -> None:
        """Judge one command as it leaves the process: its token is its own."""
        if not isinstance(command, AbortConnection):
            demand(command.token not in self._left, "I7: token {} left twice", command.token)
            self._left.add(command.token)
            self.workoff.left(command)
            self.waits.left(command, self.around.clock.now_ms)

    # --- what chargers obey ----------------------------------------------------------------------------------------

    def obeys(self, engine: Controller | None) -> None:
        """Judge what chargers really obey at this instant, with a server or without."""
        self._obey(self.truth.obeyed(), engine)

    def _obey(self, obeyed: Obeyed, engine: Controller | None) -> None:
        if engine is None:
            self.limits.without_server(self._bounds, obeyed)
            return
        if self._judged != obeyed:  # what is booked changes with a step alone
            self._judged = obeyed
            self._i2(engine, obeyed)
        self.limits.with_server(engine, obeyed)

    def tick(self, engine: Controller | None, elapsed_ms: int) -> None:
        """Judge the cars, and let `elapsed_ms` pass."""
        self.workoff.tick()
        if engine is not None:
            self.waits.tick(self.around.clock.now_ms, self.around.faults.stalled_until_ms)
        self._obey(
            {charger_id: [each.limit_w for each in one.outlets] for charger_id, one in self.chargers.items()}, engine
        )
        if engine is None:
            self.fuses.without_server(self._bounds)
            self._expire()
            return
        self.fuses.tick(engine)
        self.limits.tick(elapsed_ms)
        self._count_overbooked(engine, elapsed_ms)

    def look_at_flow(self, supplies: Supplies, cars_w: int, house_w: int) -> None:
        """Judge what flows at the grid connection in truth: whoever can be told anything has left room."""
        self.asked.compared["H"] += 1
        most_w = supplies.tick(cars_w, house_w)
        if most_w is None:
            return
        draws_w = {cid: [outlet.draw_w for outlet in model.outlets] for cid, model in self.chargers.items()}
        since_ms = self.around.clock.now_ms - WORK_OFF_MS
        why = self.workoff.demand_let_go("flow", GRID, most_w, draws_w, self.fuses.more_w, since_ms)
        self.asked.excuse("H", why)

    def _i2(self, engine: Controller, obeyed: Obeyed) -> None:
        """Compare what chargers really obey with what is booked."""
        for charger_id, model in self.chargers.items():
            charger = self.mirror.chargers.get(charger_id)
            if charger is None or charger.is_drained or charger_id not in self.live:
                continue
            self.asked.compared["B"] += 1
            if charger_id in self.liars:
                self.asked.excuse("B", "a liar")
                continue
            total_w = 0
            for outlet in model.outlets:
                key = ConnectorKey(charger_id, outlet.idx)
                obeyed_w, booked_w = obeyed[charger_id][outlet.idx - 1], engine.booked_w(key)
                if model.obedience.profiles.keeps_tx and not charger.is_seen_to(outlet.idx):
                    continue  # a declared lie until its make was seen to
                total_w += obeyed_w
                demand(obeyed_w <= booked_w, "I2: {} obeys {}, booked {}", _name(key), obeyed_w, booked_w)
            total_w = min(total_w, model.hardware_w)
            booked_w = engine.charger_booked_w(charger_id)
            demand(total_w <= booked_w, "I2: {} obeys {}, booked {}", charger_id, total_w, booked_w)
        for client in self.clients:
            if client.is_sure and client.key.charger_id in self.mirror.chargers:
                booked_w = engine.booked_w(client.key)
                demand(
                    client.obeyed_w <= booked_w,
                    "I2: client at {} obeys {}, {}",
                    _name(client.key),
                    client.obeyed_w,
                    booked_w,
                )

    def _count_overbooked(self, engine: Controller, elapsed_ms: int) -> None:
        """Add `elapsed_ms` to every row that has more booked than its capacity."""
        if self._is_moved:
            self._is_moved = False
            circuits = (each.circuit_id for each in self.mirror.station.circuits)
            self._overbooked = tuple(
                node_id
                for node_id in (GRID, *circuits, *self.mirror.chargers)
                if (capacity_w := engine.node_capacity_w(node_id)) is not None
                and engine.node_booked_w(node_id) > capacity_w
            )
        for node_id in self._overbooked:
            self.overbooked_ms[node_id] = self.overbooked_ms.get(node_id, 0) + elapsed_ms

    def _i11(self, engine: Controller) -> None:
        """Note what every row may carry without this process; it is firm unless facts have overbooked the row."""
        self._bounds = engine.firm_bounds()
        for node_id, bound in self._bounds.items():
            if bound.holds:
                continue
            capacity_w = engine.node_capacity_w(node_id)
            overbooked = capacity_w is not None and engine.node_booked_w(node_id) > capacity_w
            is_supplied = node_id == GRID and self.supplies is not None
            demand(overbooked or is_supplied, "I11: {} may carry {} W of {}", node_id, bound.possible_w, bound.firm_w)

    def _expire(self) -> None:
        """Have the root carry what is firm alone when all that expires has, without the server that said it."""
        supplies = self.supplies
        if supplies is None or self.liars or not supplies.is_expired or self._is_left:
            return
        died_ms = supplies.died_ms - RENEWED_MS
        if any(model.clock_set_ms > died_ms for model in self.chargers.values() if model.clock_set_ms):
            return  # its limits expire by a clock that was set since they were said
        self._is_left = True
        self._bounds = supplies.left(self._bounds)
        self.truth.hold_root(supplies.died_firm_w)

    @property
    def bounds(self) -> Mapping[str, RowBound]:
        """Return what the server last said that each row may carry without it."""
        return self._bounds

    def is_full_on_a_phase(self, engine: Controller, node: str) -> bool:
        """Return whether more is booked on a phase of a fuse than it carries."""
        phases = self.truth.rows.phases
        booked = engine.phases_booked() if phases else {}
        return any(booked[row] > capacity for row, capacity in phases.items() if row.startswith(f"{node}/"))

    def has_raised_default(self, charger_id: ChargerId) -> bool:
        """Return whether it would not take its fail-safe power, so that its idle connectors are booked above it."""
        charger = self.mirror.chargers.get(charger_id)
        return charger is not None and any(s.limit_w > charger.charger.fail_safe_power_w for s in charger.defaults)

    # --- the rest --------------------------------------------------------------------------------------------------

    def _i4_commands(self, step: StepLike, after_facts: dict[ConnectorKey, int]) -> None:
        stored = {record.token: record for record in step.records if isinstance(record, SendStored)}
        forgotten = {record.token for record in step.records if isinstance(record, SendForgotten)}
        durable = Mirror(self.store, self.mirror.now_ms) if step.at_once and self.around.switches.mirror else None
        for command in step.at_once:
            if isinstance(command, AbortConnection):
                continue
            demand(isinstance(command, SetLimit), "I4: {} left before its commit", command)
            for key, limit_w in self._places(command):
                most_w = max(after_facts.get(key, 0), self._before.get(key, 0))
                demand(limit_w <= most_w, "I4: {} raised to {} from {} before the commit", _name(key), limit_w, most_w)
                if durable is not None and durable.is_steered(durable.chargers[key.charger_id]):
                    durable_w = durable.booked_w(key)
                    demand(limit_w <= durable_w, "I4: {} told {}, durable {}", _name(key), limit_w, durable_w)
        for command in (*step.at_once, *step.after_commit):
            if isinstance(command, AbortConnection):
                continue
            if isinstance(command, SetLimit):
                row = stored.get(command.token)
                same = row is not None and (row.limit_w, row.idx, row.purpose, row.transaction_id) == (
                    command.limit_w,
                    command.idx,
                    command.purpose,
                    command.transaction_id,
                )
                demand(same and command.token not in forgotten, "I4: {} has the intent {}", command, row)
                demand(_is_tellable(command), "form: {} cannot be told so", command)
                self._note_change(command)

    def _note_change(self, command: SetLimit) -> None:
        """Note the limit of a connector; a fail-safe default is none of its transaction."""
        charger = self.mirror.chargers.get(command.charger_id)
        connector = None if charger is None else charger.connectors.get(command.idx)
        runs = connector is not None and connector.open_id is not None
        if command.idx and (command.transaction_id is not None or not runs):
            key = ConnectorKey(command.charger_id, command.idx)
            self.changes.append(Change(self.around.clock.now_ms, key, command.limit_w, command.transaction_id))

    def _i1_i3(
        self, engine: Controller, facts: Sequence[Fact], step: StepLike, after_facts: dict[ConnectorKey, int]
    ) -> None:
        raised: set[ConnectorKey] = set()
        uncertain = {
            ConnectorKey(record.charger_id, idx)
            for record in step.records
            if isinstance(record, ChargerStored)
            for idx, provisioned in enumerate(record.provisioned, 1)
            if not provisioned
        }
        for command in (*step.at_once, *step.after_commit):
            raised |= {
                key
                for key, limit_w in self._places(command)
                if limit_w > max(after_facts.get(key, 0), self._seen_lying_w(key))
                and limit_w >= engine.booked_w(key) > self._before.get(key, 0)
            }
        asked = {fact.request for fact in facts if isinstance(fact, SessionRequested | PowerUpdated)}
        for reply in step.replies:
            if reply.request in asked and isinstance(reply.outcome, SessionShown):
                shown = reply.outcome.session
                key = ConnectorKey(shown.charger_id, shown.idx)
                if shown.driver is Driver.REST and shown.allocated_w > self._before.get(key, 0):
                    raised.add(key)
        for key in raised - uncertain:
            self.raises_checked += 1
            before = f"I1/I3: {_name(key)} raised from {self._before.get(key)} W"
            for node_id in self._rows(key.charger_id):
                is_phase = node_id in self.truth.rows.phases
                booked_w = booked_on(engine, node_id)
                capacity_w = self.truth.rows.phases[node_id] if is_phase else engine.node_capacity_w(node_id)
                fits = capacity_w is None or booked_w <= capacity_w
                demand(fits, "{}, but {} has {} booked of {} W", before, node_id, booked_w, capacity_w)

    def _seen_lying_w(self, key: ConnectorKey) -> int:
        """Return what a liar was last measured to draw: that is booked by evidence, whatever it was told."""
        if key.charger_id not in self.liars:
            return 0
        return self.mirror.chargers[key.charger_id].connectors[key.idx].sample_w or 0

    def _i5(self, engine: Controller) -> None:
        if not self.around.switches.mirror:
            return
        for key in self._keys():
            least_w, booked_w = self.mirror.booked_w(key), engine.booked_w(key)
            demand(booked_w >= least_w, "I5: {} booked {}, the law says at least {}", _name(key), booked_w, least_w)
        for charger_id in self.mirror.chargers:
            least_w, booked_w = self.mirror.charger_booked_w(charger_id), engine.charger_booked_w(charger_id)
            demand(booked_w >= least_w, "I5: {} booked {}, the law says at least {}", charger_id, booked_w, least_w)
        for row, least in self._on_phases().items():
            booked = engine.phases_booked()[row]
            demand(booked >= least, "I5: {} booked {} sixths of a watt, the law says at least {}", row, booked, least)

    def _on_phases(self) -> dict[str, int]:
        """Return the least that is booked on every row of a phase, by what was sent and answered alone."""
        rows, mirror = self.truth.rows, self.mirror
        if not rows.phases or not self.around.switches.mirror:
            return {}
        least = dict.fromkeys(rows.phases, 0)
        for charger_id in mirror.chargers:
            amounts = mirror.phases_booked(charger_id)
            for row in rows.phases_of(charger_id):
                least[row] += amounts[rows.lines[row]]
        return least

    def _i1_on_phases(self, booked_before: Mapping[str, int], after_facts: Mapping[str, int]) -> None:
        """Judge that no command puts more on a phase than it carries, or than facts had put there."""
        for row, least in self._on_phases().items():
            most = max(self.truth.rows.phases[row], after_facts.get(row, 0), booked_before.get(row, 0))
            demand(least <= most, "I1: {} has {} sixths of a watt booked by commands, it carries {}", row, least, most)

    def _tree(self, engine: Controller) -> None:
        """Add up the rows anew: their capacities are those of the configuration, and every charger counts on each."""
        station = self.mirror.station
        capacities_w = self.truth.rows.capacities_w
        total_w = dict.fromkeys(capacities_w, 0)
        for charger in station.chargers:
            for node_id in self.truth.rows.nodes_of(charger.charger_id):
                total_w[node_id] += engine.charger_booked_w(charger.charger_id)
        total_w[GRID] = sum(engine.charger_booked_w(charger_id) for charger_id in self.mirror.chargers)
        taking_w = 0 if self.supplies is None or self.supplies.root is None else self.supplies.root.taking_w
        total_w[GRID] += taking_w
        for node_id, capacity_w in capacities_w.items():
            has_w, booked_w = engine.node_capacity_w(node_id), engine.node_booked_w(node_id)
            if node_id == GRID and has_w is not None and self.supplies is not None:
                has_w = max(0, has_w - taking_w)  # what it is in all, the second reading of it has judged
            demand(has_w == capacity_w, "I1: {} counts with {} of its {} W", node_id, has_w, capacity_w)
            demand(booked_w >= total_w[node_id], "I1: {} books {} of {} W", node_id, booked_w, total_w[node_id])

    def _places(self, command: Command) -> Iterable[tuple[ConnectorKey, int]]:
        if not isinstance(command, SetLimit):
            return
        if command.idx:
            yield ConnectorKey(command.charger_id, command.idx), command.limit_w
            return
        for key in self._keys():
            if key.charger_id == command.charger_id:
                yield key, command.limit_w

    def _keys(self) -> list[ConnectorKey]:
        return [
            ConnectorKey(charger_id, idx)
            for charger_id, charger in self.mirror.chargers.items()
            if charger.charger.control is not Control.NONE
            for idx in charger.connectors
        ]

    def _rows(self, charger_id: ChargerId) -> Sequence[str]:
        return self.truth.rows.of(charger_id)


def _is_tellable(command: SetLimit) -> bool:
    """Return whether a limit in amperes is 0 or what whole (or tenths of) amperes, 6 or more, are on its phases."""
    form = command.form
    if form.unit is RateUnit.W or command.limit_w == 0:
        return True
    per_ampere_w = form.voltage_v * form.phases
    tenths = command.limit_w * 10 // per_ampere_w
    is_whole = -(-tenths * per_ampere_w // 10) == command.limit_w and (form.tenths or tenths % 10 == 0)
    return is_whole and tenths >= 10 * LEAST_CURRENT_A


def _name(key: ConnectorKey) -> str:
    return f"{key.charger_id}#{key.idx}"
