"""Half a surrogate pair as an escape in JSON text: no character, but no reason either to lose the message around it.

Firmware cuts texts after so many UTF-16 units and so through the middle of a pair (RFC 8259 §8.2). JSON readers refuse
such a text, and all that it is part of. U+FFFD takes its place, written as an escape of the same length: what is read
from the mended text stands at the same place in the text as it came, and can be kept byte for byte.
"""

import re

_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[dD][89a-fA-F][0-9a-fA-F]{2}|.)", re.DOTALL
)
"""A whole pair, half a pair, or the beginning of any other escape."""
_HALF_BYTES = 6
_NO_CHARACTER = rb"\ufffd"


def mended(data: bytes) -> bytes:
    """Return JSON text with U+FFFD for each half of a pair, in the same number of bytes."""
    return _ESCAPE.sub(lambda found: _NO_CHARACTER if len(found[0]) == _HALF_BYTES else found[0], data)
