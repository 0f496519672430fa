"""Connectors: what a status means for control, and what is booked at one connector.

The statuses of OCPP 1.6 §4.9 as a table of what each tells; every transition is legal (a charger's order is its own):

    status         | power may flow | a car is (still) there
    ---------------+----------------+-----------------------
    Available      | no             | no
    Preparing      | no             | yes
    Charging       | yes            | yes
    SuspendedEVSE  | yes            | yes
    SuspendedEV    | yes            | yes
    Finishing      | no             | yes
    Reserved       | no             | no
    Unavailable    | no             | no
    Faulted        | no             | no
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from csms.core.events import ConnectorStatus
from csms.core.ids import ConnectorKey
from csms.core.limits import Book
from csms.core.meter import Meter
from csms.core.session import Session


class Meaning(NamedTuple):
    """What one status tells."""

    power_may_flow: bool
    car_present: bool


MEANING: dict[ConnectorStatus, Meaning] = {
    ConnectorStatus.AVAILABLE: Meaning(power_may_flow=False, car_present=False),
    ConnectorStatus.PREPARING: Meaning(power_may_flow=False, car_present=True),
    ConnectorStatus.CHARGING: Meaning(power_may_flow=True, car_present=True),
    ConnectorStatus.SUSPENDED_EVSE: Meaning(power_may_flow=True, car_present=True),
    ConnectorStatus.SUSPENDED_EV: Meaning(power_may_flow=True, car_present=True),
    ConnectorStatus.FINISHING: Meaning(power_may_flow=False, car_present=True),
    ConnectorStatus.RESERVED: Meaning(power_may_flow=False, car_present=False),
    ConnectorStatus.UNAVAILABLE: Meaning(power_may_flow=False, car_present=False),
    ConnectorStatus.FAULTED: Meaning(power_may_flow=False, car_present=False),
}


class StatusStamp(NamedTuple):
    """The newest time stamp of a status, by the charger's clock, and when it was received, monotonic ms."""

    at_ms: int
    seen_ms: int


@dataclass(slots=True)
class Connector:
    """One connector; times monotonic ms.

    Attributes:
        status: last reported, None before the first report.
        status_ms: since when it has had that status, as far as it was said on its present connection.
        status_stamp: of the newest status on its present connection that had one.
        session: the session that holds it, or None.
        limits: P_tx.
        provisioned: LEDGER.md §4 holds here.
        uncommanded_ms: since when power may flow without a transaction of ours.
    """

    key: ConnectorKey
    status: ConnectorStatus | None = None
    status_ms: int = 0
    status_stamp: StatusStamp | None = None
    session: Session | None = None
    limits: Book = field(default_factory=Book)
    meter: Meter = field(default_factory=Meter)
    provisioned: bool = False
    uncommanded_ms: int | None = None

    @property
    def rest_w(self) -> int:
        """Return what is booked for a REST-driven session, W: the most that its client may obey."""
        session = self.session
        return 0 if session is None else max(session.unechoed_w, default=0)
