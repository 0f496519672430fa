import pytest

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
