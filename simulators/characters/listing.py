"""The list of characters, for people and for programs."""

import json
import textwrap
from collections.abc import Sequence
from itertools import groupby

from simulators.characters.character import Character

WIDTH = 118


def as_text(characters: Sequence[Character]) -> str:
    """Return characters by family, each with its name, what it does, and its source in brackets."""
    column = max((len(character.name) for character in characters), default=0) + 4
    lines: list[str] = []
    for family, members in groupby(characters, key=lambda character: character.family):
        lines += ([""] if lines else []) + [family.value]
        for one in members:
            head = f"  {one.name:<{column - 4}}  "
            lines += textwrap.wrap(
                f"{one.does} [{one.source}]", WIDTH, initial_indent=head, subsequent_indent=" " * column
            )
    return "\n".join(lines)


def as_json(characters: Sequence[Character]) -> str:
    """Return characters as a JSON array of objects with name, family, does and source."""
    rows = [{"name": one.name, "family": one.family, "does": one.does, "source": one.source} for one in characters]
    return json.dumps(rows, ensure_ascii=False, indent=2)
