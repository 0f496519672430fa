"""What a charger makes of text, and the text it makes (OCPP-J 1.6 §4): a reading of its own, without any of ours."""

import json
from dataclasses import dataclass
from typing import Any

from csms.simulation.trace import ViolationError

Payload = dict[str, Any]


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


def answer_text(asked: Asked, answer: Payload | Refusal) -> str:
    """Return the CALLRESULT or CALLERROR that answers `asked` (§4.2.2, §4.2.3)."""
    if isinstance(answer, Refusal):
        return json.dumps([4, asked.message_id, answer.code, "", {}])
    return json.dumps([3, asked.message_id, answer])
