"""How a charger hangs on the phases of the grid connection, what a limit lets flow on each, and what is told of it.

Phases are counted in sixths of a watt at the nominal voltage, so that what 1, 2 or 3 phases carry alike is whole: 6, 3
or 2 on each. A limit of P watts that was told in amperes on n phases lets no phase carry more than P/n, however few its
car uses; one that was told in watts lets a car have all of it on the phases that it uses. A charger of three phases
carries a third of what it can on each. A car draws from its phases alike.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

SIXTHS = 6
Own = tuple[int, ...]
"""The charger's own phases that a car uses, 1 to 3."""
Amounts = tuple[int, int, int]
"""Something on L1, L2 and L3 of the grid connection, sixths of a watt."""
NOTHING: Amounts = (0, 0, 0)
DC, BALANCED = 0, 2


class Amperes(int):
    """A limit, W, that was told in amperes on `phases` phases."""

    phases: int

    def __new__(cls, limit_w: int, phases: int) -> Self:
        """Return the limit."""
        made = super().__new__(cls, limit_w)
        made.phases = phases
        return made


@dataclass(frozen=True, slots=True)
class Wiring:
    """One charger.

    Attributes:
        phases: how many it has; 0: DC, whose rectifier draws from all three alike.
        rotation: the phases of the grid connection that its own L1, L2 and L3 hang on.
    """

    phases: int
    rotation: tuple[int, int, int] = (1, 2, 3)

    @property
    def own(self) -> Own:
        """Return all of its own phases."""
        return (1, 2, 3)[: self.phases or 3]

    def most(self, hardware_w: int) -> int:
        """Return the most that one phase carries."""
        return (SIXTHS if self.phases == 1 else BALANCED) * hardware_w

    def flow_w(self, limit_w: int, used: Own, hardware_w: int) -> int:
        """Return the most that a car on these phases draws under a limit, W."""
        if self.phases <= 1:
            return min(limit_w, hardware_w)
        flow_w = limit_w * min(len(used), limit_w.phases) // limit_w.phases if isinstance(limit_w, Amperes) else limit_w
        return min(flow_w, hardware_w * len(used) // 3)

    def of_draw(self, draw_w: int, used: Own) -> Amounts:
        """Return what a car that draws so much, W, takes from each phase of the grid connection."""
        each = (BALANCED if self.phases == DC else SIXTHS // len(used)) * draw_w
        return self._on_grid(each, self.own if self.phases <= 1 else used)

    def of_limit(self, limit_w: int, used: Own | None, hardware_w: int) -> Amounts:
        """Return the most that a limit lets flow on each phase of the grid connection; `used` None: to any car."""
        if self.phases <= 1:
            each, used = self.most(1) * limit_w, self.own
        elif used is None:
            each, used = SIXTHS // _phases(limit_w, 1) * limit_w, self.own
        else:
            phases = _phases(limit_w, len(used))
            each = SIXTHS * min(len(used), phases) // (phases * len(used)) * limit_w
        return self._on_grid(min(each, self.most(hardware_w)), used)

    def room_w(self, used: Own, taken: Amounts, hardware_w: int) -> int:
        """Return what a car on these phases may draw beside what others at its charger take, W."""
        each = BALANCED if self.phases == DC else SIXTHS // len(used)
        lines = {self.rotation[own - 1] - 1 for own in (self.own if self.phases <= 1 else used)}
        return max(0, min(self.most(hardware_w) - taken[line] for line in lines) // each)

    def _on_grid(self, each: int, used: Own) -> Amounts:
        lines = {self.rotation[own - 1] for own in used}
        on_l1, on_l2, on_l3 = [each if line in lines else 0 for line in (1, 2, 3)]
        return on_l1, on_l2, on_l3


class Telling(StrEnum):
    """What a charger tells as the currents of its phases, for life."""

    TRUE = "true"
    """What flows; about nothing on a phase that is not used."""
    ZEROS = "zeros"
    """0 on each of them, whatever flows: placeholders."""
    FIRST = "first"
    """What flows on its first phase, and 0 in the place of the others, whatever flows there."""
    NOTHING = "nothing"
    """It does not have the measurand."""


@dataclass(frozen=True, slots=True)
class Phased:
    """What one charger is where fuses are limited on each phase.

    Attributes:
        wiring: how it is really connected, whatever the configuration knows of it.
        telling: what it tells of its phases.
    """

    wiring: Wiring
    telling: Telling


def _phases(limit_w: int, otherwise: int) -> int:
    return limit_w.phases if isinstance(limit_w, Amperes) else otherwise
