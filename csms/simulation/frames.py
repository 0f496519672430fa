"""What a charger makes of text, and the text it makes (OCPP-J 1.6 §4): a reading of its own, without any of ours."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from csms.simulation.trace import ViolationError

Payload = dict[str, Any]
Told = Callable[[Payload], None]
"""What somebody does with the confirmation of a CALL."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Asked:
    """A CALL that was received."""

    message_id: str
    action: str
    payload: Payload


@dataclass(frozen=True, slots=True)
class Refusal:
    """The error that answers a CALL."""

    code: str


def read_call(text: str) -> Asked:
    """Return the CALL in `text`: the central system may send nothing else unasked (§4.2.1)."""
    frame = json.loads(text)
    is_call = isinstance(frame, list) and len(frame) == 4 and frame[0] == 2
    if not is_call or not isinstance(frame[1], str) or len(frame[1]) > 36 or not isinstance(frame[3], dict):
        raise ViolationError(f"no CALL: {text}")
    return Asked(frame[1], frame[2], frame[3])


def call_text(message_id: str, action: str, payload: Payload) -> str:
    """Return a CALL (§4.2.1)."""
    return json.dumps([2, message_id, action, payload])


def read_answer(text: str) -> tuple[str, Payload | None] | None:
    """Return the message id and payload of a CALLRESULT, None in place of it for a CALLERROR; None for a CALL."""
    frame = json.loads(text)
    match frame:
        case [3, str() as message_id, dict() as payload]:
            return message_id, payload
        case [4, str() as message_id, str(), str(), dict()]:
            return message_id, None
        case _:
            return None


def time_text(at_ms: int) -> str:
    """Return UTC ms since the epoch as RFC 3339 with milliseconds."""
    return (_EPOCH + timedelta(milliseconds=at_ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def time_ms(text: str) -> int:
    """Return RFC 3339 as UTC ms since the epoch."""
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(milliseconds=1)


def answer_text(asked: Asked, answer: Payload | Refusal) -> str:
    """Return the CALLRESULT or CALLERROR that answers `asked` (§4.2.2, §4.2.3)."""
    if isinstance(answer, Refusal):
        return json.dumps([4, asked.message_id, answer.code, "", {}])
    return json.dumps([3, asked.message_id, answer])
