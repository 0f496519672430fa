"""What the grid connection and the battery can carry together now, and what of it holds without this process.

Theory of operation. A battery takes part from the first word of its driver on (`BatteryReported`); until then, and
where none is configured, the root carries what the grid connection gives less the static load, and all of that is firm.

    carries now    firm + what the battery is certain to give as soon as it is told to (`granted_w`)
    firm           grid connection − base load, at this instant (`csms.core.grid_root`): what holds without the battery
    booked         cars, and what the battery may be taking: a load like any other, until it is seen to have stopped

Its power is *granted* when its inverter has acknowledged that it will give so much (a flow is not needed), it was read
within 10 s, and nothing stands in the way of its giving now: it takes nothing, and has not begun to take within the
last minute. What it can keep up for its horizon bounds it, and what it was seen to give when it was told to give more
(`csms.core.giving`). Once it has been at its reserve it grants nothing until
5 % above. In safe mode it grants nothing.

Targets count on something else (`Tree.held_w`): on power that only the direction of the flow stands in the way of,
because a car that waits for it is what ends the charging (`csms.core.dispatch`); and where its energy is running short
on a little less, so that cars are told before the power is gone. A battery that is not heard grants nothing, which
may overbook the root: that is worked off like any such fact. What it was taking then stays booked, and nobody can have
it.

All power above what is firm is conditional (`csms.core.conditional`).
"""

from dataclasses import dataclass, replace

from csms.core.battery import PERCENT_PPM, BatteryReading, available_w, chargeable_w, target_w
from csms.core.events import BatteryReported
from csms.core.giving import TRUSTED_AGAIN_MS, Giving, weigh
from csms.core.ids import Now
from csms.core.part import Alarm
from csms.core.state import State
from csms.core.station import GRID, Battery

STALE_MS = 10_000
"""A battery that was not read for so long is counted as gone."""

TURN_MS = 60_000
"""The flow changes its direction no sooner after the last change."""

NOT_FOLLOWING_MS = 10_000
"""A battery that does not do for so long what it was told raises an alarm."""

BACK_PERCENT = 5
"""So far above its reserve, in percent of its energy, a battery that has been there gives power again."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What the battery can do for the cars now, W.

    Attributes:
        granted_w: what it is certain to give as soon as it is told to.
        target_w: what targets may count on.
        taking_w: the most that it may be taking from the grid connection.
        lost_w: what of `taking_w` nobody can end: it is not heard, or does not follow.
    """

    granted_w: int = 0
    target_w: int = 0
    taking_w: int = 0
    lost_w: int = 0


def take_reading(state: State, fact: BatteryReported, now: Now) -> bool:
    """Take what the battery says, None that its driver hears nothing; return whether a plan depends on the change."""
    supply, battery = state.supply, state.station.battery
    if battery is None:
        return False
    before = _what_counts(state, battery, now)
    supply.driven = True
    reading = fact.reading
    if reading is not None:
        if supply.reading is None:
            _begin(state, reading, fact.read_ms)
        supply.reading, supply.heard_ms = reading, max(supply.heard_ms, fact.read_ms)
        weigh(supply.giving, reading, 0 if supply.said is None else supply.said.power_w, fact.read_ms)
        if supply.said is not None and reading.set_point_w == supply.said.power_w:
            supply.told_to_take_w = max(0, -supply.said.power_w)
        reserve_ppm = battery.reserve_percent * PERCENT_PPM
        if reading.soc_ppm <= reserve_ppm:
            supply.exhausted = True
        elif reading.soc_ppm >= reserve_ppm + BACK_PERCENT * PERCENT_PPM:
            supply.exhausted = False
    return _what_counts(state, battery, now) != before


def forget_acknowledgement(state: State, now: Now) -> None:
    """Take it that the battery is driven in another way from now on: what it acknowledged before counts no more.

    What it may be taking stays booked until the next reading.
    """
    supply = state.supply
    if supply.reading is not None:
        supply.reading = replace(supply.reading, permitted_w=0, set_point_w=None)
    supply.giving, supply.said_ms = Giving(), now.mono_ms


