"""Every character against the whole central system: safe in any case, met as expected, and as docs/chargers.md says."""

import re

import pytest

from simulators.characters import CHARACTERS, Character
from tests.characters.cases import CASES, NOT_CONTROLLED, expected
from tests.characters.page import cases_of, page, row
from tests.characters.report import PAGE, verdict_on
from tests.characters.verdict import EVIDENCE_S

MAKE_IT = "run: python -m tests.characters.report"


@pytest.fixture(scope="module")
def rows() -> dict[str, str]:
    """Return the rows of the page by the characters' names."""
    found = re.findall(r"^\| `(\w+)` \|.*$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    return dict(zip(found, lines, strict=True))


@pytest.mark.characters
@pytest.mark.parametrize("character", CHARACTERS, ids=[character.name for character in CHARACTERS])
def test_character(character: Character, rows: dict[str, str]) -> None:
    verdicts = {case.name: verdict_on(case) for case in cases_of(character)}
    for case in cases_of(character):
        verdict = verdicts[case.name]
        assert verdict.errors == (), "nothing that a charger does is an error of ours"
        assert verdict.above_s <= EVIDENCE_S, "what is not obeyed is booked"
        assert verdict.overloaded_s <= EVIDENCE_S, "the other car makes room"
        assert verdict.met is expected(case), verdict
    assert row(character, verdicts) == rows[character.name], MAKE_IT


def test_the_page_holds_every_character_and_nothing_else(rows: dict[str, str]) -> None:
    assert set(rows) == {character.name for character in CHARACTERS}
    assert page(rows) == PAGE.read_text(encoding="utf-8"), MAKE_IT


def test_what_is_expected_is_expected_of_a_case() -> None:
    assert NOT_CONTROLLED.keys() <= {case.name for case in CASES}
