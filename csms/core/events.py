"""Facts: what the world did. The only input of `Engine.step`.

A fact is never refused and never trips an assertion: it is booked, recorded and worked off. Facts that somebody waits
for carry `request`; the engine's `Reply` with the same handle leaves the process after the commit that holds it.
Times inside facts (`at_ms`, …) are the charger's own, UTC since the epoch; the time of receipt is the step's `now`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from csms.core.battery import BatteryReading
from csms.core.grid_terms import CapacityEvent
from csms.core.ids import (
    CampaignId,
    ChargerId,
    CommandId,
    ConnectionId,
    ConnectorKey,
    RequestId,
    SessionId,
    Token,
    TransactionId,
)
from csms.core.learnt import Learnt, Make
from csms.core.release import ReleaseStep
from csms.core.station import Station
from csms.core.terms import UNSAID, Terms


class TagStatus(StrEnum):
    """AuthorizationStatus of OCPP 1.6 §7.2."""

    ACCEPTED = "Accepted"
    BLOCKED = "Blocked"
    EXPIRED = "Expired"
    INVALID = "Invalid"
    CONCURRENT_TX = "ConcurrentTx"


class ConnectorStatus(StrEnum):
    """ChargePointStatus of OCPP 1.6 §7.7."""

    AVAILABLE = "Available"
    PREPARING = "Preparing"
    CHARGING = "Charging"
    SUSPENDED_EVSE = "SuspendedEVSE"
    SUSPENDED_EV = "SuspendedEV"
    FINISHING = "Finishing"
    RESERVED = "Reserved"
    UNAVAILABLE = "Unavailable"
    FAULTED = "Faulted"


@dataclass(frozen=True, slots=True)
class BootInfo:
    """What a charger says of itself in BootNotification (§6.3); absent fields are empty."""

    vendor: str
    model: str
    serial_number: str = ""
    charge_box_serial_number: str = ""
    firmware_version: str = ""
    iccid: str = ""
    imsi: str = ""
    meter_type: str = ""
    meter_serial_number: str = ""

    @property
    def make(self) -> Make | None:
        """Return the make that the charger has told, or None."""
        return Make(self.vendor, self.model, self.firmware_version) if self.vendor or self.model else None


DRAWN_MA = 500
"""Above this a phase draws: placeholders of phases that a car does not use are about 0."""


class Sample(NamedTuple):
    """One meterValue element: its time, what control can use of it, and all of it as it came.

    Attributes:
        at_ms: the charger's time stamp.
        power_w: Power.Active.Import, total of the connector, import positive; None when absent or unusable.
        energy_wh: Energy.Active.Import.Register, total; None when absent or unusable.
        raw_json: the element exactly as received (for records and signed values), or a list of those not read.
        energy_step_wh: least difference that the register shows, as far as its digits tell.
        current_ma: Current.Import of L1, L2 and L3, mA; None unless all three were told.
        zero_contradicted: a total of 0 W stood beside phases that draw: `power_w` is their sum.
        phase_w: Power.Active.Import of L1, L2 and L3, W; None unless all three were told.
    """

    at_ms: int
    power_w: int | None
    energy_wh: int | None
    raw_json: str = "{}"
    energy_step_wh: int = 1
    zero_contradicted: bool = False
    current_ma: tuple[int, int, int] | None = None
    phase_w: tuple[int, int, int] | None = None


@dataclass(frozen=True, slots=True)
class StartKey:
    """What makes two StartTransaction the same one, over replays, reconnects and restarts (LEDGER.md I6).

    Attributes:
        started_ms: the charger's time stamp; the time of receipt when it told none.
        meter_start_wh: None when it told no register.
        words: the time stamp as it was written, when it told no usable time: it stands for the time then.
    """

    charger_id: ChargerId
    idx: int
    id_tag: str
    started_ms: int
    meter_start_wh: int | None
    words: str | None = None

    @property
    def identity(self) -> "StartKey":
        """Return the key without what may differ from one sending to the next; tags have no case (§7.28)."""
        return replace(self, id_tag=self.id_tag.upper(), started_ms=self.started_ms if self.words is None else 0)


@dataclass(frozen=True, slots=True)
class KnownTransaction:
    """A transaction found in the store, when the core itself no longer remembers it.

    `end_guessed`: it was ended without a StopTransaction that named it, as superseded or as a zombie, say. The last
    three fields are those of its session, for a stop that comes after all.
    """

    transaction_id: TransactionId
    session_id: SessionId
    charger_id: ChargerId
    idx: int
    tag_status: TagStatus
    ended: bool
    end_guessed: bool = False
    started_ms: int = 0
    meter_start_wh: int = 0
    flags: tuple[str, ...] = ()


# --- configuration and the chargers' connections --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StationConfigured:
    """An operator's new, already validated configuration."""

    station: Station
    request: RequestId | None = None


