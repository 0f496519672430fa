"""Security: passwords and profiles, certificates, events, logs, signed firmware, and the handshake."""

from typing import Any, Final

from api.security_schemas import EXAMPLES, HASH_CHARS, GetLog, SignedUpdateFirmware
from tests.certificates import CERTIFICATE, CSR
from tests.conformance.cases import scripted
from tests.conformance.charger import Json, stamp
from tests.conformance.world import CHARGER, COMMANDS, Place

ACCEPTED: Final = {"status": "Accepted"}
REJECTED: Final = {"status": "Rejected"}
NOT_AGREED: Final = 1002
NUMBER: Final = 18
NOT_PROVEN, NOT_ENOUGH = 401, 403


async def event(at: Place, kind: str) -> None:
    """Have the charger report a security event, which is confirmed and kept."""
    assert await at.charger.call("SecurityEventNotification", {"type": kind, "timestamp": at.charger.now()}) == {}


# --- passwords and profiles -------------------------------------------------------------------------------------------


@scripted
async def test_tc_073(at: Place) -> None:
    at.charger.password = old = await at.new_password()
    await at.boot()
    at.charger.forget("ChangeConfiguration")
    new = await at.new_password(sent=True)
    assert await at.charger.asked("ChangeConfiguration") == {"key": "AuthorizationKey", "value": new}
    assert new != old
    assert 16 <= len(bytes.fromhex(new)) <= 20
    await at.charger.drop()
    assert await at.charger.refused() == NOT_PROVEN, "the old one"
    at.charger.password = new
    await at.boot()


@scripted
async def test_tc_083(at: Place) -> None:
    at.charger.password = await at.new_password()
    await at.boot()
    at.charger.forget("ChangeConfiguration")
    body = {"key": "SecurityProfile", "value": "2"}
    await at.rest.post(f"{COMMANDS}/ChangeConfiguration", json=body)
    assert await at.charger.asked("ChangeConfiguration") == body
    await at.charger.drop()
    at.over_tls()
    await at.boot()
    assert await at.profile() == 2


@scripted
async def test_tc_085(at: Place) -> None:
    right = await at.new_password()
    for wrong in (None, "00" * 20, right[:-2]):
        at.charger.password = wrong
        assert await at.charger.refused() == NOT_PROVEN
    at.charger.password = right
    await at.boot()
    assert await at.profile() == 1


@scripted
async def test_tc_086(at: Place) -> None:
    right = await at.new_password()
    at.over_tls()
    for wrong in (None, "00" * 20):
        at.charger.password = wrong
        assert await at.charger.refused() == NOT_PROVEN
    at.charger.password = right
    await at.boot()
    assert await at.profile() == 2
    await at.charger.drop()
    at.charger.url, at.charger.tls = at.site.url, None
    assert await at.charger.refused() == NOT_ENOUGH, "without TLS no more (A05.FR.09)"


@scripted
async def test_tc_087(at: Place) -> None:
    at.charger.password = right = await at.new_password()
    at.over_tls(as_whom="ANOTHER")
    assert await at.charger.refused() == NOT_ENOUGH
    at.charger.password = None
    at.over_tls(as_whom=CHARGER)
    await at.boot()
    assert await at.profile() == 3
    await at.charger.drop()
    at.charger.password = right
    at.over_tls()
    assert await at.charger.refused() == NOT_ENOUGH, "without its certificate no more (A05.FR.09)"


# --- certificates -----------------------------------------------------------------------------------------------------


async def renewed(at: Place, answer: Json) -> str:
    """Have the charger ask for a new certificate of its own, and answer what it is sent; return what became of that."""
    at.charger.answers |= {"ExtendedTriggerMessage": ACCEPTED, "CertificateSigned": answer}
    wanted = {"requestedMessage": "SignChargePointCertificate"}
    told = await at.command("ExtendedTriggerMessage", wanted)
    assert (told.asked, told.state) == (wanted, "accepted")
    assert await at.charger.call("SignCertificate", {"csr": CSR}) == ACCEPTED
    shown = await at.ask("GET", f"/chargers/{CHARGER}")
    assert shown["certificateRequest"]["csr"] == CSR
    told = await at.command("CertificateSigned", {"certificateChain": CERTIFICATE})
    assert told.asked == {"certificateChain": CERTIFICATE}
    return told.state


@scripted
async def test_tc_074(at: Place) -> None:
    await at.boot()
    assert await renewed(at, ACCEPTED) == "accepted"
    assert "certificateRequest" not in await at.ask("GET", f"/chargers/{CHARGER}")


@scripted
async def test_tc_077(at: Place) -> None:
    await at.boot()
    assert await renewed(at, REJECTED) == "rejected"
    await event(at, "InvalidChargePointCertificate")
    assert "certificateRequest" in await at.ask("GET", f"/chargers/{CHARGER}")


