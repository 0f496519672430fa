"""The bodies of requests and answers as pydantic models: camelCase and kW outside, our names and watts inside.

Requests are strict: no conversion from text, no unknown field. Numbers go through the same readers as the station's
configuration, so a kilowatt means the same everywhere. Answers are built from our own values and only written.
"""

from typing import Annotated, Any, Literal

from pydantic import AliasGenerator, BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from api import id_tag_fields
from api.id_tag_fields import ID_TAG_PATTERN, NOTE_CHARS_MAX
from csms.core.configuration import MAX_KILO, watts
from csms.core.configuration.names import MAX_ID_LENGTH, text
from csms.core.configuration.reading import Reader, Wrong, flag, whole
from csms.core.faults import Fault
from csms.core.terms import PRIORITY_MAX, WEIGHT_MAX

KILOWATTS_SCHEMA: dict[str, Any] = {"type": "number", "minimum": 0, "maximum": MAX_KILO, "multipleOf": 0.001}
ID_TAG_SCHEMA: dict[str, Any] = {"type": "string", "pattern": ID_TAG_PATTERN}
_ANY_INTEGER = 10**18

Absent = SkipJsonSchema[None]
"""None in the model: the field is left out of the JSON."""


REASON_CHARS_MAX = 200
REGISTER_MAX_WH = 10**15


def tidy(schema: dict[str, Any]) -> None:
    """Take out of a model's schema what says nothing: a field's title, and null as its default (it is absent then)."""
    for field in schema.get("properties", {}).values():
        field.pop("title", None)
        if "default" in field and field["default"] is None:
            del field["default"]


def reads(read: Reader[Any]) -> PlainValidator:
    """Return a validator that takes a value only as `read` does."""

    def validate(value: object) -> Any:
        found = read(value)
        if isinstance(found, Wrong):
            raise PydanticCustomError("wrong", "{error}", {"error": found.error})
        return found

    return PlainValidator(validate)


def _whole_kilowatts(value: object) -> int | Wrong:
    power_kw = whole(0, MAX_KILO)(value)
    return power_kw if isinstance(power_kw, Wrong) else power_kw * 1000


def _charger_id(value: object) -> str | Wrong:
    return text(value, MAX_ID_LENGTH)


def _reason(value: object) -> str | Wrong:
    return text(value, REASON_CHARS_MAX)


def _register(value: object) -> int | Wrong:
    return whole(0, REGISTER_MAX_WH)(value)


def _integer(value: object) -> int | Wrong:
    found = whole(-_ANY_INTEGER, _ANY_INTEGER)(value)
    return Wrong("must be a whole number") if isinstance(found, Wrong) else found


Kilowatts = Annotated[int, reads(watts), WithJsonSchema(KILOWATTS_SCHEMA)]
"""A number of kW in the document, W in the model."""


