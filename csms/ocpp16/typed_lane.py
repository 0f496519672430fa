"""The typed lane: a charger's hot actions, judged and read in one step.

Two questions are answered apart. The *verdict* is what the schema says of the message: one msgspec decode into the
types of `strict` ("" when it conforms; `differences` lists where the lane and the schema disagree on purpose). The
*answer* does not depend on it: what fails the verdict is read again by the repair table (`repairs`), and is refused
only when a field that the answer needs cannot be read.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter

import msgspec

from csms.ocpp16 import payloads, strict
from csms.ocpp16.frames import ErrorCode
from csms.ocpp16.half_pairs import mended
from csms.ocpp16.meter_values import MeterValue, Reading, read_meter_values
from csms.ocpp16.payloads import HotPayload, PayloadFault
from csms.ocpp16.repairs import REPAIRS, repair


class Decoded(msgspec.Struct, frozen=True):
    """A payload that can be answered.

    Attributes:
        verdict: what the schema has against it, "" for nothing.
        readings: the elements of its meterValue or transactionData, in their order.
    """

    payload: HotPayload
    verdict: str = ""
    readings: tuple[Reading, ...] = ()


@dataclass(frozen=True, slots=True)
class _Lane:
    """How one action is decoded.

    Attributes:
        elements: its raw meter values.
        unambiguous: fields that say what is meant and are no basis for an answer when given twice, with two values.
    """

    decoder: msgspec.json.Decoder[HotPayload]
    payload_type: type[HotPayload]
    elements: Callable[[HotPayload], list[msgspec.Raw]] | None = None
    unambiguous: frozenset[str] = frozenset()


_LANES: Mapping[str, _Lane] = {
    "BootNotification": _Lane(msgspec.json.Decoder(strict.BootNotification), payloads.BootNotification),
    "Heartbeat": _Lane(msgspec.json.Decoder(strict.Heartbeat), payloads.Heartbeat),
    "StatusNotification": _Lane(msgspec.json.Decoder(strict.StatusNotification), payloads.StatusNotification),
    "Authorize": _Lane(msgspec.json.Decoder(strict.Authorize), payloads.Authorize, unambiguous=frozenset({"idTag"})),
    "StartTransaction": _Lane(
        msgspec.json.Decoder(strict.StartTransaction),
        payloads.StartTransaction,
        unambiguous=frozenset({"connectorId", "idTag", "meterStart"}),
    ),
    "MeterValues": _Lane(
        msgspec.json.Decoder(strict.MeterValues), payloads.MeterValues, elements=attrgetter("meter_value")
    ),
    "StopTransaction": _Lane(
        msgspec.json.Decoder(strict.StopTransaction),
        payloads.StopTransaction,
        elements=attrgetter("transaction_data"),
        unambiguous=frozenset({"transactionId", "meterStop"}),
    ),
}
HOT_ACTIONS = frozenset(_LANES)
"""The actions that this lane decodes; all others go through `vendor.check_call`."""

_DIGITS_MAX = 20
"""Of a 64-bit integer with its sign."""

_meter_value: msgspec.json.Decoder[MeterValue] = msgspec.json.Decoder(strict.MeterValue)


def decode_hot(action: str, payload: bytes) -> Decoded | PayloadFault:
    """Judge and read the payload of one of `HOT_ACTIONS`; `payload` is the JSON of an object."""
    lane = _LANES[action]
    if lane.unambiguous:
        key = _contradicted_key(payload, lane.unambiguous)
        if key is not None:
            return PayloadFault(ErrorCode.FORMATION_VIOLATION, f"{key} is given twice, with two values")
    verdict, whole = "", payload
    read: HotPayload | PayloadFault
    try:
        read = lane.decoder.decode(payload)
    except (msgspec.MsgspecError, RecursionError) as error:
        verdict, whole = str(error), mended(payload)
        read = repair(lane.payload_type, REPAIRS[action], whole)
    if isinstance(read, PayloadFault):
        return read
    if lane.elements is None:
        return Decoded(read, verdict)
    elements = lane.elements(read)
    came = elements if whole == payload else list(_as_they_came(elements, whole, payload))
    readings, fault = read_meter_values(elements, _meter_value, came)
    return Decoded(read, verdict or fault, readings)


def _as_they_came(elements: Iterable[msgspec.Raw], whole: bytes, payload: bytes) -> Iterator[msgspec.Raw]:
    """Yield for elements of the mended payload what stands at the same place in the payload itself."""
    begins = 0
    for element in elements:
        raw = bytes(element)
        begins = whole.index(raw, begins)
        ends = begins + len(raw)
        yield msgspec.Raw(payload[begins:ends])
        begins = ends


def _contradicted_key(payload: bytes, keys: frozenset[str]) -> str | None:
    """Return the one of `keys` that has two different values; msgspec would silently take the last one."""
    try:
        pairs = json.loads(payload, object_pairs_hook=tuple, parse_int=_whole_number)
    except (ValueError, RecursionError):
        return None
    seen: dict[str, tuple[type, object]] = {}
    for key, value in pairs:
        if key in keys and seen.setdefault(key, (type(value), value)) != (type(value), value):
            return str(key)
    return None


def _whole_number(digits: str) -> int | str:
    """Return the number, or its digits when Python might refuse to make a number of them."""
    return int(digits) if len(digits) <= _DIGITS_MAX else digits
