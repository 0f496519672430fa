"""How far a command of an operator has come, in words: its state, what really came of it, and what to do next."""

import shlex
from collections.abc import Mapping

from csms.cli.asking import Json, shown

EXPECTED: Mapping[str, tuple[str, str]] = {
    "transaction_started": ("a transaction that starts", "a transaction has started"),
    "transaction_ended": ("the end of the transaction", "the transaction has ended"),
    "boot": ("its next boot", "it has booted"),
    "status": ("the new status", "the new status was reported"),
    "installed": ("the report Installed", "it reported Installed"),
    "uploaded": ("the report Uploaded", "it reported Uploaded"),
    "reservation_used": ("a start that uses the reservation", "the reservation was used"),
    "cap_ended": ("the end of the cap", "the cap is over"),
}
"""What follows from a command that only means "will try": as it is awaited, and as it has happened."""

STATES: Mapping[str, str] = {
    "queued": "queued; it has not left yet",
    "sent": "sent; no answer yet",
    "rejected": "rejected",
    "not_supported": "not supported",
    "failed": "answered with an error",
    "timed_out": "no answer in time",
    "unknown": "nobody knows: it was sent, and the connection or the server ended before the answer",
    "expired": "never sent",
}
SAID_BY_THE_STATE = frozenset({"Rejected", "NotSupported"})


def is_settled(command: Json) -> bool:
    """Return whether nothing more is to be waited for.

    A reservation is used when somebody comes, and a key that needs a reboot waits for whoever asks for one: there the
    charger's word is the end.
    """
    outcome = command.get("outcome", {})
    if command["state"] in {"queued", "sent"}:
        return False
    return outcome.get("state") != "awaited" or _is_up_to_people(command)


def is_good(command: Json) -> bool:
    """Return whether it came to what was asked for."""
    if command["state"] != "accepted":
        return False
    outcome = command.get("outcome")
    return outcome is None or outcome["state"] == "happened" or _is_up_to_people(command)


def _is_up_to_people(command: Json) -> bool:
    outcome = command.get("outcome", {})
    needs_reboot = command.get("answer") == "RebootRequired"
    return outcome.get("state") == "awaited" and (needs_reboot or outcome.get("what") == "reservation_used")


def state_line(command: Json) -> str:
    """Return how far it has come, on one line; the charger's words may be in it."""
    outcome, reason, answer = command.get("outcome"), command.get("reason"), command.get("answer")
    if command["state"] != "accepted":
        why = ": ".join(filter(None, (None if answer in SAID_BY_THE_STATE else answer, reason)))
        return shown(f"{STATES.get(command['state'], command['state'])}{': ' if why else ''}{why}")
    said = "accepted" if answer in {None, "Accepted"} else f"accepted ({answer})"
    return shown(said if outcome is None else f"{said}{_outcome(outcome, reason)}")


def _outcome(outcome: Json, reason: str | None) -> str:
    awaited, happened = EXPECTED.get(outcome["what"], (outcome["what"], f"{outcome['what']} has happened"))
    match outcome["state"]:
        case "awaited":
            until = f" until {outcome['until']}" if "until" in outcome else ""
            return f"; awaited{until}: {awaited}"
        case "happened":
            return f", and {happened}"
        case "cancelled":
            return f", and cancelled by another command before: {awaited}"
        case "not_seen":
            return f", but not seen in time: {awaited}"
        case other:
            return f", but it has {other}{': ' if reason else ''}{reason or ''}"


def next_step(command: Json) -> str | None:
    """Return what to do now, or None where nothing is."""
    name, charger_id = command["id"], shlex.quote(shown(command["chargerId"]))
    if not is_settled(command):
        return f"the wait is over, and it goes on; what comes of it: csms commands {name}"
    if command["state"] == "accepted" and command.get("answer") == "RebootRequired":
        return f"the charger takes it on at its next boot, such as after: csms command {charger_id} Reset type=Soft"
    if command["state"] == "accepted" and not is_good(command):
        return f"look at the charger; what it has said: csms bundle {charger_id}"
    return {
        "rejected": "the charger has refused; how it stands now: csms chargers list",
        "not_supported": f"the charger cannot do that; what it can: csms command {charger_id} GetConfiguration",
        "failed": f"what was said before and after: csms bundle {charger_id}",
        "timed_out": f"a late answer still counts: csms commands {name}",
        "unknown": "it may have been carried out, and is never repeated: look at the charger before you ask again",
        "expired": "nothing has happened: ask again, with a --queue-until when it may come true",
    }.get(command["state"])
