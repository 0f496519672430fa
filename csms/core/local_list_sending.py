"""Which message brings a charger's local list where it is to be: one at a time, from what is known of it.

    begun → GetLocalListVersion → GetConfiguration → SendLocalList … → GetLocalListVersion → held
              -1 → not supported                       NotSupported → not supported

Nothing is remembered of how far a list has come: what is known to be at the charger is compared with what is wanted,
and the next message is the first part of the difference, removals first. Where nobody knows what the charger holds, the
first part is sent as Full, and the rest follows as Differential, in the same way as any later change.

What the charger holds is known while it tells the version of what it last accepted; a list counts as held only when it
does so after the last message. A message whose fate is open (no answer, a lost connection, this system killed) is
settled by asking for the version again: it tells whether it was taken in. Versions only rise, so none ever stands for
two lists.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from csms.core.local_list import (
    VERSION_MAX,
    Entry,
    Held,
    ListState,
    LocalListStored,
    Sent,
    applied,
    difference,
)
from csms.core.records import CommandState, CommandStored

CHUNK_DEFAULT = 20
"""Tags of one message to a charger that does not tell SendLocalListMaxLength, though it has to (§9.3)."""

CHUNK_MAX = 500
"""Tags of one message, however many the charger would take: a message is to stay a short one."""

FULLS_MAX = 3
"""So often is a list begun from its beginning in one run; a charger that fails each time is given up."""

SILENCES_MAX = 5
"""So many questions may stay without an answer, one after the other."""

SEND_MAX_KEY = "SendLocalListMaxLength"
LIST_MAX_KEY = "LocalAuthListMaxLength"
ENABLED_KEY = "LocalAuthListEnabled"


# --- messages ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AskVersion:
    """GetLocalListVersion (§5.10)."""


@dataclass(frozen=True, slots=True)
class AskLimits:
    """GetConfiguration of the keys of the profile (§9.3)."""


@dataclass(frozen=True, slots=True)
class Send:
    """SendLocalList (§5.15); it counts as sent once `leaving` is durable."""

    sent: Sent


@dataclass(frozen=True, slots=True)
class Ended:
    """No message: the list is where it is to be, or is given up."""

    state: ListState
    reason: str | None = None


Message = AskVersion | AskLimits | Send


# --- what comes of them -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answered:
    """A CALLRESULT."""

    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NotKnown:
    """A CALLERROR: the charger does not know the action."""


@dataclass(frozen=True, slots=True)
class Errored:
    """Any other CALLERROR, or an answer that cannot be read."""

    code: str


@dataclass(frozen=True, slots=True)
class Silent:
    """No answer: it may have been taken in."""


@dataclass(frozen=True, slots=True)
class NeverLeft:
    """It did not leave in its time, or this system refuses to say it."""

    reason: str


Fate = Answered | NotKnown | Errored | Silent | NeverLeft


def fate_of(command: CommandStored) -> Fate:
    """Return what came of a message, from its command that has ended."""
    match command.state:
        case CommandState.TIMED_OUT | CommandState.UNKNOWN:
            return Silent()
        case CommandState.EXPIRED:
            return NeverLeft(command.reason or "its turn never came")
        case CommandState.NOT_SUPPORTED if command.answer_json is None:
            return NotKnown()
        case CommandState.FAILED:
            return Errored(command.answer or "")
    payload = json.loads(command.answer_json or "null")
    return Answered(payload) if isinstance(payload, dict) else Errored("an answer that cannot be read")


# --- runs -------------------------------------------------------------------------------------------------------------


def begun(before: LocalListStored | None, fresh: LocalListStored) -> LocalListStored:
    """Return a list that is to become another one, from what is known of it; also while it is being sent.

    Nothing is known of a list that was not ours meanwhile.
    """
    if before is None:
        return fresh
    if not before.is_on:
        return replace(fresh, boot=before.boot, version_last=before.version_last)
    return replace(
        fresh,
        boot=before.boot,
        held=before.held,
        sent=before.sent,
        version_last=before.version_last,
        chunk_max=before.chunk_max,
        entries_max=before.entries_max,
        enabled=before.enabled,
    )


def recognised(stored: LocalListStored, boot: str) -> LocalListStored:
    """Return a list whose charger has told its version, and is of such a boot: another one holds another list."""
    if stored.boot in {"", boot}:
        return replace(stored, boot=boot)
    return replace(stored, boot=boot, held=None, sent=None, chunk_max=None, entries_max=None, enabled=None)


def resumed(stored: LocalListStored) -> LocalListStored:
    """Return a list as a run of a new process finds it: the charger is asked again what it holds."""
    return replace(stored, is_asked=False, are_limits_read=False, silences=0)


def next_message(stored: LocalListStored) -> Message | Ended:
    """Return what is to be said to the charger, or how it ends."""
    if stored.state is not ListState.SENDING:
        return Ended(stored.state, stored.reason)
    if stored.silences >= SILENCES_MAX:
        return Ended(ListState.FAILED, f"{SILENCES_MAX} messages stayed without an answer")
    if not stored.is_asked:
        return AskVersion()
    sent = _next_part(stored)
    if sent is None:
        return Ended(ListState.HELD) if stored.is_confirmed else AskVersion()
    if not stored.are_limits_read:
        return AskLimits()
    if stored.entries_max is not None and len(stored.wanted) > stored.entries_max:
        told = f"{LIST_MAX_KEY} of the charger is {stored.entries_max}"
        return Ended(ListState.FAILED, f"the list has {len(stored.wanted)} id tags, and {told}: nothing was sent")
    if sent.version > VERSION_MAX:
        return Ended(ListState.FAILED, "the charger's versions have come to their end")
    if sent.full and stored.fulls >= FULLS_MAX:
        return Ended(ListState.FAILED, f"begun {FULLS_MAX} times: {stored.reason}")
    return Send(sent)


def _next_part(stored: LocalListStored) -> Sent | None:
    """Return the first part of what is missing, or None; what was empty begins with a Full, and a Full empties."""
    version = stored.version_last + 1
    chunk = min(CHUNK_MAX, CHUNK_DEFAULT if stored.chunk_max is None else stored.chunk_max)
    held = stored.held
    if held is not None:
        missing = difference(held.entries, stored.wanted)
        if not any(missing):
            return None
        if held.version > 0 and stored.wanted:
            removed = missing.removed[:chunk]
            return Sent(version, False, missing.listed[: chunk - len(removed)], removed)
    return Sent(version, True, stored.wanted[:chunk])


def leaving(stored: LocalListStored, message: Message) -> LocalListStored:
    """Return a list whose message is about to leave; what this says is durable before it does."""
    if not isinstance(message, Send):
        return stored
    sent = message.sent
    return replace(stored, sent=sent, version_last=sent.version, fulls=stored.fulls + sent.full)


def answered(stored: LocalListStored, message: Message, fate: Fate) -> LocalListStored:
    """Return a list after what came of a message."""
    match fate:
        case NeverLeft(reason):
            return replace(_unsent(stored, message), state=ListState.FAILED, reason=reason)
        case Silent():
            return replace(stored, is_asked=False, silences=stored.silences + 1)
    match message:
        case AskVersion():
            return _version_told(stored, fate)
        case AskLimits():
            return _limits_told(stored, fate)
        case Send(sent):
            return _send_answered(stored, sent, fate)


def _unsent(stored: LocalListStored, message: Message) -> LocalListStored:
    """Return a list of whose message no byte has left: what was known of it is still so."""
    return replace(stored, sent=None) if isinstance(message, Send) else stored


def _version_told(stored: LocalListStored, fate: Answered | NotKnown | Errored) -> LocalListStored:
    version = fate.payload.get("listVersion") if isinstance(fate, Answered) else None
    if version == -1 or isinstance(fate, NotKnown):
        return _not_supported(stored)
    if not isinstance(version, int) or isinstance(version, bool):
        code = fate.code if isinstance(fate, Errored) else "no listVersion"
        return replace(stored, state=ListState.FAILED, reason=f"it answered GetLocalListVersion with {code}")
    highest = version if 0 < version <= VERSION_MAX else 0
    return replace(
        stored,
        held=_held_by(stored, version),
        sent=None,
        version_last=max(stored.version_last, highest),
        is_asked=True,
        is_confirmed=True,
        silences=0,
        reason=_contradiction(stored, version) or stored.reason,
    )


def _contradiction(stored: LocalListStored, version: int) -> str | None:
    """Return how a version speaks against what the charger has accepted in this run, or None."""
    held = stored.held
    if not stored.is_asked or held is None or stored.is_confirmed or version == held.version:
        return None
    return f"it tells version {version} after it has accepted {held.version}"


def _held_by(stored: LocalListStored, version: int) -> Held | None:
    """Return what a charger holds that tells a version, or None."""
    if version == 0:
        return Held(0, ())
    if stored.sent is not None and stored.sent.version == version:
        return applied(stored.held, stored.sent)
    return stored.held if stored.held is not None and stored.held.version == version else None


def _limits_told(stored: LocalListStored, fate: Fate) -> LocalListStored:
    """Take the limits as far as they are told; a charger that has told none is sent short messages."""
    if not isinstance(fate, Answered):
        return replace(stored, are_limits_read=True, silences=0)
    rows = fate.payload.get("configurationKey")
    told: dict[str, str] = {}
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict) and isinstance(row.get("key"), str) and isinstance(row.get("value"), str):
            told[row["key"].strip().lower()] = row["value"].strip()
    enabled = told.get(ENABLED_KEY.lower(), "").lower()
    return replace(
        stored,
        are_limits_read=True,
        silences=0,
        chunk_max=_at_least_one(told.get(SEND_MAX_KEY.lower())),
        entries_max=_at_least_one(told.get(LIST_MAX_KEY.lower())),
        enabled=enabled == "true" if enabled in {"true", "false"} else None,
    )


def _at_least_one(text: str | None) -> int | None:
    """Return a limit; one that is no number, or allows nothing, tells nothing."""
    is_number = text is not None and text.isascii() and text.isdecimal() and len(text) < len(str(VERSION_MAX))
    return int(text) or None if is_number and text is not None else None


def _send_answered(stored: LocalListStored, sent: Sent, fate: Answered | NotKnown | Errored) -> LocalListStored:
    status = fate.payload.get("status") if isinstance(fate, Answered) else None
    if status == "NotSupported" or isinstance(fate, NotKnown):
        return _not_supported(stored)
    if status == "Accepted" and stored.sent != sent:
        return stored  # another charger is there since, or it was forgotten: it is asked again anyway
    if status == "Accepted":
        held = applied(stored.held, sent)
        return replace(stored, held=held, sent=None, silences=0, is_confirmed=False, reason=None)
    word = fate.code if isinstance(fate, Errored) else status
    kind = "Full" if sent.full else "Differential"
    # §5.15: after such an answer nobody knows what it holds, and after VersionMismatch not even its version.
    return replace(
        stored,
        held=None,
        sent=None,
        silences=0,
        is_asked=status != "VersionMismatch",
        are_limits_read=stored.chunk_max is not None,
        reason=f"it answered a {kind} SendLocalList with {word}",
    )


def _not_supported(stored: LocalListStored) -> LocalListStored:
    reason = "the charger has no local list"
    return replace(stored, state=ListState.NOT_SUPPORTED, held=None, sent=None, reason=reason)


# --- as OCPP has them -------------------------------------------------------------------------------------------------


def payload(message: Message) -> tuple[str, str]:
    """Return the action and the payload of a message."""
    match message:
        case AskVersion():
            return "GetLocalListVersion", "{}"
        case AskLimits():
            return "GetConfiguration", _text({"key": [SEND_MAX_KEY, LIST_MAX_KEY, ENABLED_KEY]})
        case Send(sent):
            rows = [*({"idTag": id_tag} for id_tag in sent.removed), *_listed(sent.listed)]
            body = {"listVersion": sent.version, "updateType": "Full" if sent.full else "Differential"}
            return "SendLocalList", _text(body | ({"localAuthorizationList": rows} if rows else {}))


def _listed(entries: Iterable[Entry]) -> Iterable[dict[str, Any]]:
    for entry in entries:
        info: dict[str, str] = {"status": "Accepted"}
        if entry.expires_ms is not None:
            expires = datetime.fromtimestamp(entry.expires_ms // 1_000, UTC)
            info["expiryDate"] = expires.strftime("%Y-%m-%dT%H:%M:%SZ")
        if entry.parent is not None:
            info["parentIdTag"] = entry.parent
        yield {"idTag": entry.id_tag, "idTagInfo": info}


def _text(body: Mapping[str, Any]) -> str:
    return json.dumps(body, separators=(",", ":"))