@dataclass(frozen=True, slots=True)
class MakesTaught:
    """What an operator's document says of makes; it replaces what was learnt of them."""

    makes: Mapping[Make, Learnt]
    request: RequestId | None = None


@dataclass(frozen=True, slots=True)
class ChargerConnected:
    """A handshake was accepted; this connection is now the charger's current one.

    Attributes:
        address: the host at the other end.
        takes_over: another connection of the charger was still there, and was ended for it.
    """

    charger_id: ChargerId
    connection: ConnectionId
    address: str = ""
    takes_over: bool = False


@dataclass(frozen=True, slots=True)
class ChargerDisconnected:
    """A connection ended, however it ended. Sends on it that were handed to the socket count as aborted now."""

    charger_id: ChargerId
    connection: ConnectionId


@dataclass(frozen=True, slots=True)
class ChargerHeard:
    """The first readable CALL of the charger on a connection: from here on it may be addressed."""

    charger_id: ChargerId
    connection: ConnectionId


@dataclass(frozen=True, slots=True)
class ChargerBooted:
    """BootNotification."""

    charger_id: ChargerId
    connection: ConnectionId
    boot: BootInfo
    request: RequestId | None = None


@dataclass(frozen=True, slots=True)
class StatusNotified:
    """StatusNotification; `idx` 0 is the charger as a whole, `at_ms` None when the charger gave no time."""

    charger_id: ChargerId
    idx: int
    status: ConnectorStatus
    error_code: str = "NoError"
    info: str = ""
    at_ms: int | None = None
    request: RequestId | None = None


@dataclass(frozen=True, slots=True)
class TransactionStarted:
    """StartTransaction. `tag_status` is the id tag policy's verdict; ConcurrentTx is the core's to find.

    `known` is the store's answer for the same `StartKey`: a replay keeps its transaction id for ever.
    `new_session_id` is used when the start opens a new session. `exclusive`: the policy lets this tag run one
    transaction at a time, so the core answers ConcurrentTx when it already runs another one (never for a replay).
    `tag_terms`: what is listed of the tag's weight and priority.
    """

    key: StartKey
    tag_status: TagStatus
    new_session_id: SessionId
    reservation_id: int | None = None
    known: KnownTransaction | None = None
    exclusive: bool = False
    request: RequestId | None = None
    tag_terms: Terms = UNSAID


@dataclass(frozen=True, slots=True)
class MeterSampled:
    """MeterValues of one connector, oldest sample first; `transaction_id` as the charger gave it, right or wrong.

    `idx` is None when the charger told none: the connector is then that of the transaction it names, if there is one.
    `known` is the store's transaction of that id, if it had ended when the charger first named it on its connection.
    """

    charger_id: ChargerId
    idx: int | None
    transaction_id: int | None
    samples: tuple[Sample, ...]
    request: RequestId | None = None
    known: KnownTransaction | None = None


@dataclass(frozen=True, slots=True)
class TransactionStopped:
    """StopTransaction. `tag_status` is None when the charger gave no id tag; `known` is the store's transaction.

    `repeated`: it names no transaction, and one of this charger ended at this very time with this register. `words`:
    its time stamp as written, when that told no usable time and `stopped_ms` is the time of receipt. `meter_stop_wh`:
    None when it told no register.
    """

    charger_id: ChargerId
    transaction_id: int
    meter_stop_wh: int | None
    stopped_ms: int
    new_session_id: SessionId
    reason: str = "Local"
    id_tag: str | None = None
    tag_status: TagStatus | None = None
    samples: tuple[Sample, ...] = ()
    known: KnownTransaction | None = None
    repeated: bool = False
    request: RequestId | None = None
    words: str | None = None


@dataclass(frozen=True, slots=True)
class ChargerReported:
    """A message that is confirmed and kept but steers nothing (DataTransfer, firmware and diagnostics status, …)."""

    charger_id: ChargerId
    action: str
    payload_json: str
    request: RequestId | None = None


@dataclass(frozen=True, slots=True)
class CertificateRequested:
    """SignCertificate with a request that can be read: the charger waits for a certificate (whitepaper A02, A03)."""

    charger_id: ChargerId
    csr: str
    request: RequestId | None = None


# --- what became of our CALLs ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CallSent:
    """The CALL's bytes were handed to the socket: from now on it may take effect."""

    token: Token


@dataclass(frozen=True, slots=True)
class CallUnsent:
    """None of the CALL's bytes was handed to the socket, and none ever will be (LEDGER.md §1 a)."""

    token: Token


@dataclass(frozen=True, slots=True)
class CallAnswered:
    """CALLRESULT with a status: "Accepted", "Rejected", "NotSupported", "Unknown", … as the charger wrote it."""

    token: Token
    status: str


