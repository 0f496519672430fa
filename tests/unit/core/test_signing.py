"""A charger's request for a certificate: kept until one was accepted, shown, and told to an operator."""

import json
from typing import Any

from csms.core.commands import Operate
from csms.core.events import CertificateRequested, CommandAnswered, CommandRequested
from csms.core.ids import ChargerId, CommandId, RequestId
from csms.core.records import CertificateRequest
from csms.core.replies import Confirmed, Refusal, Refused
from tests.unit.core.driving import Drive, charger, station

CP = ChargerId("CP001")
NOTICE = "certificate_requested:CP001"


def drive() -> Drive:
    made = Drive(station(400, charger("CP001", 100)))
    made.bring_up("CP001")
    made.take()
    return made


def ask(made: Drive, csr: str = "CSR") -> None:
    request = RequestId(made.number())
    made.do(CertificateRequested(CP, csr, request))
    assert made.outcomes[request] == Confirmed()


def send_certificate(made: Drive) -> Operate:
    """Have an operator send one; return the call."""
    request = RequestId(made.number())
    body = json.dumps({"certificateChain": "PEM"})
    made.do(CommandRequested(request, CommandId(f"c{request}"), CP, "CertificateSigned", body, "test"))
    (call,) = [command for command in made.take() if isinstance(command, Operate)]
    return call


def answer(made: Drive, call: Operate, status: str) -> None:
    made.do(CommandAnswered(call.token, status, json.dumps({"status": status})))


def wanted(made: Drive) -> Any:
    """Return what the charger is shown to want, which is what is durable."""
    view = made.engine.all_changes().chargers[CP]
    assert view is not None
    shown = view.certificate_request
    assert made.memory.chargers[CP].certificate_request == shown
    return shown


def test_it_waits_until_a_certificate_is_accepted() -> None:
    made = drive()
    assert wanted(made) is None
    ask(made)
    assert wanted(made) == CertificateRequest("CSR", made.now.wall_ms)
    assert NOTICE in made.notices()
    answer(made, send_certificate(made), "Rejected")
    assert wanted(made) is not None
    made.time_out(send_certificate(made))
    assert wanted(made) is not None
    answer(made, send_certificate(made), "Accepted")
    assert wanted(made) is None
    assert NOTICE not in made.notices()


def test_the_newest_one_counts() -> None:
    made = drive()
    ask(made, "older")
    made.wait(1)
    call = send_certificate(made)
    made.wait(1)
    ask(made, "newer")
    answer(made, call, "Accepted")
    assert wanted(made) == CertificateRequest("newer", made.now.wall_ms)


def test_it_outlives_this_process() -> None:
    made = drive()
    ask(made)
    before = wanted(made)
    made.recover()
    assert wanted(made) == before
    assert NOTICE in made.notices()


def test_a_certificate_that_nobody_asked_for_may_be_sent() -> None:
    made = drive()
    answer(made, send_certificate(made), "Accepted")
    assert wanted(made) is None


def test_of_a_charger_that_is_gone_nothing_is_kept() -> None:
    made = drive()
    request = RequestId(made.number())
    made.do(CertificateRequested(ChargerId("CP009"), "CSR", request))
    outcome = made.outcomes[request]
    assert isinstance(outcome, Refused)
    assert outcome.refusal is Refusal.UNKNOWN_CHARGER
