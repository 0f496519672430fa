"""The root of the tree of limits, as time goes by: gridCapacity, schedule, events and a grid operator who is silent.

Theory of operation. All that plans, books and sends asks the tree what its rows can carry. So the root is brought up to
date before anything is asked of it: at the beginning of each plan, before each answer to a client, and after each
change of the configuration. A capacity that falls may leave the root overbooked. That is a fact like any other
(LEDGER.md I1): nobody is raised under it, and cuts leave at once. Where the fall was known before, it counts 25 seconds
early, so that what is booked fits when its time comes; until then that is no alarm (`csms.core.notices`).

What the root has *firmly* is the lowest that it may come to without anything new being said: by the clock, by an event
that was told, or because the grid operator is not heard; without the battery (`csms.core.supply`), and with the most
that the base load may be. All above that is conditional (LEDGER.md I11, `csms.core.conditional`). Where it is known
when a lower capacity begins, limits that expire last no longer than until then: without this process they fall with it.
"""

from csms.core.capacity_events import operator_unheard_ms
from csms.core.capacity_windows import falls_ms, held_at, lowest_w
from csms.core.commands import EXPIRY_S
from csms.core.grid_terms import HeldBy
from csms.core.ids import Now
from csms.core.part import Alarm
from csms.core.state import State
from csms.core.supply import offer_of
from csms.core.tree import Root, with_root


def hold_grid(state: State, now: Now, alarm: Alarm) -> None:
    """Have the root of the tree carry what the grid connection may be loaded with now, less the base load.

    Less the most that it may be for what is firm; what is above that, as measured, is conditional.
    """
    if _stands_still(state):
        return
    station, events = state.station, tuple(state.capacity_events.values())
    held = held_at(station, events, now.wall_ms, state.zone, operator_unheard_ms(state, now))
    state.held = held
    offer = offer_of(state, now, alarm)
    state.falls_ms = falls_ms(station, events, now.wall_ms, state.zone, 1_000 * EXPIRY_S, held.capacity_w)
    now_w, firm_w = (
        max(0, power_w - state.base_load_w) for power_w in (held.capacity_w, lowest_w(station, events, now.wall_ms))
    )
    counted_w = state.base_load_w if state.is_safe_mode else state.counted_w
    timed_w, metered_w = now_w - firm_w, max(0, held.capacity_w - counted_w) - now_w
    held_w = offer.granted_w - offer.target_w + offer.lost_w
    beyond_w = max(0, state.base_load_w - station.static_load_w)
    capacity_w = now_w + metered_w + offer.granted_w
    root = Root(capacity_w, firm_w, offer.taking_w, held_w, beyond_w, metered_w, timed_w)
    state.tree = with_root(state.tree, root)


def _stands_still(state: State) -> bool:
    """Return whether nothing can have changed since the root was brought up to date: most stations have but a limit."""
    station, held = state.station, state.held
    may_move = station.capacity_schedule or station.grid_operator or station.battery or station.site_meter
    is_plain = held is not None and held.by is HeldBy.GRID_CAPACITY and state.tree.lowest_w is not None
    is_plain = is_plain and not state.tree.firm_w  # an event that was to come may have been withdrawn
    return is_plain and not may_move and not state.capacity_events