class RequestBody(BaseModel):
    """A request's body, strict."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra=tidy)

    def faults(self) -> list[Fault]:
        """Return what is wrong although every field by itself is right."""
        return []


class ConnectorId(RequestBody):
    """A connector of the station."""

    charger_id: Annotated[
        str, reads(_charger_id), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MAX_ID_LENGTH})
    ] = Field(alias="chargerId", description="The charger's id, as configured.")
    idx: Annotated[int, reads(_integer), WithJsonSchema({"type": "integer"})] = Field(
        description="The connector's number, counted from 1."
    )


Weight = Annotated[
    int | None, reads(whole(1, WEIGHT_MAX)), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": WEIGHT_MAX})
]
Priority = Annotated[
    int | None,
    reads(whole(0, PRIORITY_MAX)),
    WithJsonSchema({"type": "integer", "minimum": 0, "maximum": PRIORITY_MAX}),
]


class SessionRequest(RequestBody):
    """A car that wants to charge."""

    connector_id: ConnectorId = Field(alias="connectorId")
    vehicle_max_w: Kilowatts = Field(alias="vehicleMaxPower", description="The most that the car can take, kW.")
    id_tag: Annotated[str | None, reads(id_tag_fields.id_tag), WithJsonSchema(ID_TAG_SCHEMA)] = Field(
        None, alias="idTag", description="Id tag of the remote start; a virtual one when absent."
    )
    weight: Weight = Field(None, description="Its share beside others; as its id tag or connector says when absent.")
    priority: Priority = Field(None, description="Higher is let in first where there is no room for all; likewise.")


class ShareRequest(RequestBody):
    """What is said of a session alone; what is absent is as its id tag or its connector says."""

    weight: Weight = Field(None, description="Its share beside others: 2 gets twice what 1 gets.")
    priority: Priority = Field(None, description="Higher is let in first where not all least powers fit.")


class PowerUpdate(RequestBody):
    """What a session consumes now."""

    consumed_w: Kilowatts = Field(alias="consumedPower", description="Power that the car takes now, kW.")
    echo_w: Annotated[
        int | None,
        reads(_whole_kilowatts),
        WithJsonSchema({"type": "integer", "minimum": 0, "maximum": MAX_KILO}),
    ] = Field(
        None,
        alias="allocatedPower",
        description="The allocation that the client obeys, whole kW. A client that sends it may miss an answer: its "
        "power falls only once the lower number comes back here.",
    )


Flag = Annotated[bool, reads(flag), WithJsonSchema({"type": "boolean"})]


class IdTagRequest(RequestBody):
    """A tag as it is to be listed; what is absent is as for a new one."""

    parent: Annotated[str | None, reads(id_tag_fields.id_tag), WithJsonSchema(ID_TAG_SCHEMA)] = Field(
        None, alias="parentIdTag", description="The group that it belongs to: tags of one may stop each other's cars."
    )
    expires_ms: Annotated[int | None, reads(id_tag_fields.expiry_ms), WithJsonSchema(id_tag_fields.EXPIRY_SCHEMA)] = (
        Field(None, alias="expiryDate", description="From then on it is Expired; never when absent.")
    )
    blocked: Flag = Field(default=False, description="It may not charge.")
    concurrent: Flag = Field(default=False, description="It may run more than one transaction at a time.")
    weight: Weight = Field(
        None, description="Share of its sessions beside others; as their connector says when absent."
    )
    priority: Priority = Field(None, description="Higher is let in first where there is no room for all; likewise.")
    note: Annotated[str, reads(id_tag_fields.note), WithJsonSchema({"type": "string", "maxLength": NOTE_CHARS_MAX})] = (
        Field("", description="For people: whose it is.")
    )
    version: Annotated[int | None, reads(_integer), WithJsonSchema({"type": "integer"})] = Field(
        None, description="Put it only in the place of this version of it."
    )


class CloseRequest(RequestBody):
    """Why a transaction is given up, and where its register stands."""

    reason: Annotated[
        str, reads(_reason), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": REASON_CHARS_MAX})
    ] = Field(description="For people who look at it later: who knows, and from what, that its stop will not come.")
    meter_stop_wh: Annotated[
        int | None, reads(_register), WithJsonSchema({"type": "integer", "minimum": 0, "maximum": REGISTER_MAX_WH})
    ] = Field(None, alias="meterStopWh", description="The register as somebody has read it; as last known when absent.")


class MaintenanceRequest(RequestBody):
    """Why somebody works at a charger or connector, and until when."""

    reason: Annotated[
        str, reads(_reason), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": REASON_CHARS_MAX})
    ] = Field(description="For people: it is told to whoever is refused a session there.")
    until_ms: Annotated[int | None, reads(id_tag_fields.expiry_ms), WithJsonSchema(id_tag_fields.EXPIRY_SCHEMA)] = (
        Field(None, alias="until", description="It ends by itself then; absent: when it is deleted.")
    )
    inoperative: Flag = Field(
        default=False,
        description="Tell the charger ChangeAvailability(Inoperative), and Operative at the end: so nobody charges"
        " there with a card either.",
    )


class AnswerBody(BaseModel):
    """An answer's body, written in camelCase; fields that are None are left out."""

    model_config = ConfigDict(
        alias_generator=AliasGenerator(serialization_alias=to_camel),
        frozen=True,
        json_schema_extra=tidy,
    )


class ConnectorIdAnswer(AnswerBody):
    """A connector of the station."""

    charger_id: str
    idx: int


