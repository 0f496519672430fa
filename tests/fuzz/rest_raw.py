"""What schemathesis does not make, as its requests are those that an HTTP client sends, and its texts mostly noise.

Paths and queries in bytes that are no text, or are another path; bodies that are no JSON, or have two meanings, or are
too large or too deep; texts that a person may write. Everything else of the request is as the OpenAPI document has it
in its examples.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from tests.fuzz.spoiling import spoilt_bytes

Json = dict[str, Any]

JSON: Final = "application/json"
NO_NUMBER: Final = "here"
HOST: Final = (b"host", b"server")
ODD_BYTES: Final = (
    *(b"%FF", b"%ED%A0%80", b"%00", b"%", b"%zz", b"..", b"%2e%2e%2f", b"%2F", b"//", b"\xff", b"+", b"%25", b""),
    *(b"y" * 5_000, b"%0a", b"CP001;", b"%F0%9F%98%80", b"%D9%A3"),
)
ODD_QUERIES: Final = (b"=", b"&&", b"%00=%00", b"a" * 3_000, b"surprise=1", b"\xff=\xff", b"?")
ODD_BODIES: Final = (
    *(b"", b"\xff\xfe{}", b"\x00", b"{", b"\xef\xbb\xbf{}", b"{}{}", b"NaN", b'{"a":NaN}', b"[" * 5_000),
    *(b'{"a":' * 5_000, b'{"a":1,"a":1}', b"9" * 5_000, b'"' + b"x" * 70_000 + b'"', b"{}" + b" " * 70_000),
    *(b'{"a":1E400}', b'{"\\ud800":"\\ud800"}', b"'a'", b'"\xed\xa0\x80"', b"\r\n\r\n", b'"a","b"\n"'),
)
NO_NUMBERS: Final = (b"NaN", b"Infinity", b"-Infinity")
"""What many readers of JSON take, and JSON does not have."""
ODD_TEXTS: Final = (
    *(
        "é",
        "😀",
        "Ω 1",
        "ß" * 64,
        "٣",
        "²",
        "Straße 3",
        "дом",
        "車",
        "İ",
        "x" * 200,
        "y" * 255,
        "' OR 1=1 --",
        "<b>",
        "{}",
        "%s",
        "../..",
        "null",
    ),
    *("0", "-1", "1e3", "NaN", "cp001", "2026-02-30", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-01-01"),
)


@dataclass(frozen=True, slots=True)
class Request:
    """One request, byte by byte.

    Attributes:
        odd_path: what stands in the path may make it another one, or none.
        no_number: the field that holds one of `NO_NUMBERS`, if one does.
    """

    method: str
    path: bytes
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...] = (HOST,)
    body: bytes = b""
    odd_path: bool = False
    no_number: str = ""


def raw_request(rng: random.Random, method: str, template: str, operation: Json) -> Request:
    """Return a request of an operation of which one part is spoilt: the path, the query or the body."""
    names = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"]
    spoilt = rng.choice(("query", *("path" for _ in names), *(["body"] * 3 if "requestBody" in operation else ())))
    headers, body, no_number = [HOST], b"", ""
    if "requestBody" in operation:
        ((media_type, content),) = operation["requestBody"]["content"].items()
        example = rng.choice(list(content["examples"].values()))["value"]
        body = _bytes(example)
        if spoilt == "body" and media_type == JSON and rng.random() < 0.2:
            no_number, body = _with_no_number(rng, example)
        elif spoilt == "body":
            body = _spoilt(rng, example)
        headers += [(b"content-type", media_type.encode()), (b"content-length", str(len(body)).encode())]
    path = template.encode()
    odd = rng.choice(names) if spoilt == "path" else None
    for one in operation.get("parameters", ()):
        if one["in"] == "path":
            value = rng.choice(ODD_BYTES) if one["name"] == odd else rng.choice(one["schema"]["examples"]).encode()
            path = path.replace(f"{{{one['name']}}}".encode(), value)
    query = _query(rng, operation) if spoilt == "query" else b""
    return Request(method.upper(), path, query, tuple(headers), body, odd is not None, no_number)


def _bytes(example: Any) -> bytes:
    return (example if isinstance(example, str) else json.dumps(example)).encode()


def _with_no_number(rng: random.Random, example: Json) -> tuple[str, bytes]:
    """Return a field of an example, and the example with one of `NO_NUMBERS` there."""
    whole: Any = {"": json.loads(json.dumps(example)) or {"surprise": 0}}
    inside, key, path = whole, "", "$"
    while inside[key] and isinstance(inside[key], dict | list):
        inside = inside[key]
        key = rng.choice(list(inside) if isinstance(inside, dict) else range(len(inside)))
        path += f"[{key}]" if isinstance(inside, list) else f".{key}"
    inside[key] = NO_NUMBER
    return path, _bytes(whole[""]).replace(_bytes(json.dumps(NO_NUMBER)), rng.choice(NO_NUMBERS))


def _spoilt(rng: random.Random, example: Any) -> bytes:
    """Return bytes instead of an example, some of its bytes changed, or one of its texts, which may do no harm."""
    kind = rng.choice(("other", "bytes", "text", "text", "text"))
    if kind == "other":
        return rng.choice(ODD_BODIES)
    if kind == "bytes":
        return spoilt_bytes(rng, _bytes(example))
    texts = list(_texts(example))
    if not texts:
        return b"{}"
    text = rng.choice(texts)
    return _bytes(example).replace(json.dumps(text).encode(), json.dumps(rng.choice(ODD_TEXTS)).encode())


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts in a document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)


def _query(rng: random.Random, operation: Json) -> bytes:
    names = [one["name"].encode() for one in operation.get("parameters", ()) if one["in"] == "query"]
    if not names:
        return rng.choice(ODD_QUERIES)
    odd = [name + b"=" + rng.choice(ODD_BYTES) for name in rng.choices(names, k=2)]  # the same one twice, sometimes
    return b"&".join(odd)