def _what_counts(state: State, battery: Battery, now: Now) -> tuple[object, ...]:
    """Return what a plan, a set-point or a notice depends on; energy by itself is none of it."""
    reading, can_take_w = state.supply.reading, 0
    if reading is not None:
        can_take_w = min(chargeable_w(battery, reading.soc_ppm, battery.most_charge_w), reading.available_charge_w)
    offer = offer_of(state, now, Alarm())
    return (
        offer,
        state.supply.exhausted,
        able_w(state, battery, now),
        can_take_w,
        follows(state),
        is_heard(state, now),
    )


def _begin(state: State, reading: BatteryReading, read_ms: int) -> None:
    """Take its flow as it is found: somebody may have turned it just now."""
    flow_w = reading.power_w if reading.set_point_w is None else reading.set_point_w
    if flow_w:
        state.supply.direction, state.supply.turned_ms = (1 if flow_w > 0 else -1), read_ms


def is_heard(state: State, now: Now) -> bool:
    """Return whether the battery was read lately."""
    supply = state.supply
    return supply.reading is not None and now.mono_ms - supply.heard_ms <= STALE_MS


def follows(state: State) -> bool:
    """Return whether it does what it was told, by its last reading: remote mode is on, and its permission stands."""
    reading, said = state.supply.reading, state.supply.said
    if reading is None or said is None:
        return False
    return reading.set_point_w == said.power_w and reading.permitted_w >= said.permit_w


def may_turn(state: State, to: int, now: Now, alarm: Alarm) -> bool:
    """Return whether the flow may go in a direction (1: out of it, −1: into it) now."""
    supply = state.supply
    if supply.direction in {0, to}:
        return True
    return alarm.reached(supply.turned_ms + TURN_MS, now)


def able_w(state: State, battery: Battery, now: Now) -> int:
    """Return what it could give now, were its flow not in the other direction, W."""
    reading = state.supply.reading
    if reading is None or not is_heard(state, now) or state.supply.exhausted:
        return 0
    return max(0, min(available_w(battery, reading.soc_ppm), reading.available_discharge_w))


def proven_w_of(state: State, now: Now, alarm: Alarm) -> int | None:
    """Return the most that it is granted because it gave no more when it was told to, W; None: its word is taken."""
    giving = state.supply.giving
    if giving.proven_w is None or alarm.reached(giving.proven_ms + TRUSTED_AGAIN_MS, now):
        return None
    return giving.proven_w


def offer_of(state: State, now: Now, alarm: Alarm) -> Offer:
    """Return what the battery can do for the cars now."""
    supply, battery = state.supply, state.station.battery
    if battery is None or not supply.driven:
        return Offer()
    reading, heard = supply.reading, is_heard(state, now)
    if reading is None:  # what it does is not known
        return Offer(taking_w=battery.most_charge_w, lost_w=battery.most_charge_w)
    taking_w = max(supply.told_to_take_w, -reading.power_w, -(reading.set_point_w or 0))
    if not heard:
        return Offer(taking_w=taking_w, lost_w=taking_w)
    alarm.at(supply.heard_ms + STALE_MS + 1)
    lost_w = taking_w if reading.set_point_w is None else 0
    if state.is_safe_mode:
        return Offer(taking_w=taking_w, lost_w=lost_w)
    certain_w = min(able_w(state, battery, now), reading.permitted_w)
    proven_w = proven_w_of(state, now, alarm)
    if proven_w is not None:
        certain_w = min(certain_w, proven_w)
    free = taking_w == 0 and may_turn(state, 1, now, alarm)
    counted_w = min(certain_w, target_w(battery, reading.soc_ppm))
    return Offer(certain_w if free else 0, counted_w, taking_w, lost_w)


def granted_w(state: State) -> int:
    """Return what of the root's capacity is the battery's, W."""
    return (state.tree.caps_w[GRID] or 0) - state.tree.without_battery_w


def counted_on_w(state: State) -> int:
    """Return what targets count on of the battery, W."""
    return max(0, granted_w(state) - state.tree.held_w)
