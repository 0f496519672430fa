"""Names in a configuration: which are usable, and that no two of them can be mixed up.

Circuits and chargers are nodes of one tree, and a session's `limitedBy` is either a node's id or one of a few words,
so they share one name space. A charger's id is typed into the charger as the end of a URL, and installers type it by
hand: characters that a URL gives a meaning of its own are refused, and so are two ids that differ only by case.
"""

import unicodedata

from csms.core.caps import LIMITED_BY_CAP
from csms.core.configuration.reading import Wrong
from csms.core.faults import Fault
from csms.core.station import GRID

MAX_ID_LENGTH = 48
"""Longest charger identity; OCPP 2.0.1 allows 48, OCPP 1.6 sets no limit of its own."""

MAX_STATION_ID_LENGTH = 64

RESERVED = frozenset({GRID, "vehicle", "below_minimum", "no_room", "not_planned", LIMITED_BY_CAP})
"""Words that a limit's reason may be besides a node's id."""

_URL_CHARACTERS = frozenset("/\\?#%")


def text(value: object, length_max: int) -> str | Wrong:
    """Read printable text of 1 to `length_max` characters that neither begins nor ends with a space."""
    if not isinstance(value, str):
        return Wrong("must be text")
    if not 1 <= len(value) <= length_max:
        return Wrong(f"must have 1 to {length_max} characters")
    if not value.isprintable() or value != value.strip() or not unicodedata.is_normalized("NFC", value):
        return Wrong("must be printable text without spaces at its ends")
    return value


def station_id(value: object) -> str | Wrong:
    """Read a station's id."""
    return text(value, MAX_STATION_ID_LENGTH)


def node_id(value: object) -> str | Wrong:
    """Read the id of a charger or circuit."""
    name = text(value, MAX_ID_LENGTH)
    if isinstance(name, Wrong):
        return name
    if _URL_CHARACTERS.intersection(name) or name in {".", ".."}:
        return Wrong("must do without / \\ ? # % (it is part of a URL)")
    return name


class NameSpace:
    """The ids taken so far, each with the path where it was taken."""

    def __init__(self, faults: list[Fault]) -> None:
        self._faults = faults
        self._taken: dict[str, tuple[str, str]] = {}

    def claim(self, name: str, path: str) -> None:
        """Take `name` for the node at `path`, or note why it cannot have it."""
        if name in RESERVED:
            self._faults.append(Fault(path, "is a reserved word"))
            return
        folded = name.casefold()
        if folded not in self._taken:
            self._taken[folded] = (name, path)
            return
        other, other_path = self._taken[folded]
        same = "is the same as" if other == name else "differs only by case from"
        self._faults.append(Fault(path, f"{same} {other_path}"))
