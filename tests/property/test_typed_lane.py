"""The typed lane's verdict is that of the `ocpp` package's schema, but for the rows of one table.

For each frame the schema is asked in the way that the table says; that must be what the lane says. A row counts as seen
when leaving it out makes the two differ: nothing else explains that frame.
"""

import copy
import json
import random
import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import islice
from typing import Any

import jsonschema_rs
import pytest

from csms.ocpp16 import frames, vendor
from csms.ocpp16.differences import DIFFERENCES
from csms.ocpp16.readers import INT64_MAX, INT64_MIN
from csms.ocpp16.typed_lane import HOT_ACTIONS, Decoded, decode_hot
from tests.property.mutations import payload_text

FRAMES_PER_ACTION = 20_000
NAMES = frozenset(row.name for row in DIFFERENCES)
NEEDED_ONCE = {
    "Authorize": {"idTag"},
    "StartTransaction": {"connectorId", "idTag", "meterStart"},
    "StopTransaction": {"transactionId", "meterStop"},
}
METER_VALUES = {"meterValue", "transactionData"}
"""Their elements are judged in the last occurrence only."""
FINE_ELEMENT = {"timestamp": "", "sampledValue": [{"value": ""}]}
HALF_PAIR = re.compile(r"\\u[dD][89a-fA-F]")


class NotJsonError(Exception):
    """A row says that this text is no message at all."""


def lane_accepts(text: str) -> bool:
    frame = frames.decode(text)
    if not isinstance(frame, frames.Call):
        return False
    decoded = decode_hot(frame.action, frame.payload)
    return isinstance(decoded, Decoded) and not decoded.verdict


def adjusted(schema: Any, rows: frozenset[str], name: str = "") -> Any:
    """Return the schema with what the rows say about values."""
    if isinstance(schema, list):
        return [adjusted(one, rows) for one in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: adjusted(one, rows, key) for key, one in schema.items()}
    if "unknown_field" in rows:
        result.pop("additionalProperties", None)
    if "hertz" in rows and name == "unit":
        result["enum"] = [*result["enum"], "Hertz"]
    if "no_sampled_value" in rows and name == "sampledValue":
        result["minItems"] = 1
    if "connector_id_range" in rows and name == "connectorId":
        result |= {"minimum": 0, "maximum": 2**31 - 1}
    return result


@cache
def validator(action: str, rows: frozenset[str]) -> jsonschema_rs.Draft4Validator:
    schema = copy.deepcopy(vendor.load_schema(action))
    return jsonschema_rs.Draft4Validator(adjusted(schema, rows), validate_formats=False)


class Twice(list[tuple[str, Any]]):
    """An object that gives a field more than once."""

    def contradicts(self, keys: set[str]) -> bool:
        return any(len({repr(value) for name, value in self if name == key}) > 1 for key in keys)


def ways(value: Any) -> Iterator[Any]:
    """Yield `value` with the last occurrence of each field, then once with each other occurrence."""
    if isinstance(value, list) and not isinstance(value, Twice):
        ways_of_each = [list(ways(one)) for one in value]
        base = [first for first, *_ in ways_of_each]
        yield base
        for at, others in enumerate(ways_of_each):
            yield from ([*base[:at], other, *base[at + 1 :]] for other in others[1:])
    elif isinstance(value, dict | Twice):
        pairs = list(value.items()) if isinstance(value, dict) else value
        ways_of_last = {key: list(ways(one)) for key, one in pairs}
        plain = {key: first for key, (first, *_) in ways_of_last.items()}
        yield plain
        for key, others in ways_of_last.items():
            yield from (plain | {key: other} for other in others[1:])
        last = dict(pairs)
        for key, one in pairs:
            if one is not last[key]:
                fine = key in METER_VALUES and isinstance(one, list) and not isinstance(one, Twice)
                yield from (plain | {key: other} for other in ([[FINE_ELEMENT] * len(one)] if fine else ways(one)))
    else:
        yield value


class Reader:
    """Python's JSON reader, which takes more than JSON, with what the rows say about texts and numbers."""

    def __init__(self, rows: frozenset[str]) -> None:
        self.twice = False
        self._rows = rows

    def read(self, text: str) -> Any:
        value = json.loads(
            text,
            object_pairs_hook=self._object,
            parse_int=self._integer,
            parse_float=lambda _: 0.5,  # of a fraction the schema asks only whether it is whole, and 1.0 is not
            parse_constant=self._constant,
        )
        return self._without_half_pairs(value) if HALF_PAIR.search(text) else value

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any] | Twice:
        fields = dict(pairs)
        if len(fields) == len(pairs):
            return fields
        self.twice = True
        return Twice(pairs)

    def _integer(self, digits: str) -> int | float:
        if len(digits) < 19 or INT64_MIN <= int(digits[:25]) <= INT64_MAX:
            return int(digits)
        return 0.5 if "beyond_64_bits" in self._rows else 1

    def _constant(self, _: str) -> float:
        if "nan" in self._rows:
            raise NotJsonError
        return 0.5

    def _without_half_pairs(self, value: Any) -> Any:
        if isinstance(value, str) and any("\ud800" <= char <= "\udfff" for char in value):
            if "lone_surrogate" in self._rows:
                raise NotJsonError
            return "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in value)
        if isinstance(value, dict):
            return {self._without_half_pairs(key): self._without_half_pairs(one) for key, one in value.items()}
        if isinstance(value, tuple | list):
            return type(value)(map(self._without_half_pairs, value))
        return value


def schema_accepts(action: str, text: str, rows: frozenset[str]) -> bool:
    """Return the schema's verdict of a frame, judged in the way that `rows` say."""
    reader = Reader(rows)
    try:
        frame = reader.read(text)
    except (ValueError, RecursionError, NotJsonError):
        return False
    if len(frame) != 4:
        return False
    payload = {} if frame[3] is None and "null_payload" in rows else frame[3]
    payloads: Iterable[Any] = ways(payload) if reader.twice else [payload]
    if "field_given_twice" not in rows:
        payloads = islice(payloads, 1)
    elif isinstance(payload, Twice) and payload.contradicts(NEEDED_ONCE.get(action, set())):
        return False
    return all(map(validator(action, rows).is_valid, payloads))


@pytest.mark.parametrize("action", sorted(HOT_ACTIONS))
def test_the_verdict_is_that_of_the_schema_but_for_the_table(action: str) -> None:
    rng = random.Random(action)
    schema = vendor.load_schema(action)
    unseen = {row.name: row.lane == "accepts" for row in DIFFERENCES if action in row.actions}
    accepted = 0
    for _ in range(FRAMES_PER_ACTION):
        text = f'[2,"id","{action}",{payload_text(rng, schema)}]'
        verdict = lane_accepts(text)
        accepted += verdict
        assert schema_accepts(action, text, NAMES) == verdict, text
        for name, lane in tuple(unseen.items()):
            if verdict == lane != schema_accepts(action, text, NAMES - {name}):
                del unseen[name]
    assert not unseen, "no frame shows these rows of the table"
    assert 0.1 < accepted / FRAMES_PER_ACTION < 0.9, "both verdicts are put to the test"
