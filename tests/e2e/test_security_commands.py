"""The actions of the security whitepaper over real sockets, each to its end, and a server that is killed in between.

The simulated charger answers honestly; what no honest charger does, one played by hand does.
"""

from pathlib import Path
from typing import Any

import pytest

from api.command_schemas import EXAMPLES, UpdateFirmware
from api.security_schemas import CERTIFICATE, DeleteCertificate, GetLog, SignedUpdateFirmware
from simulators.certificates import CSR
from tests.e2e.chargers import HandCharger, SimulatedCharger, by_hand, simulated
from tests.e2e.programs import Server, charger, serving, station, until

pytestmark = pytest.mark.e2e

STATION = station(400, charger("CP001", 100), charger("CP002", 100, connectors=1))
ROOT = {"certificateType": "CentralSystemRootCertificate"}
CHAIN = {"certificateChain": CERTIFICATE}
LOG: dict[str, Any] = EXAMPLES[GetLog]
SIGNED: dict[str, Any] = EXAMPLES[SignedUpdateFirmware]
NOW = "2026-01-01T00:00:00Z"
"""Over, so that nothing waits for it."""


async def ask(
    server: Server, charger_id: str, action: str, body: object, *, status: int = 200, wait: int = 30
) -> dict[str, Any]:
    """Ask for a command and return it, or the problem."""
    answer = await server.post(f"/chargers/{charger_id}/commands/{action}", body, wait=str(wait))
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    shown: dict[str, Any] = found.get("command", found)
    return shown


def ended(command: dict[str, Any]) -> tuple[str, str | None, str | None]:
    """Return what was awaited, how that ended and why, of a command that was accepted."""
    assert command["state"] == "accepted", command
    return command["outcome"]["what"], command["outcome"]["state"], command.get("reason")


async def request_of(server: Server, charger_id: str) -> str | None:
    """Return what a charger is shown to want to have signed; its notice stands as long as that."""
    shown = await server.get(f"/chargers/{charger_id}")
    csr: str | None = shown.get("certificateRequest", {}).get("csr")
    assert ("certificate_requested" in {alarm["kind"] for alarm in shown["alarms"]}) is (csr is not None)
    return csr


async def came_to(server: Server, command: dict[str, Any], *, outcome: str, reason: str | None) -> None:
    async def look() -> bool:
        shown = (await server.get(f"/commands/{command['id']}"))["command"]
        return ended(shown)[1:] == (outcome, reason)

    await until(look, f"{outcome} of {command}")


async def booted_with(server: Server, cars: SimulatedCharger, version: str) -> None:
    """Wait until the charger is back with that firmware, and may be asked for something again."""

    async def look() -> bool:
        shown = (await server.get("/chargers/CP001"))["charger"]
        return shown["boot"]["firmwareVersion"] == version and "connection" in shown and shown["provisioned"]

    await until(look, cars.story)


async def heard(hand: HandCharger) -> None:
    """Have the charger accepted, and everything that the server wants of it first asked for."""
    await hand.boot()
    await hand.asked("SetChargingProfile")


async def certificates(server: Server, cars: SimulatedCharger) -> None:
    """Install a root, find it, delete it twice; ask for a request, find it, send what was signed."""
    listed = await ask(server, "CP001", "GetInstalledCertificateIds", ROOT)
    assert (listed["state"], listed["answer"]) == ("accepted", "NotFound")
    installed = await ask(server, "CP001", "InstallCertificate", ROOT | {"certificate": CERTIFICATE})
    assert installed["state"] == "accepted"
    assert cars.received("InstallCertificate")[-1].payload["certificate"] == CERTIFICATE
    listed = await ask(server, "CP001", "GetInstalledCertificateIds", ROOT)
    (named,) = listed["answerBody"]["certificateHashData"]
    deleted = await ask(server, "CP001", "DeleteCertificate", {"certificateHashData": named})
    assert deleted["state"] == "accepted"
    deleted = await ask(server, "CP001", "DeleteCertificate", {"certificateHashData": named})
    assert (deleted["state"], deleted["answer"]) == ("rejected", "NotFound")
    refused = await ask(server, "CP001", "CertificateSigned", CHAIN)
    assert refused["state"] == "rejected", "it has asked for none"
    trigger = {"requestedMessage": "SignChargePointCertificate"}
    assert (await ask(server, "CP001", "ExtendedTriggerMessage", trigger))["state"] == "accepted"
    await until(lambda: cars.answered("SignCertificate"), cars.story)
    assert await request_of(server, "CP001") == CSR
    assert (await ask(server, "CP001", "CertificateSigned", CHAIN))["state"] == "accepted"
    assert await request_of(server, "CP001") is None


