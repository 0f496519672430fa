"""The bodies of operators' commands, one model per action: OCPP's own payloads (1.6 §6), strict.

Fields are spelt as OCPP spells them, so that its document explains them. A field that may be left out has no null.
Times are told with their offset and sent in UTC.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AliasGenerator, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from api.id_tag_fields import ID_TAG_PATTERN
from api.schemas import RequestBody, tidy

INT32_MAX = 2**31 - 1
LEFT_OUT: Any = None
"""The default of a field that may be left out; null is none of its values."""
TIME_PATTERN = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)$"
LIST_MAX = 500
"""Tags of one SendLocalList; more come in further ones, as a differential."""


def read_time(value: object) -> datetime:
    """Read a time with its offset; raise PydanticCustomError."""
    if isinstance(value, str) and re.fullmatch(TIME_PATTERN, value, re.ASCII) is not None:
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise PydanticCustomError("time", "must be a time such as 2026-11-26T10:00:00Z")


def _time_text(value: object) -> str:
    return read_time(value).strftime("%Y-%m-%dT%H:%M:%SZ")


def _tag(value: object) -> str:
    if not isinstance(value, str) or re.fullmatch(ID_TAG_PATTERN, value) is None:
        raise PydanticCustomError("tag", "must be 1 to 20 printable ASCII characters without spaces")
    return value


TIME_SCHEMA: dict[str, Any] = {"type": "string", "format": "date-time", "pattern": TIME_PATTERN}
Time = Annotated[str, PlainValidator(_time_text), WithJsonSchema(TIME_SCHEMA)]
Tag = Annotated[str, PlainValidator(_tag), WithJsonSchema({"type": "string", "pattern": ID_TAG_PATTERN})]
Connector = Annotated[int, Field(ge=1, le=INT32_MAX)]
ConnectorOrAll = Annotated[int, Field(ge=0, le=INT32_MAX)]
Number = Annotated[int, Field(ge=0, le=INT32_MAX)]
Location = Annotated[str, Field(min_length=1, max_length=1_000)]


class CommandPayload(RequestBody):
    """A payload of OCPP."""

    model_config = ConfigDict(
        alias_generator=AliasGenerator(alias=to_camel), extra="forbid", frozen=True, strict=True, json_schema_extra=tidy
    )


class Reset(CommandPayload):
    """§6.31: boot again; Soft ends transactions first."""

    type: Literal["Hard", "Soft"]


class UnlockConnector(CommandPayload):
    """§6.53: let go of a cable that is stuck."""

    connector_id: Connector


class ChangeAvailability(CommandPayload):
    """§6.5: take a connector (0: the whole charger) out of service, or back."""

    connector_id: ConnectorOrAll
    type: Literal["Inoperative", "Operative"]


class ClearCache(CommandPayload):
    """§6.9: forget the authorization cache."""


class TriggerMessage(CommandPayload):
    """§6.51: say something now."""

    requested_message: Literal[
        "BootNotification",
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
        "Heartbeat",
        "MeterValues",
        "StatusNotification",
    ]
    connector_id: Connector = Field(LEFT_OUT, description="Absent: all of them.")


class GetConfiguration(CommandPayload):
    """§6.23: all keys, or those named."""

    key: list[Annotated[str, Field(min_length=1, max_length=50)]] = Field(LEFT_OUT, max_length=100)


class ChangeConfiguration(CommandPayload):
    """§6.7: change a key; RebootRequired in the answer means: from the next boot on."""

    key: Annotated[str, Field(min_length=1, max_length=50)]
    value: Annotated[str, Field(max_length=500)]


class DataTransfer(CommandPayload):
    """§6.15: a vendor's own message."""

    vendor_id: Annotated[str, Field(min_length=1, max_length=255)]
    message_id: Annotated[str, Field(max_length=50)] = Field(LEFT_OUT)
    data: Annotated[str, Field(max_length=16_384)] = Field(LEFT_OUT)


class RemoteStartTransaction(CommandPayload):
    """§6.33, without a profile: the limit comes from the allocation, as for every car."""

    id_tag: Tag
    connector_id: Connector = Field(LEFT_OUT, description="Some chargers refuse a start without it.")


class RemoteStopTransaction(CommandPayload):
    """§6.35: end a transaction."""

    transaction_id: Annotated[int, Field(ge=-(2**31), le=INT32_MAX)]