@dataclass(frozen=True, slots=True)
class ConfigurationRead:
    """CALLRESULT of GetConfiguration; a key without a value is None. `readonly`: those that cannot be written."""

    token: Token
    values: Mapping[str, str | None] = field(default_factory=dict)
    unknown_keys: tuple[str, ...] = ()
    readonly: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ScheduleRead:
    """CALLRESULT of GetCompositeSchedule: its first limit, in the unit in which it is told.

    `limit_tenths_a`, `limit_w`: None when none can be read from it in that unit. `next_s`: when the first other limit
    follows, seconds after the schedule's beginning; None without one that can be read.
    """

    token: Token
    limit_tenths_a: int | None
    limit_w: int | None = None
    next_s: int | None = None
    next_tenths_a: int | None = None
    next_w: int | None = None


@dataclass(frozen=True, slots=True)
class CallErrored:
    """CALLERROR, or a CALLRESULT that cannot be read (code "Unreadable")."""

    token: Token
    code: str


@dataclass(frozen=True, slots=True)
class CallTimedOut:
    """No answer in time. It frees nothing; a later answer on the same connection still counts for this call."""

    token: Token


@dataclass(frozen=True, slots=True)
class CommandAnswered:
    """CALLRESULT of an operator's command; `status` is None for an answer that has none, `payload_json` the whole."""

    token: Token
    status: str | None
    payload_json: str


# --- operators --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CommandRequested:
    """`POST /chargers/{chargerId}/commands/{action}`: an operator's command, its body as OCPP has it, valid.

    Attributes:
        asked_by: who, for the record.
        queue_until_ms: how long it may wait for its charger, UTC ms; None: the charger must be there.
        forced: it is done although it may overbook a row, or interrupts a charge.
    """

    request: RequestId
    command_id: CommandId
    charger_id: ChargerId
    action: str
    body_json: str
    asked_by: str
    queue_until_ms: int | None = None
    forced: bool = False


@dataclass(frozen=True, slots=True)
class CommandWatched:
    """Somebody waits for what becomes of a command."""

    request: RequestId
    command_id: CommandId


@dataclass(frozen=True, slots=True)
class CampaignRequested:
    """`POST /campaigns`: firmware for many chargers, each named once.

    Attributes:
        body_json: the payload of UpdateFirmware, valid, but for retrieveDate.
        retrieve_ms: nobody is asked before it, UTC ms; None: at once.
    """

    request: RequestId
    campaign_id: CampaignId
    name: str
    asked_by: str
    charger_ids: tuple[ChargerId, ...]
    at_a_time: int
    body_json: str
    retrieve_ms: int | None = None


@dataclass(frozen=True, slots=True)
class CampaignStopRequested:
    """`POST /campaigns/{id}/stop`: nobody else is begun, for good."""

    request: RequestId
    campaign_id: CampaignId


@dataclass(frozen=True, slots=True)
class CampaignResumeRequested:
    """`POST /campaigns/{id}/resume`: a halted campaign goes on with the chargers that were not begun."""

    request: RequestId
    campaign_id: CampaignId


@dataclass(frozen=True, slots=True)
class MaintenanceRequested:
    """`PUT /chargers/{chargerId}/maintenance`, or that of one of its connectors; `idx` 0: the whole charger.

    Attributes:
        maintenance_id: used when it was not under maintenance; a fresh id, unique for ever.
        until_ms: it ends by itself then, UTC ms; None: when an operator says so.
        inoperative: tell the charger so.
    """

    request: RequestId
    maintenance_id: str
    charger_id: ChargerId
    idx: int
    reason: str
    asked_by: str
    until_ms: int | None = None
    inoperative: bool = False


@dataclass(frozen=True, slots=True)
class MaintenanceEndRequested:
    """`DELETE /chargers/{chargerId}/maintenance`, or that of one of its connectors; `idx` 0: the whole charger."""

    request: RequestId
    charger_id: ChargerId
    idx: int
    asked_by: str


@dataclass(frozen=True, slots=True)
class ReleaseRequested:
    """`POST /chargers/{chargerId}/release`: take the charger out without a trace.

    Attributes:
        asked_by: who, for the record.
        forced: also while a car charges there, and without headroom for the charger's maximum.
        changed_keys: what operators' commands have set, by the charger's own name of the key, last value.
        local_list: an operator has sent it a local list.
        reservations: that operators' commands have asked for and nobody has answered: by id, until when, UTC ms.
        certificates: steps of those that operators' commands have installed or deleted.
    """

    request: RequestId
    charger_id: ChargerId
    asked_by: str
    forced: bool = False
    changed_keys: Mapping[str, str] = field(default_factory=dict)
    local_list: bool = False
    reservations: Mapping[int, int] = field(default_factory=dict)
    certificates: tuple[ReleaseStep, ...] = ()