async def logs_and_firmware(server: Server, cars: SimulatedCharger) -> None:
    """Have a log uploaded, wrong firmware refused, and firmware of both kinds installed and booted."""
    assert ended(await ask(server, "CP001", "GetLog", LOG)) == ("uploaded", "happened", None)
    firmware = SIGNED["firmware"] | {"retrieveDateTime": NOW}
    bad = SIGNED | {"firmware": firmware | {"signature": "AAAA"}}
    found = await ask(server, "CP001", "SignedUpdateFirmware", bad)
    assert ended(found) == ("installed", "failed", "InvalidSignature")
    await until(lambda: cars.answered("SecurityEventNotification") == 2, cars.story)
    found = await ask(server, "CP001", "SignedUpdateFirmware", SIGNED | {"firmware": firmware})
    assert ended(found) == ("installed", "happened", None)
    assert cars.received("SignedUpdateFirmware")[-1].payload == SIGNED | {"firmware": firmware}
    await booted_with(server, cars, "fw-2.1")
    plain = EXAMPLES[UpdateFirmware] | {"location": "https://files.example/fw-2.2.bin", "retrieveDate": NOW}
    found = await ask(server, "CP001", "UpdateFirmware", plain)
    assert ended(found) == ("installed", "happened", None)
    await booted_with(server, cars, "fw-2.2")


async def what_no_honest_charger_does(server: Server) -> None:
    """Be told no, an error, nothing, and ends that are none."""
    offline = await ask(server, "CP002", "GetLog", LOG, status=503)
    assert offline["title"] == "Charger offline"
    answers: dict[str, Any] = {
        "ExtendedTriggerMessage": "NotSupported",
        "GetInstalledCertificateIds": "NotImplemented",
        "InstallCertificate": {"status": "Rejected"},
        "DeleteCertificate": "InternalError",
        "GetLog": {"status": "Accepted", "filename": "log.txt"},
        "SignedUpdateFirmware": {"status": "RevokedCertificate"},
        "CertificateSigned": None,
    }
    async with by_hand(server.ocpp_url, "CP002", answers) as hand:
        await heard(hand)
        for action, state, answer in (
            ("ExtendedTriggerMessage", "not_supported", "NotSupported"),
            ("GetInstalledCertificateIds", "not_supported", "NotImplemented"),
            ("DeleteCertificate", "failed", "InternalError"),
            ("InstallCertificate", "rejected", "Rejected"),
            ("SignedUpdateFirmware", "rejected", "RevokedCertificate"),
        ):
            example = next(body for model, body in EXAMPLES.items() if model.__name__ == action)
            found = await ask(server, "CP002", action, example)
            assert (found["state"], found["answer"]) == (state, answer)
        waiting = await ask(server, "CP002", "GetLog", LOG, status=202, wait=0)
        await hand.asked("GetLog")
        refused = await ask(server, "CP002", "GetLog", LOG, status=409)
        assert refused["detail"] == "Another GetLog of that requestId has not come to its end at this charger."
        for number, word in ((99, "Uploaded"), (LOG["requestId"], "PermissionDenied")):
            assert await hand.call("LogStatusNotification", {"status": word, "requestId": number}) == {}
        await came_to(server, waiting, outcome="failed", reason="PermissionDenied")
        assert await hand.call("SignCertificate", {"csr": "nothing"}) == {"status": "Rejected"}
        assert await request_of(server, "CP002") is None
        silent = await ask(server, "CP002", "CertificateSigned", CHAIN)
        assert silent["state"] == "timed_out"


async def test_every_action_to_its_end(tmp_path: Path) -> None:
    async with serving(tmp_path, config=STATION) as server:
        async with simulated(server.ocpp_url, "CP001") as cars:
            await cars.provisioned()
            await certificates(server, cars)
            await logs_and_firmware(server, cars)
        await what_no_honest_charger_does(server)


async def test_a_server_that_is_killed_follows_what_was_accepted_and_keeps_what_waits(tmp_path: Path) -> None:
    answers: dict[str, Any] = {
        "GetLog": {"status": "Accepted", "filename": "log.txt"},
        "DeleteCertificate": None,
        "CertificateSigned": {"status": "Accepted"},
    }
    async with serving(tmp_path, config=STATION) as server, by_hand(server.ocpp_url, "CP002", answers) as hand:
        await heard(hand)
        assert await hand.call("SignCertificate", {"csr": CSR}) == {"status": "Accepted"}
        log = await ask(server, "CP002", "GetLog", LOG, status=202, wait=0)
        await hand.asked("GetLog")
        assert await hand.call("LogStatusNotification", {"status": "Uploading", "requestId": LOG["requestId"]}) == {}
        await came_to(server, log, outcome="awaited", reason=None)
        lost = await ask(server, "CP002", "DeleteCertificate", EXAMPLES[DeleteCertificate], status=202, wait=0)
        await hand.asked("DeleteCertificate")
        server.kill_now()
        await server.wait()
    async with serving(tmp_path, config=None) as server, by_hand(server.ocpp_url, "CP002", answers) as hand:
        await heard(hand)
        assert (await server.get(f"/commands/{lost['id']}"))["command"]["state"] == "unknown"
        assert await hand.call("LogStatusNotification", {"status": "Uploaded", "requestId": LOG["requestId"]}) == {}
        await came_to(server, log, outcome="happened", reason=None)
        assert await request_of(server, "CP002") == CSR
        assert (await ask(server, "CP002", "CertificateSigned", CHAIN))["state"] == "accepted"
        assert await request_of(server, "CP002") is None
        assert {name for name, _ in hand.received} & {"GetLog", "DeleteCertificate"} == set()
