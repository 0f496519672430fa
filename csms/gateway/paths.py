"""The charger's identity in the address it connects to (OCPP-J 1.6 §3.1.1).

The last non-empty segment of the path, percent-decoded: any depth before it, doubled or trailing slashes and an id
given twice all lead to the same charger.
"""

import re

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")


def charger_id_in(path: str) -> str | None:
    """Return the identity in a request's path; "" when it holds none, None when it cannot be decoded."""
    path = path.partition("?")[0].partition("#")[0]
    last = next((segment for segment in reversed(path.split("/")) if segment), "")
    if _BAD_ESCAPE.search(last):
        return None
    try:
        text = _ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), last.encode()).decode()
    except UnicodeError:
        return None
    return text if text.isprintable() else None
