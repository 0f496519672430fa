"""How often each oracle was asked, and how often it let pass what it saw: an oracle that asks nothing must show."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

ORACLES = {
    "A": "limits in force on a row",
    "B": "the limit that a charger obeys",
    "C": "what a row carries",
    "D": "rows of transactions",
    "E": "booked power after a recovery",
    "F": "fair shares",
    "G": "limits in force on a row without a server",
    "H": "what flows at the grid connection beside a battery",
}
"""By the letters that reports use: what is compared each time."""


@dataclass(slots=True)
class Asked:
    """Counts of one run.

    Attributes:
        compared: by oracle.
        excused: of these, those in which what was seen was let pass by a declared excuse, by oracle and excuse.
    """

    compared: Counter[str] = field(default_factory=Counter)
    excused: Counter[tuple[str, str]] = field(default_factory=Counter)

    def excuse(self, oracle: str, why: str) -> None:
        """Count one comparison that was let pass."""
        self.excused[oracle, why] += 1

    def excused_by(self, oracle: str) -> int:
        """Return how many comparisons of one oracle were let pass."""
        return sum(count for (named, _), count in self.excused.items() if named == oracle)

    def add(self, other: "Asked") -> None:
        """Take the counts of another run."""
        self.compared += other.compared
        self.excused += other.excused

    def lines(self) -> Iterator[str]:
        """Return a line for each oracle."""
        for oracle, what in ORACLES.items():
            why = ", ".join(f"{reason} {n}" for (named, reason), n in sorted(self.excused.items()) if named == oracle)
            yield f"oracle {oracle} ({what}) asked {self.compared[oracle]}, excused {self.excused_by(oracle)}" + (
                f": {why}" if why else ""
            )
