"""What the hot actions of a charger carry, once it can be answered (OCPP 1.6 §6).

These types say what the rest of the program may rely on, whatever the charger wrote: a field that an answer needs is
there, any other has its default when it was missing or unreadable. What the schema asks for on top of that is in
`strict`; how dirt becomes one of these is in `repairs`.
"""

from dataclasses import dataclass

import msgspec

from csms.ocpp16.frames import ErrorCode


class BootNotification(msgspec.Struct, frozen=True):
    """§6.3."""

    charge_point_vendor: str = ""
    charge_point_model: str = ""
    charge_point_serial_number: str = ""
    charge_box_serial_number: str = ""
    firmware_version: str = ""
    iccid: str = ""
    imsi: str = ""
    meter_type: str = ""
    meter_serial_number: str = ""


class Heartbeat(msgspec.Struct, frozen=True):
    """§6.29: empty."""


class StatusNotification(msgspec.Struct, frozen=True):
    """§6.47; `status` and `error_code` as the charger wrote them."""

    connector_id: int
    status: str
    error_code: str = "NoError"
    info: str = ""
    timestamp: str = ""
    vendor_id: str = ""
    vendor_error_code: str = ""


class Authorize(msgspec.Struct, frozen=True):
    """§6.1."""

    id_tag: str


class StartTransaction(msgspec.Struct, frozen=True):
    """§6.45; `meter_start` in Wh or None.

    Without a connector that there can be it is at connector 0, which holds no transaction, and an empty tag is Invalid.
    """

    connector_id: int = 0
    id_tag: str = ""
    meter_start: int | None = None
    timestamp: str = ""
    reservation_id: int | None = None


class MeterValues(msgspec.Struct, frozen=True):
    """§6.31; `meter_value` is the raw JSON of each element, `connector_id` None when it told none that can be."""

    connector_id: int | None = None
    transaction_id: int | None = None
    meter_value: list[msgspec.Raw] = []


class StopTransaction(msgspec.Struct, frozen=True):
    """§6.49; `meter_stop` in Wh or None, `reason` as written, `transaction_data` like `MeterValues.meter_value`.

    Without a readable id it names no transaction, as −1 does (errata 3.18).
    """

    transaction_id: int = -1
    meter_stop: int | None = None
    timestamp: str = ""
    id_tag: str | None = None
    reason: str = "Local"
    transaction_data: list[msgspec.Raw] = []


HotPayload = (
    BootNotification | Heartbeat | StatusNotification | Authorize | StartTransaction | MeterValues | StopTransaction
)


@dataclass(frozen=True, slots=True)
class PayloadFault:
    """A payload that cannot be answered but with this CALLERROR."""

    code: ErrorCode
    description: str
