"""The repair table: how each field of a hot action is read when the schema has something against the message.

Numbers as text and text as numbers, overlong text, null, a missing or odd time, an object for a list: all of it is
read, field by field; half a surrogate pair in a text is U+FFFD by then (`half_pairs`). Only when a field that the
answer needs cannot be read is the result a `PayloadFault`: a charger that gets an error instead of a confirmation
resends for ever and stalls its queue (OCPP 1.6 §3.7.1, §4.8, §4.10). So a start needs no tag, no connector and no
register to be recorded (refused, at no connector, suspect), and a stop no register and no id (it is that of a start
that was never given one).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from csms.ocpp16 import readers
from csms.ocpp16.frames import ErrorCode
from csms.ocpp16.payloads import HotPayload, PayloadFault


@dataclass(frozen=True, slots=True)
class Field:
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


def _text(name: str, max_chars: int, *, needed: bool = False) -> Field:
    return Field(name, readers.read_text, needed, high=max_chars)


def _integer(name: str) -> Field:
    return Field(name, readers.read_integer)


_CONNECTOR_ID = Field("connector_id", readers.read_integer, needed=True, low=0, high=readers.CONNECTOR_ID_MAX)
_TIMESTAMP = _text("timestamp", 40)

ID_TAG_CHARS_MAX = 255
"""A tag that is too long (§7.28: 20) is another one than its first 20 characters, and is judged as it came."""

REPAIRS: Mapping[str, tuple[Field, ...]] = {
    "BootNotification": (
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
    "Heartbeat": (),
    "StatusNotification": (
        _CONNECTOR_ID,
        _text("status", 50, needed=True),
        _text("error_code", 50),
        _text("info", 50),
        _TIMESTAMP,
        _text("vendor_id", 255),
        _text("vendor_error_code", 50),
    ),
    "Authorize": (_text("id_tag", ID_TAG_CHARS_MAX, needed=True),),
    "StartTransaction": (
        replace(_CONNECTOR_ID, needed=False),
        _text("id_tag", ID_TAG_CHARS_MAX),
        _integer("meter_start"),
        _TIMESTAMP,
        _integer("reservation_id"),
    ),
    "MeterValues": (
        replace(_CONNECTOR_ID, needed=False),
        _integer("transaction_id"),
        Field("meter_value", readers.read_elements),
    ),
    "StopTransaction": (
        _integer("transaction_id"),
        _integer("meter_stop"),
        _TIMESTAMP,
        _text("id_tag", ID_TAG_CHARS_MAX),
        _text("reason", 50),
        Field("transaction_data", readers.read_elements),
    ),
}
"""The hot actions and how each of their fields is read."""


def repair(payload_type: type[HotPayload], rows: tuple[Field, ...], payload: bytes) -> HotPayload | PayloadFault:
    """Read a payload field by field."""
    raws = readers.read_fields(payload)
    if raws is None:
        return PayloadFault(ErrorCode.FORMATION_VIOLATION, "the payload is not a readable object")
    values: dict[str, Any] = {}
    for row in rows:
        raw = bytes(raws.get(row.key, b"null"))
        read = None if raw == b"null" else row.read(raw)
        value = _fit(row, read)
        if value is not None:
            values[row.name] = value
        elif row.needed:
            return _fault_of(row, raw, read)
    return payload_type(**values)


def _fit(row: Field, value: Any) -> Any:
    if isinstance(value, str):
        return value[: row.high]
    if isinstance(value, int) and not row.low <= value <= row.high:
        return None
    return value


def _fault_of(row: Field, raw: bytes, read: Any) -> PayloadFault:
    if raw == b"null":
        return PayloadFault(ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION, f"{row.key} is missing")
    if read is None:
        return PayloadFault(ErrorCode.TYPE_CONSTRAINT_VIOLATION, f"{row.key} cannot be read")
    return PayloadFault(ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, f"{row.key} is not within {row.low}..{row.high}")
