"""The key that commands show to a server: of CSMS_API_KEY, or of a file (`csms --key-file FILE`, CSMS_API_KEY_FILE).

Never of the command line itself, which everybody on the machine can read, and never told in a message.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from csms.core.access import read_key
from csms.settings import KEY_FILE_VARIABLE, KEY_VARIABLE


@dataclass(frozen=True, slots=True)
class Unusable:
    """Why there is no key to show although one was named."""

    reason: str


def use_file(path: str) -> None:
    """Have every request of this process show the key of a file."""
    os.environ.pop(KEY_VARIABLE, None)
    os.environ[KEY_FILE_VARIABLE] = path


def key_to_show() -> str | Unusable | None:
    """Return the key, None where none was given."""
    if text := os.environ.get(KEY_VARIABLE, "").strip():
        return _checked(KEY_VARIABLE, text)
    path = os.environ.get(KEY_FILE_VARIABLE, "")
    if not path:
        return None
    try:
        return _checked(path, Path(path).read_text(encoding="ascii").strip())
    except OSError as error:
        return Unusable(f"{path}: {error.strerror}")
    except UnicodeDecodeError:
        return _checked(path, "")


def _checked(where: str, text: str) -> str | Unusable:
    if read_key(text) is None:
        return Unusable(f"{where} holds no key: one begins with csms_, as csms keys create has shown it")
    return text
