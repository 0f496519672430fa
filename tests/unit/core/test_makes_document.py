"""What is learnt of makes, as a document: out and in again, and every fault by its path."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import examples
from api.makes_schema import FormOfMake, LearntMake, LearntMakes, MannerOfMake
from csms.core import makes_document as document
from csms.core.commands import LimitForm, ProfileKind, Purpose, RateUnit
from csms.core.ladder import Manner
from csms.core.learnt import Learnt, Make
from csms.core.makes_document import makes_document, parse_makes

FORMS = st.builds(
    LimitForm,
    st.sampled_from(RateUnit),
    st.just(3),
    st.just(230),
    st.sampled_from(ProfileKind),
    st.integers(0, 11),
    st.booleans(),
)
MAYBE = st.none() | st.booleans()
LEARNT = st.builds(
    Learnt,
    default_form=st.none() | FORMS,
    manner=st.none() | st.builds(Manner, st.sampled_from(Purpose), FORMS),
    keeps_tx_profile=MAYBE,
    pauses=MAYBE,
    tenths=MAYBE,
    stops=MAYBE,
    leaves_service=MAYBE,
    rounds_up=st.booleans(),
    forgets_default=st.booleans(),
    unsupported_measurands=st.lists(st.text(max_size=50), max_size=3).map(tuple),
)
MAKES = st.dictionaries(
    st.builds(Make, st.text(min_size=1, max_size=20), st.text(max_size=20), st.text(max_size=50)), LEARNT, max_size=5
)


@given(MAKES)
def test_what_is_written_is_read_again(makes: dict[Make, Learnt]) -> None:
    assert parse_makes(makes_document(makes)) == makes


GOOD: dict[str, Any] = {"vendor": "V", "model": "M", "firmwareVersion": "1"}


@pytest.mark.parametrize(
    ("given_document", "faults"),
    [
        ([], ["$: must be an object"]),
        ({}, ["$.makes: is missing"]),
        ({"makes": {}}, ["$.makes: must be a list"]),
        ({"makes": [7]}, ["$.makes[0]: must be an object"]),
        ({"makes": [{}]}, ["$.makes[0].vendor: is missing", "$.makes[0].model: is missing"]),
        ({"makes": [{"vendor": "", "model": ""}]}, ["$.makes[0].vendor: vendor and model are both empty"]),
        ({"makes": [GOOD, GOOD]}, ["$.makes[1]: is a make that the document has already"]),
        ({"makes": [GOOD | {"vendor": "x" * 51}]}, ["$.makes[0].vendor: must be text of at most 50 characters"]),
        ({"makes": [GOOD | {"pauses": 1}]}, ["$.makes[0].pauses: must be true or false"]),
        ({"makes": [GOOD | {"pauses": None}]}, ["$.makes[0].pauses: must be true or false"]),
        ({"makes": [GOOD | {"forgetsDefault": None}]}, ["$.makes[0].forgetsDefault: must be true or false"]),
        (
            {"makes": [GOOD | {"unsupportedMeasurands": ["SoC", 7]}]},
            ["$.makes[0].unsupportedMeasurands[1]: must be text of at most 50 characters"],
        ),
        ({"makes": [GOOD | {"colour": "red"}]}, ["$.makes[0].colour: unknown field"]),
        ({"makes": [GOOD | {"default": {}}]}, ["$.makes[0].default.unit: is missing"]),
        ({"makes": [GOOD | {"default": {"unit": "V"}}]}, ['$.makes[0].default.unit: must be "W" or "A"']),
        (
            {"makes": [GOOD | {"running": {"unit": "A", "purpose": "ChargePointMaxProfile", "stackLevel": 12}}]},
            [
                '$.makes[0].running.purpose: must be "TxProfile" or "TxDefaultProfile"',
                "$.makes[0].running.stackLevel: must be a whole number from 0 to 11",
            ],
        ),
    ],
)
def test_every_fault_is_named_by_its_path(given_document: object, faults: list[str]) -> None:
    found = parse_makes(given_document)
    assert isinstance(found, tuple)
    assert sorted(map(str, found)) == sorted(faults)


def test_the_documentation_knows_the_same_keys() -> None:
    keys = {model: {field.alias for field in model.model_fields.values()} for model in (LearntMake, FormOfMake)}
    assert keys[LearntMake] == document._MAKE
    assert keys[FormOfMake] == document._FORM
    assert {field.alias for field in MannerOfMake.model_fields.values()} == document._FORM | {"purpose"}
    assert {field.alias for field in LearntMakes.model_fields.values()} == document._DOCUMENT


def test_the_example_is_what_would_be_written() -> None:
    makes = parse_makes(examples.MAKES)
    assert isinstance(makes, dict)
    assert makes_document(makes) == examples.MAKES
