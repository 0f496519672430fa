"""Messages without their secrets: keys, passwords, certificates and whole id tags, by the names of their fields.

A text that cannot be read as JSON, or was cut, has no names to go by: each value is masked that follows a secret name,
and it is not shown at all where a secret could hide from that: escaped letters, a secret name anywhere else, a secret
with a structure of its own.
"""

import re
from collections.abc import Callable
from typing import Any

from csms.core.access import without_keys
from csms.core.hiding import MASK, without_credentials
from csms.core.secret_names import is_secret_key, is_secret_name

WITHHELD = "(not shown: it may hold a secret)"
_SHOWN_OF_TAG = 4
_TAGS = {"idtag", "parentidtag"}
_SECRETS = {
    *("certificate", "certificatechain", "csr", "signature", "signingcertificate"),
    *("location", "remotelocation", "iccid", "imsi"),
}
_NAME_AND_VALUE = re.compile(r'"(\w+)"\s*:\s*("(?:[^"\\]|\\.)*(?:"|\\?$)|[^\s,}\]"\[{]+)', re.DOTALL)
_DEPTH = 32
"""Structures in structures that are shown; what is deeper no message of the protocol is."""


def shortened(tag: str) -> str:
    """Return the beginning of an id tag, nothing of a short one."""
    return _valid(tag[:_SHOWN_OF_TAG]) + MASK if len(tag) > 2 * _SHOWN_OF_TAG else MASK


def redacted(value: Any, action: str = "", depth: int = 0, tag: Callable[[str], str] = shortened) -> Any:
    """Return a payload without its secrets: tags as `tag` shows them, certificates, keys and a vendor's data masked."""
    if isinstance(value, str):
        return _valid(value)
    if depth > _DEPTH:
        return MASK
    if isinstance(value, list):
        return [redacted(each, action, depth + 1, tag) for each in value]
    if not isinstance(value, dict):
        return value
    holds_secret = any(is_secret_key(each) for name, each in value.items() if name.lower() == "key")
    return {
        _valid(name): _hidden(name, each, action, tag, holds_secret=holds_secret)
        or redacted(each, action, depth + 1, tag)
        for name, each in value.items()
    }


def _hidden(name: str, value: Any, action: str, tag: Callable[[str], str], *, holds_secret: bool) -> str | None:
    """Return what is shown in place of a field's value; None: it may be seen."""
    plain = name.lower()
    if plain in _TAGS:
        return tag(value) if isinstance(value, str) else MASK
    hides = plain in _SECRETS or is_secret_name(name) or (holds_secret and plain == "value")
    return MASK if hides or (plain == "data" and action in {"", "DataTransfer"}) else None


def _valid(text: str) -> str:
    """Return a text that can be sent, without keys of REST, and without who and what password a URL in it names."""
    valid = without_keys(text if text.isascii() else text.encode("utf-8", "replace").decode())
    return without_credentials(valid)


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
