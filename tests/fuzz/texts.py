"""Frames of a charger out of its mind, each made from a valid one: one seed, one sequence of texts.

A frame is spoilt at one of three levels: its payload (`tests.property.mutations`), its array, or its text. What it is
in the end is for the oracle to say (`tests.fuzz.oracle`), never for this module.
"""

import json
import random
from functools import cache
from typing import Any, Final

from csms.gateway.answers import KEPT
from csms.ocpp16 import vendor
from csms.ocpp16.typed_lane import HOT_ACTIONS
from tests.property import mutations

FROM_CHARGERS: Final = tuple(sorted({*HOT_ACTIONS, *KEPT}))
"""Every action that a charger may begin."""
SLOW: Final = frozenset({"StartTransaction", "StopTransaction"})
"""Each asks the store first: one in four of what the others are, for they cost three times as much."""
WEIGHTS: Final = tuple(1 if action in SLOW else 4 for action in FROM_CHARGERS)
NOT_FROM_CHARGERS: Final = tuple(sorted(vendor.known_actions() - set(FROM_CHARGERS)))

DIGITS: Final = "9" * 5_000
ODD_IDS: Final = (
    *("null", "true", "1.5", "1e2", "-0", "[]", "{}", '"\\ud800"', '""', '"\\u0000"', DIGITS, str(2**63), "NaN"),
    *(json.dumps("x" * length) for length in (36, 37, 255, 256, 4_000)),
)
ODD_TYPES: Final = ("0", "1", "3", "4", "5", "2.0", '"2"', "null", "[2]", "-2", "true", "02", DIGITS)
ODD_ACTIONS: Final = ('""', "null", "7", "{}", "[]", '"heartbeat"', '"\\udfff"', json.dumps("é" * 3_000), '"\\u0000"')
ODD_PAYLOADS: Final = (
    *("null", "[]", "[{}]", "5", '"{}"', "true", "", "{", "{}}", "NaN", '{"a":NaN}', '{"a":-Infinity}', '{"a":1E400}'),
    *("[" * 2_000, '{"a":' * 1_500, '{"a":' + "[" * 600 + "]" * 600 + "}", '{"a":' + DIGITS + "}"),
    *('{"a":1,"a":2}', '{"\\ud800":1}', "{a:1}", "{'a':1}", '{"a":1,}', '{"":{"":{"":null}}}'),
)
PIECES: Final = (
    *(
        "",
        "",
        ",",
        '"',
        "}",
        "]",
        "{",
        "[",
        "\\",
        "\x00",
        "\n",
        "\ufeff",
        "\u2028",
        "é",
        "😀",
        "null",
        "NaN",
        "-",
        "9" * 400,
    ),
    *("[" * 1_200, "]" * 50, '"\\ud800"', "\\u", "//", "/**/", " " * 3_000),
)


@cache
def schema_of(name: str) -> dict[str, Any]:
    """Return the schema of an action or, "…Response", of its answer."""
    schema = vendor.load_schema(name)
    resolved: dict[str, Any] = mutations.whole(schema, schema.get("definitions", {}))
    return resolved


class Texts:
    """Makes the texts of one charger.

    Args:
        rng: draws everything.
        prefix: what the message ids of its CALLs begin with.
    """

    def __init__(self, rng: random.Random, prefix: str) -> None:
        self._rng = rng
        self._prefix = prefix
        self._count = 0
        self._before = "[]"

    def frame(self) -> str:
        """Return the next text that the charger sends by itself."""
        rng = self._rng
        (kind,) = rng.choices((self._call, self._spoilt_array, self._spoilt_text, self._no_answer), (66, 14, 17, 3))
        text = kind()
        if len(text) < 4_000:
            self._before = text
        return text

    def answer(self, message_id: str, action: str) -> str:
        """Return a spoilt answer to a CALL of ours: a CALLRESULT mostly, or a CALLERROR."""
        rng = self._rng
        kind = rng.random()
        if kind < 0.15:
            rest = [rng.choice(ODD_PAYLOADS)]
        elif kind < 0.3:
            code, description = rng.choice((*ODD_ACTIONS, '"NotSupported"')), rng.choice((*ODD_ACTIONS, '"no"'))
            return self._text_of(["4", json.dumps(message_id), code, description, rng.choice(ODD_PAYLOADS)])
        else:
            rest = [mutations.payload_text(rng, schema_of(f"{action}Response"))]
        if kind > 0.9:
            rest.append("{}")
        text = self._text_of(["3", json.dumps(message_id), *rest])
        return _spoilt(rng, text, self._before) if kind > 0.95 else text

    def proper_answer(self, message_id: str, action: str) -> str:
        """Return an answer as the specification wants it."""
        payload = mutations.valid(self._rng, schema_of(f"{action}Response"))
        return self._text_of(["3", json.dumps(message_id), mutations.dump(payload)])

    def _parts(self) -> list[str]:
        rng = self._rng
        self._count += 1
        (action,) = rng.choices(FROM_CHARGERS, WEIGHTS)
        if rng.random() < 0.02:
            action = rng.choice(NOT_FROM_CHARGERS)
        payload = mutations.payload_text(rng, schema_of(action))
        return ["2", f'"{self._prefix}{self._count}"', f'"{action}"', payload]

    def _text_of(self, parts: list[str]) -> str:
        gap = self._rng.choice(("", "", " ", "\n\t"))
        return f"[{gap}{f',{gap}'.join(parts)}{gap}]"

    def _call(self) -> str:
        return self._text_of(self._parts())

    def _spoilt_array(self) -> str:
        """Return a CALL with one or two elements wrong, missing, twice or moved."""
        rng, parts = self._rng, self._parts()
        for _ in range(rng.choice((1, 1, 2))):
            at = rng.randrange(len(parts))
            (change,) = rng.choices(("odd", "gone", "twice", "moved"), (7, 1, 1, 1))
            if change == "odd":
                parts[at] = rng.choice(_odd_at(at))
            elif change == "gone":
                del parts[at]
            elif change == "twice":
                parts.insert(at, parts[at])
            else:
                rng.shuffle(parts)
        return self._text_of(parts)

    def _spoilt_text(self) -> str:
        return _spoilt(self._rng, self._call(), self._before)

    def _no_answer(self) -> str:
        """Return an answer to nothing that was asked."""
        rng = self._rng
        message_id = rng.choice((*ODD_IDS, '"test-1-1"', '"test-2-7"', f'"{self._prefix}{self._count}"'))
        kind = rng.choice(
            (["3", message_id, rng.choice(ODD_PAYLOADS)], ["4", message_id, '"GenericError"', '""', "{}"])
        )
        return self._text_of(kind)


def _odd_at(at: int) -> tuple[str, ...]:
    return (ODD_TYPES, ODD_IDS, ODD_ACTIONS)[at] if at < 3 else ODD_PAYLOADS


def _spoilt(rng: random.Random, text: str, other: str) -> str:
    """Return a text that was cut, doubled, spliced or changed in places."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        at, to = sorted((rng.randint(0, len(text)), rng.randint(0, len(text))))
        kind = rng.randrange(6)
        if kind == 0:
            text = text[:at]
        elif kind == 1:
            text = text[:to] + text[at:]  # what lies between them twice
        elif kind == 2:
            text = text[:at] + other[rng.randint(0, len(other)) :]
        elif kind == 3:
            text = text[:at] + chr(rng.choice((rng.randrange(128), rng.randrange(0xD800), 0xFFFD))) + text[at + 1 :]
        else:
            text = text[:at] + rng.choice(PIECES) + text[at + rng.randint(0, 2) :]
    return text
