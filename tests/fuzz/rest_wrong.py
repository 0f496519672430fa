"""Which parts of a request cannot be right, by its bytes and the OpenAPI document: a second opinion for `rest_judge`.

JSON is read by Python's own reader, made strict, and held against the schema by jsonschema-rs; nothing of `api` or of
`csms` has a part in it. What cannot be told here for certain (forms that have no schema, CSV) is not called wrong.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final, NoReturn
from urllib.parse import parse_qsl, unquote_to_bytes

import jsonschema_rs
from schemathesis.specs.openapi.schemas import OpenApiSchema

from tests.fuzz.rest_raw import JSON, Json, Request

WHOLE: Final = re.compile("-?[0-9]{1,30}")
TRUTHS: Final = {"true": True, "false": False}
PLAIN: Final = re.compile("[A-Za-z_$][A-Za-z0-9_]{0,31}")
"""A name that an answer may repeat; of others only the object that they are in is told."""


class _NoJsonError(ValueError):
    pass


class Wrong:
    """Says what is wrong with requests to the operations of one document."""

    def __init__(self, schema: OpenApiSchema) -> None:
        self._components = schema.raw_schema.get("components", {})
        self._validator = cache(self._made)

    def places(self, path: str, operation: Json, request: Request) -> set[str]:
        """Return the places that are wrong for certain, as answers name them: `$.a[0]`, `?limit`, `{id}`."""
        return {*self._in_body(operation, request), *self._in_query(operation, request)} | {
            *self._in_path(path, operation, request)
        }

    def _in_body(self, operation: Json, request: Request) -> Iterator[str]:
        content = operation.get("requestBody", {}).get("content", {})
        sent_as = dict(request.headers).get(b"content-type", b"").partition(b";")[0].strip().lower()
        if JSON not in content or sent_as != JSON.encode():
            return
        try:
            value = _read(request.body)
        except (ValueError, RecursionError):
            yield request.no_number or "$"
            return
        yield from self._against(content[JSON]["schema"], value, "$")

    def _in_query(self, operation: Json, request: Request) -> Iterator[str]:
        told = dict(parse_qsl(request.query.decode("latin-1"), keep_blank_values=True))  # the last one counts
        for one in operation.get("parameters", ()):
            if one["in"] != "query":
                continue
            name = one["name"]
            if name not in told:
                if one.get("required", False):
                    yield f"?{name}"
                continue
            value = _of_type(one["schema"].get("type"), told[name])
            if not self._fits(one["schema"], value):
                yield f"?{name}"

    def _in_path(self, path: str, operation: Json, request: Request) -> Iterator[str]:
        steps = path.split("/")
        sent = request.path.split(b"/")
        if len(steps) != len(sent):
            return
        schemas = {one["name"]: one["schema"] for one in operation.get("parameters", ()) if one["in"] == "path"}
        for step, given in zip(steps, sent, strict=True):
            if step.startswith("{") and not self._fits(schemas[step[1:-1]], _text_of(given)):
                yield step

    def _against(self, schema: Json, value: object, at: str) -> Iterator[str]:
        for error in self._validator(json.dumps(schema)).iter_errors(_printable(value)):
            where = at + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.instance_path)
            match error.kind:
                case jsonschema_rs.ValidationErrorKind.Required(property=name):
                    yield f"{where}.{name}"
                case jsonschema_rs.ValidationErrorKind.AdditionalProperties(unexpected=names):
                    yield from (f"{where}.{name}" if PLAIN.fullmatch(name) else where for name in names)
                case _:
                    yield where

    def _fits(self, schema: Json, value: object) -> bool:
        return self._validator(json.dumps(schema)).is_valid(_printable(value))

    def _made(self, schema: str) -> jsonschema_rs.Draft202012Validator:
        return jsonschema_rs.Draft202012Validator(json.loads(schema) | {"components": self._components})


def is_named(places: set[str], path: str) -> bool:
    """Return whether a path is one of the places, or lies within it."""
    return any(path == place or path.startswith((f"{place}.", f"{place}[")) for place in places)


def _read(body: bytes) -> Any:
    text = body.decode("utf-8").removeprefix("\ufeff")
    return json.loads(text, parse_constant=_refuse, parse_int=_whole, object_pairs_hook=_once)


def _refuse(_constant: str) -> NoReturn:
    raise _NoJsonError


def _whole(digits: str) -> int:
    return int(digits[:30])  # longer ones are beyond every border too


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise _NoJsonError
    return dict(pairs)


def _text_of(step: bytes) -> str:
    return unquote_to_bytes(step).decode("utf-8", "replace")


def _of_type(type_: str | None, text: str) -> object:
    """Return a value of a query as what its schema wants it to be, where it can be that."""
    if type_ == "integer" and WHOLE.fullmatch(text) is not None:
        return int(text)
    return TRUTHS.get(text, text) if type_ == "boolean" else text


def _printable(value: Any) -> Any:
    """Return a value without halves of surrogate pairs, which jsonschema-rs does not take."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {_printable(key): _printable(one) for key, one in value.items()}
    return [_printable(one) for one in value] if isinstance(value, list) else value
