"""What a character is: one named way in which real chargers differ from the well-behaved one, and where it was seen.

A source names its row of the field quirks ("C13"), "D" for what independent charge point programs were seen to do, or
the repository and the number of the issue ("lbbrhzn #1248").
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from simulators.traits import Traits


class Family(StrEnum):
    """What a character concerns."""

    HANDSHAKE = "handshake"
    FRAMES = "frames"
    BOOT = "boot"
    TRANSACTIONS = "transactions"
    STATUSES = "statuses"
    METER_VALUES = "meter values"
    CLOCK = "clock"
    CONFIGURATION = "configuration"
    LIMITS = "limits"


@dataclass(frozen=True, slots=True)
class Character:
    """One deviation from the well-behaved charger.

    Attributes:
        name: as one writes it on the command line.
        does: what it does, in one sentence.
        source: where it was seen.
        make: makes its traits, anew for each charger.
    """

    name: str
    family: Family
    does: str
    source: str
    make: Callable[[], Traits]

    @property
    def rows(self) -> frozenset[str]:
        """Return the rows of the field quirks that it covers, e.g. C13."""
        return frozenset(re.findall(r"\bC\d+\b", self.source))