class SessionBody(AnswerBody):
    """An active session. The fields from allocatedPowerW to mode belong to sessions over OCPP."""

    session_id: str
    connector_id: ConnectorIdAnswer
    allocated_power: int = Field(description="What the session may take, whole kW, rounded down.")
    vehicle_max_power: int | float = Field(
        description="kW: the car's maximum in force; over OCPP the estimate of what it can take now."
    )
    allocated_power_w: int | Absent = Field(None, description="The limit last sent to the charger, W.")
    booked_power_w: int | Absent = Field(None, description="The most that the connector may be drawing, W.")
    consumed_power_w: int | Absent = Field(None, description="Metered, W; absent while unknown.")
    transaction_id: int | Absent = Field(None, description="OCPP's transaction id; absent until it has started.")
    limited_by: str | Absent = Field(
        None,
        description="Id of the charger, circuit or grid that limits it, or vehicle, below_minimum, no_room, "
        "operator_cap.",
    )
    weight: int | Absent = Field(None, description="Its share beside others; absent where it is 1, as usual.")
    priority: int | Absent = Field(None, description="Higher is let in first; absent where it is 0, as usual.")
    mode: Literal["observe"] | Absent = Field(
        None,
        description="observe: its charger is observed only. What is allocated is what it would get, and was not sent.",
    )
    firm_power: int | Absent = Field(
        None,
        description="REST-driven: what is left of it, whole kW, when no answer came for validForS seconds: the rest is "
        "the battery's, and conditional. Absent where all of it is firm.",
    )
    valid_for_s: int | Absent = Field(None, description="See firmPower.")


class SessionAnswer(AnswerBody):
    """One session."""

    session: SessionBody


class BatteryBody(AnswerBody):
    """The battery as it was last read; what flows out of it is positive."""

    state_of_charge: float = Field(description="Percent of the usable energy.")
    power: int | float = Field(description="What it gives now, kW; below 0: what it takes.")
    set_point: int | float | Absent = Field(None, description="What it was told to give, kW; absent while it was not.")
    available_power: int | float = Field(description="What cars may have of it now, kW.")
    computed: bool = Field(description="Nothing of it is measured.")


class StatusAnswer(AnswerBody):
    """The active sessions by their id, and the battery, where there is one."""

    sessions: dict[str, SessionBody]
    battery: BatteryBody | Absent = None


class SessionsAnswer(AnswerBody):
    """Sessions that run now."""

    sessions: list[SessionBody]


class ReservationBody(AnswerBody):
    """A connector that a charger keeps free for a tag."""

    reservation_id: int
    connector_id: ConnectorIdAnswer
    id_tag: str
    parent_id_tag: str | None = None
    expiry_date: str
    command_id: str


class ReservationsAnswer(AnswerBody):
    """Reservations that stand."""

    reservations: list[ReservationBody]


class TransactionBody(AnswerBody):
    """One transaction, running or ended. Energy registers are in Wh, as the charger told them."""

    transaction_id: int
    session_id: str
    connector_id: ConnectorIdAnswer
    id_tag: str = Field(description="As the charger sent it.")
    id_tag_status: str = Field(description="The verdict that its start was answered with.")
    started_at: str = Field(description="UTC, ISO 8601; by the charger's clock, unless the flags say otherwise.")
    stopped_at: str | Absent = Field(None, description="The same of its end; absent while it runs.")
    meter_start_wh: int | Absent = Field(None, description="The register at its start; absent while unknown.")
    meter_stop_wh: int | Absent = Field(None, description="The register at its end; absent while unknown.")
    energy_wh: int | Absent = Field(
        None, description="What it has used, up to its end or as last metered; absent while unknown."
    )
    end_reason: str | Absent = Field(None, description="OCPP's reason, or ours; absent while it runs.")
    flags: list[str] = Field(description="What somebody should know of it; with suspect, look before billing it.")


class ClosedAnswer(AnswerBody):
    """A transaction that was given up."""

    transaction: TransactionBody


class TransactionsAnswer(AnswerBody):
    """Transactions, the newest first."""

    transactions: list[TransactionBody]
    next_cursor: str | Absent = Field(None, description="More may follow: ask again with it as ?cursor=.")


