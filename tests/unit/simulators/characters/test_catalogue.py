"""The list of characters: complete, sourced, and usable by name."""

import json
import re
from collections import Counter

import pytest

from simulators.build import Wanted, build_charger
from simulators.characters import (
    CHARACTERS,
    WITHOUT_CHARACTER,
    Character,
    Family,
    Unusable,
    find_character,
    traits_named,
    traits_of,
)
from simulators.cli import main
from simulators.clock import ManualClock
from simulators.traits import WELL_BEHAVED, Traits

ROWS = {f"C{number}" for number in range(1, 49)}
"""The known quirks of chargers in the field are numbered so."""


def test_every_known_quirk_has_a_character_or_a_reason() -> None:
    covered = {row for character in CHARACTERS for row in character.rows}
    assert covered | set(WITHOUT_CHARACTER) == ROWS
    assert covered & set(WITHOUT_CHARACTER) == set()


def test_names_are_unique_and_easy_to_write() -> None:
    assert [name for name, count in Counter(one.name for one in CHARACTERS).items() if count > 1] == []
    assert [one.name for one in CHARACTERS if not re.fullmatch(r"[a-z0-9_]{4,28}", one.name)] == []


@pytest.mark.parametrize("character", CHARACTERS, ids=lambda one: one.name)
def test_each_says_in_one_sentence_what_it_does_and_where_it_was_seen(character: Character) -> None:
    assert re.fullmatch(r"[A-Z].*\.", character.does)
    assert ". " not in character.does.replace("e.g. ", "")
    assert len(character.does) < 140
    assert re.match(r"(C\d+|D)(; |$)", character.source)


@pytest.mark.parametrize("character", CHARACTERS, ids=lambda one: one.name)
def test_each_differs_from_the_well_behaved_charger(character: Character) -> None:
    assert character.make() != WELL_BEHAVED
    clock = ManualClock()
    charger = build_charger("CP001", Wanted(), clock, traits=character.make())
    clock.move(1_000)
    charger.step()


def test_families_come_one_after_the_other() -> None:
    families = [one.family for one in CHARACTERS]
    assert list(dict.fromkeys(families)) == [f for i, f in enumerate(families) if i == 0 or families[i - 1] is not f]
    assert set(families) == set(Family)


@pytest.mark.parametrize("name", ["refuses_zero", "refuses-zero", " Refuses_Zero "])
def test_found_by_name(name: str) -> None:
    found = find_character(name)
    assert isinstance(found, Character)
    assert found.name == "refuses_zero"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("refuse_zero", "did you mean refuses_zero"),
        ("ignore", "ignores_default"),
        ("xyzzy", "`python -m simulators characters` lists them"),
        ("", "`python -m simulators characters` lists them"),
    ],
)
def test_what_comes_near_an_unknown_name_is_said(name: str, hint: str) -> None:
    found = find_character(name)
    assert isinstance(found, Unusable)
    assert found.reason.startswith(f"no character is called {name!r}; ")
    assert hint in found.reason


def test_traits_are_joined_in_order_and_made_anew() -> None:
    traits = traits_named(["no_zone", "kilo_units", "no_subprotocol", "no_zone"])
    assert isinstance(traits, Traits)
    assert (len(traits.calls), traits.subprotocols) == (2, ())
    again = traits_named(["no_zone", "kilo_units", "no_subprotocol"])
    assert isinstance(again, Traits)
    assert traits.calls[0] is not again.calls[0]
    assert traits_of([]) == WELL_BEHAVED


def test_who_makes_the_same_choice_cannot_be_joined() -> None:
    assert traits_named(["no_zone", "encoded_id", "id_twice"]) == Unusable(
        "id_twice does not go with no_zone, encoded_id: both decide address"
    )
    assert isinstance(traits_named(["no_such_one", "id_twice"]), Unusable)


def test_the_list_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["characters", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == [one.name for one in CHARACTERS]
    assert rows[0] == {
        "name": "no_subprotocol",
        "family": "handshake",
        "does": "Offers no Sec-WebSocket-Protocol and speaks OCPP 1.6 all the same.",
        "source": "C1; lbbrhzn #442, steve #135, #1109, ev-server #2761",
    }


def test_the_list_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["characters", "--family", "limits"]) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert lines[0] == "limits"
    assert {one.name for one in CHARACTERS if one.family is Family.LIMITS} <= set(out.split())
    assert "no_zone" not in out
    assert max(len(line) for line in lines) <= 118
