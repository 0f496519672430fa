"""A capacity tariff: how much may be drawn so that the mean of no window is above what is paid for anyhow.

Theory of operation. Windows begin with the hours of the station's clock (15 minutes: 00, 15, 30, 45). Of each one a
budget of energy is known: its length times the *limit*, the target or the highest mean of this month so far, whichever
is more, for that one is paid for already. What was drawn is taken off the budget; what is left, spread over the time
that is left, may be drawn.

That is asked again with every power that is told, which is what makes up for delay: what was drawn above the limit
because an older, higher one was still obeyed is missing in the budget a moment later. A load that obeys every limit
within 15 s (on the wire in 5 s, settled in 10 s: LEDGER.md §3) has no window whose mean is more than 1 W above the
limit, if powers are told each 30 s or more often, and at the ends of windows (`Window.end_ms`), too. Where they are not
told there, what was drawn between two that were told is shared out evenly, and may in truth have been drawn behind the
end: a quarter of `BURST` times the limit for so long, no more (told every 10 s, 15 minutes: 0.6 % of the limit).

The exceptions: where this governor has only begun, and at the turn of the month, when the limit falls back to the
target, what was allowed before is drawn for as long as it takes to be cut.

At the end of a window what is left would allow any power; more than `BURST` times the limit is never allowed, so that
cars are not thrown about, and in the last `LEAD_MS` no more than the limit, so that the next window does not begin with
more than that.

A power that is told is the mean since the one told before it, as meters have it. Where no meter tells it, what may have
been drawn is taken off the budget, and only what is *sure* to have been drawn makes a peak: a peak that nobody has paid
for would let more be drawn. Of a time in which nothing was known (this process did not run) nothing is guessed but that
its share of the budget is gone; it counts for no peak.

What is allowed changes with each power that is told, and cars cannot be told another limit each time: `steady_w` keeps
to what was allowed before for as long as it is still allowed and not much more is.
"""

from dataclasses import dataclass, replace
from datetime import tzinfo

from csms.core.capacity_windows import LEAD_MS
from csms.core.grid_terms import CapacityTariff
from csms.core.ids import Now
from csms.core.station_time import shown

BURST = 2
"""So many times the limit are allowed at the most, however little was drawn in a window so far."""

STEPS = 40
"""What is allowed goes up and down by this part of the limit."""

MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Peak:
    """The highest mean of a window in a month ("2026-11", by the station's clock), W rounded down."""

    month: str
    power_w: int


NO_PEAK = Peak("", 0)
"""Of no month."""


@dataclass(frozen=True, slots=True)
class Window:
    """A window of the tariff, as far as it has come.

    Attributes:
        begin_ms: UTC; end_ms: likewise.
        used_w_ms: what may have been drawn in it, W·ms; sure_w_ms: what of that is sure.
        unknown_ms: for how long of it nothing is known.
    """

    begin_ms: int
    end_ms: int
    used_w_ms: int = 0
    sure_w_ms: int = 0
    unknown_ms: int = 0


@dataclass(frozen=True, slots=True)
class Governor:
    """All that has to be remembered; begin with `Governor(peak)`, the peak that was stored.

    Attributes:
        peak: of the month of `window`; of any month before the first power is told.
        window: that of `seen`; None before.
        seen: when a power was told last.
        other: the peak of the month that the clock showed before.
    """

    peak: Peak = NO_PEAK
    window: Window | None = None
    seen: Now | None = None
    other: Peak = NO_PEAK


