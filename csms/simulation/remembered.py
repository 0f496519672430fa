"""A controller whose booked power is asked for many times and computed once between two steps.

Every oracle asks for it, for every connector and row; only a step can change it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from csms.core.events import Fact
from csms.core.firm import RowBound
from csms.core.ids import ChargerId, ConnectorKey, Now
from csms.core.records import Snapshot
from csms.simulation.host import Controller, MakeController, StepLike


@dataclass(slots=True)
class Remembered:
    """A controller, and what it answered since its last step."""

    controller: Controller
    _connectors_w: dict[ConnectorKey, int] = field(default_factory=dict)
    _chargers_w: dict[ChargerId, int] = field(default_factory=dict)
    _rows_w: Mapping[str, int] | None = None
    _phases: Mapping[str, int] | None = None

    def step(self, facts: Sequence[Fact], now: Now) -> StepLike:
        """Take facts in."""
        self._connectors_w.clear()
        self._chargers_w.clear()
        self._rows_w = self._phases = None
        return self.controller.step(facts, now)

    def next_due_ms(self) -> int | None:
        """Return when it wants to be called again, monotonic ms."""
        return self.controller.next_due_ms()

    @property
    def next_token(self) -> int:
        """Return the token that its next command will have."""
        return self.controller.next_token

    def booked_w(self, key: ConnectorKey) -> int:
        """Return a connector's booked power, W."""
        booked_w = self._connectors_w.get(key)
        if booked_w is None:
            booked_w = self._connectors_w[key] = self.controller.booked_w(key)
        return booked_w

    def charger_booked_w(self, charger_id: ChargerId) -> int:
        """Return a charger's booked power, W."""
        booked_w = self._chargers_w.get(charger_id)
        if booked_w is None:
            booked_w = self._chargers_w[charger_id] = self.controller.charger_booked_w(charger_id)
        return booked_w

    def node_booked_w(self, node_id: str) -> int:
        """Return a row's booked power, W."""
        return self.rows_booked_w().get(node_id, 0)

    def rows_booked_w(self) -> Mapping[str, int]:
        """Return the booked power of every row, W."""
        if self._rows_w is None:
            self._rows_w = self.controller.rows_booked_w()
        return self._rows_w

    def node_capacity_w(self, node_id: str) -> int | None:
        """Return a row's capacity, W; None when it has none."""
        return self.controller.node_capacity_w(node_id)

    def phases_booked(self) -> Mapping[str, int]:
        """Return what is booked on every row of a phase, sixths of a watt."""
        if self._phases is None:
            self._phases = self.controller.phases_booked()
        return self._phases

    def firm_bounds(self) -> Mapping[str, RowBound]:
        """Return what every row may carry without this process."""
        return self.controller.firm_bounds()


def remembering(make: MakeController) -> MakeController:
    """Return what makes the same controllers, each remembering its answers."""

    def made(snapshot: Snapshot, now: Now) -> Controller:
        return Remembered(make(snapshot, now))

    return made
