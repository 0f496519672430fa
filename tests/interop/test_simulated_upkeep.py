"""Firmware, logs and certificates of the simulated charger, against the small central system of its other tests."""

from typing import Any

import pytest
from ocpp.v16 import call  # type: ignore[import-untyped]

from simulators.cars import flat_car
from simulators.certificates import CSR
from tests.certificates import CERTIFICATE
from tests.interop.test_simulated_charger import DC, Bench, bench

SIGNATURE = "AAAA" * 16
TIME = "2023-11-14T00:00:00Z"
"""Over already, on the test's clock."""
FIRMWARE = {
    "location": "https://files.example/fw-2.1.bin?x=1",
    "retrieve_date_time": TIME,
    "signing_certificate": CERTIFICATE,
    "signature": SIGNATURE,
}
ROOT = "CentralSystemRootCertificate"


def said(b: Bench, action: str) -> list[Any]:
    return [payload["status"] for payload in b.log.of(action)]


async def booted(b: Bench) -> None:
    """Let the charger go away, and come back."""
    await b.closed.get()
    await b.reconnected()


def signed(number: int = 7, **changes: str) -> Any:
    return call.SignedUpdateFirmware(request_id=number, firmware=FIRMWARE | changes)


async def test_firmware_is_fetched_installed_and_booted() -> None:
    async with bench(DC) as b:
        await b.ask(call.UpdateFirmware(location="ftp://files.example/dir/fw-2.0.bin", retrieve_date=TIME))
        await b.run(2.5)
        assert said(b, "FirmwareStatusNotification") == ["Downloading", "Downloaded", "Installing", "Installed"]
        await booted(b)
        assert [boot["firmware_version"] for boot in b.log.of("BootNotification")] == ["1.0", "fw-2.0"]


async def test_signed_firmware_waits_for_the_car() -> None:
    async with bench(DC) as b:
        await b.start(flat_car(150_000), target_wh=500)
        assert (await b.ask(signed())).status == "Accepted"
        await b.run(5)
        before = ["Downloading", "Downloaded", "SignatureVerified"]
        assert said(b, "SignedFirmwareStatusNotification") == before
        trigger = call.ExtendedTriggerMessage(requested_message="FirmwareStatusNotification")
        assert (await b.ask(trigger)).status == "Accepted"
        assert b.log.of("SignedFirmwareStatusNotification")[-1] == {"status": "SignatureVerified", "request_id": 7}
        await b.run(30)
        assert b.log.of("StopTransaction")[0]["reason"] == "Local"
        assert said(b, "SignedFirmwareStatusNotification")[4:] == ["Installing", "Installed"]
        assert {payload["request_id"] for payload in b.log.of("SignedFirmwareStatusNotification")} == {7}
        await booted(b)
        assert b.log.of("BootNotification")[-1]["firmware_version"] == "fw-2.1"


async def test_signed_firmware_keeps_its_times() -> None:
    async with bench(DC) as b:
        fetched, installed = "2023-11-14T22:14:00Z", "2023-11-14T22:15:00+00:00"
        await b.ask(signed(retrieve_date_time=fetched, install_date_time=installed))
        await b.run(30)
        assert said(b, "SignedFirmwareStatusNotification") == ["DownloadScheduled"]
        await b.run(30)
        assert said(b, "SignedFirmwareStatusNotification")[1:] == [
            "Downloading",
            "Downloaded",
            "SignatureVerified",
            "InstallScheduled",
        ]
        await b.run(50)
        assert said(b, "SignedFirmwareStatusNotification")[5:] == ["Installing", "Installed"]


async def test_firmware_that_is_not_taken() -> None:
    async with bench(DC) as b:
        assert (await b.ask(signed(signing_certificate="x"))).status == "InvalidCertificate"
        assert [event["type"] for event in b.log.of("SecurityEventNotification")] == [
            "InvalidFirmwareSigningCertificate"
        ]
        assert (await b.ask(signed(signature="AAAA"))).status == "Accepted"
        await b.run(5)
        assert said(b, "SignedFirmwareStatusNotification") == ["Downloading", "Downloaded", "InvalidSignature"]
        assert b.log.of("SecurityEventNotification")[-1]["type"] == "InvalidFirmwareSignature"
        trigger = call.ExtendedTriggerMessage(requested_message="FirmwareStatusNotification")
        await b.ask(trigger)
        assert b.log.of("SignedFirmwareStatusNotification")[-1] == {"status": "Idle"}
        assert len(b.log.of("BootNotification")) == 1


