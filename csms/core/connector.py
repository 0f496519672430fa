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
from typing import NamedTuple, Self

from csms.core.commands import Purpose
from csms.core.events import ConnectorStatus
from csms.core.ids import ConnectorKey, Token, TransactionId
from csms.core.limits import Book
from csms.core.meter import Meter
from csms.core.records import Closed
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
    """The time stamp of a status, by the charger's clock, and when it was received: monotonic and by our clock, ms."""

    at_ms: int
    seen_ms: int
    wall_ms: int

    @property
    def offset_ms(self) -> int:
        """Return how far the charger's clock ran ahead of ours, if the status was of the moment when it came."""
        return self.at_ms - self.wall_ms

    def by_our_clock(self, by_ms: int) -> Self:
        """Return it as it would have been received if our clock had been set by so much before."""
        return self._replace(wall_ms=self.wall_ms + by_ms)


@dataclass(slots=True)
class Aftermath:
    """What is still to be said to a connector after the end of a transaction; times monotonic ms.

    Attributes:
        clear_due: its TxProfiles are to be cleared; installed: one of them was Accepted, so the answer tells something.
        foreign_due: another central system may have left TxProfiles here, which a charger that keeps them still obeys.
        pending: the CALL whose answer is awaited.
        failures: in a row; retry_ms: nothing is sent before.
    """

    clear_due: bool = False
    installed: bool = False
    foreign_due: bool = True
    pending: Token | None = None
    failures: int = 0
    retry_ms: int = 0

    def clear(self) -> None:
        """Have TxProfiles cleared, be it in a transaction: that there is one tells nothing of what is kept after it."""
        self.clear_due, self.installed = True, False


@dataclass(slots=True)
class Evidence:
    """What the meter says against a connector's obedience (LEDGER.md §6); powers W, times monotonic ms.

    Attributes:
        above: samples in a row above the limit; since_ms: when the first came.
        measured_w: the most they showed; it is booked. disobeyed: it was above a limit of its own, or for long.
        untold_ms: when power above the default came first, of a transaction that no limit of its own was accepted for.
        asked: samples asked for since.
        not_obeying: limits are accepted here and not kept: booked at the maximum.
        met: samples at a limit since then; judged: the send that they speak of.
        resumed: every limit that was ignored followed 0 W.
        tries: ways tried since then; retry_ms: the next one is not tried before; walked_ms: when every one was tried.
        silences: samples asked for because none came; silent_ms: when last.
        strays: samples running above what was told, of now, that name another transaction than the one that runs; more
            than one are booked. lows: samples running that were not above since, whatever they name.
        stray_at_ms: the charger's own time of the newest stray.
    """

    above: int = 0
    since_ms: int | None = None
    measured_w: int = 0
    disobeyed: bool = False
    untold_ms: int | None = None
    asked: int = 0
    not_obeying: bool = False
    met: int = 0
    judged: Token | None = None
    resumed: bool = False
    tries: int = 0
    retry_ms: int = 0
    walked_ms: int | None = None
    silences: int = 0
    silent_ms: int = 0
    strays: int = 0
    lows: int = 0
    stray_at_ms: int | None = None

    @property
    def strayed(self) -> bool:
        """Return whether power is booked that flows under the id of another transaction than the one that runs."""
        return self.strays > 1

    @property
    def speaks(self) -> bool:
        """Return whether it cannot be counted on that a limit would be kept here."""
        return self.not_obeying or self.disobeyed or self.strayed


@dataclass(slots=True)
class Containment:
    """What is done to a connector that obeys no limit (`containing`); times monotonic ms.

    Attributes:
        pending: the hard action whose answer is awaited.
        stopping: the transaction whose end is awaited; leaving: the status Unavailable is. since_ms: it was answered.
        stop_ignored: its transaction was to be stopped and goes on. stopped: one was, and the verdict stands.
        failed: neither has had an effect.
        out_of_service: it was told to be Inoperative, and not yet to be Operative again.
        retry_ms: nothing is done before.
    """

    pending: Token | None = None
    stopping: TransactionId | None = None
    leaving: bool = False
    since_ms: int = 0
    stop_ignored: bool = False
    stopped: bool = False
    failed: bool = False
    out_of_service: bool = False
    retry_ms: int = 0


class Register(NamedTuple):
    """An energy register, and the charger's own time of it."""

    energy_wh: int
    at_ms: int


