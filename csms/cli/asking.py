"""Asking a running central system over REST, for commands that only show or hand over what it knows."""

import json
from typing import Any, Self

import httpx2

from csms.cli.key import Unusable, key_to_show

TIMEOUT_S = 35.0
"""Longer than a request waits in the server."""

NOT_YET = "not-yet"
"""The problem of a call that may have been taken in, and has no answer."""

Json = dict[str, Any]


class No(str):
    """Why there is no document, in some lines; `kind`: the server's problem, such as charger-offline, or empty."""

    __slots__ = ("kind",)

    kind: str

    def __new__(cls, text: str, kind: str = "") -> Self:
        """Return the text with its kind."""
        no = super().__new__(cls, text)
        no.kind = kind
        return no


def ask(url: str, method: str, path: str, body: bytes | Json | None = None) -> Json | No:
    """Return the document that the server at `url` answers with ({} of a 204), or in some lines why there is none."""
    if not url.startswith(("http://", "https://")):
        return No(f"--url {url}: must begin with http:// or https://, such as http://127.0.0.1:3000")
    key = key_to_show()
    if isinstance(key, Unusable):
        return No(key.reason)
    content = json.dumps(body).encode() if isinstance(body, dict) else body
    headers = {} if content is None else {"Content-Type": "application/json"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    try:
        with httpx2.Client(base_url=url, timeout=TIMEOUT_S, trust_env=False) as client:
            answer = client.request(method, path, content=content, headers=headers)
            document = answer.json() if answer.content else {}
    except httpx2.TimeoutException:
        return No(f"--url {url}: no answer from a central system there within {TIMEOUT_S:g} s; see its log", NOT_YET)
    except httpx2.TransportError as error:
        kind = "" if isinstance(error, httpx2.ConnectError) else NOT_YET
        return No(f"--url {url}: no answer from a central system there ({error}); is `csms serve` running?", kind)
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        return No(f"--url {url}: no central system answers there ({error}); is it the address of REST?")
    if answer.is_success and isinstance(document, dict):
        return document
    hint = _hint(answer.status_code, shows_key=key is not None)
    told = f"--url {url}: the server answered {answer.status_code} {_why(document)}".rstrip()
    return No(f"{told}{hint}", _kind(document))


def _kind(document: object) -> str:
    """Return what a problem document says that it is, `/docs#problem-charger-offline`, without what is always there."""
    return str(document.get("type", "")).partition("#problem-")[2] if isinstance(document, dict) else ""


def _hint(status: int, *, shows_key: bool) -> str:
    """Return what to do where a key is missing, or is not the right one."""
    if status == httpx2.codes.UNAUTHORIZED and not shows_key:
        return (
            "\n  Where the database is, csms keys create NAME --role viewer|operator|admin makes a key. Give it to this"
            "\n  command in CSMS_API_KEY, or in a file: csms --key-file FILE …"
        )
    if status == httpx2.codes.UNAUTHORIZED:
        return (
            "\n  The key that was shown is unknown there, was revoked or has expired: csms keys list, where the"
            "\n  database is, says which are in force, and csms keys create makes another."
        )
    if status == httpx2.codes.FORBIDDEN and shows_key:
        return "\n  Show a key with that role: CSMS_API_KEY, or csms --key-file FILE …; csms keys create makes one."
    return ""


def _why(document: object) -> str:
    """Return what a problem document says, its faults by their paths."""
    if not isinstance(document, dict):
        return ""
    faults = [f"\n  {fault.get('path')}: {fault.get('error')}" for fault in document.get("faults") or ()]
    return f"{document.get('error', '')}{''.join(faults)}"


def shown(text: object) -> str:
    """Return a stranger's text on one line of a terminal, without what would steer it."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(text))


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    """Return the lines of a table, columns as wide as they must be."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (head, *rows)
    ]
