"""The elements of MeterValues.meterValue and StopTransaction.transactionData, decoded (OCPP 1.6 §7.33, §7.43).

An element is judged while it is decoded. One that fails is decoded again without the enumerations and with numbers for
text, and where that fails, too, value by value: one bad value does not spoil the others. An element without any value
tells nothing and is left out; of a message with more elements than can be read while everybody waits, the middle is
kept unread, and of an element with more values than anybody measures at once, those behind: its bytes are kept whole.
"""

from collections.abc import Sequence

import msgspec

from csms.ocpp16.readers import read_elements, read_fields, read_text


class SampledValue(msgspec.Struct, frozen=True):
    """One value; enumerations as the charger wrote them, None for absent."""

    value: str | int | float = ""
    context: str | None = None
    format: str | None = None
    measurand: str | None = None
    phase: str | None = None
    location: str | None = None
    unit: str | None = None


class MeterValue(msgspec.Struct, frozen=True, rename="camel"):
    """Values of one moment."""

    timestamp: str = ""
    sampled_value: Sequence[SampledValue] = ()


class Reading(msgspec.Struct, frozen=True):
    """An element together with the JSON that the charger sent.

    The elements that were not read are one of these: their list, without values, with the time of the one before them.
    """

    raw: msgspec.Raw
    element: MeterValue


READ_MAX = 20_000
"""Elements of a message that are read: the first half and the last half of so many.

No message that says when each of its values was measured holds so many: 14,000 fill the longest
(`csms.gateway.server`). What holds more can only be out of order, and must not stop everybody for seconds.
"""

VALUES_MAX = 256
"""Values of an element that are read, its first ones.

OCPP 1.6 knows 22 measurands, and a charger tells few of them for a phase or at several places; nobody tells ten times
as many. An element of 1 MiB holds 74,000 of the shortest, which would take a tenth of a second to judge.
"""

_NO_VALUES = frozenset({b"", b"null"})
_element = msgspec.json.Decoder(MeterValue)
_sampled = msgspec.json.Decoder(SampledValue)


def read_meter_values(
    raws: Sequence[msgspec.Raw],
    strict: msgspec.json.Decoder[MeterValue],
    came: Sequence[msgspec.Raw] | None = None,
) -> tuple[tuple[Reading, ...], str]:
    """Decode elements; the text says what `strict` has against the first faulty one, "" for nothing.

    `came`: the same elements as the charger sent them, where `raws` are mended. What is no object is left out.
    """
    came = raws if came is None else came
    if len(raws) <= READ_MAX:
        readings, verdict, _ = _read(raws, strict, came)
        return tuple(readings), verdict
    begins, ends = READ_MAX // 2, len(raws) - READ_MAX // 2
    first, verdict, timestamp = _read(raws[:begins], strict, came[:begins])
    last, last_verdict, _ = _read(raws[ends:], strict, came[ends:])
    unread = Reading(msgspec.Raw(b"[" + b",".join(came[begins:ends]) + b"]"), MeterValue(timestamp))
    return (*first, unread, *last), verdict or last_verdict


def _read(
    raws: Sequence[msgspec.Raw], strict: msgspec.json.Decoder[MeterValue], came: Sequence[msgspec.Raw]
) -> tuple[list[Reading], str, str]:
    """Return the readings, what `strict` has against the first faulty element, and the time stamp of the last one."""
    readings: list[Reading] = []
    verdict, element = "", MeterValue()
    for raw, as_it_came in zip(raws, came, strict=True):
        try:
            element = strict.decode(raw)
        except (msgspec.MsgspecError, RecursionError) as error:
            verdict = verdict or str(error)
            if not bytes(raw).startswith(b"{"):
                continue
            element = _read_leniently(raw)
            if not element.sampled_value and not _has_values(raw):
                continue
        if len(element.sampled_value) > VALUES_MAX:
            element = MeterValue(element.timestamp, element.sampled_value[:VALUES_MAX])
        readings.append(Reading(as_it_came, element))
    return readings, verdict, element.timestamp


def _has_values(raw: msgspec.Raw) -> bool:
    """Return whether an element has a sampledValue, though none that can be read: it is kept for its bytes."""
    told = (read_fields(raw) or {}).get("sampledValue", msgspec.Raw(b"null"))
    return bytes(told).strip(b"[] \t\r\n") not in _NO_VALUES


def _read_leniently(raw: msgspec.Raw) -> MeterValue:
    try:
        return _element.decode(raw)
    except (msgspec.MsgspecError, RecursionError):
        return _repair(raw)


def _repair(raw: msgspec.Raw) -> MeterValue:
    fields = read_fields(raw) or {}
    values: list[SampledValue] = []
    for item in read_elements(fields.get("sampledValue", msgspec.Raw(b"[]")))[:VALUES_MAX]:
        try:
            values.append(_sampled.decode(item))
        except (msgspec.MsgspecError, RecursionError):
            continue
    return MeterValue(read_text(fields.get("timestamp", msgspec.Raw(b'""'))) or "", values)
