"""What a release takes out of a charger by the ledger of commands: which certificates are ours, which were there."""

import json
from collections.abc import Mapping

import pytest

from csms.core.ids import ChargerId, CommandId
from csms.core.leaving import certificates, changed_keys, unanswered_reservations
from csms.core.records import CommandState, CommandStored
from csms.core.release import StepState
from tests.certificates import CERTIFICATE, INTERMEDIATE, OTHER_ROOT
from tests.unit.core.test_certificates import KEY_256, NAME_256

CSMS, MAKER = "CentralSystemRootCertificate", "ManufacturerRootCertificate"
ROOT_2 = {"hashAlgorithm": "SHA256", "issuerNameHash": NAME_256, "issuerKeyHash": KEY_256, "serialNumber": "F2"}
ANOTHER = ROOT_2 | {"serialNumber": "77"}
ACCEPTED, TIMED_OUT, UNKNOWN = CommandState.ACCEPTED, CommandState.TIMED_OUT, CommandState.UNKNOWN
AT_MS = 1_800_000_000_000


def command(
    at: int,
    action: str,
    body: Mapping[str, object],
    state: CommandState = ACCEPTED,
    answer: str | None = "Accepted",
    **answered: object,
) -> CommandStored:
    told = None if answer is None else json.dumps({"status": answer} | answered)
    name = CommandId(f"c{at}")
    return CommandStored(
        name,
        ChargerId("A"),
        action,
        json.dumps(body),
        "",
        0,
        state=state,
        answer=answer,
        answer_json=told,
        sent_ms=AT_MS + at,
    )


def look(at: int, *has: Mapping[str, str], use: str = CSMS, state: CommandState = ACCEPTED) -> CommandStored:
    body = {"certificateType": use}
    if state is not ACCEPTED:
        return command(at, "GetInstalledCertificateIds", body, state, None)
    if not has:
        return command(at, "GetInstalledCertificateIds", body, answer="NotFound")
    return command(at, "GetInstalledCertificateIds", body, certificateHashData=list(has))


def install(at: int, pem: str = OTHER_ROOT, use: str = CSMS, state: CommandState = ACCEPTED) -> CommandStored:
    return command(at, "InstallCertificate", {"certificateType": use, "certificate": pem}, state)


def delete(at: int, named: Mapping[str, str], state: CommandState = ACCEPTED) -> CommandStored:
    return command(at, "DeleteCertificate", {"certificateHashData": named}, state)


OURS, UNREAD, DELETED = "open", "was never read", "nobody has it to put it back"


@pytest.mark.parametrize(
    ("caption", "commands", "found"),
    [
        ("nothing", [], []),
        ("nothing was there", [look(1), install(2)], [(f"{CSMS} f2", OURS)]),
        ("in one instant", [install(1), look(1)], [(f"{CSMS} f2", OURS)]),
        ("another was there", [look(1, ANOTHER), install(2)], [(f"{CSMS} f2", OURS)]),
        ("it was there before", [look(1, ROOT_2), install(2)], []),
        ("it was there under another use", [look(1, ROOT_2, use=MAKER), look(2), install(3)], [(f"{CSMS} f2", OURS)]),
        ("nobody has looked", [install(1)], [(f"{CSMS} f2", UNREAD)]),
        ("somebody looked too late", [install(1), look(2)], [(f"{CSMS} f2", UNREAD)]),
        ("the look was not answered", [look(1), look(2, state=TIMED_OUT), install(3)], [(f"{CSMS} f2", UNREAD)]),
        ("it may have been done", [look(1), install(2, state=UNKNOWN)], [(f"{CSMS} f2", OURS)]),
        ("twice", [look(1), install(2), look(3, ROOT_2), install(4)], [(f"{CSMS} f2", OURS)]),
        (
            "two of them",
            [look(1), install(2), look(3, ROOT_2), install(4, INTERMEDIATE)],
            [(f"{CSMS} f2", OURS), (f"{CSMS} b", OURS)],
        ),
        ("deleted by us", [look(1), install(2), delete(3, ROOT_2)], []),
        ("it may be deleted", [look(1), install(2), delete(3, ROOT_2, TIMED_OUT)], [(f"{CSMS} f2", OURS)]),
        ("deleted, and it was there before", [look(1, ROOT_2), delete(2, ROOT_2)], [("F2", DELETED)]),
        ("and put back", [look(1, ROOT_2), delete(2, ROOT_2), install(3)], [(f"{CSMS} f2", OURS)]),
        ("no certificate", [look(1), install(2, "PEM")], [(CSMS, UNREAD)]),
        (
            "one of its own",
            [command(1, "CertificateSigned", {"certificateChain": CERTIFICATE}), look(2)],
            [("ChargePointCertificate", "no message takes away")],
        ),
    ],
)
def test_which_certificates_are_to_be_undone(
    caption: str, commands: list[CommandStored], found: list[tuple[str, str]]
) -> None:
    for given in (commands, commands[::-1]):
        steps = certificates(given)
        assert [step.name for step in steps] == [name for name, _ in found], caption
        for step, (_, said) in zip(steps, found, strict=True):
            is_asked = said == OURS
            assert (step.state is StepState.OPEN, step.installed is not None) == (is_asked, is_asked)
            assert is_asked or said in step.detail


def test_what_was_there_before_is_kept_with_it() -> None:
    (step,) = certificates([look(1, ANOTHER), install(2)])
    assert step.installed is not None
    assert (step.installed.use, step.installed.pem) == (CSMS, OTHER_ROOT)
    assert [named.serial_number for named in step.installed.before] == ["77"]


def test_a_list_without_a_list_tells_nothing() -> None:
    mute = command(1, "GetInstalledCertificateIds", {"certificateType": CSMS})
    assert [step.state for step in certificates([mute, install(2)])] == [StepState.NOT_UNDONE]


def reserve(number: int, until: str, state: CommandState) -> CommandStored:
    body = {"connectorId": 1, "expiryDate": until, "idTag": "T", "reservationId": number}
    return command(number, "ReserveNow", body, state)


def test_reservations_that_nobody_has_answered() -> None:
    found = unanswered_reservations(
        [
            reserve(1, "2027-01-15T09:00:00Z", TIMED_OUT),
            reserve(2, "2027-01-15T09:00:00Z", ACCEPTED),
            reserve(3, "2027-01-15T10:00:00+02:00", UNKNOWN),
            reserve(3, "2027-01-15T07:00:00Z", UNKNOWN),
            command(9, "CancelReservation", {"reservationId": 5}, TIMED_OUT),
        ]
    )
    assert found == {1: AT_MS + 3_600_000, 3: AT_MS}


def test_the_last_value_of_a_key_counts() -> None:
    set_to = [command(n, "ChangeConfiguration", {"key": "K", "value": str(n)}) for n in (1, 2)]
    assert changed_keys([*set_to, command(3, "Reset", {"type": "Soft"})]) == {"K": "2"}
