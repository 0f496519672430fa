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

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from csms.core.events import ConnectorStatus, Sample
from csms.core.ids import ConnectorKey, Token
from csms.core.limits import Book
from csms.core.session import Session
from csms.core.units import mean_power_w

LEAST_ENERGY_SPAN_MS = 5_000
"""Energy registers closer together than this give no usable mean power (they count whole Wh)."""

OVERTAKEN_MS = 60_000
"""A sample older than the newest by less than this came late; by more, the charger's clock has stepped back."""

SAMPLES_REMEMBERED = 16


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


@dataclass(slots=True)
class Meter:
    """The newest live sample of a connector, and the power read from it.

    Attributes:
        seen_ms: when it was received, monotonic; at_ms: the charger's own time of it.
        doubtful_w, doubtful_ms: a later sample that may be old.
        taken: the last samples, so that a repeated one changes nothing.
    """

    power_w: int | None = None
    seen_ms: int | None = None
    energy_wh: int | None = None
    energy_at_ms: int | None = None
    at_ms: int | None = None
    doubtful_w: int | None = None
    doubtful_ms: int | None = None
    taken: deque[tuple[int, int | None, int | None]] = field(default_factory=lambda: deque(maxlen=SAMPLES_REMEMBERED))

    def read(self, sample: Sample, now_ms: int) -> int | None:
        """Take a live sample; return the power that it tells, W: Power.Active.Import, else the mean since the last.

        A register that stepped back or stands too close to the one before tells nothing; after a step back, of the
        register or of the charger's clock, the next one is compared with this one.
        """
        power_w = sample.power_w
        if sample.energy_wh is not None:
            if power_w is None and self.energy_wh is not None and self.energy_at_ms is not None:
                span_ms = sample.at_ms - self.energy_at_ms
                if 0 <= span_ms < LEAST_ENERGY_SPAN_MS and sample.energy_wh >= self.energy_wh:
                    return None
                if span_ms > 0 and sample.energy_wh >= self.energy_wh:
                    power_w = mean_power_w(sample.energy_wh - self.energy_wh, span_ms)
            self.energy_wh, self.energy_at_ms = sample.energy_wh, sample.at_ms
        self.at_ms = sample.at_ms
        if power_w is not None:
            self.power_w, self.seen_ms = power_w, now_ms
            self.doubtful_w = self.doubtful_ms = None
        return power_w

    def is_new(self, sample: Sample) -> bool:
        """Return whether this sample was not taken before, and remember it (LEDGER.md I7)."""
        identity = (sample.at_ms, sample.power_w, sample.energy_wh)
        if identity in self.taken:
            return False
        self.taken.append(identity)
        return True

    def is_overtaken(self, sample: Sample) -> bool:
        """Return whether a newer sample, by the charger's own clock, came before this one."""
        return self.at_ms is not None and 0 < self.at_ms - sample.at_ms < OVERTAKEN_MS

    def suspect(self, power_w: int, now_ms: int) -> None:
        """Take a sample of doubtful age: it may speak against a car that has let go, never for it."""
        self.doubtful_w, self.doubtful_ms = power_w, now_ms

    def above_ms(self, power_w: int) -> int | None:
        """Return when the newest sample, or the newest doubtful one, was above `power_w`; None when neither was."""
        readings = ((self.power_w, self.seen_ms), (self.doubtful_w, self.doubtful_ms))
        return max(
            (ms for seen_w, ms in readings if seen_w is not None and ms is not None and seen_w > power_w), default=None
        )

    def fresh_w(self, now_ms: int, fresh_ms: int) -> int | None:
        """Return the power of the newest sample if it is not older than `fresh_ms`, W."""
        if self.power_w is None or self.seen_ms is None or now_ms - self.seen_ms > fresh_ms:
            return None
        return self.power_w


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


@dataclass(slots=True)
class Evidence:
    """What the meter says against a connector's obedience (LEDGER.md §6); powers W, times monotonic ms.

    Attributes:
        above: samples in a row above the limit; since_ms: when the first came.
        measured_w: the most they showed; it is booked. disobeyed: the limit was the transaction's own, not the default.
        asked: samples asked for since.
        not_obeying: limits are accepted here and not kept: booked at the maximum.
        met: samples at a limit since then; judged: the send that they speak of.
        tries: ways tried since then; retry_ms: the next one is not tried before.
        silent_ms: when a sample was last asked for because none came.
    """

    above: int = 0
    since_ms: int | None = None
    measured_w: int = 0
    disobeyed: bool = False
    asked: int = 0
    not_obeying: bool = False
    met: int = 0
    judged: Token | None = None
    tries: int = 0
    retry_ms: int = 0
    silent_ms: int = 0

    @property
    def speaks(self) -> bool:
        """Return whether it cannot be counted on that a limit would be kept here."""
        return self.not_obeying or self.disobeyed


@dataclass(slots=True)
class Connector:
    """One connector; times monotonic ms.

    Attributes:
        status: last reported, None before the first report.
        status_ms: since when it has had that status, as far as it was said on its present connection.
        session: the session that holds it, or None.
        limits: P_tx, and what was said to its transactions as TxDefaultProfile of this connector.
        aftermath: what its last transaction has left to be said.
        evidence: what its meter says against its obedience.
        provisioned: LEDGER.md §4 holds here.
        uncommanded_ms: since when power may flow without a transaction of ours.
    """

    key: ConnectorKey
    status: ConnectorStatus | None = None
    status_ms: int = 0
    session: Session | None = None
    limits: Book = field(default_factory=Book)
    aftermath: Aftermath = field(default_factory=Aftermath)
    evidence: Evidence = field(default_factory=Evidence)
    meter: Meter = field(default_factory=Meter)
    provisioned: bool = False
    uncommanded_ms: int | None = None

    def distrust(self) -> None:
        """Count the connector as unprovisioned: what is in force there may not be ours."""
        self.provisioned = False
        self.uncommanded_ms = None
        self.aftermath.foreign_due = True

    @property
    def told_w(self) -> int:
        """Return the most that its transactions and REST clients were told, or that was measured above that, W."""
        return max(self.limits.power_w, self.rest_w, self.evidence.measured_w)

    @property
    def rest_w(self) -> int:
        """Return what is booked for a REST-driven session, W: the most that its client may obey."""
        session = self.session
        return 0 if session is None else max(session.unechoed_w, default=0)