@dataclass(frozen=True, slots=True)
class ReleaseUndoRequested:
    """`DELETE /chargers/{chargerId}/release`: steer it again as its configuration says."""

    request: RequestId
    charger_id: ChargerId


@dataclass(frozen=True, slots=True)
class CapacityEventSet:
    """`PUT /station/capacity-events/{id}`: a limit of the grid connection, in the place of the one of that id."""

    request: RequestId
    event: CapacityEvent


@dataclass(frozen=True, slots=True)
class CapacityEventWithdrawn:
    """`DELETE /station/capacity-events/{id}`."""

    request: RequestId
    event_id: str
    asked_by: str


@dataclass(frozen=True, slots=True)
class GridOperatorHeard:
    """`POST /station/grid-operator/heartbeat`: a sign of life of who tells limits."""

    request: RequestId
    asked_by: str


# --- the site's meter -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SiteMeterRead:
    """What the site's meter shows, W, import positive, and how old that is.

    `request`: it was pushed (`PUT /station/meter`), and somebody waits; None: it was read over Modbus.
    """

    power_w: int
    age_ms: int = 0
    request: RequestId | None = None


@dataclass(frozen=True, slots=True)
class SiteMeterFailed:
    """The site's meter could not be read, and why, in words."""

    reason: str


# --- REST -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SessionRequested:
    """`POST /sessions`: REST-driven, or a RemoteStartTransaction when the charger is steered over OCPP.

    `id_tag` is the tag to send (the virtual tag when the client named none). `terms`: what the client says of this
    session; `tag_terms`: what is listed of the tag that it named, which a charger's start tells by itself.
    """

    request: RequestId
    charger_id: ChargerId
    idx: int
    vehicle_max_w: int
    id_tag: str
    new_session_id: SessionId
    terms: Terms = UNSAID
    tag_terms: Terms = UNSAID


@dataclass(frozen=True, slots=True)
class TermsRequested:
    """`PUT /sessions/{id}/share`: what is said of a session from now on, in the place of what was."""

    request: RequestId
    session_id: SessionId
    terms: Terms


@dataclass(frozen=True, slots=True)
class PowerUpdated:
    """`POST /sessions/{id}/power-update`; `echo_w` is the allocation that the client says it obeys."""

    request: RequestId
    session_id: SessionId
    consumed_w: int
    echo_w: int | None = None


@dataclass(frozen=True, slots=True)
class SessionStopRequested:
    """`POST /sessions/{id}/stop`. `ended_before` is the store's word for a session that the core no longer knows."""

    request: RequestId
    session_id: SessionId
    ended_before: bool = False


@dataclass(frozen=True, slots=True)
class ExplainRequested:
    """`GET /sessions/{id}/explain`: nothing happens but an answer."""

    request: RequestId
    session_id: SessionId


@dataclass(frozen=True, slots=True)
class EnergyReported:
    """A day is over: so much energy, Wh, of it belongs to no transaction, by connector (`csms.core.continuity`)."""

    day: str
    unaccounted_wh: Mapping[ConnectorKey, int]


@dataclass(frozen=True, slots=True)
class BatteryReported:
    """The battery was read at `read_ms`, monotonic; None: it has a driver that has not heard it yet."""

    reading: BatteryReading | None
    read_ms: int


@dataclass(frozen=True, slots=True)
class TransactionCloseRequested:
    """`POST /transactions/{transactionId}/close`: its stop will never come, says an operator, and why.

    `meter_stop_wh`: the register as the operator has read it; None: as last known.
    """

    request: RequestId
    transaction_id: TransactionId
    reason: str
    meter_stop_wh: int | None = None


ChargerFact = (
    ChargerConnected
    | ChargerDisconnected
    | ChargerHeard
    | ChargerBooted
    | StatusNotified
    | TransactionStarted
    | MeterSampled
    | TransactionStopped
    | ChargerReported
    | CertificateRequested
)
CallFact = (
    CallSent
    | CallUnsent
    | CallAnswered
    | ConfigurationRead
    | ScheduleRead
    | CommandAnswered
    | CallErrored
    | CallTimedOut
)
RestFact = (
    SessionRequested
    | PowerUpdated
    | SessionStopRequested
    | TermsRequested
    | ExplainRequested
    | TransactionCloseRequested
    | CommandRequested
    | CommandWatched
    | CampaignRequested
    | CampaignStopRequested
    | CampaignResumeRequested
    | MaintenanceRequested
    | MaintenanceEndRequested
    | ReleaseRequested
    | ReleaseUndoRequested
    | CapacityEventSet
    | CapacityEventWithdrawn
    | GridOperatorHeard
)
MeterFact = SiteMeterRead | SiteMeterFailed
Fact = (
    StationConfigured | MakesTaught | EnergyReported | MeterFact | BatteryReported | ChargerFact | CallFact | RestFact
)
