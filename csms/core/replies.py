"""Replies: what those who wait are told, after the commit that makes it true.

Failures are values here, each with what the REST edge or the OCPP peer needs to say it well.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from csms.core.capabilities import UNTOLD, Capabilities
from csms.core.caps import CapView
from csms.core.events import BootInfo, ConnectorStatus, TagStatus
from csms.core.explanation import Explanation
from csms.core.grid_terms import CapacityEvent
from csms.core.ids import ChargerId, RequestId, SessionId, TransactionId
from csms.core.learnt import Learnt, Make
from csms.core.records import CampaignStored, CertificateRequest, CommandStored, Driver, Maintenance
from csms.core.release import Release
from csms.core.settings import Change
from csms.core.site_meter import SiteMeterView
from csms.core.station import Station
from csms.core.terms import UNSAID, Terms
from csms.core.tuning import Wish


@dataclass(frozen=True, slots=True)
class SessionView:
    """One active session as REST shows it; all powers in W (API.md's kilowatts are made at the edge).

    Attributes:
        allocated_w: REST-driven: the whole kW last answered; OCPP: the limit last sent.
        vehicle_max_w: REST-driven: the maximum in force; OCPP: the demand estimate.
        booked_w: K of its connector.
        consumed_w: metered, None while unknown.
        limited_by: the binding row, "vehicle", "below_minimum", "no_room", "operator_cap", "safe_mode", or
            "not_planned" before its first plan.
        weight, priority: on which terms it shares; terms: what of them it or its id tag said.
        phases: those of its charger that its car is known to use, 1 to 3; None: any.
        firm_w: REST-driven: what is left of allocated_w when its client hears nothing; None: all of it.
        observed: its charger is observed: allocated_w and limited_by are what it would get, and nothing was sent.
    """

    session_id: SessionId
    driver: Driver
    charger_id: ChargerId
    idx: int
    transaction_id: TransactionId | None
    allocated_w: int
    target_w: int
    vehicle_max_w: int
    booked_w: int
    consumed_w: int | None
    limited_by: str
    energy_wh: int | None
    started_ms: int
    observed: bool = False
    weight: int = 1
    priority: int = 0
    firm_w: int | None = None
    terms: Terms = UNSAID
    phases: frozenset[int] | None = None


class Refusal(StrEnum):
    """Why a REST request was not done."""

    UNKNOWN_CONNECTOR = "unknown_connector"
    CONNECTOR_IN_USE = "connector_in_use"
    NOT_CONTROLLED = "not_controlled"
    UNKNOWN_SESSION = "unknown_session"
    CHARGER_OFFLINE = "charger_offline"
    CHARGER_REFUSED = "charger_refused"
    CHARGER_SILENT = "charger_silent"
    TOO_MANY_MAKES = "too_many_makes"
    UNKNOWN_CHARGER = "unknown_charger"
    COMMAND_REFUSED = "command_refused"
    NO_HEADROOM = "no_headroom"
    CAMPAIGN_REFUSED = "campaign_refused"
    CAMPAIGN_ENDED = "campaign_ended"
    RELEASE_REFUSED = "release_refused"
    NOT_RELEASED = "not_released"
    CHARGER_CONNECTED = "charger_connected"
    TRANSACTION_ENDED = "transaction_ended"
    METER_STOP_TOO_LOW = "meter_stop_too_low"
    UNDER_MAINTENANCE = "under_maintenance"
    MAINTENANCE_OVER = "maintenance_over"
    UNKNOWN_CAPACITY_EVENT = "unknown_capacity_event"
    CAPACITY_EVENT_OVER = "capacity_event_over"
    TOO_MANY_CAPACITY_EVENTS = "too_many_capacity_events"
    NO_GRID_OPERATOR = "no_grid_operator"
    NO_SITE_METER = "no_site_meter"
    READING_REFUSED = "reading_refused"


@dataclass(frozen=True, slots=True)
class Refused:
    """The request changed nothing; `detail` is one short sentence for a person."""

    refusal: Refusal
    detail: str


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The message or request was taken in and is durable."""


@dataclass(frozen=True, slots=True)
class StartConfirmed:
    """StartTransaction.conf (§6.46): always an id, whatever the tag's status."""

    transaction_id: TransactionId
    tag_status: TagStatus


@dataclass(frozen=True, slots=True)
class StopConfirmed:
    """StopTransaction.conf (§6.50): idTagInfo only if an id tag was given."""

    tag_status: TagStatus | None


@dataclass(frozen=True, slots=True)
class SessionShown:
    """The session after the request took effect."""

    session: SessionView


@dataclass(frozen=True, slots=True)
class Explained:
    """Why a session has what it has."""

    explanation: Explanation


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """The session has ended, now or before."""


@dataclass(frozen=True, slots=True)
class StationShown:
    """The configuration in force, and the one that it took the place of, where one was replaced."""

    station: Station
    before: Station | None = None


@dataclass(frozen=True, slots=True)
class SiteMeterShown:
    """The site's meter, with the reading that was taken in."""

    meter: SiteMeterView


@dataclass(frozen=True, slots=True)
class MakesShown:
    """What is learnt of makes."""

    makes: Mapping[Make, Learnt]


@dataclass(frozen=True, slots=True)
class CommandShown:
    """An operator's command, as far as it has come."""

    command: CommandStored


@dataclass(frozen=True, slots=True)
class CampaignShown:
    """A firmware campaign, as far as it has come."""

    campaign: CampaignStored


@dataclass(frozen=True, slots=True)
class MaintenanceShown:
    """What is said of a charger or connector now, and what was before; None: it is not under maintenance."""

    maintenance: Maintenance | None
    before: Maintenance | None


@dataclass(frozen=True, slots=True)
class CapacityEventShown:
    """An event of the grid's capacity as it stands now, and as it stood before; None: there is none of that id."""

    event: CapacityEvent | None
    before: CapacityEvent | None


@dataclass(frozen=True, slots=True)
class ReleaseShown:
    """The release of a charger, as far as it has come."""

    release: Release


@dataclass(frozen=True, slots=True)
class NothingAwaited:
    """Nothing more will come of what somebody waits for: it is in the store."""


Outcome = (
    CommandShown
    | CampaignShown
    | MaintenanceShown
    | CapacityEventShown
    | ReleaseShown
    | NothingAwaited
    | MakesShown
    | Refused
    | Confirmed
    | StartConfirmed
    | StopConfirmed
    | SessionShown
    | Explained
    | SessionEnded
    | StationShown
    | SiteMeterShown
)


@dataclass(frozen=True, slots=True)
class Reply:
    """An outcome and who waits for it."""

    request: RequestId
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class BatteryView:
    """The battery as it was last read, W; what flows out of it is positive.

    Attributes:
        soc_ppm: state of charge, parts per million of the usable energy.
        set_point_w: what it was told; None: nothing so far.
        granted_w: what cars may have of it now.
        booked_w: what it may be taking.
        computed: nothing of it is measured.
    """

    soc_ppm: int
    power_w: int
    set_point_w: int | None
    granted_w: int
    booked_w: int
    computed: bool


@dataclass(frozen=True, slots=True)
class ConnectorView:
    """One connector for operators; powers in W.

    Attributes:
        status_since_ms: since when it says that status, UTC ms by our clock; None: not since this process began.
        confirmed_w: the newest limit in force there that was Accepted, the fail-safe default included; None: none was.
        session_id: the session that holds it.
        maintenance: its own; that of the whole charger stands there.
    """

    idx: int
    status: ConnectorStatus | None
    status_since_ms: int | None
    session_id: SessionId | None
    booked_w: int
    confirmed_w: int | None
    provisioned: bool
    not_obeying: bool
    out_of_service: bool
    maintenance: Maintenance | None = None


@dataclass(frozen=True, slots=True)
class ChargerView:
    """One charger for operators: W, and what is known of it.

    Attributes:
        served: it may connect over OCPP.
        connected_ms: since when it is connected, UTC ms, and from which address; None while it is offline.
        fail_safe_w: the settled power that it falls back to; None: none is in force.
        settings: the configuration keys that it told, as it told them; capabilities: what they mean.
        changes: by key, what we have changed and from what; suggested: what should be another now.
        certificate_request: what it wants to have signed; None: nothing.
        release: it was taken out, or is being; None: neither.
    """

    charger_id: ChargerId
    online: bool
    served: bool
    provisioned: bool
    booked_w: int
    settings: Mapping[str, str | None] = field(default_factory=dict)
    capabilities: Capabilities = UNTOLD
    changes: Mapping[str, Change] = field(default_factory=dict)
    suggested: tuple[Wish, ...] = ()
    boot: BootInfo | None = None
    connected_ms: int | None = None
    address: str | None = None
    connectors: tuple[ConnectorView, ...] = ()
    fail_safe_w: int | None = None
    draining: bool = False
    identity_conflict: bool = False
    refusing: bool = False
    caps: tuple[CapView, ...] = ()
    observed: bool = False
    certificate_request: CertificateRequest | None = None
    maintenance: Maintenance | None = None
    release: Release | None = None
