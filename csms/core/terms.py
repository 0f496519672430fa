"""On which terms a session takes part: its weight and its priority, and who may say so (ALLOCATOR.md §1).

A weight is a share beside others: of power that is not enough for all, a session of weight 2 gets twice what one of
weight 1 gets. A priority decides who is let in first where not all minima fit. Each of the two is taken from the first
who says it: the session itself, its id tag, its connector, its charger; else it is 1, or 0.
"""

from dataclasses import dataclass
from typing import NamedTuple

WEIGHT_MAX = 100
"""More would be no share any more: 1 % beside another one (ALLOCATOR.md §3)."""
PRIORITY_MAX = 9


class Standing(NamedTuple):
    """What a session has beside others: its weight, 1 to 100, and its priority, 0 to 9."""

    weight: int
    priority: int


@dataclass(frozen=True, slots=True)
class Terms:
    """What one of those who may says of a session; None: it says nothing of that."""

    weight: int | None = None
    priority: int | None = None


UNSAID = Terms()
USUAL = Standing(weight=1, priority=0)


def first_said(*terms: Terms) -> Terms:
    """Return what the first of them says who says anything of it."""
    weights = (each.weight for each in terms if each.weight is not None)
    priorities = (each.priority for each in terms if each.priority is not None)
    return Terms(next(weights, None), next(priorities, None))


def standing(*terms: Terms) -> Standing:
    """Return what the first of them says who says anything of it, the usual at last."""
    said = first_said(*terms)
    return Standing(said.weight or USUAL.weight, said.priority or USUAL.priority)
