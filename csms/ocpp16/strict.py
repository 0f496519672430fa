"""The 2019-12 JSON schemas of the hot actions as types: one msgspec decode is the typed lane's verdict.

Each type narrows what its base in `payloads` or `meter_values` allows to what the schema allows: required fields,
types, lengths, enumerations, number of items. Where the two differ on purpose, `differences` says so. As in the schema,
`null` is no value: a field that may be absent has a default, which is not judged, and a type without None.
"""

from typing import Annotated, Any

import msgspec

from csms.ocpp16 import enumerations, meter_values, payloads
from csms.ocpp16.readers import CONNECTOR_ID_MAX, INT64_MAX, INT64_MIN

_ABSENT: Any = None
"""What an absent field is to the reader; its type speaks of the fields that are there."""

_ConnectorId = Annotated[int, msgspec.Meta(ge=0, le=CONNECTOR_ID_MAX)]
_Int64 = Annotated[int, msgspec.Meta(ge=INT64_MIN, le=INT64_MAX)]
_Text20 = Annotated[str, msgspec.Meta(max_length=20)]
_Text25 = Annotated[str, msgspec.Meta(max_length=25)]
_Text50 = Annotated[str, msgspec.Meta(max_length=50)]
_Text255 = Annotated[str, msgspec.Meta(max_length=255)]


class BootNotification(payloads.BootNotification, frozen=True, kw_only=True, rename="camel"):
    """§6.3."""

    charge_point_vendor: _Text20
    charge_point_model: _Text20
    charge_point_serial_number: _Text25 = ""
    charge_box_serial_number: _Text25 = ""
    firmware_version: _Text50 = ""
    iccid: _Text20 = ""
    imsi: _Text20 = ""
    meter_type: _Text25 = ""
    meter_serial_number: _Text25 = ""


class Heartbeat(payloads.Heartbeat, frozen=True):
    """§6.29."""


class StatusNotification(payloads.StatusNotification, frozen=True, kw_only=True, rename="camel"):
    """§6.47."""

    connector_id: _ConnectorId
    status: enumerations.ChargePointStatus
    error_code: enumerations.ChargePointErrorCode
    info: _Text50 = ""
    timestamp: str = ""
    vendor_id: _Text255 = ""
    vendor_error_code: _Text50 = ""


class Authorize(payloads.Authorize, frozen=True, kw_only=True, rename="camel"):
    """§6.1."""

    id_tag: _Text20


class StartTransaction(payloads.StartTransaction, frozen=True, kw_only=True, rename="camel"):
    """§6.45."""

    connector_id: _ConnectorId
    id_tag: _Text20
    meter_start: _Int64
    timestamp: str
    reservation_id: _Int64 = _ABSENT


class MeterValues(payloads.MeterValues, frozen=True, kw_only=True, rename="camel"):
    """§6.31; each element is judged by `MeterValue`."""

    connector_id: _ConnectorId
    transaction_id: _Int64 = _ABSENT
    meter_value: Annotated[list[msgspec.Raw], msgspec.Meta(min_length=1)]


class StopTransaction(payloads.StopTransaction, frozen=True, kw_only=True, rename="camel"):
    """§6.49; each element of `transaction_data` is judged by `MeterValue`."""

    transaction_id: _Int64
    meter_stop: _Int64
    timestamp: str
    id_tag: _Text20 = _ABSENT
    reason: enumerations.Reason = "Local"
    transaction_data: list[msgspec.Raw] = msgspec.field(default_factory=list)


class SampledValue(meter_values.SampledValue, frozen=True, kw_only=True):
    """§7.43."""

    value: str
    context: enumerations.ReadingContext = _ABSENT
    format: enumerations.ValueFormat = _ABSENT
    measurand: enumerations.Measurand = _ABSENT
    phase: enumerations.Phase = _ABSENT
    location: enumerations.Location = _ABSENT
    unit: enumerations.UnitOfMeasure = _ABSENT


class MeterValue(meter_values.MeterValue, frozen=True, kw_only=True, rename="camel"):
    """§7.33."""

    timestamp: str
    sampled_value: Annotated[list[SampledValue], msgspec.Meta(min_length=1)]
