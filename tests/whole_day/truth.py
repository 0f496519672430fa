"""What really happens at the simulated chargers: power, limits that are obeyed, and transactions from start to end."""

from collections.abc import Sequence
from dataclasses import dataclass

from simulators.charger import Charger
from simulators.clock import Clock
from simulators.connector import Connector, Transaction


@dataclass(slots=True)
class Truth:
    """A transaction as it really was: times in ms UTC, registers in Wh; without a stop as long as it runs."""

    charger_id: str
    idx: int
    started_ms: int
    meter_start_wh: int
    meter_stop_wh: int | None = None


class Watched:
    """One charger, looked at after each of its ticks."""

    def __init__(self, charger: Charger, clock: Clock) -> None:
        self.charger = charger
        self.truths: list[Truth] = []
        self._clock = clock
        self._running: dict[int, tuple[Transaction, Truth]] = {}

    @property
    def charger_id(self) -> str:
        """Return its identity."""
        return self.charger.identity.charger_id

    @property
    def connectors(self) -> Sequence[Connector]:
        """Return its connectors."""
        return self.charger.connectors

    @property
    def drawn_w(self) -> int:
        """Return what its cars draw, W."""
        return sum(connector.power_w for connector in self.connectors)

    @property
    def in_force_w(self) -> int:
        """Return what its cars may draw under the limits that it obeys now, W: none without a transaction."""
        now_ms, flow = self._clock.now_ms(), self.charger.flow
        limits_w = (flow.limit_w(one, now_ms) for one in self.connectors if one.transaction is not None)
        return min(sum(limits_w), flow.charger_limit_w(now_ms))

    @property
    def wanted_w(self) -> int:
        """Return what its cars would draw of unlimited power, W."""
        wanted_w = sum(one.wants_w(one.max_w) for one in self.connectors)
        return min(wanted_w, self.charger.hardware.max_w)

    def tick(self) -> None:
        """Take note of transactions that began and ended."""
        for connector in self.connectors:
            running, transaction = self._running.get(connector.idx), connector.transaction
            if running is not None and running[0] is not transaction:
                running[1].meter_stop_wh = connector.meter.energy_wh
                del self._running[connector.idx]
            if transaction is not None and connector.idx not in self._running:
                truth = Truth(self.charger_id, connector.idx, transaction.started_ms, transaction.meter_start_wh)
                self.truths.append(truth)
                self._running[connector.idx] = transaction, truth
