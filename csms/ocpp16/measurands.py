"""From meterValue elements to what control can use: power and energy of the connector (OCPP 1.6 §4.7, §7.31–7.45).

An absent measurand means Energy.Active.Import.Register, an absent unit W or Wh, an absent location Outlet. A total wins
over phases, but for one of 0 W beside phases that draw; without one, the phases are summed (line to neutral; line to
line and N are something else). Values of the outlet win; those of inlet, cable, body and car are used only when there
is nothing else. Padded numbers and decimal commas are read, but for 1,234 W or Wh, which may be a thousand times as
much; "", NaN, infinities, signed data, other units and implausible values are *missing*, never 0. Power is rounded up,
so that a consumption is never understated; a negative import is an export and counts as 0.
"""

import math
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from operator import attrgetter

from csms.core.events import Sample
from csms.ocpp16.meter_values import Reading, SampledValue
from csms.ocpp16.readers import MAYBE_GROUPED
from csms.ocpp16.times import parse_time_ms

POWER = "Power.Active.Import"
ENERGY = "Energy.Active.Import.Register"
CURRENT = "Current.Import"

MAX_POWER_W = 10_000_000
"""No connector carries more; a greater value is a mistake."""
MAX_ENERGY_WH = 10**13
"""A register beyond 10 TWh is a mistake."""

_LIMITS = {POWER: MAX_POWER_W, ENERGY: MAX_ENERGY_WH}
_SCALES = {
    POWER: {"": 1, "W": 1, "KW": 1000, "kW": 1000},
    ENERGY: {"": 1, "WH": 1, "KWH": 1000, "Wh": 1, "kWh": 1000},
}
"""By unit, in capitals and as OCPP spells it."""
_SPELLED = {name.lower(): name for name in (POWER, ENERGY, CURRENT, "Voltage")}
_OUTLET_LINES = ("L1", "L2", "L3")
_PLAIN = re.compile(r"\d{1,4}(?:\.\d{1,15})?", re.ASCII)
_PLAIN_OUTLETS = frozenset({None, "Outlet"})
_PLAIN_AMPERES = frozenset({None, "A"})
_DRAWN_W = 100
"""Phases that sum up to this much draw, whatever the total says; less may be noise."""
_W_PER_KW = 1000
_KILO_DIGITS = 3
_NOMINAL_V = 230
_LINES = {"": "", "L1": "L1", "L2": "L2", "L3": "L3", "L1-N": "L1", "L2-N": "L2", "L3-N": "L3"}
_NUMBER = re.compile(r"[+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][+-]?\d{1,2})?", re.ASCII)
_OUTLET = "Outlet"
_SHORT = 15

_Found = dict[tuple[str, str, str], int | Decimal]


def samples_of(readings: Sequence[Reading], received_ms: int) -> tuple[Sample, ...]:
    """Return the samples of a message's meter values, oldest first.

    `received_ms` (UTC) stands in for a missing or odd time stamp. Equal times keep the order of the message.
    """
    if len(readings) == 1:  # as in nearly every message
        return (_sample_of(readings[0], received_ms),)
    samples = [_sample_of(reading, received_ms) for reading in readings]
    return tuple(sorted(samples, key=attrgetter("at_ms")))


def _sample_of(reading: Reading, received_ms: int) -> Sample:
    element = reading.element
    at_ms = parse_time_ms(element.timestamp)
    torn: set[tuple[str, str]] = set()
    found = _found(element.sampled_value, torn)
    power, energy = _total(found, torn, POWER), _total(found, torn, ENERGY)
    drawn_w = _in_watts(_drawn_w(found), element.sampled_value) if power == 0 else 0
    contradicted = drawn_w >= _DRAWN_W
    if contradicted:
        power = drawn_w
    elif power is not None:
        power = _in_watts(power, element.sampled_value)
    return Sample(
        received_ms if at_ms is None else at_ms,
        None if power is None else max(0, math.ceil(power)),
        None if energy is None or energy < 0 else math.floor(energy),
        str(reading.raw, "utf-8"),
        1 if energy is None or energy % 10 else _step_wh(element.sampled_value),
        zero_contradicted=contradicted,
        current_ma=_currents(element.sampled_value),
        phase_w=_phase_powers(found),
    )


def _found(values: Iterable[SampledValue], torn: set[tuple[str, str]]) -> _Found:
    """Return the usable values by measurand, location and line ("" for the total); of equals the greatest.

    Measurands, with their locations, of which a phase is told without a usable value go into `torn`.
    """
    found: _Found = {}
    for sampled in values:
        measurand = _measurand(sampled)
        scales = _SCALES.get(measurand)
        if scales is None or (sampled.format is not None and sampled.format.strip() == "SignedData"):
            continue
        line = "" if sampled.phase is None else _LINES.get(sampled.phase.strip().upper())
        unit = sampled.unit or ""
        scale = scales.get(unit) or scales.get(unit.strip().upper())
        if line is None or scale is None:
            continue
        number, limit = _number(str(sampled.value).strip(), scale), _LIMITS[measurand]
        location = _OUTLET if sampled.location is None else sampled.location.strip()
        if number is None or not -limit <= number <= limit:
            if line:
                torn.add((measurand, location))
            continue
        key = measurand, location, line
        known = found.get(key)
        if known is None or number > known:
            found[key] = number
    return found


def _measurand(sampled: SampledValue) -> str:
    """Return what is measured, spelt as OCPP does."""
    told = sampled.measurand
    if told is None or told in _SCALES:
        return told or ENERGY
    told = told.strip()
    return _SPELLED.get(told.lower(), told or ENERGY)


