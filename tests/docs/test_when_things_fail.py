"""docs/when-things-fail.md: each failure says all that an operator asks, and names tests that exist; each is named."""

import ast
import re

import pytest

from tests.docs.console_blocks import ROOT

PAGE = (ROOT / "docs" / "when-things-fail.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n?)*)", PAGE, re.MULTILINE))
QUESTIONS = ["running cars", "new cars", "the fuse", "the bill", "what you see", "what to do"]
SHOWN_BY = re.compile(r"^Shown by .*", re.MULTILINE)


def existing() -> set[str]:
    """Return the names of the tests that show what the page says."""
    source = (ROOT / "tests" / "e2e" / "test_when_things_fail.py").read_text("utf-8")
    functions = (node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return {function.name for function in functions if function.name.startswith("test_")}


def named(text: str) -> set[str]:
    """Return the names of tests in a text."""
    return set(re.findall(r"`(test_\w+)`", text))


def test_the_page_has_sections() -> None:
    assert len(SECTIONS) == PAGE.count("\n## ") > 1


@pytest.mark.parametrize("failure", SECTIONS)
def test_each_failure_answers_every_question(failure: str) -> None:
    rows = re.findall(r"^\| ([a-z ]+) \| (.+) \|$", SECTIONS[failure], re.MULTILINE)
    assert [question for question, _ in rows] == QUESTIONS
    assert all(answer.endswith((".", ".**")) for _, answer in rows)


@pytest.mark.parametrize("failure", SECTIONS)
def test_each_failure_names_tests_that_exist(failure: str) -> None:
    [shown_by] = SHOWN_BY.findall(SECTIONS[failure])
    assert named(shown_by)
    assert named(shown_by) <= existing()


def test_each_test_is_named() -> None:
    assert existing() == {name for text in SECTIONS.values() for name in named(text)}
