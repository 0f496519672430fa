"""The bodies of operators' commands, one model per action: OCPP's own payloads (1.6 §6), strict (`api.command_fields`).

Those of the security whitepaper are in `api.security_schemas`.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.alias_generators import to_camel

from api.command_fields import (
    INT32_MAX,
    LEFT_OUT,
    LIST_MAX,
    PERIODS_MAX,
    CommandPayload,
    Connector,
    ConnectorOrAll,
    Limit,
    Location,
    Number,
    Purpose,
    Tag,
    Time,
)
from api.security_schemas import EXAMPLES as SECURITY_EXAMPLES
from csms.core.faults import Fault


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
    """§6.33: start a transaction; without a profile, for the limit comes from the allocation, as for every car."""

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
    """§6.25: which version the local list has; 0: it is empty, -1: lists are not supported."""


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


class SchedulePeriod(CommandPayload):
    """§7.13: a limit from a second of the schedule on."""

    start_period: Number = Field(description="Seconds; the first is 0, and they rise.")
    limit: Limit = Field(description="With at most one decimal.")
    number_phases: Annotated[int, Field(ge=1, le=3)] = Field(LEFT_OUT, description="Of A; the charger's when absent.")


class Schedule(CommandPayload):
    """§7.12: limits, one after the other."""

    duration: Annotated[int, Field(ge=1, le=INT32_MAX)] = Field(LEFT_OUT, description="Seconds; absent: without end.")
    start_schedule: Time = Field(LEFT_OUT, description="Absent, of an Absolute one: now.")
    charging_rate_unit: Literal["A", "W"]
    charging_schedule_period: list[SchedulePeriod] = Field(min_length=1, max_length=PERIODS_MAX)


class Profile(CommandPayload):
    """§7.8: a profile."""

    charging_profile_id: Annotated[int, Field(ge=-(2**31), le=INT32_MAX)]
    transaction_id: Annotated[int, Field(ge=-(2**31), le=INT32_MAX)] = Field(
        LEFT_OUT, description="Of a TxProfile; absent: the one that runs."
    )
    stack_level: Number
    charging_profile_purpose: Purpose
    charging_profile_kind: Literal["Absolute", "Recurring", "Relative"]
    recurrency_kind: Literal["Daily", "Weekly"] = Field(LEFT_OUT)
    valid_from: Time = Field(LEFT_OUT)
    valid_to: Time = Field(LEFT_OUT)
    charging_schedule: Schedule


class SetChargingProfile(CommandPayload):
    """§6.43: a cap for the allocation, kept and applied by this system: its charger is never sent the profile."""

    connector_id: ConnectorOrAll
    cs_charging_profiles: Profile

    def faults(self) -> list[Fault]:
        """Return what does not fit together."""
        return [Fault(f"$.{path}", error) for path, error in self._faults()]

    def _faults(self) -> Iterator[tuple[str, str]]:
        profile, at = self.cs_charging_profiles, "csChargingProfiles"
        purpose, kind, told = profile.charging_profile_purpose, profile.charging_profile_kind, profile.model_fields_set
        if purpose == "ChargePointMaxProfile" and self.connector_id != 0:
            yield "connectorId", "is 0 for a ChargePointMaxProfile"
        if purpose == "TxProfile" and self.connector_id == 0:
            yield "connectorId", "must be the connector of the transaction for a TxProfile"
        if purpose != "TxProfile" and "transaction_id" in told:
            yield f"{at}.transactionId", "belongs to a TxProfile"
        if purpose == "ChargePointMaxProfile" and kind == "Relative":
            yield f"{at}.chargingProfileKind", "a ChargePointMaxProfile has no session that it could be Relative to"
        if kind == "Recurring" and "recurrency_kind" not in told:
            yield f"{at}.recurrencyKind", "is missing: the profile is Recurring"
        if kind != "Recurring" and "recurrency_kind" in told:
            yield f"{at}.recurrencyKind", "belongs to a Recurring profile"
        if {"valid_from", "valid_to"} <= told and profile.valid_from >= profile.valid_to:
            yield f"{at}.validTo", "must be after validFrom"
        yield from self._faults_of_schedule(f"{at}.chargingSchedule")

    def _faults_of_schedule(self, at: str) -> Iterator[tuple[str, str]]:
        profile = self.cs_charging_profiles
        schedule, kind = profile.charging_schedule, profile.charging_profile_kind
        if kind == "Relative" and "start_schedule" in schedule.model_fields_set:
            yield f"{at}.startSchedule", "a Relative profile begins with the session"
        if kind == "Recurring" and "start_schedule" not in schedule.model_fields_set:
            yield f"{at}.startSchedule", "is missing: the profile is Recurring"
        before_s = -1
        for i, period in enumerate(schedule.charging_schedule_period):
            path = f"{at}.chargingSchedulePeriod[{i}]"
            if i == 0 and period.start_period != 0:
                yield f"{path}.startPeriod", "must be 0 for the first period"
            if period.start_period <= before_s:
                yield f"{path}.startPeriod", "must be after the period before"
            if schedule.charging_rate_unit == "W" and "number_phases" in period.model_fields_set:
                yield f"{path}.numberPhases", "belongs to limits in A"
            before_s = period.start_period


class ClearChargingProfile(CommandPayload):
    """§6.11: clear a cap, by its id or by what else is told of it; else a foreign profile of the charger, by its id.

    None of this system's own (2000 to 3999). What is told without an id is about caps alone, and stays here.
    """

    id: Annotated[int, Field(ge=-(2**31), le=INT32_MAX)] = Field(LEFT_OUT, description="Alone.")
    connector_id: ConnectorOrAll = Field(LEFT_OUT)
    charging_profile_purpose: Purpose = Field(LEFT_OUT)
    stack_level: Number = Field(LEFT_OUT)

    def faults(self) -> list[Fault]:
        """Return what does not fit together."""
        others = {"connector_id", "charging_profile_purpose", "stack_level"} & self.model_fields_set
        if "id" not in self.model_fields_set and not others:
            return [Fault("$.id", "is missing; caps may be told by connectorId, chargingProfilePurpose, stackLevel")]
        if "id" in self.model_fields_set and others:
            return [Fault(f"$.{to_camel(name)}", "cannot be told beside id") for name in sorted(others)]
        return []


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
    SetChargingProfile: {
        "connectorId": 1,
        "csChargingProfiles": {
            "chargingProfileId": 42,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxDefaultProfile",
            "chargingProfileKind": "Absolute",
            "chargingSchedule": {
                "chargingRateUnit": "W",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 11_000}],
            },
        },
    },
    ClearChargingProfile: {"id": 42},
    **SECURITY_EXAMPLES,
}
"""Every action's model, in the order of the documentation, with an example of its body."""
