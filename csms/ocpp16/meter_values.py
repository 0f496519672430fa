"""The elements of MeterValues.meterValue and StopTransaction.transactionData, decoded (OCPP 1.6 §7.33, §7.43).

An element is judged while it is decoded. One that fails is decoded again without the enumerations and with numbers for
text, and where that fails, too, value by value: one bad value does not spoil the others.
"""

from collections.abc import Iterable, Sequence

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
    """An element together with the JSON that the charger sent."""

    raw: msgspec.Raw
    element: MeterValue


_element = msgspec.json.Decoder(MeterValue)
_sampled = msgspec.json.Decoder(SampledValue)


def read_meter_values(
    raws: Iterable[msgspec.Raw], strict: msgspec.json.Decoder[MeterValue]
) -> tuple[tuple[Reading, ...], str]:
    """Decode elements; the text says what `strict` has against the first faulty one, "" for nothing.

    What is no object is left out.
    """
    readings: list[Reading] = []
    verdict = ""
    for raw in raws:
        try:
            element = strict.decode(raw)
        except (msgspec.MsgspecError, RecursionError) as error:
            verdict = verdict or str(error)
            if not bytes(raw).startswith(b"{"):
                continue
            element = _read_leniently(raw)
        readings.append(Reading(raw, element))
    return tuple(readings), verdict


def _read_leniently(raw: msgspec.Raw) -> MeterValue:
    try:
        return _element.decode(raw)
    except (msgspec.MsgspecError, RecursionError):
        return _repair(raw)


def _repair(raw: msgspec.Raw) -> MeterValue:
    fields = read_fields(raw) or {}
    values: list[SampledValue] = []
    for item in read_elements(fields.get("sampledValue", msgspec.Raw(b"[]"))):
        try:
            values.append(_sampled.decode(item))
        except (msgspec.MsgspecError, RecursionError):
            continue
    return MeterValue(read_text(fields.get("timestamp", msgspec.Raw(b'""'))) or "", values)
