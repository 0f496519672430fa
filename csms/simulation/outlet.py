"""One connector of a simulated charger: its transaction, its car, its meter."""

from dataclasses import dataclass

from csms.core.events import ConnectorStatus, StartKey
from csms.simulation.car import Car

MWS_PER_WH = 3_600_000


@dataclass(slots=True)
class Transaction:
    """A transaction as its charger knows it; the id comes with StartTransaction.conf, or from a former system."""

    key: StartKey
    transaction_id: int | None = None
    is_foreign: bool = False


@dataclass(slots=True)
class Outlet:
    """One connector; the energy register counts mW·s so that nothing is lost in rounding.

    `limit_w` is what was in force when time passed last.
    """

    idx: int
    status: ConnectorStatus = ConnectorStatus.AVAILABLE
    told: ConnectorStatus | None = None
    transaction: Transaction | None = None
    car: Car | None = None
    draw_w: int = 0
    limit_w: int = 0
    energy_mws: int = 0
    told_values: list[dict[str, str]] | None = None
    suspended_ms: int = 0

    @property
    def energy_wh(self) -> int:
        """Return the energy register, Wh."""
        return self.energy_mws // MWS_PER_WH

    def run(self, limit_w: int, room_w: int, elapsed_ms: int) -> None:
        """Let the car draw for `elapsed_ms` under the charger's limit and what the hardware has left."""
        if self.car is None or self.transaction is None:
            self.draw_w = 0
            return
        allowed_w = limit_w if self.car.is_plain else self.car.allowed_w(limit_w, elapsed_ms)
        self.draw_w = min(room_w, self.car.next_draw_w(self.draw_w, allowed_w, elapsed_ms))
        self.energy_mws += self.draw_w * elapsed_ms

    def natural_status(self, limit_w: int) -> ConnectorStatus:
        """Return the status that follows from what goes on."""
        if self.transaction is None:
            return self.status
        if limit_w == 0:
            return ConnectorStatus.SUSPENDED_EVSE
        if self.car is None or self.car.wants_w == 0 or self.car.is_asleep:
            return ConnectorStatus.SUSPENDED_EV
        return ConnectorStatus.CHARGING

    def sampled_values(self) -> list[dict[str, str]]:
        """Return what its meter shows (§7.43)."""
        return [
            {"value": str(self.draw_w), "measurand": "Power.Active.Import", "unit": "W"},
            {"value": str(self.energy_wh), "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
        ]
