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

_SCALES = {POWER: {"": 1, "W": 1, "KW": 1000}, ENERGY: {"": 1, "WH": 1, "KWH": 1000}}
_PHASES = {"L1": "L1", "L2": "L2", "L3": "L3", "L1-N": "L1", "L2-N": "L2", "L3-N": "L3"}
_NUMBER = re.compile(r"[+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][+-]?\d{1,2})?", re.ASCII)
_OUTLET = "Outlet"


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


_element = msgspec.json.Decoder(_MeterValue)
_sampled = msgspec.json.Decoder(_SampledValue)


def samples_of(meter_value: bytes, received_ms: int) -> tuple[Sample, ...]:
    """Return the samples of a meterValue list (or of one element in its place), oldest first.

    `received_ms` (UTC) stands in for a missing or odd time stamp. Equal times keep the order of the message.
    """
    samples = [_sample_of(raw, received_ms) for raw in map(bytes, read_elements(meter_value)) if raw.startswith(b"{")]
    return tuple(sorted(samples, key=lambda sample: sample.at_ms))


def _sample_of(raw: bytes, received_ms: int) -> Sample:
    try:
        element = _element.decode(raw)
    except (msgspec.MsgspecError, RecursionError):
        element = _repair(raw)
    at_ms = parse_time_ms(element.timestamp)
    power = _total(element.sampled_value, POWER, MAX_POWER_W)
    energy = _total(element.sampled_value, ENERGY, MAX_ENERGY_WH)
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


def _total(values: Iterable[_SampledValue], measurand: str, limit: int) -> Decimal | None:
    """Return the connector's value of `measurand`: a total, else the sum of the phases; the outlet's first."""
    totals: dict[str, Decimal] = {}
    phases: dict[str, dict[str, Decimal]] = {}
    for sampled in values:
        if (sampled.measurand or ENERGY).strip() != measurand:
            continue
        number = _number(sampled, measurand, limit)
        if number is None:
            continue
        location = (sampled.location or _OUTLET).strip()
        phase = (sampled.phase or "").strip().upper()
        if not phase:
            totals[location] = max(number, totals.get(location, number))
        elif phase in _PHASES:
            of_location = phases.setdefault(location, {})
            line = _PHASES[phase]
            of_location[line] = max(number, of_location.get(line, number))
    for location in sorted({*totals, *phases}, key=lambda name: (name != _OUTLET, name)):
        return totals[location] if location in totals else sum(phases[location].values(), Decimal(0))
    return None


def _number(sampled: _SampledValue, measurand: str, limit: int) -> Decimal | None:
    if sampled.format is not None and sampled.format.strip() == "SignedData":
        return None
    scale = _SCALES[measurand].get((sampled.unit or "").strip().upper())
    text = str(sampled.value).strip().replace(",", ".", 1)
    if scale is None or _NUMBER.fullmatch(text) is None:
        return None
    number = Decimal(text) * scale
    return number if abs(number) <= limit else None
