"""Kilowatts and amperes outside, watts and milliamperes inside: the one place where they meet.

A documented number is kW (or kWh, or A) with at most three decimals, 0 … 1,000,000. A JSON decoder may hand it over as
int, Decimal or float; a float stands for the shortest decimal that means it, so 33.333 is 33,333 W exactly and never
33,332.999…
"""

from decimal import Context, Decimal

from csms.core.configuration.reading import Reader, Wrong

MAX_KILO = 1_000_000
"""Greatest number of kW, kWh or A accepted; more is a slip of units, not a site."""

_STEP = Decimal("0.001")
_EXACT = Context(prec=28)
"""Enough for 1,000,000.000; nothing here depends on the thread's own decimal context."""


def watts(value: object) -> int | Wrong:
    """Return a JSON number of kW (kWh) as W (Wh), or what is wrong with it."""
    return _thousandths(value)


def signed_watts(value: object) -> int | Wrong:
    """Return a JSON number of kW that may be below 0 as W, or what is wrong with it."""
    return _thousandths(value, -MAX_KILO)


def milliseconds(most_ms: int, least_ms: int = 0) -> Reader[int]:
    """Return a reader of a JSON number of seconds as ms."""

    def read(value: object) -> int | Wrong:
        span_ms = _thousandths(value, -MAX_KILO)
        if isinstance(span_ms, int) and not least_ms <= span_ms <= most_ms:
            return Wrong(f"must be from {kilowatts(least_ms)} to {kilowatts(most_ms)}")
        return span_ms

    return read


def milliamperes(value: object) -> int | Wrong:
    """Return a JSON number of A as mA, or what is wrong with it."""
    return _thousandths(value)


def _thousandths(value: object, least: int = 0) -> int | Wrong:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return Wrong("must be a number")
    exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not exact.is_finite() or not least <= exact <= MAX_KILO:
        return Wrong(f"must be from {least} to {MAX_KILO}")
    to_the_step = exact.quantize(_STEP, context=_EXACT)
    if to_the_step != exact:
        return Wrong("must have at most three decimals")
    return int(to_the_step.scaleb(3, context=_EXACT))


def kilowatts(power_w: int) -> int | float:
    """Return W (Wh) as the documented kW (kWh): an integer when whole, else the nearest float (three decimals)."""
    whole, rest = divmod(power_w, 1000)
    return power_w / 1000 if rest else whole
