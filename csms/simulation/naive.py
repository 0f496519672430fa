"""A controller as one might write it in an afternoon: the oracles have to catch it.

It splits the grid connection evenly, pushes every target at once, trusts that what it sent last is what holds, and
frees the rest. It knows no circuits, no provisioning and no late execution.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from csms.core.commands import Command, LimitForm, Purpose, RateUnit, SetBattery, SetLimit
from csms.core.events import ChargerDisconnected, ChargerHeard, Fact, TransactionStarted, TransactionStopped
from csms.core.firm import RowBound
from csms.core.ids import ChargerId, ConnectionId, ConnectorKey, Now, Token, TransactionId
from csms.core.records import Record, SendState, SendStored, Snapshot
from csms.core.replies import Confirmed, Reply, StartConfirmed
from csms.core.station import GRID, Station


@dataclass(frozen=True, slots=True)
class NaiveStep:
    """What one step gives."""

    at_once: tuple[Command, ...]
    after_commit: tuple[Command, ...]
    records: tuple[Record, ...]
    replies: tuple[Reply, ...]
    battery: SetBattery | None = None


@dataclass(slots=True)
class NaiveController:
    """Equal shares, pushed at once."""

    station: Station
    connections: dict[ChargerId, ConnectionId] = field(default_factory=dict)
    running: dict[ConnectorKey, TransactionId] = field(default_factory=dict)
    limits: dict[ConnectorKey, int] = field(default_factory=dict)
    made: int = 0

    def step(self, facts: Sequence[Fact], now: Now) -> NaiveStep:
        """Take facts in and push what follows."""
        replies: list[Reply] = []
        commands: list[SetLimit] = []
        for fact in facts:
            match fact:
                case ChargerHeard():
                    self.connections[fact.charger_id] = fact.connection
                    commands.append(self._limit(ConnectorKey(fact.charger_id, 0), 0))
                case ChargerDisconnected():
                    self.connections.pop(fact.charger_id, None)
                case TransactionStarted():
                    key = ConnectorKey(fact.key.charger_id, fact.key.idx)
                    self.made += 1
                    self.running[key] = TransactionId(self.made)
                    if fact.request is not None:
                        replies.append(Reply(fact.request, StartConfirmed(self.running[key], fact.tag_status)))
                case TransactionStopped():
                    self.running = {k: v for k, v in self.running.items() if v != fact.transaction_id}
                    if fact.request is not None:
                        replies.append(Reply(fact.request, Confirmed()))
                case _:
                    pass
        commands += self._push()
        records = tuple(_record(command, now) for command in commands)
        return NaiveStep((), tuple(commands), records, tuple(replies))

    def next_due_ms(self) -> int | None:
        """Return None: it never waits for anything."""
        return None

    @property
    def next_token(self) -> int:
        """Return the token of its next limit."""
        return self.made + 1

    def booked_w(self, key: ConnectorKey) -> int:
        """Return the limit last sent, as if it held."""
        return self.limits.get(key, 0) if key in self.running else 0

    def charger_booked_w(self, charger_id: ChargerId) -> int:
        """Return the sum over its connectors."""
        return sum(self.booked_w(key) for key in self.limits if key.charger_id == charger_id)

    def node_booked_w(self, node_id: str) -> int:
        """Return the sum over a charger, or over everything for the grid connection and any circuit."""
        if self.station.charger(ChargerId(node_id)) is not None:
            return self.charger_booked_w(ChargerId(node_id))
        return sum(self.booked_w(key) for key in self.limits)

    def rows_booked_w(self) -> Mapping[str, int]:
        """Return what it believes of every row that it knows."""
        circuits = (circuit.circuit_id for circuit in self.station.circuits)
        nodes = [GRID, *circuits, *(charger.charger_id for charger in self.station.chargers)]
        return {node: self.node_booked_w(node) for node in nodes}

    def node_capacity_w(self, node_id: str) -> int | None:
        """Return what is configured; it heeds that of the grid connection alone."""
        if node_id == GRID:
            return max(0, self.station.grid_capacity_w - self.station.static_load_w)
        charger = self.station.charger(ChargerId(node_id))
        if charger is not None:
            return charger.max_power_w
        return next((each.capacity_w for each in self.station.circuits if each.circuit_id == node_id), None)

    def phases_booked(self) -> Mapping[str, int]:
        """Return nothing: it knows of no phases."""
        return {}

    def firm_bounds(self) -> Mapping[str, RowBound]:
        """Return what it believes of every row that it knows."""
        return {node: RowBound(power_w, self.node_capacity_w(node)) for node, power_w in self.rows_booked_w().items()}

    def _push(self) -> list[SetLimit]:
        commands: list[SetLimit] = []
        for key in self.running:
            charger = self.station.charger(key.charger_id)
            room_w = self.station.grid_capacity_w - self.station.static_load_w
            target_w = min(room_w // len(self.running), 0 if charger is None else charger.max_power_w)
            if key.charger_id in self.connections and self.limits.get(key) != target_w:
                commands.append(self._limit(key, target_w))
                self.limits[key] = target_w
        return commands

    def _limit(self, key: ConnectorKey, limit_w: int) -> SetLimit:
        self.made += 1
        transaction_id = self.running.get(key)
        return SetLimit(
            Token(self.made),
            self.connections[key.charger_id],
            key.charger_id,
            key.idx,
            Purpose.TX if key.idx else Purpose.DEFAULT,
            limit_w,
            LimitForm(RateUnit.W, 0, 230),
            transaction_id,
            urgent=False,
            cause="equal share",
        )


def naive(snapshot: Snapshot, now: Now) -> NaiveController:
    """Make one; it remembers nothing but the configuration, and counts on from the time."""
    assert snapshot.station is not None
    return replace(NaiveController(snapshot.station), made=now.wall_ms // 1_000 % 1_000_000)


def _record(command: SetLimit, now: Now) -> SendStored:
    return SendStored(
        command.token,
        command.charger_id,
        command.idx,
        command.purpose,
        command.limit_w,
        command.form,
        command.transaction_id,
        SendState.OPEN,
        now.wall_ms,
    )
