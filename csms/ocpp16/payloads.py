"""The hot actions of a charger, decoded into types: a strict lane, and a repair lane for what the strict one refuses.

The strict lane is one msgspec decode, which is validation at the same time. The repair lane reads field by field from
the table `REPAIRS` (numbers as text and text as numbers, overlong text, null, a missing or odd time, an object for a
list). Only when a field that the answer needs cannot be read is the result a `PayloadFault`: a charger that gets an
error instead of a confirmation resends for ever and stalls its queue (OCPP 1.6 §3.7.1, §4.8, §4.10).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec

from csms.ocpp16 import readers
from csms.ocpp16.frames import ErrorCode

_ConnectorId = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
_Int64 = Annotated[int, msgspec.Meta(ge=readers.INT64_MIN, le=readers.INT64_MAX)]
_Text20 = Annotated[str, msgspec.Meta(max_length=20)]
_Text25 = Annotated[str, msgspec.Meta(max_length=25)]
_Text50 = Annotated[str, msgspec.Meta(max_length=50)]


class BootNotification(msgspec.Struct, frozen=True, rename="camel"):
    """§6.3."""

    charge_point_vendor: _Text20 = ""
    charge_point_model: _Text20 = ""
    charge_point_serial_number: _Text25 = ""
    charge_box_serial_number: _Text25 = ""
    firmware_version: _Text50 = ""
    iccid: _Text20 = ""
    imsi: _Text20 = ""
    meter_type: _Text25 = ""
    meter_serial_number: _Text25 = ""


class Heartbeat(msgspec.Struct, frozen=True):
    """§6.27: empty."""


class StatusNotification(msgspec.Struct, frozen=True, rename="camel"):
    """§6.47; `status` and `error_code` as the charger wrote them."""

    connector_id: _ConnectorId
    status: _Text50
    error_code: _Text50 = "NoError"
    info: _Text50 = ""
    timestamp: str = ""
    vendor_id: str = ""
    vendor_error_code: _Text50 = ""


class Authorize(msgspec.Struct, frozen=True, rename="camel"):
    """§6.1."""

    id_tag: _Text20


class StartTransaction(msgspec.Struct, frozen=True, rename="camel"):
    """§6.45; `meter_start` in Wh."""

    connector_id: _ConnectorId
    id_tag: _Text20
    meter_start: _Int64
    timestamp: str = ""
    reservation_id: _Int64 | None = None


class MeterValues(msgspec.Struct, frozen=True, rename="camel"):
    """§6.31; `meter_value` is raw JSON: a list of elements, or one element."""

    connector_id: _ConnectorId
    transaction_id: _Int64 | None = None
    meter_value: msgspec.Raw = msgspec.Raw(b"[]")


class StopTransaction(msgspec.Struct, frozen=True, rename="camel"):
    """§6.49; `meter_stop` in Wh, `transaction_data` raw JSON like `MeterValues.meter_value`."""

    transaction_id: _Int64
    meter_stop: _Int64
    timestamp: str = ""
    id_tag: _Text20 | None = None
    reason: _Text50 = "Local"
    transaction_data: msgspec.Raw = msgspec.Raw(b"[]")


HotPayload = (
    BootNotification | Heartbeat | StatusNotification | Authorize | StartTransaction | MeterValues | StopTransaction
)


@dataclass(frozen=True, slots=True)
class Decoded:
    """A payload that can be answered; `repaired` says what the strict lane found wrong with it, "" for nothing."""

    payload: HotPayload
    repaired: str = ""


@dataclass(frozen=True, slots=True)
class PayloadFault:
    """A payload that cannot be answered but with this CALLERROR."""

    code: ErrorCode
    description: str


@dataclass(frozen=True, slots=True)
class _Field:
    """One row of the repair table.

    Attributes:
        read: its reader; it returns None for what cannot be read.
        needed: without it there is no answer but a CALLERROR.
        low: least value of an integer.
        high: greatest value of an integer; largest number of characters of a text.
    """

    name: str
    read: Callable[[bytes], Any]
    needed: bool = False
    low: int = readers.INT64_MIN
    high: int = readers.INT64_MAX

    @property
    def key(self) -> str:
        """Return its name on the wire."""
        first, *others = self.name.split("_")
        return first + "".join(word.capitalize() for word in others)


@dataclass(frozen=True, slots=True)
class _Shape:
    """How one action is decoded; `unambiguous`: a field given twice with two values is no basis for an answer."""

    payload_type: type[HotPayload]
    fields: tuple[_Field, ...]
    unambiguous: bool = False
    decoder: msgspec.json.Decoder[HotPayload] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "decoder", msgspec.json.Decoder(self.payload_type))


def _text(name: str, max_chars: int, *, needed: bool = False) -> _Field:
    return _Field(name, readers.read_text, needed, high=max_chars)


def _integer(name: str, *, needed: bool = False) -> _Field:
    return _Field(name, readers.read_integer, needed)


_CONNECTOR_ID = _Field("connector_id", readers.read_integer, needed=True, low=0, high=2**31 - 1)

REPAIRS: Mapping[str, _Shape] = {
    "BootNotification": _Shape(
        BootNotification,
        (
            _text("charge_point_vendor", 20),
            _text("charge_point_model", 20),
            _text("charge_point_serial_number", 25),
            _text("charge_box_serial_number", 25),
            _text("firmware_version", 50),
            _text("iccid", 20),
            _text("imsi", 20),
            _text("meter_type", 25),
            _text("meter_serial_number", 25),
        ),
    ),
    "Heartbeat": _Shape(Heartbeat, ()),
    "StatusNotification": _Shape(
        StatusNotification,
        (
            _CONNECTOR_ID,
            _text("status", 50, needed=True),
            _text("error_code", 50),
            _text("info", 50),
            _text("timestamp", 40),
            _text("vendor_id", 255),
            _text("vendor_error_code", 50),
        ),
    ),
    "Authorize": _Shape(Authorize, (_text("id_tag", 20, needed=True),), unambiguous=True),
    "StartTransaction": _Shape(
        StartTransaction,
        (
            _CONNECTOR_ID,
            _text("id_tag", 20, needed=True),
            _integer("meter_start", needed=True),
            _text("timestamp", 40),
            _integer("reservation_id"),
        ),
        unambiguous=True,
    ),
    "MeterValues": _Shape(
        MeterValues,
        (_CONNECTOR_ID, _integer("transaction_id"), _Field("meter_value", msgspec.Raw)),
    ),
    "StopTransaction": _Shape(
        StopTransaction,
        (
            _integer("transaction_id", needed=True),
            _integer("meter_stop", needed=True),
            _text("timestamp", 40),
            _text("id_tag", 20),
            _text("reason", 50),
            _Field("transaction_data", msgspec.Raw),
        ),
        unambiguous=True,
    ),
}
"""The hot actions and how each field is repaired."""


def decode_hot(action: str, payload: bytes) -> Decoded | PayloadFault:
    """Decode the payload of an action of `REPAIRS`; `payload` is the JSON of an object."""
    shape = REPAIRS[action]
    if shape.unambiguous:
        key = _contradicted_key(payload)
        if key is not None:
            return PayloadFault(ErrorCode.FORMATION_VIOLATION, f"{key} is given twice, with two values")
    try:
        return Decoded(shape.decoder.decode(payload))
    except (msgspec.MsgspecError, RecursionError) as error:
        return _repair(shape, payload, str(error))


def _repair(shape: _Shape, payload: bytes, fault: str) -> Decoded | PayloadFault:
    raws = readers.read_fields(payload)
    if raws is None:
        return PayloadFault(ErrorCode.FORMATION_VIOLATION, "the payload is not a readable object")
    values: dict[str, Any] = {}
    for row in shape.fields:
        raw = bytes(raws.get(row.key, b"null"))
        read = None if raw == b"null" else row.read(raw)
        value = _fit(row, read)
        if value is not None:
            values[row.name] = value
        elif row.needed:
            return _fault_of(row, raw, read)
    return Decoded(shape.payload_type(**values), fault)


def _fit(row: _Field, value: Any) -> Any:
    if isinstance(value, str):
        return value[: row.high]
    if isinstance(value, int) and not row.low <= value <= row.high:
        return None
    return value


def _fault_of(row: _Field, raw: bytes, read: Any) -> PayloadFault:
    if raw == b"null":
        return PayloadFault(ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION, f"{row.key} is missing")
    if read is None:
        return PayloadFault(ErrorCode.TYPE_CONSTRAINT_VIOLATION, f"{row.key} cannot be read")
    return PayloadFault(ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, f"{row.key} is not within {row.low}..{row.high}")


def _contradicted_key(payload: bytes) -> str | None:
    """Return a top-level key that has two different values; msgspec would silently take the last one."""
    try:
        pairs = json.loads(payload, object_pairs_hook=tuple, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return None
    seen: dict[str, object] = {}
    for key, value in pairs:
        if seen.setdefault(key, value) != value:
            return str(key)
    return None
