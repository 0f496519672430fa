import pytest

from tests.mutants.run import source_of
from tests.mutants.table import MUTANTS, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_each_mistake_can_still_be_made(mutant: Mutant) -> None:
    source = source_of(mutant).read_text(encoding="utf-8")
    assert source.count(mutant.written) == 1, "its text must stand there exactly once"
    compile(source.replace(mutant.written, mutant.instead), mutant.name, "exec")


def test_there_are_enough_and_each_has_its_name() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 40