class GetCompositeSchedule(CommandPayload):
    """§6.19: which limits the charger itself says are in force."""

    connector_id: ConnectorOrAll
    duration: Number = Field(description="Seconds.")
    charging_rate_unit: Literal["A", "W"] = Field(LEFT_OUT)


class GetDiagnostics(CommandPayload):
    """§6.21: upload a diagnostics file."""

    location: Location = Field(description="Folder to upload to, a URL.")
    retries: Number = Field(LEFT_OUT)
    retry_interval: Number = Field(LEFT_OUT, description="Seconds.")
    start_time: Time = Field(LEFT_OUT)
    stop_time: Time = Field(LEFT_OUT)


class UpdateFirmware(CommandPayload):
    """§6.55: fetch and install firmware."""

    location: Location = Field(description="Where it is fetched from, a URL.")
    retrieve_date: Time = Field(description="Not before this time.")
    retries: Number = Field(LEFT_OUT)
    retry_interval: Number = Field(LEFT_OUT, description="Seconds.")


class GetLocalListVersion(CommandPayload):
    """§6.25: 0: the list is empty, -1: lists are not supported."""


class TagInfo(CommandPayload):
    """§7.27: what is known of an id tag."""

    status: Literal["Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx"]
    expiry_date: Time = Field(LEFT_OUT)
    parent_id_tag: Tag = Field(LEFT_OUT)


class ListedTag(CommandPayload):
    """§7.1: an id tag of the list; in a differential one without idTagInfo is removed."""

    id_tag: Tag
    id_tag_info: TagInfo = Field(LEFT_OUT)


class SendLocalList(CommandPayload):
    """§6.41: replace or change the local authorization list."""

    list_version: Annotated[int, Field(ge=1, le=INT32_MAX)]
    update_type: Literal["Differential", "Full"]
    local_authorization_list: list[ListedTag] = Field(LEFT_OUT, max_length=LIST_MAX)


class ReserveNow(CommandPayload):
    """§6.37: keep a connector (0: any) for an id tag."""

    connector_id: ConnectorOrAll
    expiry_date: Time
    id_tag: Tag
    reservation_id: Number
    parent_id_tag: Tag = Field(LEFT_OUT)


class CancelReservation(CommandPayload):
    """§6.1: end a reservation."""

    reservation_id: Number


class ClearChargingProfile(CommandPayload):
    """§6.11: clear a foreign profile, by its id; none of this system's (2000 to 3999)."""

    id: Annotated[int, Field(ge=-(2**31), le=INT32_MAX)]


EXAMPLES: Mapping[type[CommandPayload], dict[str, Any]] = {
    Reset: {"type": "Soft"},
    UnlockConnector: {"connectorId": 1},
    ChangeAvailability: {"connectorId": 1, "type": "Inoperative"},
    ClearCache: {},
    TriggerMessage: {"requestedMessage": "StatusNotification", "connectorId": 1},
    GetConfiguration: {"key": ["HeartbeatInterval"]},
    ChangeConfiguration: {"key": "HeartbeatInterval", "value": "300"},
    DataTransfer: {"vendorId": "com.example", "messageId": "led", "data": "on"},
    RemoteStartTransaction: {"idTag": "04A2B3C4D5E680", "connectorId": 1},
    RemoteStopTransaction: {"transactionId": 4711},
    GetCompositeSchedule: {"connectorId": 1, "duration": 3_600, "chargingRateUnit": "A"},
    GetDiagnostics: {"location": "ftp://files.example/diagnostics"},
    UpdateFirmware: {"location": "https://files.example/fw.bin", "retrieveDate": "2026-11-27T02:00:00Z"},
    GetLocalListVersion: {},
    SendLocalList: {
        "listVersion": 7,
        "updateType": "Differential",
        "localAuthorizationList": [{"idTag": "04A2B3C4D5E680", "idTagInfo": {"status": "Accepted"}}],
    },
    ReserveNow: {"connectorId": 1, "expiryDate": "2026-11-27T08:00:00Z", "idTag": "04A2B3C4D5E680", "reservationId": 3},
    CancelReservation: {"reservationId": 3},
    ClearChargingProfile: {"id": 42},
}
"""Every action's model, in the order of the documentation, with an example of its body."""
