"""Which characters meet the central system where, and what is to become of them."""

from dataclasses import dataclass
from typing import Final

from simulators.characters import CHARACTERS, Character, Family
from tests.characters.day import AC, DC, Ground
from tests.characters.verdict import Met

ON_DC: Final = frozenset({Family.LIMITS, Family.METER_VALUES})
"""Families whose characters are met on DC, too: what they are about differs there."""


@dataclass(frozen=True, slots=True)
class Case:
    """One character on one ground; `setting`: what the configuration says of the charger beside its electrical data."""

    character: Character
    ground: Ground
    assume_ocpp16: bool = False

    @property
    def name(self) -> str:
        """Return a name for tests, e.g. deaf-AC."""
        setting = "-assumeOcpp16" if self.assume_ocpp16 else ""
        return f"{self.character.name}-{self.ground.name}{setting}"


CASES: Final = (
    *(Case(character, AC) for character in CHARACTERS),
    *(Case(character, AC, assume_ocpp16=True) for character in CHARACTERS if character.name == "no_subprotocol"),
    *(Case(character, DC) for character in CHARACTERS if character.family in ON_DC),
)

NOT_CONTROLLED: Final = {
    "no_subprotocol-AC": Met.REFUSED,
    "no_connection_header-AC": Met.REFUSED,
    "never_boots-AC": Met.SILENT,
    "deaf-AC": Met.LOST,
    "charge_point_max_only-AC": Met.UNCONTROLLABLE,
    "charge_point_max_only-DC": Met.UNCONTROLLABLE,
    "rejects_every_profile-AC": Met.UNCONTROLLABLE,
    "rejects_every_profile-DC": Met.UNCONTROLLABLE,
    "ignores_profiles-AC": Met.UNCONTROLLABLE,
    "ignores_profiles-DC": Met.UNCONTROLLABLE,
    "random_power-AC": Met.HELD,
    "random_power-DC": Met.HELD,
    "kilowatts_without_unit-DC": Met.HELD,
    "no_resume_from_zero-AC": Met.LEARNT,
    "no_resume_from_zero-DC": Met.LEARNT,
}
"""Every case that does not end with the charger under full control, and how it ends instead."""


def expected(case: Case) -> Met:
    """Return how a case is to end."""
    return NOT_CONTROLLED.get(case.name, Met.CONTROLLED)
