"""JSON text to values, strictly: what two readers could understand differently is refused, with its field and place.

Python's own decoder does the work; it accepts duplicate keys, NaN and Infinity and gives up on deep nesting with an
exception, so those are looked for here. Decimals stay decimals: nothing is rounded on the way to the watt.
"""

import json
import re
from decimal import Decimal, InvalidOperation
from typing import NoReturn

from csms.core.configuration.reading import unknown_path
from csms.core.faults import Fault

MAX_DEPTH = 32
"""Objects and lists within each other; a configuration needs four."""

_BEYOND = 10**18
_MAX_DIGITS = 18
"""Longer integers are out of every range: they are kept as one that is, for their digits cost time."""

_STRING = r'"(?:[^"\\]++|\\.)*+"?'  # possessive: an unclosed string costs one pass, not one per quote
_BRACKET = re.compile(_STRING + r"|[\[\]{}]", re.DOTALL)
_TOKEN = re.compile(_STRING + r'|[\[\]{},:]|[^\s"\[\]{},:]++', re.DOTALL)
_CONSTANTS = frozenset({"NaN", "Infinity", "-Infinity"})


class _RefusedError(ValueError):
    """The decoder met something that JSON does not have, or that has two meanings."""


def load_document(source: str | bytes) -> object | tuple[Fault, ...]:
    """Return the values that a JSON text holds, or (a tuple, which JSON never gives) the fault that stops reading it.

    Bytes must be UTF-8; one byte order mark at the start is skipped. Integers come as int, decimals as Decimal.
    """
    text = _decode(source) if isinstance(source, bytes) else source
    if isinstance(text, Fault):
        return (text,)
    text = text.removeprefix("\ufeff")
    deep = _too_deep(text)
    if deep is not None:
        return (_fault(text, deep, f"nested more than {MAX_DEPTH} deep"),)
    try:
        value: object = json.loads(
            text,
            parse_int=_integer,
            parse_float=_decimal,
            parse_constant=_refuse_constant,
            object_pairs_hook=_object,
        )
    except json.JSONDecodeError as error:
        return (_fault(text, error.pos, f"not JSON: {error.msg}"),)
    except _RefusedError:
        return (_refused(text),)
    return value


def _decode(source: bytes) -> str | Fault:
    try:
        return source.decode("utf-8")
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        return Fault("$", f"line {line}: not UTF-8 text")


def _fault(text: str, position: int, what: str, path: str = "$") -> Fault:
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    return Fault(path, f"line {line}, column {column}: {what}")


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        return -_BEYOND if digits.startswith("-") else _BEYOND
    return int(digits)


def _decimal(digits: str) -> Decimal:
    try:
        return Decimal(digits)
    except InvalidOperation:  # an exponent beyond 10^18
        return Decimal("Infinity")


def _refuse_constant(_constant: str) -> NoReturn:
    raise _RefusedError


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise _RefusedError
    return values


def _too_deep(text: str) -> int | None:
    """Return the position of the first bracket that opens too deep, or None."""
    depth = 0
    for token in _BRACKET.finditer(text):
        if token[0] in {"[", "{"}:
            depth += 1
            if depth > MAX_DEPTH:
                return token.start()
        elif token[0] in {"]", "}"}:
            depth -= 1
    return None


def _refused(text: str) -> Fault:
    """Return the first constant or duplicate key in a text that is JSON but for these."""
    keys: list[set[str] | None] = []  # of each open object; None for an open list
    steps: list[str | int] = []  # from each of them to what is being read: a key, or the place in a list
    previous = ""
    for token in _TOKEN.finditer(text):
        word = token[0]
        if word in _CONSTANTS:
            return _fault(text, token.start(), f"{word} is not a JSON number", _path(steps))
        if word in {"{", "["}:
            keys.append(set() if word == "{" else None)
            steps.append("" if word == "{" else 0)
        elif word in {"}", "]"}:
            keys.pop()
            steps.pop()
        elif word == "," and isinstance(at := steps[-1], int):
            steps[-1] = at + 1
        elif previous in {"{", ","} and (of_object := keys[-1]) is not None:
            steps[-1] = key = json.loads(word)
            if key in of_object:
                return _fault(text, token.start(), "the same key a second time in one object", _path(steps))
            of_object.add(key)
        previous = word
    raise AssertionError("the decoder refused something else")


def _path(steps: list[str | int]) -> str:
    """Return the path of a value, or of what it is in as far as the names are short and plain."""
    path = "$"
    for step in steps:
        outer, path = path, f"{path}[{step}]" if isinstance(step, int) else unknown_path(path, step)
        if path == outer:
            break
    return path
