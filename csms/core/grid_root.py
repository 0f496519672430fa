"""The root of the tree of limits, as time goes by: gridCapacity, schedule, events and a grid operator who is silent.

Theory of operation. All that plans, books and sends asks the tree what its rows can carry. So the root is brought up to
date before anything is asked of it: at the beginning of each plan, before each answer to a client, and after each
change of the configuration. A capacity that falls may leave the root overbooked. That is a fact like any other
(LEDGER.md I1): nobody is raised under it, and cuts leave at once. Where the fall was known before, it counts 25 seconds
early, so that what is booked fits when its time comes; until then that is no alarm (`csms.core.notices`).

What the battery adds to that is `csms.core.supply`'s matter.
"""

from csms.core.capacity_events import operator_unheard_ms
from csms.core.capacity_windows import held_at, lowest_w
from csms.core.ids import Now
from csms.core.part import Alarm
from csms.core.state import State
from csms.core.supply import renew_supply


def hold_grid(state: State, now: Now, alarm: Alarm) -> None:
    """Have the root of the tree carry what the grid connection may be loaded with now, and the battery gives."""
    station, events = state.station, tuple(state.capacity_events.values())
    state.held = held_at(station, events, now.wall_ms, state.zone, operator_unheard_ms(state, now))
    state.lowest_w = lowest_w(station, events, now.wall_ms)
    renew_supply(state, now, alarm)
