import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.store.values import document, integer, optional_integer, optional_text, text
from tests.unit.store.strategies import anything


@pytest.mark.parametrize(
    ("given_", "stored"),
    [
        (0, 0),
        (-1, -1),
        (2**63 - 1, 2**63 - 1),
        (2**63, 2**63 - 1),
        (10**30, 2**63 - 1),
        (-(2**63), -(2**63)),
        (-(2**63) - 1, -(2**63)),
        (-(10**30), -(2**63)),
    ],
)
def test_an_integer_is_the_nearest_of_64_bits(given_: int, stored: int) -> None:
    assert integer(given_) == stored
    assert optional_integer(given_) == stored


@pytest.mark.parametrize(
    ("given_", "stored"),
    [
        ("", ""),
        ("TAG1", "TAG1"),
        ("é漢🚗", "é漢🚗"),
        ("a\0b", "a?b"),
        ("é\0", "é?"),
        ("\ud800", "?"),
        ("a\udfffé", "a?é"),
    ],
)
def test_text_keeps_what_a_database_can_hold(given_: str, stored: str) -> None:
    assert text(given_) == stored
    assert optional_text(given_) == stored


def test_absent_stays_absent() -> None:
    assert optional_integer(None) is None
    assert optional_text(None) is None


@given(anything)
def test_all_text_becomes_storable_and_then_stays(value: str) -> None:
    stored = text(value)
    assert "\0" not in stored
    assert stored.encode().decode() == stored
    assert text(stored) == stored


@given(st.dictionaries(anything, st.none() | st.booleans() | st.integers() | anything, max_size=4))
def test_every_document_is_storable_json(value: dict[str, object]) -> None:
    stored = document(value)
    assert text(stored) == stored
    assert set(json.loads(stored)) == {key.encode("utf-8", "replace").decode() for key in value}