async def test_a_new_request_cancels_the_one_under_way_until_it_is_installing() -> None:
    async with bench(DC) as b:
        assert (await b.ask(signed(1))).status == "Accepted"
        assert (await b.ask(signed(2))).status == "AcceptedCanceled"
        await b.run(2)
        assert said(b, "SignedFirmwareStatusNotification")[-1] == "Installing"
        assert (await b.ask(signed(3))).status == "Rejected"
        assert {payload["request_id"] for payload in b.log.of("SignedFirmwareStatusNotification")} == {2}


async def test_logs_are_uploaded() -> None:
    async with bench(DC) as b:
        log = {"remote_location": "ftp://files.example/"}
        trigger = call.ExtendedTriggerMessage(requested_message="LogStatusNotification")
        await b.ask(trigger)
        assert b.log.of("LogStatusNotification") == [{"status": "Idle"}]
        answer = await b.ask(call.GetLog(log=log, log_type="SecurityLog", request_id=1))
        assert (answer.status, answer.filename) == ("Accepted", "SecurityLog-1.txt")
        assert (await b.ask(call.GetLog(log=log, log_type="DiagnosticsLog", request_id=2))).status == "AcceptedCanceled"
        await b.run(0.5)
        await b.ask(trigger)
        await b.run(2)
        assert b.log.of("LogStatusNotification")[1:] == [
            {"status": "Uploading", "request_id": 2},
            {"status": "Uploading", "request_id": 2},
            {"status": "Uploaded", "request_id": 2},
        ]


async def test_a_certificate_of_its_own_is_asked_for_and_taken() -> None:
    async with bench(DC) as b:
        assert (await b.ask(call.CertificateSigned(certificate_chain=CERTIFICATE))).status == "Rejected"
        assert b.log.of("SecurityEventNotification")[0]["type"] == "InvalidChargePointCertificate"
        trigger = call.ExtendedTriggerMessage(requested_message="SignChargePointCertificate")
        assert (await b.ask(trigger)).status == "Accepted"
        assert b.log.of("SignCertificate") == [{"csr": CSR}]
        assert (await b.ask(call.CertificateSigned(certificate_chain="x"))).status == "Rejected"
        assert (await b.ask(call.CertificateSigned(certificate_chain=CERTIFICATE))).status == "Accepted"


async def test_roots_are_installed_listed_and_deleted() -> None:
    async with bench(DC) as b:
        ids = call.GetInstalledCertificateIds(certificate_type=ROOT)
        assert (await b.ask(ids)).status == "NotFound"
        install = call.InstallCertificate
        assert (await b.ask(install(certificate_type=ROOT, certificate="x"))).status == "Rejected"
        assert (await b.ask(install(certificate_type=ROOT, certificate=CERTIFICATE))).status == "Accepted"
        listed = await b.ask(ids)
        assert (listed.status, len(listed.certificate_hash_data)) == ("Accepted", 1)
        other = call.GetInstalledCertificateIds(certificate_type="ManufacturerRootCertificate")
        assert (await b.ask(other)).status == "NotFound"
        delete = call.DeleteCertificate(certificate_hash_data=listed.certificate_hash_data[0])
        assert (await b.ask(delete)).status == "Accepted"
        assert (await b.ask(delete)).status == "NotFound"


@pytest.mark.parametrize("requested", ["Heartbeat", "StatusNotification", "MeterValues", "BootNotification"])
async def test_an_extended_trigger_is_a_trigger(requested: str) -> None:
    async with bench(DC) as b:
        del b.log.messages[:]
        answer = await b.ask(call.ExtendedTriggerMessage(requested_message=requested))
        assert answer.status == ("Rejected" if requested == "BootNotification" else "Accepted")
        assert set(b.log.actions()) == ({requested} - {"BootNotification"})
