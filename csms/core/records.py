"""Records: what must be durable, as rows that the store writes without understanding them.

Every record is an upsert of one row's present state, or an append to a history; applying a step's records in order,
all in one transaction, makes the store say what the core knows. `Snapshot` is the way back: what the store held at
start-up, from which the core is rebuilt (it books the same or more: LEDGER.md I7).
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from csms.core.commands import LimitForm, Purpose
from csms.core.events import BootInfo, ConnectorStatus, TagStatus
from csms.core.grid_terms import CapacityEvent
from csms.core.ids import CampaignId, ChargerId, CommandId, SessionId, Token, TransactionId
from csms.core.learnt import Learnt, Make
from csms.core.release import Release
from csms.core.settings import KeyStored
from csms.core.station import Charger, Station
from csms.core.tariff import NO_PEAK, Peak


class Driver(StrEnum):
    """Who drives a session."""

    OCPP = "ocpp"
    REST = "rest"


class EndReason(StrEnum):
    """Why a session ended, where OCPP gives no reason of its own."""

    REMOTE = "Remote"
    SUPERSEDED = "Superseded"
    ZOMBIE = "NoStopReceived"
    SILENT_CLIENT = "SilentClient"
    REMOVED = "ChargerRemoved"
    CLOSED = "ClosedByOperator"


@dataclass(frozen=True, slots=True)
class StationStored:
    """The configuration in force."""

    station: Station


@dataclass(frozen=True, slots=True)
class Closed:
    """A transaction that an operator closed, and the most that it was told, W; `returned`: its charger was seen since.

    Nobody has seen its car stop, so from its charger's return on that is booked again (`csms.core.closing`).
    """

    transaction_id: TransactionId
    told_w: int
    returned: bool = False


@dataclass(frozen=True, slots=True)
class EvidenceStored:
    """What a connector's meter has said against it: power measured above what is booked, W, and the verdict.

    `out_of_service`: it was told to be Inoperative for that. `closed`: what may run there though it was closed.
    """

    measured_w: int
    not_obeying: bool
    out_of_service: bool = False
    closed: Closed | None = None


class CommandState(StrEnum):
    """How far an operator's command has come."""

    QUEUED = "queued"
    SENT = "sent"
    """Its intent is durable, and it may have left."""
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    NOT_SUPPORTED = "not_supported"
    FAILED = "failed"
    """CALLERROR."""
    TIMED_OUT = "timed_out"
    UNKNOWN = "unknown"
    """It may have left, and nobody will answer: the connection, or this process, ended before. It is never repeated."""
    EXPIRED = "expired"
    """It never left, and will not any more."""


class Expected(StrEnum):
    """What follows from a command that was accepted, where that only means "will try"."""

    TRANSACTION_STARTED = "transaction_started"
    TRANSACTION_ENDED = "transaction_ended"
    BOOT = "boot"
    STATUS = "status"
    INSTALLED = "installed"
    UPLOADED = "uploaded"
    RESERVATION_USED = "reservation_used"
    CAP_ENDED = "cap_ended"
    """Not awaited: told of a cap once it is over."""


class CommandOutcome(StrEnum):
    """What became of what was expected."""

    AWAITED = "awaited"
    HAPPENED = "happened"
    FAILED = "failed"
    """The charger said so."""
    NOT_SEEN = "not_seen"
    """Not until its deadline."""
    CANCELLED = "cancelled"
    """Another command has put an end to it."""


@dataclass(frozen=True, slots=True)
class Told:
    """A ChangeAvailability that was made for a maintenance, and what is known of it (`csms.core.maintaining`)."""

    command_id: CommandId
    operative: bool
    state: CommandState = CommandState.QUEUED
    outcome: CommandOutcome | None = None

    @property
    def is_open(self) -> bool:
        """Return whether something may still come of it."""
        return self.state in {CommandState.QUEUED, CommandState.SENT} or self.outcome is CommandOutcome.AWAITED

    @property
    def is_done(self) -> bool:
        """Return whether its charger has done it."""
        return self.state is CommandState.ACCEPTED and self.outcome in {None, CommandOutcome.HAPPENED}