def _number(text: str, scale: int) -> int | Decimal | None:
    whole, _, fraction = text.partition(".")
    if whole.isdigit() and len(text) <= _SHORT and text.isascii():  # most values are whole numbers in W or Wh
        if not fraction.strip("0"):
            return int(whole) * scale
        if scale == _W_PER_KW and fraction.isdigit() and len(fraction) <= _KILO_DIGITS:
            return int(whole + fraction.ljust(_KILO_DIGITS, "0"))
    if scale == 1 and MAYBE_GROUPED.fullmatch(text):
        return None
    text = text.replace(",", ".", 1)
    return Decimal(text) * scale if _NUMBER.fullmatch(text) else None


def _total(found: _Found, torn: set[tuple[str, str]], measurand: str) -> int | Decimal | None:
    """Return the connector's value of `measurand`: a total, else the sum of the phases; the outlet's first.

    Of phases of which one is missing there is no sum: it would be too low. Where only one is told, what stands in the
    place of the others is a placeholder: the car uses one.
    """
    total = found.get((measurand, _OUTLET, ""))
    if total is not None or not found:
        return total
    lines: dict[str, dict[str, int | Decimal]] = {}
    for (name, location, line), number in found.items():
        if name == measurand:
            lines.setdefault(location, {})[line] = number
    if not lines:
        return None
    place = min(lines, key=lambda location: (location != _OUTLET, location))
    here = lines[place]
    if "" in here:
        return here[""]
    is_torn = len(here) > 1 and (measurand, place) in torn
    return None if is_torn else sum(here.values(), start=0)


def _currents(values: Iterable[SampledValue]) -> tuple[int, int, int] | None:
    """Return the currents of L1, L2 and L3 at the outlet, mA, of equals the greatest; None unless all are told.

    It is asked of every sample and seldom needed, so it takes only what is written plainly.
    """
    current_ma: dict[str, int] = {}
    for sampled in values:
        if sampled.measurand != CURRENT or sampled.phase is None or sampled.location not in _PLAIN_OUTLETS:
            continue
        line, value = _LINES.get(sampled.phase), str(sampled.value)
        if not line:
            continue
        if not _PLAIN.fullmatch(value) or sampled.unit not in _PLAIN_AMPERES:
            return None
        current_ma[line] = max(current_ma.get(line, 0), math.ceil(float(value) * 1000))
    if len(current_ma) < len(_OUTLET_LINES):
        return None
    on_l1, on_l2, on_l3 = [current_ma[line] for line in _OUTLET_LINES]
    return on_l1, on_l2, on_l3


def _phase_powers(found: _Found) -> tuple[int, int, int] | None:
    """Return the powers of L1, L2 and L3 at the outlet, W, rounded up; None unless all are told, and none exports."""
    powers = [math.ceil(w) for line in _OUTLET_LINES if (w := found.get((POWER, _OUTLET, line))) is not None]
    if len(powers) < len(_OUTLET_LINES) or min(powers) < 0:
        return None
    on_l1, on_l2, on_l3 = powers
    return on_l1, on_l2, on_l3


def _drawn_w(found: _Found) -> int | Decimal:
    """Return the sum of the phases' powers at the outlet, W."""
    here = (w for (name, location, line), w in found.items() if name == POWER and location == _OUTLET and line)
    return sum(here, start=0)


def _step_wh(values: Iterable[SampledValue]) -> int:
    """Return the least difference that an energy register in kWh shows, by the digits that it was written with, Wh."""
    digits = [
        len(str(sampled.value).strip().replace(",", ".").partition(".")[2])
        for sampled in values
        if _measurand(sampled) == ENERGY and (sampled.unit or "").strip().upper() == "KWH"
    ]
    return 10 ** max(0, 3 - max(digits)) if digits else 1


def _in_watts(power: int | Decimal, values: Iterable[SampledValue]) -> int | Decimal:
    """Return a power "in W" in W: some chargers write kW there."""
    return power * _W_PER_KW if 0 < power < _W_PER_KW and _are_kilowatts(power, values) else power


def _are_kilowatts(power: int | Decimal, values: Iterable[SampledValue]) -> bool:
    """Return whether a power "in W" is one in kW: by the current in the same element it is a thousand times as much.

    From half of that to four times (a current without a phase may be that of each of three), so that no other of the
    contradictions between the two that there are is taken for this one.
    """
    found: dict[str, dict[str, int | Decimal]] = {CURRENT: {}, "Voltage": {}}
    for sampled in values:
        measurand = _measurand(sampled)
        if measurand == POWER and sampled.unit is not None and sampled.unit.strip().upper() != "W":
            return False
        if measurand in found and (sampled.unit or "").strip().upper() in {"", "A", "V"}:
            number = _number(str(sampled.value).strip(), 1)
            if number is not None and number > 0:
                found[measurand][(sampled.phase or "").strip().upper()] = number
    currents = {phase: amperes for phase, amperes in found[CURRENT].items() if _LINES.get(phase) is not None}
    total_a = currents.pop("", 0)
    voltages = [volts for phase, volts in found["Voltage"].items() if _LINES.get(phase) is not None]
    voltage = Decimal(sum(voltages)) / len(voltages) if voltages else Decimal(_NOMINAL_V)
    apparent_w = (sum(currents.values()) if currents else total_a) * voltage
    return 0 < apparent_w / 2 <= power * _W_PER_KW <= apparent_w * 4
