"""Requests made from the OpenAPI document: as it wants them, and then not quite. One seed, one sequence."""

import json
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from tests.property import mutations

Json = dict[str, Any]

ODD_WORDS: Final = (
    *("", " ", "0", "-1", "1.5", "9" * 40, "NaN", "null", "true", "[]", "{}", "%", "a b", "é", "\x00", "\n", "😀"),
    *("../..", "x" * 256, "y" * 5_000, "' OR 1=1 --", "2026-02-30", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"),
    *("2026-01-01T00:00:00", "٣", "²", "1e3", "+1", "0x1", "CP001;", "cp001"),
)
ODD_BYTES: Final = (
    b"%FF",
    b"%ED%A0%80",
    b"%00",
    b"%",
    b"%zz",
    b"..",
    b"%2e%2e%2f",
    b"%2F",
    b"//",
    b"\xff",
    b"+",
    b"%25",
)
ODD_BODIES: Final = (
    *(
        b"",
        b"null",
        b"[]",
        b"{}",
        b"5",
        b'"text"',
        b"true",
        b"\xff\xfe{}",
        b"\x00",
        b"{",
        b"\xef\xbb\xbf{}",
        b"{}{}",
        b"NaN",
    ),
    *(
        b"[" * 5_000,
        b'{"a":' * 5_000,
        b'{"a":1,"a":1}',
        b"9" * 5_000,
        b'"' + b"x" * 70_000 + b'"',
        b"{}" + b" " * 70_000,
    ),
)
MEDIA_TYPES: Final = (
    b"",
    b"text/plain",
    b"application/xml",
    b"application/json; charset=utf-8",
    b"multipart/form-data",
)
PLAIN: Final = 0.3
"""Of the requests are as documented, so that there is something for the others to be wrong about."""
WRONG: Final[tuple[Any, ...]] = (mutations.Obj([("x", 1)]), [[]], -(10**30), mutations.DIGITS)
"""Values that no field of any body takes."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes:
        odd_path: what stands in the path may make it another one, or none.
        spoilt: the field of the body that cannot be right; everything else is as documented.
    """

    method: str
    template: str
    path: bytes
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""
    odd_path: bool = False
    spoilt: str = ""


@dataclass(slots=True)
class Requests:
    """Makes requests of an OpenAPI document.

    Attributes:
        seen: what answers have held in fields of these names: ids of things that are there.
    """

    openapi: Json
    rng: random.Random
    seen: dict[str, list[str]] = field(default_factory=dict)
    _texts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._texts = tuple(sorted(set(_texts_of(self.openapi["components"])) | set(_texts_of(self.openapi["paths"]))))

    def operations(self) -> list[tuple[str, str]]:
        """Return every operation: its method, and its path as the document has it."""
        return [(method, path) for path, methods in self.openapi["paths"].items() for method in methods]

    def make(self, method: str, template: str) -> Request:
        """Return a request of an operation."""
        rng, operation = self.rng, self.openapi["paths"][template][method]
        parameters = operation.get("parameters", [])
        plain = rng.random() < PLAIN
        path, odd_path = self._path(template, [one for one in parameters if one["in"] == "path"], plain=plain)
        query = self._query([one for one in parameters if one["in"] == "query"], plain=plain)
        headers: list[tuple[bytes, bytes]] = [(b"host", b"server")]
        body, spoilt = b"", ""
        if "requestBody" in operation:
            ((media_type, content),) = operation["requestBody"]["content"].items()
            body, spoilt = self._body(media_type, content, plain=plain)
            if rng.random() < 0.03 and not plain:
                media_type, spoilt = rng.choice(MEDIA_TYPES).decode(), ""
            headers.append((b"content-type", media_type.encode()))
            headers.append((b"content-length", str(len(body)).encode()))
        if odd_path or query:
            spoilt = ""
        return Request(method.upper(), template, path, query, tuple(headers), body, odd_path, spoilt)

    def learn(self, answer: object) -> None:
        """Take note of the ids in an answer."""
        for key, value in _fields_of(answer):
            if (
                isinstance(value, str | int)
                and not isinstance(value, bool)
                and key.lower().endswith(("id", "idtag", "cursor"))
            ):
                known = self.seen.setdefault(key, [])
                known.append(str(value))
                del known[:-20]

    # --- parts ----------------------------------------------------------------------------------------------------

    def _path(self, template: str, parameters: list[Json], *, plain: bool) -> tuple[bytes, bool]:
        path, odd = template.encode(), False
        for parameter in parameters:
            name, kind = parameter["name"], self.rng.random() * (0.7 if plain else 1)
            value = self.rng.choice(parameter["schema"]["examples"]).encode()
            if kind < 0.35 and (known := [one for key in self._keys(template, name) for one in self.seen.get(key, ())]):
                value = quote(self.rng.choice(known), safe="").encode()
                odd = b"%2F" in value
            elif kind > 0.9:
                value, odd = self.rng.choice(ODD_BYTES), True
            elif kind > 0.75:
                value, odd = quote(self.rng.choice(ODD_WORDS), safe="").encode(), True
            path = path.replace(f"{{{name}}}".encode(), value)
        return path, odd

    @staticmethod
    def _keys(template: str, name: str) -> tuple[str, ...]:
        if name == "id":
            return ("id", f"{template.split('/')[1].removesuffix('s')}Id")
        return (name, "id") if name == "chargerId" else (name,)

    def _query(self, parameters: list[Json], *, plain: bool) -> bytes:
        if plain:
            needed = [one for one in parameters if one.get("required")]
            return b"&".join(f"{one['name']}={quote(str(self.valid(one['schema'])))}".encode() for one in needed)
        parts = []
        for parameter in parameters:
            chance = 0.9 if parameter.get("required") else 0.25
            while self.rng.random() < chance:
                chance = 0.05  # twice, sometimes
                known = self.seen.get("nextCursor" if parameter["name"] == "cursor" else parameter["name"], [])
                word = str(self.valid(parameter["schema"]))
                if self.rng.random() < 0.3:
                    word = self.rng.choice((*ODD_WORDS, *known))
                value = quote(word, safe="").encode() if self.rng.random() < 0.95 else self.rng.choice(ODD_BYTES)
                parts.append(parameter["name"].encode() + b"=" + value)
        if self.rng.random() < 0.03:
            parts.append(self.rng.choice((b"surprise=1", b"", b"=", b"&&", b"%00=%00", b"a" * 3_000)))
        return b"&".join(parts)

    def _body(self, media_type: str, content: Json, *, plain: bool) -> tuple[bytes, str]:
        rng, kind = self.rng, self.rng.random()
        if plain:
            example = rng.choice(list(content["examples"].values()))["value"]
            return (example if isinstance(example, str) else json.dumps(example)).encode(), ""
        if kind < 0.06:
            return rng.choice(ODD_BODIES), ""
        if media_type == "text/csv":
            return spoilt_bytes(rng, rng.choice(list(content["examples"].values()))["value"].encode()), ""
        value = self._document(content)
        if kind < 0.3 and value:
            return self._with_one_wrong(value)
        if kind < 0.7:
            for _ in range(rng.choice((1, 1, 2, 3))):
                mutations.mutate(rng, value)
        data = mutations.dump(value).encode()
        return (spoilt_bytes(rng, data) if kind > 0.95 else data), ""

    def _with_one_wrong(self, value: mutations.Obj) -> tuple[bytes, str]:
        at = self.rng.randrange(len(value))
        key, _ = value[at]
        value[at] = key, self.rng.choice(WRONG)
        return mutations.dump(value).encode(), key

    def _document(self, content: Json) -> mutations.Obj:
        if self.rng.random() < 0.5:
            example = self.rng.choice(list(content["examples"].values()))["value"]
        else:
            example = self.valid(content["schema"])
        found = ordered(example)
        assert isinstance(found, mutations.Obj), "every body is an object"
        return found

    def valid(self, schema: Json) -> Any:
        """Return a value that a schema allows, but for what only words say."""
        rng = self.rng
        if "$ref" in schema:
            return self.valid(self.openapi["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return rng.choice(schema["enum"])
        if "anyOf" in schema:
            return self.valid(rng.choice([one for one in schema["anyOf"] if one.get("type") != "null"]))
        match schema.get("type"):
            case "object":
                needed, properties = schema.get("required", ()), schema.get("properties", {})
                chosen = [key for key in properties if key in needed or rng.random() < 0.4]
                return {key: self.valid(properties[key]) for key in chosen}
            case "array":
                least, most = schema.get("minItems", 0), schema.get("maxItems", 3)
                return [self.valid(schema["items"]) for _ in range(rng.randint(least, max(least, min(most, 3))))]
            case "integer" | "number":
                least, most = schema.get("minimum", 0), schema.get("maximum", 2**31 - 1)
                return rng.choice((least, most, min(least + 1, most), rng.randint(int(least), int(most))))
            case "boolean":
                return rng.random() < 0.5
        return self._text(schema)

    def _text(self, schema: Json) -> str:
        if schema.get("format") == "date":
            return self.rng.choice(("2026-01-01", "2025-12-31", "1970-01-02"))
        least: int = schema.get("minLength", 0)
        most: int = schema.get("maxLength", 64)
        fitting = [one for one in self._texts if least <= len(one) <= most]
        if "pattern" in schema:
            fitting = [one for one in fitting if re.search(schema["pattern"], one)]
        elif self.rng.random() < 0.3:
            return self.rng.choice(("x", "é", "😀", "<")) * self.rng.choice((max(least, 1), min(most, 300)))
        return self.rng.choice(fitting) if fitting else "x" * max(least, 1)


def _texts_of(value: object) -> Iterator[str]:
    """Yield every text of the examples."""
    for key, one in _fields_of(value):
        if key in {"value", "examples"}:
            yield from (text for text in _leaves(one) if isinstance(text, str))


def _fields_of(value: object) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from value.items()
        for one in value.values():
            yield from _fields_of(one)
    elif isinstance(value, list):
        for one in value:
            yield from _fields_of(one)


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, Mapping):
        for one in value.values():
            yield from _leaves(one)
    elif isinstance(value, list):
        for one in value:
            yield from _leaves(one)
    else:
        yield value


def ordered(value: Any) -> Any:
    """Return a document as one that `mutations` can change."""
    if isinstance(value, Mapping):
        return mutations.Obj((key, ordered(one)) for key, one in value.items())
    return [ordered(one) for one in value] if isinstance(value, list) else value


def spoilt_bytes(rng: random.Random, data: bytes) -> bytes:
    """Return bytes with some of them lost, doubled, or others among them."""
    for _ in range(rng.choice((0, 1, 1, 2))):
        at, to = sorted((rng.randint(0, len(data)), rng.randint(0, len(data))))
        piece = rng.choice((b"", b"\xff", b"\x00", b",", b'"', b"\n", b"\r", b"{", data[at:to] * 2, b"\xed\xa0\x80"))
        data = data[:at] + piece + data[rng.choice((at, at + 1, to)) :]
    return data
