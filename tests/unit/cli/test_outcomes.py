"""How far a command has come, in words; which ends are good; and what to do next."""

from typing import Any

import pytest

from csms.cli.outcomes import EXPECTED, STATES, is_good, is_settled, next_step, state_line
from csms.core.records import CommandState, Expected

T = "2026-11-27T08:00:00.000Z"


def command(came_to: str, answer: str | None = None, reason: str | None = None, **outcome: str) -> dict[str, Any]:
    told = {"answer": answer, "reason": reason, "outcome": outcome or None}
    shown: dict[str, Any] = {"id": "c-1", "chargerId": "CP001", "action": "Reset", "state": came_to}
    return shown | {name: value for name, value in told.items() if value is not None}


BOOT = {"what": "boot", "until": T}
GOOD, OPEN, BAD = (True, True), (False, False), (True, False)


@pytest.mark.parametrize(
    ("told", "line", "end"),
    [
        (command("queued"), "queued; it has not left yet", OPEN),
        (command("sent"), "sent; no answer yet", OPEN),
        (command("accepted", "Accepted"), "accepted", GOOD),
        (command("accepted"), "accepted", GOOD),
        (command("accepted", "Unlocked"), "accepted (Unlocked)", GOOD),
        (command("accepted", "Accepted", state="awaited", **BOOT), f"accepted; awaited until {T}: its next boot", OPEN),
        (command("accepted", "Accepted", state="happened", **BOOT), "accepted, and it has booted", GOOD),
        (
            command("accepted", "Accepted", state="not_seen", **BOOT),
            "accepted, but not seen in time: its next boot",
            BAD,
        ),
        (
            command("accepted", "Accepted", "Invalid\x1bSignature", what="installed", state="failed"),
            "accepted, but it has failed: Invalid?Signature",
            BAD,
        ),
        (command("accepted", "Accepted", what="installed", state="failed"), "accepted, but it has failed", BAD),
        (
            command("accepted", "Accepted", what="uploaded", state="cancelled"),
            "accepted, and cancelled by another command before: the report Uploaded",
            BAD,
        ),
        (command("accepted", "Accepted", what="new", state="happened"), "accepted, and new has happened", GOOD),
        (
            command("accepted", "RebootRequired", what="boot", state="awaited"),
            "accepted (RebootRequired); awaited: its next boot",
            GOOD,
        ),
        (
            command("accepted", "Accepted", what="reservation_used", state="awaited", until=T),
            f"accepted; awaited until {T}: a start that uses the reservation",
            GOOD,
        ),
        (command("rejected", "Rejected"), "rejected", BAD),
        (command("rejected", "Unlock\x1bFailed"), "rejected: Unlock?Failed", BAD),
        (command("not_supported", "NotSupported"), "not supported", BAD),
        (command("not_supported", "NotImplemented"), "not supported: NotImplemented", BAD),
        (command("failed", "InternalError"), "answered with an error: InternalError", BAD),
        (command("timed_out"), "no answer in time", BAD),
        (command("expired", reason="the charger is offline"), "never sent: the charger is offline", BAD),
        (
            command("unknown"),
            "nobody knows: it was sent, and the connection or the server ended before the answer",
            BAD,
        ),
        (command("of_a_newer_server"), "of_a_newer_server", BAD),
    ],
)
def test_how_far_it_has_come(told: dict[str, Any], line: str, end: tuple[bool, bool]) -> None:
    assert (state_line(told), (is_settled(told), is_good(told))) == (line, end)


def test_every_state_and_everything_expected_has_words() -> None:
    assert {*STATES, "accepted"} == {state.value for state in CommandState}
    assert EXPECTED.keys() == {what.value for what in Expected}


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (command("accepted", "Accepted"), None),
        (command("accepted", "Accepted", state="happened", **BOOT), None),
        (command("queued"), "csms commands c-1"),
        (command("accepted", "Accepted", state="awaited", **BOOT), "csms commands c-1"),
        (command("accepted", "RebootRequired"), "csms command CP001 Reset type=Soft"),
        (command("accepted", "RebootRequired", what="boot", state="awaited"), "csms command CP001 Reset type=Soft"),
        (command("accepted", "Accepted", state="not_seen", **BOOT), "csms bundle CP001"),
        (command("rejected", "Rejected"), "csms chargers list"),
        (command("not_supported", "NotSupported"), "csms command CP001 GetConfiguration"),
        (command("failed", "InternalError"), "csms bundle CP001"),
        (command("timed_out"), "csms commands c-1"),
        (command("unknown"), "it may have been carried out"),
        (command("expired"), "--queue-until"),
        (command("of_a_newer_server"), None),
    ],
)
def test_what_to_do_next(told: dict[str, Any], words: str | None) -> None:
    said = next_step(told)
    assert (said is None) if words is None else (said is not None and words in said)