def hashes(algorithm: str) -> Json:
    """Return what names a certificate, as a charger tells it."""
    digits = HASH_CHARS[algorithm]
    return {
        "hashAlgorithm": algorithm,
        "issuerNameHash": "9f1a" * (digits // 4),
        "issuerKeyHash": "4c07" * (digits // 4),
        "serialNumber": "3baf2486cc434ac6",
    }


async def install(at: Place, kind: str, answer: Json) -> str:
    """Have a root certificate installed, which is answered so; return what became of it."""
    at.charger.answers["InstallCertificate"] = answer
    body = {"certificateType": kind, "certificate": CERTIFICATE}
    told = await at.command("InstallCertificate", body)
    assert told.asked == body
    return told.state


async def installed(at: Place, kind: str, algorithm: str = "SHA256") -> Json:
    """Have the charger tell which root certificates it has: one; return what names that."""
    at.charger.answers["GetInstalledCertificateIds"] = {**ACCEPTED, "certificateHashData": [hashes(algorithm)]}
    told = await at.command("GetInstalledCertificateIds", {"certificateType": kind})
    assert (told.asked, told.state) == ({"certificateType": kind}, "accepted")
    (found,) = told.whole["certificateHashData"]
    assert found == hashes(algorithm)
    return dict(found)


@scripted
async def test_tc_075_1(at: Place) -> None:
    await at.boot()
    assert await install(at, "ManufacturerRootCertificate", ACCEPTED) == "accepted"
    await installed(at, "ManufacturerRootCertificate")


@scripted
async def test_tc_075_2(at: Place) -> None:
    await at.boot()
    assert await install(at, "CentralSystemRootCertificate", ACCEPTED) == "accepted"
    await installed(at, "CentralSystemRootCertificate")


@scripted
async def test_tc_076(at: Place) -> None:
    await at.boot()
    at.charger.answers["DeleteCertificate"] = ACCEPTED
    for algorithm in HASH_CHARS:
        assert await install(at, "CentralSystemRootCertificate", ACCEPTED) == "accepted"
        body = {"certificateHashData": await installed(at, "CentralSystemRootCertificate", algorithm)}
        told = await at.command("DeleteCertificate", body)
        assert (told.asked, told.state) == (body, "accepted")


@scripted
async def test_tc_078(at: Place) -> None:
    await at.boot()
    assert await install(at, "CentralSystemRootCertificate", REJECTED) == "rejected"
    await event(at, "InvalidCentralSystemCertificate")


# --- logs and firmware ------------------------------------------------------------------------------------------------


@scripted
async def test_tc_079(at: Place) -> None:
    await at.boot()
    at.charger.answers["GetLog"] = {**ACCEPTED, "filename": "security.log"}
    body: dict[str, Any] = {**EXAMPLES[GetLog], "logType": "SecurityLog", "requestId": NUMBER}
    told = await at.command("GetLog", body)
    assert (told.asked, told.state) == (body, "accepted")
    for status in ("Uploading", "Uploaded"):
        assert await at.outcome(told) == ("uploaded", "awaited")
        assert await at.charger.call("LogStatusNotification", {"status": status, "requestId": NUMBER}) == {}
    assert await at.outcome(told) == ("uploaded", "happened")


async def signed_firmware(at: Place, *statuses: str) -> str:
    """Have signed firmware installed, and the charger report these; return the id of the command."""
    at.charger.answers["SignedUpdateFirmware"] = ACCEPTED
    body: dict[str, Any] = {**EXAMPLES[SignedUpdateFirmware], "requestId": NUMBER}
    body["firmware"] = {**body["firmware"], "retrieveDateTime": stamp(at.clock.now_ms())}
    told = await at.command("SignedUpdateFirmware", body)
    assert (told.asked, told.state) == (body, "accepted")
    for status in statuses:
        await report_firmware(at, status)
    return told.command_id


async def report_firmware(at: Place, status: str) -> None:
    await at.wait(10)
    told = {"status": status, "requestId": NUMBER}
    assert await at.charger.call("SignedFirmwareStatusNotification", told) == {}


@scripted
async def test_tc_080(at: Place) -> None:
    await at.boot()
    statuses = ("Downloading", "Downloaded", "SignatureVerified", "Installing", "InstallRebooting")
    command_id = await signed_firmware(at, *statuses)
    assert await at.ended(command_id) == "awaited"
    await at.charger.drop()
    await at.wait(120)
    await at.charger.connect()
    assert (await at.charger.boot("2.0"))["status"] == "Accepted"
    await event(at, "FirmwareUpdated")
    await report_firmware(at, "Installed")
    assert await at.ended(command_id) == "happened"


@scripted
async def test_tc_081(at: Place) -> None:
    await at.boot()
    command_id = await signed_firmware(at, "Downloading", "Downloaded", "InvalidSignature")
    await event(at, "InvalidFirmwareSignature")
    assert await at.ended(command_id) == "failed"
    assert (await at.shown(command_id))["reason"] == "InvalidSignature"


# --- the handshake ----------------------------------------------------------------------------------------------------


@scripted
async def test_tc_088(at: Place) -> None:
    assert await at.charger.connect("ocpp2.0.1", "ocpp1.6") == "ocpp1.6"
    assert (await at.charger.boot())["status"] == "Accepted"
    await at.charger.drop()
    assert await at.charger.connect("ocpp2.0.1") is None
    assert await at.charger.closed() == NOT_AGREED
