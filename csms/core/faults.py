"""One fault found in data from outside: where it is and what is wrong with it.

Validation never stops at the first fault and never raises: it collects these and returns them.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a JSON document.

    Attributes:
        path: where, as a JSON path from the root: `$.sessions[2].node`.
        error: what is wrong, in words that the reader can act on.
    """

    path: str
    error: str

    def __str__(self) -> str:
        return f"{self.path}: {self.error}"
