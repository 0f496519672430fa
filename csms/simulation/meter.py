"""A meter that tells the truth, and what it tells when it is broken."""

import random

from csms.simulation.faults import Kind

Values = list[dict[str, str]]
"""sampledValue of one element (OCPP 1.6 §7.43)."""


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
            return [value | {"value": str(int(int(value["value"]) * factor))} for value in values]
        case _:
            return [{"value": "230", "measurand": "Voltage", "unit": "V"}]
