"""The oracles: what must hold after every step, every effect and every commit (LEDGER.md §5).

I1/I3 raises, I1 rows added up anew, I2 truth against K, I4 cuts alone leave before the commit, none above what a
recovery would book, and the store holds what is in force, I5 K against the mirror, I6 transactions (`registry`), I7
repetition and recovery, I11 what is drawn while the server is dead, the form of limits, and the fuses themselves.
"""

from collections import Counter
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
from csms.simulation.charger import ChargerModel
from csms.simulation.client import RestClient
from csms.simulation.host import Controller, StepLike
from csms.simulation.mirror import Mirror
from csms.simulation.registry import Registry
from csms.simulation.store import Store
from csms.simulation.surroundings import Surroundings
from csms.simulation.trace import demand
from csms.simulation.trouble import Trouble

LEAST_CURRENT_A = 6
"""IEC 61851-1: a car cannot be told less, but for 0."""

EVIDENCE_MS = 25_000
"""From the sample that shows a lie to the end of its excess: LEDGER.md §3, on the wire, answered and settled."""

CLOCK_DOUBT_MS = 60_000
CLOCK_STEP_MS = 120_000
"""Stamps of a clock that is so wrong are believed so long after a connection was made (`csms.core.stamps`)."""

RAMP_MS = 6_000
"""A fuse may carry a car's ramp for so long: a car lets go within 5 s, and time is cut into whole seconds."""


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
    mirror: Mirror = field(init=False)
    live: set[ChargerId] = field(default_factory=set)
    changes: list[Change] = field(default_factory=list)
    raises_checked: int = 0
    registry: Registry = field(default_factory=Registry)
    trouble: Trouble = field(default_factory=Trouble)
    configured: Callable[[StationConfigured], None] = lambda _fact: None
    _before: dict[ConnectorKey, int] = field(default_factory=dict)
    _in_force: dict[int, frozenset[tuple[Token, int]]] = field(default_factory=dict)
    _serial: int = 0
    overbooked_ms: dict[str, int] = field(default_factory=dict)
    _over_since_ms: dict[str, int] = field(default_factory=dict)
    _left: set[Token] = field(default_factory=set)
    _is_moved: bool = True
    liars: dict[ChargerId, int] = field(default_factory=dict)
    longest_excess_ms: int = 0
    _up_since_ms: int = 0
    _excess_since_ms: dict[str, int] = field(default_factory=dict)
    _overbooked: tuple[str, ...] = ()
    _bounds: Mapping[str, RowBound] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.mirror = Mirror(self.store, 0)

    # --- after each step -----------------------------------------------------------------------------------------

    def stepped(self, engine: Controller, facts: Sequence[Fact], step: StepLike, now_ms: int) -> None:
        """Judge one step."""
        self._serial += 1
        self._is_moved = True
        mirror = self.mirror
        mirror.hear(facts, now_ms)
        after_facts = {key: mirror.booked_w(key) for key in self._keys()}
        mirror.see((*step.at_once, *step.after_commit), step.records)
        self._in_force[self._serial] = mirror.sends_in_force()
        for fact in facts:
            if isinstance(fact, ChargerConnected):
                self.live.add(fact.charger_id)
            elif isinstance(fact, StationConfigured):
                self.configured(fact)
        self.live &= {charger_id for charger_id, known in mirror.chargers.items() if not known.is_let_go}
        self.trouble.stepped(facts, (*step.at_once, *step.after_commit), now_ms)
        self._i4_commands(step, after_facts)
        self._i1_i3(engine, facts, step, after_facts)
        self._i5(engine)
        self._tree(engine)
        self.registry.stepped(facts, step.records)
        self._before = {key: engine.booked_w(key) for key in self._keys()}
        self.i2(engine)
        self._i11(engine)

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
        self._up_since_ms = now_ms
        self.engine = engine
        self._is_moved = True
        self.mirror = Mirror(store, now_ms)
        self.registry.recovered(store)
        self._in_force.clear()
        self._left.clear()  # a token is an identity within one process; message ids are the gateway's
        self.live = {row.charger_id for row in store.chargers.values() if row.ever_connected}
        self._before = {key: engine.booked_w(key) for key in self._keys()}
        self._i5(engine)
        self.i2(engine)
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

    # --- I2 and the fuses ----------------------------------------------------------------------------------------

    def i2(self, engine: Controller) -> None:
        """Compare what chargers really obey with what is booked."""
        for charger_id, model in self.chargers.items():
            charger = self.mirror.chargers.get(charger_id)
            if charger is None or charger.is_drained or charger_id not in self.live or charger_id in self.liars:
                continue
            total_w = 0
            for outlet in model.outlets:
                key = ConnectorKey(charger_id, outlet.idx)
                obeyed_w, booked_w = model.obeyed_w(outlet.idx), engine.booked_w(key)
                if model.obedience.profiles.keeps_tx and not charger.connectors[outlet.idx].tx_cleared:
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

    def fuses(self, engine: Controller, drawn_w: dict[str, int], now_ms: int) -> None:
        """Compare what each row carries with its capacity; excuse it while facts keep the row overbooked."""
        lying = self._lying_rows()
        for node_id, watts in drawn_w.items():
            capacity_w = engine.node_capacity_w(node_id)
            if node_id in lying and capacity_w is not None:
                self._oracle_c(engine, node_id, watts, capacity_w, lying[node_id])
                continue
            carries = capacity_w is None or watts <= capacity_w + capacity_w // 50
            if carries or capacity_w is None or engine.node_booked_w(node_id) > capacity_w:
                self._over_since_ms.pop(node_id, None)
                continue
            since_ms = self._over_since_ms.setdefault(node_id, now_ms)
            demand(now_ms - since_ms <= RAMP_MS, "fuse: {} carries {} of {} W", node_id, watts, capacity_w)

    def _oracle_c(self, engine: Controller, node_id: str, watts: int, capacity_w: int, liars: list[ChargerId]) -> None:
        """Hold what liars may do to a fuse: it is booked, and others are cut, within a sample of theirs and 25 s.

        Time counts while nothing else hinders anybody: every liar of the row is heard, and believed.
        """
        now_ms = self.around.clock.now_ms
        if watts <= capacity_w + capacity_w // 50:
            self._excess_since_ms.pop(node_id, None)
            return
        since_ms = self._excess_since_ms.setdefault(node_id, now_ms)
        since_ms = max(since_ms, self._up_since_ms, self.around.faults.hindered_ms, *map(self._believed_ms, liars))
        self.longest_excess_ms = max(self.longest_excess_ms, now_ms - since_ms)
        window_ms = EVIDENCE_MS + max(self.liars[liar] for liar in liars)
        if now_ms - since_ms <= window_ms:
            return
        booked_w = engine.node_booked_w(node_id)
        demand(booked_w > capacity_w, "C: {} carries {} of {} W, booked {}", node_id, watts, capacity_w, booked_w)
        for charger in self.mirror.station.chargers:
            if node_id in self._rows(charger.charger_id) and self._is_cuttable(charger.charger_id, window_ms):
                floor_w = max(charger.min_power_w, charger.fail_safe_power_w) * charger.connectors
                drawn_w = self.chargers[charger.charger_id].draw_w
                demand(drawn_w <= floor_w, "C: {} over, {} draws {} W", node_id, charger.charger_id, drawn_w)

    def _believed_ms(self, charger_id: ChargerId) -> int:
        """Return since when what a liar tells is taken for now: not yet, while it is away.

        Of one whose clock is behind that is two minutes after it has come: until then it may be its queue that speaks.
        """
        model = self.chargers[charger_id]
        now_ms = self.around.clock.now_ms
        if model.heard_since_ms is None:
            return now_ms
        blind_ms = max(model.meter_fault_until_ms, model.meter_mute_until_ms, model.silent_until_ms)
        is_behind = model.skew_ms < -CLOCK_DOUBT_MS
        believed_ms = model.heard_since_ms + (CLOCK_STEP_MS if is_behind else 0)
        return min(now_ms, max(believed_ms, blind_ms))

    def _lying_rows(self) -> dict[str, list[ChargerId]]:
        """Return the rows under which somebody lies, and who."""
        rows: dict[str, list[ChargerId]] = {}
        for charger_id in self.liars:
            for node_id in self._rows(charger_id):
                rows.setdefault(node_id, []).append(charger_id)
        return rows

    def _is_cuttable(self, charger_id: ChargerId, window_ms: int) -> bool:
        """Return whether a charger has done for so long what it was told, and is steered."""
        model, heard = self.chargers[charger_id], self.mirror.chargers.get(charger_id)
        since_ms = self.around.clock.now_ms - window_ms
        return (
            heard is not None
            and charger_id in self.live
            and charger_id not in self.liars
            and charger_id not in self.trouble.chargers
            and model.is_blameless
            and model.heard_since_ms is not None
            and model.heard_since_ms < since_ms
            and all(
                outlet.transaction is None
                or (outlet.idx in heard.provisioned and outlet.transaction.transaction_id is not None)
                for outlet in model.outlets
            )
        )

    def count_overbooked(self, engine: Controller, elapsed_ms: int) -> None:
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
            demand(overbooked, "I11: {} may carry {} W of {}", node_id, bound.possible_w, bound.firm_w)

    def without_server(self, drawn_w: dict[str, int], now_ms: int) -> None:
        """Compare what each row carries with what the server said, before it died, that it may carry without it.

        A client that had not heard its last answer then goes on with the one before (API.md).
        """
        unheard_w: Counter[str] = Counter()
        for client in self.clients:
            if not client.is_sure and client.key.charger_id in self.mirror.chargers:
                for node_id in self._rows(client.key.charger_id):
                    unheard_w[node_id] += max(0, client.obeyed_w - self._before.get(client.key, 0))
        lying = self._lying_rows()
        for node_id, watts in drawn_w.items():
            if node_id in lying:
                continue
            possible_w = self._bounds[node_id].possible_w + unheard_w[node_id]
            if watts <= possible_w + possible_w // 50:
                self._over_since_ms.pop(node_id, None)
                continue
            since_ms = self._over_since_ms.setdefault(node_id, now_ms)
            demand(now_ms - since_ms <= RAMP_MS, "I11: {} carries {}, bound {} W", node_id, watts, possible_w)

    @property
    def bounds(self) -> Mapping[str, RowBound]:
        """Return what the server last said that each row may carry without it."""
        return self._bounds

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
                if durable is not None and not durable.chargers[key.charger_id].is_drained:
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
                booked_w, capacity_w = engine.node_booked_w(node_id), engine.node_capacity_w(node_id)
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

    def _tree(self, engine: Controller) -> None:
        """Add up the rows anew: their capacities are those of the configuration, and every charger counts on each."""
        station = self.mirror.station
        capacities_w: dict[str, int | None] = {GRID: max(0, station.grid_capacity_w - station.static_load_w)}
        capacities_w |= {each.circuit_id: each.capacity_w for each in station.circuits}
        capacities_w |= {each.charger_id: each.max_power_w for each in station.chargers}
        total_w = dict.fromkeys(capacities_w, 0)
        for charger in station.chargers:
            for node_id in self._rows(charger.charger_id):
                total_w[node_id] += engine.charger_booked_w(charger.charger_id)
        total_w[GRID] = sum(engine.charger_booked_w(charger_id) for charger_id in self.mirror.chargers)
        for node_id, capacity_w in capacities_w.items():
            has_w, booked_w = engine.node_capacity_w(node_id), engine.node_booked_w(node_id)
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

    def _rows(self, charger_id: ChargerId) -> list[str]:
        station = self.mirror.station
        parents = {circuit.circuit_id: circuit.parent for circuit in station.circuits}
        charger = station.charger(charger_id)
        rows: list[str] = [] if charger is None else [charger_id]
        node = None if charger is None else charger.circuit
        while node is not None:
            rows.append(node)
            node = parents[node]
        return [*rows, GRID]


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
