"""All that a seed has drawn before its world begins, and the cars that it draws later: printed as `drawn`.

Whatever is drawn is a field of a class here or below, and every field is printed with its name (`values`): one that is
added cannot be forgotten.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import Enum

from csms.core.station import Charger, Station
from csms.simulation.charger import Habits
from csms.simulation.fate import Fate
from csms.simulation.faults import Kind
from csms.simulation.manners import Manners
from csms.simulation.obedience import Nature
from csms.simulation.odds import Odds
from csms.simulation.profiles import ProfileMemory
from csms.simulation.site import SiteFate
from csms.simulation.surroundings import Arrival
from csms.simulation.wiring import Phased

OWN_LINES = ("fate", "odds", "station", "chargers", "circuits", "configured", "manners", "habits", "nature", "profiles")
"""Fields that are too long for the line of what they belong to."""


@dataclass(frozen=True, slots=True)
class DrawnCharger:
    """What one charger is.

    Attributes:
        hardware_w: what it can give.
        first_connection_ms: when it comes for the first time, 0 from the beginning; is_patient: not before a fuse of it
            is booked to its capacity.
        character: what it is against the specification, for life.
    """

    configured: Charger
    hardware_w: int
    first_connection_ms: int
    is_patient: bool
    character: Kind | None
    manners: Manners
    habits: Habits
    nature: Nature
    profiles: ProfileMemory
    phased: Phased | None = None

    def lines(self) -> Iterator[str]:
        """Yield it as it is printed."""
        name = self.configured.charger_id
        yield f"{name} {values(self)}"
        yield f"{name} configured {values(self.configured)}"
        yield f"{name} manners {values(self.manners)}"
        yield f"{name} habits {values(self.habits)}"
        yield f"{name} nature {values(self.nature)}"
        yield f"{name} profiles {values(self.profiles)}"


@dataclass(frozen=True, slots=True)
class Drawn:
    """What one world is.

    Attributes:
        storm_ms: how long faults last; calm_ms: how long none do after that.
        also: faults that happen because some that were chosen by name need them.
        chargers: by their place in the station.
        site: what happens to battery, meter and capacity of the site; None in a world without energy.
    """

    storm_ms: int
    calm_ms: int
    also: frozenset[Kind]
    fate: Fate
    odds: Odds
    station: Station
    chargers: tuple[DrawnCharger, ...]
    site: SiteFate | None = None

    def lines(self) -> Iterator[str]:
        """Yield it as it is printed."""
        yield f"world {values(self)}"
        yield f"fate {values(self.fate)}"
        yield f"odds {values(self.odds)}"
        yield f"station {values(self.station)}"
        for circuit in self.station.circuits:
            yield f"circuit {values(circuit)}"
        for charger in self.chargers:
            yield from charger.lines()


def arrival_line(arrival: Arrival) -> str:
    """Return a car as it is printed."""
    return f"car {values(arrival)}"


def values(drawn: object) -> str:
    """Return every field of an object with its name, but for those that have lines of their own."""
    named = ((field.name, getattr(drawn, field.name)) for field in fields(drawn))  # type: ignore[arg-type]
    return " ".join(f"{name}={_value(value)}" for name, value in named if is_told(name))


def is_told(name: str) -> bool:
    """Return whether a field is told in its object's own line: state that nobody draws begins with an underscore."""
    return name not in OWN_LINES and not name.startswith("_")


def _value(value: object) -> str:
    """Return a value in an order of its own: sets have none."""
    if isinstance(value, frozenset):
        return "{" + ", ".join(sorted(_value(each) for each in value)) + "}"
    if isinstance(value, Enum):
        return str(value.value)
    if hasattr(value, "__dataclass_fields__"):
        return f"({values(value)})"
    return str(value)
