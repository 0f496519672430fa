"""The grid connection: the chargers, the house behind the same fuse, and a meter that sees both.

The chargers' meters do not see the house, and but for some worlds with energy the central system has no meter here: it
keeps the configured maximum of the house (`staticLoad`) free. So what the meter shows is held against the fuse as it is
configured, whatever the engine makes of it: chargers + house ≤ 1.02 × fuse, but for what the house takes above its
maximum (`base-load`), and while facts keep the grid connection overbooked. What the chargers take of it, liars too,
oracle C (`csms.simulation.fuses`) holds.
"""

import random
from collections.abc import Mapping
from typing import Protocol

from csms.core.firm import RowBound
from csms.core.station import GRID
from csms.simulation.trace import demand

RAMP_MS = 6_000
"""As the other fuses: a car lets go within 5 s, and time is cut into whole seconds."""

HOUSE_MS = 20_000
"""So long the house draws about the same."""


class Booking(Protocol):
    """What the engine says of its rows."""

    def node_booked_w(self, node_id: str) -> int:
        """Return a row's booked power, W."""
        ...

    def node_capacity_w(self, node_id: str) -> int | None:
        """Return a row's capacity, W."""
        ...


class GridConnection:
    """One grid connection.

    Attributes:
        excess_w: what the house takes above its configured maximum; is_steady: it goes on with what it takes.
        house_now_w, chargers_now_w: what they took when time passed last.
        most_w: the most that the meter has shown; most_house_w: the most that the house took.
    """

    def __init__(self, rng: random.Random) -> None:
        self.excess_w = 0
        self.is_steady = False
        self.house_now_w = 0
        self.chargers_now_w = 0
        self.most_w = 0
        self.most_house_w = 0
        self._rng = rng
        self._share = 0.0
        self._changes_ms = 0
        self._over_since_ms: int | None = None

    def house_w(self, static_load_w: int, now_ms: int) -> int:
        """Return what the house takes: any part of its configured maximum, all of it when it takes too much."""
        if now_ms >= self._changes_ms and not self.is_steady:
            self._share = self._rng.choice((self._rng.random(), 1.0))
            self._changes_ms = now_ms + self._rng.randint(HOUSE_MS // 4, HOUSE_MS)
        return static_load_w + self.excess_w if self.excess_w else int(static_load_w * self._share)

    def read(self, chargers_w: int, static_load_w: int, now_ms: int) -> int:
        """Return what the meter shows, W."""
        house_w = self.house_now_w = self.house_w(static_load_w, now_ms)
        self.chargers_now_w = chargers_w
        self.most_house_w = max(self.most_house_w, house_w)
        self.most_w = max(self.most_w, chargers_w + house_w)
        return chargers_w + house_w

    def hold(
        self, shown_w: int, fuse_w: int, engine: Booking, now_ms: int, *, is_full_on_a_phase: bool = False
    ) -> None:
        """Compare what the meter shows with the fuse while the engine runs."""
        capacity_w = engine.node_capacity_w(GRID)
        if is_full_on_a_phase or (capacity_w is not None and engine.node_booked_w(GRID) > capacity_w):
            self._over_since_ms = None
        else:
            self._compare(shown_w, fuse_w, now_ms)

    def hold_without(
        self, shown_w: int, fuse_w: int, static_load_w: int, bounds: Mapping[str, RowBound], now_ms: int
    ) -> None:
        """Compare it while no engine runs: with the fuse, unless facts had overbooked it before."""
        bound_w = bounds[GRID].possible_w + static_load_w if GRID in bounds else 0
        self._compare(shown_w, max(fuse_w, bound_w), now_ms)

    def _compare(self, shown_w: int, fuse_w: int, now_ms: int) -> None:
        if shown_w <= fuse_w + fuse_w // 50 + self.excess_w:
            self._over_since_ms = None
            return
        if self._over_since_ms is None:
            self._over_since_ms = now_ms
        demand(now_ms - self._over_since_ms <= RAMP_MS, "fuse: the grid meter shows {} of {} W", shown_w, fuse_w)
