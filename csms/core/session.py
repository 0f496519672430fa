"""Sessions: one charge each, driven over OCPP (it has a transaction) or over REST alone.

Life cycle, as a table; what is not in it changes nothing:

    phase      | event                                   | next
    -----------+-----------------------------------------+---------
    UNPROVEN   | charging seen, live sample, quiet queue  | RUNNING
    UNPROVEN   | stopped, superseded, zombie              | ENDED
    RUNNING    | stopped, superseded, zombie, client gone | ENDED
    HISTORIC   | named by samples of now for two minutes  | RUNNING
    HISTORIC   | stopped, superseded                      | ENDED

UNPROVEN is a start that came with an old time stamp: it may be history from an offline queue, so it is not steered
until something shows that the car is still there. A HISTORIC session belongs to the past altogether, by its time
stamp (its connector has a newer transaction): it is a record and touches no ledger. That stamp may be wrong; what shows
it is in `csms.core.transactions`.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from csms.core.demand import Demand, StatedDemand
from csms.core.events import KnownTransaction, StartKey, TagStatus
from csms.core.ids import ConnectorKey, SessionId, TransactionId
from csms.core.phase_use import PhaseUse
from csms.core.records import GUESSED_ENDS, Doubt, Driver, SessionStored
from csms.core.station import Charger
from csms.core.terms import UNSAID, Standing, Terms, standing
from csms.core.trim import Overdraw
from csms.core.units import used_wh


class Phase(StrEnum):
    """Where a session is in its life."""

    UNPROVEN = "unproven"
    RUNNING = "running"
    HISTORIC = "historic"
    ENDED = "ended"


class Happening(StrEnum):
    """What moves a session from phase to phase."""

    PROVEN = "proven"
    STOPPED = "stopped"


LIFE_CYCLE: dict[tuple[Phase, Happening], Phase] = {
    (Phase.UNPROVEN, Happening.PROVEN): Phase.RUNNING,
    (Phase.UNPROVEN, Happening.STOPPED): Phase.ENDED,
    (Phase.RUNNING, Happening.STOPPED): Phase.ENDED,
    (Phase.HISTORIC, Happening.PROVEN): Phase.RUNNING,
    (Phase.HISTORIC, Happening.STOPPED): Phase.ENDED,
}


HISTORIC = "historic"
UNPROVEN = "unproven"
"""Flags that carry these phases over a restart."""

NO_STOP_RECEIVED = "no_stop_received"
"""Flag of a session that was ended without its StopTransaction."""

SUSPECT = "suspect"
"""Flag of a session whose registers or times cannot be true: nothing is billed for it automatically."""

IMPLAUSIBLE = "implausible_meter"
"""Flag of a session some of whose meter values cannot be true; which ones, their records say."""

RELATIVE = "relative_register"
"""Flag of a session whose meter values count from its own start, while meterStart does not."""

NO_METER_START = "no_meter_start"
"""Flag of a session whose start told no register: `meter_start_wh` is what was found out otherwise
(`csms.core.registers`)."""

STOP_GUESSED = "stop_guessed"
"""Flag of a session that was ended by a stop which named none (`csms.core.nameless`)."""

REGISTER_UNKNOWN = "register_unknown"
"""Flag of such a session as long as nothing was found out: `meter_start_wh` says nothing."""


RANKS = 1 << 48
"""No store has seen so many sessions."""


@dataclass(slots=True)
class Steering:
    """What the control loop remembers of a session that it steers over OCPP; times monotonic ms.

    Attributes:
        reassert: a boot or a reconnect came since its limit was last sent.
        attempts: sends in a row that stayed unresolved.
        retry_ms: an unresolved send is not repeated before.
        raised_ms: when its limit was last raised from above 0; None before.
        wanting_ms: since when a raise smaller than the dead band waits.
        gathering_ms: since when a raise far below its target waits for cuts in flight.
    """

    reassert: bool = False
    attempts: int = 0
    retry_ms: int = 0
    raised_ms: int | None = None
    wanting_ms: int | None = None
    gathering_ms: int | None = None


@dataclass(slots=True)
class Turn:
    """Where a session stands in the order of admission (`csms.core.rotation`); times monotonic ms.

    Attributes:
        order: how often somebody had been moved to the back when it came there.
        runs_ms, waits_ms: since when plans let it run, and since when it waits for its least; None: it does not.
        from_wh: its energy when somebody began to wait; None: nobody does.
    """

    order: int = 0
    runs_ms: int | None = None
    waits_ms: int | None = None
    from_wh: int | None = None


@dataclass(slots=True)
class Parking:
    """What is known of a car that takes nothing (`csms.core.parking`); times monotonic ms.

    Attributes:
        idle_ms: since when it is offered power and takes none, as far as that counts.
        since_ms: when it was parked, or last took nothing of an offer; None: it is not parked.
        refused: so many offers in a row of which it took nothing.
        is_offered: it is parked, and its least is offered again.
    """

    idle_ms: int | None = None
    since_ms: int | None = None
    refused: int = 0
    is_offered: bool = False

    @property
    def is_parked(self) -> bool:
        """Return whether its car has shown that it takes nothing."""
        return self.since_ms is not None

    def reset(self) -> None:
        """Know nothing of it."""
        self.idle_ms, self.since_ms, self.refused, self.is_offered = None, None, 0, False


@dataclass(slots=True)
class StartRead:
    """A register, Wh, at which a session can have begun that told none, and how many readings agree with it.

    `at_ms`: the newest of them, by the charger's clock; one that comes again is not counted again.
    """

    wh: int
    at_ms: int
    agreed: int = 1


@dataclass(slots=True)
class Session:
    """One session that has not ended, and what control knows of it.

    Attributes:
        opened_ms: when we learnt of it, monotonic.
        answered_w: REST-driven: the whole kW last answered; OCPP: the limit last sent.
        unechoed_w: REST-driven: every answer that its client may still obey, newest last; unechoed_firm_w: what is left
            of each when the client has heard nothing for a minute.
        echoes: its client has shown that it echoes what it obeys.
        heard_ms: REST-driven: last call of its client.
        target_w, limited_by: of the last plan; planned: it has taken part in one.
        booked_w: K of its connector, as last shown; overdraw: how much more than that it is measured to draw.
        drew: its car has drawn power; offered_ms: since when it is told power, first or after a pause, and draws none.
        detour: that is tried in the other purpose of profile, because its charger said that it offered nothing.
        starts_read: of one whose start told no register: where it can have begun, oldest first.
        before_last_wh: the reading before the one of last_energy_wh; it may be that one which is wrong.
        phase_use: which phases its car is seen to use.
        own_terms: what was said of it alone; tag_terms: what its id tag said at its start.
        named_ms: when a sample last named it; HISTORIC: since when samples of now have, and none the one that runs.
    """

    session_id: SessionId
    driver: Driver
    key: ConnectorKey
    rank: int
    id_tag: str
    id_tag_raw: str
    tag_status: TagStatus
    created_ms: int
    started_ms: int
    meter_start_wh: int
    phase: Phase
    opened_ms: int = 0
    transaction_id: TransactionId | None = None
    reservation_id: int | None = None
    start_words: str | None = None
    own_terms: Terms = UNSAID
    tag_terms: Terms = UNSAID
    demand: Demand = field(default_factory=lambda: Demand(0, 0))
    stated: StatedDemand | None = None
    answered_w: int = 0
    unechoed_w: list[int] = field(default_factory=list)
    unechoed_firm_w: list[int] = field(default_factory=list)
    echoes: bool = False
    heard_ms: int = 0
    target_w: int = 0
    limited_by: str = "not_planned"
    booked_w: int = 0
    overdraw: Overdraw = field(default_factory=Overdraw)
    planned: bool = False
    drew: bool = False
    offered_ms: int | None = None
    detour: bool = False
    named_ms: int | None = None
    consumed_w: int | None = None
    last_energy_wh: int | None = None
    before_last_wh: int | None = None
    starts_read: list[StartRead] = field(default_factory=list)
    steering: Steering = field(default_factory=Steering)
    phase_use: PhaseUse = field(default_factory=PhaseUse)
    parking: Parking = field(default_factory=Parking)
    turn: Turn = field(default_factory=Turn)
    flags: tuple[str, ...] = ()
    ended_ms: int | None = None
    meter_stop_wh: int | None = None
    end_reason: str | None = None

    @property
    def start_key(self) -> StartKey:
        """Return the identity of the StartTransaction that opened it."""
        told_wh = None if NO_METER_START in self.flags else self.meter_start_wh
        return StartKey(self.key.charger_id, self.key.idx, self.id_tag_raw, self.started_ms, told_wh, self.start_words)

    @property
    def firm_w(self) -> int | None:
        """Return what is left of the newest answer to its REST client when that hears nothing, W; None: all of it."""
        firm_w = self.unechoed_firm_w[-1] if self.unechoed_firm_w else self.answered_w
        return firm_w if firm_w < self.answered_w else None

    @property
    def max_w(self) -> int:
        """Return what it can take now, W; 0 for a tag that was not accepted, and for a car that is parked."""
        if self.tag_status is not TagStatus.ACCEPTED:
            return 0
        if self.parking.is_parked and not self.parking.is_offered:
            return 0
        return self.stated.maximum_w if self.stated is not None else self.demand.estimate_w

    @property
    def place(self) -> int:
        """Return its place in the order of admission: that of arrival, until somebody is moved to the back."""
        return self.turn.order * RANKS + self.rank

    def standing_at(self, config: Charger) -> Standing:
        """Return its weight and priority beside others, at the charger where it is."""
        return standing(self.own_terms, self.tag_terms, config.terms_at(self.key.idx), config.terms)

    def known(self, transaction_id: TransactionId) -> KnownTransaction:
        """Return what a replay or a late stop needs to know of it."""
        return KnownTransaction(
            transaction_id,
            self.session_id,
            self.key.charger_id,
            self.key.idx,
            self.tag_status,
            ended=self.ended_ms is not None,
            end_guessed=self.end_reason in GUESSED_ENDS or STOP_GUESSED in self.flags,
            started_ms=self.started_ms,
            meter_start_wh=self.meter_start_wh,
            flags=self.flags,
        )

    @property
    def billed_wh(self) -> int | None:
        """Return meterStop − meterStart, Wh; None when nobody may be billed for it without a look (§4.10)."""
        if self.meter_stop_wh is None or SUSPECT in self.flags:
            return None
        return used_wh(self.meter_start_wh, self.meter_stop_wh)

    @property
    def energy_wh(self) -> int | None:
        """Return the energy metered so far, Wh; None while unknown."""
        return None if self.last_energy_wh is None else used_wh(self.meter_start_wh, self.last_energy_wh)

    def metered(self, energy_wh: int, most_wh: int, step_wh: int = 1) -> Doubt | None:
        """Take a reading of its register when it can have delivered `most_wh`; return why it is not believed, or None.

        `step_wh`: of the register, which may be written less finely than meterStart was: so far below it is at it.

        The first one tells whether the register is the one of meterStart or counts from the start of the session, until
        one comes that can only be the former.
        """
        if RELATIVE not in self.flags and 0 < self.meter_start_wh - energy_wh <= step_wh < self.meter_start_wh:
            energy_wh = self.meter_start_wh
        if self.last_energy_wh is None and energy_wh < self.meter_start_wh:
            self.flag(RELATIVE)
        elif RELATIVE in self.flags and energy_wh > most_wh >= energy_wh - self.meter_start_wh >= 0:
            # It cannot have counted so much since its start: it was the first reading that was wrong.
            self.unflag(RELATIVE)
            self.flag(IMPLAUSIBLE)
            self.last_energy_wh = self.before_last_wh = None
        total_wh = energy_wh + self.meter_start_wh if RELATIVE in self.flags else energy_wh
        if total_wh < max(self.meter_start_wh, self.last_energy_wh or 0):
            return Doubt.REGISTER_FELL
        if total_wh - self.meter_start_wh > most_wh:
            return Doubt.REGISTER_JUMPED
        if self.last_energy_wh is not None and total_wh > self.last_energy_wh:
            self.before_last_wh = self.last_energy_wh
        self.last_energy_wh = total_wh
        return None

    def doubt_last_reading(self) -> None:
        """Mark it as not to be billed unseen when it ends at its last reading, and readings of it were wrong."""
        if IMPLAUSIBLE in self.flags:
            self.flag(SUSPECT)

    def happened(self, happening: Happening) -> bool:
        """Move along the life cycle; return whether anything changed."""
        following = LIFE_CYCLE.get((self.phase, happening))
        if following is None:
            return False
        self.phase = following
        return True

    def flag(self, *flags: str) -> None:
        """Mark it for the operator's eye, each flag once."""
        self.flags = (*self.flags, *(flag for flag in flags if flag not in self.flags))

    def unflag(self, flag: str) -> None:
        """Take a mark away that holds no more."""
        self.flags = tuple(one for one in self.flags if one != flag)

    def stored(self) -> SessionStored:
        """Return its row."""
        return SessionStored(
            session_id=self.session_id,
            driver=self.driver,
            charger_id=self.key.charger_id,
            idx=self.key.idx,
            transaction_id=self.transaction_id,
            id_tag=self.id_tag,
            tag_status=self.tag_status,
            rank=self.rank,
            created_ms=self.created_ms,
            started_ms=self.started_ms,
            meter_start_wh=self.meter_start_wh,
            declared_w=self.stated.declared_w if self.stated else self.demand.declared_w,
            estimate_w=self.stated.maximum_w if self.stated else self.demand.estimate_w,
            answered_w=self.answered_w,
            obeyed_w=max(self.unechoed_w, default=0),
            id_tag_raw=self.id_tag_raw,
            reservation_id=self.reservation_id,
            last_energy_wh=self.last_energy_wh,
            ended_ms=self.ended_ms,
            meter_stop_wh=self.meter_stop_wh,
            end_reason=self.end_reason,
            flags=self.flags,
            start_words=self.start_words,
            before_last_wh=self.before_last_wh,
            weight=self.own_terms.weight,
            priority=self.own_terms.priority,
            tag_weight=self.tag_terms.weight,
            tag_priority=self.tag_terms.priority,
        )