@dataclass(frozen=True, slots=True)
class Maintenance:
    """An operator has marked a charger, or one of its connectors, as under maintenance. Times UTC ms.

    Attributes:
        maintenance_id: its commands are named after it; commands: how many there were.
        until_ms: it ends by itself then; None: when an operator says so.
        inoperative: the charger is told that no car may charge there.
        told: what was told last; shut: that it is Inoperative may be in force there.
        ended_ms: it is over, and the charger is yet to be seen back in operation.
    """

    maintenance_id: str
    reason: str
    asked_by: str
    since_ms: int
    until_ms: int | None = None
    inoperative: bool = False
    commands: int = 0
    told: Told | None = None
    shut: bool = False
    ended_ms: int | None = None


@dataclass(frozen=True, slots=True)
class CertificateRequest:
    """A charger's request for a certificate (PKCS#10, PEM), and when it came, UTC ms."""

    csr: str
    asked_ms: int


@dataclass(frozen=True, slots=True)
class ChargerStored:
    """What is remembered of a charger for ever (until it is removed and added again).

    Attributes:
        max_booked_w: M of LEDGER.md §1.
        uncontrolled_booked_w: the same for what is booked while nobody steers it (`reservedPower`).
        ever_connected: whether it has ever connected over OCPP.
        provisioned: LEDGER.md §4 was reached for each connector (index 0 is connector 1).
        configuration: the keys that we ask for, as last read; a value alone where there is nothing else to remember.
        draining: the configured charger as it was, when it was removed while charging; else None.
        evidence: what stands against the obedience of a connector, by its number.
        certificate_request: its last SignCertificate, until a CertificateSigned was accepted.
        maintenance: what an operator has said of it, by connector; 0: the whole charger.
        release: it was taken out, or is being; None: it is steered, or observed, as it is configured.
        cleared_foreign: default profiles of another central system were in it, and we have cleared them.
    """

    charger_id: ChargerId
    max_booked_w: int
    uncontrolled_booked_w: int
    ever_connected: bool = False
    boot: BootInfo | None = None
    provisioned: tuple[bool, ...] = ()
    configuration: dict[str, str | KeyStored | None] = field(default_factory=dict)
    statuses: dict[int, ConnectorStatus] = field(default_factory=dict)
    draining: Charger | None = None
    evidence: dict[int, EvidenceStored] = field(default_factory=dict)
    certificate_request: CertificateRequest | None = None
    maintenance: dict[int, Maintenance] = field(default_factory=dict)
    release: Release | None = None
    cleared_foreign: bool = False


@dataclass(frozen=True, slots=True)
class MakeStored:
    """What the chargers of one make have shown of themselves."""

    make: Make
    learnt: Learnt


@dataclass(frozen=True, slots=True)
class ChargerForgotten:
    """The charger was removed; nothing of it is remembered but its sessions."""

    charger_id: ChargerId


class SendState(StrEnum):
    """What is known of one send. Recovery counts OPEN as aborted at that moment."""

    OPEN = "open"
    ACCEPTED = "accepted"
    SETTLED = "settled"
    REFUSED = "refused"
    """Rejected, NotSupported or CALLERROR: answered, and no evidence either way."""
    LOST = "lost"
    """Timed out, or its connection ended without an answer."""


@dataclass(frozen=True, slots=True)
class SendStored:
    """One send that may be in force: the ledger's row. `idx` 0 for the default purpose."""

    token: Token
    charger_id: ChargerId
    idx: int
    purpose: Purpose
    limit_w: int
    form: LimitForm
    transaction_id: TransactionId | None
    state: SendState
    sent_wall_ms: int


@dataclass(frozen=True, slots=True)
class SendForgotten:
    """The send is out of force (LEDGER.md §1 a, b, c)."""

    token: Token


