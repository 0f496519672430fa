"""What operators' commands have left in a charger, by the durable ledger of commands (docs/adr/0033).

Of a certificate it counts whether it was there before. So each InstallCertificate is preceded by a
GetInstalledCertificateIds of this system's own for each use (`csms.core.commanding`), whose answers stay in the ledger
beside it: what they list is not ours, though an operator has sent it once more. For each use, because DeleteCertificate
names a certificate and no use. What a release has taken out is in the ledger, too (`csms.core.releasing`): whoever
installs it again after that is somebody else.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from csms.core.actions import body_of
from csms.core.certificates import Certificate, Named, named_as, named_in, read_certificate
from csms.core.records import CommandState, CommandStored
from csms.core.release import Installed, ReleaseStep, StepState, Trace

INSTALL, LISTS, DELETE, SIGNED = (
    "InstallCertificate",
    "GetInstalledCertificateIds",
    "DeleteCertificate",
    "CertificateSigned",
)

USES = ("CentralSystemRootCertificate", "ManufacturerRootCertificate")
SEND_LIST = "SendLocalList"

MAY_BE_DONE = frozenset({CommandState.ACCEPTED, CommandState.TIMED_OUT, CommandState.UNKNOWN})
UNANSWERED = frozenset({CommandState.TIMED_OUT, CommandState.UNKNOWN})


def changed_keys(commands: Iterable[CommandStored]) -> dict[str, str]:
    """Return the keys that operators' commands have set, each with the last value; the oldest command first."""
    bodies = (body_of(each) for each in commands if each.action == "ChangeConfiguration")
    return {body["key"]: body["value"] for body in bodies}


def counts(stored: CommandStored) -> bool:
    """Return whether a command may have left something, or tells something: that a list was not told does, too."""
    return stored.state in MAY_BE_DONE or stored.action == LISTS


def has_local_list(commands: Sequence[CommandStored]) -> bool:
    """Return whether a charger may have a local list by a command; the oldest command first."""
    newest = next((each for each in reversed(commands) if each.action == SEND_LIST), None)
    if newest is None or newest.state is not CommandState.ACCEPTED:
        return newest is not None
    body = body_of(newest)
    return body["updateType"] != "Full" or bool(body.get("localAuthorizationList"))


def unanswered_reservations(commands: Iterable[CommandStored]) -> dict[int, int]:
    """Return the reservations that may have been taken and were never answered: by id, until when, UTC ms."""
    bodies = (body_of(each) for each in commands if each.action == "ReserveNow" and each.state in UNANSWERED)
    until_ms: dict[int, int] = {}
    for body in bodies:
        number, ends_ms = body["reservationId"], int(datetime.fromisoformat(body["expiryDate"]).timestamp() * 1_000)
        until_ms[number] = max(ends_ms, until_ms.get(number, ends_ms))
    return until_ms


def certificates(commands: Sequence[CommandStored]) -> tuple[ReleaseStep, ...]:
    """Return a step for each certificate that a charger has by an operator's command, or lacks; any order."""
    walk = _Walk()
    in_order = sorted(commands, key=lambda each: (each.sent_ms or each.asked_ms, each.action != LISTS))
    for each in in_order:
        walk.go(each)
    return (*walk.ours.values(), *walk.deleted.values(), *walk.own)


@dataclass(slots=True)
class _Walk:
    """Goes through the commands of a charger, the oldest first.

    Attributes:
        listed: what it said last that it has, by use; a use whose list was asked for in vain is not in it.
        ours: what was sent to it and not there before, by use and text.
        deleted: what was there before and was deleted by a command.
        own: of the charger itself.
    """

    listed: dict[str, tuple[Named, ...]] = field(default_factory=dict)
    ours: dict[tuple[str, str], ReleaseStep] = field(default_factory=dict)
    deleted: dict[Named, ReleaseStep] = field(default_factory=dict)
    own: tuple[ReleaseStep, ...] = ()

    def go(self, stored: CommandStored) -> None:
        body = body_of(stored)
        if stored.action == LISTS:
            self._list(body["certificateType"], stored)
        elif stored.action == INSTALL:
            self._install(body["certificateType"], body["certificate"])
        elif stored.action == DELETE and stored.state is CommandState.ACCEPTED:
            self._delete(named_as(body["certificateHashData"]))
        elif stored.action == SIGNED:
            detail = "a certificate of its own was sent to it, which no message takes away"
            self.own = (ReleaseStep(Trace.CERTIFICATE, "ChargePointCertificate", None, StepState.NOT_UNDONE, detail),)

    def _list(self, use: str, stored: CommandStored) -> None:
        self.listed.pop(use, None)
        if stored.state is not CommandState.ACCEPTED:
            return
        told = [] if stored.answer == "NotFound" else json.loads(stored.answer_json or "{}").get("certificateHashData")
        found = named_in(told)
        if found is not None:
            self.listed[use] = found

    def _install(self, use: str, pem: str) -> None:
        if (use, pem) in self.ours:
            return
        certificate = read_certificate(pem)
        if certificate is not None:
            self.deleted = {named: step for named, step in self.deleted.items() if not certificate.is_called(named)}
        name = use if certificate is None else f"{use} {certificate.serial:x}"
        if certificate is None or not self.listed.keys() >= {use, *USES}:
            detail = "an operator has installed it; whether it was there before was never read"
            self.ours[use, pem] = ReleaseStep(Trace.CERTIFICATE, name, None, StepState.NOT_UNDONE, detail)
        elif any(self._has(other, certificate) and (other, pem) not in self.ours for other in {*USES} - {use}):
            detail = "it was there for another use before, and is deleted for both or for none"
            self.ours[use, pem] = ReleaseStep(Trace.CERTIFICATE, name, None, StepState.NOT_UNDONE, detail)
        elif not self._has(use, certificate):
            before = self.listed[use]
            self.ours[use, pem] = ReleaseStep(Trace.CERTIFICATE, name, installed=Installed(use, pem, before))

    def _has(self, use: str, certificate: Certificate) -> bool:
        return any(certificate.is_called(named) for named in self.listed[use])

    def _delete(self, named: Named | None) -> None:
        if named is None:
            return
        self.listed = {use: tuple(each for each in has if each != named) for use, has in self.listed.items()}
        ours = [place for place in self.ours if _is_called(read_certificate(place[1]), named)]
        for place in ours:
            del self.ours[place]
        if not ours:
            detail = "an operator has deleted it; OCPP cannot read a certificate, so nobody has it to put it back"
            self.deleted[named] = ReleaseStep(
                Trace.CERTIFICATE, named.serial_number, None, StepState.NOT_UNDONE, detail
            )


def _is_called(certificate: Certificate | None, named: Named) -> bool:
    return certificate is not None and certificate.is_called(named)
