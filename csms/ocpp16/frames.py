"""OCPP-J 1.6 frames: one JSON text ↔ one typed value (OCPP-J 1.6 §4).

Decoding never raises, whatever the text holds: broken JSON, nesting beyond the recursion limit, numbers of thousands of
digits and arrays of the wrong shape all have a value of their own. The rules, in the order in which they apply:

- no JSON array, or no readable message id: nothing can be answered, the frame is `Ignored` (§4.1.3);
- a message type other than 2, 3 and 4 is `Ignored` (§4.1.3 SHALL);
- a CALL with a readable id but a wrong shape is `Malformed`: it gets a CALLERROR with that id (§4.2.3);
- half a surrogate pair is U+FFFD to whoever reads a payload or a description (`half_pairs`), and makes a message id
  unreadable;
- a CALLRESULT or CALLERROR with a readable id always counts as an answer to that id, even when the rest is unreadable:
  whoever waits for it is told at once instead of by a time-out.

The payload stays raw JSON here: each action decodes it once into its own type.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from csms.ocpp16.half_pairs import mended

MessageId = str | int
"""§4.1.4 asks for a string; a number is served too and echoed as the number it was."""

MAX_MESSAGE_ID_CHARS = 255
"""§4.1.4 says 36; longer ids are served up to here, so that what is remembered per id stays small."""

_MAX_DESCRIPTION_CHARS = 255
"""§4.2.3: errorDescription."""


class ErrorCode(StrEnum):
    """CALLERROR codes with the spelling of OCPP-J 1.6 table 7 ("Formation", "Occurence")."""

    NOT_IMPLEMENTED = "NotImplemented"
    NOT_SUPPORTED = "NotSupported"
    INTERNAL_ERROR = "InternalError"
    PROTOCOL_ERROR = "ProtocolError"
    SECURITY_ERROR = "SecurityError"
    FORMATION_VIOLATION = "FormationViolation"
    PROPERTY_CONSTRAINT_VIOLATION = "PropertyConstraintViolation"
    OCCURRENCE_CONSTRAINT_VIOLATION = "OccurenceConstraintViolation"
    TYPE_CONSTRAINT_VIOLATION = "TypeConstraintViolation"
    GENERIC_ERROR = "GenericError"


class Call(msgspec.Struct, frozen=True):
    """A CALL of the charger; `payload` is a JSON object (`null` arrives as `{}`, §4.2.1)."""

    message_id: MessageId
    action: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class CallResult:
    """An answer; `payload` is a JSON object, or None when it cannot be read."""

    message_id: MessageId
    payload: bytes | None


@dataclass(frozen=True, slots=True)
class CallError:
    """A refusal; `code` as the charger wrote it, "" when unreadable."""

    message_id: MessageId
    code: str
    description: str


@dataclass(frozen=True, slots=True)
class Malformed:
    """A CALL whose id can be read and whose rest cannot: answer it with this CALLERROR."""

    message_id: MessageId
    code: ErrorCode
    description: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """Nothing that could be answered; `reason` is for the log."""

    reason: str


Frame = Call | CallResult | CallError | Malformed | Ignored

_INT64 = msgspec.Meta(ge=-(2**63), le=2**63 - 1)
_Id = str | Annotated[int, _INT64]


class _WholeCall(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    message_type: Literal[2]
    message_id: _Id
    action: str
    payload: msgspec.Raw


_whole_call = msgspec.json.Decoder(_WholeCall)
_parts = msgspec.json.Decoder(list[msgspec.Raw])
_message_id = msgspec.json.Decoder(_Id)
_text = msgspec.json.Decoder(str)
_encoder = msgspec.json.Encoder()

_BROKEN = re.compile(r'\s*\[\s*([234])\s*,\s*("(?:[^"\\]|\\.){0,255}"|-?[0-9]{1,19}(?=\s*,))', re.DOTALL)
"""The start of a frame whose JSON is broken further on: message type and id."""

_CALL, _CALLRESULT, _CALLERROR = b"2", b"3", b"4"
_CALL_LENGTH = 4


def decode(text: str) -> Frame:
    """Decode one text frame; never raises (OCPP-J 1.6 §4.1.3, §4.2)."""
    try:
        call = _whole_call.decode(text)  # what nearly every frame is; whatever else it is, is found out below
    except (msgspec.MsgspecError, RecursionError, UnicodeEncodeError):
        return _decode_any(text)
    payload = bytes(call.payload)
    if payload.startswith(b"{") and len(str(call.message_id)) <= MAX_MESSAGE_ID_CHARS:
        return Call(call.message_id, call.action, payload)
    return _decode_any(text)


def _decode_any(text: str) -> Frame:
    text = text.removeprefix("\ufeff")
    try:
        return _decode_parts(_parts.decode(text))
    except msgspec.ValidationError:
        return Ignored("not a JSON array")
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return _decode_mended(text) or _decode_broken(text)


def _decode_mended(text: str) -> Frame | None:
    """Return the frame of a text that is whole but for halves of surrogate pairs, or None.

    None as well when one stands where it matters who or what is meant: in the id, the action or the error code.
    """
    data = text.encode("utf-8", "replace")
    whole = mended(data)
    try:
        parts = _parts.decode(whole)
    except (msgspec.MsgspecError, RecursionError):
        return None
    frame = _decode_parts(parts)
    named = 3 if isinstance(frame, Call | CallError) else 2
    ends = _end_of(parts[:named], whole)
    if whole == data or whole[:ends] != data[:ends]:
        return None
    if not isinstance(frame, Call):
        return frame
    begins = whole.index(bytes(parts[-1]), ends)
    # A CALL keeps its payload as it came: its meter values are kept so.
    return Call(frame.message_id, frame.action, data[begins : begins + len(bytes(parts[-1]))])


def _end_of(parts: list[msgspec.Raw], whole: bytes) -> int:
    """Return where the first parts of a message end."""
    ends = 0
    for part in parts:
        ends = whole.index(bytes(part), ends) + len(bytes(part))
    return ends


def _decode_parts(parts: list[msgspec.Raw]) -> Frame:
    if len(parts) < 2:  # noqa: PLR2004 - message type and message id
        return Ignored("fewer than two elements")
    message_type = bytes(parts[0])
    try:
        message_id = _message_id.decode(parts[1])
    except (msgspec.MsgspecError, RecursionError):
        return Ignored("no readable message id")
    if message_type == _CALL:
        return _decode_call(message_id, parts)
    if message_type == _CALLRESULT:
        return CallResult(message_id, _object(parts[2]) if len(parts) > 2 else None)  # noqa: PLR2004 - index 2 exists
    if message_type == _CALLERROR:
        code, description = (*map(_word, parts[2:4]), "", "")[:2]
        return CallError(message_id, code, description)
    return Ignored("unknown message type")


def _decode_call(message_id: MessageId, parts: list[msgspec.Raw]) -> Call | Malformed:
    if len(parts) != _CALL_LENGTH:
        return _malformed(message_id, f"a CALL has four elements, this one has {len(parts)}")
    if isinstance(message_id, str) and len(message_id) > MAX_MESSAGE_ID_CHARS:
        return _malformed(message_id, f"the message id is longer than {MAX_MESSAGE_ID_CHARS} characters")
    try:
        action = _text.decode(parts[2])
    except msgspec.MsgspecError:
        return _malformed(message_id, "the action is not a string")
    payload = _object(parts[3])
    if payload is None:
        return _malformed(message_id, "the payload is neither an object nor null")
    return Call(message_id, action, payload)


def _malformed(message_id: MessageId, description: str) -> Malformed:
    return Malformed(message_id, ErrorCode.FORMATION_VIOLATION, description)


def _object(raw: msgspec.Raw) -> bytes | None:
    data = bytes(raw)
    if data == b"null":
        return b"{}"
    return data if data.startswith(b"{") else None


def _word(raw: msgspec.Raw) -> str:
    try:
        return _text.decode(raw).strip()[:_MAX_DESCRIPTION_CHARS]
    except msgspec.MsgspecError:
        return ""


def _decode_broken(text: str) -> Frame:
    match = _BROKEN.match(text)
    if match is None:
        return Ignored("not JSON")
    try:
        message_id = _message_id.decode(match[2])
    except (msgspec.MsgspecError, UnicodeEncodeError):
        return Ignored("not JSON")
    if match[1] == "2":
        return _malformed(message_id, "the message is not well-formed JSON, or nested too deeply")
    return CallResult(message_id, None)


def encode_call(message_id: str, action: str, payload: Mapping[str, object]) -> str:
    """Return the text of a CALL (§4.2.1)."""
    return _encoder.encode((2, message_id, action, payload)).decode()


def encode_result(message_id: MessageId, payload: Mapping[str, object]) -> str:
    """Return the text of a CALLRESULT (§4.2.2)."""
    return _encoder.encode((3, message_id, payload)).decode()


def encode_error(message_id: MessageId, code: ErrorCode, description: str) -> str:
    """Return the text of a CALLERROR; its details are always `{}` (§4.2.3)."""
    return _encoder.encode((4, message_id, code.value, description[:_MAX_DESCRIPTION_CHARS], {})).decode()
