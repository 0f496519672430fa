"""The characters of chargers: what real ones were seen to do, each by a name, to be met in tests and by hand.

Theory of operation. A character is a row of a table in the module of its family: its name, one sentence, where it was
seen, and the traits that make a simulated charger do it. `traits_of` joins several. `WITHOUT_CHARACTER` says of each
other known quirk why there is none.
"""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from simulators.characters import (
    boot,
    clock,
    configuration,
    frames,
    handshake,
    limits,
    meter_values,
    statuses,
    transactions,
)
from simulators.characters.character import Character, Family
from simulators.traits import WELL_BEHAVED, Clash, Traits, combined

__all__ = [
    "CHARACTERS",
    "WITHOUT_CHARACTER",
    "Character",
    "Family",
    "Unusable",
    "find_character",
    "traits_named",
    "traits_of",
]

CHARACTERS: tuple[Character, ...] = (
    *handshake.CHARACTERS,
    *frames.CHARACTERS,
    *boot.CHARACTERS,
    *transactions.CHARACTERS,
    *statuses.CHARACTERS,
    *meter_values.CHARACTERS,
    *clock.CHARACTERS,
    *configuration.CHARACTERS,
    *limits.CHARACTERS,
)
"""Every character, family by family."""

WITHOUT_CHARACTER = {
    "C42": "Wear of the flash memory cannot be seen on the wire; how often a charger is written to can be counted.",
}
"""Why a known quirk has no character."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """There is no such character, or it does not go with another; `reason` is for a person."""

    reason: str


def find_character(name: str) -> Character | Unusable:
    """Return the character of that name; `-` counts as `_` and case does not count."""
    by_name = {character.name: character for character in CHARACTERS}
    wanted = name.strip().lower().replace("-", "_")
    if wanted in by_name:
        return by_name[wanted]
    near = difflib.get_close_matches(wanted, by_name, n=3, cutoff=0.5) or [one for one in by_name if wanted in one][:3]
    meant = f"did you mean {', '.join(near)}?" if near and wanted else "`python -m simulators characters` lists them"
    return Unusable(f"no character is called {name!r}; {meant}")


def traits_of(characters: Iterable[Character]) -> Traits | Unusable:
    """Return fresh traits for one charger that has all these characters."""
    joined = WELL_BEHAVED
    before: list[str] = []
    for character in characters:
        if character.name in before:
            continue
        both = combined(joined, character.make())
        if isinstance(both, Clash):
            others = ", ".join(before)
            return Unusable(f"{character.name} does not go with {others}: both decide {both.choice}")
        joined = both
        before.append(character.name)
    return joined


def traits_named(names: Sequence[str]) -> Traits | Unusable:
    """Return fresh traits for one charger that has the characters of these names."""
    found = [find_character(name) for name in names]
    unknown = next((one for one in found if isinstance(one, Unusable)), None)
    return unknown or traits_of(one for one in found if isinstance(one, Character))