@dataclass(frozen=True, slots=True)
class SessionStored:
    """One session, running or ended. Power in W, energy in Wh, times UTC ms.

    Attributes:
        id_tag: upper-cased; the tag as sent is in `id_tag_raw`.
        declared_w: demand declared at the start.
        estimate_w: E of ALLOCATOR.md §5.
        answered_w: REST-driven: the whole kW last answered, else the last limit sent.
        obeyed_w: REST-driven: the most that its client may still obey.
        flags: "superseded", "unknown_connector", "suspect", … for the operator's eye.
        start_words: the time stamp of its start as written, when it told no usable time.
        before_last_wh: the reading before the last one: which of the two is wrong may show only after a restart.
        weight, priority: what was said of itself; tag_weight, tag_priority: what its id tag said at its start.
    """

    session_id: SessionId
    driver: Driver
    charger_id: ChargerId
    idx: int
    transaction_id: TransactionId | None
    id_tag: str
    tag_status: TagStatus
    rank: int
    created_ms: int
    started_ms: int
    meter_start_wh: int
    declared_w: int
    estimate_w: int
    answered_w: int = 0
    obeyed_w: int = 0
    id_tag_raw: str = ""
    reservation_id: int | None = None
    last_energy_wh: int | None = None
    ended_ms: int | None = None
    meter_stop_wh: int | None = None
    end_reason: str | None = None
    flags: tuple[str, ...] = ()
    start_words: str | None = None
    before_last_wh: int | None = None
    weight: int | None = None
    priority: int | None = None
    tag_weight: int | None = None
    tag_priority: int | None = None


GUESSED_ENDS = frozenset({EndReason.SUPERSEDED, EndReason.ZOMBIE, EndReason.REMOVED, EndReason.CLOSED})
"""Ends that we concluded without a StopTransaction: when it comes after all, it is right and we were not."""


@dataclass(frozen=True, slots=True)
class StopCorrected:
    """The true end of a session whose end had been guessed; without a register the last known one stays.

    `meter_start_wh`: where its register began, when only its end tells; None: as it was.
    """

    session_id: SessionId
    ended_ms: int
    meter_stop_wh: int | None
    end_reason: str
    flags: tuple[str, ...]
    meter_start_wh: int | None = None


class Doubt(StrEnum):
    """Why control did not believe a sample; it is kept all the same."""

    REPEATED = "repeated"
    OLD = "old"
    """From a queue, by the charger's own clock."""
    AHEAD = "ahead"
    """Alone in the future: nothing before or after it says that the charger's clock stands so."""
    OVERTAKEN = "overtaken"
    """A newer one, the start of the present transaction, or a status in which nothing flows came before it."""
    IMPOSSIBLE_POWER = "impossible_power"
    """More than such a connector can carry."""
    REGISTER_JUMPED = "register_jumped"
    """The energy register rose by more than such a connector can deliver."""
    REGISTER_FELL = "register_fell"
    ZERO_CONTRADICTED = "zero_contradicted"
    """A power of 0 beside phases that draw, or a register that keeps rising: those count."""
    TRANSACTION_ENDED = "transaction_ended"
    """It names one that had ended, and is of before its end, tells no power, or of no connector."""
    HISTORY = "history"
    """It names a start that is kept as history, and tells no power, or of no connector."""


class SampleStored(NamedTuple):
    """One meterValue element, as received. `session_id` is None when it belongs to no session.

    Of a message with too many elements those that were not read are one record, their list.
    """

    charger_id: ChargerId
    idx: int
    session_id: SessionId | None
    transaction_id: int | None
    at_ms: int
    received_ms: int
    power_w: int | None
    energy_wh: int | None
    raw_json: str
    doubt: Doubt | None = None


@dataclass(frozen=True, slots=True)
class CountersStored:
    """Counters that never go back: the next transaction id, the next token, the next arrival rank."""

    next_transaction_id: TransactionId
    next_token: Token
    next_rank: int


@dataclass(frozen=True, slots=True)
class CommandStored:
    """An operator's command, kept for ever. Times UTC ms.

    Attributes:
        body_json: the payload, as OCPP has it.
        queue_until_ms: how long it may wait for its charger; None: it had to be there.
        answer: the status or error code as the charger wrote it; answer_json: the whole CALLRESULT.
        reason: why it did not leave; or the word in which its charger said that what it began has failed.
        expects, outcome, outcome_due_ms: what follows from its acceptance, and until when.
        ended_ms: nothing more will come of it, nor of what was booked for it.
    """

    command_id: CommandId
    charger_id: ChargerId
    action: str
    body_json: str
    asked_by: str
    asked_ms: int
    queue_until_ms: int | None = None
    forced: bool = False
    state: CommandState = CommandState.QUEUED
    answer: str | None = None
    answer_json: str | None = None
    reason: str | None = None
    sent_ms: int | None = None
    answered_ms: int | None = None
    expects: Expected | None = None
    outcome: CommandOutcome | None = None
    outcome_due_ms: int | None = None
    ended_ms: int | None = None

    @property
    def is_final(self) -> bool:
        """Return whether whoever asked has nothing more to wait for."""
        waits = self.state in {CommandState.QUEUED, CommandState.SENT}
        return not waits and self.outcome is not CommandOutcome.AWAITED


