"""The dead-server bound (LEDGER.md §5, I11): what every row may carry if this process never runs again.

Everything in force then stays in force: a car that charges keeps its limit, and what may still be executed will be; a
car that is plugged in falls under its connector's default; a charger that was never provisioned may give all it has.
All of that is what is booked. Where the grid connection can carry more now than it can firmly, because of a battery, a
meter or the hour, what is above that rests on limits that expire (`csms.core.conditional`): there the bound holds five
minutes after the last of them was said, or when a lower capacity begins that was known, and is K without what has
expired by then. Everywhere else no limit counts as one that expires. It must fit
the *firm* capacity: of the grid connection the lowest that may come without anything new being said, be it by the
schedule, an event that was told, or because the grid operator is not heard (`csms.core.capacity_windows.lowest_w`), and
without a battery; of all other rows the configured one.

Not in it: a charger with `control: auto` that has never connected (the exposure `never_seen`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from csms.core.state import State
from csms.core.station import GRID
from csms.core.tree import watts_of


@dataclass(frozen=True, slots=True)
class RowBound:
    """What one row may carry without this process, and what it has firmly, W; None where it has no capacity.

    `expired_w`: what it may carry when all limits that expire have.
    """

    possible_w: int
    firm_w: int | None
    expired_w: int | None = None

    @property
    def holds(self) -> bool:
        """Return whether the row can carry it; where not, facts have overbooked the row, or its capacity is to fall."""
        carried_w = self.possible_w if self.expired_w is None else self.expired_w
        return self.firm_w is None or carried_w <= self.firm_w


def firm_bounds(state: State) -> Mapping[str, RowBound]:
    """Return the bound of every row, by its id."""
    station, tree = state.station, state.tree
    firm_w: dict[str, int | None] = {GRID: tree.lowest_w}
    firm_w |= {c.circuit_id: watts_of(c.capacity_w, c.phase_limit) for c in station.circuits}
    firm_w |= {charger.charger_id: charger.max_power_w for charger in station.chargers}
    booked_w = tree.booked_w(state.chargers.values())
    expired_w = tree.firm_booked_w(state.chargers.values())
    return {node: RowBound(power_w, firm_w.get(node), expired_w.get(node)) for node, power_w in booked_w.items()}
