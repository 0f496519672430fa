"""docs/security.md: each threat is met by something, and shown by tests that exist."""

import re

import pytest

from tests.docs.console_blocks import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
ROWS = [
    tuple(cell.strip() for cell in line.strip("|").split("|"))
    for line in PAGE.splitlines()
    if line.startswith("|") and not line.startswith(("| threat |", "|---"))
]


ASKED = (
    *("takes it over", "used for another id", "guessed", "slow loris", "frames too long", "fragments", "compressed"),
    *("deep", "nothing that was asked", "(XSS)", "(log injection)", "SQL", "(CSV injection)", "(SSRF)"),
    *(
        "stops another one's transaction",
        "said again",
        "a limit that is to let more flow",
        "a configuration that is wrong",
    ),
    *("switched on at once by API", "secrets in the log", "a backup is restored", "two servers on one database"),
    *("weak TLS", "reads along"),
)
"""What is to be met, whatever else is."""


@pytest.mark.parametrize("threat", ASKED)
def test_it_is_on_the_page(threat: str) -> None:
    assert [row for row in ROWS if threat in row[0]]


def test_the_page_has_rows() -> None:
    assert len(ROWS) > 10
    assert len({row[0] for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_each_threat_is_met_and_shown_by_tests_that_exist(row: tuple[str, ...]) -> None:
    threat, done, shown = row
    named = re.findall(r"`(tests/[\w/]+\.py)`", shown)
    assert threat
    assert done
    assert named
    assert [file for file in named if not (ROOT / file).is_file()] == []
