"""One connector: the car in it, its transaction, its meter, and the status that follows from them (OCPP 1.6 §4.9).

The status is never set: it is read off the facts through `STATUS_RULES`, first match wins. So it cannot disagree with
what happens, and the order of notifications is the order of the facts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from simulators.electrical import Supply
from simulators.meter import Meter, Reading
from simulators.schedule import RunningTransaction

if TYPE_CHECKING:
    from simulators.car import Car


class Status(StrEnum):
    """ChargePointStatus (§7.7), as far as a simulated charger reaches it."""

    AVAILABLE = "Available"
    PREPARING = "Preparing"
    CHARGING = "Charging"
    SUSPENDED_EVSE = "SuspendedEVSE"
    SUSPENDED_EV = "SuspendedEV"
    FINISHING = "Finishing"
    UNAVAILABLE = "Unavailable"


@dataclass(slots=True)
class Transaction:
    """A running transaction.

    Attributes:
        id_tag: who started it.
        started_ms, meter_start_wh: as reported in StartTransaction, for ever.
        transaction_id: None until the central system has given one; -1 when it never took the start (errata 3.18).
        energy_allowed: False once the central system has refused the tag and the transaction goes on regardless.
        sampled_ms: when its meter was last sampled.
    """

    id_tag: str
    started_ms: int
    meter_start_wh: int
    sampled_ms: int
    transaction_id: int | None = None
    energy_allowed: bool = True

    def for_profiles(self) -> RunningTransaction:
        """Return what the evaluation of charging profiles needs of it."""
        return RunningTransaction(self.transaction_id, self.started_ms)


@dataclass(slots=True)
class Authorized:
    """Somebody was let in and has yet to plug in, until `until_ms` (ConnectionTimeOut)."""

    id_tag: str
    until_ms: int


class Connector:
    """The facts of one connector; `Charger` moves them."""

    def __init__(self, idx: int, supply: Supply, max_w: int) -> None:
        self.idx = idx
        self.supply = supply
        self.max_w = max_w
        self.meter = Meter()
        self.operative = True
        self.scheduled: bool | None = None
        """The availability that it takes on as soon as it is free (§5.2)."""
        self.car: Car | None = None
        self.transaction: Transaction | None = None
        self.authorized: Authorized | None = None
        self.finished = False
        """The car in it has had its transaction."""
        self.offered_w = 0
        self.suspended = False
        """It has a transaction and offers its car nothing."""
        self.power_w = 0
        self.stays_ms: int | None = None
        """How long the car stays after its transaction has ended; None: until somebody unplugs it."""
        self.leaves_at_ms: int | None = None
        self._session_start_wh = 0

    @property
    def in_use(self) -> bool:
        """Return whether a change of availability has to wait (§5.2)."""
        return self.car is not None or self.transaction is not None or self.authorized is not None

    @property
    def takes_sessions(self) -> bool:
        """Return whether somebody may start here: it is operative, and is to stay so."""
        return self.operative and self.scheduled is not False

    def take_on_availability(self) -> None:
        """Become what a change of availability asked for: operative at once, inoperative once nobody uses it."""
        if self.scheduled is not None and (self.scheduled or not self.in_use):
            self.operative, self.scheduled = self.scheduled, None

    @property
    def status(self) -> Status:
        """Return the status that follows from the facts."""
        return next(status for status, holds in STATUS_RULES if holds(self))

    @property
    def phases_used(self) -> int:
        """Return the phases that the car uses, or could use while there is none."""
        return self.supply.phases if self.car is None else self.car.phases_used

    @property
    def reading(self) -> Reading:
        """Return what its meter shows now."""
        return Reading(
            energy_wh=self.meter.energy_wh,
            power_w=self.power_w,
            offered_w=self.offered_w,
            phases_used=self.phases_used,
            soc_percent=self.car.soc_percent if self.car is not None and self.supply.is_dc else None,
        )

    @property
    def session_wh(self) -> int:
        """Return the energy that the present car, or the last one, has got, Wh."""
        return self.meter.energy_wh - self._session_start_wh

    def begin_session(self) -> None:
        """Count the session's energy from here."""
        self._session_start_wh = self.meter.energy_wh

    def wants_w(self, allowance_w: int) -> int:
        """Return what its car would draw of an allowance, W."""
        if self.car is None or self.transaction is None:
            return 0
        return min(self.car.wanted_w, allowance_w)

    @property
    def floor_w(self) -> int:
        """Return the least power, W, that it can offer to its car."""
        return 0 if self.car is None else self.car.min_power_w

    def flow(self, dt_ms: int, offered_w: int) -> None:
        """Let power flow for `dt_ms` under an offer of `offered_w`."""
        self.offered_w = offered_w
        self.suspended = self.transaction is not None and offered_w == 0
        self.power_w = 0 if self.car is None else self.car.step(dt_ms, offered_w)
        self.meter.count(self.power_w, dt_ms)

    def open_contactor(self) -> None:
        """End the flow at once, as the end of a transaction does."""
        self.offered_w = 0
        self.suspended = False
        self.power_w = 0
        if self.car is not None:
            self.car.cut_off()


STATUS_RULES: tuple[tuple[Status, Callable[[Connector], bool]], ...] = (
    # It becomes inoperative only when nobody uses it, and lets nobody start.
    (Status.UNAVAILABLE, lambda c: not c.operative),
    # §4.9: if both sides suspend, SuspendedEVSE has precedence.
    (Status.SUSPENDED_EVSE, lambda c: c.suspended),
    (Status.CHARGING, lambda c: c.transaction is not None and c.power_w > 0),
    (Status.SUSPENDED_EV, lambda c: c.transaction is not None),
    (Status.FINISHING, lambda c: c.car is not None and c.finished),
    (Status.PREPARING, lambda c: c.car is not None or c.authorized is not None),
    (Status.AVAILABLE, lambda _: True),
)
"""What each status means, in order of precedence."""
