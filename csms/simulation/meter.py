"""A meter that tells the truth, and what it tells when it is broken."""

import random

from csms.simulation.faults import Kind
from csms.simulation.wiring import Phased, Telling

Values = list[dict[str, str]]
"""sampledValue of one element (OCPP 1.6 §7.43)."""

CURRENT = "Current.Import"
GARBAGE_A = (0.0, 0.1, 3.7, 9.0, 16.0, 63.0)


def currents(phased: Phased, draw_w: int, used: tuple[int, ...], voltage_v: int, rng: random.Random) -> Values:
    """Return what a charger tells as the currents of its own phases."""
    wiring, telling = phased.wiring, phased.telling
    if telling is Telling.NOTHING or not wiring.phases:
        return []
    told: Values = []
    for own in wiring.own:
        each_a = draw_w / (voltage_v * len(used)) if own in used else rng.choice((0.0, 0.0, rng.uniform(0.0, 0.4)))
        if telling is Telling.ZEROS or (telling is Telling.FIRST and own > 1):
            each_a = 0.0
        told.append({"value": f"{each_a:.1f}", "measurand": CURRENT, "phase": f"L{own}", "unit": "A"})
    return told


def spoilt_currents(kind: Kind, told: Values, told_before: Values | None, rng: random.Random) -> Values:
    """Return what is told in the place of currents when the powers beside them are true."""
    if kind is Kind.PHASES_FROZEN:
        return told if told_before is None else told_before
    return [value | {"value": str(rng.choice(GARBAGE_A))} for value in told]


def spoilt(kind: Kind, values: Values, told_before: Values | None, rng: random.Random) -> Values:
    """Return what a broken meter makes of `values`."""
    match kind:
        case Kind.METER_FROZEN:
            return values if told_before is None else told_before
        case Kind.METER_NAN:
            return [value | {"value": "NaN"} for value in values]
        case Kind.METER_NEGATIVE:
            return [value | {"value": f"-{value['value']}"} for value in values]
        case Kind.METER_JUMPING:
            factor = rng.choice((0.0, 0.1, 3.0, 1_000.0))
            return [value | {"value": str(int(int(float(value["value"])) * factor))} for value in values]
        case _:
            return [{"value": "230", "measurand": "Voltage", "unit": "V"}]