def metered(
    governor: Governor, tariff: CapacityTariff, power_w: int, now: Now, zone: tzinfo, sure_w: int | None = None
) -> Governor:
    """Return the governor after a power was told: the mean since the last time, W, import positive.

    `sure_w`: what of it is sure; None: all. What is fed back counts as 0. The peak is another one where a window has
    ended, or a month; it is to be stored then.
    """
    power_w = max(0, power_w)
    sure_w = power_w if sure_w is None else min(power_w, max(0, sure_w))
    window = _window_at(now.wall_ms, tariff, zone)
    month = shown(window.begin_ms, zone).strftime("%Y-%m")
    passed_ms = 0 if governor.seen is None else now.mono_ms - governor.seen.mono_ms
    from_ms = now.wall_ms - passed_ms
    peak, before = governor.peak, governor.window
    if before is not None and before.begin_ms == window.begin_ms and from_ms >= window.begin_ms:
        used_w_ms, sure_w_ms = before.used_w_ms + power_w * passed_ms, before.sure_w_ms + sure_w * passed_ms
        window = replace(before, used_w_ms=used_w_ms, sure_w_ms=sure_w_ms)
    else:
        if before is not None:
            left_ms = max(0, min(passed_ms, before.end_ms - from_ms))
            peak = _raised(peak, before, sure_w * left_ms)
        inside_ms = now.wall_ms - max(from_ms, window.begin_ms)
        unknown_ms = now.wall_ms - window.begin_ms - inside_ms
        used_w_ms, sure_w_ms = power_w * inside_ms, sure_w * inside_ms
        window = replace(window, used_w_ms=used_w_ms, sure_w_ms=sure_w_ms, unknown_ms=unknown_ms)
    other = governor.other
    if peak.month != month:  # a new one; or the clock was set ahead by mistake, and back again
        peak, other = other if other.month == month else Peak(month, 0), peak
    return Governor(peak, window, now, other)


def limit_w(governor: Governor, tariff: CapacityTariff) -> int | None:
    """Return the mean that no window is to exceed, W: the target, or what is paid for already; None: none."""
    return None if tariff.target_w is None else max(tariff.target_w, governor.peak.power_w)


def allowed_w(governor: Governor, tariff: CapacityTariff, capacity_w: int) -> int:
    """Return what may be drawn from the grid connection now, W: 0 … `capacity_w`; as of the last power told."""
    limit = limit_w(governor, tariff)
    if limit is None or governor.window is None or governor.seen is None:
        return capacity_w
    window = governor.window
    left_ms = window.end_ms - governor.seen.wall_ms
    budget_w_ms = limit * (window.end_ms - window.begin_ms - window.unknown_ms) - window.used_w_ms
    most_w = limit if left_ms <= LEAD_MS else BURST * limit
    return max(0, min(budget_w_ms // left_ms, most_w, capacity_w))


def steady_w(before_w: int | None, allowed_w: int, limit_w: int) -> int:
    """Return what is to be gone by where `allowed_w` may be drawn, W, never more; `before_w`: what was gone by so far.

    Within a step of what is allowed, what was gone by stays; else it is a whole number of steps, or all that is allowed
    where that is less than one. The limit itself is such a number.
    """
    step_w = max(1, limit_w // STEPS)
    if before_w is not None and before_w <= allowed_w < before_w + step_w:
        return before_w
    if allowed_w <= step_w:
        return allowed_w
    return limit_w + (allowed_w - limit_w) // step_w * step_w


def _raised(peak: Peak, window: Window, rest_w_ms: int) -> Peak:
    """Return the peak after a window that is over; of `rest_w_ms` it was not known before."""
    mean_w = (window.sure_w_ms + rest_w_ms) // (window.end_ms - window.begin_ms)
    return replace(peak, power_w=max(peak.power_w, mean_w))


def _window_at(wall_ms: int, tariff: CapacityTariff, zone: tzinfo) -> Window:
    """Return the window that holds an instant."""
    length_ms = tariff.window_min * MINUTE_MS
    clock = shown(wall_ms, zone)
    past_ms = (clock.minute * MINUTE_MS + clock.second * 1_000 + clock.microsecond // 1_000) % length_ms
    return Window(wall_ms - past_ms, wall_ms - past_ms + length_ms)