class RegisterBody(AnswerBody):
    """The end or the beginning of a transaction."""

    transaction_id: int
    at: str | Absent = Field(None, description="UTC, ISO 8601; absent while it runs.")
    register_wh: int | Absent = Field(None, description="Absent while unknown, or not to be believed.")


class BreakBody(AnswerBody):
    """Two transactions of a connector of which the second does not begin where the first one ended."""

    kind: Literal["gap", "overlap", "reset", "unknown"] = Field(
        description="gap: energy between them that belongs to none; overlap: energy that is in both; reset: the "
        "register begins anew; unknown: one of the registers is not known."
    )
    difference_wh: int | Absent = Field(None, description="Where the second begins less where the first ended.")
    before: RegisterBody
    after: RegisterBody


class ContinuityConnector(AnswerBody):
    """One connector on one day."""

    connector_id: ConnectorIdAnswer
    transactions: int = Field(description="That began on that day.")
    breaks: list[BreakBody] = Field(description="None: each begins where the one before it ended.")


class ContinuityAnswer(AnswerBody):
    """The energy of a day that belongs to no transaction."""

    day: str
    time_zone: str = Field(description="The day is one of this zone.")
    unaccounted_wh: int = Field(description="All gaps together.")
    connectors: list[ContinuityConnector]


class SampleBody(AnswerBody):
    """One value as the charger sent it, with OCPP's defaults filled in."""

    at: str | Absent = Field(None, description="UTC, ISO 8601; absent when the charger told no usable time.")
    measurand: str
    phase: str | Absent = Field(None, description="Absent for the total.")
    context: str
    location: str
    unit: str | Absent = Field(None, description="Absent when the charger told none.")
    value: str = Field(description="As the charger wrote it.")


class SignedBody(SampleBody):
    """One value of format SignedData."""

    value: str = Field(description="What the charger signed, to the byte.")


class TransactionAnswer(AnswerBody):
    """One transaction and a page of its meter values, oldest first, those without a usable time where they came."""

    transaction: TransactionBody
    samples: list[SampleBody]
    signed_data: list[SignedBody]
    next_cursor: str | Absent = Field(
        None, description="More may follow: ask again with it as ?cursor=. A page may be empty and not the last."
    )


class ExpectedBody(AnswerBody):
    """What follows from a command that only means "will try"."""

    what: str = Field(
        description="transaction_started, transaction_ended, boot, status, installed, uploaded or reservation_used."
    )
    state: str = Field(
        description="awaited, happened, failed (the charger said so), cancelled (by another command) or not_seen."
    )
    until: str | Absent = Field(None, description="UTC, ISO 8601; absent: for as long as it takes.")


class CommandBody(AnswerBody):
    """An operator's command, as far as it has come."""

    id: str
    charger_id: str
    action: str = Field(description="As OCPP names it.")
    body: dict[str, Any] = Field(description="The payload, as OCPP has it; without passwords.")
    asked_by: str | Absent = Field(None, description="The address that asked for it.")
    asked_at: str = Field(description="UTC, ISO 8601, as all times here.")
    queue_until: str | Absent = Field(None, description="Until when it may wait for its charger.")
    forced: bool
    state: str = Field(
        description="queued, sent, accepted, rejected, not_supported, failed (an error was answered), timed_out, "
        "unknown (it may have been carried out, nobody will say), or expired (it never left)."
    )
    answer: str | Absent = Field(None, description="The status, or the error code, as the charger wrote it.")
    answer_body: dict[str, Any] | Absent = Field(None, description="The whole answer; not in lists.")
    reason: str | Absent = Field(
        None, description="Why it never left; or what its charger said when what it began has failed."
    )
    sent_at: str | Absent = None
    answered_at: str | Absent = None
    outcome: ExpectedBody | Absent = None


class CommandAnswer(AnswerBody):
    """One command."""

    command: CommandBody


class CommandsAnswer(AnswerBody):
    """Commands, the newest first."""

    commands: list[CommandBody]
    next_cursor: str | Absent = Field(None, description="More may follow: ask again with it as ?cursor=.")


class ClientBody(AnswerBody):
    """Who has asked for something."""

    address: str | Absent = Field(None, description="The address that the request came from; of a proxy its own.")
    key: str | Absent = Field(None, description="The name of the key that was shown; not where none is needed.")