@dataclass(slots=True)
class Connector:
    """One connector; times monotonic ms.

    Attributes:
        status: last reported, None before the first report.
        status_ms: since when it has had that status, as far as it was said on its present connection.
        status_at_ms: when it took that status, by its charger's clock, however wrong; None if it did not say.
        status_wall_ms: when it was first told, UTC, to be shown, over connections too; None: not by this process.
        status_stamp: of the newest status on its present connection that had one.
        set_aside: the last status that seemed older than that, and its stamp: the clock may have been set back.
        session: the session that holds it, or None.
        limits: P_tx, and what was said to its transactions as TxDefaultProfile of this connector.
        aftermath: what its last transaction has left to be said.
        evidence: what its meter says against its obedience; containment: what is done about that.
        provisioned: LEDGER.md §4 holds here.
        uncommanded_ms: since when power may flow without a transaction of ours.
        freed_ms: when its last transaction ended.
        start_offered: the car that is preparing here was offered power to start with.
        closed: its last transaction was closed by an operator, and may run on.
        cap_w: what operators cap its sessions at now, W; None: at nothing.
        idle: its energy register when it was last told while nothing ran here; 0 Wh when it was not told.
    """

    key: ConnectorKey
    status: ConnectorStatus | None = None
    status_ms: int = 0
    status_at_ms: int | None = None
    status_wall_ms: int | None = None
    status_stamp: StatusStamp | None = None
    set_aside: tuple[ConnectorStatus, StatusStamp] | None = None
    session: Session | None = None
    limits: Book = field(default_factory=Book)
    aftermath: Aftermath = field(default_factory=Aftermath)
    evidence: Evidence = field(default_factory=Evidence)
    containment: Containment = field(default_factory=Containment)
    meter: Meter = field(default_factory=Meter)
    provisioned: bool = False
    uncommanded_ms: int | None = None
    freed_ms: int = 0
    start_offered: bool = False
    closed: Closed | None = None
    cap_w: int | None = None
    idle: Register | None = None

    def nothing_flows(self) -> None:
        """Take the connector's word that nothing flows: what ran, or was measured, without a transaction is over."""
        if self.closed is not None and self.closed.returned:
            self.closed = None
        if self.session is None and not self.evidence.not_obeying:
            self.evidence = Evidence()

    def our_clock_stepped(self, by_ms: int) -> None:
        """Keep how far the charger's clock ran ahead at its last statuses though ours was set by so much."""
        if self.status_stamp is not None:
            self.status_stamp = self.status_stamp.by_our_clock(by_ms)
        if self.set_aside is not None:
            status, stamp = self.set_aside
            self.set_aside = status, stamp.by_our_clock(by_ms)

    def rested(self, energy_wh: int, at_ms: int) -> None:
        """Remember the register at which nothing ran any more, Wh (0: nobody knows); an older one comes too late."""
        if self.idle is None or at_ms >= self.idle.at_ms:
            self.idle = Register(energy_wh, at_ms)

    def distrust(self) -> None:
        """Count the connector as unprovisioned: what is in force there may not be ours."""
        self.provisioned = False
        self.uncommanded_ms = None
        self.aftermath.foreign_due = True

    @property
    def start_w(self) -> int:
        """Return the power that its transaction was offered to start with, as long as that may be in force, W."""
        sends = self.limits.sends
        starts = (s.limit_w for s in sends if s.purpose is Purpose.DEFAULT and s.transaction_id is None)
        return max(starts, default=0)

    @property
    def told_w(self) -> int:
        """Return the most that its transactions and REST clients were told, or that was measured above that, W."""
        return max(self.limits.power_w, self.rest_w, self.evidence.measured_w, self.closed_w)

    def told_firm_w(self, *, expires: bool) -> int:
        """Return the same when all that expires has, W; `expires`: limits are seen to. What clients are told does."""
        limits_w = self.limits.firm_w if expires else self.limits.power_w
        session = self.session
        rest_w = max(session.unechoed_firm_w, default=0) if session is not None else 0
        return max(limits_w, rest_w, self.evidence.measured_w, self.closed_w)

    @property
    def closed_w(self) -> int:
        """Return what is booked for a transaction that an operator closed, W: from the return of its charger on."""
        return self.closed.told_w if self.closed is not None and self.closed.returned else 0

    @property
    def rest_w(self) -> int:
        """Return what is booked for a REST-driven session, W: the most that its client may obey."""
        session = self.session
        return max(session.unechoed_w) if session is not None and session.unechoed_w else 0