def start_is_told_by_words(session: Session) -> bool:
    """Return whether a start without a usable time, said again in the same words, is the one that opened `session`.

    It is while the session runs. Of an ended one the register must tell: it stood above 0 at the start and has risen
    since, so it never shows that value again. Otherwise the same words are another start: chargers whose clock was
    never set, with a register that begins at 0 each time or that they do not tell, say the same of every car.
    """
    if session.ended_ms is None:
        return True
    if NO_METER_START in session.flags:
        return False
    last_wh = session.last_energy_wh if session.meter_stop_wh is None else session.meter_stop_wh
    return session.meter_start_wh > 0 and last_wh is not None and last_wh > session.meter_start_wh


def _phase(flags: tuple[str, ...]) -> Phase:
    if HISTORIC in flags:
        return Phase.HISTORIC
    return Phase.UNPROVEN if UNPROVEN in flags else Phase.RUNNING


def restore(row: SessionStored, now_ms: int) -> Session:
    """Rebuild a running session from its row: what it was is kept, every timer restarts."""
    rest = row.driver is Driver.REST
    return Session(
        session_id=row.session_id,
        driver=row.driver,
        key=ConnectorKey(row.charger_id, row.idx),
        rank=row.rank,
        id_tag=row.id_tag,
        id_tag_raw=row.id_tag_raw,
        tag_status=row.tag_status,
        created_ms=row.created_ms,
        started_ms=row.started_ms,
        meter_start_wh=row.meter_start_wh,
        phase=_phase(row.flags),
        opened_ms=now_ms,
        transaction_id=row.transaction_id,
        reservation_id=row.reservation_id,
        demand=Demand(row.declared_w, row.estimate_w),
        stated=StatedDemand(row.declared_w, row.estimate_w, now_ms) if rest else None,
        answered_w=row.answered_w,
        unechoed_w=[row.obeyed_w, row.answered_w] if rest else [],
        unechoed_firm_w=[row.obeyed_w, row.answered_w] if rest else [],
        heard_ms=now_ms,
        last_energy_wh=row.last_energy_wh,
        flags=row.flags,
        start_words=row.start_words,
        before_last_wh=row.before_last_wh,
        own_terms=Terms(row.weight, row.priority),
        tag_terms=Terms(row.tag_weight, row.tag_priority),
    )