class AuditBody(AnswerBody):
    """One act over REST: what somebody has asked for, and what came of it."""

    id: int
    at: str = Field(description="UTC, ISO 8601, as all times here.")
    by: ClientBody
    operation: str = Field(description="Method and path as documented.")
    resource: str = Field(description="The path that was asked for; an id tag in it is shortened.")
    charger_id: str | Absent = Field(None, description="The charger that it is about, if it is about one.")
    idx: int | Absent = Field(None, description="The connector that it is about, likewise.")
    query: dict[str, str] | Absent = None
    body: dict[str, Any] | Absent = Field(
        None, description="What was sent, without secrets; not when it was not valid, nor when it is long."
    )
    changes: list[str] | Absent = Field(None, description="What changed, before and after, a line each.")
    made: dict[str, str] | Absent = Field(None, description="Ids of what it made: commandId, sessionId, campaignId.")
    outcome: str = Field(
        description="accepted, refused, or unknown: not answered yet, or the wait for it was over, or this system "
        "ended before; it may have been done."
    )
    status: int | Absent = Field(None, description="HTTP's status of the answer.")
    reason: str | Absent = Field(None, description="Why it was refused.")
    answered_at: str | Absent = None


class AuditAnswer(AnswerBody):
    """Acts over REST, the newest first."""

    audit: list[AuditBody]
    next_cursor: str | Absent = Field(None, description="More may follow: ask again with it as ?cursor=.")


class CampaignChargerBody(AnswerBody):
    """One charger of a firmware campaign."""

    charger_id: str
    state: str = Field(
        description="waiting, waiting_for_cars (it is not asked while a car charges there), asked, downloading, "
        "installing, installed, failed (or nobody knows) or skipped."
    )
    reason: str | Absent = Field(None, description="Why it waits, failed or was skipped.")
    changed_at: str = Field(description="UTC, ISO 8601.")
    command_ids: list[str] = Field(
        description="Its UpdateFirmware (GET /commands/{id}), the last one counts; those before never left."
    )


class HaltedBody(AnswerBody):
    """What has halted a campaign."""

    charger_id: str | Absent = Field(None, description="The charger that failed.")
    reason: str


class CampaignBody(AnswerBody):
    """A firmware campaign, as far as it has come."""

    id: str
    name: str | Absent = None
    asked_by: str | Absent = Field(None, description="The address that asked for it.")
    asked_at: str = Field(description="UTC, ISO 8601, as all times here.")
    state: str = Field(
        description="running, halted (one has failed: resume it or stop it), stopped (by an operator) or done."
    )
    at_a_time: int
    body: dict[str, Any] = Field(description="UpdateFirmware as OCPP has it, but for retrieveDate; without passwords.")
    retrieve_date: str | Absent = Field(None, description="No charger is asked before it; absent: at once.")
    ended_at: str | Absent = None
    halted: HaltedBody | Absent = None
    counts: dict[str, int] = Field(description="How many chargers are in each state.")
    chargers: list[CampaignChargerBody] | Absent = Field(None, description="In their order; not in lists.")


class CampaignAnswer(AnswerBody):
    """One campaign."""

    campaign: CampaignBody


class CampaignsAnswer(AnswerBody):
    """Campaigns, the newest first."""

    campaigns: list[CampaignBody]
    next_cursor: str | Absent = Field(None, description="More may follow: ask again with it as ?cursor=.")


class AvailabilityBody(AnswerBody):
    """The command by which a charger was told of a maintenance, or of its end."""

    command_id: str = Field(description="It is at GET /commands/{id}.")
    type: Literal["Inoperative", "Operative"]
    state: str = Field(description="How far it has come, as in GET /commands.")
    outcome: str | Absent = Field(None, description="What came of a change that was Scheduled.")


class MaintenanceBody(AnswerBody):
    """An operator has marked a charger, or one of its connectors, as under maintenance."""

    reason: str
    asked_by: str | Absent = Field(None, description="The address of the client that said so last.")
    since: str = Field(description="UTC, ISO 8601.")
    until: str | Absent = Field(None, description="It ends by itself then.")
    inoperative: bool = Field(description="The charger is to be Inoperative there.")
    availability: AvailabilityBody | Absent = Field(None, description="What the charger was told last.")
    ended_at: str | Absent = Field(
        None, description="It is over, sessions are taken again, and the charger was not seen back in operation yet."
    )


