"""From meterValue elements to what control can use: power and energy of the connector (OCPP 1.6 §4.7, §7.31–7.45).

An absent measurand means Energy.Active.Import.Register, an absent unit W or Wh, an absent location Outlet. A total wins
over phases; without one, the phases are summed (line to neutral; line to line and N are something else). Values of the
outlet win; those of inlet, cable, body and car are used only when there is nothing else. Padded numbers and decimal
commas are read; "", NaN, infinities, signed data, other units and implausible values are *missing*, never 0. Power is
rounded up, so that a consumption is never understated; a negative import is an export and counts as 0.
"""

import math
import re
from collections.abc import Iterable
from decimal import Decimal

import msgspec

from csms.core.events import Sample
from csms.ocpp16.readers import read_elements, read_fields, read_text
from csms.ocpp16.times import parse_time_ms

POWER = "Power.Active.Import"
ENERGY = "Energy.Active.Import.Register"

MAX_POWER_W = 10_000_000
"""No connector carries more; a greater value is a mistake."""
MAX_ENERGY_WH = 10**13
"""A register beyond 10 TWh is a mistake."""

_LIMITS = {POWER: MAX_POWER_W, ENERGY: MAX_ENERGY_WH}
_SCALES = {POWER: {"": 1, "W": 1, "KW": 1000}, ENERGY: {"": 1, "WH": 1, "KWH": 1000}}
_LINES = {"": "", "L1": "L1", "L2": "L2", "L3": "L3", "L1-N": "L1", "L2-N": "L2", "L3-N": "L3"}
_NUMBER = re.compile(r"[+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][+-]?\d{1,2})?", re.ASCII)
_OUTLET = "Outlet"
_SHORT = 15

_Found = dict[tuple[str, str, str], int | Decimal]


class _SampledValue(msgspec.Struct, frozen=True):
    value: str | int | float = ""
    context: str | None = None
    format: str | None = None
    measurand: str | None = None
    phase: str | None = None
    location: str | None = None
    unit: str | None = None


class _MeterValue(msgspec.Struct, frozen=True, rename="camel"):
    timestamp: str = ""
    sampled_value: list[_SampledValue] = []


_elements = msgspec.json.Decoder(list[_MeterValue])
_element = msgspec.json.Decoder(_MeterValue)
_sampled = msgspec.json.Decoder(_SampledValue)


def samples_of(meter_value: bytes, received_ms: int) -> tuple[Sample, ...]:
    """Return the samples of a meterValue list (or of one element in its place), oldest first.

    `received_ms` (UTC) stands in for a missing or odd time stamp. Equal times keep the order of the message.
    """
    raw = bytes(meter_value)
    try:
        (only,) = _elements.decode(raw)  # one well-formed element is what nearly every message holds
    except (msgspec.MsgspecError, RecursionError, ValueError):
        samples = [
            _sample_of(_read(raw), raw, received_ms) for raw in map(bytes, read_elements(raw)) if raw[:1] == b"{"
        ]
        return tuple(sorted(samples, key=lambda sample: sample.at_ms))
    return (_sample_of(only, raw[1:-1].strip(), received_ms),)


def _read(raw: bytes) -> _MeterValue:
    try:
        return _element.decode(raw)
    except (msgspec.MsgspecError, RecursionError):
        return _repair(raw)


def _sample_of(element: _MeterValue, raw: bytes, received_ms: int) -> Sample:
    at_ms = parse_time_ms(element.timestamp)
    found = _found(element.sampled_value)
    power, energy = _total(found, POWER), _total(found, ENERGY)
    return Sample(
        at_ms=received_ms if at_ms is None else at_ms,
        power_w=None if power is None else max(0, math.ceil(power)),
        energy_wh=None if energy is None or energy < 0 else math.floor(energy),
        raw_json=raw.decode(),
    )


def _repair(raw: bytes) -> _MeterValue:
    fields = read_fields(raw) or {}
    values: list[_SampledValue] = []
    for item in read_elements(fields.get("sampledValue", msgspec.Raw(b"[]"))):
        try:
            values.append(_sampled.decode(item))
        except (msgspec.MsgspecError, RecursionError):
            continue
    return _MeterValue(read_text(fields.get("timestamp", msgspec.Raw(b'""'))) or "", values)


def _found(values: Iterable[_SampledValue]) -> _Found:
    """Return the usable values by measurand, location and line ("" for the total); of equals the greatest."""
    found: _Found = {}
    for sampled in values:
        measurand = (sampled.measurand or ENERGY).strip()
        scales = _SCALES.get(measurand)
        if scales is None or (sampled.format is not None and sampled.format.strip() == "SignedData"):
            continue
        line = "" if sampled.phase is None else _LINES.get(sampled.phase.strip().upper())
        scale = 1 if sampled.unit is None else scales.get(sampled.unit.strip().upper())
        if line is None or scale is None:
            continue
        number = _number(str(sampled.value).strip(), scale)
        if number is None or not -_LIMITS[measurand] <= number <= _LIMITS[measurand]:
            continue
        location = _OUTLET if sampled.location is None else sampled.location.strip()
        key = measurand, location, line
        known = found.get(key)
        if known is None or number > known:
            found[key] = number
    return found


def _number(text: str, scale: int) -> int | Decimal | None:
    if text.isascii() and text.isdigit() and len(text) <= _SHORT:  # most values are plain whole numbers
        return int(text) * scale
    text = text.replace(",", ".", 1)
    return Decimal(text) * scale if _NUMBER.fullmatch(text) else None


def _total(found: _Found, measurand: str) -> int | Decimal | None:
    """Return the connector's value of `measurand`: a total, else the sum of the phases; the outlet's first."""
    total = found.get((measurand, _OUTLET, ""))
    if total is not None or not found:
        return total
    lines: dict[str, dict[str, int | Decimal]] = {}
    for (name, location, line), number in found.items():
        if name == measurand:
            lines.setdefault(location, {})[line] = number
    if not lines:
        return None
    here = lines[min(lines, key=lambda location: (location != _OUTLET, location))]
    return here[""] if "" in here else sum(here.values(), start=0)
