"""Frames as an operator may see them, and put into a ticket: without keys, certificates and whole id tags.

A frame that can be read is shown as its elements with the secrets masked by the names of their fields; what a charger
answers belongs to the action that was asked, so an answer is paired with its call. A frame that cannot be read, or was
cut, has no names to go by: its text is shown with each value masked that follows a secret name, and not at all where
a secret could hide from that: escaped letters, a secret name anywhere else, a secret with a structure of its own.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from csms.core.access import without_keys
from csms.core.hiding import MASK, without_users
from csms.runtime.messages import Direction, Frame

WITHHELD = "(not shown: it may hold a secret)"
_SHOWN_OF_TAG = 4
_TAGS = {"idtag", "parentidtag"}
_SECRETS = {
    *("certificate", "certificatechain", "csr", "signature", "signingcertificate"),
    *("location", "remotelocation", "iccid", "imsi"),
}
_LONG_WORDS = ("authorizationkey", "apikey", "password", "passwd", "passphrase", "secret", "token", "credential")
_SHORT_WORDS = {"pin", "psk", "pwd", "puk"}
_KEY_WORDS = _SHORT_WORDS | {"pass", "key", "hmac", "wpa"}
"""In the name of a configuration key; a field may be called so without holding a secret."""
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_NAME_AND_VALUE = re.compile(r'"(\w+)"\s*:\s*("(?:[^"\\]|\\.)*(?:"|\\?$)|[^\s,}\]"\[{]+)', re.DOTALL)
LOOKED_AT = 256
"""Who watches a charger asks for its last frames again and again: so many are kept as they were read and redacted."""
_DEPTH = 32
"""Structures in structures that are shown; what is deeper no message of the protocol is."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One frame to be shown.

    Attributes:
        wall_ms, direction, size_bytes, cut: as they were kept.
        action: that of a call, or of the call that this answers; None: not known.
        elements: of a frame that can be read, redacted; else None.
        text: of one that cannot, redacted; else None.
    """

    wall_ms: int
    direction: Direction
    size_bytes: int
    cut: bool
    action: str | None
    elements: list[Any] | None
    text: str | None


def shown(frames: Iterable[Frame]) -> list[Shown]:
    """Return the frames of one charger, oldest first, fit to be shown."""
    calls: dict[tuple[str, str], str] = {}
    return [_shown(frame, calls) for frame in frames]


def _shown(frame: Frame, calls: dict[tuple[str, str], str]) -> Shown:
    elements = None if frame.cut else _read(frame.text)
    if elements is None:
        text = redacted_text(frame.text)
        return Shown(frame.wall_ms, frame.direction, frame.size_bytes, frame.cut, None, None, text)
    action = _action(elements, frame.direction, calls)
    safe = _safe(frame.text, action or "")
    return Shown(frame.wall_ms, frame.direction, frame.size_bytes, frame.cut, action, safe, None)


@lru_cache(maxsize=LOOKED_AT)
def _safe(text: str, action: str) -> list[Any]:
    """Return the elements of a frame that can be read, redacted."""
    return [redacted(element, action) for element in _read(text) or ()]


@lru_cache(maxsize=LOOKED_AT)
def _read(text: str) -> list[Any] | None:
    """Return the elements of a frame, which nobody changes; None: it cannot be read."""
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, list) else None


def _action(elements: list[Any], direction: Direction, calls: dict[tuple[str, str], str]) -> str | None:
    """Return the action of a call, which is remembered, or of the call of the other side that this answers."""
    match elements:
        case [2, str(message_id), str(action), *_]:
            calls[direction, message_id] = action
            return action
        case [3 | 4, str(message_id), *_]:
            return calls.get(("sent" if direction == "received" else "received", message_id))
    return None


def redacted(value: Any, action: str = "", depth: int = 0) -> Any:
    """Return a payload without its secrets: tags shortened, certificates, keys and the data of DataTransfer masked."""
    if isinstance(value, str):
        return _valid(value)
    if depth > _DEPTH:
        return MASK
    if isinstance(value, list):
        return [redacted(each, action, depth + 1) for each in value]
    if not isinstance(value, dict):
        return value
    holds_secret = is_secret_key(value.get("key"))
    return {
        _valid(name): _hidden(name, each, action, holds_secret=holds_secret) or redacted(each, action, depth + 1)
        for name, each in value.items()
    }


def _hidden(name: str, value: Any, action: str, *, holds_secret: bool) -> str | None:
    """Return what is shown in place of a field's value; None: it may be seen."""
    plain = name.lower()
    if plain in _TAGS:
        return (
            _valid(value[:_SHOWN_OF_TAG]) + MASK if isinstance(value, str) and len(value) > 2 * _SHOWN_OF_TAG else MASK
        )
    hides = plain in _SECRETS or is_secret_name(name) or (holds_secret and plain == "value")
    return MASK if hides or (plain == "data" and action in {"", "DataTransfer"}) else None


def _valid(text: str) -> str:
    """Return a text that can be sent, without keys of REST, and without who and what password a URL in it names."""
    valid = without_keys(text if text.isascii() else text.encode("utf-8", "replace").decode())
    return without_users(valid)


def is_secret_key(name: object) -> bool:
    """Return whether a configuration key of that name holds a secret; those of charging profiles do not."""
    if not isinstance(name, str):
        return False
    return is_secret_name(name) or any(word.lower() in _KEY_WORDS for word in _WORD.findall(name))


def redacted_text(text: str) -> str:
    """Return a text that is no readable frame without the values of secret names, or only that it is not shown."""
    rest = _NAME_AND_VALUE.sub(lambda found: "" if _is_hidden(found[1]) else found[0], text)
    if "\\u" in text or _names_secret(rest):
        return WITHHELD
    return _valid(
        _NAME_AND_VALUE.sub(lambda found: f'"{found[1]}":"{MASK}"' if _is_hidden(found[1]) else found[0], text)
    )


def _is_hidden(name: str) -> bool:
    return name.lower() in _TAGS | _SECRETS | {"data"} or is_secret_name(name)


def _names_secret(text: str) -> bool:
    """Return whether any word of a text is a secret name: of a key, in other quotes, before a structure."""
    return any(_is_hidden(word) for word in re.findall(r"\w+", text))


def is_secret_name(name: object) -> bool:
    """Return whether a field or a configuration key of that name holds a secret: a password, but not a ping."""
    if not isinstance(name, str):
        return False
    return _is_known_secret(name) if len(name) <= _NAME_CHARS_MAX else _is_secret(name)


def _is_secret(name: str) -> bool:
    plain = "".join(letter for letter in name.lower() if letter.isalnum())
    if any(word in plain for word in _LONG_WORDS):
        return True
    return any(word.lower() in _SHORT_WORDS for word in _WORD.findall(name))


_NAME_CHARS_MAX = 64
_is_known_secret = lru_cache(maxsize=4_096)(_is_secret)
"""The names of a protocol are few, and come with every frame; what is longer is none of them and not kept."""