class MaintenanceAnswer(AnswerBody):
    """A maintenance."""

    maintenance: MaintenanceBody


class ReleaseStepBody(AnswerBody):
    """One thing that this system may have left in a charger, and what became of it."""

    what: str = Field(
        description="profile, limit (what a connector says is in force), reservation, local_list, key, connector "
        "(it was told to be Inoperative), certificate (a command has installed or deleted it), or foreign_profile (of "
        "another central system, cleared when it was taken in)."
    )
    name: str | Absent = Field(
        None,
        description="The key, the number of the profile, reservation or connector, or a certificate's use and serial "
        "number, hexadecimal.",
    )
    before: str | Absent = Field(None, description="Of a key: the value to be put back.")
    state: str = Field(
        description="open, undone, unverified (the charger says so, and it cannot be seen) or not_undone."
    )
    detail: str | Absent = Field(None, description="Why, or how.")


class ReleaseBody(AnswerBody):
    """A charger that is taken out, or was."""

    charger_id: str
    asked_by: str | Absent = Field(None, description="The address that asked.")
    asked_at: str = Field(description="UTC, ISO 8601.")
    forced: bool
    state: str = Field(
        description="releasing, released (everything was undone, and that was seen) or incomplete. In each of them "
        "nothing else is written to the charger."
    )
    waits_for: str | Absent = Field(None, description="Why a release does not go on now.")
    ended_at: str | Absent = Field(None, description="UTC, ISO 8601.")
    counts: dict[str, int] = Field(description="How many steps are in each state.")
    steps: list[ReleaseStepBody]


class ReleaseAnswer(AnswerBody):
    """The release of a charger."""

    release: ReleaseBody


class LocalListBody(AnswerBody):
    """The local authorization list of a charger, as far as is known."""

    charger_id: str
    state: str = Field(
        description="off (never asked for, or taken away), sending, held (the charger has what was wanted and tells "
        "its version), failed or not_supported."
    )
    reason: str | Absent = Field(None, description="Why it failed, or begins again.")
    current: bool = Field(description="It is held, and is what would be sent now.")
    version: int | Absent = Field(None, description="listVersion of what the charger is known to hold.")
    id_tags: int | Absent = Field(None, description="So many tags it is known to hold; absent: nobody knows.")
    wanted_id_tags: int | Absent = Field(None, description="So many it is to hold.")
    asked_by: str | Absent = Field(None, description="The address that asked for it last; absent: tags were changed.")
    asked_at: str | Absent = Field(None, description="UTC, ISO 8601, as all times here.")
    until: str | Absent = Field(None, description="While it is being sent: so long its messages wait for the charger.")
    settled_at: str | Absent = Field(None, description="Since when nothing more is to be sent.")
    send_local_list_max_length: int | Absent = Field(None, description="As the charger tells it, like the two below.")
    local_auth_list_max_length: int | Absent = None
    local_auth_list_enabled: bool | Absent = Field(None, description="false: the charger does not use its list.")


class LocalListAnswer(AnswerBody):
    """One charger's local list."""

    local_list: LocalListBody


class ConnectorBody(AnswerBody):
    """One connector as it is now."""

    idx: int
    status: str | Absent = Field(None, description="Last reported; absent before the first report.")
    status_since: str | Absent = Field(None, description="UTC, ISO 8601; absent before it was said since the start.")
    session: SessionBody | Absent = Field(None, description="The active session that holds it.")
    booked_power: int | float = Field(description="The most that it may be drawing on all evidence, kW.")
    confirmed_power: int | float | Absent = Field(
        None, description="The newest limit there that its charger has accepted, kW; absent while there is none."
    )
    provisioned: bool = Field(description="A fail-safe limit of ours is in force and nothing foreign is above it.")
    not_obeying: bool = Field(description="It accepts limits and does not keep them.")
    out_of_service: bool = Field(description="It was told to be Inoperative, because nothing else had an effect.")
    maintenance: MaintenanceBody | Absent = Field(None, description="Its own; that of the whole charger stands there.")


