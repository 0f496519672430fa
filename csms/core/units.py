"""Conversions that the whole core shares: integers only, limits round down."""

KILO = 1_000
MS_PER_HOUR = 3_600_000
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1


def floor_kw_w(power_w: int) -> int:
    """Return `power_w` rounded down to whole kilowatts, in W: what a REST-driven session can be told."""
    return power_w // KILO * KILO


def percent_w(power_w: int, percent: int) -> int:
    """Return `percent` % of `power_w`, W, rounded down."""
    return power_w * percent // 100


def mean_power_w(energy_wh: int, duration_ms: int) -> int:
    """Return the mean power of `energy_wh` in `duration_ms`, W, rounded up: consumption is never understated."""
    return -(-energy_wh * MS_PER_HOUR // duration_ms)


def used_wh(from_wh: int, to_wh: int) -> int:
    """Return what a register rose by, Wh, or the nearest that 64 bits hold: chargers tell any register of so many."""
    return min(max(to_wh - from_wh, INT64_MIN), INT64_MAX)
