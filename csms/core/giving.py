"""Evidence against a battery: it gives less than it is told to, and says nothing of it.

Theory of operation. What an inverter has acknowledged is granted before anything flows (`csms.core.supply`). When it is
told to give, and is measured to give less for ten seconds, its word is not enough any more: it is granted what it has
given at the most, and cars are cut to that. It counts as before when it was seen to give clearly more than that, as
much as it was told; or after ten minutes, for one that is asked for no more cannot show it. A battery that is computed
gives what it is told by definition.
"""

from dataclasses import dataclass

from csms.core.battery import BatteryReading

SHORT_MS = 10_000
"""For so long it has to give less than it is told."""

TRUSTED_AGAIN_MS = 600_000
"""After so long its word is taken again."""

_TOLERANCE_W = 1_000
_TOLERANCE_PERCENT = 2


@dataclass(slots=True)
class Giving:
    """What a battery was seen to give of what it was told; times monotonic ms.

    Attributes:
        short_ms: since when every reading shows less than it is told to give; None: the last one did not.
        most_w: the most that it gave in that time.
        proven_w: the most that is granted; None: its word is taken. proven_ms: when that was found out.
    """

    short_ms: int | None = None
    most_w: int = 0
    proven_w: int | None = None
    proven_ms: int = 0


def weigh(giving: Giving, reading: BatteryReading, told_w: int, read_ms: int) -> None:
    """Take a reading of a battery that is told to give `told_w`, W."""
    tolerance_w = max(_TOLERANCE_W, told_w * _TOLERANCE_PERCENT // 100)
    if reading.computed or told_w <= 0 or reading.power_w >= told_w - tolerance_w:
        giving.short_ms = None
        if giving.proven_w is not None and told_w > giving.proven_w + tolerance_w:
            giving.proven_w = None
        return
    if giving.short_ms is None:
        giving.short_ms, giving.most_w = read_ms, 0
    giving.most_w = max(giving.most_w, reading.power_w)
    if read_ms - giving.short_ms >= SHORT_MS:
        giving.proven_w, giving.proven_ms = giving.most_w, read_ms
