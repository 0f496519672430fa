import pytest

from tests.mutants.__main__ import Fate, later, table, worlds_on_page
from tests.mutants.table import MUTANTS, SILENT, UNCHANGED, Mutant


@pytest.mark.parametrize("mutant", [UNCHANGED, SILENT, *MUTANTS], ids=lambda mutant: mutant.name)
def test_each_mistake_can_still_be_made(mutant: Mutant) -> None:
    assert mutant.original().count(mutant.written) == 1, "its text must stand there exactly once"
    compile(mutant.source(), mutant.module, "exec")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_mistake_is_one_and_says_who_should_find_it(mutant: Mutant) -> None:
    assert mutant.source() != mutant.original()
    assert mutant.rule
    assert mutant.oracles


def test_there_are_enough_and_each_has_its_name() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 40


@pytest.mark.parametrize(
    ("before", "now", "is_told"),
    [("3", "13", False), ("3", "14", True), ("45", "odd 5", False), ("45", "odd 6", True), ("odd 8", "0", False)],
)
def test_what_is_found_much_later_than_the_page_tells_is_said(before: str, now: str, *, is_told: bool) -> None:
    page = table([Fate(UNCHANGED, "survived", ""), Fate(MUTANTS[0], "I4", before)])
    assert worlds_on_page(page) == {MUTANTS[0].name: before}
    said = later([Fate(UNCHANGED, "survived", ""), Fate(MUTANTS[0], "I4", now)], worlds_on_page(page), 50)
    assert said == ([f"{MUTANTS[0].name}: in world {now}, and before in {before}"] if is_told else [])
