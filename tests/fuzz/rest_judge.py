"""What must hold of every answer: the checks of schemathesis, and what they do not look at."""

import contextlib
import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import parse_qsl

import schemathesis
from schemathesis.checks import CHECKS, CheckFunction, load_all_checks
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.schemas import OpenApiSchema

from api.boundary import HEADERS
from api.problems import PROBLEM_MEDIA_TYPE, Kind
from tests.fuzz.rest_raw import Json, Request
from tests.fuzz.rest_wrong import Wrong, is_named

Case = schemathesis.Case[Any]
Operation = schemathesis.APIOperation[Any, Any, Any, Any]

CONFIG: Final[Json] = {
    "checks": {
        # What a charger, or the store, has not done: it answers for itself with these.
        "not_a_server_error": {"expected-statuses": ["2xx", "4xx", "502", "503", "504"]},
        # 404 and 409: the ids and the states that a schema cannot know of. 422 only with a sentence of `WORDS`.
        "positive_data_acceptance": {"expected-statuses": ["2xx", "404", "409", "502", "503", "504"]},
        "negative_data_rejection": {"expected-statuses": ["400", "404", "405", "413", "415", "422"]},
        # The door stands open here; tests/contract/test_rest_access.py tries it.
        "ignored_auth": {"enabled": False},
        # They look at what requests before have done; the order of requests here is drawn.
        "use_after_free": {"enabled": False},
        "ensure_resource_availability": {"enabled": False},
        "object_level_authorization": {"enabled": False},
    }
}
TAG_OR_WORD: Final = frozenset({"/id-tags/export", "/id-tags/import"})
"""A tag may be called so: `Allow` names what is done with tags, too, and `allow_header_conformance` wants it not to."""
NO_ROUTE: Final = frozenset({404, 405})
"""Where what stands in the path makes it another path."""
WORDS: Final = (
    # of the form of one field
    "must be printable text without spaces at its ends",
    "must be an IANA time zone such as .*|is not a known IANA time zone",
    "must be a day, such as .*",  # 1970 to 9998
    "must be an ISO 8601 time from 2020 to 2099",  # of a zone where it is another year
    "must be a time such as .*, from 1970 on",  # the same
    "must be PEM: .*",
    "must be Base64",
    "must have [0-9]+ hexadecimal digits, as a hash of SHA[0-9]+ has",
    "must do without .*",
    "must name the columns, of which idTag is one",
    "must be one of idTag, parentIdTag, .*",
    # of fields that do not go together
    "must have either chargers or make",
    "must have vendor, model or firmwareVersion",
    "vendor and model are both empty",
    "is missing; caps may be told by connectorId, chargingProfilePurpose, stackLevel",
    "cannot be told beside id",
    "is said of this connector already",
    "is for one number of amperes; a list has one for each phase",
    "is not possible beside a gridCapacity in amperes: .*",
    "is another way than modbus: one of them",
    "is not the [0-9]+ V of .*",
    "needs L[1-3], which .* does not have",
    "has (less|no room) on L[1-3] .*",
    "must be a whole number from 1 to [0-9]+",  # of a connector: as many as its charger has
    "is above maxPower",
    "is below .*",
    "is for chargers that are steered over OCPP",
    'is for failSafe "reserve" and "expire"; with "closed" it is 0',
    'must be above 0; that is failSafe "closed"',
    '"observe" is for chargers that connect over OCPP, control is "(none|rest)"',
    "is for (AC|DC) chargers",
    "this charger has phase 1 alone",
    "is 0 for a ChargePointMaxProfile",
    "must be the connector of the transaction for a TxProfile",
    "belongs to (a TxProfile|a Recurring profile|limits in A)",
    "a Relative profile begins with the session",
    "a ChargePointMaxProfile has no session that it could be Relative to",
    "must be 0 for the first period",
    "must be after (validFrom|the period before)",
    "must not be before (oldestTimestamp|retrieveDateTime)",
    "is missing: the profile is Recurring",
    # of names that must be there, or must not be there twice
    "no circuit has this id",
    "is a cycle: the circuit would be its own ancestor",
    "is more than [0-9]+ circuits from the grid connection",
    "(is the same as|differs only by case from) .*",
    "is a reserved word",
    "is named twice",
    "is a make that the document has already",
    "the station has no such (charger|connector)",
    "this charger is not steered: .*",
    "another car is at this connector",
    "must be a whole number from 1 to ([1-9]|[1-5][0-9]|6[0-3])",  # of connectors, where the charger has fewer than 64
    "is said of this connector already",
    "must be after from",
    "is the same time as from; .*",
    "must be above 0 beside siteMeter: .*",
    "must be at most half of maxAgeS",
    "(int|uint|float)32 takes two registers, and 65535 is the last",
    "no charger has told that it is of this make",
    "[0-9]+ chargers are of it, and a campaign has at most [0-9]+",
)
"""What this API says of requests that fit their schemas: its rules for which JSON Schema has no words, or none that
people could read."""


OF_STATE: Final = (Kind.METER_STOP_TOO_LOW, Kind.MAINTENANCE_OVER, Kind.CAPACITY_EVENT_OVER, Kind.READING_REFUSED)
"""422 for what is known here and stands in no schema."""