class ChargerBoot(AnswerBody):
    """What a charger said of itself in BootNotification; absent what it did not say."""

    vendor: str | Absent = None
    model: str | Absent = None
    serial_number: str | Absent = None
    firmware_version: str | Absent = None
    meter_type: str | Absent = None
    meter_serial_number: str | Absent = None


class ConnectionBody(AnswerBody):
    """A charger's present connection."""

    since: str = Field(description="UTC, ISO 8601.")
    address: str | Absent = None


class CapBody(AnswerBody):
    """An operator's cap on a charger's power."""

    command_id: str = Field(description="The command that set it; its body is the whole profile.")
    profile_id: int = Field(description="Clears it.")
    connector: int = Field(description="0: the charger, or all its connectors.")
    purpose: str = Field(description="ChargePointMaxProfile, TxDefaultProfile or TxProfile.")
    stack_level: int
    transaction_id: int | Absent = Field(None, description="It ends with this transaction.")
    limit: int | float | Absent = Field(
        None, description="What it says now, kW; absent: nothing now, or another thing of each session."
    )


class ChargerBody(AnswerBody):
    """One charger as it is now."""

    charger_id: str
    max_power: int | float | Absent = Field(None, description="As configured, kW; absent once it was removed.")
    boot: ChargerBoot | Absent = Field(None, description="Absent before its first BootNotification.")
    connection: ConnectionBody | Absent = Field(None, description="Absent while it is offline.")
    connectors: list[ConnectorBody]
    booked_power: int | float = Field(description="The most that it may be drawing on all evidence, kW.")
    fail_safe_power: int | float | Absent = Field(
        None, description="What each connector falls back to without a limit of its own, kW; absent while none is set."
    )
    provisioned: bool = Field(description="Every connector is.")
    draining: bool = Field(description="It was removed from the configuration while power was booked for it.")
    identity_conflict: bool = Field(description="More than one charger connects under its identity.")
    refusing: bool = Field(description="It refuses limits, and is booked at its maximum.")
    caps: list[CapBody] = Field(description="What operators' SetChargingProfile caps here, oldest first.")
    mode: Literal["control", "observe"] = Field(description="observe: nothing is written to it.")
    maintenance: MaintenanceBody | Absent = Field(None, description="Of the whole charger; absent: it has none.")
    release: Literal["releasing", "released", "incomplete"] | Absent = Field(
        None, description="It was taken out, or is being (GET /chargers/{chargerId}/release); absent: neither."
    )


class ChargersAnswer(AnswerBody):
    """A page of chargers, by their ids."""

    chargers: list[ChargerBody]
    next_cursor: str | Absent = Field(None, description="More follow: ask again with it as ?cursor=.")


class ChangedSettingBody(AnswerBody):
    """What we have done to one configuration key of a charger."""

    before: str = Field(description="Its value before the first change, kept until a release has put it back.")
    value: str = Field(description="What was written last.")
    answer: str = Field(description="What the charger said to it; open: nothing.")


class KnockBody(AnswerBody):
    """Somebody who asked to connect as a charger and was not let in."""

    charger_id: str = Field(description="The identity that it claimed.")
    remote: str = Field(description="The address that it came from.")
    path: str = Field(description="The path that it asked for.")
    reason: str = Field(description="Why it was not let in.")
    first_seen: str = Field(description="UTC, ISO 8601.")
    last_seen: str = Field(description="UTC, ISO 8601.")
    count: int
    vendor: str | Absent = Field(None, description="What it said of itself, as the next three; only of guests.")
    model: str | Absent = None
    serial_number: str | Absent = None
    firmware_version: str | Absent = None


class KnockingAnswer(AnswerBody):
    """Who was not let in, the latest first."""

    knocking: list[KnockBody]


class MessageBody(AnswerBody):
    """One frame on the wire, without its secrets."""

    at: str = Field(description="When it came or was written; UTC, ISO 8601.")
    direction: Literal["received", "sent"] = Field(description="received: from the charger; sent: to it.")
    action: str | Absent = Field(None, description="That of a call, or of the call that it answers, as far as known.")
    message: list[Any] | Absent = Field(None, description="The elements of the frame, secrets as ***.")
    text: str | Absent = Field(None, description="What came instead, of a frame that cannot be read or was cut.")
    size_bytes: int = Field(description="The whole frame's.")
    cut: bool = Field(description="Whether it was too long to be kept whole.")


