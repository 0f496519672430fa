"""Messages of chargers, first as the schema wants them and then not quite: one seed, one sequence of texts."""

import copy
import json
import random
from typing import Any

STAMPS = ("2026-01-01T00:00:00Z", "2026-01-01T01:00:00.123+01:00", "1970-01-01T00:00:12Z", "yesterday", "")
WHOLE = (0, 1, 2, 77, 12_345, 2**31 - 1)
BORDERS = (-1, 2**31 - 1, 2**31, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64, -(10**30))
WORDS = ("Hertz", "Celcius", "Celsius", "Occupied", "Local", "L1-N", "Outlet", "SoC", "Raw", "Trigger")
ODD_TEXTS = ("\ud800", "a\udfff", "\udc00\ud800", "😀" * 20, "é" * 25, "\x00", "x\u2028", "Ω")
LENGTHS = (20, 21, 25, 26, 50, 51, 255, 256)


class Obj(list[tuple[str, Any]]):
    """A JSON object that may hold a field twice."""


class Token(str):
    """Text that stands in the message as it is, JSON or not."""

    __slots__ = ()


FLOATS = tuple(map(Token, ("1.0", "1e2", "-0", "-0.0", "1.5", "0.1e1", "1E400", "-1e-400")))
DIGITS = Token("9" * 5_000)
NO_JSON = tuple(map(Token, ("NaN", "Infinity", "-Infinity", "nan", "+1", "01", ".5", "1.", "'x'", "", "undefined")))
NOT_FINITE = NO_JSON[:3]
OTHER_TYPES: tuple[Any, ...] = (5, 1.5, "text", True, False, None, [], Obj(), [5], ["Local"], Obj([("value", "1")]))


def whole(schema: Any, definitions: dict[str, Any]) -> Any:
    """Return a schema with what it refers to in its places."""
    if isinstance(schema, list):
        return [whole(one, definitions) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return whole(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    return {key: whole(one, definitions) for key, one in schema.items() if key != "definitions"}


def valid(rng: random.Random, schema: dict[str, Any]) -> Any:
    """Return a value that `schema` allows."""
    if "enum" in schema:
        return rng.choice(schema["enum"])
    kind = schema["type"]
    if kind == "object":
        required = schema.get("required", ())
        fields = [
            (key, valid(rng, of)) for key, of in schema["properties"].items() if key in required or rng.random() < 0.4
        ]
        rng.shuffle(fields)
        return Obj(fields)
    if kind == "array":
        return [valid(rng, schema["items"]) for _ in range(rng.choice((1, 1, 2)))]
    if kind in {"integer", "number"}:
        return rng.choice(WHOLE)
    if kind == "boolean":
        return rng.random() < 0.5
    if schema.get("format") == "date-time":
        return rng.choice(STAMPS)
    return rng.choice(("", "5E450001", "é", "11.5", "x" * schema.get("maxLength", 30)))


def dump(value: Any) -> str:
    """Return the JSON text, or what looks like it."""
    if isinstance(value, Token):
        return str(value)
    if isinstance(value, Obj):
        return "{" + ",".join(f"{json.dumps(key)}:{dump(one)}" for key, one in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(dump, value)) + "]"
    return json.dumps(value)


def objects(value: Any) -> list[Obj]:
    """Return every object within `value`."""
    if isinstance(value, Obj):
        return [value, *(inner for _, one in value for inner in objects(one))]
    return [inner for one in value for inner in objects(one)] if isinstance(value, list) else []


def other_value(rng: random.Random, value: Any) -> Any:
    """Return something else in the place of `value`."""
    depth = rng.choice((10, 200))
    near: tuple[Any, ...] = OTHER_TYPES
    if isinstance(value, str):
        near = (value.lower(), value.upper(), f" {value}", value[:-1], value + "s", *WORDS)
    elif isinstance(value, list):
        near = ([], value[0] if value else Obj(), value * 3, Obj([("0", one) for one in value]))
    choices: tuple[Any, ...] = (
        rng.choice(OTHER_TYPES),
        rng.choice(near),
        rng.choice("xé😀") * rng.choice(LENGTHS),
        None,
        [value],
        Obj([("value", value)]),
        rng.choice((*BORDERS, DIGITS)),
        rng.choice(FLOATS),
        rng.choice(ODD_TEXTS),
        rng.choice(NO_JSON),
        Token("[" * depth + "]" * depth),
    )
    return copy.deepcopy(rng.choice(choices))


def mutate(rng: random.Random, root: Obj) -> None:
    """Change one thing somewhere in `root`."""
    target = rng.choice(objects(root))
    kind = rng.randrange(10)
    if kind == 0 or not target:
        extra = rng.choice(("vendorExtra", "customData", "connectorID", "", "\ud800", "unité"))
        value = copy.deepcopy(rng.choice((*NOT_FINITE, *ODD_TEXTS, *OTHER_TYPES, *FLOATS, DIGITS)))
        target.insert(rng.randint(0, len(target)), (extra, value))
        return
    at = rng.randrange(len(target))
    key, value = target[at]
    if kind == 1:
        del target[at]
    elif kind == 2:
        again = value if rng.random() < 0.4 else other_value(rng, value)
        target.insert(rng.randint(0, len(target)), (key, again))
    elif kind == 3:
        target[at] = rng.choice((key.lower(), key.upper(), f"{key} ", f"_{key}", key[1:])), value
    else:
        target[at] = key, other_value(rng, value)


def payload_text(rng: random.Random, schema: dict[str, Any]) -> str:
    """Return the text of a payload: as `schema` wants it, or with up to three things changed."""
    if rng.random() < 0.01:
        return rng.choice(("null", "[]", "[{}]", "5", '"{}"', "true", "{}", "", "{", "{}}", "[" * 100_000))
    payload = valid(rng, schema)
    for _ in range(rng.choice((0, 1, 1, 1, 1, 2, 2, 3))):
        mutate(rng, payload)
    text = dump(payload)
    if rng.random() < 0.02:
        at = rng.randint(0, len(text))
        text = text[:at] + rng.choice(("", ",", '"', "}", "\x00", "\\", "\n")) + text[at + rng.randint(0, 2) :]
    return text