class PlaceState(StrEnum):
    """How far one charger of a campaign has come."""

    WAITING = "waiting"
    WAITING_FOR_CARS = "waiting_for_cars"
    ASKED = "asked"
    """Its command is under way, and nothing more is known yet."""
    DOWNLOADING = "downloading"
    INSTALLING = "installing"
    INSTALLED = "installed"
    FAILED = "failed"
    """It said so, or nobody knows: it is never asked again by its campaign."""
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Place:
    """One charger of a campaign. Times UTC ms.

    Attributes:
        command_ids: its UpdateFirmware, the last one counts; those before certainly never left.
        reason: why it waits, failed or was skipped.
    """

    charger_id: ChargerId
    state: PlaceState = PlaceState.WAITING
    command_ids: tuple[CommandId, ...] = ()
    reason: str | None = None
    changed_ms: int = 0


class CampaignState(StrEnum):
    """Whether a campaign begins with further chargers."""

    RUNNING = "running"
    HALTED = "halted"
    """One has failed; an operator resumes the campaign or stops it."""
    STOPPED = "stopped"
    """By an operator, for good."""
    DONE = "done"


@dataclass(frozen=True, slots=True)
class CampaignStored:
    """A firmware campaign, kept for ever. Times UTC ms.

    Attributes:
        at_a_time: so many chargers are under way at most.
        body_json: the payload of UpdateFirmware, as OCPP has it, but for retrieveDate.
        retrieve_ms: nobody is asked before it; None: at once.
        halted_by, halted_why: the charger whose failure has halted it, and how; None while nothing has.
        ended_ms: nothing more will come of it.
    """

    campaign_id: CampaignId
    name: str
    asked_by: str
    asked_ms: int
    at_a_time: int
    body_json: str
    retrieve_ms: int | None
    places: tuple[Place, ...]
    state: CampaignState = CampaignState.RUNNING
    halted_by: ChargerId | None = None
    halted_why: str | None = None
    ended_ms: int | None = None


@dataclass(frozen=True, slots=True)
class CapacityEventForgotten:
    """It stands no more: withdrawn, or over for long."""

    event_id: str


@dataclass(frozen=True, slots=True)
class EventLogged:
    """One line of the station's history: statuses, boots, orphans, alarms, audited acts. `detail` is JSON-able."""

    at_ms: int
    kind: str
    charger_id: ChargerId | None
    idx: int | None
    detail: dict[str, str | int | bool | None] = field(default_factory=dict)


Record = (
    StationStored
    | ChargerStored
    | ChargerForgotten
    | MakeStored
    | SendStored
    | SendForgotten
    | SessionStored
    | StopCorrected
    | SampleStored
    | CountersStored
    | CommandStored
    | CampaignStored
    | CapacityEvent
    | CapacityEventForgotten
    | Peak
    | EventLogged
)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the store holds at start-up.

    The configuration, every remembered charger, the sends in force, the sessions that have not ended, what is learnt of
    makes, the counters, the operators' commands and firmware campaigns that have not ended,
    the limits of the grid connection that were told, the capacity tariff's peak of the last month that has one.
    """

    station: Station | None = None
    chargers: tuple[ChargerStored, ...] = ()
    sends: tuple[SendStored, ...] = ()
    sessions: tuple[SessionStored, ...] = ()
    counters: CountersStored = field(
        default_factory=lambda: CountersStored(TransactionId(1), Token(1), 0),
    )
    makes: tuple[MakeStored, ...] = ()
    commands: tuple[CommandStored, ...] = ()
    campaigns: tuple[CampaignStored, ...] = ()
    capacity_events: tuple[CapacityEvent, ...] = ()
    peak: Peak = NO_PEAK
