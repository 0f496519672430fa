"""What a charger reports of an upload or of new firmware, and which command that is about.

OCPP 1.6 has two such messages that name no command (§7.15, §7.24); those of the security whitepaper carry the id of the
request that began it (§5.13, §5.19), except where one was triggered and nothing is going on.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from csms.core.records import CommandOutcome


@dataclass(frozen=True, slots=True)
class Report:
    """What a message says of one kind of command.

    Attributes:
        about: the action that has led to it.
        outcome: how it has ended; word: that in the charger's own words.
        request_id: the one of its request, where such messages carry any and this one does.
        is_numbered: whether such messages carry one.
    """

    about: str
    outcome: CommandOutcome
    word: str
    request_id: int | None
    is_numbered: bool


@dataclass(frozen=True, slots=True)
class _Kind:
    about: str
    happened: str
    failed: frozenset[str]
    is_numbered: bool = False


_KINDS: Mapping[str, _Kind] = {
    "FirmwareStatusNotification": _Kind(
        "UpdateFirmware", "Installed", frozenset({"DownloadFailed", "InstallationFailed"})
    ),
    "DiagnosticsStatusNotification": _Kind("GetDiagnostics", "Uploaded", frozenset({"UploadFailed"})),
    "SignedFirmwareStatusNotification": _Kind(
        "SignedUpdateFirmware",
        "Installed",
        frozenset({"DownloadFailed", "InstallationFailed", "InstallVerificationFailed", "InvalidSignature"}),
        is_numbered=True,
    ),
    "LogStatusNotification": _Kind(
        "GetLog",
        "Uploaded",
        frozenset({"BadMessage", "NotSupportedOperation", "PermissionDenied", "UploadFailure"}),
        is_numbered=True,
    ),
}
"""By the message; every other word of theirs is of something that goes on, or of nothing (Idle)."""


def read_report(action: str, payload_json: str) -> Report | None:
    """Return what a message says of how a command has ended, or None: nothing yet, or another matter."""
    kind = _KINDS.get(action)
    if kind is None:
        return None
    try:
        payload = json.loads(payload_json)
    except (ValueError, RecursionError):
        return None
    word = payload.get("status") if isinstance(payload, dict) else None
    if not isinstance(word, str) or word not in kind.failed | {kind.happened}:
        return None
    outcome = CommandOutcome.HAPPENED if word == kind.happened else CommandOutcome.FAILED
    number = payload.get("requestId") if kind.is_numbered else None
    return Report(kind.about, outcome, word, number if isinstance(number, int) else None, kind.is_numbered)