def checks_but(*names: str) -> list[CheckFunction]:
    """Return the checks of these names: those that are left out."""
    load_all_checks()
    return [one for one in CHECKS.get_all() if not isinstance(one, type) and one.__name__ in names]


class Judge:
    """Says whether an answer is right."""

    def __init__(self, schema: OpenApiSchema) -> None:
        self._schema = schema
        self._wrong = Wrong(schema)
        self._no_positive = checks_but("positive_data_acceptance")
        self._no_negative = checks_but("negative_data_rejection")
        self._no_allow = checks_but("allow_header_conformance")

    def judge(self, case: Case, request: Request, answer: schemathesis.Response) -> None:
        """Raise when an answer to a case of schemathesis is not right."""
        with _told(f"{case.method} {case.path}", request, answer):
            self._check_all(case.operation, answer)
            faults = _faults_in(answer)
            excluded = self._no_allow if case.path in TAG_OR_WORD else []
            if _is_loose(case, request):
                excluded = [*excluded, *self._no_negative]
            if _is_of(OF_STATE, answer) or (faults and all(_in_words(fault) for fault in faults)):
                excluded = [*excluded, *self._no_positive]
            case.validate_response(answer, excluded_checks=excluded)
            self._check_told(case.operation, request, answer)

    def judge_raw(self, operation: Operation, request: Request, answer: schemathesis.Response) -> None:
        """Raise when an answer to a request that no client sends is not right."""
        with _told(operation.label, request, answer):
            self._check_all(operation, answer)
            assert answer.status_code < 500 or answer.status_code in {502, 503, 504}
            declared = operation.responses.find_by_status_code(answer.status_code) is not None
            if request.odd_path and (not declared or answer.status_code in NO_ROUTE):
                assert answer.status_code in {*NO_ROUTE, 200, 204, 400, 415, 422}
                return
            self._check_told(operation, request, answer)
            parameters = {one["name"]: "1" for one in operation.definition.raw.get("parameters", ())}
            case = operation.Case(path_parameters=parameters)
            case.validate_response(answer, excluded_checks=self._no_allow)

    def _check_told(self, operation: Operation, request: Request, answer: schemathesis.Response) -> None:
        """Raise when what is wrong with a request was taken, or something else is called wrong."""
        wrong = self._wrong.places(operation.path, operation.definition.raw, request)
        if wrong and request.method == operation.method.upper():
            assert answer.status_code >= 400, ("taken all the same", wrong)
            others = [one for one in _faults_in(answer) if not (is_named(wrong, one["path"]) or _in_words(one))]
            assert others == [], ("another field was named", wrong)

    def _check_all(self, operation: Operation, answer: schemathesis.Response) -> None:
        assert all(name.lower() in answer.headers for name in HEADERS)
        assert b"Traceback" not in answer.content
        assert all(fault["path"] and fault["error"] for fault in _faults_in(answer))
        declared = operation.definition.raw["responses"].get(str(answer.status_code), {})
        if "$ref" in declared:
            declared = self._schema.raw_schema["components"]["responses"][declared["$ref"].rpartition("/")[2]]
        for media_type, content in declared.get("content", {}).items():
            if media_type == PROBLEM_MEDIA_TYPE:
                kinds = {example["value"]["type"] for example in content["examples"].values()}
                if "{" in operation.path:
                    kinds.add(Kind.NOT_FOUND.type)  # what stands in the path may make it another path
                assert answer.json()["type"] in kinds, kinds


@contextlib.contextmanager
def _told(operation: str, request: Request, answer: schemathesis.Response) -> Iterator[None]:
    """Have what is not right say of which request that is."""
    try:
        yield
    except (AssertionError, FailureGroup) as error:
        error.add_note(f"{operation}: {request} was answered {answer.status_code} {answer.content!r}")
        raise


def _faults_in(answer: schemathesis.Response) -> list[dict[str, str]]:
    """Return the faults that an answer lists; one that says that there are some lists them."""
    if not _is_problem(answer):
        return []
    faults: list[dict[str, str]] = answer.json().get("faults", [])
    assert _is_of((Kind.INVALID,), answer) is (faults != [])
    return faults


def _is_problem(answer: schemathesis.Response) -> bool:
    return answer.headers.get("content-type") == [PROBLEM_MEDIA_TYPE]


def _is_of(kinds: tuple[Kind, ...], answer: schemathesis.Response) -> bool:
    return _is_problem(answer) and answer.json()["type"] in {kind.type for kind in kinds}


def _in_words(fault: dict[str, str]) -> bool:
    return any(re.fullmatch(rule, fault["error"]) for rule in WORDS)


def _is_loose(case: Case, request: Request) -> bool:
    """Return whether a query may be called invalid for what no document forbids: a name it does not know, or twice.

    Nobody reads the one; of the other the last one counts.
    """
    names = [name for name, _ in parse_qsl(request.query.decode("latin-1"), keep_blank_values=True)]
    known = {one.name for one in case.operation.query}
    return len(set(names)) < len(names) or not known.issuperset(names)
