"""Worlds whose server dies after a storm and never returns."""

from collections.abc import Iterable

import pytest

from csms.simulation.trace import ViolationError
from csms.simulation.world import World

STORM_MS, DEAD_MS = 240_000, 600_000


def drawn_without_server_w(worlds: Iterable[World]) -> int:
    """Run each to its end; fail with the story of one that breaks an oracle; return what cars draw then, W."""
    drawn_w = 0
    for world in worlds:
        try:
            world.run_to_death(STORM_MS, DEAD_MS)
        except ViolationError as violation:
            pytest.fail(str(violation), pytrace=False)
        drawn_w += sum(model.draw_w for model in world.chargers.values())
    return drawn_w
