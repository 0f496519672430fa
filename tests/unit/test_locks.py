"""The locks: what users run is what was tested, every file has its hash, and no address stands in them."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUN, DEV, PLOTS = "requirements.lock", "requirements-dev.lock", "requirements-plots.lock"


def pins(lock: str) -> list[str]:
    """Return each package with its version."""
    text = (ROOT / lock).read_text("utf-8")
    return [line.split()[0] for line in text.splitlines() if re.match("[a-z]", line)]


def test_the_program_runs_with_the_versions_that_are_tested() -> None:
    assert {"jsonschema-rs", "ocpp"} <= {pin.partition("==")[0] for pin in pins(RUN)}
    assert set(pins(RUN)) - set(pins(DEV)) == set()


def test_what_draws_comes_on_top_of_what_is_tested_and_nowhere_else() -> None:
    assert set(pins(DEV)) - set(pins(PLOTS)) == set()
    drawing = {"matplotlib", "numpy"}
    assert drawing <= {pin.partition("==")[0] for pin in pins(PLOTS)}
    assert not drawing & {pin.partition("==")[0] for pin in pins(DEV)}


@pytest.mark.parametrize("lock", [RUN, DEV, PLOTS])
def test_a_lock_has_hashes_and_no_addresses(lock: str) -> None:
    text = (ROOT / lock).read_text("utf-8")
    assert "://" not in text
    packages = re.split(r"\n(?=[a-z])", text)
    assert len(packages) == len(pins(lock))
    assert [one.partition(" ")[0] for one in packages if "--hash=sha256:" not in one] == []
