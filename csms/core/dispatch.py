"""What the battery is told: to give what the grid connection cannot, or to take what no car needs (ALLOCATOR.md §7).

Theory of operation. Its set-point follows the ledger, not the meter: what is booked above the firm capacity may be
drawn at any moment. It is worked out after every plan, when all limits of the step have been booked.

    booked > firm                  give the difference, as much as it can; what a capacity tariff withholds is not firm
    spare > max(5 kW, 1 %) for     take it, but no more than it has room for: spare is what is left of the capacity, and
    a minute                       of what of it is firm, when every car has what is booked for it, and its target

What it takes is booked, so no car is raised against it. A car that comes is short of power then, the spare power
shrinks, and the battery is told to take less in the same step: it is cut before any car is. It is told to take more
every 10 s at the most. Its flow changes direction no sooner than a minute after the last change, whatever is booked. It
is never told to give anything once it has come to its reserve. In safe mode it takes nothing.
"""

from csms.core.battery import chargeable_w
from csms.core.commands import SetBattery
from csms.core.errors import check
from csms.core.grid_root import hold_grid
from csms.core.ids import Now
from csms.core.part import Alarm
from csms.core.planning import Plan
from csms.core.state import State
from csms.core.station import GRID, Battery
from csms.core.supply import able_w, is_heard, may_turn

SPARE_MS = 60_000
"""Power that no car has needed for so long is taken."""

MORE_MS = 10_000
"""So long after it was told anything it may be told to take more."""

_LEAST_SPARE_W = 5_000
_STEPS = 20


def dispatch(state: State, plan: Plan, now: Now, alarm: Alarm) -> SetBattery | None:
    """Return what the battery is to be told now; None: nothing else than before."""
    supply, battery = state.supply, state.station.battery
    if battery is None or supply.reading is None or not is_heard(state, now):
        return None
    cars_w = state.tree.booked_w(state.chargers.values())[GRID] - state.tree.load_w
    left_w = state.tree.without_battery_w - state.withheld_w - cars_w
    if left_w < 0:
        power_w = min(-left_w, able_w(state, battery, now))
        supply.spare_ms = None
    else:
        power_w = -_taken_w(state, battery, plan, left_w, now, alarm)
    if power_w and not may_turn(state, 1 if power_w > 0 else -1, now, alarm):
        power_w = 0
    command = SetBattery(power_w, battery.power_w)
    if command == supply.said:
        return None
    _told(state, command, now)
    check(power_w >= 0 or -power_w <= left_w, f"I1: a battery that takes {-power_w} W does not fit into {left_w} W")
    hold_grid(state, now, alarm)
    return command


def _taken_w(state: State, battery: Battery, plan: Plan, left_w: int, now: Now, alarm: Alarm) -> int:
    """Return what it is to take of the power that is left, W."""
    supply, reading = state.supply, state.supply.reading
    wanted_w = sum(max(0, each.target_w - each.booked_w) for each in plan.steered.values())
    spare_w = min(left_w - wanted_w, _firm_spare_w(state, plan, left_w))
    least_w = max(_LEAST_SPARE_W, state.station.grid_capacity_w // 100)
    if reading is None or state.is_safe_mode or spare_w <= least_w:
        supply.spare_ms = None
        return 0
    if supply.spare_ms is None:
        supply.spare_ms = now.mono_ms
    if not alarm.reached(supply.spare_ms + SPARE_MS, now):
        return 0
    room_w = min(chargeable_w(battery, reading.soc_ppm, spare_w), max(0, reading.available_charge_w))
    takes_w = 0 if supply.said is None else max(0, -supply.said.power_w)
    if room_w <= takes_w:
        small = takes_w - room_w < battery.most_charge_w // _STEPS and room_w > 0 and takes_w <= spare_w
        return takes_w if small else room_w
    return room_w if alarm.reached(supply.said_ms + MORE_MS, now) else takes_w


def _firm_spare_w(state: State, plan: Plan, left_w: int) -> int:
    """Return what it may take of the firm capacity, W: what it takes does not expire."""
    if GRID not in state.tree.firm_w:
        return left_w
    cars_w = state.tree.firm_booked_w(state.chargers.values())[GRID] - state.tree.load_w
    withheld_w = max(0, state.withheld_w - state.tree.metered_w - state.tree.timed_w)
    sides = (each.firm for each in plan.steered.values() if each.firm is not None)
    wanted_w = sum(max(0, firm.target_w - firm.booked_w) for firm in sides)
    return state.tree.firm_w[GRID] - withheld_w - cars_w - wanted_w


def _told(state: State, command: SetBattery, now: Now) -> None:
    """Remember what it is told from now on."""
    supply = state.supply
    supply.said, supply.said_ms = command, now.mono_ms
    supply.told_to_take_w = max(supply.told_to_take_w, -command.power_w)
    direction = (command.power_w > 0) - (command.power_w < 0)
    if direction and direction != supply.direction:
        supply.direction, supply.turned_ms = direction, now.mono_ms
