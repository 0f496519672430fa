"""Which names hold secrets: of fields of the protocol, of configuration keys, of parameters of a URL.

Makers name the keys of their chargers as they like, so words count. One that is shown although it should not be gives a
password away; one that is hidden in vain costs an operator a look at the charger.
"""

import re
from functools import lru_cache

_LONG_WORDS = ("authorizationkey", "apikey", "password", "passwd", "passphrase", "secret", "token", "credential")
_SHORT_WORDS = {"pin", "psk", "pwd", "puk"}
_KEY_WORDS = _SHORT_WORDS | {"pass", "key", "hmac", "wpa"}
"""In the name of a configuration key; a field may be called so without holding a secret."""
_OF_PARAMETERS = ("key", "sig", "auth", "pass", "pwd", "psk", "pin")
"""Anywhere in the name of a parameter: nobody needs one to understand an address."""
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_NAME_CHARS_MAX = 64


def is_secret_name(name: object) -> bool:
    """Return whether a field or a configuration key of that name holds a secret: a password, but not a ping."""
    if not isinstance(name, str):
        return False
    return _is_known_secret(name) if len(name) <= _NAME_CHARS_MAX else _is_secret(name)


def is_secret_key(name: object) -> bool:
    """Return whether a configuration key of that name holds a secret; those of charging profiles do not."""
    if not isinstance(name, str):
        return False
    words = [word.lower() for word in _WORD.findall(name)]
    return is_secret_name(name) or not _KEY_WORDS.isdisjoint(words) or _is_basic_auth(words)


def is_secret_parameter(name: str) -> bool:
    """Return whether a parameter in the query of a URL holds a secret."""
    plain = name.lower()
    return is_secret_name(name) or any(part in plain for part in _OF_PARAMETERS)


def _is_basic_auth(words: list[str]) -> bool:
    """Return whether a key is called CPBasicAuth, HttpAuth, and the like; not LocalAuthListEnabled."""
    return "auth" in words and (words[-1] == "auth" or "basic" in words)


def _is_secret(name: str) -> bool:
    plain = "".join(letter for letter in name.lower() if letter.isalnum())
    if any(word in plain for word in _LONG_WORDS):
        return True
    return any(word.lower() in _SHORT_WORDS for word in _WORD.findall(name))


_is_known_secret = lru_cache(maxsize=4_096)(_is_secret)
"""The names of a protocol are few, and come with every frame; what is longer is none of them and not kept."""