class MessagesAnswer(AnswerBody):
    """The last frames of a charger since the start of the process, oldest first."""

    messages: list[MessageBody]


class AlarmBody(AnswerBody):
    """A condition that somebody should see."""

    id: str = Field(description="Names it as long as it stands: kind and subject.")
    kind: str = Field(description="One of those in the list of alarms.")
    severity: Literal["alarm", "notice"] = Field(description="An alarm asks for somebody now, a notice can wait.")
    since: str = Field(description="UTC, ISO 8601.")
    charger_id: str | Absent = Field(None, description="The charger that it is about.")
    connector: int | Absent = Field(None, description="Its connector that it is about.")
    subject: str | Absent = Field(None, description="What it is about: a charger, connector, row or session.")
    cause: str = Field(description="What raised it, with the figures of that moment, in W.")
    maintenance: str | Absent = Field(
        None, description="The maintenance there, in words, that makes a notice of an alarm: nothing is heard, no more."
    )
    meaning: str = Field(description="What that means for the station.")
    to_do: str = Field(description="What to do about it.")


class AlarmsAnswer(AnswerBody):
    """What stands now: alarms first, the oldest of each first."""

    alarms: list[AlarmBody]


class IdTagBody(AnswerBody):
    """A listed id tag."""

    id_tag: str = Field(description="As it was typed; compared without regard to case.")
    status: str = Field(description="What a charger is told of it now: Accepted, Blocked or Expired.")
    parent_id_tag: str | Absent = Field(None, description="The group that it belongs to.")
    expiry_date: str | Absent = Field(None, description="UTC, ISO 8601; from then on it is Expired.")
    blocked: bool
    concurrent: bool = Field(description="It may run more than one transaction at a time.")
    note: str
    weight: int | Absent = Field(None, description="Of its sessions; absent: as their connector says.")
    priority: int | Absent = Field(None, description="Likewise.")
    version: int = Field(description="How often it was changed since it was listed, from 1.")


class IdTagsAnswer(AnswerBody):
    """Listed id tags, in the order of their upper-cased characters."""

    id_tags: list[IdTagBody]
    next_cursor: str | Absent = Field(
        None, description="More follow: ask again with it as ?cursor=. A page may be empty and not the last."
    )


class IdTagsImported(AnswerBody):
    """What became of an imported list."""

    added: int = Field(description="Tags that were not listed before.")
    changed: int = Field(description="Tags that were listed otherwise.")
    removed: int = Field(description="Tags that were listed and are not in the list, when it was to replace all.")
    unchanged: int = Field(description="Tags that were listed so already.")


class CertificateRequestBody(AnswerBody):
    """What a charger wants to have signed as its certificate."""

    asked_at: str = Field(description="UTC, ISO 8601.")
    csr: str = Field(description="PKCS#10, PEM, as it came in SignCertificate.")


class ChargerAnswer(AnswerBody):
    """One charger with all that is known of it."""

    charger: ChargerBody
    capabilities: dict[str, Any] = Field(description="What its keys mean; absent what it did not tell, or not legibly.")
    settings: dict[str, str] = Field(description="Configuration keys as it told them; empty: told without a value.")
    changed_settings: dict[str, ChangedSettingBody] = Field(description="By key, what we have changed.")
    learnt: dict[str, Any] | Absent = Field(None, description="What its make has shown, as in GET /makes.")
    alarms: list[AlarmBody] = Field(description="What stands about it now.")
    certificate_request: CertificateRequestBody | Absent = Field(
        None, description="Absent: it waits for none. It ends with a CertificateSigned that is accepted."
    )


class HealthAnswer(AnswerBody):
    """The process serves requests."""

    status: str


class FaultBody(AnswerBody):
    """One thing wrong with a request."""

    path: str = Field(description="JSON path in the body, ?name of a query parameter, or {name} in the path.")
    error: str


class ProblemBody(AnswerBody):
    """A failure (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    error: str = Field(description="One short sentence.")
    faults: list[FaultBody] | Absent = None
