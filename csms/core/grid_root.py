"""The root of the tree of limits, as time goes by: gridCapacity, schedule, events and a grid operator who is silent.

Theory of operation. All that plans, books and sends asks the tree what its rows can carry. So the root is brought up to
date before anything is asked of it: at the beginning of each plan, before each answer to a client, and after each
change of the configuration. A capacity that falls may leave the root overbooked. That is a fact like any other
(LEDGER.md I1): nobody is raised under it, and cuts leave at once. Where the fall was known before, it counts 25 seconds
early, so that what is booked fits when its time comes; until then that is no alarm (`csms.core.notices`).

What the tree has as *firm* is the lowest capacity that may come without anything new being said (LEDGER.md I11).
"""

from csms.core.capacity_events import operator_unheard_ms
from csms.core.capacity_windows import held_at, lowest_w
from csms.core.ids import Now
from csms.core.state import State
from csms.core.tree import with_root


def hold_grid(state: State, now: Now) -> None:
    """Have the root of the tree carry what the grid connection may be loaded with now, less the base load."""
    station, events = state.station, tuple(state.capacity_events.values())
    held = held_at(station, events, now.wall_ms, state.zone, operator_unheard_ms(state, now))
    firm_w = lowest_w(station, events, now.wall_ms)
    state.held = held
    left_w, firm_left_w = (max(0, power_w - state.base_load_w) for power_w in (held.capacity_w, firm_w))
    beyond_w = max(0, state.base_load_w - station.static_load_w)
    state.tree = with_root(state.tree, left_w, firm_left_w, beyond_w)
