"""What a release takes out of a charger by the ledger of commands: which certificates are ours, which were there."""

import json
from collections.abc import Mapping

import pytest

from csms.core.ids import ChargerId, CommandId
from csms.core.leaving import certificates, changed_keys, counts, has_local_list, unanswered_reservations
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
OTHER_USE = "deleted for both or for none"


@pytest.mark.parametrize(
    ("caption", "commands", "found"),
    [
        ("nothing", [], []),
        ("nothing was there", [look(1), install(2)], [(f"{CSMS} f2", OURS)]),
        ("in one instant", [install(1), look(1)], [(f"{CSMS} f2", OURS)]),
        ("another was there", [look(1, ANOTHER), install(2)], [(f"{CSMS} f2", OURS)]),
        ("it was there before", [look(1, ROOT_2), install(2)], []),
        (
            "it was there under another use",
            [look(1, ROOT_2, use=MAKER), look(2), install(3)],
            [(f"{CSMS} f2", OTHER_USE)],
        ),
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
    looked = look(0, use=MAKER)
    for given in ([looked, *commands], [*commands[::-1], looked]):
        steps = certificates(given)
        assert [step.name for step in steps] == [name for name, _ in found], caption
        for step, (_, said) in zip(steps, found, strict=True):
            is_asked = said == OURS
            assert (step.state is StepState.OPEN, step.installed is not None) == (is_asked, is_asked)
            assert is_asked or said in step.detail


def test_what_was_there_before_is_kept_with_it() -> None:
    (step,) = certificates([look(0, use=MAKER), look(1, ANOTHER), install(2)])
    assert step.installed is not None
    assert (step.installed.use, step.installed.pem) == (CSMS, OTHER_ROOT)
    assert [named.serial_number for named in step.installed.before] == ["77"]


def test_a_list_without_a_list_tells_nothing() -> None:
    mute = command(1, "GetInstalledCertificateIds", {"certificateType": CSMS})
    assert [step.state for step in certificates([look(0, use=MAKER), mute, install(2)])] == [StepState.NOT_UNDONE]


def test_each_use_has_to_be_read_because_a_deletion_names_none() -> None:
    assert [step.state for step in certificates([look(1), install(2)])] == [StepState.NOT_UNDONE]
    both = [look(0, use=MAKER), look(1), install(2), look(3, ROOT_2), look(4, use=MAKER), install(5, use=MAKER)]
    assert [step.name for step in certificates(both) if step.state is StepState.OPEN] == [f"{CSMS} f2", f"{MAKER} f2"]


def test_what_a_release_has_deleted_is_not_ours_when_somebody_else_installs_it() -> None:
    ours = [look(0, use=MAKER), look(1), install(2)]
    released = [*ours, delete(3, ROOT_2)]
    assert (len(certificates(ours)), certificates(released)) == (1, ())
    found_there = [*released, look(4, use=MAKER), look(5, ROOT_2), install(6)]
    assert certificates(found_there) == ()


def test_a_list_that_was_not_told_counts_though_its_command_was_not_carried_out() -> None:
    refused = look(1, state=CommandState.NOT_SUPPORTED)
    assert counts(refused)
    assert counts(install(2))
    assert counts(install(2, state=UNKNOWN))
    assert not counts(install(2, state=CommandState.REJECTED))
    given = [look(0, use=MAKER), look(0), refused, install(2)]
    (step,) = certificates([each for each in given if counts(each)])
    assert (step.state, UNREAD in step.detail) == (StepState.NOT_UNDONE, True)


def send_list(at: int, kind: str, tags: int, state: CommandState = ACCEPTED) -> CommandStored:
    entries = [{"idTag": f"T{number}"} for number in range(tags)]
    body = {"listVersion": at, "updateType": kind, "localAuthorizationList": entries}
    return command(at, "SendLocalList", body, state)


@pytest.mark.parametrize(
    ("caption", "commands"),
    [
        ("no list", []),
        ("no list", [send_list(1, "Full", 2), send_list(2, "Full", 0)]),
        ("a list", [send_list(1, "Full", 2)]),
        ("a list, for it was changed", [send_list(1, "Full", 0), send_list(2, "Differential", 0)]),
        ("a list, for it may not have been emptied", [send_list(1, "Full", 2), send_list(2, "Full", 0, TIMED_OUT)]),
        ("a list, whatever came later", [send_list(1, "Full", 2), install(2)]),
    ],
)
def test_whether_it_may_have_a_local_list(caption: str, commands: list[CommandStored]) -> None:
    assert has_local_list(commands) is caption.startswith("a list"), caption


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
