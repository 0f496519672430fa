"""What no HTTP client would send, and schemathesis, whose requests a client sends, does not make.

Paths and queries in bytes that are no text, or are another path; bodies that are no JSON, or have two meanings, or are
too large or too deep. Everything else of the request is as the OpenAPI document has it in its examples.
"""

import json
import random
from dataclasses import dataclass
from typing import Any, Final

from tests.fuzz.spoiling import spoilt_bytes

Json = dict[str, Any]

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


@dataclass(frozen=True, slots=True)
class Request:
    """One request, byte by byte.

    Attributes:
        odd_path: what stands in the path may make it another one, or none.
    """

    method: str
    path: bytes
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...] = (HOST,)
    body: bytes = b""
    odd_path: bool = False


def raw_request(rng: random.Random, method: str, template: str, operation: Json) -> Request:
    """Return a request of an operation of which one part is spoilt: the path, the query or the body."""
    names = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"]
    spoilt = rng.choice(("query", *("path" for _ in names), *(["body"] * 3 if "requestBody" in operation else ())))
    headers, body = [HOST], b""
    if "requestBody" in operation:
        ((media_type, content),) = operation["requestBody"]["content"].items()
        example = rng.choice(list(content["examples"].values()))["value"]
        body = (example if isinstance(example, str) else json.dumps(example)).encode()
        if spoilt not in {"path", "query"}:
            body = rng.choice(ODD_BODIES) if rng.random() < 0.5 else spoilt_bytes(rng, body)
        headers += [(b"content-type", media_type.encode()), (b"content-length", str(len(body)).encode())]
    path = template.encode()
    odd = rng.choice(names) if spoilt == "path" else None
    for one in operation.get("parameters", ()):
        if one["in"] == "path":
            value = rng.choice(ODD_BYTES) if one["name"] == odd else rng.choice(one["schema"]["examples"]).encode()
            path = path.replace(f"{{{one['name']}}}".encode(), value)
    query = _query(rng, operation) if spoilt == "query" else b""
    return Request(method.upper(), path, query, tuple(headers), body, odd_path=odd is not None)


def _query(rng: random.Random, operation: Json) -> bytes:
    names = [one["name"].encode() for one in operation.get("parameters", ()) if one["in"] == "query"]
    if not names:
        return rng.choice(ODD_QUERIES)
    odd = [name + b"=" + rng.choice(ODD_BYTES) for name in rng.choices(names, k=2)]  # the same one twice, sometimes
    return b"&".join(odd)
