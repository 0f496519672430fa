"""Frames as an operator may see them, and put into a ticket: without keys, certificates and whole id tags.

A frame that can be read is shown as its elements with the secrets masked by the names of their fields; what a charger
answers belongs to the action that was asked, so an answer is paired with its call. What is masked, and what becomes of
a frame that cannot be read: `csms.obs.redaction`.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from csms.obs.redaction import redacted, redacted_text
from csms.runtime.messages import Direction, Frame

LOOKED_AT = 256
"""Who watches a charger asks for its last frames again and again: so many are kept as they were read and redacted."""


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
