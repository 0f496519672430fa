"""`FIELD=VALUE` on a command line, and the payload that it says; which fields an action takes.

What a VALUE is, the field decides and not the VALUE: the schema of the very model that the server reads the body with.
So `idTag=04112233` and `value=10` stay text, and `connectorId=1` is a number. What cannot be what its field wants is
sent as it was typed: the server says what is wrong with it, by its path.
"""

import json
import shlex
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any

from api.command_fields import CommandPayload
from api.command_schemas import EXAMPLES
from csms.cli.asking import Json

Model = type[CommandPayload]
ACTIONS: dict[str, Model] = {model.__name__: model for model in EXAMPLES}
"""Every action by its name, in the order of the documentation."""


class Malformed(ValueError):  # noqa: N818 - it names what it is
    """A FIELD=VALUE that says nothing; the message says why."""


def nearest(name: str) -> str | None:
    """Return the action that somebody may have meant who typed `name`, or None."""
    lower = {action.lower(): action for action in ACTIONS}
    begin_so = [action for action in lower if action.startswith(name.lower())]
    found = begin_so or get_close_matches(name.lower(), lower, 1)
    return lower[found[0]] if found else None


def payload(model: Model, told: Sequence[str]) -> Json:
    """Return the payload that FIELD=VALUE, FIELD.FIELD=VALUE … say; raise Malformed."""
    schema = model.model_json_schema()
    body: Json = {}
    for text in told:
        name, equals, value = text.partition("=")
        path = name.split(".")
        if not equals or not all(path):
            raise Malformed(f"{text!r}: must be FIELD=VALUE, such as connectorId=1")
        _put(body, path, _value(_at(schema, path), value), name)
    return body


def _put(body: Json, path: list[str], value: Any, name: str) -> None:
    """Set what a path names; items of a list are added to those that were told before."""
    for part in path[:-1]:
        body = body.setdefault(part, {})
        if not isinstance(body, dict):
            raise Malformed(f"{name}: {part} was told already, and is no object")
    before = body.get(path[-1])
    if isinstance(before, list) and isinstance(value, list):
        before += value
    elif before is None:
        body[path[-1]] = value
    else:
        raise Malformed(f"{name}: is told twice")


def _at(schema: Json, path: list[str]) -> Json:
    """Return the schema of the field that a path names; {} where there is none, which the server will say."""
    node = schema
    for part in path:
        node = _resolved(schema, node.get("properties", {}).get(part, {}))
    return node | {"items": _resolved(schema, node["items"])} if "items" in node else node


def _resolved(schema: Json, node: Json) -> Json:
    """Return what a node refers to, itself when it refers to nothing."""
    found: Json = schema["$defs"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node
    return found


def _value(node: Json, text: str) -> Any:
    """Return what a text means to a field."""
    kind = node.get("type")
    if kind == "string":
        return text
    if kind != "array":
        return _json_or_text(text)
    items = _json_or_text(text)
    return items if isinstance(items, list) else [_value(node["items"], text)]


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except ValueError:
        return text


def _no_constant(name: str) -> Any:
    """Refuse NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(name)


# --- what is said of an action ----------------------------------------------------------------------------------------


def meaning(model: Model) -> str:
    """Return in one line what an action does."""
    first = (model.__doc__ or "").splitlines()[0]
    section, _, rest = first.removesuffix(".").partition(": ")
    return f"{rest} ({section})"


def fields(model: Model) -> list[tuple[str, ...]]:
    """Return the fields of an action: the name, what it may be, and what is said of it."""
    schema = model.model_json_schema()
    return list(_fields(schema, schema, ""))


def _fields(schema: Json, node: Json, before: str) -> Iterator[tuple[str, ...]]:
    for name, field in node.get("properties", {}).items():
        inner = _resolved(schema, field)
        if "properties" in inner:
            yield from _fields(schema, inner, f"{before}{name}.")
            continue
        needed = "needed" if name in node.get("required", ()) else ""
        yield f"{before}{name}", _kind(schema, inner), ", ".join(filter(None, (needed, inner.get("description", ""))))


def _kind(schema: Json, node: Json) -> str:
    """Return in a word or two what a value may be."""
    if "enum" in node:
        return "|".join(node["enum"])
    if node.get("type") == "array":
        item = _resolved(schema, node["items"])
        told = f"JSON, {{{', '.join(item['properties'])}}}" if "properties" in item else "text"
        return f"{told}; once for each"
    kind = str(node["type"])
    return "time" if node.get("format") == "date-time" else {"string": "text"}.get(kind, kind)


def example(model: Model) -> str:
    """Return the example of an action as it is typed."""
    return " ".join((model.__name__, *_typed("", EXAMPLES[model])))


def _typed(name: str, value: Any) -> Iterator[str]:
    """Yield a value as it is typed in a shell."""
    if isinstance(value, dict):
        for inner, what in value.items():
            yield from _typed(f"{name}.{inner}" if name else inner, what)
    elif isinstance(value, list):
        for item in value:
            yield shlex.quote(f"{name}={item if isinstance(item, str) else json.dumps(item)}")
    elif isinstance(value, str) and "\n" in value:
        yield f'{name}="$(cat FILE.pem)"'
    else:
        yield shlex.quote(f"{name}={value if isinstance(value, str) else json.dumps(value)}")
