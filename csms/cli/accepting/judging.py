"""Verdicts on what was metered: does the car keep to a limit, does it come back, is it paused.

Pure, and unit-tested as a table. A limit is followed when, from some reading on, the car never draws more than it was
told, and shows with at least one reading that it is the limit that it keeps to: a car that wants less shows nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from csms.cli.accepting.looks import Reading
from csms.core.station import Charger

READINGS = 3
"""So many in a row have to show the limit, after the first one that keeps to it: a car may still be falling then."""

READINGS_MAX = 8
"""Where the first ones do not show it, those before the last of so many may."""

CUT_MS = 30_000
"""So long the slowest car may take to fall to a limit (LEDGER.md §3), and two periods of its meter to show it."""

FOLLOWS_PERCENT = 75
"""A car that draws less than this of what it was told is held back by something else."""

STEADY_PERCENT = 85
"""The lowest of the readings that count has so much of the highest."""

LEVELS_TENTHS_A = (240, 160, 131, 100, 80, 60)
"""One is no whole number: where tenths are told, a charger that rounds them up is seen."""
SHARES_PERCENT = (75, 50, 25)
BELOW_PERCENT = 85
"""A stair is at most so much of what the car draws by itself."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a car should do: at most `limit_w`, and at least once `least_w`, from `told_ms` on (server's UTC ms)."""

    told_ms: int
    limit_w: int
    least_w: int
    tolerance_w: int
    period_ms: int


@dataclass(frozen=True, slots=True)
class Kept:
    """It did: how long after it was told the first reading showed it, and the most that was metered then."""

    after_ms: int
    power_w: int


@dataclass(frozen=True, slots=True)
class Broken:
    """It did not, and why."""

    why: str


def judge(readings: Sequence[Reading], target: Target) -> Kept | Broken | None:
    """Return whether a limit is kept; None: more readings are needed."""
    since = [reading for reading in readings if reading.at_ms > target.told_ms]
    highest_w = target.limit_w + target.tolerance_w
    kept = next((n for n, reading in enumerate(since) if reading.power_w <= highest_w), None)
    if kept is None:
        late_ms = since[-1].at_ms - target.told_ms if since else 0
        if late_ms <= CUT_MS + 2 * target.period_ms:
            return None
        return Broken(f"draws {since[-1].power_w} W {late_ms // 1_000} s after it was told {target.limit_w} W")
    here = since[kept:]
    again = next((reading for reading in here if reading.power_w > highest_w), None)
    if again is not None:
        return Broken(f"kept to {target.limit_w} W and drew {again.power_w} W again")
    if len(here) not in {READINGS + 1, READINGS_MAX}:
        return None
    last = [reading.power_w for reading in here[-READINGS:]]
    is_last = len(here) == READINGS_MAX
    if min(last) * 100 < max(last) * STEADY_PERCENT:
        return (
            Broken(f"wanders from {min(last)} to {max(last)} W where it was told {target.limit_w} W")
            if is_last
            else None
        )
    if max(last) < target.least_w:
        why = f"draws {max(last)} W where it was told {target.limit_w} W: something else holds it back"
        return Broken(why) if is_last else None
    return Kept(here[0].at_ms - target.told_ms, max(last))


def judge_resume(readings: Sequence[Reading], target: Target) -> Kept | Broken | None:
    """Return whether power flows again, and no more than was told; None: more readings are needed."""
    since = [reading for reading in readings if reading.at_ms > target.told_ms]
    above = next((reading for reading in since if reading.power_w > target.limit_w + target.tolerance_w), None)
    if above is not None:
        return Broken(f"draws {above.power_w} W where it was told {target.limit_w} W")
    back = next((reading for reading in since if reading.power_w >= target.least_w), None)
    return None if back is None else Kept(back.at_ms - target.told_ms, back.power_w)


def phases_used(config: Charger, limit_w: int, power_w: int, tolerance_w: int) -> int:
    """Return on how many phases a car charges that draws `power_w` at a limit of all of them, as far as that shows."""
    each_w = limit_w // max(1, config.phases)
    return next(
        (n for n in range(1, config.phases) if power_w <= n * each_w + tolerance_w // config.phases), config.phases
    )


def stairs_w(config: Charger, drawn_w: int, phases: int) -> list[tuple[int, str]]:
    """Return the stairs below what a car draws on `phases` phases: the limit of the whole charger, W, and in words."""
    least_w = max(config.min_power_w, config.fail_safe_power_w)
    if config.is_dc:
        shares = [drawn_w * percent // 100_000 * 1_000 for percent in SHARES_PERCENT]
        top_w = drawn_w * BELOW_PERCENT // 100
        found = sorted({each for each in (*shares, least_w) if max(least_w, 1) <= each <= top_w}, reverse=True)
        return [(each, f"{each / 1_000:g} kW") for each in found]
    drawn_tenths_a = drawn_w * 10 // (config.voltage_v * phases)
    stairs = [(tenths * config.voltage_v * config.phases // 10, tenths) for tenths in LEVELS_TENTHS_A]
    return [
        (limit_w, f"{tenths / 10:g} A")
        for limit_w, tenths in stairs
        if limit_w >= least_w and tenths * 100 <= drawn_tenths_a * BELOW_PERCENT
    ]
