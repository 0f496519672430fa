"""What an operator may ask of a charger: every action that is offered, and what an answer to it means.

OCPP 1.6 §5, and from ExtendedTriggerMessage on its security whitepaper ("Improved security for OCPP 1.6-J", §5).

A table, because that is what it is: which of a charger's words accept, what follows where acceptance only means "will
try" (errata 3.32, 3.33), and until when. SetChargingProfile is not in it: a limit of an operator's would be one that
the ledger does not know (LEDGER.md §4), so it is a cap for the allocator instead (`csms.core.capping`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from csms.core.keys import may_disturb
from csms.core.records import CommandState, CommandStored, Expected

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
NOT_SUPPORTED = frozenset({"NotSupported", "NotImplemented"})
ACCEPTS = frozenset({"Accepted"})
CANCELS = "AcceptedCanceled"
"""Accepted, and what was going on of the same kind is cancelled (whitepaper §6.13, §6.16)."""
FIRMWARE = frozenset({"UpdateFirmware", "SignedUpdateFirmware"})
UPLOADS = frozenset({"GetDiagnostics", "GetLog"})


@dataclass(frozen=True, slots=True)
class Action:
    """One action.

    Attributes:
        accepts: the words of its answer that accept; an answer that has no status accepts.
        expects: what then follows; within_ms: until when.
        only_if: the word that makes it follow; empty: any that accepts.
    """

    accepts: frozenset[str] = ACCEPTS
    expects: Expected | None = None
    within_ms: int | None = None
    only_if: str = ""


ACTIONS: Mapping[str, Action] = {
    "Reset": Action(expects=Expected.BOOT, within_ms=5 * MINUTE_MS),
    "UnlockConnector": Action(frozenset({"Unlocked"})),
    "ChangeAvailability": Action(
        frozenset({"Accepted", "Scheduled"}), Expected.STATUS, within_ms=24 * HOUR_MS, only_if="Scheduled"
    ),
    "ClearCache": Action(),
    "TriggerMessage": Action(),
    "GetConfiguration": Action(),
    "ChangeConfiguration": Action(frozenset({"Accepted", "RebootRequired"}), Expected.BOOT, only_if="RebootRequired"),
    "DataTransfer": Action(),
    "RemoteStartTransaction": Action(expects=Expected.TRANSACTION_STARTED, within_ms=5 * MINUTE_MS),
    "RemoteStopTransaction": Action(expects=Expected.TRANSACTION_ENDED, within_ms=2 * MINUTE_MS),
    "GetCompositeSchedule": Action(),
    "GetDiagnostics": Action(expects=Expected.UPLOADED, within_ms=HOUR_MS),
    "UpdateFirmware": Action(expects=Expected.INSTALLED, within_ms=2 * HOUR_MS),
    "GetLocalListVersion": Action(),
    "SendLocalList": Action(),
    "ReserveNow": Action(expects=Expected.RESERVATION_USED),
    "CancelReservation": Action(),
    "ClearChargingProfile": Action(),
    "ExtendedTriggerMessage": Action(),
    "GetLog": Action(ACCEPTS | {CANCELS}, Expected.UPLOADED, within_ms=HOUR_MS),
    "SignedUpdateFirmware": Action(ACCEPTS | {CANCELS}, Expected.INSTALLED, within_ms=2 * HOUR_MS),
    "InstallCertificate": Action(),
    "GetInstalledCertificateIds": Action(ACCEPTS | {"NotFound"}),
    "DeleteCertificate": Action(),
    "CertificateSigned": Action(),
}
"""In the order of the documentation. ChangeConfiguration is answered for good unless its key is not known to us.
A charger that has no certificates of a type answers NotFound: that is the list that was asked for.
"""


def body_of(stored: CommandStored) -> dict[str, Any]:
    """Return a command's payload."""
    body: dict[str, Any] = json.loads(stored.body_json)
    return body


def state_of(action: str, word: str | None) -> CommandState:
    """Return what the status of an answer makes of a command."""
    if word is None or word in ACTIONS[action].accepts:
        return CommandState.ACCEPTED
    return CommandState.NOT_SUPPORTED if word in NOT_SUPPORTED else CommandState.REJECTED


def expected(stored: CommandStored, word: str | None) -> Expected | None:
    """Return what follows from an answer that accepts."""
    action = ACTIONS[stored.action]
    if action.only_if not in {"", word} or (stored.action == "ChangeConfiguration" and not disturbs(stored)):
        return None
    if stored.action in UPLOADS and not _names_file(json.loads(stored.answer_json or "{}")):
        return None  # §5.9, whitepaper §5.10: there is nothing to upload
    return action.expects


def _names_file(answer: Mapping[str, object]) -> bool:
    """Return whether an answer tells the name of a file: `fileName` in OCPP 1.6, `filename` in its whitepaper."""
    return any(name.lower() == "filename" and value for name, value in answer.items())


def within_ms(stored: CommandStored, now_wall_ms: int) -> int | None:
    """Return for how long what a command expects is awaited, ms; firmware has its time to begin at (§5.19, §6.7).

    A reservation is awaited until it expires (§5.13).
    """
    if stored.action == "ReserveNow":
        return max(0, _ms(body_of(stored)["expiryDate"]) - now_wall_ms)
    time_ms = ACTIONS[stored.action].within_ms
    if time_ms is None or stored.action not in FIRMWARE:
        return time_ms
    return time_ms + max(0, *(at_ms - now_wall_ms for at_ms in _begins_ms(body_of(stored))))


def _begins_ms(body: dict[str, Any]) -> list[int]:
    """Return the times before which a charger does not fetch, and not install, its firmware, UTC ms."""
    firmware = body.get("firmware", {})
    times = (body.get("retrieveDate"), firmware.get("retrieveDateTime"), firmware.get("installDateTime"))
    return [_ms(time) for time in times if time is not None]


def _ms(stamp: str) -> int:
    return int(datetime.fromisoformat(stamp).timestamp() * 1_000)


def disturbs(stored: CommandStored) -> bool:
    """Return whether a charger's profiles are not certain any more once it has this command (LEDGER.md §4)."""
    if stored.action == "ChangeConfiguration":
        return may_disturb(body_of(stored)["key"])
    return stored.action in FIRMWARE | {"Reset"}
