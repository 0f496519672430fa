"""A document that a command is given: a file, or `-` for standard input."""

import os
import sys
from pathlib import Path

STANDARD_INPUT = "-"
SOURCE_BYTES_MAX = 64 * 1024 * 1024
"""Far above any document that means something; a wrong file should not fill the memory."""


def name_of(file: str) -> str:
    """Return what a document is called in what is printed: the bytes of a file's name need not be text."""
    if file == STANDARD_INPUT:
        return "standard input"
    return os.fsencode(file).decode("utf-8", "backslashreplace")


def read_source(file: str) -> bytes | str:
    """Return the content of `file` (`-`: standard input), or one sentence (str) that says why it cannot be read."""
    try:
        if file == STANDARD_INPUT:
            content = sys.stdin.buffer.read(SOURCE_BYTES_MAX + 1)
        else:
            with Path(file).open("rb") as opened:
                content = opened.read(SOURCE_BYTES_MAX + 1)
    except OSError as error:
        return f"cannot read {name_of(file)}: {error.strerror}"
    if len(content) > SOURCE_BYTES_MAX:
        return f"cannot read {name_of(file)}: it has more than {SOURCE_BYTES_MAX} bytes"
    return content
