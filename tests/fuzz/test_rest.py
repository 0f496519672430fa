"""Every operation of the REST API under requests that schemathesis makes of its own OpenAPI document.

They go to a whole system in this process, whose chargers answer. What must hold: the checks of schemathesis (no fault
of ours; a status, a media type, headers and a body that are documented; what no schema allows is refused, what they
allow is taken; a method that is not documented is told those that are), and what they do not look at: nothing is
logged as an error, the field that is wrong is named, a configuration that is refused changes nothing, every answer
carries the security headers. Bytes that no client would send come besides (`tests.fuzz.rest_raw`).

In CI the seed is made of the state of all files, as for the simulated worlds.
"""

import contextlib
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

import pytest

from api.boundary import HEADERS
from api.problems import Kind

SEED: Final = int(os.environ.get("FRESH_SEED", "0"))
LEAST: Final = 16
"""Requests of each operation; most have some more."""
RAW: Final = 10
"""Of these by `tests.fuzz.rest_raw`."""


@pytest.fixture(autouse=True)
def _hypothesis_as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the tests that come after in this process have Hypothesis as it is: schemathesis has it print no examples."""
    from hypothesis import core
    from hypothesis.internal import entropy
    from hypothesis.internal.conjecture import engine
    from hypothesis.strategies._internal import collections
    from hypothesis.strategies._internal import core as strategies

    for module, name in (
        *((core, "RepresentationPrinter"), (entropy, "register_random")),
        *((module, "BUFFER_SIZE") for module in (core, engine, collections)),
        (strategies, "is_first_param_referenced_in_function"),
    ):
        monkeypatch.setattr(module, name, getattr(module, name))
    yield
    monkeypatch.undo()
    foreign = [
        f"{module}.{name}"
        for module in sys.modules
        if module.startswith("hypothesis.")
        for name, value in vars(sys.modules[module]).items()
        if str(getattr(value, "__module__", "")).startswith("schemathesis")
    ]
    assert foreign == [], "schemathesis has put more of its own into Hypothesis than is taken out again here"


@pytest.mark.timeout(600)
def test_every_operation_answers_as_documented() -> None:
    from tests.fuzz.rest import Amount, fuzz_rest

    asked = fuzz_rest(SEED, Amount(valid=4, invalid=8, drawn=5, raw=RAW, least=LEAST))

    by_operation, made_by_us, done = Counter[str](), Counter[str](), Counter[str]()
    for (operation, kind, status), count in asked.items():
        done[operation] += count if status < 300 else 0
        by_operation[operation] += count if kind != "first" else 0
        made_by_us[operation] += count if kind == "raw" else 0
    kinds = {(operation, kind) for operation, kind, _ in asked}
    assert set(by_operation) - set(+done) == set(), "each is done at least once"
    assert len(by_operation) == 87
    assert min(by_operation.values()) >= LEAST, by_operation
    assert min((by_operation - made_by_us).values()) >= LEAST - RAW, by_operation - made_by_us
    assert kinds == {
        (operation, kind) for operation in by_operation for kind in ("first", "positive", "negative", "raw")
    }
    assert {status for _, _, status in asked} >= {200, 202, 204, 404, 405, 409, 422}


PROBLEM: Final = {"schema": {"type": "object"}, "examples": {"invalid": {"value": {"type": Kind.INVALID.type}}}}
DOCUMENT: Final[dict[str, Any]] = {
    "openapi": "3.1.0",
    "info": {"title": "A shop", "version": "1"},
    "paths": {
        "/cars": {
            "post": {
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "properties": {"name": {"type": "string", "minLength": 1}},
                                "required": ["name"],
                                "additionalProperties": False,
                            }
                        }
                    },
                },
                "responses": {
                    "200": {
                        "description": "",
                        "headers": {"X-Total": {"required": True, "schema": {"type": "integer"}}},
                        "content": {"application/json": {"schema": {"type": "object", "required": ["car"]}}},
                    },
                    "422": {"description": "", "content": {"application/problem+json": PROBLEM}},
                },
            }
        }
    },
    "components": {"securitySchemes": {}},
}


def refused(path: str, error: str) -> dict[str, Any]:
    return {"type": Kind.INVALID.type, "faults": [{"path": path, "error": error}]}


Answer = tuple[int, dict[str, str], dict[str, Any]]

TAKEN: Final[Answer] = (200, {"content-type": "application/json", "x-total": "1"}, {"car": {}})
REFUSED: Final = {"content-type": "application/problem+json"}


@pytest.mark.parametrize(
    ("description", "answer", "found"),
    [
        ("valid", TAKEN, None),
        ("valid", (500, REFUSED, {"type": "/docs#problem-internal"}), "ServerError"),
        ("valid", (418, REFUSED, {"type": "/docs#problem-teapot"}), "UndefinedStatusCode"),
        ("valid", (200, {"content-type": "text/html", "x-total": "1"}, {"car": {}}), "UndefinedContentType"),
        ("valid", (200, {"content-type": "application/json", "x-total": "1"}, {"cat": {}}), "JsonSchemaError"),
        ("valid", (200, {"content-type": "application/json", "x-total": "one"}, {"car": {}}), "JsonSchemaError"),
        ("valid", (200, {"content-type": "application/json"}, {"car": {}}), "MissingHeaders"),
        ("valid", (422, REFUSED, refused("$.name", "is an ugly name")), "RejectedPositiveData"),
        ("valid", (422, REFUSED, refused("$.name", "is a reserved word")), None),
        ("valid", (422, REFUSED, {"type": Kind.INVALID.type}), "AssertionError"),
        ("valid", (422, REFUSED, {"type": Kind.BUSY.type}), "AssertionError"),
        ("valid", (422, REFUSED, refused("", "must be text")), "AssertionError"),
        ("name: Incorrect type", (422, REFUSED, refused("$.name", "must be text")), None),
        ("name: Incorrect type", (422, REFUSED, refused("$.colour", "must be text")), "AssertionError"),
        ("name: Incorrect type", TAKEN, "AcceptedNegativeData"),
        ("Object with unexpected properties", TAKEN, "AcceptedNegativeData"),
        ("Unspecified HTTP method: DELETE", (405, REFUSED | {"allow": "POST"}, {"type": "/docs#problem-method"}), None),
        ("Unspecified HTTP method: DELETE", (405, REFUSED, {"type": "/docs"}), "UnsupportedMethodResponse"),
    ],
)
def test_an_answer_that_is_not_right_is_found(description: str, answer: Answer, found: str | None) -> None:
    from tests.fuzz.rest import cases_at_borders, operations_of, response_of, schema_of, written
    from tests.fuzz.rest_judge import Judge

    schema = schema_of(DOCUMENT)
    (operation,) = operations_of(schema)
    valid, invalid = cases_at_borders(schema, operation)
    case = next(one for one in (*valid[:1], *invalid) if description in {"valid", described(one)})
    status, headers, body = answer
    response = response_of(
        case.method, status, {name: [value] for name, value in (HEADERS | headers).items()}, json.dumps(body).encode()
    )
    with contextlib.nullcontext() if found is None else pytest.raises(BaseException, check=partial(is_of, found)):
        Judge(schema).judge(case, written(case), response)


def described(case: Any) -> str:
    description: str = case.meta.phase.data.description
    return description


def is_of(kind: str, error: BaseException) -> bool:
    return kind in {type(one).__name__ for one in (error, *getattr(error, "exceptions", ()))}


NAN: Final = b'{"name": NaN}'


@pytest.mark.parametrize(
    ("body", "answer", "found"),
    [
        (b'{"name": "A"}', TAKEN, None),
        (NAN, TAKEN, "AssertionError"),
        (NAN, (422, REFUSED, refused("$.name", "is no number")), None),
        (NAN, (422, REFUSED, refused("$", "is no JSON")), "AssertionError"),
        (NAN, (422, REFUSED, refused("$.colour", "is no number")), "AssertionError"),
        (b'{"name": 1', TAKEN, "AssertionError"),
        (b'{"name": "A", "name": "B"}', TAKEN, "AssertionError"),
        (b'{"name": ""}', TAKEN, "AssertionError"),
        (b'{"name": ""}', (422, REFUSED, refused("$.name", "is short")), None),
        (b'{"name": ""}', (422, REFUSED, refused("$", "is short")), "AssertionError"),
        (b"{}", (422, REFUSED, refused("$.name", "is missing")), None),
        (b'{"name": "A", "colour": 1}', (422, REFUSED, refused("$.colour", "unknown field")), None),
        (b'{"name": "A", "colour": 1}', (422, REFUSED, refused("$.name", "unknown field")), "AssertionError"),
    ],
)
def test_an_answer_to_what_no_client_sends_is_judged_too(body: bytes, answer: Answer, found: str | None) -> None:
    from tests.fuzz.rest import operations_of, response_of, schema_of
    from tests.fuzz.rest_judge import Judge
    from tests.fuzz.rest_raw import Request

    schema = schema_of(DOCUMENT)
    (operation,) = operations_of(schema)
    status, headers, said = answer
    response = response_of(
        "POST", status, {name: [value] for name, value in (HEADERS | headers).items()}, json.dumps(said).encode()
    )
    sent_as = ((b"content-type", b"application/json"),)
    request = Request("POST", b"/cars", b"", sent_as, body, no_number="$.name" if body == NAN else "")
    with contextlib.nullcontext() if found is None else pytest.raises(BaseException, check=partial(is_of, found)):
        Judge(schema).judge_raw(operation, request, response)


def test_no_number_stands_where_a_request_says() -> None:
    import random

    from tests.fuzz.rest_raw import NO_NUMBERS, raw_request

    example = {"a": [1, {"b": "text"}], "c": {}}
    operation = {"requestBody": {"content": {"application/json": {"examples": {"one": {"value": example}}}}}}
    drawn = [raw_request(random.Random(seed), "post", "/cars", operation) for seed in range(300)]
    held = {one.no_number: one.body for one in drawn if one.no_number}
    assert set(held) == {"$.a[0]", "$.a[1].b", "$.c"}
    assert all(any(word in body for word in NO_NUMBERS) for body in held.values())
    assert held["$.a[0]"].startswith(b'{"a": [')
    assert b'"text"' in held["$.a[0]"]
